"""Charts with several contestants as inline SVG: points beside each other, and lines over time.

Colours come from the page's classes `c0` to `c5`; a name stands at its point or at the end of its line, and shapes and
dashes differ too, so that no colour is needed to read them. Text is escaped, numbers are computed here.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import escape

from reverie.ship.curves import tick_label, ticks

COLOURS = 6
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 460, 280, 52, 92, 14, 40
_LETTER_PX, _LINE_PX = 6.2, 13.0


@dataclass(frozen=True)
class Axis:
    """One axis: what it is of, with its unit, and whether equal ways are equal factors."""

    name: str
    log: bool = False


@dataclass(frozen=True)
class Spot:
    """One contestant's point, with the 95 % half-width of its height; 0 where none is known."""

    x: float
    y: float
    half: float = 0.0


def spots(points: Mapping[str, Spot], x: Axis, y: Axis) -> str | None:
    """A point a contestant with its interval; None where fewer than two have both numbers."""
    if len(points) < 2:
        return None
    ends = [end for p in points.values() for end in (p.y - p.half, p.y + p.half)]
    frame = _Frame(_limits([p.x for p in points.values()], x), _limits(ends, y), x, y)
    parts, taken = frame.start(), list[tuple[float, float, float]]()
    for place, (name, p) in enumerate(points.items()):
        at_x, at_y = frame.at(p.x, p.y)
        colour = f"c{place % COLOURS}"
        if p.half > 0:
            low, high = frame.at(p.x, p.y - p.half)[1], frame.at(p.x, p.y + p.half)[1]
            parts.append(f'<path class="whisker {colour}" d="M{at_x:.1f} {low:.1f}V{high:.1f}"/>')
        parts.append(_mark(at_x, at_y, place, colour))
        parts.append(_label(name, at_x, at_y, colour, taken))
    return "".join([*parts, "</svg>"])


def lines(series: Mapping[str, Sequence[tuple[float, float]]], x: Axis, y: Axis) -> str | None:
    """A line a contestant; None where there is none of two points or more."""
    drawn = {name: _usable(points, x, y) for name, points in series.items()}
    if not any(len(points) > 1 for points in drawn.values()):
        return None
    every = [point for points in drawn.values() for point in points]
    frame = _Frame(_limits([p[0] for p in every], x), _limits([p[1] for p in every], y), x, y)
    parts, taken = frame.start(), list[tuple[float, float, float]]()
    for place, (name, points) in enumerate(drawn.items()):
        if not points:
            continue
        at = [frame.at(*point) for point in points]
        path = "L".join(f"{px:.1f} {py:.1f}" for px, py in at)
        colour = f"c{place % COLOURS}"
        parts.append(f'<path class="way {colour} d{place % 3}" d="M{path}"/>')
        parts.append(_mark(*at[-1], place, colour))
        parts.append(_label(name, *at[-1], colour, taken))
    return "".join([*parts, "</svg>"])


class _Frame:
    """Where numbers stand in the drawing, and the drawing's axes."""

    def __init__(self, xs: tuple[float, float], ys: tuple[float, float], x: Axis, y: Axis) -> None:
        self.xs, self.ys, self.x, self.y = xs, ys, x, y

    def at(self, x: float, y: float) -> tuple[float, float]:
        """The place of a point, in pixels."""
        across = (_scaled(x, self.x) - self.xs[0]) / (self.xs[1] - self.xs[0])
        up = (_scaled(y, self.y) - self.ys[0]) / (self.ys[1] - self.ys[0])
        wide, high = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
        return _LEFT + across * wide, _TOP + (1 - min(1.0, max(0.0, up))) * high

    def start(self) -> list[str]:
        """The opening tag, lines at round numbers, and what the axes are of."""
        parts = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" aria-hidden="true">']
        levels = _rounds(self.ys, self.y)
        for level in levels:
            height = self.at(_unscaled(self.xs[0], self.x), level)[1]
            parts.append(f'<path class="axis" d="M{_LEFT} {height:.1f}H{_WIDTH - _RIGHT}"/>')
            text = _tick(level, levels, self.y)
            parts.append(f'<text class="tick" x="{_LEFT - 8}" y="{height + 3.5:.1f}" text-anchor="end">{text}</text>')
        places = _rounds(self.xs, self.x)
        for place in places:
            across = self.at(place, _unscaled(self.ys[0], self.y))[0]
            text = _tick(place, places, self.x)
            parts.append(
                f'<text class="tick" x="{across:.1f}" y="{_HEIGHT - _BOTTOM + 17}" text-anchor="middle">{text}</text>'
            )
        middle = (_LEFT + _WIDTH - _RIGHT) / 2
        parts.append(
            f'<text class="tick" x="{middle:.0f}" y="{_HEIGHT - 5}" text-anchor="middle">{escape(self.x.name)}</text>'
        )
        return parts


