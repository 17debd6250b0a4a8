"""`reverie bakeoff`."""

import json as dumper
from pathlib import Path
from typing import Annotated

import typer

from reverie.cli.console import put, say
from reverie.cli.watch import StopRequest, watch
from reverie.core.recipe import parse_setting

EXAMPLES = """\b
Examples:
  reverie bakeoff photos/ --minutes 20
  reverie bakeoff fashion-mnist --families vae,gan -o bakeoffs/fashion --set gan.width=64"""


def register(app: typer.Typer) -> None:
    """Adds the verb to the command line."""
    app.command("bakeoff", epilog=EXAMPLES)(bakeoff)


def bakeoff(
    data: Annotated[str, typer.Argument(metavar="DATA", help="A folder, zip, npz, IDX file, or a name.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder for the runs and the report.")] = Path(
        "bakeoff"
    ),
    families: Annotated[str, typer.Option(metavar="A,B", help="Which families take part.")] = "vae,gan",
    minutes: Annotated[float, typer.Option(min=0.01, help="Minutes of each training.")] = 20.0,
    preset: Annotated[str | None, typer.Option(help="The same preset of every family.")] = None,
    size: Annotated[int | None, typer.Option(help="Side of the images, in pixels.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides every random draw.")] = 0,
    features: Annotated[str, typer.Option(metavar="NAME", help="The extractor, as for `reverie measure`.")] = "auto",
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any recipe value.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print bakeoff.json.")] = False,
) -> None:
    """Train every family on the same images for the same minutes, and say which to take for what.

    Writes report.html, bakeoff.json and summary.md. Stopped, it goes on with the same command.
    """
    from reverie import api

    names = [name.strip() for name in families.split(",") if name.strip()]
    given = dict(map(parse_setting, settings or []))
    with StopRequest() as stop:
        short = {"preset": preset, "size": size, "seed": seed, "features": features, "settings": given}
        trainings = api.bakeoff(data, output, families=names, minutes=minutes, stop=stop, **short)
        for training in trainings:
            say(f"Training {training.recipe.family} for {minutes:g} minutes; everything goes to {training.run}/.")
            watch(training.events, training.recipe, training.run)
    told = dumper.loads((output / "bakeoff.json").read_text(encoding="utf-8"))
    say("\n".join(told["recommendation"]))
    put(dumper.dumps(told, indent=1) if json else str(output / "report.html"))
