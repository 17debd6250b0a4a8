"""The numbers of a run over time, as series, as a PNG for the model card, and as inline SVG for reports.

Time is images seen. A chart shows one number: terms of different sizes on one axis hide each other.
"""

import io
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from reverie.core.event import Event, Probed, Stepped
from reverie.ship.numbers import count, spoken, value

MAX_POINTS = 240
_INK, _MUTED, _LINE, _ACCENT, _PAPER = "#221e1a", "#6b6357", "#d6cec2", "#a83a17", "#faf7f1"


@dataclass
class Series:
    """One number over time.

    Args:
        name: in words, for instance "elbo · kl".
        unit: "nats" or the like, or "".
        kind: "term" of the loss, or "probe" on held-out data.
        points: (images seen, value), finite values alone, in order.
    """

    name: str
    unit: str
    kind: Literal["term", "probe"]
    points: list[tuple[float, float]] = field(default_factory=lambda: [])

    @property
    def last(self) -> float:
        """The latest value."""
        return self.points[-1][1]


def series(events: Iterable[Event]) -> list[Series]:
    """Every loss term and probe with two values or more: terms first, in the order in which they appeared."""
    found: dict[tuple[str, str], Series] = {}
    phases: set[str] = set()
    for event in events:
        if isinstance(event, Stepped):
            phases.add(event.phase)
            for name, number in event.terms.items():
                if name == "loss" and len(event.terms) > 1:
                    continue  # the sum of the others
                _add(found, f"{event.phase}\0{name}", "term", event.images, number)
        elif isinstance(event, Probed):
            for name, number in event.values.items():
                _add(found, name, "probe", event.images, number)
    for (key, _), one in found.items():
        phase, _, name = key.rpartition("\0")
        words, one.unit = spoken(name)
        one.name = f"{phase} · {words}" if phase and len(phases) > 1 else words
    kept: list[Series] = []
    for one in sorted(found.values(), key=lambda s: (s.kind == "probe", len(s.name))):
        if len(one.points) > 1 and all(one.points != other.points for other in kept):
            kept.append(one)  # a term and the same term weighted by 1 are one curve
    order = list(found.values())
    return [_thinned(s) for s in sorted(kept, key=lambda s: (s.kind == "probe", order.index(s)))]


def _add(found: dict[tuple[str, str], Series], key: str, kind: Literal["term", "probe"], images: int, y: float) -> None:
    one = found.setdefault((key, kind), Series(key, "", kind))
    if math.isfinite(y):
        one.points.append((float(images), y))


def _thinned(one: Series) -> Series:
    """At most MAX_POINTS points: means over equal stretches of points, with the last value kept as it is."""
    stride = math.ceil(len(one.points) / MAX_POINTS)
    if stride > 1:
        groups = [one.points[i : i + stride] for i in range(0, len(one.points) - 1, stride)]
        means = [(sum(x for x, _ in g) / len(g), sum(y for _, y in g) / len(g)) for g in groups]
        one.points = [*means, one.points[-1]]
    return one


def last_images(all_series: Iterable[Series]) -> float:
    """Where the time axis of charts side by side ends."""
    return max((one.points[-1][0] for one in all_series), default=0.0) or 1.0