def _usable(points: Sequence[tuple[float, float]], x: Axis, y: Axis) -> list[tuple[float, float]]:
    """Points whose numbers can stand on these axes."""
    finite = [p for p in points if math.isfinite(p[0]) and math.isfinite(p[1])]
    return [p for p in finite if (p[0] > 0 or not x.log) and (p[1] > 0 or not y.log)]


def _limits(numbers: Sequence[float], axis: Axis) -> tuple[float, float]:
    scaled = [_scaled(number, axis) for number in numbers]
    low, high = min(scaled), max(scaled)
    margin = 0.1 * (high - low) or (0.3 if axis.log else abs(high) * 0.1 or 1.0)
    floor = 0.0 if not axis.log and 0 <= low < margin else low - margin
    return floor, high + margin


def _scaled(number: float, axis: Axis) -> float:
    return math.log10(max(number, 1e-12)) if axis.log else number


def _unscaled(number: float, axis: Axis) -> float:
    return 10**number if axis.log else number


def _rounds(limits: tuple[float, float], axis: Axis) -> list[float]:
    """Round numbers between the ends: 1, 2 and 5 times powers of ten on a logarithmic axis."""
    if not axis.log:
        return ticks(*limits, wanted=4)
    powers = range(math.floor(limits[0]) - 1, math.ceil(limits[1]) + 1)
    for factors in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 8)):
        fine = [10.0**power * m for power in powers for m in factors]
        inside = [t for t in fine if limits[0] <= math.log10(t) <= limits[1]]
        if len(inside) >= 3:
            return inside
    return ticks(_unscaled(limits[0], axis), _unscaled(limits[1], axis))


def _tick(number: float, levels: Sequence[float], axis: Axis) -> str:
    wide = axis.log and max(levels) > 20 * min(levels)
    return f"{number:,.4g}" if wide else tick_label(number, list(levels))


def _mark(x: float, y: float, place: int, colour: str) -> str:
    """A disc, a square, a diamond or a triangle."""
    shapes = (
        f'<circle class="mark {colour}" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>',
        f'<path class="mark {colour}" d="M{x - 4:.1f} {y - 4:.1f}h8v8h-8z"/>',
        f'<path class="mark {colour}" d="M{x:.1f} {y - 5.5:.1f}l5.5 5.5l-5.5 5.5l-5.5 -5.5z"/>',
        f'<path class="mark {colour}" d="M{x:.1f} {y - 5.5:.1f}l5 9h-10z"/>',
    )
    return shapes[place % len(shapes)]


def _label(name: str, x: float, y: float, colour: str, taken: list[tuple[float, float, float]]) -> str:
    """The name right of its point, moved down where another stands already."""
    short = name if len(name) <= 22 else f"{name[:21]}…"
    wide, left = len(short) * _LETTER_PX, x + 9
    anchor = "start"
    if left + wide > _WIDTH:
        anchor, left = "end", x - 9
    start = left if anchor == "start" else left - wide
    height = y + 4
    while any(abs(height - h) < _LINE_PX and start < e and start + wide > s for s, e, h in taken):
        height += _LINE_PX
    taken.append((start, start + wide, height))
    return f'<text class="name {colour}" x="{left:.1f}" y="{height:.1f}" text-anchor="{anchor}">{escape(short)}</text>'
