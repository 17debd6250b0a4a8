"""What the course's files may hold, and `load_course`, which reads and checks them all.

    units/NN-title.md   front matter (YAML between `---` lines) with the fields of `Unit`, then its text
    questions.yaml      a list of `Question`
    exercises.yaml      one `Exercises`
    cards.yaml          a list of `Card`

Texts are written in the Markdown of `dialect.py`; the text of a unit has blocks, every other text has paragraphs alone.
An id never changes once it was published: learners' schedules and links refer to it. Not here: how anything looks.
"""

from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import yaml
from pydantic import Field, ValidationError, model_validator

from reverie.core.errors import DataError
from reverie.studio.course.parts import Draw, Option, Part, Slip, Source, Text, check_options, mistaken

Id = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
Component = Literal[
    "two-questions",
    "vae-stages",
    "reparameterisation",
    "elbo-gauges",
    "gan-game",
    "failure-gallery",
    "trade-off",
    "latent-diffusion",
]
Family = Literal["vae", "gan", "diffusion", "ssl"]
_Model = TypeVar("_Model", bound=Part)


class Picture(Part):
    """The living picture beside a unit's text: which one, on which recorded runs, and what it shows."""

    component: Component
    runs: list[str] = []
    caption: str = Text


class Prediction(Part):
    """What a learner commits to before the run; one option is right."""

    question: str = Text
    options: list[Option] = Field(min_length=2)

    @model_validator(mode="after")
    def _one_is_right(self) -> Self:
        check_options(self.options, 1)
        return self


class Trial(Part):
    """The run: a recording to play at once, and a command that does it live."""

    recorded: str | None = None
    live: str | None = None
    words: str = Text


class Explanation(Part):
    """What a learner puts into words, and one way to say it."""

    prompt: str = Text
    model_answer: str = Text


class Unit(Part):
    """One claim, one picture, and predict, run, compare, explain.

    Args:
        minutes: how long it takes to read.
        compare: what the run showed, to hold against the prediction.
        holds: comparisons of recorded numbers ("run:key < run:key") without which the text would be wrong.
        worked: numbers that the text works out by hand.
        body: the text.
    """

    id: str = Id
    number: int = Field(ge=1)
    title: str = Text
    minutes: float = Field(gt=0)
    claim: str = Text
    picture: Picture
    predict: Prediction
    run: Trial
    compare: str = Text
    explain: Explanation
    sources: list[Source] = Field(min_length=1)
    holds: list[str] = []
    worked: Draw | None = None
    body: str = Text


class Question(Part):
    """Something to retrieve: with options and a reason for each, or open, with a model answer behind a button.

    Args:
        unit: what it is about.
        after: the unit after which it is asked, the same or a later one; left out: in the practice alone.
        practice: its place among the practice questions.
        points: what a good open answer mentions, to tick off after the reveal.
    """

    id: str = Id
    unit: str
    after: str | None = None
    practice: int | None = Field(default=None, ge=1)
    ask: str = Text
    options: list[Option] = []
    answer: str | None = None
    points: list[str] = []

    @model_validator(mode="after")
    def _has_an_answer(self) -> Self:
        if bool(self.options) == (self.answer is not None):
            raise ValueError("needs either options, or an answer to reveal")
        if self.options:
            check_options(self.options, 1)
        elif not self.points:
            raise ValueError("is open and needs points to tick off")
        if self.after is None and self.practice is None:
            raise ValueError("is asked nowhere; give it 'after' or 'practice'")
        return self


class Compute(Part):
    """Exercise A: numbers to work out, then as many fresh ones as one likes.

    Args:
        otherwise: what to say of a wrong answer that no known mistake explains.
        fresh: for each of mu, sigma and eps, the numbers that a new draw picks from.
    """

    id: str = Id
    title: str = Text
    unit: str
    ask: str = Text
    draw: Draw
    tolerance: float = Field(gt=0)
    slips: list[Slip] = Field(min_length=1)
    otherwise: str = Text
    right: str = Text
    fresh: dict[Literal["mu", "sigma", "eps"], list[float]]

    @model_validator(mode="after")
    def _mistakes_can_be_told_apart(self) -> Self:
        if set(self.fresh) != {"mu", "sigma", "eps"}:
            raise ValueError("fresh needs mu, sigma and eps")
        given = self.draw.mu, self.draw.sigma, self.draw.eps
        made = [self.draw.z, *(mistaken(slip.mistake, *given) for slip in self.slips)]
        for i, one in enumerate(made):
            for other in made[:i]:
                if max(abs(a - b) for a, b in zip(one, other, strict=True)) <= self.tolerance:
                    raise ValueError("two mistakes, or a mistake and the answer, give the same numbers")
        return self


class FamilyOption(Option):
    """A family of models as an answer."""

    family: Family


class Situation(Part):
    """A task to choose a family for, with the facts by which `reverie choose` answers it, too."""

    id: str = Id
    title: str = Text
    ask: str = Text
    answers: dict[str, str] = Field(min_length=1)
    outcome: str
    options: list[FamilyOption] = Field(min_length=2)

    @model_validator(mode="after")
    def _some_are_right(self) -> Self:
        check_options(self.options, None)
        return self


class Choose(Part):
    """Exercise B."""

    id: str = Id
    title: str = Text
    unit: str
    ask: str = Text
    situations: list[Situation] = Field(min_length=1)


class Step(Part):
    """A question of exercise C, with options."""

    id: str = Id
    ask: str = Text
    options: list[Option] = Field(min_length=2)

    @model_validator(mode="after")
    def _one_is_right(self) -> Self:
        check_options(self.options, 1)
        return self


