"""Statistics of one set of features against another: pure functions of (n, d) arrays, one file each.

No images and no models here. Features are what an extractor made of images (`reverie.measure.extractor`); metrics that
take these numbers of a model are in `reverie.measure.metrics`.
"""
