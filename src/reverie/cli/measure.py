"""`reverie measure`."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from reverie.cli.console import facts, put, put_json, say
from reverie.cli.progress import Counter
from reverie.core.errors import UsageError

EXAMPLES = """\b
Examples:
  reverie measure runs/digits
  reverie measure runs/digits --metrics nll --samples 5000 --json"""


def register(app: typer.Typer) -> None:
    """Adds the verb to the command line."""
    app.command("measure", epilog=EXAMPLES)(measure)


def measure(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    against: Annotated[str | None, typer.Option(metavar="DATA", help="Measure on these images instead.")] = None,
    metrics: Annotated[str | None, typer.Option(metavar="A,B", help="Names; left out: all that it allows.")] = None,
    samples: Annotated[int | None, typer.Option(min=1, help="Importance samples an image, for nll.")] = None,
    num: Annotated[int | None, typer.Option(min=2, help="Images; left out: as many as each metric likes.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides every draw.")] = 0,
    weights: Annotated[str, typer.Option(help="best (by held-out measurement) or last.")] = "best",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure a run on images that it never saw.

    Every number comes with its standard error, the images behind it and the protocol.
    """
    if weights not in ("best", "last"):
        raise UsageError(f"--weights: must be best or last, got {weights!r}.")
    from reverie import api

    names = None if metrics is None else [name.strip() for name in metrics.split(",") if name.strip()]
    counter = Counter(sys.stderr)
    measured = api.measure(
        run,
        against=against,
        metrics=names,
        samples=samples,
        num=num,
        seed=seed,
        weights="last" if weights == "last" else "best",
        progress=counter,
    )
    counter.clear()
    if json:
        put_json(measured)
        return
    from reverie.measure import Value, format_table

    say(facts({"run": measured["run"]} | measured["protocol"]) + "\n")
    put(format_table({name: Value(**_known(entry)) for name, entry in measured["metrics"].items()}))


def _known(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: entry[name] for name in ("value", "se", "n", "unit")}
