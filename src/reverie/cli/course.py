"""`reverie course`."""

from pathlib import Path
from typing import Annotated

import typer

from reverie.cli.console import put, say
from reverie.cli.studio import NoBrowser, Port, check_extra

EXAMPLES = "\b\nExamples:\n  reverie course\n  reverie course --export public/"


def register(app: typer.Typer) -> None:
    """Adds the verb to the command line."""
    app.command("course", epilog=EXAMPLES)(course)


def course(
    port: Port = None,
    no_browser: NoBrowser = False,
    export: Annotated[
        Path | None, typer.Option("--export", metavar="DIR", help="Write the course as a site that any host can serve.")
    ] = None,
) -> None:
    """Learn how image generators work, with recorded and live trainings.

    Opens in a browser and needs no network. With --export it is written as static files instead.
    """
    check_extra()
    if export is not None:
        from reverie.studio.course.export import export as write

        write(export)
        put(str(export))
        return
    from reverie.studio.launch import serve

    serve(Path("runs"), say=say, port=port, browser=not no_browser, page="/course")
