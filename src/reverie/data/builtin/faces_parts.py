"""The parts of a face that are not hair: ground, shoulders, head, eyes, mouth, glasses; each a painter of a Sketch.

Lengths are in frame units with the eyes near y = -0.04 and the chin near y = 0.44; `yaw` slides parts sideways by their
depth. Hair, beards and hats are in `faces_hair`, the order of painting and the factors in `faces`.
"""

import numpy as np

from reverie.data.builtin.faces_canvas import Array, Length, Region, Sketch, box, colour, disc, egg, line, mix, stroke

HEAD_Y, HEAD_UP = -0.03, 0.56
EYE_Y, NOSE_Y, MOUTH_Y = -0.04, 0.085, 0.255
WHITE, INK, NIGHT = colour("fffdf8"), colour("2b2028"), colour("23242f")


def head_egg(region: Region, s: Sketch, grow: Length = 0.0) -> Array:
    """Signed distance to the outline of the face, grown a little."""
    return egg(
        region.x,
        region.y - HEAD_Y,
        s["width"] + grow,
        HEAD_UP + grow,
        s["chin"] - HEAD_Y + grow,
        k_up=-0.25,
        k_down=s["jaw"],
    )


def eye_x(s: Sketch, side: float, depth: float = 0.085) -> Array:
    """Where the left (-1) or right (1) eye is; the far one comes nearer to the nose as the head turns."""
    return depth * s["yaw"] + side * s["apart"] * (1 - 0.1 * side * s["yaw"])


def ground(s: Sketch) -> None:
    """Paints the background, paler towards a disc behind the head."""
    r = s.on_body(-99, -99, 99, 99)
    r.paint(np.ones((1, *np.broadcast_shapes(r.x.shape, r.y.shape)[1:]), dtype=np.float32), s.pigment("ground"))
    r.fill(disc(r.x, r.y + 0.03, 0.8), s.pigment("halo"))


def shoulders(s: Sketch) -> None:
    """Paints the shirt as far down as the picture goes."""
    r = s.on_body(-0.9, 0.5, 0.9, 99)
    y = np.minimum(r.y - 1.15, 0)  # below the widest line the sides go straight down
    distance = egg(r.x, y, 0.8, 0.52, 1.0, k_up=-0.5)
    r.fill(distance, s.pigment("shirt"))
    shade = np.minimum(r.cover(distance), r.cover(0.36 - r.x - 0.25 * (r.y - 0.8), 0.05))
    r.paint(shade, s.pigment("shirt_dark"))
    s.each("collar", {4: hood_lining})


def neck(s: Sketch) -> None:
    """Paints the neck with the shadow of the chin on it, and the collar in front."""
    r = s.on_body(-0.4, 0.15, 0.4, 1.0)
    throat = np.maximum(np.abs(r.x) - 0.155 - 0.6 * np.maximum(r.y - 0.55, 0), r.y - 0.72)
    throat = np.minimum(throat, egg(r.x, r.y - 0.70, 0.245, 0.06, 0.085))
    r.fill(throat, s.pigment("skin"))
    chin = egg(r.x - 0.05, r.y - HEAD_Y, s["width"] - 0.02, HEAD_UP, s["chin"] + 0.14, k_down=s["jaw"])
    r.fill(np.maximum(throat, chin), s.pigment("shade"))
    s.each("collar", {0: crew, 1: vee, 2: lapels, 3: turtleneck, 4: hood})


def crew(s: Sketch) -> None:
    """A round neck with a ribbed edge."""
    r = s.on_body(-0.35, 0.55, 0.35, 0.9)
    rim = np.abs(egg(r.x, r.y - 0.69, 0.25, 0.1, 0.1)) - 0.022
    r.fill(np.maximum(rim, 0.68 - r.y), s.pigment("shirt_dark"))


def vee(s: Sketch) -> None:
    """A neckline that comes to a point."""
    r = s.on_body(-0.4, 0.55, 0.4, 1.0)
    sides = (np.abs(r.x) + 0.88 * r.y - 0.845) / 1.33
    cut = np.maximum(sides, 0.655 - r.y)
    r.fill(np.maximum(np.abs(sides - 0.02) - 0.02, 0.655 - r.y), s.pigment("shirt_dark"))
    r.fill(cut, s.pigment("skin"))
    r.fill(np.maximum(cut, disc(r.x, r.y - 0.38, 0.3)), s.pigment("shade"))


