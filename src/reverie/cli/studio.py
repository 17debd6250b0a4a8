"""`reverie studio`."""

import importlib.util
from pathlib import Path
from typing import Annotated

import typer

from reverie.cli.console import say
from reverie.core.errors import UsageError

EXAMPLES = "\b\nExamples:\n  reverie studio\n  reverie studio experiments/ --port 9000 --no-browser"
Port = Annotated[int | None, typer.Option(min=0, max=65535, help="Left out: 8765, or the next free one.")]
Host = Annotated[str, typer.Option(help="An address to listen on, for others in your network.")]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Only print the address.")]


def register(app: typer.Typer) -> None:
    """Adds the verb to the command line."""
    app.command("studio", epilog=EXAMPLES)(studio)


def studio(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that holds run folders.")] = Path("runs"),
    port: Port = None,
    host: Host = "127.0.0.1",
    no_browser: NoBrowser = False,
) -> None:
    """Watch, start and explore trainings in a browser.

    Everything stays on this machine. Ctrl-C ends the studio and no training.
    """
    check_extra()
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: is not a folder. Name the one that holds your runs.")
    from reverie.studio.launch import serve

    serve(folder, say=say, host=host, port=port, browser=not no_browser)


def check_extra() -> None:
    """A sentence for those who have not installed what the studio needs."""
    missing = [name for name in ("fastapi", "uvicorn") if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(f"studio: needs {' and '.join(missing)}. Install them with `pip install 'reverie[studio]'`.")
