"""Hair of the head and of the chin, and hats over it: painters of a Sketch, behind the face and in front of it.

A style is a cap (an oval around the skull) minus an opening (the oval through which the face looks), with what is
peculiar to the style joined on. The other parts are in `faces_parts`.
"""

from dataclasses import dataclass

import numpy as np

from reverie.data.builtin.faces_canvas import Array, Length, Region, Sketch, both, disc, egg, stroke
from reverie.data.builtin.faces_parts import head_egg

STYLES = ("bald", "buzz", "parted", "quiff", "spiky", "curls", "afro", "bob", "long", "bun", "pigtails")
HATS = ("none", "headband", "cap", "beanie")


@dataclass(frozen=True)
class Cut:
    """What a style adds to the skull (side, top, how far down and how square) and where the face looks out."""

    side: float
    top: float
    down: float
    square: float = 0.0
    at: tuple[float, float] = (0.0, 0.15)  # centre of the opening
    narrow: float = 0.04  # by how much the opening is narrower than the face, each side
    up: float = 0.48
    arch: float = 0.0  # squareness of the opening's upper half


CUTS = {
    "buzz": Cut(0.012, 0.022, 0.12, at=(0.0, 0.14), narrow=0.035, up=0.52, arch=-0.55),
    "parted": Cut(0.035, 0.085, 0.17, at=(0.0, 0.14), narrow=0.035, up=0.47, arch=-0.2),
    "quiff": Cut(0.022, 0.05, 0.15, at=(0.02, 0.14), narrow=0.045, up=0.47, arch=-0.3),
    "spiky": Cut(0.025, 0.04, 0.15, at=(0.0, 0.14), narrow=0.04, up=0.44, arch=-0.45),
    "curls": Cut(0.02, 0.03, 0.16, at=(0.0, 0.14), narrow=0.03, up=0.42, arch=-0.3),
    "afro": Cut(0.05, 0.1, 0.2, at=(0.0, 0.14), narrow=0.03, up=0.47, arch=-0.35),
    "bob": Cut(0.075, 0.09, 0.42, -0.75, at=(0.0, 0.3), narrow=0.05, up=0.49, arch=-0.8),
    "long": Cut(0.045, 0.08, 0.24, at=(0.0, 0.2), narrow=0.035, up=0.58, arch=1.6),
    "bun": Cut(0.02, 0.045, 0.14, at=(0.0, 0.14), narrow=0.035, up=0.50, arch=0.1),
    "pigtails": Cut(0.03, 0.06, 0.16, at=(0.0, 0.16), narrow=0.03, up=0.53, arch=1.0),
}
# Centres and radii of locks: across in half-widths of the head, down and radius in frame units.
RING = (
    (-1, -0.2),
    (-0.94, -0.4),
    (-0.66, -0.56),
    (-0.25, -0.64),
    (0.2, -0.65),
    (0.62, -0.58),
    (0.93, -0.42),
    (1, -0.2),
)
FRINGE = ((-0.45, -0.4, 0.12), (0.0, -0.43, 0.125), (0.45, -0.41, 0.12))
CURLS = (*((across, down, 0.135) for across, down in RING), *FRINGE)
SIDE = ((1.2, 0.0, 0.2), (1.28, -0.22, 0.2), (1.1, -0.44, 0.2), (0.68, -0.6, 0.2))
AFRO = (*SIDE, *((-across, down, radius) for across, down, radius in SIDE), (0.0, -0.66, 0.2))
BROW = ((0.7, -0.34, 0.1), (0.35, -0.42, 0.11), (0.0, -0.44, 0.11), (-0.35, -0.42, 0.11), (-0.7, -0.34, 0.1))


def under_hat(hair: Array, r: Region, s: Sketch) -> Array:
    """Signed distance to the hair that no hat covers: it bulges out, rounded, below the brim."""
    return both(hair, s["brim"] + 0.5 * np.maximum(np.abs(r.x) - s["width"], 0) - r.y, 0.12)


def locks(r: Region, s: Sketch, table: tuple[tuple[float, float, float], ...]) -> Array:
    """Signed distance to a union of round locks."""
    distances = [disc(r.x - across * s["width"], r.y - down, radius) for across, down, radius in table]
    return np.minimum.reduce(distances)


