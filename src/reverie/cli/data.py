"""`reverie data show` and `reverie data prepare`."""

import sys
from typing import Annotated, Any

import typer

from reverie.cli.console import facts, put, put_json, say
from reverie.cli.progress import Counter

MAX_LINES = 20
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
        put(facts(_worded(values)))


def _worded(values: dict[str, Any]) -> dict[str, Any]:
    """The report's lists as a person says them; what is not known here stays as it is."""
    words = dict(values)
    if "shape" in values and len(values["shape"]) == 3:
        channels, height, width = values["shape"]
        kinds = {1: "grey", 2: "two numbers", 3: "RGB", 4: "RGB with alpha"}
        words["shape"] = f"{width} x {height}, {kinds.get(channels, f'{channels} channels')}"
        words.pop("size", None)
    for side in ("widths", "heights"):
        low, median, high = values.get(side) or (0, 0, 0)
        words[side] = f"{low} to {high} pixels (median {median})" if low < high else f"{high} pixels" if high else None
    for counted in ("classes", "modes"):
        words[counted] = _counts(values.get(counted) or {})
    unreadable = values.get("unreadable") or []
    words["unreadable"] = f"{len(unreadable)}" if unreadable else None
    words |= {f"  {name}": reason for name, reason in unreadable[:MAX_LINES]}
    words["seconds"] = None
    return words


def _counts(counts: dict[str, int]) -> str | None:
    """ "3 (cat 50, dog 40, owl 10)", cut where it becomes long."""
    if not counts:
        return None
    shown = ", ".join(f"{name} {num:,}" for name, num in list(counts.items())[:MAX_LINES])
    return f"{len(counts):,} ({shown}{', ...' if len(counts) > MAX_LINES else ''})"