def lapels(s: Sketch) -> None:
    """A shirt collar: two pale triangles."""
    r = s.on_body(-0.4, 0.55, 0.4, 1.0)
    for side in (-1.0, 1.0):
        x, y = side * r.x, r.y - 0.62
        flap = np.maximum((x * 0.9 + y - 0.38) / 1.35, (0.5 * y - x + 0.02) / 1.12)
        flap = np.maximum(flap, np.maximum((0.17 - 0.35 * y - x) * 0.9 - 0.10, (x - y - 0.16) / 1.42))
        r.fill(flap - 0.015, s.pigment("collar_edge"))
        r.fill(flap, s.pigment("collar_pale"))


def turtleneck(s: Sketch) -> None:
    """A collar that covers the neck."""
    r = s.on_body(-0.4, 0.45, 0.4, 0.95)
    tube = box(r.x, r.y - 0.68, 0.2, 0.13, 0.045)
    r.fill(egg(r.x, r.y - 0.71, 0.275, 0.1, 0.1), s.pigment("shirt"))
    r.fill(tube, s.pigment("shirt"))
    r.fill(np.maximum(tube, np.minimum(0.09 - r.x, r.y - 0.605)), s.pigment("shirt_dark"))
    r.fill(stroke(r.x, r.y - 0.805, 0.17, -0.012, 0.012), s.pigment("shirt_dark"))


def hood_lining(s: Sketch) -> None:
    """The inside of a hood, behind the neck."""
    r = s.on_body(-0.5, 0.4, 0.5, 1.0)
    r.fill(egg(r.x, r.y - 0.66, 0.34, 0.17, 0.18), s.pigment("lining"))


def hood(s: Sketch) -> None:
    """A hood lying on the shoulders, with two strings."""
    r = s.on_body(-0.5, 0.5, 0.5, 1.0)
    ring = np.abs(egg(r.x, r.y - 0.66, 0.31, 0.16, 0.15)) - 0.055
    r.fill(np.maximum(ring, 0.6 - r.y), s.pigment("shirt_dark"))
    for side in (-1.0, 1.0):
        r.fill(line(r.x - side * 0.12, r.y - 0.83, side * 0.015, 0.12, 0.014), WHITE)


def ears(s: Sketch) -> None:
    """Paints the ears, behind the head; the far one hides as the head turns."""
    for side in (-1.0, 1.0):
        cx, cy = side * (s["width"] + 0.005) - 0.045 * s["yaw"], 0.02
        r = s.on_head(cx, cy, 0.1, 0.13)
        r.fill(egg(r.x - cx, r.y - cy, 0.08, 0.1, 0.11), s.pigment("skin" if side < 0 else "shade"))
        r.fill(egg(r.x - cx, r.y - cy, 0.045, 0.06, 0.06), s.pigment("deep"), 0.7)


def head(s: Sketch) -> None:
    """Paints the face, darker on one side, with its freckles and blush."""
    r = s.on_head(0.0, -0.05, s["width"] + 0.02, 0.62)
    face = head_egg(r, s)
    coverage = r.cover(face)
    r.paint(coverage, s.pigment("skin"))
    light = egg(r.x + 0.15, r.y - HEAD_Y + 0.02, s["width"] + 0.03, 0.68, s["chin"] + 0.045, k_down=s["jaw"])
    r.paint(np.minimum(coverage, r.cover(-light, 0.03)), s.pigment("shade"))
    glow = egg(r.x + 0.2 - 0.5 * (r.y + 0.45), r.y + 0.45, 0.05, 0.09, 0.09)
    r.fill(glow, s.pigment("shine"), 0.55)
    for side in (-1.0, 1.0):
        cx, cy = 0.075 * s["yaw"] + side * 0.27, 0.14
        r = s.on_head(cx, cy, 0.2, 0.2)
        face = r.cover(head_egg(r, s))
        glow = r.cover(egg(r.x - cx, r.y - cy, 0.1, 0.075, 0.075), 0.09)
        r.paint(glow * face * s["blush"], s.pigment("blush"))
    s.each("freckles", {1: freckles})


