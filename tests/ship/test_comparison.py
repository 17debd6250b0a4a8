"""The comparison's page: one file, nothing run, and charts that say the same as the numbers."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import torch

from reverie.core.errors import RunError
from reverie.ship.comparison import Contender, render_comparison, write_comparison
from reverie.ship.plots import Axis, Spot, lines, spots
from reverie.ship.report import CSP

from .conftest import HOSTILE


def entry(value: float, se: float | None = 0.01) -> dict[str, Any]:
    return {"value": value, "se": se, "n": 100, "unit": ""}


def told(names: list[str]) -> dict[str, Any]:
    runs: list[dict[str, Any]] = []
    for i, name in enumerate(names):
        metrics = {
            "kid": entry(0.1 + i),
            "latency": entry(1.0 + i),
            "coverage": entry(0.9 - i / 10),
            "parameters": entry(9, None),
        }
        finding = {"code": "G001", "title": HOSTILE, "saw": HOSTILE, "advice": "Look."}
        probes = [{"minutes": float(m), "images": 100 * m, "frechet": 2.0 / (m + 1)} for m in range(4)]
        facts = {"minutes": 1.5, "images": 900, "parameters": 9, "device": "cpu", "state": "finished", "family": "vae"}
        runs.append({"name": name, "kind": "run", "metrics": metrics, "findings": [finding], "probes": probes, **facts})
    runs.append({"name": "folder", "kind": "folder", "family": None, "metrics": {"kid": entry(5.0)}})
    first = {"metric": "kid", "a": names[0], "b": names[1], "winner": names[0], "apart": True, "se": 0.1, "p": 0.001}
    first |= {"paired": True, "words": f"{names[0]} is better."}
    chance = first | {"metric": "coverage", "winner": None, "apart": False, "words": "They cannot be told apart."}
    return {
        "recommendation": ["For new images take folder.", HOSTILE],
        "kind": "images",
        "words": [f"{names[0]} is better than {names[1]} in kid."],
        "runs": runs,
        "protocol": {"data": HOSTILE, "samples": 100, "split": "test", "features": "pixels"},
        "floors": {"kid": entry(0.0)},
        "differences": [first, chance],
        "left_out": {"frechet": "frechet needs more images."},
    }


def contenders(names: list[str], channels: int = 1) -> list[Contender]:
    images = torch.rand(4, channels, 8, 8) * 2 - 1
    return [Contender(name, images, images, images, images) for name in names] + [Contender("folder", images)]


class Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data + " "


def test_hostile_names_are_text_and_nothing_is_fetched() -> None:
    names = [HOSTILE, "plain"]
    html = render_comparison(told(names), contenders(names))
    page = Page(html)
    assert "script" not in {tag for tag, _ in page.tags} and page.text.count(HOSTILE) >= 8
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")], f"<{tag}> has a handler"
        source = attributes.get("src")
        assert source is None or source.startswith("data:image/png;base64,")
    assert [a.get("content") for _, a in page.tags if a.get("http-equiv")] == [CSP]


def test_the_table_marks_the_better_one_alone() -> None:
    html = render_comparison(told(["a", "b"]), contenders(["a", "b"]))
    assert re.findall(r'class="num best">([^<]+)<', html) == ["0.100 ± 0.010"]
    assert "–" in html, "what a folder cannot be given is a dash"
    page = Page(html)
    assert "They cannot be told apart." in page.text and "1 that may be chance" in page.text
    assert "frechet needs more images." in page.text and "a VAE" in page.text and "a folder of images" in page.text


def test_points_have_no_rows_of_neighbours(tmp_path: Path) -> None:
    images = torch.rand(4, 2, 1, 1)
    given = [Contender(name, images, None, images, images) for name in ("a", "b", "folder")]
    assert write_comparison(tmp_path / "deep" / "r.html", told(["a", "b"]), given).exists()
    assert "seen before" not in (tmp_path / "deep" / "r.html").read_text()
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        write_comparison(tmp_path / "file" / "r.html", told(["a", "b"]), given)


def marks(svg: str) -> list[tuple[float, float]]:
    found = re.findall(r'class="mark c\d" (?:cx="([\d.]+)" cy="([\d.]+)"|d="M([\d.]+) ([\d.]+))', svg)
    return [(float(a or c), float(b or d)) for a, b, c, d in found]


def test_spots_stand_where_the_numbers_are() -> None:
    svg = spots({"a": Spot(1, 1), "b": Spot(10, 2, 0.5), "c": Spot(100, 3)}, Axis("ms", log=True), Axis("kid"))
    assert svg is not None
    (ax, ay), (bx, by), (cx, cy) = marks(svg)
    assert bx - ax == pytest.approx(cx - bx, abs=9) and ax < bx < cx, "equal factors are equal ways"
    assert ay > by > cy, "more is higher"
    assert svg.count('class="whisker') == 1
    assert spots({"a": Spot(1, 1)}, Axis("ms"), Axis("kid")) is None


def test_names_that_would_cover_each_other_are_moved() -> None:
    svg = spots({name: Spot(1, 1 + i / 1000) for i, name in enumerate("abc")} | {"d": Spot(2, 9)}, Axis("x"), Axis("y"))
    heights = [float(y) for y in re.findall(r'class="name c\d" x="[\d.]+" y="([\d.]+)"', svg or "")]
    assert len(heights) == 4 and min(abs(p - q) for i, p in enumerate(heights) for q in heights[:i]) >= 13


def test_lines_leave_out_what_cannot_be_drawn() -> None:
    series = {HOSTILE: [(0.0, 1.0), (1.0, float("nan")), (2.0, -1.0), (3.0, 0.1)], "none": [], "one": [(1.0, 1.0)]}
    svg = lines(series, Axis("minutes"), Axis("frechet", log=True))
    assert svg is not None and svg.count('class="way') == 2 and "<script" not in svg and "nan" not in svg
    assert lines({"one": [(1.0, 1.0)]}, Axis("x"), Axis("y")) is None
