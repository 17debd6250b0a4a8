"""From images to a run folder and back: resuming to the bit, grids and best weights of an encoder, its probes."""

import json
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

import reverie
from reverie.cli import app
from reverie.core.event import Found, Probed, Sampled, Saved, Stepped
from reverie.core.recipe import Recipe
from reverie.core.run import Run
from reverie.measure import get_metric
from reverie.train.checkpoint import read_tensors

TINY = {
    "family": "ssl",
    "data": {"source": "digits"},
    "train": {"images": 768, "batch": 64, "log_every": 4, "probes": 3, "grids": 2, "threads": 1, "precision": "fp32"},
    "ssl": {"net": "conv", "width": 8, "features": 32, "projector": 64, "crop": 0.5},
}


def stop_after(images: int, recipe: Recipe, run: Path) -> None:
    seen = [0]

    def stop() -> bool:
        seen[0] += 64
        return seen[0] >= images

    list(reverie.api.train(recipe, run=run, stop=stop))


@pytest.mark.parametrize("settings", [{"ssl.method": "byol"}, {"ssl.method": "simclr", "train.micro": 24}])
def test_stopping_and_resuming_changes_nothing(tmp_path: Path, settings: dict[str, object]) -> None:
    recipe = Recipe.from_dict(TINY).change(settings)
    list(reverie.train(recipe, run=tmp_path / "whole"))
    stop_after(256, recipe, tmp_path / "parts")
    list(reverie.train(recipe, run=tmp_path / "parts"))
    whole, parts = (read_tensors(tmp_path / name / "weights" / "last.safetensors")[0] for name in ("whole", "parts"))
    assert whole.keys() == parts.keys() and all(torch.equal(whole[n], parts[n]) for n in whole)
    said = [
        [(e.images, e.phase, e.terms) for e in Run.open(tmp_path / name).events() if isinstance(e, Stepped)]
        for name in ("whole", "parts")
    ]
    assert said[0] == said[1]


def test_a_run_has_probes_grids_best_weights_and_a_code(tmp_path: Path) -> None:
    run = tmp_path / "run"
    events = list(reverie.train(Recipe.from_dict(TINY), run=run))
    probed = [e.values for e in events if isinstance(e, Probed)]
    assert len(probed) == 4 and probed[0]["knn_accuracy_pixels"] > 0.9
    assert {"knn_accuracy", "effective_rank", "alignment", "uniformity", "contrast_nats"} <= probed[0].keys()
    assert all((run / e.path).is_file() for e in events if isinstance(e, Sampled))
    best = max(range(4), key=lambda i: probed[i]["knn_accuracy"])
    at = [e.images for e in events if isinstance(e, Probed)][best]
    assert [e.images for e in events if isinstance(e, Saved) and e.best][-1] == at
    assert not [e for e in events if isinstance(e, Found) and e.code.startswith("S00") and e.code < "S003"]
    assert (run / "card.md").is_file()
    model = reverie.load(run)
    assert model.encode(torch.zeros(2, 1, 8, 8)).shape == (2, 32)


def test_a_probe_reads_labels_beside_what_it_should_beat(tmp_path: Path) -> None:
    run = tmp_path / "run"
    list(reverie.train(Recipe.from_dict(TINY), run=run))
    measured = reverie.measure(run, metrics=["knn_accuracy", "linear_accuracy"])
    found = measured["metrics"]
    names = [f"{n}{of}" for n in ("knn_accuracy", "linear_accuracy") for of in ("", "_pixels", "_pca", "_random")]
    assert set(names) | {"knn_accuracy_supervised", "linear_accuracy_supervised"} == set(found)
    assert all(0 < entry["value"] <= 1 and entry["se"] > 0 and entry["n"] == 90 for entry in found.values())
    assert found["knn_accuracy_pixels"]["value"] > 0.9, "digits are told apart by their pixels"
    assert found["linear_accuracy_supervised"]["value"] > 0.9
    again = CliRunner().invoke(app, ["measure", str(run), "--probe", "--json"], catch_exceptions=False)
    assert json.loads(again.stdout)["metrics"] == found, "the flag is short for both names"
    assert "knn_accuracy" in reverie.measure(run)["metrics"], "of an encoder it is taken without being asked for"


def test_any_model_that_encodes_is_probed_but_a_generator_only_when_asked(tmp_path: Path) -> None:
    settings = {"vae.net": "mlp", "vae.width": 32, "vae.latent": 8, "train.threads": 1, "train.probes": 1}
    run = tmp_path / "vae"
    list(reverie.train(reverie.recipe("vae", "digits", images=512, settings=settings), run=run))
    found = reverie.measure(run, metrics=["linear_accuracy"])["metrics"]
    assert set(found) == {f"linear_accuracy{of}" for of in ("", "_pixels", "_pca", "_random", "_supervised")}
    model, items = reverie.load(run), reverie.api.showing.open_data(Run.open(run).recipe()).held_out
    assert not get_metric("linear_accuracy").unasked(model) and get_metric("linear_accuracy").unfit(items.spec) is None
