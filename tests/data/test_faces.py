"""Drawn faces: the same everywhere, each decided by its seed, every factor independent, visible and in its place."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from reverie.core.errors import UsageError
from reverie.data.builtin import faces_canvas as canvas
from reverie.data.builtin.faces import FACTORS, VERSION, draw, factors, render

CATEGORICAL = [name for name, factor in FACTORS.items() if factor.kind == "categorical"]
CONTINUOUS = [name for name, factor in FACTORS.items() if factor.kind == "continuous"]
MANY = 6000
DRAWN = factors(range(MANY))

# Where a factor shows, in frame units: left, top, right, bottom.
EYES, CHEEKS, HEAD = (-0.42, -0.27, 0.42, 0.17), (-0.48, 0.0, 0.48, 0.3), (-0.75, -0.97, 0.75, 0.75)
PLACES = {
    "skin": (-0.6, -0.65, 0.6, 0.85),
    "face_width": (-0.65, -0.75, 0.65, 0.55),
    "jaw": (-0.5, 0.0, 0.5, 0.65),
    "hair_style": (-0.85, -0.92, 0.85, 0.93),
    "hair_colour": (-0.55, -0.75, 0.55, 0.15),
    "eye_size": (-0.42, -0.4, 0.42, 0.17),
    "eye_spacing": (-0.45, -0.37, 0.45, 0.17),
    "eye_colour": EYES,
    "eye_open": EYES,
    "gaze": EYES,
    "brow_angle": (-0.4, -0.42, 0.4, -0.05),
    "nose_size": (-0.14, -0.15, 0.14, 0.2),
    "smile": (-0.25, 0.12, 0.25, 0.45),
    "mouth_open": (-0.25, 0.15, 0.25, 0.5),
    "glasses": (-0.6, -0.28, 0.6, 0.2),
    "beard": (-0.5, -0.05, 0.5, 0.6),
    "hat": (-0.65, -0.97, 0.65, -0.1),
    "earrings": (-0.62, 0.05, 0.62, 0.3),
    "blush": CHEEKS,
    "freckles": CHEEKS,
    "yaw": HEAD,
    "tilt": HEAD,
    "shirt_colour": (-0.93, 0.5, 0.93, 0.93),
    "collar": (-0.5, 0.4, 0.5, 0.93),
}


def test_every_factor_says_what_it_is() -> None:
    assert len(FACTORS) >= 12
    for name, factor in FACTORS.items():
        assert factor.about.endswith(".") and factor.about.count(".") == 1, name
        assert factor.low <= factor.default <= factor.high, name
        assert len(set(factor.values)) == len(factor.values) and len(factor.weights) in (0, len(factor.values)), name


def test_a_stream_is_splitmix64() -> None:
    """Against Steele's generator written with Python's integers."""
    from hashlib import blake2b

    mask = 2**64 - 1

    def mixed(x: int) -> int:
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & mask
        return x ^ (x >> 31)

    stream = int.from_bytes(blake2b(b"skin", digest_size=8).digest(), "big")
    for seed in (0, 1, 12345, 2**63 - 1):
        state = mixed((seed + 0x9E3779B97F4A7C15) & mask)
        assert factors([seed])["skin"][0] == (mixed(state ^ stream) >> 11) / 2**53


def test_pixels_are_those_of_this_version() -> None:
    """Faces are compared between machines and releases: when this fails on purpose, raise VERSION."""
    images, drawn = draw(range(64), 32)
    coarse = images.reshape(64, 3, 4, 8, 4, 8).mean((0, 3, 5))
    expected = {
        1: [
            [
                [188.2, 181.7, 175.3, 188.0],
                [195.0, 147.1, 136.0, 191.3],
                [195.3, 170.3, 164.9, 190.7],
                [183.4, 173.3, 169.1, 177.9],
            ],
            [
                [197.6, 178.4, 171.1, 197.1],
                [200.2, 117.5, 105.9, 194.6],
                [197.4, 136.5, 128.7, 191.4],
                [189.3, 156.2, 151.3, 183.2],
            ],
            [
                [197.4, 175.6, 170.2, 196.9],
                [198.7, 106.5, 96.8, 193.5],
                [193.7, 119.1, 112.1, 188.0],
                [187.8, 145.9, 142.0, 183.2],
            ],
        ]
    }[VERSION]
    np.testing.assert_allclose(coarse, expected, atol=0.5)
    assert drawn["hair_style"][:8].tolist() == [9, 9, 8, 8, 9, 4, 10, 1]


@pytest.mark.parametrize("size", [64, 16, (40, 72)])
def test_a_face_is_decided_by_its_seed_alone(size: int | tuple[int, int]) -> None:
    seeds = np.arange(1000, 1300)  # more than one chunk at 64 pixels
    together, drawn = draw(seeds, size)
    for i in range(0, 300, 13):
        alone, its = draw(seeds[i : i + 1], size)
        assert np.array_equal(alone[0], together[i])
        assert all(its[name][0] == drawn[name][i] for name in FACTORS)
    some = np.array([299, 4, 4, 150])
    assert np.array_equal(draw(seeds[some], size)[0], together[some])


def test_marginals() -> None:
    laws = {"even": stats.uniform(), "low": stats.beta(0.5, 1), "high": stats.beta(2, 1), "middle": stats.triang(0.5)}
    for name in CONTINUOUS:
        factor = FACTORS[name]
        unit = (DRAWN[name] - factor.low) / (factor.high - factor.low)
        assert stats.kstest(unit, laws[factor.spread].cdf).pvalue > 1e-4, name
    for name in CATEGORICAL:
        weights = np.array(FACTORS[name].weights or (1.0,) * len(FACTORS[name].values))
        counts = np.bincount(DRAWN[name], minlength=len(weights))
        assert stats.chisquare(counts, MANY * weights / weights.sum()).pvalue > 1e-4, name


def test_factors_are_independent() -> None:
    """All pairs, by chi-square over categories or quartiles; the smallest of 300 p-values is about 1/300 by chance."""
    bins = {
        name: DRAWN[name] if name in CATEGORICAL else np.searchsorted(np.quantile(DRAWN[name], (0.25, 0.5, 0.75)), v)
        for name, v in DRAWN.items()
    }
    for first, second in itertools.combinations(FACTORS, 2):
        table = np.zeros((bins[first].max() + 1, bins[second].max() + 1))
        np.add.at(table, (bins[first], bins[second]), 1)
        assert stats.chi2_contingency(table).pvalue > 1e-5, (first, second)
    numbers = np.corrcoef([DRAWN[name] for name in FACTORS]) - np.eye(len(FACTORS))
    assert np.abs(numbers).max() < 4.5 / np.sqrt(MANY)


def extremes(name: str) -> list[float]:
    factor = FACTORS[name]
    return list(range(len(factor.values))) if factor.values else [factor.low, factor.high]


def inside(place: tuple[float, float, float, float], size: int) -> NDArray[np.bool_]:
    """Pixels, (size, size), of a box in frame units."""
    x = ((np.arange(size) + 0.5) / size - 0.5) * canvas.FRAME
    y = x + canvas.MIDDLE_Y
    left, top, right, bottom = place
    return ((y >= top) & (y <= bottom))[:, None] & ((x >= left) & (x <= right))[None, :]


@pytest.mark.parametrize("name", [name for name in FACTORS if name != "background"])
def test_a_factor_shows_in_its_place(name: str) -> None:
    images = render({name: extremes(name)}).astype(float)
    place = inside(PLACES[name], 64)
    for other in images[1:]:
        change = np.abs(other - images[0]).mean(0)
        assert (change > 25).sum() >= 8 and change.sum() > 800, "it is seen at 64 pixels"
        assert change[place].sum() > 0.9 * change.sum()


def test_no_hair_hides_the_features() -> None:
    images = render({"hair_style": extremes("hair_style")})
    features = inside((-0.25, -0.08, 0.25, 0.3), 64)
    assert np.array_equal(
        images[:, :, features], np.broadcast_to(images[:1, :, features], images[:, :, features].shape)
    )


@pytest.mark.parametrize("name", CATEGORICAL)
def test_categories_differ_from_each_other(name: str) -> None:
    images = render({name: extremes(name)}).astype(float)
    for first, second in itertools.combinations(images, 2):
        assert (np.abs(first - second).mean(0) > 16).sum() >= 6


def test_the_background_leaves_the_face_alone() -> None:
    images = render({"background": extremes("background")}).astype(int)
    core = inside((-0.25, -0.45, 0.25, 0.3), 64)
    assert np.array_equal(images[:, :, core], np.broadcast_to(images[:1, :, core], images[:, :, core].shape))
    assert len({tuple(image[:, 0, 0]) for image in images}) == len(images)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_a_continuous_factor_moves_smoothly(name: str) -> None:
    """Sixty-four small steps: none makes a jump, and together they go somewhere."""
    factor = FACTORS[name]
    images = render({name: np.linspace(factor.low, factor.high, 65)}, 48).astype(float)
    steps = np.abs(np.diff(images, axis=0)).mean((1, 2, 3))
    assert steps.max() < 6 * max(steps.mean(), 0.02)
    assert np.abs(images[-1] - images[0]).mean() > 4 * steps.max() / 6


def test_names_stand_for_numbers() -> None:
    by_name = render({"hair_style": ["afro", "bald"], "glasses": "round", "smile": 1})
    styles = FACTORS["hair_style"].values
    by_number = render({"hair_style": [styles.index("afro"), styles.index("bald")], "glasses": 1, "smile": [1.0, 1.0]})
    assert np.array_equal(by_name, by_number)


@pytest.mark.parametrize("size", [16, 17, 31, 100, 256, (16, 256), (256, 16), (24, 18)])
def test_sizes(size: int | tuple[int, int]) -> None:
    images, _ = draw(range(3), size)
    height, width = size if isinstance(size, tuple) else (size, size)
    assert images.shape == (3, 3, height, width) and images.dtype == np.uint8
    assert all(image.std() > 5 for image in images)


def test_none_and_one() -> None:
    images, drawn = draw([], 16)
    assert images.shape == (0, 3, 16, 16) and all(len(value) == 0 for value in drawn.values())
    assert render({}).shape == (1, 3, 64, 64)


def test_small_faces_are_large_faces_seen_from_afar() -> None:
    """Anti-aliasing against supersampling: a 64-pixel face is the mean of 4x4 blocks of a 256-pixel one."""
    seeds = range(24)
    small, large = draw(seeds, 64)[0].astype(float), draw(seeds, 256)[0].astype(float)
    mean = large.reshape(24, 3, 64, 4, 64, 4).mean((3, 5))
    error = np.abs(small - mean)
    jagged = np.abs(large[:, :, 2::4, 2::4] - mean)
    assert error.mean() < 2.5 and error.mean() < 0.6 * jagged.mean()


def test_edges_take_intermediate_values() -> None:
    """Across the edge of the pale disc behind the head there are pixels between its colour and the ground's."""
    image = render({"background": "indigo"}).astype(int)[0, 0]
    ground, halo = image[0, 0], image[40, 6]
    between = (image > ground + 4) & (image < halo - 4)
    assert ground < halo and between[:, :16].sum() >= 10
    assert len(np.unique(image[:, :16][between[:, :16]])) >= 5


