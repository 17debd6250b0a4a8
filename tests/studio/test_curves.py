"""Curves: few points that lose no extreme, and columns that grow as the log does."""

import math
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.core.event import Probed, Sampled, Started, Stepped
from reverie.core.finding import Record
from reverie.core.recipe import Recipe
from reverie.core.run import Run
from reverie.studio import curves as module
from reverie.studio.curves import Columns, Library, buckets
from reverie.studio.shelf import Shelf

NUMBERS = st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(math.nan), st.just(math.inf)), min_size=1, max_size=300)


def steps(values: list[float]) -> list[Stepped]:
    return [
        Stepped(images=10 * i, seconds=i / 2, phase="elbo", terms={"kl_nats": value}) for i, value in enumerate(values)
    ]


def one(columns: Columns, points: int, **part: float) -> dict[str, Any]:
    (series,) = columns.series(points, **part)
    return series


@given(NUMBERS, st.integers(1, 60))
def test_buckets_hold_the_extremes(values: list[float], points: int) -> None:
    """The oracle is a loop."""
    array = np.array(values)
    starts = np.unique(np.linspace(0, len(values), min(points, len(values)), endpoint=False).astype(np.int64))
    low, high, mean = buckets(array, starts)
    for i, start in enumerate(starts):
        part = [v for v in values[start : starts[i + 1] if i + 1 < len(starts) else None] if math.isfinite(v)]
        if not part:
            assert math.isnan(low[i]) and math.isnan(high[i]) and math.isnan(mean[i])
            continue
        assert (low[i], high[i]) == (min(part), max(part))
        assert mean[i] == pytest.approx(math.fsum(part) / len(part), rel=1e-9, abs=1e-6)


def test_a_spike_of_one_point_in_ten_thousand_is_seen() -> None:
    values = [1.0] * 10_000
    values[7_777], values[1_234] = 99.0, -5.0
    series = one(Columns(steps(values)), 100)
    assert len(series["value"]) == len(series["images"]) == len(series["seconds"]) == len(series["low"]) == 100
    assert max(series["high"]) == 99 and min(series["low"]) == -5
    at = series["images"][int(np.argmax(series["high"]))]
    assert abs(at - 77_770) <= 1_000, "near where it was"
    assert series["images"] == sorted(series["images"]) and series["images"][-1] == 99_990


def test_few_points_are_shown_as_they_are() -> None:
    series = one(Columns(steps([1.5, math.nan, 2.5])), 3)
    assert series == {
        "name": "elbo.kl_nats",
        "group": "terms",
        "phase": "elbo",
        "unit": "nats",
        "images": [0, 10, 20],
        "seconds": [0.0, 0.5, 1.0],
        "value": [1.5, None, 2.5],
        "low": None,
        "high": None,
    }


def test_a_part_is_shown_finer() -> None:
    columns = Columns(steps([float(i) for i in range(1000)]))
    part = one(columns, 100, first=5000, last=5990)
    assert part["images"] == list(range(5000, 6000, 10)) and part["low"] is None
    assert one(columns, 10, first=99_999)["value"] == []


def test_signals_are_those_of_the_doctor() -> None:
    events = [
        Stepped(images=1, phase="critic", terms={"loss": 1.0}, health={"gradient_norm": 2.0}),
        Probed(images=2, values={"coverage": 0.5}),
        Sampled(images=2, seconds=3.0, path="x"),
    ]
    columns = Columns(events)
    assert sorted(columns.columns) == Record(Recipe.from_dict({"family": "vae"}), tuple(events)).names()
    groups = {name: column.group for name, column in columns.columns.items()}
    assert groups == {"critic.loss": "terms", "critic.gradient_norm": "health", "probe.coverage": "probe"}
    assert columns.grids == {2: 3.0}


def test_signals_without_end_are_bounded() -> None:
    columns = Columns(Probed(images=i, values={f"x{i}": 1.0}) for i in range(module.MOST_SERIES + 50))
    assert len(columns.columns) == module.MOST_SERIES


def test_columns_grow_with_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run.create(tmp_path / "runs" / "a", Recipe.from_dict({"family": "vae"}))
    shelf, library = Shelf(tmp_path / "runs"), Library()
    (entry,) = shelf.entries()
    read = 0
    real = module.read

    def counted(*arguments: Any) -> bytes | None:
        nonlocal read
        found = real(*arguments)
        read += len(found or b"")
        return found

    monkeypatch.setattr(module, "read", counted)

    def values() -> list[float | None]:
        kept, fresh = library.of(entry).series(1000), Library().of(entry).series(1000)
        assert kept == fresh, "what grew is what would be read anew"
        return kept[0]["value"] if kept else []

    assert values() == []
    for event in steps([float(i) for i in range(100)]):
        run.append(event)
    assert len(values()) == 100
    before = read
    library.of(entry)
    assert read - before < 10
    run.append(Started(images=500, resumed=True))
    assert len(values()) == 51, "what no checkpoint kept is gone"
    run.append(Started(images=0))
    assert values() == []
    run.append(steps([3.0])[0])
    assert values() == [3.0]
    with (run.path / "events.jsonl").open("a") as file:
        file.write('{"event": "stepped"')
    assert values() == [3.0]
    run.append(steps([1.0, 2.0])[1])
    assert values() == [3.0, 2.0]
    (run.path / "events.jsonl").write_text("")
    assert values() == []


def test_a_log_grows_while_it_is_shown() -> None:
    columns, end = Columns(), threading.Event()
    complaints: list[Exception] = []

    def show() -> None:
        while not end.is_set():
            try:
                assert all(len(one["images"]) == len(one["value"]) for one in columns.series(50))
            except Exception as error:
                complaints.append(error)

    readers = [threading.Thread(target=show) for _ in range(2)]
    for reader in readers:
        reader.start()
    for images in range(3000):
        columns.hear(
            Stepped(images=images, seconds=images, phase="critic", terms={f"t{images // 100}": 1.0}, health={})
        )
    end.set()
    for reader in readers:
        reader.join()
    assert not complaints


def test_few_runs_are_kept(tmp_path: Path) -> None:
    for i in range(module.MOST_RUNS + 3):
        Run.create(tmp_path / f"run{i}", Recipe.from_dict({"family": "vae"}))
    library = Library()
    for entry in Shelf(tmp_path).entries():
        library.of(entry)
    assert len(library._kept) == module.MOST_RUNS
