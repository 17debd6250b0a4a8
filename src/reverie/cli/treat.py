"""`reverie treat`."""

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from reverie.cli.console import put, put_json, say
from reverie.core.recipe import setting_text

EXAMPLES = """\b
Examples:
  reverie treat runs/faces
  reverie treat runs/faces G001 --share 0.2"""


def register(app: typer.Typer) -> None:
    """Adds the verb to the command line."""
    app.command("treat", epilog=EXAMPLES)(treat)


def treat(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    code: Annotated[str | None, typer.Argument(metavar="CODE", help="The finding; left out: the first.")] = None,
    share: Annotated[
        float, typer.Option(min=0.01, max=1, help="Of the run's budget, for each of the two forks.")
    ] = 0.15,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start from untrained weights, not from a checkpoint.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Try a finding's remedy, beside an untreated control.

    Both start from the last checkpoint at which nothing was wrong and see the same images.
    """
    from reverie import api
    from reverie.core.event import Event, Probed

    def hear(name: str, event: Event) -> None:
        if isinstance(event, Probed):
            shown = {k: v for k, v in event.values.items() if k in ("coverage", "diversity", "frechet")}
            say(f"{name}, {event.images:,} images: " + ", ".join(f"{k} {v:.3g}" for k, v in shown.items()))

    told = api.treat(run, code, share=share, fresh=fresh, heard=hear)
    if json:
        put_json(told)
        return
    put(f"{told['code']} {told['title']}, from image {told['from_images']:,}; remedy: {_flags(told['remedy'])}")
    for name in ("treated", "control"):
        fork = told[name]
        evidence = ", ".join(f"{k} {v:.3g}" for k, v in fork["evidence"].items())
        put(f"  {name:8} {'still there' if fork['found'] else 'not found'}: {evidence}")
    put(_verdict(told))


def _flags(remedy: dict[str, Any]) -> str:
    return " ".join(f"--set {shlex.quote(setting_text(key, value))}" for key, value in remedy.items())


def _verdict(told: dict[str, Any]) -> str:
    go_on = f"Continue it with `reverie resume {shlex.quote(told['treated']['folder'])}`."
    if told["helped"]:
        return f"It helped: the finding went away with the remedy and stayed without it. {go_on}"
    if not told["treated"]["found"]:
        return f"Both are free of the finding: chance or time cured it, not the remedy alone. {go_on}"
    return "It did not help in this time. Try a longer --share, or another finding's code."
