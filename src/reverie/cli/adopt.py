"""`reverie adopt`."""

from pathlib import Path
from typing import Annotated

import typer

from reverie.cli.console import put, say

EXAMPLES = "\b\nExample:\n  reverie adopt dinov2-s14 photos/ --weights-dir weights --run runs/dinov2"


def register(app: typer.Typer) -> None:
    """Adds the verb to the command line."""
    app.command("adopt", epilog=EXAMPLES)(adopt)


def adopt(
    encoder: Annotated[str, typer.Argument(metavar="ENCODER", help="dinov2-s14 or dinov2-b14.")],
    data: Annotated[str, typer.Argument(metavar="DATA", help="The images that it will be asked about.")],
    run: Annotated[Path | None, typer.Option(metavar="DIR", help="The run folder; left out: under runs/.")] = None,
    weights_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Holds ENCODER/model.safetensors, from the Hugging Face hub.")
    ] = None,
    size: Annotated[int | None, typer.Option(metavar="PIXELS", help="Side of the images.")] = None,
) -> None:
    """Make a run of a frozen encoder that others trained.

    It can be measured, compared and used like an encoder of your own. Nothing is downloaded.
    """
    from reverie import api

    here = api.adopt(
        encoder, data, run=run, weights_dir=weights_dir, settings={} if size is None else {"data.size": size}
    )
    say(f"{here.path}: written. How well it tells labels apart: `reverie measure {here.path} --probe`.")
    put(str(here.path))
