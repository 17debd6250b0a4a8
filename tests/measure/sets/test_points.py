"""A perfect sampler's numbers, planted failures, and the metric on a model of points."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from reverie.core.capability import Samples
from reverie.core.errors import ReverieError, UsageError
from reverie.core.recipe import DataRecipe
from reverie.core.rng import normal_by_seed
from reverie.data import open_dataset
from reverie.data.builtin.points import SIGMA, Name, draw_points, modes
from reverie.measure import measure
from reverie.measure.sets.points import HIGH_QUALITY, expected_reverse_kl, point_report

NAMES: tuple[Name, ...] = ("ring8", "grid25")


@pytest.mark.parametrize("name", NAMES)
def test_a_perfect_sampler(name: Name) -> None:
    reports = [point_report(draw_points(name, 2500, seed)[0], modes(name), SIGMA[name]) for seed in range(100)]
    k = len(modes(name))
    assert all(report.modes.value == k for report in reports)
    assert HIGH_QUALITY == pytest.approx(0.98889, abs=1e-5)
    for attribute, truth in (
        ("high_quality", 1 - math.exp(-4.5)),
        ("reverse_kl", (k - 1) / (2 * 2500 * HIGH_QUALITY)),
        ("mode_spread", 1.0),
    ):
        found = np.array([getattr(report, attribute).value for report in reports])
        assert found.mean() == pytest.approx(truth, abs=3 * found.std(ddof=1) / 10)
        errors = np.array([getattr(report, attribute).se for report in reports])
        # Of the divergence the error covers the bias as well.
        assert 0.8 < errors.mean() / found.std(ddof=1) < (2.5 if attribute == "reverse_kl" else 1.25)
    assert expected_reverse_kl(8, 2500) == pytest.approx(0.0014) and expected_reverse_kl(25, 2500) == 0.0048


def test_dropped_modes() -> None:
    points, mode = draw_points("grid25", 20_000, 0)
    report = point_report(points[mode < 5], modes("grid25"), SIGMA["grid25"])
    assert report.modes.value == 5 and sum(count > 0 for count in report.histogram) == 5
    assert report.reverse_kl.value == pytest.approx(math.log(5), abs=0.01)


@pytest.mark.parametrize("width", [0.1, 0.5, 0.9])
def test_modes_that_are_too_tight(width: float) -> None:
    chance, centres = np.random.default_rng(1), modes("ring8")
    points = centres[chance.integers(8, size=20_000)] + 0.01 * width * chance.standard_normal((20_000, 2))
    report = point_report(points, centres, 0.01)
    assert report.high_quality.value > HIGH_QUALITY + 2e-3
    assert report.mode_spread.value == pytest.approx(width, rel=0.06)


def test_nothing_near_a_mode() -> None:
    report = point_report(np.full((50, 2), 9.0), modes("ring8"), 0.01)
    assert (report.modes.value, report.high_quality.value, report.mode_spread.value) == (0, 0, 0)
    assert report.reverse_kl.value == pytest.approx(math.log(8)) and report.reverse_kl.n == 0
    with pytest.raises(ReverieError, match="3 coordinates"):
        point_report(np.zeros((5, 3)), modes("ring8"), 0.01)
    with pytest.raises(ReverieError, match="not finite"):
        point_report(np.full((5, 2), np.nan), modes("ring8"), 0.01)


class Perfect(Samples):
    """The mixture itself."""

    def __init__(self, name: Name, shape: tuple[int, ...] = (2, 1, 1)) -> None:
        self.centres, self.sigma, self.shape = torch.from_numpy(modes(name)).float(), SIGMA[name], shape

    def sample(self, seeds: Sequence[int], *, labels: Tensor | None = None, truncation: float = 1.0) -> Tensor:
        mode = torch.tensor([seed * 7919 % len(self.centres) for seed in seeds])
        points = self.centres[mode] + self.sigma * normal_by_seed(seeds, 2)
        return points.view(-1, *self.shape)


@pytest.mark.parametrize("name", NAMES)
def test_the_metric(name: Name) -> None:
    held_out = open_dataset(DataRecipe(source=name)).held_out
    found = measure(Perfect(name), held_out, metrics=["modes"])
    assert list(found) == ["modes", "high_quality", "reverse_kl", "reverse_kl_floor", "mode_spread"]
    assert found["modes"].value == len(modes(name)) and found["modes"].n == 2500
    assert found["high_quality"].value == pytest.approx(HIGH_QUALITY, abs=0.007)
    assert found["mode_spread"].value == pytest.approx(1, abs=0.03)
    assert measure(Perfect(name), held_out, metrics=["modes"], batch=7) == found


def test_where_the_metric_does_not_apply(tensor_items: Any) -> None:
    model = Perfect("ring8")
    with pytest.raises(UsageError, match="modes cannot be taken here: its modes are not known"):
        measure(model, tensor_items(torch.zeros(200, 2, 1, 1), kind="points"), metrics=["modes"])
    held_out = open_dataset(DataRecipe(source="ring8")).held_out
    with pytest.raises(UsageError, match="the samples are 1x1x2, not points"):
        measure(Perfect("ring8", (1, 1, 2)), held_out, metrics=["modes"])
