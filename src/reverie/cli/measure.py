"""`reverie measure`."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from reverie.cli.console import facts, put, put_json, say, split_names
from reverie.cli.progress import Counter
from reverie.core.errors import UsageError

EXAMPLES = """\b
Examples:
  reverie measure runs/digits
  reverie measure runs/digits --metrics nll --samples 5000 --json
  reverie measure runs/digits --probe
  reverie measure my-samples/ --against photos/ --features pixels"""

PROBES = ("knn_accuracy", "linear_accuracy")


def register(app: typer.Typer) -> None:
    """Adds the verb to the command line."""
    app.command("measure", epilog=EXAMPLES)(measure)


def measure(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, or a folder of made images.")],
    against: Annotated[str | None, typer.Option(metavar="DATA", help="Measure on these images instead.")] = None,
    metrics: Annotated[str | None, typer.Option(metavar="A,B", help="Names; left out: all that it allows.")] = None,
    samples: Annotated[int | None, typer.Option(min=1, help="Importance samples an image, for nll.")] = None,
    num: Annotated[int | None, typer.Option(min=2, help="Images; left out: as many as each metric likes.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides every draw.")] = 0,
    weights: Annotated[str, typer.Option(help="best (by held-out measurement) or last.")] = "best",
    features: Annotated[
        str, typer.Option(metavar="NAME", help="pixels, classifier:DATA, run:PATH, inception-tf, dinov2-b14 or auto.")
    ] = "auto",
    weights_dir: Annotated[Path | None, typer.Option(metavar="DIR", help="Where weights of others' nets lie.")] = None,
    probe: Annotated[
        bool, typer.Option("--probe", help="How well labels are read from codes, beside pixels, PCA and twins.")
    ] = False,
    precision: Annotated[str, typer.Option(help="Of likelihoods: fp32, or bf16, which is faster.")] = "fp32",
    compiled: Annotated[
        bool, typer.Option("--compile", help="Compile likelihoods first; pays with many draws and mlp nets.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure a run, or a folder of made images, on images that it never saw.

    Every number comes with its standard error, the images behind it and the protocol. Sets of images are compared by
    features: auto is a classifier where the data have labels to learn from, else pixels.
    """
    if weights not in ("best", "last"):
        raise UsageError(f"--weights: must be best or last, got {weights!r}.")
    if precision not in ("fp32", "bf16"):
        raise UsageError(f"--precision: must be fp32 or bf16, got {precision!r}.")
    from reverie import api

    names = split_names(metrics)
    if probe:
        names = [*(names or []), *PROBES]
    counter = Counter(sys.stderr)
    measured = api.measure(
        run,
        against=against,
        metrics=names,
        samples=samples,
        num=num,
        seed=seed,
        weights="last" if weights == "last" else "best",
        features=features,
        weights_dir=weights_dir,
        precision="bf16" if precision == "bf16" else "fp32",
        compiled=compiled,
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
