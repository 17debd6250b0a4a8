"""`reverie demo`."""

import json
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
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder for the runs and the reports.")] = Path(
        "demo"
    ),
    minutes: Annotated[float, typer.Option(min=0.05, help="Minutes of each of the two trainings.")] = 3.0,
    show: Annotated[bool, typer.Option("--open", help="Open the report in a browser.")] = False,
) -> None:
    """Train a VAE and a GAN on drawn faces, and show them side by side.

    One HTML file: samples on the same seeds, what the doctor says of each training, numbers, and the way between two
    faces. Needs no network. Stopped, it goes on with the same command.
    """
    from reverie import api

    with StopRequest() as stop:
        for training in api.demo(output, minutes=minutes, stop=stop):
            kind = training.recipe.family.upper()
            say(f"Training a {kind} on drawn faces for {minutes:g} minutes; everything goes to {training.run}/.")
            watch(training.events, training.recipe, training.run)
    report = output / "report.html"
    say("\n".join(json.loads((output / "bakeoff.json").read_text(encoding="utf-8"))["recommendation"]))
    say(f"done: {report} shows the two side by side; each run folder has a report.html of its own.")
    if show:
        webbrowser.open(report.resolve().as_uri())
    put(str(report))
