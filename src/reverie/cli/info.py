"""`reverie info`."""

from typing import Annotated

import typer

from reverie.cli.console import facts, put, put_json


def register(app: typer.Typer) -> None:
    """Adds the verb to the command line."""
    app.command("info", epilog="\b\nExample:\n  reverie info --json")(info)


def info(json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Say which versions and devices there are.

    This is what a bug report needs.
    """
    from reverie import api

    found = api.info()
    if json:
        put_json(found)
    else:
        put(facts(found))
