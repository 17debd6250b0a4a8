"""Codes of training and of unseen images, by a model and by what it should be better than: what label probes read.

Beside the model stand its own net before training, and after learning from the labels themselves; raw pixels; and as
many principal components of them as the model's codes have dimensions.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from reverie.core.capability import Encodes, Samples
from reverie.core.errors import UsageError
from reverie.core.family import Batch
from reverie.core.rng import key
from reverie.data import cache_root
from reverie.data.cache import building, publish
from reverie.data.source import digest
from reverie.measure.extractors.classifier import fit
from reverie.measure.extractors.pixels import Pixels
from reverie.measure.extractors.run import weights_digest
from reverie.measure.linear_probe import principal_axes
from reverie.measure.metric import Items, Setting

MOST_TRAIN = 20_000
VERSION = 1
_BATCH = 256


@dataclass(frozen=True)
class Coded:
    """Codes of both splits.

    Args:
        train: of training images, (m, d) float32 on the CPU.
        unseen: of the measured ones, (n, d).
    """

    train: Tensor
    unseen: Tensor


@dataclass(frozen=True)
class Labelled:
    """What a probe reads: codes by whose they are ("" for the model itself), and the labels."""

    codes: Mapping[str, Coded]
    train_labels: Tensor
    labels: Tensor
    num_classes: int


def coded(model: Encodes, setting: Setting) -> Labelled:
    """The model's codes and those of every comparison, once for all metrics of a measurement."""
    if "coded" not in setting.memo:
        setting.memo["coded"] = _coded(model, setting)
    return setting.memo["coded"]


def _coded(model: Encodes, setting: Setting) -> Labelled:
    comparison = setting.comparison
    train = comparison.train if comparison is not None else None
    if comparison is None or train is None:
        raise UsageError(f"{setting.name}: needs the training images. Measure a run on its own data.")
    if isinstance(model, Samples) and model.num_classes:
        raise UsageError(
            f"{setting.name}: this model's encoder is told the label, so that reading it back says nothing. "
            "Measure a model that was trained without labels."
        )
    order = np.random.default_rng(key(setting.seed, "measure", "bank")).permutation(len(train))
    index = np.sort(order[:MOST_TRAIN])

    def codes(encode: Callable[[Batch], Tensor], what: str) -> Coded:
        seen = torch.cat([encode(batch).float().cpu() for batch in _batches(train, index, setting.device)])
        unseen = torch.cat([encode(batch).float().cpu() for _, batch in setting.batches(_BATCH)])
        return Coded(setting.check(seen, what), setting.check(unseen, what))

    pixels = Pixels(setting.spec)
    found = {"": codes(lambda batch: model.encode(batch.images, labels=batch.labels), "the codes")}
    found["pixels"] = codes(lambda batch: pixels.features(batch.images), "the pixels")
    found["pca"] = _components(found["pixels"], model.latent_dim)
    if comparison.twin is not None:
        with torch.inference_mode(False):
            twin: Any = comparison.twin().eval()
        found["random"] = codes(
            lambda batch: twin.encode(batch.images, labels=batch.labels), "an untrained net's codes"
        )
        if supervise(twin, train, comparison.fingerprint, setting):
            found["supervised"] = codes(
                lambda batch: twin.encode(batch.images, labels=batch.labels), "its twin's codes"
            )
    train_labels = torch.cat([_labels(batch) for batch in _batches(train, index, torch.device("cpu"))])
    labels = torch.cat([_labels(batch).cpu() for _, batch in setting.batches(_BATCH, report=False)])
    return Labelled(found, train_labels, labels, setting.spec.num_classes)


def supervise(twin: Any, train: Items, fingerprint: str, setting: Setting) -> bool:
    """Teaches an untrained net the labels through a linear layer on its codes, or takes its weights from the cache.

    Training takes about a minute of one core (`extractors/classifier.py`). False, and nothing done, where the net's
    encoder lets no gradient through.
    """
    with torch.inference_mode(False), torch.enable_grad():
        twin.requires_grad_(True)
        if not twin.encode(train.batch(np.arange(2)).images).requires_grad:
            return False
        path = cache_root() / "supervised" / digest(VERSION, weights_digest(twin, "encode"), fingerprint) / "weights"
        if _read(path, twin):
            return True
        with building(path.parent) as temporary, torch.random.fork_rng(devices=[]):
            torch.manual_seed(key(VERSION, "head"))
            net = _Headed(twin, setting.spec.num_classes).to(setting.device)
            progress = setting.progress
            fit(net, train, setting.device, progress, "training a supervised twin")
            content = safetensors.torch.save({n: t.detach().cpu().contiguous() for n, t in twin.state_dict().items()})
            (temporary / path.name).write_bytes(content)
            (temporary / f"{path.name}.sha256").write_text(sha256(content).hexdigest(), encoding="ascii")
            publish(temporary, path.parent)
    return True


class _Headed(nn.Module):
    def __init__(self, encoder: Any, num_classes: int) -> None:
        super().__init__()
        self.encoder, self.head = encoder, nn.Linear(encoder.latent_dim, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.encoder.encode(images))


def _read(path: Path, twin: nn.Module) -> bool:
    try:
        content, expected = path.read_bytes(), path.with_suffix(".sha256").read_text(encoding="ascii")
        if sha256(content).hexdigest() != expected:
            return False
        twin.load_state_dict(safetensors.torch.load(content))
    except (OSError, ValueError, RuntimeError, SafetensorError):
        return False
    return True


def _components(pixels: Coded, count: int) -> Coded:
    """Coordinates along the training pixels' directions of largest variance (Pearson 1901)."""
    mean = pixels.train.double().mean(0)
    axes = principal_axes(pixels.train, mean)[:, -count:]
    return Coded(*(((part.double() - mean) @ axes).float() for part in (pixels.train, pixels.unseen)))


def _batches(items: Items, index: np.ndarray, device: torch.device) -> Any:
    for first in range(0, len(index), _BATCH):
        batch = items.batch(index[first : first + _BATCH])
        labels = None if batch.labels is None else batch.labels.to(device)
        yield Batch(batch.images.to(device), labels)


def _labels(batch: Batch) -> Tensor:
    if batch.labels is None:
        raise UsageError("knn_accuracy and linear_accuracy need labels. Use sub-folders as labels, or another metric.")
    return batch.labels
