"""The chooser as data and as answers: the same rules for the command line, the studio, and a page without a server."""

import pkgutil
from collections.abc import Mapping
from typing import Any

import reverie.tasks
from reverie.advise.choice import advise, check, next_question
from reverie.advise.rules import Question, rules
from reverie.core.family import family_names


def chooser_table() -> dict[str, Any]:
    """Everything that a page needs to choose by itself: {"question", "rule", "outcome", "folklore", "installed"}.

    The first four are `rules.toml` as it stands; "installed" has the families and tasks that there are.

    Example:
        >>> table = chooser_table()
        >>> table["question"][0]["key"], table["rule"][-1]["when"], "vae" in table["installed"]["families"]
        ('synthesis', {}, True)
    """
    return rules().model_dump() | {"installed": {"families": family_names(), "tasks": task_names()}}


def task_names() -> list[str]:
    """Tasks that are installed."""
    return sorted(module.name for module in pkgutil.iter_modules(reverie.tasks.__path__))


def answered(
    answers: Mapping[str, str],
    *,
    families: list[str] | None = None,
    measured: Mapping[str, Mapping[str, str]] | None = None,
) -> dict[str, Any]:
    """Where a conversation stands.

    Args:
        answers: by question.
        families: those that are installed; all when left out.
        measured: numbers in words, by family and metric; they take the place of what is said.
    Returns:
        {"next": the question that is to be asked, or None; "advice": what to take once nothing is to be asked, or None;
        "so_far": [{"key", "ask", "answer", "words"}] of what was answered, in the order of the questions}
    Raises:
        UsageError: a question or an answer is unknown.

    Example:
        >>> answered({"synthesis": "no", "likelihood": "no"})["advice"]["outcome"]
        'encoder'
    """
    given = check(rules(), answers)
    question = next_question(rules(), given)
    there = family_names() if families is None else families
    so_far = [
        {"key": q.key, "ask": q.ask, "answer": given[q.key], "words": q.answers[given[q.key]]}
        for q in rules().question
        if q.key in given
    ]
    if question is not None:
        return {"next": question.model_dump(), "advice": None, "so_far": so_far}
    advice = advise(rules(), given, families=there, tasks=task_names(), measured=measured)
    return {"next": None, "advice": advice.to_dict(), "so_far": so_far}


def paths() -> list[dict[str, str]]:
    """Every conversation that can be had: the answers, in the order in which they were given."""
    found: list[dict[str, str]] = []
    open_: list[dict[str, str]] = [{}]
    while open_:
        answers = open_.pop()
        question: Question | None = next_question(rules(), answers)
        if question is None:
            found.append(answers)
        else:
            open_ += [{**answers, question.key: answer} for answer in reversed(question.answers)]
    return found
