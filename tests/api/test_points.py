"""What a run of points shows: a plot of many, and words for points."""

from pathlib import Path

import pytest
from PIL import Image
from torch import Tensor

from reverie import api
from reverie.ship import sheet

SMALL = {"gan.width": 8, "gan.critic_width": 8, "train.batch": 32, "train.grids": 1}


def test_plots_hold_a_thousand_points_and_the_card_says_what_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn, scatter = list[int](), sheet.scatter

    def counted(points: Tensor, others: Tensor | None = None) -> Image.Image:
        drawn.append(len(points))
        return scatter(points, others)

    monkeypatch.setattr(sheet, "scatter", counted)
    run = api.fit(api.recipe("gan", "grid25", images=64, settings=SMALL), run=tmp_path / "run")
    assert len(drawn) >= 2 and set(drawn) == {1000}, "the training's plots, and the card's"
    assert "points in the plane" in (run.path / "card.md").read_text(encoding="utf-8")
