"""Comparing runs and folders of images: what is measured, what is refused, and what the report shows."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reverie import api
from reverie.core.errors import RunError, UsageError
from reverie.core.recipe import DataRecipe
from reverie.core.run import Run
from reverie.data import open_dataset


def train(folder: Path, family: str = "vae", data: str = "digits", **settings: Any) -> Path:
    small = {
        "vae": {"vae.net": "mlp", "vae.width": 16, "vae.latent": 3},
        "gan": {"gan.width": 8, "gan.inverter_every": 0},
    }[family]
    given = small | {"train.probes": 1, "train.batch": 64} | settings
    for _ in api.train(api.recipe(family, data, images=256, settings=given), run=folder):
        pass
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A VAE and a GAN of digits, barely trained."""
    folder = tmp_path_factory.mktemp("runs")
    train(folder / "vae")
    train(folder / "gan", "gan")
    return folder


@pytest.fixture(scope="module")
def told(runs: Path) -> dict[str, Any]:
    both = [runs / "vae", runs / "gan"]
    return api.compare(both, report=runs / "report.html", features="pixels")


def save(folder: Path, images: np.ndarray) -> Path:
    folder.mkdir()
    for i, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{i:03d}.png")
    return folder


def digits(first: int, count: int) -> np.ndarray:
    return open_dataset(DataRecipe(source="digits")).train.raw(np.arange(first, first + count))[:, 0]


def test_both_are_measured_on_the_same_terms(told: dict[str, Any], runs: Path) -> None:
    vae, gan = told["runs"]
    assert (vae["name"], vae["family"], gan["name"], gan["family"]) == ("vae", "vae", "gan", "gan")
    assert {"kid", "coverage", "copies", "latency", "smoothness"} <= vae["metrics"].keys() & gan["metrics"].keys()
    assert "psnr" in vae["metrics"] and "psnr" not in gan["metrics"], "what one lacks is left out for it alone"
    assert vae["metrics"]["kid"]["n"] == gan["metrics"]["kid"]["n"] == told["protocol"]["samples"] == 45
    assert told["protocol"]["split"] == "held-out" and told["protocol"]["features"] == "pixels"
    assert "frechet" in told["left_out"] and "frechet" not in vae["metrics"], "too few images, and a sentence why"
    assert not any("--metrics" in why for why in told["left_out"].values()), "nobody named metrics"
    assert vae["metrics"]["kid"] == api.measure(runs / "vae", metrics=["kid"], features="pixels")["metrics"]["kid"]
    assert all({"code", "advice"} <= f.keys() for run in told["runs"] for f in run["findings"])
    json.dumps(told["differences"], allow_nan=False)


def test_differences_are_of_the_values(told: dict[str, Any]) -> None:
    values = {run["name"]: run["metrics"] for run in told["runs"]}
    for d in told["differences"]:
        gap = values[d["a"]][d["metric"]]["value"] - values[d["b"]][d["metric"]]["value"]
        assert d["value"] == pytest.approx(gap, abs=1e-9), d["metric"]
        assert d["se"] is None or d["low"] <= d["value"] <= d["high"]
        assert d["p"] <= d["p_holm"] <= 1 and (d["winner"] is None or d["apart"])
    assert {d["metric"]: d["paired"] for d in told["differences"]}["latency"] is False


def test_what_has_no_interval_is_said(told: dict[str, Any]) -> None:
    assert any("have no intervals at n = 45" in words for words in told["words"])


def test_the_report_shows_everything(told: dict[str, Any], runs: Path) -> None:
    html = (runs / "report.html").read_text()
    for words in ("In numbers", "In words", "What it costs", "From one to another", "seen before", "The doctor"):
        assert f">{words}<" in html or words in html
    assert html.count("data:image/png;base64,") == 6, "two sheets, two strips, two rows of neighbours"
    assert "<script" not in html and "http" not in html.replace("http-equiv", "")


def test_a_run_beside_itself_cannot_be_told_apart(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / "vae", tmp_path / "twin")
    told = api.compare([runs / "vae", tmp_path / "twin"], features="pixels", metrics=["kid", "vendi", "psnr", "elbo"])
    assert {d["metric"] for d in told["differences"]} == {"kid", "vendi", "psnr", "elbo"}
    assert all(d["value"] == 0 and not d["apart"] and d["paired"] for d in told["differences"])


def test_means_are_those_of_measure(runs: Path) -> None:
    told = api.compare([runs / "vae", runs / "gan"], features="pixels", metrics=["psnr"])
    alone = api.measure(runs / "vae", metrics=["psnr"])["metrics"]["psnr"]
    assert told["runs"][0]["metrics"]["psnr"]["value"] == pytest.approx(alone["value"], rel=1e-9)
    assert told["runs"][0]["metrics"]["psnr"]["se"] == pytest.approx(alone["se"], rel=0.4)
    assert told["differences"] == []


