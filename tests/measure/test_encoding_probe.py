"""The probe of encoders: its numbers against formulas, what it sees of encoders that are known, and of broken ones."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reverie.core.capability import Encodes
from reverie.core.family import Batch
from reverie.core.spec import DataSpec
from reverie.measure.encoding_probe import COLUMNS, EncodingProbe, agreement, variation

SHAPES = torch.tensor(
    [[[1, 1, 1], [1, 0, 1], [1, 1, 1]], [[0, 1, 0], [1, 1, 1], [0, 1, 0]], [[1, 1, 1], [1, 0, 0], [1, 0, 0]]]
).float()


class Splits:
    """A little noise and one of three shapes, at any place."""

    def __init__(self, n: int, seed: int, labelled: bool = True) -> None:
        rng = np.random.default_rng(seed)
        self.labels = torch.from_numpy(rng.integers(3, size=n))
        self.images = torch.zeros(n, 1, 12, 12)
        for image, label, shift in zip(self.images, self.labels, rng.integers(12, size=(n, 2)), strict=True):
            image[0, :3, :3] = SHAPES[label]
            image.copy_(image.roll(tuple(shift.tolist()), (1, 2)))
        self.images += torch.from_numpy(rng.normal(0, 0.1, size=self.images.shape)).float()
        self.labelled = labelled
        self.spec = DataSpec(1, 12, 12, classes=("ring", "cross", "corner") if labelled else ())

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, index: np.ndarray) -> Batch:
        return Batch(self.images[index], self.labels[index] if self.labelled else None)


class Encoder(nn.Module, Encodes):
    """A function of images as an encoder."""

    def __init__(self, function: Callable[[Tensor], Tensor], latent_dim: int) -> None:
        super().__init__()
        self.function, self.latent_dim = function, latent_dim

    def encode(self, images: Tensor, *, labels: Tensor | None = None) -> Tensor:
        return self.function(images)


def spectrum(images: Tensor) -> Tensor:
    """Blind to phases: the shape is all that is left, not its place."""
    return torch.fft.rfft2(images[:, 0]).abs().flatten(1)


def probe(labelled: bool = True) -> EncodingProbe:
    return EncodingProbe(Splits(600, 0, labelled), Splits(200, 1, labelled), seed=0)  # pyright: ignore


KNOWING, CONSTANT = Encoder(spectrum, 84), Encoder(lambda x: torch.ones(len(x), 8), 8)


def test_an_encoder_that_knows_beats_pixels_and_one_that_does_not_is_at_chance() -> None:
    look = probe()
    knowing, constant = look(KNOWING), look(CONSTANT)
    assert knowing["knn_accuracy"] > 0.99 > knowing["knn_accuracy_pixels"]
    assert constant["knn_accuracy"] < 0.5
    assert constant["contrast_nats"] == pytest.approx(constant["contrast_chance_nats"]) == pytest.approx(math.log(200))
    assert constant["uniformity"] == pytest.approx(0, abs=1e-6) and constant["alignment"] == pytest.approx(0, abs=1e-6)
    assert constant["variation"] == pytest.approx(0, abs=1e-9) and constant["effective_rank"] == pytest.approx(1)
    assert look.nulls() == {"knn_accuracy": (knowing["knn_accuracy_pixels"], 1.0)}
    assert look(KNOWING) == knowing, "equal weights give equal numbers"


def test_the_best_weights_are_chosen_by_labels_where_there_are_any() -> None:
    with_labels, without = probe(), probe(labelled=False)
    assert with_labels.best == ("knn_accuracy", 1) and without.best == ("contrast_nats", -1)
    assert "knn_accuracy" not in without(KNOWING) and "contrast_nats" in without(KNOWING)
    assert without.nulls() == {}


def test_agreement_is_what_the_papers_say() -> None:
    rng = torch.Generator().manual_seed(0)
    a = F.normalize(torch.randn(9, 4, generator=rng, dtype=torch.float64), dim=1)
    b = F.normalize(a + 0.3 * torch.randn(9, 4, generator=rng, dtype=torch.float64), dim=1)
    found = agreement(a, b)
    pairs = [math.exp(-2 * float(((a[i] - a[j]) ** 2).sum())) for i in range(9) for j in range(9) if i != j]
    assert found["uniformity"] == pytest.approx(math.log(np.mean(pairs)), rel=1e-12)
    assert found["alignment"] == pytest.approx(float(((a - b) ** 2).sum(1).mean()), rel=1e-12)
    scores = np.exp(a.numpy() @ b.numpy().T / 0.1)
    assert found["contrast_nats"] == pytest.approx(-np.log(np.diag(scores) / scores.sum(1)).mean(), rel=1e-10)


def test_uniform_directions_have_the_uniformity_of_the_sphere() -> None:
    """In many dimensions two of them are orthogonal: log exp(-2 * 2) = -4."""
    unit = F.normalize(torch.randn(300, 4000, generator=torch.Generator().manual_seed(0)), dim=1)
    assert agreement(unit, unit)["uniformity"] == pytest.approx(-4, abs=0.01)


def test_variation_is_the_share_of_the_mean_square_that_varies() -> None:
    codes = torch.randn(5000, 6, generator=torch.Generator().manual_seed(0)) + 3
    assert variation(codes) == pytest.approx(1 / 10, abs=0.005)


def test_what_is_not_finite_is_said_and_nothing_breaks() -> None:
    values = probe()(Encoder(lambda x: torch.full((len(x), 8), math.nan), 8))
    unsaid = {"latent_units", "contrast_chance_nats", "knn_accuracy_pixels"}
    assert all(math.isnan(v) for name, v in values.items() if name not in unsaid)


def test_a_picture_has_a_held_out_image_and_its_neighbours_in_each_row() -> None:
    shown = probe().picture(KNOWING)
    held, train = Splits(200, 1), Splits(600, 0)
    assert shown.shape == (8 * COLUMNS, 1, 12, 12)
    for row, query in enumerate(held.images[:8]):
        assert torch.equal(shown[row * COLUMNS], query)
        kinds = [
            train.labels[(train.images == picture).flatten(1).all(1)][0] for picture in shown[row * COLUMNS + 1 :][:7]
        ]
        assert kinds == [held.labels[row]] * 7


def test_a_model_gets_its_mode_back() -> None:
    model: Any = Encoder(spectrum, 84).train()
    probe()(model)
    assert model.training
