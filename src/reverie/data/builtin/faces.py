"""Cartoon faces drawn from named factors: unlimited, seeded, the same on every machine.

What a face is made of is here; how its parts look is in `faces_parts` and `faces_hair`, how shapes become pixels in
`faces_canvas`. Image i depends on seed i alone, and every factor is drawn independently of the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from hashlib import blake2b
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reverie.core.errors import UsageError
from reverie.data.builtin import faces_hair as hair
from reverie.data.builtin import faces_parts as parts
from reverie.data.builtin.faces_canvas import Array, Sketch, colour, mix

VERSION = 1  # changes whenever pixels do
SMALLEST_PX, LARGEST_PX = 16, 256
PIVOT_Y = 0.55  # heads tilt about the throat
CHUNK_PIXELS = 2**18  # painted at a time, so that they stay in the processor's cache

GROUNDS = {
    "sky": "a9d8f5",
    "mint": "aee5cb",
    "butter": "fbe486",
    "peach": "ffc69f",
    "rose": "f3a5ba",
    "lilac": "cdbdf0",
    "teal": "6fc7c3",
    "indigo": "8a92de",
}
HAIRS = {
    "black": "2b2631",
    "brown": "5c3b2b",
    "chestnut": "8d4a2d",
    "ginger": "cf6a2c",
    "blond": "ecc063",
    "grey": "b3b1ba",
    "pink": "ea7fa9",
    "blue": "4d7fd1",
}
IRISES = {"brown": "6a4023", "amber": "b5762a", "green": "3f9a55", "blue": "2f86d0", "grey": "75838f"}
SHIRTS = {
    "navy": "2f4d96",
    "red": "db5750",
    "green": "3f9d77",
    "yellow": "f3b838",
    "white": "f5f2ec",
    "purple": "7d5cba",
    "charcoal": "42454f",
    "orange": "f18d4e",
}
HAT_OF_SHIRT = ("f2b632", "35487c", "f18d4e", "7d5cba", "db5750", "6fc7c3", "e8697d", "3a6ea5")
SKINS = ("ffe6d6", "fad6ba", "f0c29a", "dca679", "bb8155", "8f5a39", "613c29")  # light to dark, equal steps


@dataclass(frozen=True)
class Factor:
    """One thing that varies between faces, independently of every other.

    Args:
        about: what it changes, in a sentence.
        kind: "categorical" (an index into `values`) or "continuous" (a number from `low` to `high`).
        values: names of the categories.
        weights: how often each category is drawn; alike if left out.
        low, high: range of a continuous factor.
        spread: how a continuous factor is drawn over its range.
        default: what `render` takes where the factor is missing.
    """

    about: str
    kind: Literal["categorical", "continuous"]
    values: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()
    low: float = 0.0
    high: float = 1.0
    spread: Literal["even", "low", "high", "middle"] = "even"
    default: float = 0


def _named(about: str, values: tuple[str, ...], weights: tuple[float, ...] = (), default: int = 0) -> Factor:
    return Factor(about, "categorical", values, weights, 0, len(values) - 1, default=default)


def _range(about: str, low: float, high: float, default: float, spread: Any = "even") -> Factor:
    return Factor(about, "continuous", low=low, high=high, default=default, spread=spread)


FACTORS: dict[str, Factor] = {
    "background": _named("Colour of the ground behind the head.", tuple(GROUNDS)),
    "skin": _range("Skin tone, from light to dark.", 0, 1, 0.25),
    "face_width": _range("Width of the head, from narrow to wide.", 0, 1, 0.5),
    "jaw": _range("Shape of the jaw, from pointed to square.", 0, 1, 0.5),
    "hair_style": _named(
        "Cut of the hair.", hair.STYLES, (0.5, 0.8, 1.1, 1, 0.9, 1.1, 1, 1.1, 1.2, 0.9, 0.9), default=2
    ),
    "hair_colour": _named("Colour of hair, brows and beard.", tuple(HAIRS), (3, 3, 2, 1.5, 2, 1, 0.7, 0.7), default=1),
    "eye_size": _range("Size of the eyes, from small to large.", 0, 1, 0.5),
    "eye_spacing": _range("Distance between the eyes, from close to far.", 0, 1, 0.5),
    "eye_colour": _named("Colour of the irises.", tuple(IRISES)),
    "eye_open": _range("How far the lids are raised, from drowsy to wide awake.", 0, 1, 0.85, "high"),
    "gaze": _range("Where the eyes look, from the left of the picture to its right.", -1, 1, 0),
    "brow_angle": _range("Slant of the brows, from worried to cross.", -1, 1, 0, "middle"),
    "nose_size": _range("Size of the nose, from small to large.", 0, 1, 0.4),
    "smile": _range("Corners of the mouth, from frown to smile.", -1, 1, 0.6, "high"),
    "mouth_open": _range("How far the mouth is open, from shut to wide.", 0, 1, 0, "low"),
    "glasses": _named("What is worn before the eyes.", ("none", "round", "square", "sunglasses"), (5, 1.5, 1.5, 1)),
    "beard": _named("Hair of the lip and chin.", ("none", "stubble", "moustache", "goatee", "full"), (6, 1, 1, 1, 1.5)),
    "hat": _named("What is worn on the head.", hair.HATS, (8, 1, 1, 1.2)),
    "earrings": _named("What hangs from the ears.", ("none", "studs", "hoops"), (6, 1.5, 1.5)),
    "blush": _range("Redness of the cheeks, from none to rosy.", 0, 1, 0.35, "low"),
    "freckles": _named("Dots on the cheeks.", ("none", "freckles"), (4, 1)),
    "yaw": _range("Turn of the head, from the left of the picture to its right.", -1, 1, 0, "middle"),
    "tilt": _range("Lean of the head, from the left of the picture to its right.", -1, 1, 0, "middle"),
    "shirt_colour": _named("Colour of the shirt; a hat's colour goes with it.", tuple(SHIRTS)),
    "collar": _named("Neckline of the shirt.", ("crew", "vee", "lapels", "turtleneck", "hood")),
}


def factors(seeds: ArrayLike) -> dict[str, NDArray[Any]]:
    """Factors of the face of each seed: indices (int64) of categories, numbers (float64) within ranges.

    Args:
        seeds: non-negative integers below 2^63, shape (n,).

    Returns:
        An array (n,) for each name of `FACTORS`.

    Raises:
        UsageError: a seed is not such an integer.

    Example:
        >>> drawn = factors([7, 8])
        >>> FACTORS["hair_style"].values[drawn["hair_style"][0]] in FACTORS["hair_style"].values
        True
    """
    numbers = np.asarray(seeds)
    if numbers.size == 0:
        numbers = numbers.astype(np.int64)
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu" or np.any(numbers < 0) or np.any(numbers >= 2**63):
        given = _brief(seeds)
        raise UsageError(f"faces.seeds: must be a list of integers from 0 to 2^63 - 1, got {given}. Use range(n).")
    return {name: _drawn(factor, _uniform(numbers.astype(np.uint64), name)) for name, factor in FACTORS.items()}


def _brief(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."


def _uniform(seeds: NDArray[np.uint64], name: str) -> NDArray[np.float64]:
    """A number in [0, 1) for each seed, by SplitMix64's mixing (Steele et al. 2014); a stream of its own per name."""
    stream = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")
    x = _mixed(_mixed(seeds + np.uint64(0x9E3779B97F4A7C15)) ^ np.uint64(stream))
    return (x >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mixed(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _drawn(factor: Factor, u: NDArray[np.float64]) -> NDArray[Any]:
    """Inverts the factor's distribution function at u."""
    if factor.kind == "categorical":
        weights = np.cumsum(factor.weights or (1.0,) * len(factor.values))
        return np.searchsorted(weights[:-1] / weights[-1], u, side="right").astype(np.int64)
    if factor.spread == "low":  # density falls towards high
        u = u * u
    elif factor.spread == "high":  # density grows towards high
        u = np.sqrt(u)
    elif factor.spread == "middle":  # triangular
        u = np.where(u < 0.5, np.sqrt(u / 2), 1 - np.sqrt((1 - u) / 2))
    return factor.low + (factor.high - factor.low) * u


def draw(seeds: ArrayLike, size: int | tuple[int, int] = 64) -> tuple[NDArray[np.uint8], dict[str, NDArray[Any]]]:
    """Draws the face of each seed.

    Args:
        seeds: non-negative integers below 2^63, shape (n,).
        size: side, or (height, width), in pixels, from 16 to 256.

    Returns:
        The images, uint8 (n, 3, height, width), and the factors that `factors` gives.

    Raises:
        UsageError: a seed or the size is out of range.

    Example:
        >>> images, drawn = draw(range(4))
        >>> images.shape, len(drawn["smile"])
        ((4, 3, 64, 64), 4)
    """
    drawn = factors(seeds)
    return render(drawn, size), drawn


def render(factors: Mapping[str, ArrayLike], size: int | tuple[int, int] = 64) -> NDArray[np.uint8]:
    """Draws faces from their factors.

    Args:
        factors: for names of `FACTORS`, numbers within their range or names of categories, each (n,) or a single one.
            A missing factor takes its default.
        size: side, or (height, width), in pixels, from 16 to 256.

    Returns:
        Images, uint8 (n, 3, height, width).

    Raises:
        UsageError: a factor is unknown, out of range or of another length, or the size is out of range.

    Example:
        >>> render({"smile": [-1, 0, 1], "glasses": "round"}, size=(48, 32)).shape
        (3, 3, 48, 32)
    """
    height, width = _sides(size)
    known = _checked(factors)
    n = len(known["skin"])
    images = np.empty((n, 3, height, width), dtype=np.uint8)
    chunk = max(1, CHUNK_PIXELS // (height * width))
    for first in range(0, n, chunk):
        some = slice(first, first + chunk)
        images[some] = _painted({name: value[some] for name, value in known.items()}, height, width)
    return images


def _sides(size: object) -> tuple[int, int]:
    sides = size if isinstance(size, tuple) else (size, size)
    whole = [s for s in sides if isinstance(s, int | np.integer) and SMALLEST_PX <= s <= LARGEST_PX]
    if len(sides) != 2 or len(whole) != 2:
        raise UsageError(
            f"faces.size: must be a side or (height, width) from {SMALLEST_PX} to {LARGEST_PX} px, got {_brief(size)}."
            " Use 64."
        )
    return int(whole[0]), int(whole[1])


def _checked(given: Mapping[str, ArrayLike]) -> dict[str, NDArray[np.float64]]:
    """Every factor as numbers, (n,), all within range."""
    for name in given:
        if name not in FACTORS:
            close = get_close_matches(str(name), FACTORS, n=1, cutoff=0)[0]
            raise UsageError(f"faces.{name}: no such factor. Did you mean {close!r}?")
    known = {name: _numbers(name, factor, given.get(name, factor.default)) for name, factor in FACTORS.items()}
    lengths = {name: len(value) for name, value in known.items() if value.ndim}
    n = next(iter(lengths.values()), 1)
    for name, length in lengths.items():
        if length != n:
            first = next(iter(lengths))
            raise UsageError(f"faces.{name}: must have {n} values like {first!r}, got {length}. Give one or {n}.")
    return {name: np.broadcast_to(value, (n,)) for name, value in known.items()}


def _numbers(name: str, factor: Factor, value: ArrayLike) -> NDArray[np.float64]:
    numbers = np.asarray(value)
    if numbers.dtype.kind == "U" and factor.kind == "categorical":
        unknown = sorted(set(numbers.ravel().tolist()) - set(factor.values))
        if unknown:
            choices = ", ".join(factor.values)
            raise UsageError(f"faces.{name}: must be one of {choices}, got {unknown[0]!r}. Name one of them.")
        numbers = np.array([factor.values.index(v) for v in numbers.ravel().tolist()]).reshape(numbers.shape)
    if numbers.size == 0:
        numbers = numbers.astype(np.float64)
    step = "an integer" if factor.kind == "categorical" else "a number"
    kinds = "iu" if factor.kind == "categorical" and numbers.size else "iuf"
    within = numbers.dtype.kind in kinds and bool(np.all((numbers >= factor.low) & (numbers <= factor.high)))
    if numbers.ndim > 1 or not within:
        raise UsageError(
            f"faces.{name}: must be {step} from {factor.low:g} to {factor.high:g} for each face, got {_brief(value)}."
            f" Leave it out for {factor.default:g}."
        )
    return numbers.astype(np.float64)


def _painted(f: dict[str, NDArray[np.float64]], height: int, width: int) -> NDArray[np.uint8]:
    """Paints from back to front."""
    angle = 0.16 * f["tilt"]
    turn = _column(np.cos(angle)), _column(np.sin(angle))
    image = np.zeros((len(angle), 3, height, width), dtype=np.float32)
    s = Sketch(image, _lengths(f), _pigments(f), turn, PIVOT_Y)
    parts.ground(s)
    hair.back_hair(s)
    parts.shoulders(s)
    parts.neck(s)
    hair.side_locks(s)
    ears = s.only(f["hair_style"] != hair.STYLES.index("bob"))  # a bob hides them
    if ears is not None:
        parts.ears(ears)
    parts.head(s)
    hair.beard(s)
    parts.mouth(s)
    hair.moustache(s)
    parts.nose(s)
    parts.eyes(s)
    hair.front_hair(s)
    parts.brows(s)
    hair.hats(s)
    parts.glasses(s)
    parts.earrings(s)
    image *= 255
    image += 0.5
    return image.astype(np.uint8)


def _column(values: NDArray[np.float64]) -> Array:
    return values.astype(np.float32)[:, None, None]


def _lengths(f: dict[str, NDArray[np.float64]]) -> dict[str, Array]:
    """Frame units of each face from its factors."""
    width = 0.375 + 0.11 * f["face_width"]
    apart = (0.39 + 0.15 * f["eye_spacing"]) * width
    lengths = {
        "width": width,
        "chin": 0.475 - 0.02 * f["face_width"] - 0.04 * f["jaw"],
        "jaw": 0.9 - 1.65 * f["jaw"],
        "eye": (0.088 + 0.05 * f["eye_size"]) * (0.7 + 0.7 * width),
        "apart": apart,
        "lens": np.minimum(0.93 * apart, 0.17),
        "yaw": f["yaw"] * width / 0.43,
        "lids": 0.22 + 0.7 * f["eye_open"],
        "blush": 0.9 * f["blush"],
        "brim": np.where(f["hat"] >= hair.HATS.index("cap"), -0.4, -9.0),
    }
    return {name: _column(value) for name, value in (f | lengths).items()}


def _pigments(f: dict[str, NDArray[np.float64]]) -> dict[str, Array]:
    """Colours of each face from its factors; what lies on skin is mixed from it."""
    ground, strand = _chosen(GROUNDS.values(), f["background"]), _chosen(HAIRS.values(), f["hair_colour"])
    shirt, hat = _chosen(SHIRTS.values(), f["shirt_colour"]), _chosen(HAT_OF_SHIRT, f["shirt_colour"])
    tones = np.stack([colour(tone) for tone in SKINS])
    place = f["skin"] * (len(SKINS) - 1)
    lower = np.minimum(place.astype(np.int64), len(SKINS) - 2)
    skin = mix(tones[lower], tones[lower + 1], (place - lower)[:, None])
    dark = f["skin"][:, None]
    white, ink, red = colour("ffffff"), colour("2a1a24"), colour("d8434e")
    shade = skin * colour("ead0ca")
    deep = skin * colour("c99c94")
    pigments = {
        "ground": ground,
        "halo": mix(ground, white, 0.34),
        "skin": skin,
        "shade": shade,
        "deep": deep,
        "nose": mix(shade, deep, 0.6),
        "shine": mix(skin, white, 0.35),
        "blush": mix(skin, colour("ff5268"), 0.65 - 0.1 * dark),
        "freckle": mix(deep, colour("7a3b1e"), 0.35),
        "lip": mix(skin, mix(colour("d9545f"), colour("d8707a"), dark), 0.55),
        "throat": mix(red, ink, 0.75) + 0 * skin,
        "hair": strand,
        "hair_dark": strand * colour("c8bcc8"),
        "hair_light": mix(strand, colour("fff4e4"), 0.26),
        "beard": mix(strand, ink, 0.12),
        "stubble": mix(strand, ink, 0.55),
        "brow": mix(strand, ink, 0.42),
        "iris": _chosen(IRISES.values(), f["eye_colour"]),
        "shirt": shirt,
        "shirt_dark": shirt * colour("cfc8d6"),
        "lining": shirt * colour("a8a0b2"),
        "collar_pale": mix(shirt, white, 0.62),
        "collar_edge": shirt * colour("c4bccc"),
        "hat": hat,
        "hat_dark": hat * colour("d0c6d0"),
        "hat_pale": mix(hat, white, 0.45),
        "hat_pale_dark": mix(hat, white, 0.45) * colour("d0c6d0"),
    }
    return {name: value.astype(np.float32)[:, :, None, None] for name, value in pigments.items()}


def _chosen(palette: Any, index: NDArray[np.float64]) -> Array:
    """The colour of each face, (n, 3)."""
    return np.stack([colour(code) for code in palette])[index.astype(np.int64)]
