"""Levels, and the images of each: doubling and halving against plain indexing."""

import pytest
import torch

from reverie.nets.conv import pyramid
from reverie.nets.growing import enlarged, halved, whole_and_part


@pytest.mark.parametrize("level", [1, 1.5, 2, 2.999, 3])
def test_a_level_is_its_parts(level: float) -> None:
    whole, part = whole_and_part(level, 3)
    assert whole + part == level and 1 <= whole <= 3 and 0 <= part < 1


def test_levels_out_of_range_are_the_nearest() -> None:
    assert [whole_and_part(level, 4) for level in (None, 0.2, 7.0)] == [(4, 0.0), (1, 0.0), (4, 0.0)]


@pytest.mark.parametrize("size", [(8, 8), (13, 10), (7, 31)])
def test_enlarged_repeats_the_pixel_above(size: tuple[int, int]) -> None:
    sizes = pyramid(*size, smallest=4)[::-1]
    x = torch.randn(2, 3, *sizes[0])
    power = len(sizes) - 1
    rows, columns = torch.arange(size[0]) >> power, torch.arange(size[1]) >> power
    assert torch.equal(enlarged(x, sizes[1:]), x[:, :, rows][:, :, :, columns])
    assert enlarged(x, []) is x


@pytest.mark.parametrize("size", [(8, 8), (13, 10), (1, 5)])
def test_halved_is_a_mean_over_the_pixels_there_are(size: tuple[int, int]) -> None:
    x = torch.randn(2, 3, *size)
    out = halved(x)
    assert out.shape[2:] == ((size[0] + 1) // 2, (size[1] + 1) // 2)
    for i in range(out.shape[2]):
        for j in range(out.shape[3]):
            torch.testing.assert_close(
                out[:, :, i, j], x[:, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].flatten(2).mean(2)
            )
    torch.testing.assert_close(halved(x, 2), halved(halved(x)))