def disc_region(pixel: float) -> canvas.Region:
    x = (np.arange(-1 + pixel / 2, 1, pixel)).astype(np.float32)
    return canvas.Region(
        np.zeros((1, 3, len(x), len(x)), np.float32), None, x[None, None, :], x[None, :, None], np.float32(pixel)
    )


@pytest.mark.parametrize("pixel", [1 / 16, 1 / 64])
def test_coverage_is_area(pixel: float) -> None:
    r = disc_region(pixel)
    shapes = {
        np.pi * 0.6**2: canvas.disc(r.x - 0.011, r.y + 0.007, 0.6),
        np.pi * 0.7 * (0.5 + 0.3) / 2: canvas.egg(r.x, r.y, 0.7, 0.5, 0.3),
        4 * 0.5 * 0.3 - (4 - np.pi) * 0.1**2: canvas.box(r.x - 0.013, r.y, 0.5, 0.3, 0.1),
        np.pi * 0.1**2 + 2 * 0.1 * 1.0: canvas.stroke(r.x, r.y - 0.02, 0.5, 0.0, 0.1),
        np.pi * 0.11**2 + 2 * 0.11 * 0.5: canvas.line(r.x + 0.1, r.y, 0.3, 0.4, 0.11),
    }
    for area, distance in shapes.items():
        assert r.cover(distance).sum() * pixel**2 == pytest.approx(area, rel=0.015)


