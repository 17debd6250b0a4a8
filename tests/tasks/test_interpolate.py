"""Paths between latents, against the geometry they claim."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from reverie.core.capability import Decodes, Encodes
from reverie.core.errors import UsageError
from reverie.tasks.interpolate import interpolate, lerp, path, slerp
from reverie.tasks.require import require

T = torch.linspace(0, 1, 9, dtype=torch.float64).unsqueeze(1)


class Painter(Decodes):
    """Decodes a latent to an image of its first value; remembers the labels."""

    latent_dim = 4

    def __init__(self) -> None:
        self.labels: Tensor | None = None

    def latents(self, seeds: object) -> Tensor:
        raise NotImplementedError

    def decode(self, latents: Tensor, *, labels: Tensor | None = None) -> Tensor:
        self.labels = labels
        return latents[:, :1, None, None].expand(-1, 1, 2, 2)


class Reader(Encodes):
    latent_dim = 4

    def encode(self, images: Tensor, *, labels: Tensor | None = None) -> Tensor:
        return images.flatten(1)


def vectors(seed: int, dim: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    a, b = torch.randn(2, dim, generator=generator, dtype=torch.float64)
    return a, b


@given(st.integers(0, 10_000), st.integers(2, 200))
def test_slerp_of_unit_vectors_stays_on_the_sphere_at_even_angles(seed: int, dim: int) -> None:
    a, b = (v / v.norm() for v in vectors(seed, dim))
    points = slerp(a, b, T)
    assert torch.allclose(points.norm(dim=1), torch.ones(9, dtype=torch.float64), atol=1e-6)
    cosines = (points[:-1] * points[1:]).sum(1)
    assert torch.allclose(cosines, cosines[:1].expand(8), atol=1e-6), "equal steps are equal angles"


@given(st.integers(0, 10_000), st.integers(1, 64))
def test_both_ends_are_exact_and_the_way_back_is_the_same_way(seed: int, dim: int) -> None:
    a, b = vectors(seed, dim)
    for method in ("slerp", "lerp"):
        there, back = path(a, b, steps=7, method=method), path(b, a, steps=7, method=method)
        assert torch.allclose(there[0], a) and torch.allclose(there[-1], b)
        assert torch.allclose(there, back.flip(0), atol=1e-9)


def test_lerp_is_the_mean_halfway() -> None:
    a, b = vectors(0, 5)
    assert torch.allclose(path(a, b, steps=3, method="lerp")[1], (a + b) / 2)


@pytest.mark.parametrize("scale", [1.0, 2.5, -1.0, -3.0, 0.0])
def test_vectors_without_one_great_circle_get_the_straight_line(scale: float) -> None:
    a = torch.tensor([1.0, 2.0, -1.0])
    points = slerp(a, a * scale, T.float())
    assert torch.isfinite(points).all()
    assert torch.allclose(points, lerp(a, a * scale, T.float()))
    assert torch.isfinite(slerp(torch.zeros(3), torch.zeros(3), T.float())).all()


def test_nearly_parallel_vectors_are_smooth() -> None:
    a = torch.tensor([1.0, 0.0])
    for tilt in (1e-2, 1e-3, 1e-4, 1e-6):
        for b in (torch.tensor([1.0, tilt]), torch.tensor([-1.0, tilt])):
            points = slerp(a, b, T.float())
            assert torch.isfinite(points).all() and points.norm(dim=1).max() < 1.01


def test_images_follow_the_path_and_carry_the_label() -> None:
    painter = Painter()
    images = interpolate(painter, torch.zeros(4), torch.ones(1, 4), steps=5, method="lerp", label=3)
    assert torch.allclose(images[:, 0, 0, 0], torch.linspace(0, 1, 5))
    assert painter.labels is not None and painter.labels.tolist() == [3] * 5


def test_a_model_that_cannot_is_told_in_a_sentence() -> None:
    with pytest.raises(UsageError, match="interpolate needs Decodes; 'celeba-ssl' has only Encodes"):
        interpolate(Reader(), torch.zeros(4), torch.ones(4), name="celeba-ssl")
    with pytest.raises(UsageError, match="edit needs Encodes and Decodes; 'p' has only Decodes"):
        require(Painter(), "edit", Encodes, Decodes, name="p")
    require(Painter(), "decode", Decodes)


def test_values_out_of_range_are_sentences() -> None:
    a = torch.zeros(4)
    for wrong in ({"steps": 1}, {"steps": -3}, {"method": "spline"}):
        with pytest.raises(UsageError, match=r"must be .*got"):
            path(a, a, **wrong)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="one size, got 4 and 5"):
        path(a, torch.zeros(5))
