"""Sheets: every pixel where it belongs, checked against slices of the input."""

import io
import itertools

import numpy as np
import pytest
import torch
from PIL import Image

from reverie.core.errors import UsageError
from reverie.ship import sheet


def values(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture).astype(int)


def test_grid_places_each_image_unchanged() -> None:
    images = torch.rand(5, 3, 64, 48) * 2 - 1
    picture = sheet.grid(images, columns=11, pad=3)  # fewer images than columns: one row
    scale = 3  # the least at which five images of 48 pixels are 512 wide
    assert picture.size == (5 * 48 * scale + 4 * 3, 64 * scale)
    for i, image in enumerate(images):
        x = i * (48 * scale + 3)
        cell = values(picture)[::scale, x : x + 48 * scale : scale]
        expected = ((image.permute(1, 2, 0) + 1) * 127.5).round().int().numpy()
        assert (cell[..., :3] == expected).all()
        assert (cell[..., 3] == 255).all()


def test_gaps_and_empty_places_are_transparent() -> None:
    picture = values(sheet.grid(torch.ones(3, 1, 300, 300), columns=2, pad=4))
    assert picture.shape == (604, 604, 4)
    assert (picture[300:304, :, 3] == 0).all() and (picture[:, 300:304, 3] == 0).all()
    assert (picture[304:, 304:, 3] == 0).all(), "the fourth place is empty"
    assert (picture[304:, :300] == 255).all()


def test_tiny_images_are_enlarged_by_a_whole_number() -> None:
    checker = torch.tensor([[-1.0, 1.0], [1.0, -1.0]]).repeat(4, 4)[None, None].repeat(64, 1, 1, 1)
    picture = sheet.grid(checker)
    assert 512 <= picture.width <= 600
    assert set(np.unique(values(picture)[..., :3])) == {0, 255}, "smoothing would make greys"


def test_large_sheets_are_not_enlarged() -> None:
    assert sheet.grid(torch.zeros(4, 3, 300, 300), columns=2, pad=0).size == (600, 600)
    assert sheet.strip(torch.zeros(1, 1, 1000, 4)).height == 2000, "the long side stops at 2,048 pixels"


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_range_is_mapped_end_to_end(channels: int) -> None:
    ramp = torch.linspace(-1.2, 1.2, 600).reshape(1, 1, 1, 600).repeat(1, channels, 20, 1)
    picture = values(sheet.grid(ramp))
    assert picture[0, 0, 0] == 0 and picture[0, -1, 0] == 255, "beyond [-1, 1] is cut, not wrapped"
    assert (np.diff(picture[0, :, 0]) >= 0).all()
    assert picture[0, 0, 3] == (0 if channels == 4 else 255)


def test_values_that_are_not_finite_are_magenta() -> None:
    image = torch.zeros(1, 3, 600, 600)
    image[0, 1, 5, 7], image[0, 0, 9, 9] = torch.nan, torch.inf
    picture = values(sheet.grid(image))
    assert picture[5, 7].tolist() == picture[9, 9].tolist() == [255, 0, 255, 255]
    assert picture[5, 8].tolist() == [128, 128, 128, 255]


@pytest.mark.parametrize("n", [1, 2, 3, 7, 16, 30, 64])
def test_the_default_is_near_a_square_with_few_empty_places(n: int) -> None:
    picture = sheet.grid(torch.zeros(1, 1, 520, 520).expand(n, -1, -1, -1), pad=0)
    columns, rows = picture.width // 520, picture.height // 520
    assert n <= columns * rows < n + columns
    assert n < 4 or 0.4 < columns / rows < 2.6
    assert n not in (16, 64) or columns == rows


