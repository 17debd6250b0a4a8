"""Extractors, one file each; `reverie.measure.extractor` says what one is and finds them by name."""
