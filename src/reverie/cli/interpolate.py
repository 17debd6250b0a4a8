"""`reverie interpolate`."""

from pathlib import Path
from typing import Annotated

import typer

from reverie.cli.console import put, writing
from reverie.core.errors import UsageError

EXAMPLES = """\b
Examples:
  reverie interpolate runs/faces 3 14
  reverie interpolate runs/faces held-out:0 held-out:1 --steps 12 -o morph.png
  reverie interpolate runs/faces me.jpg you.jpg"""


def register(app: typer.Typer) -> None:
    """Adds the verb to the command line."""
    app.command("interpolate", epilog=EXAMPLES)(interpolate)


def interpolate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    a: Annotated[str, typer.Argument(metavar="A", help="A seed, an image file, or held-out:NUMBER.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Likewise.")],
    steps: Annotated[int, typer.Option(min=2, help="Images, both ends included.")] = 9,
    method: Annotated[str, typer.Option(help="slerp (great circle) or lerp (straight line).")] = "slerp",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The .png file.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Morph one image into another.

    The images lie along a path between the latents of the two.
    """
    if method not in ("slerp", "lerp"):
        raise UsageError(f"--method: must be slerp or lerp, got {method!r}.")
    place = output or Path(f"{run.resolve().name}-morph.png")
    if place.suffix.lower() != ".png":
        raise UsageError(f"-o {place}: must end in .png.")
    from reverie import api
    from reverie.ship import sheet

    chosen = "slerp" if method == "slerp" else "lerp"
    images = api.interpolate(run, a, b, steps=steps, method=chosen, device=device)
    with writing(place):
        sheet.save(sheet.strip(images), place)
    put(str(place))
