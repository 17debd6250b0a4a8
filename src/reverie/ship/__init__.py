"""What leaves the workbench: sheets of images, the model card, and the report in one HTML file.

Nothing here trains or measures: it shows what a run folder says and what `reverie.api` hands over.
"""
