"""The studio: a local server, and the pages that it serves. `app.py` puts it together; nothing here trains.

Trainings are processes of their own; the studio starts them, tails their run folders and survives them, as they it.
"""