def freckles(s: Sketch) -> None:
    """A few dots on either cheek."""
    for side in (-1.0, 1.0):
        cx, cy = 0.085 * s["yaw"] + side * 0.22, 0.125
        r = s.on_head(cx, cy, 0.12, 0.08)
        x, y = (r.x - cx) * side, r.y - cy
        dots = disc(x + 0.06, y - 0.01, 0.019)
        for dx, dy in ((0.0, -0.025), (0.0, 0.04), (0.06, 0.01)):
            dots = np.minimum(dots, disc(x - dx, y - dy, 0.019))
        r.fill(dots, s.pigment("freckle"))


def nose(s: Sketch) -> None:
    """Paints the nose: a shadow with a light on it."""
    cx, size = 0.125 * s["yaw"], s["nose_size"]
    r = s.on_head(cx, NOSE_Y, 0.11, 0.2)
    x, y = r.x - cx, r.y - NOSE_Y
    r.fill(egg(x, y, 0.03 + 0.05 * size, 0.07 + 0.08 * size, 0.03 + 0.035 * size, k_up=1.5), s.pigment("nose"))
    r.fill(egg(x + 0.012 + 0.012 * size, y + 0.005, 0.012 + 0.012 * size, 0.02, 0.015), s.pigment("shine"), 0.8)


def mouth(s: Sketch) -> None:
    """Paints the lips from frown to smile, and what is behind them as they open."""
    cx, smile, gape = 0.09 * s["yaw"], s["smile"], s["mouth_open"]
    half = 0.15 + 0.025 * smile
    r = s.on_head(cx, MOUTH_Y, 0.22, 0.26)
    x, y = r.x - cx, r.y - MOUTH_Y - 0.035 * smile
    t = np.clip(x / half, -1, 1)
    t2, gap, bend = t * t, 0.17 * gape, -0.085 * smile - 0.02 * gape
    upper, lower = bend * t2, gap + (bend - gap) * t2
    slope_up, slope_down = 2 * bend * t / half, 2 * (bend - gap) * t / half
    inside = np.maximum(
        (upper - y) / np.sqrt(1 + slope_up * slope_up), (y - lower) / np.sqrt(1 + slope_down * slope_down)
    )
    beyond = np.maximum(np.abs(x) - half, 0)
    distance = np.where(beyond > 0, np.sqrt(inside * inside + beyond * beyond), inside)
    r.fill(distance - 0.024, s.pigment("lip"))
    hole = r.cover(distance - 0.007)
    r.paint(hole, s.pigment("throat"))
    tongue = disc(x, y - gap - 0.06, 0.115)
    r.paint(np.minimum(hole, r.cover(tongue)) * np.minimum(4 * gape, 1), colour("d9626b"))
    teeth = np.maximum(y - upper - 0.06, distance + 0.006)
    r.paint(r.cover(teeth) * np.clip(5 * gape - 0.6, 0, 1), WHITE)


def eyes(s: Sketch) -> None:
    """Paints both eyes: lid, lash line, white, iris, pupil and the light in it."""
    for side in (-1.0, 1.0):
        rx, ry = s["eye"] * (1 - 0.13 * side * s["yaw"]), s["eye"] * 0.98
        cx = eye_x(s, side)
        r = s.on_head(cx, EYE_Y, rx + 0.05, ry + 0.06)
        x, y = r.x - cx, r.y - EYE_Y
        r.fill(egg(x, y, rx + 0.018, ry + 0.024, ry + 0.01), s.pigment("deep"))
        top = ry * s["lids"]
        r.fill(egg(x, y + 0.012, rx + 0.014, top + 0.016, ry * 0.9), INK)
        opening = r.cover(egg(x, y, rx, top, ry))
        r.paint(opening, WHITE)
        px, py, iris = x - 0.42 * s["gaze"] * rx, y + 0.06 * ry, 0.016 + 0.61 * s["eye"]
        middle = np.sqrt(px * px + py * py)
        r.paint(np.minimum(opening, r.cover(middle - iris)), s.pigment("iris"))
        r.paint(np.minimum(opening, r.cover(middle - 0.56 * iris)), INK)
        r.paint(np.minimum(opening, r.cover(disc(px + 0.4 * iris, py + 0.42 * iris, 0.30 * iris))), WHITE)


