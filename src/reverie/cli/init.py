"""`reverie init`."""

from pathlib import Path
from typing import Annotated

import typer

from reverie.cli.console import put, say, writing
from reverie.core.errors import UsageError

EXAMPLES = "\b\nExample:\n  reverie init vae -o recipe.toml\n  reverie train recipe.toml photos/"


def register(app: typer.Typer) -> None:
    """Adds the verb to the command line."""
    app.command("init", epilog=EXAMPLES)(init)


def init(
    family: Annotated[str, typer.Argument(metavar="FAMILY", help="How images are modelled.")],
    preset: Annotated[str | None, typer.Option(help="Start from this preset; a wrong name lists them.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The file; left out: print it.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
) -> None:
    """Write a recipe to edit.

    It holds every value, with what it means above it.
    """
    from reverie.cli.train import check_family

    check_family(family)
    if output is not None and output.exists() and not force:
        raise UsageError(f"{output}: exists. Name another file, or replace it with --force.")
    from reverie import api
    from reverie.core.run import atomic_write

    text = api.recipe(family, preset=preset).commented_toml()
    if output is None:
        put(text.rstrip("\n"))
        return
    with writing(output):
        output.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(output, text.encode())
    say(f"{output}: written. Train it with `reverie train {output}`.")
