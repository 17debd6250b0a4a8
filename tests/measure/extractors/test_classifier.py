"""The classifier: it learns, it is kept, and it refuses what it cannot learn from."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from reverie.core.errors import UsageError
from reverie.core.recipe import DataRecipe
from reverie.core.spec import DataSpec
from reverie.data import open_dataset
from reverie.measure.extractor import Means
from reverie.measure.extractors import classifier as file
from reverie.measure.extractors.classifier import Classifier, classifier

CPU = torch.device("cpu")


@pytest.fixture
def stripes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of 2 x 80 images, striped down or across, with noise; and a cache of its own."""
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(file, "FEWEST", 2_000)
    monkeypatch.setattr(file, "PIXELS", 0)
    chance = np.random.default_rng(0)
    for name, axis in (("down", 0), ("across", 1)):
        (tmp_path / "images" / name).mkdir(parents=True)
        for i in range(80):
            wave = 128 + 80 * np.sin(np.arange(8) * 1.6 + chance.uniform(0, 6))
            picture = np.expand_dims(wave, axis) + chance.normal(0, 20, (8, 8))
            Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(tmp_path / "images" / name / f"{i}.png")
    return tmp_path / "images"


def opened(source: Path, said: list[tuple[str, int, int]] | None = None, side: int = 8) -> Classifier:
    hear = None if said is None else lambda *words: said.append(words)
    return classifier(str(source), Means(DataSpec(1, side, side), CPU, progress=hear))


def test_it_learns_and_says_how_well(stripes: Path) -> None:
    found = opened(stripes)
    assert found.accuracy > 0.95 and found.about["accuracy_images"] == found.num == 64
    held = open_dataset(DataRecipe(source=str(stripes))).held_out.batch(np.arange(64))
    with torch.inference_mode():
        features, logits = found.features(held.images), found.logits(held.images)
    assert features.shape == (64, found.dim) and features.dtype == torch.float32 and logits.shape == (64, 2)
    assert float((logits.argmax(1) == held.labels).float().mean()) == found.accuracy
    assert found.classes == ("across", "down")


def test_it_is_trained_once_also_inside_inference_mode(stripes: Path) -> None:
    said: list[tuple[str, int, int]] = []
    with torch.inference_mode():
        first = opened(stripes, said)
    assert said and said[-1][1] == said[-1][2]
    again = opened(stripes, quiet := [])
    assert not quiet and again.fingerprint == first.fingerprint and again.accuracy == first.accuracy


def test_a_damaged_file_is_trained_anew_to_the_same_weights(stripes: Path, tmp_path: Path) -> None:
    first = opened(stripes).fingerprint
    (path,) = (tmp_path / "cache" / "classifiers").glob("*/weights.safetensors")
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert opened(stripes, said := []).fingerprint == first and said


def test_training_leaves_chance_alone(stripes: Path) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    opened(stripes)
    assert torch.equal(before, torch.get_rng_state())


def test_another_size_is_another_classifier(stripes: Path) -> None:
    assert opened(stripes).fingerprint != opened(stripes, side=12).fingerprint


def test_what_cannot_be_learnt_is_a_sentence(stripes: Path) -> None:
    with pytest.raises(UsageError, match="has no labels to learn from. Use pixels"):
        classifier(str(stripes / "down"), Means(DataSpec(1, 8, 8), CPU))
    with pytest.raises(UsageError, match="is for images"):
        classifier("ring8", Means(DataSpec(2, 1, 1, kind="points"), CPU))
