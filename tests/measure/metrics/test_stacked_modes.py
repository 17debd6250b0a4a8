"""Stacked digits read by a stand-in classifier that looks at one pixel."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from reverie.core.capability import Samples
from reverie.core.errors import UsageError
from reverie.core.recipe import DataRecipe
from reverie.core.spec import DataSpec
from reverie.data import open_dataset
from reverie.measure import measure
from reverie.measure.metrics import stacked_modes as file
from reverie.measure.pictures import Pictures

NAMES = tuple(f"{n:03d}" for n in range(1000))


class Spelling(Samples):
    """Makes the numbers 0 to limit - 1; every tenth sample is unclear."""

    def __init__(self, limit: int) -> None:
        self.limit, self.made = limit, 0

    def sample(self, seeds: Sequence[int], *, labels: Tensor | None = None, truncation: float = 1.0) -> Tensor:
        assert labels is None
        self.made += len(seeds)
        return spelt([seed % self.limit for seed in seeds])


def spelt(numbers: Sequence[int]) -> Tensor:
    """Images (n, 3, 2, 2) whose first pixel of each channel is a digit."""
    digits = torch.tensor([[n // 100, n // 10 % 10, n % 10] for n in numbers])
    images = torch.zeros(len(numbers), 3, 2, 2)
    images[:, :, 0, 0] = digits * 20 / 127.5 - 1
    return images


def logits(images: Tensor) -> Tensor:
    """Sure of the digit that the first pixel says."""
    digits = ((images[:, 0, 0, 0] + 1) * 127.5 / 20).round().long()
    return 20.0 * torch.nn.functional.one_hot(digits, 10)


@pytest.fixture
def items(tensor_items, monkeypatch: pytest.MonkeyPatch) -> Any:
    opened: list[Any] = []

    def open_reader(source: str, means: Any) -> Any:
        opened.append((source, means.spec))
        return SimpleNamespace(logits=logits, accuracy=0.99, num=10_000)

    monkeypatch.setattr(file, "classifier", open_reader)
    made = tensor_items(spelt(range(0, 1000, 5)), torch.arange(0, 1000, 5))
    made.spec = DataSpec(3, 2, 2, classes=NAMES)
    made.opened = opened
    return made


def test_every_number_is_found_and_the_reader_is_told(items) -> None:
    model = Spelling(1000)
    found = measure(model, items, metrics=["stacked_modes"])
    assert model.made == 26_000 and found["stacked_modes"].n == 26_000
    assert found["stacked_modes"].value == found["stacked_modes_sure"].value == 1000
    assert found["stacked_kl"].value < 1e-3 < found["stacked_kl_floor"].value
    assert found["stacked_reader_accuracy"].value == 0.99 and found["stacked_reader_accuracy"].n == 10_000
    assert items.opened == [("mnist", DataSpec(1, 2, 2))]


def test_missing_numbers_are_counted(items) -> None:
    found = measure(Spelling(250), items, metrics=["stacked_modes"])
    assert found["stacked_modes"].value == 250
    assert found["stacked_kl"].value == pytest.approx(1.386, abs=0.01)  # ln 4


def test_fewer_images_are_fewer_samples(items, tensor_items) -> None:
    assert measure(Spelling(1000), items, metrics=["stacked_modes"], num=100)["stacked_modes"].n == 100
    pictures = Pictures(tensor_items(spelt(range(500, 620))))
    found = measure(pictures, items, metrics=["stacked_modes"])
    assert found["stacked_modes"].value == found["stacked_modes"].n == 120


def test_other_data_are_refused(items, tensor_items) -> None:
    with pytest.raises(UsageError, match="stacked_modes cannot be taken here: it is for stacked-mnist"):
        measure(Spelling(10), tensor_items(spelt(range(100))), metrics=["stacked_modes"])


def test_the_real_set_is_recognised(real_data) -> None:
    dataset = open_dataset(DataRecipe(source="stacked-mnist", num=128))
    assert file.METRIC.unfit(dataset.spec) is None and dataset.test is not None