def shaded(r: Region, s: Sketch, coverage: Array) -> None:
    """Paints hair, darker on the side away from the light."""
    dark = r.cover(0.1 - r.x - 0.3 * r.y, 0.05)[:, None]
    r.paint(coverage, s.pigment("hair") + (s.pigment("hair_dark") - s.pigment("hair")) * dark)


def back_hair(s: Sketch) -> None:
    """Paints the hair that hangs or stands behind everything else."""
    painters = {"afro": afro_back, "bob": bob_back, "long": long_back, "bun": bun_back, "pigtails": pigtails_back}
    s.each("hair_style", {STYLES.index(name): painter for name, painter in painters.items()})


def afro_back(s: Sketch) -> None:
    """A round cloud."""
    r = s.on_head(0.0, -0.3, s["width"] * 1.4 + 0.25, 0.75)
    cloud = np.minimum(locks(r, s, AFRO), egg(r.x, r.y + 0.22, s["width"] * 1.35, 0.5, 0.38))
    shaded(r, s, r.cover(under_hat(cloud, r, s)))


def bob_back(s: Sketch) -> None:
    """Straight hair down to the jaw."""
    r = s.on_head(0.0, -0.1, s["width"] + 0.2, 0.7)
    curtain = egg(r.x, r.y + 0.1, s["width"] + 0.1, 0.5, 0.55, k_down=-0.85)
    r.fill(under_hat(curtain, r, s), s.pigment("hair_dark"))


def long_back(s: Sketch) -> None:
    """Hair down to the shoulders and over them."""
    r = s.on_head(0.0, 0.15, s["width"] + 0.2, 0.85)
    mane = egg(r.x, r.y + 0.05, s["width"] + 0.12, 0.55, 0.92, k_down=-0.8)
    r.fill(under_hat(mane, r, s), s.pigment("hair_dark"))


def bun_back(s: Sketch) -> None:
    """A knot on the top."""
    cx = -0.06 * s["yaw"]
    r = s.on_head(cx, -0.71, 0.22, 0.22)
    knot = under_hat(disc(r.x - cx, r.y + 0.71, 0.17), r, s)
    r.fill(knot, s.pigment("hair"))
    r.fill(np.maximum(knot, 0.12 - disc(r.x - cx + 0.06, r.y + 0.74, 0.06)), s.pigment("hair_dark"))


def pigtails_back(s: Sketch) -> None:
    """A tail on either side, tied with a ribbon."""
    for side in (-1.0, 1.0):
        cx, cy = side * (s["width"] + 0.13) - 0.04 * s["yaw"], 0.1
        r = s.on_head(cx, cy, 0.2, 0.4)
        x, y = (r.x - cx) * side, r.y - cy
        r.fill(egg(x - 0.12 * y, y, 0.13, 0.24, 0.34, k_down=0.6), s.pigment("hair" if side < 0 else "hair_dark"))
        r.fill(disc(x + 0.085, y + 0.2, 0.085), s.pigment("hat"))


def side_locks(s: Sketch) -> None:
    """Paints what falls over the shoulders, in front of the shirt."""
    s.each("hair_style", {STYLES.index("long"): long_locks})


def long_locks(s: Sketch) -> None:
    """Two tapering locks."""
    for side in (-1.0, 1.0):
        cx, cy = side * (s["width"] + 0.0), 0.2
        r = s.on_head(cx, cy, 0.2, 0.75)
        x, y = (r.x - cx) * side, r.y - cy
        lock = egg(x + 0.1 * y * y, y, 0.115, 0.6, 0.66, k_up=-0.5, k_down=-0.4)
        r.fill(under_hat(lock, r, s), s.pigment("hair" if side < 0 else "hair_dark"))


def front_hair(s: Sketch) -> None:
    """Paints the hair that frames the face, with a darker side and a highlight."""
    for number, name in enumerate(STYLES):
        part = s.only(s["hair_style"].ravel() == number) if name in CUTS else None
        if part is not None:
            front(part, name, CUTS[name])