@pytest.mark.parametrize("k", [-0.9, -0.4, 0.0, 0.8, 1.6])
def test_an_egg_is_where_its_curve_is(k: float) -> None:
    """The sign is that of the equation, nothing beyond its box is inside, and near the curve distances are lengths."""
    r = disc_region(1 / 64)
    rx, up, down = 0.5, 0.6, 0.4
    distance = canvas.egg(r.x, r.y, rx, up, down, k_up=k, k_down=k)[0]
    u, v = r.x[0] / rx, r.y[0] / np.where(r.y[0] < 0, up, down)
    box = (np.abs(u) <= 1) & (np.abs(v) <= 1)
    assert np.array_equal(distance < 0, box & (u**2 + v**2 + k * u**2 * v**2 < 1))
    angle = np.linspace(0, 2 * np.pi, 4001)
    c, s = np.cos(angle), np.sin(angle)
    radius = np.sqrt(2 / (1 + np.sqrt(1 + 4 * k * c**2 * s**2)))  # root of k c^2 s^2 r^4 + r^2 = 1
    edge = np.stack([rx * radius * c, np.where(s < 0, up, down) * radius * s], 1)
    near = np.argwhere(np.abs(distance) < 0.02)[::23]
    for row, column in near:
        point = np.array([r.x[0, 0, column], r.y[0, row, 0]])
        exact = np.sqrt(((edge - point) ** 2).sum(1)).min()
        assert abs(distance[row, column]) == pytest.approx(exact, abs=0.004)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**63 - 1))
