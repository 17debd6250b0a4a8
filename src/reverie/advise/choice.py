"""From answers to advice: a pure function of the rules, the answers, and what is installed and measured."""

import difflib
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from reverie.advise.rules import Outcome, Question, Rules, completions
from reverie.core.errors import UsageError


@dataclass(frozen=True)
class Advice:
    """What the chooser says.

    Args:
        outcome: its key.
        families: the advised family, then the other answers that are as right.
        title: the advice in a few words.
        why: what speaks for it.
        gives_up: what speaks against it.
        family: the one that `command` trains: the first that is there.
        command: what to type; DATA stands for the images.
        next: what to type afterwards; None where there is nothing.
        missing: a sentence where this version lacks what is advised; None where it has it.
        said: of each family, what is said or was measured: (family, sentence, whether it was measured).
        assumed: answers that nobody gave, and that could have changed the outcome.
    """

    outcome: str
    families: tuple[str, ...]
    title: str
    why: str
    gives_up: str
    family: str
    command: str
    next: str | None
    missing: str | None
    said: tuple[tuple[str, str, bool], ...]
    assumed: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        said = [{"family": f, "words": words, "measured": measured} for f, words, measured in self.said]
        return asdict(self) | {"families": list(self.families), "said": said}


def check(rules: Rules, answers: Mapping[str, str]) -> dict[str, str]:
    """The answers, once every key and every answer is known.

    Raises:
        UsageError: one is not; the message names the nearest, or all.

    Example:
        >>> from reverie.advise.rules import rules
        >>> check(rules(), {"latency": "tigth"})
        Traceback (most recent call last):
        ...
        reverie.core.errors.UsageError: latency: 'tigth' is not an answer. Did you mean 'tight'?
    """
    questions = {q.key: q for q in rules.question}
    for key, answer in answers.items():
        known = list(questions) if key not in questions else list(questions[key].answers)
        word = key if key not in questions else answer
        if word in known:
            continue
        near = difflib.get_close_matches(word, known, 1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Use one of: {', '.join(known)}."
        where, what = ("choose", "a question") if key not in questions else (key, "an answer")
        raise UsageError(f"{where}: {word!r} is not {what}. {hint}")
    return dict(answers)


def next_question(rules: Rules, answers: Mapping[str, str]) -> Question | None:
    """The first question whose answer can still change the outcome; None when it stands.

    Example:
        >>> from reverie.advise.rules import rules
        >>> next_question(rules(), {}).key, next_question(rules(), {"synthesis": "no", "likelihood": "no"})
        ('synthesis', None)
    """
    given = check(rules, answers)
    ways = [(way, rules.result(way)) for way in completions(rules, given)]
    if len({outcome for _, outcome in ways}) == 1:
        return None
    for question in rules.question:
        if question.key in given:
            continue
        found: dict[tuple[str, ...], set[str]] = {}
        for way, outcome in ways:
            rest = tuple(answer for key, answer in way.items() if key != question.key)
            found.setdefault(rest, set()).add(outcome)
        if any(len(outcomes) > 1 for outcomes in found.values()):
            return question
    return None


def advise(
    rules: Rules,
    answers: Mapping[str, str],
    *,
    families: Collection[str],
    tasks: Collection[str] = (),
    measured: Mapping[str, Mapping[str, str]] | None = None,
) -> Advice:
    """What to take.

    Args:
        rules: see `reverie.advise.rules`.
        answers: by question; those that matter and are missing are taken to be the question's default.
        families: those that are installed.
        tasks: likewise.
        measured: by family and metric, a number in words; it stands in the place of what is said.
    Raises:
        UsageError: an answer is not one.

    Example:
        >>> from reverie.advise.rules import rules
        >>> found = advise(rules(), {"latent": "yes"}, families=["vae", "gan"])
        >>> found.family, found.command
        ('vae', 'reverie train vae DATA --minutes 10 --run runs/morph')
    """
    given, assumed = check(rules, answers), {}
    while (question := next_question(rules, given)) is not None:
        assumed[question.key] = given[question.key] = question.default
    key = rules.result(completions(rules, given)[0])
    outcome = rules.outcome[key]
    family, command, missing = _at_hand(outcome, families, tasks)
    return Advice(
        outcome=key,
        families=tuple(outcome.families),
        title=outcome.title,
        why=outcome.why,
        gives_up=outcome.gives_up,
        family=family,
        command=command,
        next=outcome.next if missing is None else None,
        missing=missing,
        said=_said(rules, [*outcome.families, *([family] if family not in outcome.families else [])], measured or {}),
        assumed=assumed,
    )


def _at_hand(outcome: Outcome, families: Collection[str], tasks: Collection[str]) -> tuple[str, str, str | None]:
    """The family to train, its command, and a sentence where that is not what is advised."""
    first = outcome.families[0]
    lacking = [task for task in outcome.requires if task not in tasks]
    if first in families and not lacking:
        return first, outcome.commands[first], None
    others = [outcome.nearest, *outcome.families[1:], *outcome.commands]
    instead = next((f for f in others if f is not None and f in families), None)
    if instead is None:
        raise UsageError(f"choose: {first} is advised, and neither it nor anything near it is installed. Install it.")
    what = f"`reverie {lacking[0]}`" if first in families else f"the family {first}"
    lacks = f": {outcome.nearest_lacks}" if outcome.nearest_lacks and instead == outcome.nearest else ""
    command = outcome.commands.get(instead, "")
    if instead == outcome.nearest and outcome.nearest_command is not None:
        command = outcome.nearest_command
    return instead, command, f"This version does not have {what} yet. The nearest that it has is {instead}{lacks}."


def _said(
    rules: Rules, families: list[str], measured: Mapping[str, Mapping[str, str]]
) -> tuple[tuple[str, str, bool], ...]:
    """A sentence for each family and metric: the measured number where there is one, else what people say."""
    found: list[tuple[str, str, bool]] = []
    for family in families:
        for metric, words in rules.folklore.get(family, {}).items():
            number = measured.get(family, {}).get(metric)
            found.append((family, words if number is None else number, number is not None))
    return tuple(found)
