"""The command line: one file per verb, each calling `reverie.api`.

Nothing here computes. Modules import torch, numpy and the api inside the commands, so that `--help` is quick.
"""

from reverie.cli.main import app, main

__all__ = ["app", "main"]
