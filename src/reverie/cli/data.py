"""`reverie data show` and `reverie data prepare`."""

import sys
from typing import Annotated, Any

import typer

from reverie.cli.console import facts, put, put_json, say
from reverie.cli.progress import Counter

Source = Annotated[str, typer.Argument(metavar="DATA", help="A folder, zip, npz or IDX file, or a built-in name.")]
Size = Annotated[int | None, typer.Option(help="Side of the images, in pixels.")]
Channels = Annotated[str | None, typer.Option(help="auto, grey, rgb or rgba.")]
Fit = Annotated[str | None, typer.Option(help="How other shapes reach the size: crop, pad or stretch.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def register(app: typer.Typer) -> None:
    """Adds the verbs to the command line."""
    group = typer.Typer(help="Look at images before training on them.", rich_markup_mode=None)
    group.command("show", epilog="\b\nExample:\n  reverie data show photos/")(show)
    group.command("prepare", epilog="\b\nExample:\n  reverie data prepare photos/ --size 64")(prepare)
    app.add_typer(group, name="data")


def show(source: Source, size: Size = None, channels: Channels = None, fit: Fit = None, json: Json = False) -> None:
    """Say what is in there.

    Counts, sizes, classes, duplicates, and the files that cannot be read.
    """
    from reverie import api

    _tell(api.describe_data(source, **_given(size, channels, fit)), json)


def prepare(source: Source, size: Size = None, channels: Channels = None, fit: Fit = None, json: Json = False) -> None:
    """Build the cache that a training uses.

    A training with the same settings then starts at once.
    """
    from reverie import api

    counter = Counter(sys.stderr)
    made = api.prepare_data(
        source, progress=lambda n, total: counter("images", n, total), **_given(size, channels, fit)
    )
    counter.clear()
    _tell(made, json)
    say("ready: a training with these settings starts from the cache.")


def _given(size: int | None, channels: str | None, fit: str | None) -> dict[str, Any]:
    fields = {"size": size, "channels": channels, "fit": fit}
    return {name: value for name, value in fields.items() if value is not None}


def _tell(values: dict[str, Any], json: bool) -> None:
    if json:
        put_json(values)
    else:
        put(facts(values))