def front(s: Sketch, name: str, cut: Cut) -> None:
    """Paints one style."""
    spread = 0.16 if name in ("curls", "spiky", "quiff") else cut.side + 0.02
    r = s.on_head(0.0, -0.2, s["width"] + spread, 0.66)
    shift = 0.05 * s["yaw"]
    cap = egg(r.x, r.y + 0.08, s["width"] + cut.side, 0.51 + cut.top, cut.down, k_up=-0.25, k_down=cut.square)
    ox, oy = cut.at
    opening = egg(r.x - ox - shift, r.y - oy, s["width"] - cut.narrow, cut.up, 0.6, k_up=cut.arch)
    hair = np.maximum(cap, -opening)
    if name in JOINED:
        hair = np.minimum(hair, JOINED[name](r, s))
    coverage = r.cover(under_hat(hair, r, s))
    if name == "buzz":
        coverage *= np.float32(0.8)
    shaded(r, s, coverage)
    if name == "parted":
        parting = stroke(r.y + 0.5, r.x + 0.2 - 0.6 * (r.y + 0.5), 0.12, -0.04, 0.012)
        r.paint(np.minimum(coverage, r.cover(parting)), s.pigment("hair_dark"))
    elif name != "buzz":
        band = np.abs(egg(r.x + 0.02, r.y + 0.08, s["width"] * 0.84, 0.49, 0.5)) - 0.03
        fade = np.clip(np.minimum(-0.02 - r.x, r.x + 0.36) * 8, 0, 1) * (r.y < 0)
        r.paint(np.minimum(coverage, r.cover(band, 0.02)) * fade, s.pigment("hair_light"))


def quiff(r: Region, s: Sketch) -> Array:
    """A wave over the forehead, swept to one side."""
    x, y = r.x - 0.03, r.y + 0.54
    return egg(x - 0.1 * y, y + 0.24 * x, 0.9 * s["width"], 0.22, 0.24, k_up=-0.55)


def swoop(r: Region, s: Sketch) -> Array:
    """A lock swept from the parting to the far temple."""
    x, y = r.x - 0.08 - 0.04 * s["yaw"], r.y + 0.4
    return egg(x + 0.4 * y, y - 0.36 * x - 0.9 * x * x, 0.85 * s["width"], 0.2, 0.125, k_up=-0.4)


def spikes(r: Region, s: Sketch) -> Array:
    """Five points that stand on the cap."""
    fan = s["width"] * (0.84 - 0.5 * (r.y + 0.4))  # the points lean outwards
    across = np.clip(r.x / fan, -1, 1) * 2.5
    tooth = np.abs(across - np.rint(across))  # 0 at a tip, 1/2 between two
    tip = -0.85 + 0.06 * across * across + 0.42 * tooth
    edge = (tip - r.y) / np.sqrt(1 + (1.05 / fan) ** 2)
    return np.maximum(np.maximum(edge, np.abs(r.x) - fan), r.y + 0.33)


def curly(r: Region, s: Sketch) -> Array:
    """Round locks along the brow and over the skull."""
    return locks(r, s, CURLS)


def cloudy(r: Region, s: Sketch) -> Array:
    """A scalloped hairline."""
    return locks(r, s, BROW)


JOINED = {"parted": swoop, "quiff": quiff, "spiky": spikes, "curls": curly, "afro": cloudy}


def beard(s: Sketch) -> None:
    """Paints stubble, a goatee or a full beard, under the mouth."""
    s.each("beard", {1: stubble, 3: goatee, 4: full_beard})


def jaw(r: Region, s: Sketch, grow: Length) -> Array:
    """Signed distance to where a beard grows."""
    around = egg(r.x - 0.07 * s["yaw"], r.y, s["width"] - 0.085, 0.4, 0.175, k_down=-0.5)
    return np.maximum(np.maximum(head_egg(r, s, grow), -around), -0.02 - r.y)


def stubble(s: Sketch) -> None:
    """A shadow on the jaw and the lip."""
    r = s.on_head(0.0, 0.25, s["width"] + 0.05, 0.32)
    r.fill(jaw(r, s, -0.004), s.pigment("stubble"), 0.3, 0.03)


def goatee(s: Sketch) -> None:
    """A tuft on the chin."""
    cx = 0.06 * s["yaw"]
    r = s.on_head(cx, 0.4, 0.2, 0.2)
    r.fill(egg(r.x - cx, r.y - s["chin"] + 0.045, 0.14, 0.055, 0.12, k_up=-0.5, k_down=0.6), s.pigment("beard"))