class Read(Part):
    """Exercise C: a run to read, beside a recorded one of its kind."""

    id: str = Id
    title: str = Text
    unit: str
    story: str = Text
    recorded: str
    beside: str = Text
    steps: list[Step] = Field(min_length=1)
    model_answer: str = Text


class Fault(Part):
    """A log that the learner has not seen; the doctor's verdict follows the answer."""

    id: str = Id
    recorded: str
    ask: str = Text
    options: list[Option] = Field(min_length=2)
    verdict: str = Text

    @model_validator(mode="after")
    def _one_is_right(self) -> Self:
        check_options(self.options, 1)
        return self


class Exercises(Part):
    """Three exercises, and the faults to find."""

    compute: Compute
    choose: Choose
    read: Read
    faults: list[Fault] = Field(min_length=1)


class Card(Part):
    """A flashcard: a question in front, an answer behind."""

    id: str = Id
    unit: str
    front: str = Text
    back: str = Text


class Course(Part):
    """Everything, in order, with every reference checked."""

    units: list[Unit] = Field(min_length=1)
    questions: list[Question] = Field(min_length=1)
    exercises: Exercises
    cards: list[Card] = Field(min_length=1)

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        order = [unit.id for unit in self.units]
        if [unit.number for unit in self.units] != list(range(1, len(order) + 1)):
            raise ValueError("units must be numbered from 1, in the order of their files")
        ids = list(self.ids())
        twice = sorted({one for one in ids if ids.count(one) > 1})
        if twice:
            raise ValueError(f"two things have the id {twice[0]!r}")
        for what, unit in self._references():
            if unit not in order:
                raise ValueError(f"{what} refers to the unit {unit!r}, which does not exist")
        for question in self.questions:
            if question.after is not None and order.index(question.after) < order.index(question.unit):
                raise ValueError(f"{question.id} is asked before its unit was read")
        return self

    def ids(self) -> Iterator[str]:
        """Every id, in order."""
        exercises = self.exercises
        yield from (unit.id for unit in self.units)
        yield from (question.id for question in self.questions)
        yield from (exercises.compute.id, exercises.choose.id, exercises.read.id)
        yield from (one.id for one in (*exercises.choose.situations, *exercises.read.steps, *exercises.faults))
        yield from (card.id for card in self.cards)

    def _references(self) -> Iterator[tuple[str, str]]:
        parts: Sequence[Any] = (
            *self.questions,
            *self.cards,
            self.exercises.compute,
            self.exercises.choose,
            self.exercises.read,
        )
        yield from ((part.id, part.unit) for part in parts)
        yield from ((question.id, question.after) for question in self.questions if question.after is not None)

    def recordings(self) -> list[str]:
        """The recorded runs that pictures, trials and exercises play, each once."""
        found = [run for unit in self.units for run in (*unit.picture.runs, unit.run.recorded) if run]
        found += [self.exercises.read.recorded, *(fault.recorded for fault in self.exercises.faults)]
        return list(dict.fromkeys(found))


def load_course(folder: Path | None = None) -> Course:
    """Reads the course.

    Args:
        folder: where its files lie; left out: those that come with the package.

    Raises:
        DataError: a file is missing, is no YAML, or does not keep to the schema; the message names file and place.

    Example:
        >>> [unit.id for unit in load_course().units][:2]
        ['two-questions', 'the-vae']
    """
    root: Traversable = folder or files("reverie.studio.course")
    units = sorted((f for f in root.joinpath("units").iterdir() if f.name.endswith(".md")), key=lambda f: f.name)
    found = {
        "units": [_part(Unit, _front(file), f"units/{file.name}") for file in units],
        "questions": _parts(Question, root, "questions.yaml"),
        "exercises": _part(Exercises, _yaml(_read(root, "exercises.yaml"), "exercises.yaml"), "exercises.yaml"),
        "cards": _parts(Card, root, "cards.yaml"),
    }
    return _part(Course, found, "course")


def _part(model: type[_Model], values: Any, where: str) -> _Model:
    """One checked object.

    Raises:
        DataError: it does not keep to the schema; the message names the first place where.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        words = "is missing" if first["type"] == "missing" else first["msg"].removeprefix("Value error, ")
        raise DataError(f"{where}: {place + ': ' if place else ''}{words}. Put it right in the file.") from None


def _parts(model: type[_Model], root: Traversable, name: str) -> list[_Model]:
    found = _yaml(_read(root, name), name)
    if not isinstance(found, list):
        raise DataError(f"{name}: is not a list. Begin every entry with '- '.")
    return [_part(model, one, f"{name}: {_named(one, number)}") for number, one in enumerate(found, 1)]


def _named(values: Any, number: int) -> str:
    """What to call an entry: by its id, else by its place."""
    name = values.get("id") if isinstance(values, Mapping) else None
    return name if isinstance(name, str) else f"entry {number}"


def _front(file: Traversable) -> dict[str, Any]:
    """A unit's front matter, with the text below it as `body`."""
    where = f"units/{file.name}"
    pieces = file.read_text(encoding="utf-8").split("---\n", 2)
    if len(pieces) < 3 or pieces[0]:
        raise DataError(f"{where}: has no front matter. Begin with '---', YAML, and '---'.")
    values = _yaml(pieces[1], where)
    if not isinstance(values, dict):
        raise DataError(f"{where}: its front matter has no keys. Write lines such as 'id: the-elbo'.")
    return values | {"body": pieces[2].strip() + "\n"}


def _yaml(text: str, where: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise DataError(f"{where}: is not YAML ({' '.join(str(error).split())}). Put it right in the file.") from None


def _read(root: Traversable, name: str) -> str:
    try:
        return root.joinpath(name).read_text(encoding="utf-8")
    except OSError:
        raise DataError(f"{name}: is not there. Put the file back.") from None
