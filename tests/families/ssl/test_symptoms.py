"""Symptoms of encoders: on invented numbers, and on a training with a planted failure."""

from pathlib import Path
from typing import Any

import pytest

import reverie
from reverie.core.event import Event, Probed, Started, Stepped
from reverie.core.finding import Record
from reverie.core.recipe import Recipe
from reverie.core.run import Run
from reverie.diagnose.engine import diagnose

HEALTHY = {
    "effective_rank": 40.0, "latent_units": 128.0, "knn_accuracy": 0.85, "knn_accuracy_pixels": 0.8,
    "contrast_nats": 3.0, "contrast_chance_nats": 6.9,
}  # fmt: skip


def record(
    spread: float = 0.9, rows: int = 10, upto: float = 1.0, recipe: dict[str, Any] | None = None, **now: float
) -> Record:
    """A run whose second half shows these numbers, up to a share of its budget."""
    made = Recipe.from_dict({"family": "ssl", "train": {"images": 1000 * rows}} | (recipe or {}))
    events: list[Event] = [Started(images=0)]
    for i in range(1, int(rows * upto) + 1):
        sick = i > rows / 2
        terms = {"spread": spread if sick else 0.9, "view_cosine": 0.9}
        events += [Stepped(images=1000 * i, phase="views", terms=terms)]
        events += [Probed(images=1000 * i, values=HEALTHY | (now if sick else {}))]
    return Record(made, tuple(events))


def codes(found: Record) -> list[str]:
    return [f.code for f in diagnose(found)]


def test_health_has_no_findings() -> None:
    assert codes(record()) == []
    assert codes(record(knn_accuracy=0.79)) == [], "within the chance of a thousand images"


def test_collapses_and_when_they_began() -> None:
    (complete,) = diagnose(record(spread=0.02, effective_rank=1.1, knn_accuracy=0.1))
    assert complete.code == "S001" and complete.since == 6000, "the rank and the neighbours are its consequences"
    (dimensional,) = diagnose(record(effective_rank=3.0, knn_accuracy=0.4))
    assert dimensional.code == "S002" and dimensional.since == 6000
    (useless,) = diagnose(record(knn_accuracy=0.6))
    assert useless.code == "S003" and useless.since == 6000


def test_few_dimensions_are_no_collapse_of_few() -> None:
    assert codes(record(effective_rank=3.0, latent_units=4.0)) == []


def test_nothing_is_said_too_early() -> None:
    assert codes(record(effective_rank=3.0, knn_accuracy=0.4, rows=100, upto=0.02)) == []


@pytest.mark.parametrize(
    ("ssl", "now", "remedy"),
    [
        ({"method": "vicreg", "variance": 0.0}, {"spread": 0.01}, {"ssl.variance": 25.0, "ssl.covariance": 1.0}),
        ({"method": "byol", "predictor": False}, {"spread": 0.01}, {"ssl.predictor": True, "ssl.teacher": 0.99}),
        ({"method": "byol"}, {"spread": 0.01}, {"ssl.method": "vicreg"}),
        ({"method": "vicreg"}, {"spread": 0.01}, {"ssl.method": "simclr"}),
        ({"method": "vicreg", "covariance": 0.0}, {"effective_rank": 2.0}, {"ssl.covariance": 1.0}),
        ({"method": "simclr", "layers": 0}, {"effective_rank": 2.0}, {"ssl.layers": 2}),
        ({"method": "simclr"}, {"effective_rank": 2.0}, {"ssl.method": "vicreg"}),
        ({"crop": 0.05}, {"knn_accuracy": 0.5}, {"ssl.crop": 0.3, "ssl.jitter": 0.4, "ssl.noise": 0.0}),
        ({}, {"knn_accuracy": 0.5}, {"train.images": 30_000}),
    ],
)
def test_a_remedy_is_a_recipe_of_what_was_missing(
    ssl: dict[str, Any], now: dict[str, Any], remedy: dict[str, Any]
) -> None:
    sick = record(recipe={"ssl": ssl}, **now)
    (finding,) = diagnose(sick)
    assert finding.remedy == remedy
    assert sick.recipe.change(finding.remedy) != sick.recipe


@pytest.mark.parametrize(
    ("planted", "code"),
    [({"ssl.predictor": False, "ssl.teacher": 0.0}, "S001"), ({}, None)],
)
def test_a_student_without_predictor_and_slow_teacher_collapses(
    tmp_path: Path, planted: dict[str, Any], code: str | None
) -> None:
    recipe = Recipe.from_dict(
        {
            "family": "ssl",
            "data": {"source": "digits"},
            "train": {"images": 16_000, "batch": 64, "log_every": 10, "probes": 4, "grids": 1, "threads": 1},
            "optim": {"lr": 3e-3},
            "ssl": {"method": "byol", "net": "conv", "width": 8, "features": 32, "projector": 64, "crop": 0.5},
        }
    )
    for _ in reverie.train(recipe.change(planted), run=tmp_path / "run"):
        pass
    found = [f.code for f in diagnose(Record.of(Run.open(tmp_path / "run"))) if f.code in ("S001", "S002")]
    assert found == ([code] if code else [])
