"""`reverie compare`."""

import sys
import webbrowser
from pathlib import Path
from typing import Annotated, Any

import typer

from reverie.cli.console import put, put_json, say, split_names, table
from reverie.cli.progress import Counter
from reverie.core.errors import UsageError

EXAMPLES = """\b
Examples:
  reverie compare runs/vae runs/gan
  reverie compare runs/vae runs/gan -o compare.html --open
  reverie compare runs/gan their-samples/ --metrics kid,coverage --json"""


def register(app: typer.Typer) -> None:
    """Adds the verb to the command line."""
    app.command("compare", epilog=EXAMPLES)(compare)


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders, or folders of made images.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write a report: an .html file.")] = None,
    against: Annotated[str | None, typer.Option(metavar="DATA", help="Compare on these images instead.")] = None,
    metrics: Annotated[str | None, typer.Option(metavar="A,B", help="Names; left out: the usual ones.")] = None,
    num: Annotated[int | None, typer.Option(min=2, help="Real images; left out: the split, up to 20,000.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides every draw.")] = 0,
    weights: Annotated[str, typer.Option(help="best (by held-out measurement) or last.")] = "best",
    features: Annotated[
        str, typer.Option(metavar="NAME", help="pixels, classifier:DATA, run:PATH, inception-tf, dinov2-b14 or auto.")
    ] = "auto",
    weights_dir: Annotated[Path | None, typer.Option(metavar="DIR", help="Where weights of others' nets lie.")] = None,
    show: Annotated[bool, typer.Option("--open", help="Open the report in a browser.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say which of several runs is better in what, by how much, and whether that is more than chance.

    All are measured on the same real images with the same seeds. Runs of different data, splits or sizes are refused.
    """
    if weights not in ("best", "last"):
        raise UsageError(f"--weights: must be best or last, got {weights!r}.")
    if output is not None and output.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"-o {output}: must end in .html.")
    if show and output is None:
        raise UsageError("--open: there is no report to open. Name one with -o compare.html.")
    from reverie import api

    names = split_names(metrics)
    counter = Counter(sys.stderr)
    told = api.compare(
        runs,
        report=output,
        against=against,
        metrics=names,
        num=num,
        seed=seed,
        weights="last" if weights == "last" else "best",
        features=features,
        weights_dir=weights_dir,
        progress=counter,
    )
    counter.clear()
    if json:
        put_json(told)
    else:
        _put_words(told)
    if output is not None:
        say(f"the report is {output}.")
        if show:
            webbrowser.open(output.resolve().as_uri())


def _put_words(told: dict[str, Any]) -> None:
    """The verdicts, the table, and what each difference is."""
    from reverie.ship.numbers import value

    protocol, runs, real = told["protocol"], told["runs"], f"real {told['kind']}"
    say(f"{protocol['samples']:,} samples of each beside {real} of {protocol['data']} ({protocol['split']}).\n")
    for sentence in (*told["words"], *told["recommendation"]):
        put(sentence)
    put("")
    metrics = dict.fromkeys(name for run in runs for name in run["metrics"])
    rows: list[list[str]] = []
    for name in metrics:
        entries = [*(run["metrics"].get(name) for run in runs), told["floors"].get(name)]
        cells = ["" if e is None else value(e["value"], e["se"]) for e in entries]
        unit = next(run["metrics"][name]["unit"] for run in runs if name in run["metrics"])
        rows.append([name, *cells, unit])
    header = ["", *(run["name"] for run in runs), real, ""]
    put(table(rows, header, right=range(1, len(runs) + 2)))
    put("")
    tested = [d for d in told["differences"] if d["se"] is not None]
    shown = [d for d in tested if d["apart"] or len(runs) == 2]
    for difference in sorted(shown, key=lambda d: not d["apart"]):
        put(difference["words"])
    if len(shown) < len(tested):
        put(f"{len(tested) - len(shown)} further differences may be chance; --json has them all.")
    for run in runs:
        for finding in run.get("findings", ()):
            put(f"{run['name']}: {finding['code']} {finding['title']}. {finding['saw']}")
