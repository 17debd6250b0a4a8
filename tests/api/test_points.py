"""What a run of points shows and keeps: a plot of many, words for points, and the weights that cover the most."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import Tensor

from reverie import api
from reverie.api.watching import CHANCE
from reverie.core.event import Probed, Saved, Stepped
from reverie.core.trend import autocorrelation
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
    card = (run.path / "card.md").read_text(encoding="utf-8")
    assert "points in the plane" in card and "| modes | " in card and "rv.sample" in card and "(1000, 2)" in card
    assert "image" not in card.replace("train.images", "") and "interpolate" not in card


def test_a_card_leaves_out_what_needs_more_points_than_there_are(tmp_path: Path) -> None:
    settings = {"vae.net": "mlp", "vae.width": 16, "vae.latent": 2, "data.num": 400}  # 20 held out; modes need 100
    run = api.fit(api.recipe("vae", "ring8", images=64, settings=settings), run=tmp_path / "run")
    card = (run.path / "card.md").read_text(encoding="utf-8")
    assert "| ELBO" in card and "| modes | " not in card and "(rust)" in card


def test_the_best_weights_are_the_last_that_cover_as_much_as_any_before(tmp_path: Path) -> None:
    recipe = api.recipe("gan", "ring8", images=4096, settings=SMALL | {"train.probes": 8, "optim.lr": 5e-3})
    probed, kept = list[Probed](), list[int]()
    for event in api.train(recipe, run=tmp_path / "run"):
        if isinstance(event, Probed):
            probed.append(event)
        elif isinstance(event, Saved) and event.best:
            kept.append(event.images)
    assert kept == _chosen(probed, "coverage", 1, CHANCE)
    assert kept != _chosen(probed, "coverage", 1, 0.0), "by chance, weights of a greater coverage came before"
    assert kept != _chosen(probed, "frechet", -1, 0.0), "a mean and a covariance know nothing of clusters"


def test_probes_say_whether_the_critics_logits_go_round(tmp_path: Path) -> None:
    settings = SMALL | {"train.probes": 4, "train.log_every": 1}
    events = list(api.train(api.recipe("gan", "ring8", images=1024, settings=settings), run=tmp_path / "run"))
    found = [e.values.get("judge_gap_autocorrelation") for e in events if isinstance(e, Probed)]
    assert found[0] is None, "before the first step the critic has reported nothing"
    assert all(value is not None and 0 <= value <= 1 for value in found[-2:])
    real, fake = (
        [e.terms[name] for e in events if isinstance(e, Stepped) and e.phase == "critic"]
        for name in ("logit_real", "logit_fake")
    )
    gap = np.array(real) - np.array(fake)  # of the step that a probe follows the report may come after it
    assert any(found[-1] == pytest.approx(autocorrelation(gap[:n])) for n in (len(gap) - 1, len(gap)))


def _chosen(probed: list[Probed], name: str, sign: int, slack: float) -> list[int]:
    """Images at which a number lacked less than `slack` of the best before."""
    ranked = [sign * event.values[name] for event in probed]
    return [event.images for i, event in enumerate(probed) if ranked[i] > max(ranked[:i], default=-9e9) - slack]
