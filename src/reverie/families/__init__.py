"""Ways to model images, one folder each; `reverie.core.family` finds them by listing this package."""
