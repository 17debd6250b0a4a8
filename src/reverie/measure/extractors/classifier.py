"""A small classifier of a labelled set, trained once and kept, whose last hidden layer is a space to compare images in.

    classifiers/KEY/weights.safetensors    below the cache's root; KEY depends on the data and on the training

Training is decided by the data alone, takes about a minute of one core, and never sees held-out or test images: these
say how good the net became, which every protocol repeats.
"""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import final

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.nn import functional

from reverie.core.errors import UsageError
from reverie.core.recipe import DataRecipe
from reverie.core.rng import key
from reverie.core.spec import DataSpec
from reverie.data import Dataset, Items, batch_index, cache_root, open_dataset
from reverie.data.cache import building, publish
from reverie.data.source import digest
from reverie.measure.extractor import Extractor, Kind, Means
from reverie.measure.extractors.run import weights_digest
from reverie.measure.metric import Items as AnyItems
from reverie.nets.conv import ConvEncoder

DIM, WIDTH, RATE, DECAY = 128, 32, 2e-3, 0.05
# A budget in pixels, so that every set costs about a minute; more than 40 epochs teach a small set nothing new.
PIXELS, FEWEST, MOST, EPOCHS = 240_000_000, 20_000, 300_000, 40
LEAST_BATCH, MOST_BATCH = 16, 128
VERSION = 1


class Net(nn.Module):
    """Strided convolutions, one hidden layer and a linear classifier.

    Args:
        shape: (channels, height, width) of the images.
        num_classes: logits.
    """

    def __init__(self, shape: tuple[int, int, int], num_classes: int) -> None:
        super().__init__()
        self.body = ConvEncoder(shape=shape, base=WIDTH, depth=0, num_out=DIM)
        self.head = nn.Linear(DIM, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, num_classes)."""
        return self.head(self.body(images))


@final
class Classifier(Extractor):
    """The last hidden layer of a classifier, and its logits.

    Args:
        name: "classifier:DATA".
        net: trained, in evaluation mode.
        accuracy: share of unseen images that it names rightly.
        num: how many these were.
        classes: names of the classes.
    """

    def __init__(self, name: str, net: Net, accuracy: float, num: int, classes: tuple[str, ...]) -> None:
        self.name, self.dim, self.dear = name, DIM, False
        self.accuracy, self.num, self.classes = accuracy, num, classes
        self.about = {"accuracy": round(accuracy, 4), "accuracy_images": num}
        self._net = net
        self.fingerprint = weights_digest(net, "as they are")

    def features(self, images: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, 128)."""
        return self._net.body(images.float())

    def logits(self, images: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, classes)."""
        return self._net(images.float())


def classifier(source: str, means: Means) -> Classifier:
    """The classifier of a labelled set, for images of the shape that `means` names: from the cache, else trained now.

    Raises:
        UsageError: the set has no labels, or only one.
        DataError: there is no such set.
    """
    name = f"classifier:{source}"
    data = open_dataset(_viewed(source, means))
    if data.spec.shape != means.spec.shape:
        raise UsageError(
            f"--features {name}: {source} gives items of {data.spec.shape}, the measured ones are {means.spec.shape}. "
            "Use pixels."
        )
    if data.spec.num_classes < 2:
        raise UsageError(
            f"--features {name}: {source} has no labels to learn from. Use pixels, or classifier:DATA with a labelled "
            "set of like images (sub-folders are labels)."
        )
    folder = cache_root() / "classifiers" / digest(VERSION, data.fingerprint, data.spec.shape, data.spec.classes)
    path = folder / "weights.safetensors"
    found = _read(path, data.spec)
    if found is None:
        with building(folder) as temporary:
            found = _read(path, data.spec)  # another process may have been quicker
            if found is None:
                _write(temporary / path.name, *train(data, means))
                publish(temporary, folder)
                found = _read(path, data.spec)
    if found is None:
        raise UsageError(f"{path}: cannot be read back. Check the disk, or use --features pixels.")
    net, accuracy, num = found
    return Classifier(name, net.to(means.device), accuracy, num, data.spec.classes)


def train(data: Dataset, means: Means) -> tuple[Net, float, int]:
    """Trains on the training part, and tests on the test part or, where there is none, the held-out one.

    Returns:
        the net on the CPU, the share of unseen images named rightly, and their number.
    """
    with torch.inference_mode(False):
        net = _untrained(data.spec).to(means.device)
    fit(net, data.train, means.device, means.progress, "training a classifier")
    unseen = data.held_out if data.test is None else data.test
    return net, accuracy(net, unseen, means.device), len(unseen)


def fit(
    net: nn.Module,
    items: AnyItems,
    device: torch.device,
    progress: Callable[[str, int, int], None] | None = None,
    what: str = "training",
) -> None:
    """Teaches a net (images to logits) the labels of these items, for about a minute of one core, and freezes it.

    Every draw is decided by the number of items. `progress` is called with (what, done, total).
    """
    budget = int(np.clip(PIXELS // (items.spec.height * items.spec.width), FEWEST, MOST))
    size = int(np.clip(len(items) // 16, LEAST_BATCH, MOST_BATCH))
    steps = max(10, min(budget, EPOCHS * len(items)) // size)
    with torch.inference_mode(False), torch.enable_grad():
        optimiser = torch.optim.AdamW(net.parameters(), RATE, weight_decay=DECAY)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps, pct_start=0.1)
        for step in range(steps):
            batch = items.batch(batch_index(len(items), 0, step * size, size))
            optimiser.zero_grad()
            functional.cross_entropy(net(batch.images.to(device)), _labels(batch.labels).to(device)).backward()
            optimiser.step()
            schedule.step()
            if progress is not None and (step % 20 == 0 or step + 1 == steps):
                progress(what, (step + 1) * size, steps * size)
    net.eval().requires_grad_(False)


def accuracy(net: Net, items: Items, device: torch.device) -> float:
    """Share of the items whose largest logit is their label's."""
    right = 0
    with torch.inference_mode():
        for first in range(0, len(items), 500):
            batch = items.batch(np.arange(first, min(first + 500, len(items))), device=device)
            right += int((net(batch.images).argmax(1) == _labels(batch.labels)).sum())
    return right / len(items)