def test_corners_of_the_range_are_drawn(seed: int) -> None:
    """Every continuous factor at an end of its range: finite pixels (a NaN would warn) and nothing past the frame."""
    chance = np.random.Generator(np.random.Philox(seed))
    n = 8
    wanted: dict[str, Any] = {name: chance.choice(extremes(name), n) for name in FACTORS}
    wanted |= {name: wanted[name].astype(int) for name in CATEGORICAL} | {"tilt": np.zeros(n)}
    images = render(wanted)
    ground = images[:, :, :1, :1]
    assert np.array_equal(images[:, :, 0], np.broadcast_to(ground[:, :, 0], images[:, :, 0].shape)), "top row is ground"


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"smile": 1.5}, r"^faces\.smile: must be a number from -1 to 1 .*got 1\.5\. Leave it out for 0\.6\.$"),
        ({"smile": [0.0, float("nan")]}, r"^faces\.smile: must be a number from -1 to 1 "),
        ({"smile": [[0.0]]}, r"^faces\.smile: must be a number"),
        ({"smile": "broad"}, r"^faces\.smile: must be a number"),
        ({"smile": None}, r"^faces\.smile: must be a number"),
        ({"hat": 4}, r"^faces\.hat: must be an integer from 0 to 3 .*got 4\. Leave it out for 0\.$"),
        ({"hat": 1.0}, r"^faces\.hat: must be an integer"),
        ({"hat": -1}, r"^faces\.hat: must be an integer"),
        (
            {"hat": "crown"},
            r"^faces\.hat: must be one of none, headband, cap, beanie, got 'crown'\. Name one of them\.$",
        ),
        ({"glases": 1}, r"^faces\.glases: no such factor\. Did you mean 'glasses'\?$"),
        (
            {"skin": [0, 1], "jaw": [0, 1, 0.5]},
            r"^faces\.jaw: must have 2 values like 'skin', got 3\. Give one or 2\.$",
        ),
    ],
)
def test_wrong_factors(wanted: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        render(wanted)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [15, 257, (64,), (64, 300), 64.0, "64", None, (64, 64, 3)])
def test_wrong_sizes(size: Any) -> None:
    with pytest.raises(
        UsageError, match=r"^faces\.size: must be a side or \(height, width\) from 16 to 256 px, got .*64\.$"
    ):
        draw([0], size)


@pytest.mark.parametrize("seeds", [[-1], [0.5], 3, [[1]], ["a"], [2**63]])
def test_wrong_seeds(seeds: Any) -> None:
    with pytest.raises(UsageError, match=r"^faces\.seeds: must be a list of integers from 0 to 2\^63 - 1, got "):
        draw(seeds)
