"""`reverie train` and `reverie resume`."""

import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from reverie.cli.console import put, put_json, say
from reverie.cli.treat import hear, in_words
from reverie.cli.watch import StopRequest, watch
from reverie.core.errors import UsageError
from reverie.core.event import Event
from reverie.core.recipe import Recipe, parse_setting

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object about the run at the end.")]

EXAMPLES = """\b
Examples:
  reverie train vae photos/ --minutes 10
  reverie train vae digits --preset default --images 200000 --run runs/digits
  reverie train recipe.toml --set vae.beta=4 --set optim.lr=5e-4
  reverie train runs/digits/recipe.toml --start runs/digits --images 400000"""


def register(app: typer.Typer) -> None:
    """Adds the verbs to the command line."""
    app.command("train", epilog=EXAMPLES)(train)
    app.command("resume", epilog="\b\nExample:\n  reverie resume runs/digits")(resume)


def train(
    what: Annotated[str, typer.Argument(metavar="FAMILY|RECIPE.toml", help="A family, or a recipe file.")],
    data: Annotated[str | None, typer.Argument(metavar="DATA", help="A folder, zip, npz, IDX file, or a name.")] = None,
    run: Annotated[Path | None, typer.Option(help="The run's folder; an unfinished run there goes on.")] = None,
    start: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Begin with what this run has learnt, as far as it fits.")
    ] = None,
    preset: Annotated[str | None, typer.Option(help="One of the family's presets.")] = None,
    size: Annotated[int | None, typer.Option(help="Side of the images, in pixels.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Budget: minutes of training.")] = None,
    images: Annotated[int | None, typer.Option(help="Budget: training images to see.")] = None,
    seed: Annotated[int | None, typer.Option(help="Decides every random draw.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any recipe value.")] = None,
    json: Json = False,
) -> None:
    """Train a model on images.

    Ctrl-C saves and says how to go on; the same command with --run goes on too.
    """
    if minutes is not None and images is not None:
        raise UsageError("--minutes and --images: are two budgets. Give one.")
    given = dict(map(parse_setting, settings or []))
    short = {"size": size, "minutes": minutes, "images": images, "seed": seed, "device": device}
    if not what.endswith(".toml"):
        check_family(what)
    from reverie import api

    recipe = api.recipe(what, data, preset=preset, settings=given, **short)
    folder = run or api.new_folder(recipe)
    follow(lambda stop: api.train(recipe, run=folder, stop=stop, start=start), recipe, folder, json)


def resume(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    json: Json = False,
) -> None:
    """Continue a training that was stopped.

    A run with an images budget continues to the bit, as if nothing had happened.
    """
    from reverie.core.run import Run

    recipe = Run.open(run).recipe()
    from reverie import api

    follow(lambda stop: api.resume(run, stop=stop), recipe, run, json)


def follow(start: Callable[[StopRequest], Iterator[Event]], recipe: Recipe, folder: Path, json: bool) -> None:
    """Runs a training to its end and says where it is: the folder on stdout, the rest on stderr."""
    say(f"{folder}: {recipe.family} on {recipe.data.source}, {_budget(recipe)}")
    with StopRequest() as stop:
        reason = watch(start(stop), recipe, folder)
    name = shlex.quote(str(folder))
    if reason == "finding":
        say(f"ended by the doctor; the weights are kept. `reverie diagnose {name}` says why.")
        if recipe.train.on_finding == "treat":
            _try_the_remedy(folder)
    sample = "" if recipe.family == "ssl" else f"`reverie sample {name}` or "
    say(f"done: pictures in {folder}/card.md. Next: {sample}`reverie measure {name}`.")
    if json:
        from reverie import api

        put_json(api.show(folder))
    else:
        put(str(folder))


def _try_the_remedy(folder: Path) -> None:
    """What `train.on_finding = "treat"` adds to an end: the remedy, in a fork beside a control."""
    from reverie import api

    try:
        say(in_words(api.treat(folder, heard=hear)))
    except UsageError as error:  # nothing that a recipe could cure
        say(str(error))


def _budget(recipe: Recipe) -> str:
    if recipe.train.images:
        return f"{recipe.train.images:,} images"
    return f"{recipe.train.minutes:g} min" if recipe.train.minutes else "no budget"


def check_family(what: str) -> None:
    """A sentence for people who name their data, or misspell the family."""
    import difflib

    from reverie.core.family import family_names

    names = family_names()
    if what in names:
        return
    near: list[Any] = difflib.get_close_matches(what, names, 1, 0.5)
    if near:
        raise UsageError(f"{what}: is not a family. Did you mean {near[0]!r}?")
    if Path(what).exists():
        raise UsageError(
            f"{what}: is data, not a family. Name one first: `reverie train {names[-1]} {shlex.quote(what)}`."
        )
    raise UsageError(f"{what}: is not a family. Use one of: {', '.join(names)}, or a recipe file that ends in .toml.")
