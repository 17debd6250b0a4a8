"""`reverie demo`."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from reverie.cli.console import put, say
from reverie.cli.watch import StopRequest, watch

EXAMPLES = "\b\nExample:\n  reverie demo\n  reverie demo -o /tmp/demo --minutes 1 --open"


def register(app: typer.Typer) -> None:
    """Adds the verb to the command line."""
    app.command("demo", epilog=EXAMPLES)(demo)


def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder for the run and the report.")] = Path(
        "demo"
    ),
    minutes: Annotated[float, typer.Option(min=0.05, help="Minutes of training.")] = 2.0,
    show: Annotated[bool, typer.Option("--open", help="Open the report in a browser.")] = False,
) -> None:
    """Train a VAE on drawn faces and write a report.

    One HTML file with samples, reconstructions, a morph, curves and numbers. Needs no network.
    """
    from reverie import api

    recipe = api.recipe("vae", preset="faces", minutes=minutes)
    say(f"Training a VAE on drawn faces for {minutes:g} minutes; everything goes to {output}/.")
    with StopRequest() as stop:
        watch(api.demo(output, minutes=minutes, stop=stop), recipe, output / "vae")
    report = output / "report.html"
    say(f"done: the report is {report}; the run is {output / 'vae'}.")
    if show:
        webbrowser.open(report.resolve().as_uri())
    put(str(report))
