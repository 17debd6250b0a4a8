"""Points compared: the numbers of their mixture stand beside those of any data, and what real points score."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from reverie.core.capability import Samples
from reverie.core.recipe import DataRecipe
from reverie.data import open_dataset
from reverie.data.builtin.points import SIGMA, modes
from reverie.measure.contest import Contest, Terms, contest
from reverie.measure.extractors.pixels import Pixels
from reverie.measure.metric import Comparison

OF_MIXTURES = ("modes", "high_quality", "reverse_kl", "mode_spread")


class Mixture(Samples):
    """Points of ring8 in the first `kept` of its modes, with `spread` times its deviation."""

    def __init__(self, kept: int, spread: float) -> None:
        self.kept, self.spread = kept, spread

    def sample(self, seeds: Sequence[int], *, labels: Tensor | None = None, truncation: float = 1.0) -> Tensor:
        rows = [np.random.default_rng(seed) for seed in seeds]
        centres = np.asarray(modes("ring8"))[[rng.integers(self.kept) for rng in rows]]
        noise = np.stack([rng.standard_normal(2) for rng in rows])
        return torch.from_numpy(centres + self.spread * SIGMA["ring8"] * noise).float().view(-1, 2, 1, 1)


@pytest.fixture(scope="module")
def found() -> Contest:
    items = open_dataset(DataRecipe(source="ring8", num=4000, held_out=0.4)).held_out
    models = {"true": Mixture(8, 1.0), "lacking": Mixture(5, 1.0), "tight": Mixture(8, 0.5)}
    return contest(models, Terms(items, Comparison(Pixels(items.spec)), num=1000))


def test_modes_come_with_how_well_points_sit_in_them(found: Contest) -> None:
    assert all(set(OF_MIXTURES) <= set(values) for values in found.values.values())
    assert [values["modes"].value for values in found.values.values()] == [8, 5, 8]
    assert found.values["tight"]["mode_spread"].value == pytest.approx(0.5, rel=0.05)
    real = {name: found.floors[name].value for name in OF_MIXTURES}
    assert real == pytest.approx(
        {"modes": 8, "high_quality": 1 - np.exp(-4.5), "reverse_kl": 7 / 1978, "mode_spread": 1}
    )


def test_what_a_mixture_lacks_is_lost_and_what_exceeds_it_is_no_merit(found: Contest) -> None:
    won = {(d.metric, d.a, d.b): d.winner for d in found.differences}
    assert won["reverse_kl", "true", "lacking"] == "true" and won["reverse_kl", "lacking", "tight"] == "tight"
    assert won["mode_spread", "true", "tight"] is None, "neither way is better"
    assert won["high_quality", "true", "lacking"] is None
    quality = {who: values["high_quality"].value for who, values in found.values.items()}
    assert quality["tight"] == 1.0 > quality["true"] and won["high_quality", "true", "tight"] is None
    reached = {d.metric: d.floor for d in found.differences}
    assert reached["high_quality"] == found.floors["high_quality"].low, "a true mixture may have as little by chance"
    assert reached["reverse_kl"] == found.floors["reverse_kl"].high
    assert won["reverse_kl", "true", "tight"] is None, "both are what chance makes of a true mixture"
