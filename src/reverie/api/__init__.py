"""Use cases: the only package that sees every part. The command line and the studio call these and nothing below.

What is not here: mathematics (families), the loop (train), metrics (measure), pictures (ship).
"""

from reverie.api.adopting import adopt
from reverie.api.bakeoff import bakeoff
from reverie.api.choosing import choose
from reverie.api.comparing import compare
from reverie.api.demo import demo
from reverie.api.diagnosing import diagnose
from reverie.api.looking import describe_data, info, prepare_data, runs, show
from reverie.api.training import fit, new_folder, recipe, resume, train
from reverie.api.treating import treat
from reverie.api.using import interpolate, load, measure, sample

__all__ = [
    "adopt",
    "bakeoff",
    "choose",
    "compare",
    "demo",
    "describe_data",
    "diagnose",
    "fit",
    "info",
    "interpolate",
    "load",
    "measure",
    "new_folder",
    "prepare_data",
    "recipe",
    "resume",
    "runs",
    "sample",
    "show",
    "train",
    "treat",
]