def limits(one: Series) -> tuple[float, float]:
    """The lowest and highest value worth drawing: the first tenth of a training must not flatten the rest of it."""
    settled = one.points[len(one.points) // 10 :]
    low, high = min(y for _, y in settled), max(y for _, y in settled)
    margin = 0.08 * (high - low) or abs(high) * 0.1 or 1.0
    low, high = low - margin, high + margin
    return (0.0 if 0 <= low + margin and low < 0 else low), high


def ticks(low: float, high: float, wanted: int = 3) -> list[float]:
    """Round numbers inside [low, high], about `wanted` of them.

    Example:
        >>> ticks(0, 100, 4), ticks(71, 118)
        ([0.0, 25.0, 50.0, 75.0, 100.0], [80.0, 100.0])
    """
    raw = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    step = min((power * m for m in (1, 2, 2.5, 5, 10)), key=lambda s: abs(s - raw))
    first = math.ceil(low / step - 1e-9)
    return [round(first * step + i * step, 12) for i in range(math.floor(high / step + 1e-9) - first + 1)]


def svg(one: Series, end: float, width: int = 360, height: int = 150) -> str:
    """An inline SVG of the series, with images seen from 0 to `end`.

    Colours come from the page's classes `line`, `axis` and `tick`, so themes reach it.
    Only numbers that were computed here enter the markup, never text from a run folder.
    """
    left, right, top, bottom = 4, 52, 8, 22
    low, high = limits(one)
    plot_w, plot_h = width - left - right, height - top - bottom

    def at(x: float, y: float) -> tuple[float, float]:
        return x / end * plot_w, (high - y) / (high - low) * plot_h

    parts = [f'<svg viewBox="0 0 {width} {height}" aria-hidden="true">']
    for tick in (levels := ticks(low, high)):
        y = top + at(0, tick)[1]
        parts.append(f'<path class="axis" d="M{left} {y:.1f}H{left + plot_w}"/>')
        parts.append(f'<text class="tick" x="{left + plot_w + 8}" y="{y + 3.5:.1f}">{tick_label(tick, levels)}</text>')
    for tick in ticks(0, end):
        x = left + at(tick, low)[0]
        anchor = "start" if tick == 0 else "middle"
        parts.append(f'<text class="tick" x="{x:.1f}" y="{height - 6}" text-anchor="{anchor}">{count(tick)}</text>')
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in (at(*p) for p in one.points))
    x, y = at(*one.points[-1])
    parts.append(f'<svg class="plot" x="{left}" y="{top}" width="{plot_w}" height="{plot_h}">')  # cuts what is outside
    parts.append(f'<path class="line {one.kind}" d="M{path}"/></svg>')
    parts.append(f'<circle class="end {one.kind}" cx="{left + x:.1f}" cy="{top + y:.1f}" r="2.8"/></svg>')
    return "".join(parts)


def tick_label(tick: float, levels: list[float]) -> str:
    """A tick with as many decimals as its neighbours need.

    Example:
        >>> [tick_label(t, [17.5, 20.0]) for t in (17.5, 20.0)], tick_label(2000, [2000, 2500])
        (['17.5', '20.0'], '2,000')
    """
    digits = max((len(f"{level:.10f}".rstrip("0").partition(".")[2]) for level in levels), default=0)
    return f"{tick:,.{digits}f}"


def curves_png(all_series: list[Series], columns: int = 3, *, items: str = "images") -> bytes:
    """Small multiples of every series over the training items seen, as PNG bytes, on paper, for a model card."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    columns = min(columns, len(all_series)) or 1
    rows = math.ceil(len(all_series) / columns) or 1
    end = last_images(all_series)
    figure = Figure(figsize=(3.4 * columns, 2.2 * rows), dpi=150, facecolor=_PAPER, layout="constrained")
    FigureCanvasAgg(figure)
    for i, one in enumerate(all_series):
        axes = figure.add_subplot(rows, columns, i + 1, facecolor=_PAPER)
        xs, ys = zip(*one.points, strict=True)
        style = {"marker": "o", "markersize": 2.5} if one.kind == "probe" else {}
        axes.plot(xs, ys, color=_ACCENT if one.kind == "probe" else _INK, linewidth=1.3, **style)
        axes.set_ylim(*limits(one))
        axes.set_xlim(0, end)
        title = one.name.replace("$", r"\$") + (f" ({one.unit})" if one.unit else "")
        axes.set_title(title, fontsize=8, color=_INK, loc="left")
        axes.set_title(value(one.last), fontsize=8, color=_MUTED, loc="right")
        axes.tick_params(length=0, labelsize=7, labelcolor=_MUTED)
        axes.grid(axis="y", color=_LINE, linewidth=0.6)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: count(x)))
        for name, spine in axes.spines.items():
            spine.set_visible(name == "bottom")
            spine.set_color(_LINE)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:,.6g}"))
    figure.supxlabel(f"training {items} seen", fontsize=7, color=_MUTED)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