def test_a_folder_of_images_takes_part(runs: Path, tmp_path: Path) -> None:
    real = save(tmp_path / "copied", digits(0, 60))
    told = api.compare([runs / "vae", real], features="pixels")
    row = told["runs"][1]
    assert row["kind"] == "folder" and "latency" not in row["metrics"] and "findings" not in row
    assert row["metrics"]["copies"]["value"] > 0.9, "these are the training images"
    apart = {d["metric"]: d["words"] for d in told["differences"] if d["apart"]}
    assert apart["vendi"].startswith("copied has the higher vendi"), "a VAE that knows nothing repeats itself"
    assert apart["copies"].startswith("vae is better than copied in copies")
    with pytest.raises(RunError, match="Say with --against DATA"):
        api.compare([real, save(tmp_path / "others", digits(60, 60))])
    both = api.compare([real, tmp_path / "others"], against="digits", metrics=["kid"], features="pixels")
    assert [run["kind"] for run in both["runs"]] == ["folder", "folder"]


def test_another_reference(runs: Path) -> None:
    told = api.compare([runs / "vae", runs / "gan"], against="digits", features="pixels", metrics=["kid"])
    assert told["protocol"]["data"] == "digits"
    with pytest.raises(UsageError, match="copies: needs|copies needs the training images"):
        api.compare([runs / "vae", runs / "gan"], against="digits", features="pixels", metrics=["copies"])
    with pytest.raises(UsageError, match="--against ring8: is .*, vae makes 8 x 8 pixels of 1 channel"):
        api.compare([runs / "vae", runs / "gan"], against="ring8")


def test_smoothness_alone(runs: Path) -> None:
    told = api.compare([runs / "vae", runs / "gan"], features="pixels", metrics=["smoothness"])
    assert {"smoothness", "straightness"} == set(told["runs"][0]["metrics"])
    assert all(0 <= run["metrics"]["smoothness"]["value"] <= 1 for run in told["runs"])


@pytest.mark.parametrize(
    ("data", "settings", "words"),
    [
        ("digits", {"data.held_out": 0.2}, "data.held_out is 0.05 for one and 0.2 for the other"),
        ("digits", {"data.size": 16}, "data.size differs, one makes 8 x 8 pixels of 1 channel and the other 16 x 16"),
        ("shapes", {"data.size": 8, "data.num": 256}, "data.source is digits for one and shapes for the other"),
    ],
    ids=["split", "size", "source"],
)
def test_unlike_protocols_are_refused(
    runs: Path, tmp_path: Path, data: str, settings: dict[str, Any], words: str
) -> None:
    other = train(tmp_path / "other", data=data, **settings)
    with pytest.raises(UsageError, match=words):
        api.compare([runs / "vae", other], features="pixels")


def test_mirrored_training_images_change_no_reference(runs: Path, tmp_path: Path) -> None:
    other = train(tmp_path / "mirrored", **{"data.mirror": True})
    assert api.compare([runs / "vae", other], features="pixels", metrics=["kid"])["differences"]


def test_changed_data_are_noticed(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / "vae", tmp_path / "vae2")
    run = Run.open(tmp_path / "vae2")
    (run.path / "env.json").write_text(json.dumps(run.env() | {"data_fingerprint": "0" * 32}))
    with pytest.raises(UsageError, match="vae2: its data have changed since it was trained"):
        api.compare([runs / "vae", tmp_path / "vae2"])


def test_bad_input_is_a_sentence(runs: Path, tmp_path: Path) -> None:
    vae = runs / "vae"
    with pytest.raises(RunError, match="nowhere: there is no such folder"):
        api.compare([vae, tmp_path / "nowhere"])
    with pytest.raises(UsageError, match="needs at least two"):
        api.compare([vae])
    with pytest.raises(UsageError, match="is named twice"):
        api.compare([vae, runs / "gan" / ".." / "vae"])
    with pytest.raises(UsageError, match="--num: must be between 80 and 90"):
        api.compare([vae, runs / "gan"], num=40, features="pixels")
    with pytest.raises(UsageError, match="frechet needs at least 256 images for the 64 features"):
        api.compare([vae, runs / "gan"], metrics=["frechet"], features="pixels")
    with pytest.raises(UsageError, match="modes: cannot be taken here, .* Leave it out of --metrics."):
        api.compare([vae, runs / "gan"], metrics=["kid", "modes"], features="pixels")
    with pytest.raises(UsageError, match="'kidd' is not a metric. Did you mean 'kid'"):
        api.compare([vae, runs / "gan"], metrics=["kidd"], features="pixels")
    wide = save(tmp_path / "wide", np.zeros((50, 8, 12), np.uint8) + np.arange(50, dtype=np.uint8)[:, None, None])
    with pytest.raises(UsageError, match="wide: its images are 12 x 8 pixels, those to compare with 8 x 8"):
        api.compare([vae, wide], features="pixels")
    few = save(tmp_path / "few", digits(0, 20))
    with pytest.raises(UsageError, match="few: holds 20 images, and 40 samples are needed of each. Make more"):
        api.compare([vae, few], features="pixels")