def brows(s: Sketch) -> None:
    """Paints the eyebrows, in front of the hair so that they always read."""
    for side in (-1.0, 1.0):
        cx, cy = eye_x(s, side, 0.09), EYE_Y - 0.075 - s["eye"]
        r = s.on_head(cx, cy, 0.17, 0.13)
        x, y = (r.x - cx) * side, r.y - cy
        r.fill(stroke(x, y + 0.75 * s["brow_angle"] * x + 0.012, 0.1, 0.03, 0.028), s.pigment("brow"))


def glasses(s: Sketch) -> None:
    """Paints round, square or dark glasses on those who wear them."""
    s.each("glasses", {1: round_glasses, 2: square_glasses, 3: sunglasses})


def frame(s: Sketch, thick: float, pigment: Array) -> None:
    """Bridge and side pieces of glasses."""
    y0, lens = EYE_Y, s["lens"]
    left, right = eye_x(s, -1.0, 0.1), eye_x(s, 1.0, 0.1)
    r = s.on_head(0.0, y0, s["width"] + 0.06, 0.09)
    r.fill(stroke(r.x - (left + right) / 2, r.y - y0 + 0.035, (right - left) / 2 - lens + 0.01, 0.02, thick), pigment)
    for side, middle in ((-1.0, left), (1.0, right)):
        start = middle + side * lens
        r.fill(line(r.x - start, r.y - y0 + 0.03, side * (s["width"] + 0.02) - start, -0.02, thick), pigment)


def round_glasses(s: Sketch) -> None:
    """Thin round frames."""
    rim = colour("6b3f2a")
    frame(s, 0.014, rim)
    for side in (-1.0, 1.0):
        cx = eye_x(s, side, 0.1)
        r = s.on_head(cx, EYE_Y, 0.2, 0.2)
        distance = disc(r.x - cx, r.y - EYE_Y, s["lens"])
        r.fill(distance, WHITE, 0.09)
        r.fill(np.abs(distance) - 0.017, rim)


def square_glasses(s: Sketch) -> None:
    """Heavy square frames."""
    frame(s, 0.02, NIGHT)
    for side in (-1.0, 1.0):
        cx = eye_x(s, side, 0.1)
        r = s.on_head(cx, EYE_Y, 0.21, 0.19)
        distance = box(r.x - cx, r.y - EYE_Y, s["lens"], 0.14, 0.045)
        r.fill(distance, WHITE, 0.08)
        r.fill(np.abs(distance) - 0.023, NIGHT)


def sunglasses(s: Sketch) -> None:
    """Dark lenses with a glint; the eyes show through, faintly."""
    frame(s, 0.022, NIGHT)
    for side in (-1.0, 1.0):
        cx, cy = eye_x(s, side, 0.1), EYE_Y + 0.01
        r = s.on_head(cx, cy, 0.21, 0.21)
        x, y = r.x - cx, r.y - cy
        lens = egg(x, y, s["lens"] + 0.012, 0.125, 0.165, k_up=-0.85, k_down=-0.45)
        r.fill(lens - 0.012, NIGHT)
        r.fill(lens + 0.01, mix(NIGHT, colour("5d6f92"), 0.55), np.clip(y * 3 + 0.25, 0, 0.9))
        glint = np.abs(x + y * 0.6 + 0.06) / 1.17 - 0.018
        r.fill(np.maximum(glint, lens + 0.03), WHITE, 0.5)


def earrings(s: Sketch) -> None:
    """Paints studs or hoops at the lobes."""
    s.each("earrings", {1: studs, 2: hoops})


def studs(s: Sketch) -> None:
    """A pearl at either lobe."""
    for side in (-1.0, 1.0):
        cx, cy = side * (s["width"] + 0.03) - 0.045 * s["yaw"], 0.125
        r = s.on_head(cx, cy, 0.06, 0.06)
        r.fill(disc(r.x - cx, r.y - cy, 0.046), colour("d9a441"))
        r.fill(disc(r.x - cx + 0.012, r.y - cy + 0.012, 0.022), colour("fff3cf"))


def hoops(s: Sketch) -> None:
    """A golden ring at either lobe."""
    for side in (-1.0, 1.0):
        cx, cy = side * (s["width"] + 0.03) - 0.045 * s["yaw"], 0.19
        r = s.on_head(cx, cy, 0.12, 0.12)
        r.fill(np.abs(disc(r.x - cx, r.y - cy, 0.072)) - 0.016, colour("e3ad3c"))
