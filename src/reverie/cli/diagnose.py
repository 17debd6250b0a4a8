"""`reverie diagnose`."""

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from reverie.cli.console import put, put_json, say
from reverie.core.recipe import setting_text

UNHEALTHY = 3
EXAMPLES = """\b
Examples:
  reverie diagnose runs/faces
  reverie diagnose runs/faces --fail-on G001,X01 --json"""


def register(app: typer.Typer) -> None:
    """Adds the verb to the command line."""
    app.command("diagnose", epilog=EXAMPLES)(diagnose)


def diagnose(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder; it may still be training.")],
    fail_on: Annotated[
        str | None,
        typer.Option(metavar="CODE,...", help="Exit with 3 on these; G is all of its kind."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say in words what is wrong with a run, why it matters, and what to do.

    Every finding has a code, its evidence beside what is healthy, and a remedy to try.
    """
    from reverie import api

    told = api.diagnose(run)
    findings: list[dict[str, Any]] = told["findings"]
    if json:
        put_json(told)
    elif not findings:
        put(f"nothing found: {len(told['looked_for'])} symptoms looked for, over {told['images']:,} images.")
    else:
        for finding in findings:
            put(_in_words(finding, run))
    for failure in told["failed"]:
        say(f"could not look for {failure}. Please report it.")
    wanted = tuple(code.strip().upper() for code in (fail_on or "").split(",") if code.strip())
    if wanted and any(f["code"].startswith(wanted) for f in findings):
        raise typer.Exit(UNHEALTHY)


def _in_words(finding: dict[str, Any], run: Path) -> str:
    since = "" if finding["since"] is None else f", since image {finding['since']:,}"
    lines = [
        f"{finding['code']} {finding['title']} ({finding['confidence']:.0%} sure{since})",
        f"  {finding['saw']}",
        f"  {finding['why']}",
        *(f"    {_evidence(e)}" for e in finding["evidence"]),
        f"  {finding['advice']}",
    ]
    if finding["remedy"]:
        flags = " ".join(f"--set {shlex.quote(setting_text(k, v))}" for k, v in finding["remedy"].items())
        lines.append(f"  Remedy: {flags}; try it with `reverie treat {shlex.quote(str(run))} {finding['code']}`.")
    return "\n".join([*lines, f"  See docs/doctor.md#{_anchor(finding)}, and {finding['reference']}.", ""])


def _anchor(finding: dict[str, Any]) -> str:
    """What a page's heading "CODE title" is called in a link."""
    return f"{finding['code']} {finding['title']}".lower().replace(" ", "-")


def _evidence(evidence: dict[str, Any]) -> str:
    low, high = evidence["low"], evidence["high"]
    if low is None and high is None:
        return f"{evidence['name']} {evidence['value']:.3g}"
    span = (
        f"at most {high:.3g}" if low is None else f"at least {low:.3g}" if high is None else f"{low:.3g} to {high:.3g}"
    )
    return f"{evidence['name']} {evidence['value']:.3g}; healthy: {span} ({evidence['source']})"
