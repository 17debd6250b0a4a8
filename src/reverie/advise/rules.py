"""The chooser's rules: how `rules.toml` is laid out, and what makes it sound. No family is named here."""

import tomllib
from functools import cache
from importlib.resources import files
from itertools import product
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from reverie.core.errors import UsageError


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Question(_Part):
    """Something to ask: a sentence, and the answers by their keys, in words."""

    key: str = Field(pattern=r"^[a-z]+$")
    ask: str = Field(min_length=1)
    default: str
    answers: dict[str, str] = Field(min_length=2)

    @model_validator(mode="after")
    def _default_is_an_answer(self) -> Self:
        if self.default not in self.answers:
            raise ValueError(f"question {self.key}: the default {self.default!r} is not one of its answers")
        return self


class Rule(_Part):
    """An outcome, and the answers under which it holds: any of those listed, for every question listed."""

    when: dict[str, list[str]]
    outcome: str

    def holds(self, answers: dict[str, str]) -> bool:
        """True when every condition is met; a question without an answer meets none."""
        return all(answers.get(key) in allowed for key, allowed in self.when.items())


class Outcome(_Part):
    """What is advised.

    Args:
        families: the advised one, and the other answers that are as right, in order of preference.
        title: the advice in a few words.
        why: what speaks for it.
        gives_up: what speaks against it.
        commands: what to type, by family; DATA stands for the images.
        requires: tasks without which the command does not exist.
        nearest: the family to take where the advised one is not there; left out: the next of `families`.
        nearest_command: its command; left out: the one in `commands`.
        nearest_lacks: what it lacks.
        next: what to type afterwards.
    """

    families: list[str] = Field(min_length=1)
    title: str
    why: str
    gives_up: str
    commands: dict[str, str] = Field(min_length=1)
    requires: list[str] = []
    nearest: str | None = None
    nearest_command: str | None = None
    nearest_lacks: str = ""
    next: str | None = None


class Rules(_Part):
    """Everything the chooser knows."""

    question: list[Question] = Field(min_length=1)
    rule: list[Rule] = Field(min_length=1)
    outcome: dict[str, Outcome] = Field(min_length=1)
    folklore: dict[str, dict[str, str]]

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        questions = {q.key: q for q in self.question}
        if len(questions) < len(self.question):
            raise ValueError("two questions have one key")
        for rule in self.rule:
            if rule.outcome not in self.outcome:
                raise ValueError(f"a rule leads to {rule.outcome!r}, which is not an outcome")
            for key, allowed in rule.when.items():
                if key not in questions or not allowed or set(allowed) - questions[key].answers.keys():
                    raise ValueError(f"a rule for {rule.outcome!r} asks for {key} = {allowed}, which nobody can answer")
        if self.rule[-1].when:
            raise ValueError("the last rule has conditions, so that some path would not end")
        lost = self.outcome.keys() - {self.result(answers) for answers in completions(self, {})}
        if lost:
            raise ValueError(f"no answers lead to {', '.join(sorted(lost))}")
        return self

    def result(self, answers: dict[str, str]) -> str:
        """The outcome's key, of complete answers."""
        return next(rule.outcome for rule in self.rule if rule.holds(answers))


def completions(rules: Rules, answers: dict[str, str]) -> list[dict[str, str]]:
    """Every way to answer all questions that agrees with these answers."""
    each = [[answers[q.key]] if q.key in answers else list(q.answers) for q in rules.question]
    return [dict(zip((q.key for q in rules.question), chosen, strict=True)) for chosen in product(*each)]


@cache
def rules() -> Rules:
    """The rules that come with the package."""
    return parse(files("reverie.advise").joinpath("rules.toml").read_text(encoding="utf-8"))


def parse(text: str) -> Rules:
    """Rules from TOML.

    Raises:
        UsageError: the text is not TOML, has unknown keys, or a path that does not end; the message names the first.
    """
    try:
        return Rules.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"rules: are not TOML ({error}). Put the file back.") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "rules"
        raise UsageError(f"{where}: {first['msg'].removeprefix('Value error, ')}. Put it right in the file.") from None
