"""The report of a comparison: one HTML file that needs nothing else, no network and no script.

It shows the object that `reverie compare --json` prints, with pictures. Words first, then what they rest on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup
from torch import Tensor

from reverie.core.run import atomic_write, explained
from reverie.ship import sheet
from reverie.ship.exhibits import kind
from reverie.ship.numbers import duration, spoken, value
from reverie.ship.plots import Axis, Spot, lines, spots
from reverie.ship.report import figure, page

# What the plots show of quality: the first of these that two contestants have.
_QUALITY = ("frechet", "kid", "coverage")
_PROBE = "frechet"
_BETTER = {"lower": "lower is better", "higher": "higher is better", "none": "compare with real ones"}
_NONE = frozenset({"vendi", "mode_spread", "sharpness", "density", "parameters"})
_LOWER = frozenset(
    {"frechet", "kid", "copies", "latency", "nll", "bits_per_dim", "sliced_wasserstein", "ndb", "reverse_kl"}
)
_QUANTILE = 1.959964
_SIDE_BY_SIDE = 3


@dataclass(frozen=True)
class Contender:
    """Pictures of one contestant, on seeds that all have in common.

    Args:
        name: as in the comparison.
        samples: (n, c, h, w) in [-1, 1]; None where it makes none.
        strip: images along a path between two latents; None where it decodes none.
        made: the samples that stand beside training images.
        nearest: the training image nearest to each of them, in the comparison's features.
    """

    name: str
    samples: Tensor | None = None
    strip: Tensor | None = None
    made: Tensor | None = None
    nearest: Tensor | None = None


def write_comparison(path: Path, told: Mapping[str, Any], contenders: Sequence[Contender]) -> Path:
    """Writes the report.

    Args:
        path: the HTML file.
        told: the object of `reverie compare --json`.
        contenders: pictures, in the order of `told["runs"]`.
    Raises:
        RunError: `path` cannot be written.
    """
    html = render_comparison(told, contenders)
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, html.encode())
    return path


def render_comparison(told: Mapping[str, Any], contenders: Sequence[Contender]) -> str:
    """The page as text."""
    runs: Sequence[Mapping[str, Any]] = told["runs"]
    names = [str(run["name"]) for run in runs]
    protocol = told["protocol"]
    source = Path(str(protocol["data"])).name or str(protocol["data"])
    return page(
        "comparison.html.j2",
        title=" and ".join(names) if len(names) == 2 else f"{len(names)} models",
        names=names,
        kind=told["kind"],
        source=source,
        num=f"{protocol['samples']:,}",
        split=protocol["split"],
        features=protocol["features"],
        words=told["words"],
        recommendation=told["recommendation"],
        runs=[_card(run) for run in runs],
        sheets=_sheets(contenders),
        rows=_rows(told, names),
        sentences=_sentences(told),
        charts=_charts(runs, names),
        neighbours=_neighbours(contenders),
        strips=_strips(contenders, runs),
        findings=[(run["name"], run["findings"]) for run in runs if "findings" in run],
        left_out=told["left_out"],
        protocol={name.replace("_", " "): value(fact) for name, fact in protocol.items()},
        wide=len(names) > _SIDE_BY_SIDE,
    )


def _card(run: Mapping[str, Any]) -> dict[str, Any]:
    """What a contestant is, in one line."""
    if run["kind"] == "folder":
        return {"name": run["name"], "what": "a folder of images", "facts": []}
    facts = [(duration(60 * run["minutes"]), f"of training on {run['device']}"), (f"{run['images']:,}", "images seen")]
    facts.append((f"{run['parameters']:,}", "parameters"))
    ended = "" if run["state"] == "finished" else f", {run['state']}"
    return {"name": run["name"], "what": f"a {kind(run['family'])}{ended}", "facts": facts}


def _sheets(contenders: Sequence[Contender]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for one in contenders:
        if one.samples is not None and len(one.samples):
            picture = sheet.grid(one.samples)
            found.append({"name": one.name, "figure": figure(picture, f"{len(one.samples)} samples of {one.name}")})
    return found


def _rows(told: Mapping[str, Any], names: Sequence[str]) -> list[dict[str, Any]]:
    """The table: a line a metric, a cell a contestant, and what real images score."""
    metrics = dict.fromkeys(name for run in told["runs"] for name in run["metrics"])
    rows: list[dict[str, Any]] = []
    for metric in metrics:
        winners = {d["winner"] for d in told["differences"] if d["metric"] == metric}
        losers = {
            name
            for d in told["differences"]
            if d["metric"] == metric and d["winner"] is not None
            for name in (d["a"], d["b"])
            if name != d["winner"]
        }
        floor = told["floors"].get(metric)
        cells = []
        for run in told["runs"]:
            entry = run["metrics"].get(metric)
            best = run["name"] in winners and run["name"] not in losers
            cells.append({"text": _number(entry), "best": best})
        entry = next(run["metrics"][metric] for run in told["runs"] if metric in run["metrics"])
        which = "none" if metric in _NONE else "lower" if metric in _LOWER else "higher"
        rows.append(
            {
                "name": spoken(metric)[0],
                "unit": entry["unit"],
                "better": "" if metric == "parameters" else _BETTER[which],
                "cells": cells,
                "floor": "1" if metric == "sharpness" else _number(floor) if floor else "",
            }
        )
    return rows


def _number(entry: Mapping[str, Any] | None) -> str:
    return "–" if entry is None else value(entry["value"], entry["se"])


def _sentences(told: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """What may be said of each pair and metric: what is certain, and what may be chance."""
    tested = [d for d in told["differences"] if d["se"] is not None]
    return {"apart": [d for d in tested if d["apart"]], "chance": [d for d in tested if not d["apart"]]}


def _charts(runs: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    """Quality against the time of a sample, and against the time of training."""
    made: list[dict[str, Any]] = []
    have = [m for m in _QUALITY if sum(m in run["metrics"] for run in runs) > 1]
    if have:
        words = spoken(have[0])[0]
        points = {
            str(run["name"]): Spot(
                run["metrics"]["latency"]["value"],
                run["metrics"][have[0]]["value"],
                _QUANTILE * (run["metrics"][have[0]]["se"] or 0.0),
            )
            for run in runs
            if "latency" in run["metrics"] and have[0] in run["metrics"]
        }
        drawn = spots(points, Axis("milliseconds for one image", log=True), Axis(words))
        made += _chart(drawn, f"{words} against the time that one image takes", _BETTER_WORDS[have[0]])
    series = {
        str(run["name"]): [(p["minutes"], p[_PROBE]) for p in run.get("probes", ()) if p.get(_PROBE) is not None]
        for run in runs
    }
    drawn = lines(series, Axis("minutes of training"), Axis(_PROBE, log=True))
    return made + _chart(
        drawn,
        "frechet while training, against minutes",
        "lower is better; probes on features of pixels, so it is not the number of the table",
    )


_BETTER_WORDS = {"frechet": "lower left is best", "kid": "lower left is best", "coverage": "upper left is best"}


def _chart(drawn: str | None, name: str, note: str) -> list[dict[str, Any]]:
    return [] if drawn is None else [{"svg": Markup(drawn), "name": name, "note": note}]


def _neighbours(contenders: Sequence[Contender]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for one in contenders:
        if one.made is None or one.nearest is None or one.made.shape[1] == 2:
            continue
        picture = sheet.pairs(one.made, one.nearest)
        alt = f"{len(one.made)} samples of {one.name} above the training images nearest to them"
        found.append({"name": one.name, "figure": figure(picture, alt)})
    return found


def _strips(contenders: Sequence[Contender], runs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for one, run in zip(contenders, runs, strict=True):
        if one.strip is None:
            continue
        numbers = [
            f"{name} {_number(run['metrics'][name])}"
            for name in ("smoothness", "straightness")
            if name in run["metrics"]
        ]
        alt = f"{len(one.strip)} steps of {one.name} between the latents of two seeds"
        found.append({"name": one.name, "figure": figure(sheet.strip(one.strip), alt), "numbers": ", ".join(numbers)})
    return found