def _untrained(spec: DataSpec) -> Net:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(key(VERSION, "classifier"))
        return Net(spec.shape, spec.num_classes)


def _labels(labels: Tensor | None) -> Tensor:
    if labels is None:
        raise UsageError("classifier: the items have no labels. Use --features pixels.")
    return labels


def _viewed(source: str, means: Means) -> DataRecipe:
    """The labelled set at the size and in the colours of the measured images."""
    if means.spec.kind != "images":
        raise UsageError(f"--features classifier:{source}: is for images, and these are {means.spec.kind}. Use pixels.")
    colours = {1: "grey", 3: "rgb", 4: "rgba"}
    view = (means.data or DataRecipe()).model_dump()
    if source != view["source"]:
        view |= {"source": source, "num": None}
    size = (means.spec.height, means.spec.width)
    return DataRecipe(**view | {"size": size, "channels": colours.get(means.spec.channels, "auto"), "mirror": False})


def _write(path: Path, net: Net, accuracy: float, num: int) -> None:
    content = safetensors.torch.save(
        {name: tensor.detach().cpu().contiguous() for name, tensor in net.state_dict().items()},
        {"classifier": json.dumps({"accuracy": accuracy, "num": num})},
    )
    path.write_bytes(content)
    path.with_suffix(".sha256").write_text(sha256(content).hexdigest(), encoding="ascii")


def _read(path: Path, spec: DataSpec) -> tuple[Net, float, int] | None:
    """The net with its accuracy, or None where there is none or the file is not what was written."""
    try:
        expected = path.with_suffix(".sha256").read_text(encoding="ascii")
        if sha256(path.read_bytes()).hexdigest() != expected:
            return None
        with safe_open(path, "pt") as file:
            told = json.loads((file.metadata() or {})["classifier"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        net = _untrained(spec)
        net.load_state_dict(tensors)
        return net.eval().requires_grad_(False), float(told["accuracy"]), int(told["num"])
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError):
        return None


KIND = Kind("classifier:DATA", "A small net trained once on the labels of DATA; its accuracy is told.", classifier)
