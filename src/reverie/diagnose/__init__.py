"""The doctor: symptoms looked for in a run's record. `engine.py` finds and orders them, `watch.py` listens meanwhile.

What is not here: what a healthy number is (the probes measure that), and treatment (`reverie.api.treating`).
"""
