"""Metrics of sets of images on clusters whose truth is known: what is fine scores its floor, what is planted shows."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from reverie.core.capability import Samples
from reverie.core.errors import ReverieError, UsageError
from reverie.measure import Comparison, Value, get_metric, measure, metric_names, sets_metric
from reverie.measure.extractors.pixels import Pixels
from reverie.measure.pictures import Pictures
from reverie.measure.sets_metric import SetMetric

SETS = [name for name in metric_names() if isinstance(get_metric(name), SetMetric)]
CLUSTERS, SHAPE = 8, (1, 3, 3)


def draw(n: int, seed: int, clusters: int = CLUSTERS, spread: float = 0.06) -> Tensor:
    """n images near `clusters` of eight fixed ones, rounded to 8 bits."""
    centres = torch.rand(CLUSTERS, *SHAPE, generator=torch.Generator().manual_seed(99)) * 1.4 - 0.7
    chance = torch.Generator().manual_seed(seed)
    which = torch.randint(clusters, (n,), generator=chance)
    images = centres[which] + spread * torch.randn(n, *SHAPE, generator=chance)
    return ((images.clamp(-1, 1) + 1) * 127.5).round() / 127.5 - 1


class Maker(Samples):
    """Hands out the rows of a tensor by seed."""

    def __init__(self, images: Tensor) -> None:
        self.images = images

    def sample(self, seeds: Sequence[int], *, labels: Tensor | None = None, truncation: float = 1.0) -> Tensor:
        return self.images[torch.tensor([seed % len(self.images) for seed in seeds])]


@pytest.fixture(scope="module")
def taken(tensor_items) -> Callable[..., dict[str, Value]]:
    """Every metric of sets, of a model that makes these images, against 1,200 real ones."""
    items, train = tensor_items(draw(1200, 1)), tensor_items(draw(2000, 2))

    def take(images: Tensor, *names: str, **given: Any) -> dict[str, Value]:
        comparison = Comparison(Pixels(items.spec), train)
        return measure(Maker(images), items, metrics=names or SETS, comparison=comparison, **given)

    return take


@pytest.fixture(scope="module")
def fine(taken) -> dict[str, Value]:
    return taken(draw(5000, 3))


@pytest.fixture(scope="module")
def dropped(taken) -> dict[str, Value]:
    """Three of eight modes are never made."""
    return taken(draw(5000, 3, clusters=5))


def off(found: dict[str, Value], name: str) -> float:
    """How far a value is from its floor, in standard errors of the two."""
    value, floor = found[name], found[f"{name}_floor"]
    return (value.value - floor.value) / float(np.hypot(value.se or 0, floor.se or 0))


@pytest.mark.parametrize("name", [name for name in SETS if name != "copies"])
def test_new_real_images_score_their_floor(fine, name: str) -> None:
    assert abs(off(fine, name)) < 4
    assert fine[name].n == fine[f"{name}_floor"].n == 600


def test_the_floors_are_what_theory_says(fine) -> None:
    assert abs(fine["frechet_floor"].value) < 4 * (fine["frechet_floor"].se or 0) + 1e-3
    assert abs(fine["kid_floor"].value) < 4 * (fine["kid_floor"].se or 0) + 1e-9
    assert fine["density_floor"].value == pytest.approx(1, abs=0.1)
    assert fine["coverage_floor"].value == pytest.approx(1 - 2**-5, abs=0.03)  # Naeem et al. 2020, eq. 9
    assert fine["ndb_floor"].value < 0.2 and fine["copies_floor"].value < 0.03


def test_dropped_modes_show_where_they_should(dropped) -> None:
    for name in ("frechet", "kid", "sliced_wasserstein", "ndb", "ndb_js", "ndb_missing"):
        assert dropped[name].value > 3 * dropped[f"{name}_floor"].value, name
    for name in ("recall", "coverage"):
        assert dropped[name].value / dropped[f"{name}_floor"].value == pytest.approx(5 / 8, abs=0.08), name
    assert dropped["vendi"].value < dropped["vendi_floor"].value
    assert dropped["precision"].value > 0.8 and off(dropped, "precision") > -3


def test_noise_shows_in_precision_not_in_coverage_alone(taken) -> None:
    found = taken(draw(5000, 3, spread=0.3), "precision", "density")
    assert found["precision"].value < 0.3 < 0.8 < found["precision_floor"].value
    assert found["density"].value < 0.5


def test_copies_are_seen(taken) -> None:
    mixed = torch.cat([draw(2000, 2)[:250], draw(250, 7)])
    found = taken(mixed[torch.randperm(500, generator=torch.Generator().manual_seed(0))], "copies")
    assert found["copies"].value == pytest.approx(0.5, abs=0.08)
    assert found["copies_searched"].value == 2000 and 0 < found["copies_threshold"].value < 1


def test_total_collapse_has_numbers(taken) -> None:
    found = taken(draw(1, 5).expand(10, -1, -1, -1))
    assert all(value.is_finite() for value in found.values())
    assert found["vendi"].value == pytest.approx(1, abs=0.01)
    assert found["coverage"].value < 0.05 and found["frechet"].value > 50 * abs(found["frechet_floor"].value)


def test_numbers_do_not_depend_on_the_batch_or_on_company(taken) -> None:
    images = draw(5000, 3)
    together = taken(images)
    for name in ("frechet", "kid", "coverage"):
        alone = taken(images, name, batch=17)
        for key, value in alone.items():
            assert value.value == pytest.approx(together[key].value, rel=1e-5, abs=1e-7)


def test_points_are_compared_where_that_makes_sense(tensor_items) -> None:
    chance = torch.Generator().manual_seed(0)
    points, made = (torch.randn(600, 2, 1, 1, generator=chance) * 4 for _ in range(2))
    found = measure(Maker(made), tensor_items(points, kind="points"))
    assert {"frechet", "kid", "coverage", "sliced_wasserstein"} <= set(found)
    assert not {"vendi", "copies"} & set(found)
    with pytest.raises(UsageError, match="vendi cannot be taken here: points are not pixels"):
        measure(Maker(made), tensor_items(points, kind="points"), metrics=["vendi"])


def test_too_few_images_are_a_sentence(tensor_items) -> None:
    few = tensor_items(draw(40, 1))
    for name in SETS:
        with pytest.raises(UsageError, match=f"{name} needs at least .* images, got 40"):
            measure(Maker(draw(50, 3)), few, metrics=[name], comparison=Comparison(Pixels(few.spec), few))
    wide = tensor_items(torch.rand(300, 1, 10, 10))
    with pytest.raises(UsageError) as caught:
        measure(Maker(torch.rand(9, 1, 10, 10)), wide, metrics=["frechet"])
    assert str(caught.value) == (
        "frechet needs at least 400 images for the 100 features of pixels (two a feature in each half), got 300. "
        "Ask for more, use kid, or an extractor with fewer features."
    )
    assert "frechet" not in measure(Maker(torch.rand(200, 1, 10, 10)), wide), "nobody asked for it by name"


def test_without_training_images_copies_are_not_looked_for(tensor_items) -> None:
    items = tensor_items(draw(200, 1))
    with pytest.raises(UsageError, match="copies needs the training images, and none are at hand."):
        measure(Maker(draw(100, 3)), items, metrics=["copies"])
    assert not {"copies", "ndb"} & set(measure(Maker(draw(100, 3)), items))


def test_more_features_than_memory_are_a_sentence(tensor_items, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sets_metric, "MOST_VALUES", 3_000)
    items = tensor_items(draw(1000, 1))
    with pytest.raises(UsageError, match="kid: 1,000 images of 9 features each .* at most 222 with --num"):
        measure(Maker(draw(500, 3)), items, metrics=["kid"])
    assert measure(Maker(draw(500, 3)), items, metrics=["frechet"])["frechet"].n == 500, "sums need no more memory"


def test_constant_data_are_a_sentence(tensor_items) -> None:
    with pytest.raises(ReverieError, match="kid: all 100 real images are the same to pixels"):
        measure(Maker(draw(100, 3)), tensor_items(torch.zeros(100, *SHAPE)), metrics=["kid"])


def test_a_folder_of_pictures_is_measured_as_far_as_it_goes(tensor_items) -> None:
    items = tensor_items(draw(1200, 1))
    pictures = Pictures(tensor_items(draw(100, 3)))
    found = measure(pictures, items)
    assert found["kid"].n == 100 and "latency" not in found and "parameters" not in found
    with pytest.raises(UsageError, match="kid of 400 images asks for 200 samples, and the folder holds 100."):
        measure(pictures, items, metrics=["kid"], num=400)
    with pytest.raises(UsageError, match="latency is about a model that makes images"):
        measure(pictures, items, metrics=["latency"])
