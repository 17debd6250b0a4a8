"""Label probes as metrics: against scikit-learn on the same codes, what stands beside them, and what they refuse."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import RidgeClassifier
from torch import Tensor, nn

from reverie.core.capability import Encodes
from reverie.core.errors import UsageError
from reverie.core.family import Batch, get_family
from reverie.core.recipe import Recipe
from reverie.core.spec import DataSpec
from reverie.measure import measure
from reverie.measure.extractors import classifier
from reverie.measure.extractors.pixels import Pixels
from reverie.measure.label_metric import share
from reverie.measure.linear_probe import Ridge
from reverie.measure.metric import Comparison

NAMES = ["knn_accuracy", "linear_accuracy"]


class Items:
    """Noise with a mean image for each of three labels."""

    def __init__(self, n: int, seed: int, labelled: bool = True) -> None:
        rng = torch.Generator().manual_seed(seed)
        self.labels = torch.randint(3, (n,), generator=rng)
        means = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(9))
        self.images = (0.4 * means[self.labels] + torch.randn(n, 1, 8, 8, generator=rng)).clamp(-3, 3) / 3
        self.labelled, self.spec = labelled, DataSpec(1, 8, 8, classes=("a", "b", "c") if labelled else ())

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, index: np.ndarray) -> Batch:
        return Batch(self.images[index], self.labels[index] if self.labelled else None)


class Linear(nn.Module, Encodes):
    """Five random directions of the pixels; their gradient may be cut."""

    latent_dim = 5

    def __init__(self, seed: int = 0, closed: bool = False) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.randn(64, 5, generator=torch.Generator().manual_seed(seed)))
        self.closed = closed

    def encode(self, images: Tensor, *, labels: Tensor | None = None) -> Tensor:
        return images.flatten(1) @ (self.w.detach() if self.closed else self.w)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A cache of its own, and a supervised twin that learns for a second."""
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(classifier, "FEWEST", 12_000)
    monkeypatch.setattr(classifier, "PIXELS", 0)


def against(train: Items, closed: bool = False) -> Comparison:
    return Comparison(Pixels(train.spec), train, twin=lambda: Linear(7, closed), fingerprint="f")  # pyright: ignore


def test_every_number_is_scikit_learns_on_the_same_codes() -> None:
    train, unseen, model = Items(500, 0), Items(300, 1), Linear()
    found = measure(model, unseen, metrics=NAMES, comparison=against(train))  # pyright: ignore
    with torch.no_grad():
        codes = [
            (model.encode(train.images), model.encode(unseen.images)),
            (train.images.flatten(1), unseen.images.flatten(1)),
            (Linear(7).encode(train.images), Linear(7).encode(unseen.images)),
        ]
    for (known, asked), suffix in zip(codes, ("", "_pixels", "_random"), strict=True):
        penalty = Ridge.fit(known, train.labels, num_classes=3).penalty
        theirs = RidgeClassifier(alpha=penalty).fit(known.double().numpy(), train.labels.numpy())
        expected = np.mean(theirs.predict(asked.double().numpy()) == unseen.labels.numpy())
        assert found[f"linear_accuracy{suffix}"].value == pytest.approx(expected, abs=1 / 300)
        assert found[f"linear_accuracy{suffix}"] == share(round(300 * found[f"linear_accuracy{suffix}"].value), 300)
    reduced = PCA(5).fit(train.images.flatten(1).numpy())
    known, asked = (torch.from_numpy(reduced.transform(x.images.flatten(1).numpy())) for x in (train, unseen))
    ours = np.mean(Ridge.fit(known, train.labels, num_classes=3).classes(asked).numpy() == unseen.labels.numpy())
    assert found["linear_accuracy_pca"].value == pytest.approx(float(ours), abs=1 / 300)
    assert found["linear_accuracy_supervised"].value > found["linear_accuracy_random"].value + 0.1


def test_the_supervised_twin_is_trained_once() -> None:
    train, unseen, said = Items(300, 0), Items(100, 1), list[str]()

    def taken() -> dict[str, float]:
        given = {"metrics": ["linear_accuracy"], "comparison": against(train)}
        found = measure(Linear(), unseen, **given, progress=lambda what, *_: said.append(what))  # pyright: ignore
        return {name: value.value for name, value in found.items()}

    first = taken()
    assert "training a supervised twin" in said
    said.clear()
    assert taken() == first and "training a supervised twin" not in said


def test_an_encoder_without_gradients_has_no_supervised_twin() -> None:
    found = measure(Linear(), Items(60, 1), metrics=NAMES, comparison=against(Items(200, 0), closed=True))  # pyright: ignore
    assert set(found) == {f"{n}{of}" for n in NAMES for of in ("", "_pixels", "_pca", "_random")}


def test_what_cannot_be_probed_is_a_sentence() -> None:
    unlabelled = Items(60, 1, labelled=False)
    with pytest.raises(UsageError, match="knn_accuracy cannot be taken here: the images have no labels"):
        measure(Linear(), unlabelled, metrics=NAMES)  # pyright: ignore
    with pytest.raises(UsageError, match="linear_accuracy needs the training images"):
        measure(Linear(), Items(60, 1), metrics=["linear_accuracy"])  # pyright: ignore
    with pytest.raises(UsageError, match="at least 20 images"):
        measure(Linear(), Items(12, 1), metrics=["linear_accuracy"], comparison=against(Items(60, 0)))  # pyright: ignore


def vae(net: str, seed: int, **section: object) -> nn.Module:
    """A small untrained VAE for these items."""
    small = {"net": net, "width": 16, "hidden": 16, "latent": 4, "layers": 2, "depth": 1}
    recipe = Recipe.from_dict({"family": "vae", "seed": seed, "vae": small | section})
    return get_family("vae").build(recipe, Items(1, 0).spec)


@pytest.mark.parametrize("net", ["mlp", "ladder"])
def test_a_vaes_encoder_has_a_supervised_twin(net: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier, "FEWEST", 12_000 if net == "mlp" else 1_000)
    train = Items(400, 0)
    comparison = Comparison(Pixels(train.spec), train, twin=lambda: vae(net, 1), fingerprint="f")
    found = measure(vae(net, 0), Items(300, 1), metrics=["linear_accuracy"], comparison=comparison)  # pyright: ignore
    assert found["linear_accuracy_supervised"].value > found["linear_accuracy_random"].value + (
        0.05 if net == "mlp" else -0.1
    )
    with torch.no_grad():
        codes = vae(net, 0).encode(train.images)  # pyright: ignore
        latents, _ = vae(net, 0).infer(train.images, torch.zeros(400, 1, codes.shape[1]))  # pyright: ignore
    torch.testing.assert_close(codes, latents.mean[:, 0])


def test_an_encoder_that_is_told_the_label_is_not_probed() -> None:
    told = vae("mlp", 0, conditional=True)
    with pytest.raises(UsageError, match="encoder is told the label, so that reading it back says nothing"):
        measure(told, Items(60, 1), metrics=NAMES, comparison=against(Items(100, 0)))  # pyright: ignore
