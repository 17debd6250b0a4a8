"""Measuring runs and folders of images by features: what is compared, what the protocol says, what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reverie import api
from reverie.api.measuring import features_for, remarks
from reverie.core.errors import ReverieError, RunError, UsageError
from reverie.core.recipe import DataRecipe
from reverie.core.spec import DataSpec
from reverie.data import open_dataset
from reverie.data.report import Report
from reverie.measure import Comparison, Value
from reverie.measure.extractors import classifier
from reverie.measure.extractors.pixels import Pixels


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A barely trained VAE of digits."""
    folder = tmp_path_factory.mktemp("runs") / "digits"
    made = api.recipe("vae", "digits", images=512, settings={"vae.net": "mlp", "vae.width": 16, "vae.latent": 3})
    for _ in api.train(made, run=folder):
        pass
    return folder


def save(folder: Path, images: np.ndarray) -> Path:
    """Images (n, h, w) or (n, h, w, 3) of bytes as files."""
    folder.mkdir()
    for i, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{i:03d}.png")
    return folder


def pixels_of_digits(first: int, count: int) -> np.ndarray:
    train = open_dataset(DataRecipe(source="digits")).train
    return train.raw(np.arange(first, first + count))[:, 0]


def test_a_run_is_measured_by_features(run: Path) -> None:
    found = api.measure(run, metrics=["kid", "coverage", "copies", "psnr"], features="pixels")
    assert {"kid", "kid_floor", "coverage", "copies", "psnr"} <= set(found["metrics"])
    assert found["metrics"]["kid"]["n"] == 45 and found["metrics"]["kid"]["value"] > 0
    protocol = found["protocol"]
    assert protocol["features"] == "pixels" and protocol["features_dim"] == 64
    assert len(protocol["features_fingerprint"]) == 32
    json.dumps(found, allow_nan=False)


def test_metrics_that_need_no_features_open_no_extractor(run: Path) -> None:
    found = api.measure(run, metrics=["psnr"], features="dinov2-b14")
    assert "features" not in found["protocol"]


def test_auto_is_a_classifier_where_there_are_labels(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier, "EPOCHS", 2)
    found = api.measure(run, metrics=["kid"])
    protocol = found["protocol"]
    assert protocol["features"] == "classifier:digits" and protocol["features_dim"] == classifier.DIM
    assert 0 < protocol["features_accuracy"] <= 1 and protocol["features_accuracy_images"] == 90
    plain = open_dataset(DataRecipe(source="faces", num=128, size=16))
    assert features_for(plain, "faces") == "pixels"
    assert features_for(open_dataset(DataRecipe(source="ring8", num=2000)), "ring8") == "pixels"


def test_another_runs_encoder_is_an_extractor(run: Path) -> None:
    found = api.measure(run, metrics=["kid"], features=f"run:{run}")
    assert found["protocol"]["features"] == f"run:{run}" and found["protocol"]["features_dim"] == 3
    with pytest.raises(RunError, match="is not a run folder"):
        api.measure(run, metrics=["kid"], features="run:nowhere")


def test_a_wrong_extractor_is_a_sentence(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Did you mean 'pixels'"):
        api.measure(run, metrics=["kid"], features="pixel")
    with pytest.raises(UsageError, match="dinov2-s14/model.safetensors, which is not there"):
        api.measure(run, metrics=["kid"], features="dinov2-s14", weights_dir=tmp_path)


def test_a_folder_of_images_is_measured(tmp_path: Path) -> None:
    folder = save(tmp_path / "made", pixels_of_digits(0, 80))
    found = api.measure(folder, against="digits", features="pixels")
    assert found["run"] == "made" and found["protocol"]["pictures"] == 80 and found["protocol"]["split"] == "held-out"
    metrics = found["metrics"]
    assert {"kid", "precision", "recall", "vendi", "copies", "sharpness"} <= set(metrics)
    assert not {"latency", "parameters", "nll"} & set(metrics)
    assert metrics["copies"]["value"] > 0.5, "they are training images"
    assert abs(metrics["kid"]["value"]) < 4 * np.hypot(metrics["kid"]["se"], metrics["kid_floor"]["se"])


def test_colour_and_size_must_agree(tmp_path: Path) -> None:
    grey = pixels_of_digits(0, 40)
    larger = np.random.default_rng(0).integers(0, 255, (40, 16, 16), np.uint8)
    cases: list[tuple[Any, str]] = [
        (np.random.default_rng(0).integers(0, 255, (40, 8, 8, 3), np.uint8), "--against digits: has 1 channels, .* 3."),
        (larger, "--against digits: its images are about 8 x 8 pixels, those of .* 16 x 16. Compare with data of at"),
    ]
    for i, (images, sentence) in enumerate(cases):
        with pytest.raises(UsageError, match=sentence):
            api.measure(save(tmp_path / str(i), images), against="digits")
    mixed = save(tmp_path / "mixed", grey)
    Image.fromarray(larger[0]).save(mixed / "odd.png")
    with pytest.raises(UsageError, match="its images are 8 to 16 pixels wide and 8 to 16 high. Give a folder whose"):
        api.measure(mixed, against="digits")


def test_a_folder_without_data_to_compare_with(tmp_path: Path) -> None:
    folder = save(tmp_path / "made", pixels_of_digits(0, 40))
    with pytest.raises(RunError, match="is not a run folder .* Name a run, or say with --against"):
        api.measure(folder)
    with pytest.raises(ReverieError, match="all 40 images are the same picture"):
        api.measure(save(tmp_path / "same", np.zeros((40, 8, 8), np.uint8)), against="digits")


def test_few_images_for_a_covariance_are_remarked_on() -> None:
    values = {"frechet": Value(1.0, 0.1, 150, "")}
    comparison = Comparison(Pixels(DataSpec(1, 8, 8)))
    assert "150 images are few for 64 features" in remarks(values, comparison)["remark"]
    assert not remarks({"frechet": Value(1.0, 0.1, 200, "")}, comparison) and not remarks(values, None)


def report(duplicates: int) -> Report:
    return Report(source="x", images=100, shape=(1, 8, 8), duplicates=duplicates)


def test_doubles_are_remarked_on_where_neighbours_are_looked_at() -> None:
    comparison, many = Comparison(Pixels(DataSpec(1, 8, 8))), report(40)
    said = remarks({"coverage": Value(0.9, 0.1, 50, "")}, comparison, many)["remark"]
    assert said.startswith("40 of 100 images are the same as an earlier one")
    assert not remarks({"kid": Value(0.9, 0.1, 50, "")}, comparison, many)
    assert not remarks({"coverage": Value(0.9, 0.1, 50, "")}, comparison, report(1))
    both = remarks({n: Value(1.0, 0.1, 150, "") for n in ("frechet", "copies")}, comparison, many)["remark"]
    assert "150 images are few" in both and "40 of 100" in both