def test_pairs_puts_each_original_above_its_reconstruction() -> None:
    shades = torch.linspace(-1, 1, 10).reshape(10, 1, 1, 1)
    originals, reconstructions = shades.expand(10, 1, 100, 100), -shades.expand(10, 1, 100, 100)
    picture = values(sheet.pairs(originals, reconstructions, columns=6, pad=2))
    band = 202 + 8
    for i in range(10):
        y, x = (i // 6) * band + 50, (i % 6) * 102 + 50
        assert picture[y, x, 0] == round((shades[i].item() + 1) * 127.5)
        assert picture[y + 102, x, 0] == round((1 - shades[i].item()) * 127.5)
    assert (picture[band:, 4 * 102 :, 3] == 0).all(), "the second band has four pairs"


def test_points_become_a_scatter_with_the_second_axis_upwards() -> None:
    corner = torch.tensor([[0.9, 0.9]]).reshape(1, 2, 1, 1)
    picture = np.asarray(sheet.grid(corner).convert("L")).astype(int)
    dark = np.argwhere(picture < 100)
    assert len(dark) > 10
    assert dark[:, 0].max() < picture.shape[0] // 4 and dark[:, 1].min() > 3 * picture.shape[1] // 4
    assert sheet.pairs(corner, -corner).size == sheet.grid(corner).size


@pytest.mark.parametrize(("far", "reach"), [(0.02, 1), (0.98, 1), (1.3, 2), (4.1, 5), (70.0, 100)])
def test_a_scatter_shows_all_of_its_points_on_a_round_scale(far: float, reach: int) -> None:
    corner = torch.tensor([[far, -far]]).reshape(1, 2, 1, 1)
    dark = np.argwhere(np.asarray(sheet.grid(corner).convert("L")).astype(int) < 60)
    x, y = (1.05 + far / reach) / 2.1 * 512, (1.05 + far / reach) / 2.1 * 512
    assert np.abs(dark.mean(0) - np.array([y, x])).max() < 2


def test_one_point_far_away_does_not_make_the_others_small() -> None:
    points = torch.cat([torch.full((99, 2), 0.9), torch.full((1, 2), 1e6)]).reshape(100, 2, 1, 1)
    dark = np.argwhere(np.asarray(sheet.grid(points).convert("L")).astype(int) < 60)
    assert len(dark) and dark[:, 1].min() > 440


def test_points_that_are_not_finite_are_left_out() -> None:
    wild = torch.tensor([[torch.nan, 0.0], [torch.inf, 1.0], [1e30, 1e30]]).reshape(3, 2, 1, 1)
    assert sheet.grid(wild).size == (512, 512)


def test_png_is_a_png() -> None:
    made = sheet.grid(torch.rand(4, 3, 32, 32) * 2 - 1)
    back = Image.open(io.BytesIO(sheet.png(made)), formats=["PNG"])
    assert (np.asarray(back) == np.asarray(made)).all()


def test_one_picture_keeps_its_mode() -> None:
    for channels, mode in ((1, "L"), (3, "RGB"), (4, "RGBA")):
        made = sheet.picture(torch.ones(channels, 5, 7))
        assert made.mode == mode and made.size == (7, 5)


@pytest.mark.parametrize("shape", [(0, 3, 8, 8), (3, 8, 8), (2, 5, 8, 8)])
def test_what_is_no_picture_is_a_sentence(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match=r"\.$"):
        sheet.grid(torch.zeros(shape))


def test_a_sheet_beyond_reason_is_refused_before_it_is_made() -> None:
    with pytest.raises(UsageError, match="too large"):
        sheet.grid(torch.zeros(1, 1, 1, 1).expand(90_000, 1, 32, 32))


def test_columns_never_lose_an_image() -> None:
    for n, columns in itertools.product(range(1, 12), (1, 2, 3, 5)):
        marked = torch.arange(n).reshape(n, 1, 1, 1).expand(n, 1, 4, 4) * 20 / 127.5 - 1  # levels 0, 20, 40...
        found = np.unique(values(sheet.grid(marked, columns)).reshape(-1, 4)[:, 0])
        assert found.tolist() == [20 * k for k in range(n)]
