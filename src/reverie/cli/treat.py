"""`reverie treat`."""

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from reverie.cli.console import put, put_json, say
from reverie.core.event import Event, Probed
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
        float | None,
        typer.Option(min=0.01, max=1, help="Of the run's budget, for each fork; left out: until it should show."),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start from untrained weights, not from a checkpoint.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Try a finding's remedy, beside an untreated control.

    Both start from the last checkpoint at which nothing was wrong and see the same images. The run stays as it is.
    """
    from reverie import api

    told = api.treat(run, code, share=share, fresh=fresh, heard=hear)
    if json:
        put_json(told)
    else:
        put(in_words(told))


def hear(name: str, event: Event) -> None:
    """Says what a fork's probes saw."""
    if isinstance(event, Probed):
        shown = {k: v for k, v in event.values.items() if k in ("coverage", "diversity", "frechet")}
        say(f"{name}, {event.images:,} images: " + ", ".join(f"{k} {v:.3g}" for k, v in shown.items()))


def in_words(told: dict[str, Any]) -> str:
    """What came of a treatment, with the next step."""
    flags = " ".join(f"--set {shlex.quote(setting_text(key, value))}" for key, value in told["remedy"].items())
    lines = [f"{told['code']} {told['title']}, from image {told['from_images']:,}; remedy: {flags}"]
    for name in ("treated", "control"):
        fork = told[name]
        evidence = ", ".join(f"{k} {v:.3g}" for k, v in fork["evidence"].items())
        others = ", ".join(code for code in fork["codes"] if code != told["code"])
        also = f"; also found: {others}" if others else ""
        lines.append(f"  {name:8} {'still there' if fork['found'] else 'not found'}: {evidence}{also}")
    return "\n".join([*lines, _verdict(told)])


def _verdict(told: dict[str, Any]) -> str:
    treated, control = told["treated"], told["control"]
    go_on = f"Continue it with `reverie resume {shlex.quote(treated['folder'])}`."
    if told["helped"] and treated["codes"]:
        return f"It helped against this; look at what else was found. {go_on}"
    if told["helped"]:
        return f"It helped: the finding went away with the remedy and stayed without it. {go_on}"
    if not treated["found"] and not control["found"]:
        return (
            f"Neither shows it at image {control['images']:,}: too early to tell, or time cured it; the remedy has "
            "proved nothing. Try a longer --share."
        )
    if not control["found"]:
        return "It did harm: only the treated one shows the finding. Try another finding's code."
    return "It did not help in this time. Try a longer --share, or another finding's code."
