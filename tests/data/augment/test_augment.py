"""Augmentations against plain loops and formulas, and what a critic needs of them: slices and gradients."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from reverie.core.rng import Rng
from reverie.data.augment import ada as adaptive
from reverie.data.augment.ada import LIMIT, ada, next_probability
from reverie.data.augment.diff_augment import cutout, diff_augment, translation


def images(n: int = 6, c: int = 3, h: int = 16, w: int = 16) -> Tensor:
    return torch.rand(n, c, h, w, generator=torch.Generator().manual_seed(0)) * 2 - 1


BOTH = [lambda x, rng: diff_augment(x, rng), lambda x, rng: ada(x, 0.7, rng)]


@pytest.mark.parametrize("augment", BOTH)
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 16, 12), (4, 9, 9)])
def test_halves_are_parts_of_the_whole(augment: object, shape: tuple[int, int, int]) -> None:
    x = images(6, *shape)
    whole = augment(x, Rng(1, count=6))  # type: ignore
    half = augment(x[3:], Rng(1, count=3, first=3, total=6))  # type: ignore
    assert whole.shape == x.shape
    torch.testing.assert_close(whole[3:], half)
    assert not torch.allclose(whole, x)


@pytest.mark.parametrize("augment", BOTH)
def test_gradients_flow_twice(augment: object) -> None:
    x = images(2, 3, 8, 8).requires_grad_(True)
    out = augment(x, Rng(1, count=2)).square().sum()  # type: ignore
    (slope,) = torch.autograd.grad(out, x, create_graph=True)
    (second,) = torch.autograd.grad(slope.square().sum(), x)
    assert slope.abs().sum() > 0 and torch.isfinite(second).all() and second.abs().sum() > 0


def test_translation_moves_and_fills_with_black() -> None:
    x = images(40)
    out, seen = translation(x, Rng(3, count=40)), set()
    for before, after in zip(x, out, strict=True):
        fits = []
        for dy in range(-2, 3):
            for dx in range(-2, 3):
                moved = torch.full_like(before, -1.0)
                moved[:, max(0, dy) : 16 + min(0, dy), max(0, dx) : 16 + min(0, dx)] = before[
                    :, max(0, -dy) : 16 + min(0, -dy), max(0, -dx) : 16 + min(0, -dx)
                ]
                fits += [(dy, dx)] if torch.allclose(moved, after, atol=1e-6) else []
        assert len(fits) == 1
        seen.add(fits[0])
    assert len(seen) > 12


def test_cutout_takes_a_rectangle_of_half_the_sides_at_most() -> None:
    x = torch.ones(50, 1, 16, 12)
    hole = cutout(x, Rng(5, count=50)) == 0
    for one in hole[:, 0]:
        rows, columns = one.any(1), one.any(0)
        assert 4 <= rows.sum() <= 8 and 3 <= columns.sum() <= 6
        assert one.sum() == rows.sum() * columns.sum()


def test_nothing_happens_at_probability_zero() -> None:
    x = images()
    assert torch.equal(ada(x, 0.0, Rng(1, count=6)), x)


def test_a_share_p_of_images_is_touched() -> None:
    x = images(2000, 1, 8, 8)
    out = ada(x, 0.2, Rng(1, count=2000), geometry=False, flip=False)  # brightness and contrast
    touched = (out - x).flatten(1).abs().amax(1) > 1e-6
    assert touched.float().mean().item() == pytest.approx(1 - 0.8**2, abs=0.04)


def test_flips_and_turns_only_move_pixels() -> None:
    x = images(64, 2, 8, 8)
    out = ada(x, 1.0, Rng(4, count=64), geometry=False, colour=False)
    seen = set()
    for before, after in zip(x, out, strict=True):
        variants = [t.rot90(k, (1, 2)) for t in (before, before.flip(2)) for k in range(4)]
        matches = [i for i, v in enumerate(variants) if torch.equal(v, after)]
        assert len(matches) == 1
        seen.add(matches[0])
    assert seen == set(range(8))


def test_the_warp_agrees_with_another_implementation() -> None:
    line = torch.linspace(-1, 1, 24)
    smooth = torch.exp(-4 * ((line[None] - 0.2) ** 2 + (line[:, None] + 0.1) ** 2))[None, None]
    angle, scale, dx, dy = 0.4, 1.2, 1.5, -2.0
    matrix = (adaptive._turn(torch.tensor([angle])) @ adaptive._scale(*[torch.tensor([scale])] * 2)) @ adaptive._shift(
        torch.tensor([dx]), torch.tensor([dy])
    )
    out = adaptive._warp(smooth, matrix[:, :2])[0, 0].numpy()
    m = matrix[0].numpy()
    inner = np.array([[m[1, 1], m[1, 0]], [m[0, 1], m[0, 0]]])  # rows first
    middle = np.array([11.5, 11.5])
    offset = middle - inner @ middle + np.array([m[1, 2], m[0, 2]])
    expected = ndimage.affine_transform(smooth[0, 0].numpy(), inner, offset, order=1, mode="reflect")
    assert np.abs(out - expected).max() < 0.02


def test_grey_stays_on_the_grey_axis_under_hue_and_saturation(monkeypatch: pytest.MonkeyPatch) -> None:
    grey = images(64, 1).expand(-1, 3, -1, -1)
    out = ada(grey, 1.0, Rng(2, count=64), flip=False, geometry=False)
    assert (out - out.mean(1, keepdim=True)).abs().max() < 1e-5


def test_the_controller_settles_where_the_sign_meets_its_target() -> None:
    p = torch.tensor(0.0)
    for _ in range(20_000):  # a critic that overfits less, the more its images are augmented
        p = next_probability(p, torch.tensor(1.0) - 0.8 * p, batch=64, target=0.6)
    assert p.item() == pytest.approx(0.5, abs=0.01)
    assert next_probability(torch.tensor(LIMIT), torch.tensor(1.0), batch=10**6).item() == pytest.approx(LIMIT)
    assert next_probability(torch.tensor(0.0), torch.tensor(0.0), batch=64).item() == 0


def test_turns_and_shifts_compose_as_matrices() -> None:
    quarter = adaptive._turn(torch.tensor([math.pi / 2]))[0]
    torch.testing.assert_close(
        quarter @ torch.tensor([1.0, 0.0, 1.0]), torch.tensor([0.0, 1.0, 1.0]), atol=1e-6, rtol=0
    )
    assert torch.equal(adaptive._shift(torch.tensor([2.0]), torch.tensor([3.0]))[0, :2, 2], torch.tensor([2.0, 3.0]))