def full_beard(s: Sketch) -> None:
    """A beard from ear to ear."""
    r = s.on_head(0.0, 0.25, s["width"] + 0.07, 0.36)
    hair = jaw(r, s, 0.04 * np.clip(4 * r.y + 0.1, 0, 1))  # fuller towards the chin
    coverage = r.cover(hair)
    r.paint(coverage, s.pigment("beard"))
    r.paint(np.minimum(coverage, r.cover(0.16 - r.x - 0.3 * (r.y - 0.25), 0.06)), s.pigment("hair_dark"))


def moustache(s: Sketch) -> None:
    """Paints a moustache over the upper lip, alone or with a full beard."""
    s.each("beard", {2: whiskers, 4: whiskers})


def whiskers(s: Sketch) -> None:
    """Two tapering halves."""
    cx = 0.1 * s["yaw"]
    r = s.on_head(cx, 0.2, 0.22, 0.12)
    for side in (-1.0, 1.0):
        x, y = (r.x - cx) * side - 0.075, r.y - 0.19
        r.fill(egg(x, y - 0.35 * x, 0.1, 0.036, 0.042, k_down=0.4), s.pigment("beard"))


def hats(s: Sketch) -> None:
    """Paints a headband, cap or beanie on those who wear one."""
    s.each("hat", {1: headband, 2: cap_hat, 3: beanie})


def headband(s: Sketch) -> None:
    """A band across the hair."""
    r = s.on_head(0.0, -0.4, s["width"] + 0.05, 0.2)
    band = np.abs(r.y + 0.43 - 0.35 * r.x * r.x) - 0.05
    skull = egg(r.x, r.y + 0.08, s["width"] + 0.028, 0.6, 0.5, k_up=-0.25)
    r.fill(np.maximum(band, skull), s.pigment("hat"))
    r.fill(np.maximum(np.maximum(band, skull), 0.15 - r.x), s.pigment("hat_dark"))


def cap_hat(s: Sketch) -> None:
    """A cap with a peak."""
    r = s.on_head(0.0, -0.45, s["width"] + 0.16, 0.35)
    dome = np.maximum(egg(r.x, r.y + 0.28, s["width"] + 0.05, 0.48, 0.3, k_up=-0.3), r.y + 0.3)
    coverage = r.cover(dome)
    r.paint(coverage, s.pigment("hat"))
    r.paint(np.minimum(coverage, r.cover(0.14 - r.x - 0.2 * (r.y + 0.5), 0.05)), s.pigment("hat_dark"))
    panel = egg(r.x - 0.08 * s["yaw"], r.y + 0.3, 0.25, 0.4, 0.3, k_up=-0.3)
    r.fill(np.maximum(dome, panel), s.pigment("hat_pale"))
    r.fill(disc(r.x, r.y + 0.765, 0.035), s.pigment("hat_dark"))
    cx = 0.1 * s["yaw"]
    r.fill(egg(r.x - cx, r.y + 0.3, s["width"] + 0.05, 0.1, 0.075, k_up=-0.2), s.pigment("hat_dark"))


def beanie(s: Sketch) -> None:
    """A knitted hat with a bobble."""
    r = s.on_head(0.0, -0.5, s["width"] + 0.14, 0.48)
    r.fill(disc(r.x, r.y + 0.81, 0.105), s.pigment("hat_pale"))
    dome = np.maximum(egg(r.x, r.y + 0.3, s["width"] + 0.05, 0.46, 0.3, k_up=-0.35), r.y + 0.33)
    coverage = r.cover(dome)
    r.paint(coverage, s.pigment("hat"))
    r.paint(np.minimum(coverage, r.cover(0.14 - r.x - 0.2 * (r.y + 0.5), 0.05)), s.pigment("hat_dark"))
    brim = stroke(r.x, r.y + 0.36, s["width"] - 0.01, 0.03, 0.08)
    r.fill(brim, s.pigment("hat_pale"))
    r.fill(np.maximum(brim, 0.17 - r.x), s.pigment("hat_pale_dark"))
