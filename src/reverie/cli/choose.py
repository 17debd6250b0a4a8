"""`reverie choose`."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from reverie.cli.console import put, put_json, say, table
from reverie.core.errors import UsageError

EXAMPLES = """\b
Examples:
  reverie choose
  reverie choose --answer latent=yes --answer device=laptop
  reverie choose --answer realism=best --measured bakeoff/bakeoff.json --json"""


def register(app: typer.Typer) -> None:
    """Adds the verb to the command line."""
    app.command("choose", epilog=EXAMPLES)(choose)


def choose(
    answer: Annotated[
        list[str] | None, typer.Option("--answer", metavar="KEY=VALUE", help="Answer a question; --list shows them.")
    ] = None,
    measured: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What compare --json or bakeoff wrote: numbers for folklore."),
    ] = None,
    questions: Annotated[bool, typer.Option("--list", help="Show the questions and their answers.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say which family of models suits a task, why, and what it gives up.

    Asks one question at a time, and none that could not change the outcome; or takes --answer.
    """
    if questions:
        _put_questions()
        return
    answers = _given(answer or [])
    if not answers and not json:
        answers = _asked()
    from reverie import api

    told = api.choose(answers, measured=measured)
    if json:
        put_json(told)
    else:
        _put_words(told)


def _given(pairs: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not (equals and key.strip() and value.strip()):
            raise UsageError(f"--answer {pair}: must look like KEY=VALUE, such as latent=yes. --list shows them all.")
        if key.strip() in found:
            raise UsageError(f"--answer {pair}: {key.strip()} is answered twice. Answer each question once.")
        found[key.strip()] = value.strip()
    return found


def _asked() -> dict[str, str]:
    """One question at a time, on stderr, so that stdout is the advice alone."""
    if not sys.stdin.isatty():
        raise UsageError(
            "choose: there is no terminal to ask questions on. Answer with --answer KEY=VALUE; --list shows them."
        )
    from reverie.advise.choice import next_question
    from reverie.advise.rules import rules

    answers: dict[str, str] = {}
    while (question := next_question(rules(), answers)) is not None:
        say(f"\n{question.ask}")
        keys = list(question.answers)
        for number, words in enumerate(question.answers.values(), 1):
            say(f"  {number}  {words}")
        while question.key not in answers:
            typed = str(typer.prompt("answer", default=str(keys.index(question.default) + 1), err=True)).strip()
            if typed in keys:
                answers[question.key] = typed
            elif typed.isdigit() and 1 <= int(typed) <= len(keys):
                answers[question.key] = keys[int(typed) - 1]
            else:
                say(f"Type a number from 1 to {len(keys)}, or one of: {', '.join(keys)}.")
    say("")
    return answers


def _put_questions() -> None:
    from reverie.advise.rules import rules

    rows: list[list[str]] = []
    for question in rules().question:
        rows.append([question.key, "", question.ask])
        for key, words in question.answers.items():
            rows.append(["", key, words + (" (taken when left out)" if key == question.default else "")])
    put(table(rows))


def _put_words(told: dict[str, Any]) -> None:
    put(f"{told['title'][:1].upper()}{told['title'][1:]}.")
    put(f"  Why: {told['why']}")
    put(f"  You give up: {told['gives_up']}")
    if told["missing"]:
        put(f"  {told['missing']}")
    put("  Type:")
    put(f"    {told['command']}")
    if told["next"]:
        put(f"    {told['next']}")
    put("")
    for family in dict.fromkeys(one["family"] for one in told["said"]):
        for measured, heading in ((True, "measured"), (False, "folklore, not measured here")):
            words = [one["words"] for one in told["said"] if (one["family"], one["measured"]) == (family, measured)]
            if words:
                put(f"  {family} ({heading}): {'; '.join(words)}.")
    for words in told["measured"]:
        put(f"  Measured: {words}")
    if told["assumed"]:
        said = ", ".join(f"{key}={value}" for key, value in told["assumed"].items())
        put(f"\n  Assumed: {said}. Say otherwise with --answer.")
