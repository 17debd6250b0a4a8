"""Views against plain interpolation, scipy's filter and colour formulas; what of them chance decides, and how."""

import colorsys
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from reverie.core.rng import Rng
from reverie.data.augment import views
from reverie.data.augment.views import Strength, crop_boxes, view

ALL = Strength(area=0.2, aspect=1.5, flip=True, jitter=0.8, grey=0.3, blur=0.5, noise=0.2)


def images(n: int = 6, c: int = 3, h: int = 16, w: int = 12) -> Tensor:
    return torch.rand(n, c, h, w, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 16, 12), (4, 9, 13)])
def test_a_view_is_decided_by_the_seed_and_stays_in_range(shape: tuple[int, int, int]) -> None:
    x = images(6, *shape)
    first, again, other = (view(x, Rng(seed, count=6), ALL) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.allclose(first, other)
    assert first.shape == x.shape and first.dtype == torch.float32
    assert first.min() >= -1 and first.max() <= 1
    half = view(x[3:], Rng(1, count=3, first=3, total=6), ALL)
    torch.testing.assert_close(first[3:], half, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 16, 12), (4, 9, 13)])
def test_no_strength_is_the_image_itself(shape: tuple[int, int, int]) -> None:
    x = images(6, *shape)
    assert torch.equal(view(x, Rng(1, count=6), Strength()), x)
    # also by the long way round: a crop of everything, and a blur that no image gets
    whole = view(x, Rng(1, count=6), Strength(area=1 - 1e-9, aspect=1 + 1e-12, blur=1e-12))
    torch.testing.assert_close(whole, x, rtol=0, atol=1e-4)


def test_a_crop_is_what_bilinear_sampling_gives() -> None:
    x, strength = images(5, 3, 16, 12), Strength(area=0.2, aspect=1.5)
    top, left, height, width = crop_boxes(Rng(3, count=5).spawn("crop"), strength).unbind(1)
    zero = torch.zeros(5)
    theta = torch.stack(
        [
            torch.stack([width, zero, 2 * left + width - 1], 1),
            torch.stack([zero, height, 2 * top + height - 1], 1),
        ],
        1,
    )
    grid = F.affine_grid(theta, [5, 3, 16, 12], align_corners=False)
    expected = F.grid_sample(x, grid, padding_mode="border", align_corners=False)
    torch.testing.assert_close(view(x, Rng(3, count=5), strength), expected, rtol=1e-4, atol=1e-4)


def test_crops_keep_their_area_and_lie_inside() -> None:
    strength = Strength(area=0.3, aspect=4 / 3)
    top, left, height, width = crop_boxes(Rng(0, count=20_000), strength).double().unbind(1)
    assert torch.stack([top, left, 1 - top - height, 1 - left - width]).min() >= -1e-6
    area = height * width
    assert 0.25 < area.min() < 0.31 and area.max() <= 1 + 1e-6
    assert abs(float(area.mean()) - 0.65) < 0.01, "uniform between 0.3 and 1, but for the few that meet the border"
    proportions = (height / width)[area < 0.6].log()
    assert proportions.abs().max() <= np.log(4 / 3) + 1e-6 and abs(float(proportions.mean())) < 0.01


def test_half_of_the_views_are_mirrored_where_they_may_be() -> None:
    x = images(400, 1, 8, 8)
    made = view(x, Rng(0, count=400), Strength(flip=True))
    mirrored = (made == x.flip(3)).flatten(1).all(1)
    assert bool((mirrored | (made == x).flatten(1).all(1)).all())
    assert 160 < int(mirrored.sum()) < 240


def test_a_blur_is_scipys_inside_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "SIGMA", (1.0, 1.0))
    x = images(2, 1, 64, 64)
    made = view(x, Rng(0, count=2), Strength(blur=1.0))
    expected = ndimage.gaussian_filter(x[0, 0].double().numpy(), 1.0, truncate=8)
    np.testing.assert_allclose(made[0, 0, 8:-8, 8:-8], expected[8:-8, 8:-8], atol=1e-5)


def test_grey_views_have_luma_in_every_channel() -> None:
    x = images(200)
    made = view(x, Rng(0, count=200), Strength(grey=0.25))
    luma = (x * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    grey = ((made - luma).abs() < 1e-5).flatten(1).all(1)
    assert bool((grey | (made == x).flatten(1).all(1) | ((made - x).abs() < 1e-5).flatten(1).all(1)).all())
    assert 30 < int(grey.sum()) < 70


def test_colours_turn_about_grey() -> None:
    """A third of a turn takes red to green; a turn of a grey pixel is that pixel."""
    turned = views._hue(torch.tensor([1 / 3]))[0] @ torch.tensor([1.0, 0.0, 0.0])
    torch.testing.assert_close(turned, torch.tensor([0.0, 1.0, 0.0]), atol=1e-6, rtol=0)
    grey = views._hue(torch.tensor([0.123]))[0] @ torch.ones(3)
    torch.testing.assert_close(grey, torch.ones(3))
    small = views._hue(torch.tensor([0.02]))[0] @ torch.tensor([0.9, 0.3, 0.2])
    before, after = (colorsys.rgb_to_hsv(*c)[0] for c in ([0.9, 0.3, 0.2], small.tolist()))
    assert abs((after - before) - 0.02) < 0.01, "near the turn of the hue of HSV, in its direction"


@pytest.mark.parametrize("channels", [1, 3])
def test_jitter_is_contrast_about_the_mean_then_brightness(channels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "HUE", 0.0)
    x = images(50, channels) * 0.1 + 0.1
    x = x.mean(1, keepdim=True).expand(-1, channels, -1, -1).contiguous()  # without colour there is no saturation
    made = view(x, Rng(0, count=50), Strength(jitter=0.5))
    u = 1 + 0.4 * (2 * Rng(0, count=50).spawn("jitter").uniform(4) - 1)
    brightness, contrast = u[:, 0].view(-1, 1, 1, 1), u[:, 1].view(-1, 1, 1, 1)
    unit = (x + 1) / 2
    mean = unit.mean((1, 2, 3), keepdim=True)
    expected = (brightness * (mean + contrast * (unit - mean))).clamp(0, 1) * 2 - 1
    torch.testing.assert_close(made, expected, rtol=1e-4, atol=1e-5)


def test_alpha_follows_the_crop_and_keeps_its_values() -> None:
    x = images(6, 4)
    coloured = view(x, Rng(1, count=6), replace(ALL, noise=0.0))
    cropped = view(x, Rng(1, count=6), replace(ALL, noise=0.0, jitter=0.0, grey=0.0))
    assert torch.equal(coloured[:, 3], cropped[:, 3])
    assert not torch.allclose(coloured[:, :3], cropped[:, :3])


def test_noise_has_at_most_the_deviation_it_was_given() -> None:
    x = torch.zeros(300, 1, 16, 16)
    spread = view(x, Rng(0, count=300), Strength(noise=0.2)).std((1, 2, 3))
    assert spread.max() < 0.23 and spread.min() < 0.02 and abs(float(spread.mean()) - 0.1) < 0.01
