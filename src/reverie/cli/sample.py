"""`reverie sample`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reverie.cli.console import put, say, writing
from reverie.cli.progress import Counter

if TYPE_CHECKING:
    from torch import Tensor

EXAMPLES = (
    "\b\nExamples:\n  reverie sample runs/digits -n 100 -o digits.png\n  reverie sample runs/digits -n 5000 -o out/"
)


def register(app: typer.Typer) -> None:
    """Adds the verb to the command line."""
    app.command("sample", epilog=EXAMPLES)(sample)


def sample(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    n: Annotated[int, typer.Option("-n", "--num", min=1, help="How many images.")] = 64,
    seed: Annotated[int, typer.Option(min=0, help="The first image's seed; image i has seed + i.")] = 0,
    label: Annotated[str | None, typer.Option(help="The class, by name or number, of a conditional model.")] = None,
    truncation: Annotated[float, typer.Option(min=0, help="1 is the whole variety; less is more typical.")] = 1.0,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A .png for one sheet, or a folder for one file an image.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Draw new images.

    One sheet, or one file each. An image depends on its seed alone, not on how many are drawn with it.
    """
    from reverie import api
    from reverie.ship import sheet

    place = output or Path(f"{run.resolve().name}-samples.png")
    images = api.sample(run, n, seed=seed, label=label, truncation=truncation, device=device)
    with writing(place):
        if place.suffix.lower() == ".png":
            sheet.save(sheet.grid(images), place)
        else:
            _save_each(images, place, seed)
    say(f"{n:,} image{'' if n == 1 else 's'} from seed {seed}:")
    put(str(place))


def _save_each(images: "Tensor", folder: Path, seed: int) -> None:
    from reverie.ship import sheet

    folder.mkdir(parents=True, exist_ok=True)
    counter = Counter(sys.stderr)
    for i, image in enumerate(images):
        (folder / f"{seed + i:06d}.png").write_bytes(sheet.png(sheet.picture(image)))
        counter("written", i + 1, len(images))
    counter.clear()
