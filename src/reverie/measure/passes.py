"""One pass over real images and one over samples: the features that every metric of sets of images compares.

Real images are dealt into two halves at random. Samples, as many as a half, are compared with the first half; the
second half is compared with it too, and gives the floor: what a perfect model would score at the same number of images.
Both kinds of image are rounded to 8 bits first. Metrics of one `measure` call share the features.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from torch import Tensor

from reverie.core.capability import Samples
from reverie.core.errors import ReverieError, UsageError
from reverie.core.rng import key
from reverie.measure.extractor import Extractor
from reverie.measure.extractors.pixels import Pixels
from reverie.measure.metric import Comparison, Setting
from reverie.measure.pixels import round_to_8_bits
from reverie.measure.store import BLOCK

# Features that are held in memory, in values: 1 GiB. More are for metrics that keep sums alone.
MOST_VALUES = 2**28


@dataclass(frozen=True)
class Sides:
    """Features of three sets of equal size, (n, dim) float32 on the CPU.

    Args:
        real: the first half of the real images, the reference.
        other: the second half.
        made: samples.
    """

    real: Tensor
    other: Tensor
    made: Tensor


def comparison_of(setting: Setting) -> Comparison:
    """What the setting compares by: plain pixels where nobody said."""
    if setting.comparison is not None:
        return setting.comparison
    return cast(Comparison, setting.memo.setdefault("pixels", Comparison(Pixels(setting.spec))))


def sides(model: Samples, setting: Setting) -> Sides:
    """Features of both halves of the real images and of as many samples; shared between the metrics of one call.

    Raises:
        ReverieError: a sample is not finite or of another shape, or all real images look the same.
    """
    shared = (sides, setting.num)
    if shared not in setting.memo:
        half, dealt = setting.num // 2, halves(setting)
        rows = torch.cat([features for _, features in real_features(setting)])
        if bool((rows == rows[0]).all()):
            seen = comparison_of(setting).extractor.name
            raise ReverieError(
                f"{setting.name}: all {len(rows)} real images are the same to {seen}, so nothing can be compared with "
                "them. Add different images, or use other --features."
            )
        made = torch.cat([features for _, features in made_features(model, setting)])
        setting.memo[shared] = Sides(rows[dealt[:half]], rows[dealt[half:]], made)
    return cast(Sides, setting.memo[shared])


def halves(setting: Setting) -> Tensor:
    """Places in the setting's index, (2 * (n // 2),) int64: those of the first half, then those of the second."""
    chance = np.random.default_rng(key(setting.seed, "measure", "halves"))
    return torch.from_numpy(chance.permutation(setting.num)[: setting.num // 2 * 2])


def real_features(setting: Setting) -> Iterator[tuple[int, Tensor]]:
    """Features of the setting's images, block by block, with the place where each block starts: (b, dim) float32."""
    comparison = comparison_of(setting)
    extractor = comparison.extractor
    store = comparison.store if extractor.dear else None
    for first in range(0, setting.num, BLOCK):
        index = setting.index[first : first + BLOCK]
        block = None if store is None else store.load(extractor, index)
        if block is None:
            part = replace(setting, index=index)
            found = [seen(extractor, batch.images, setting) for _, batch in part.batches(report=False)]
            block = torch.cat(found)
            if store is not None:
                store.keep(extractor, index, block)
        _tell(setting, "real images", first + len(block), setting.num)
        yield first, block


def made_features(model: Samples, setting: Setting) -> Iterator[tuple[int, Tensor]]:
    """Features of as many samples as half of the images, batch by batch, with the place where each batch starts.

    Conditional models draw the labels of the second half of the real images.
    """
    extractor, half = comparison_of(setting).extractor, setting.num // 2
    places = setting.index[halves(setting)[half:].numpy()] if model.num_classes else None
    for first, images in samples(model, setting, setting.seeds("samples")[:half], places):
        yield first, seen(extractor, images, setting)


def samples(
    model: Samples, setting: Setting, seeds: Sequence[int], places: np.ndarray | None = None
) -> Iterator[tuple[int, Tensor]]:
    """Samples of these seeds, batch by batch, on the model's device, with the place where each batch starts.

    Args:
        model: makes them.
        setting: says how many at a time, and what a sample should look like.
        seeds: one a sample.
        places: positions in the split, (n,), whose labels a conditional model is given; left out: none.
    Raises:
        ReverieError: they are not finite.
        UsageError: they are not of the data's shape.
    """
    for first in range(0, len(seeds), setting.batch):
        drawn = seeds[first : first + setting.batch]
        labels = None if places is None else setting.items.batch(places[first : first + len(drawn)]).labels
        images = model.sample(drawn, labels=labels)
        if images.shape[1:] != setting.spec.shape:
            made, real = ("x".join(map(str, shape)) for shape in (images.shape[1:], setting.spec.shape))
            raise UsageError(
                f"{setting.name}: the samples are {made}, the real images {real}. Measure against data of like shape."
            )
        yield first, setting.check(images, "the samples")
        _tell(setting, "samples", first + len(drawn), len(seeds))


def training_features(setting: Setting, most: int) -> Tensor:
    """Features of the training split, or of `most` images of it at random: (n, dim) float32, without any sample.

    Raises:
        UsageError: the setting has no training split.
    """
    comparison = comparison_of(setting)
    if comparison.train is None:
        raise UsageError(f"{setting.name}: needs the training images. Measure a run, on its own data.")
    index = training_places(setting, most)
    most = len(index)
    shared = (training_features, most)
    if shared not in setting.memo:
        store = None if comparison.store is None else comparison.store.of("train")
        part = replace(
            setting,
            items=comparison.train,
            index=index,
            comparison=replace(comparison, store=store),
            progress=None,
        )
        found: list[Tensor] = []
        for first, features in real_features(part):
            found.append(features)
            _tell(setting, "training images", first + len(features), most)
        setting.memo[shared] = torch.cat(found)
    return cast(Tensor, setting.memo[shared])


def training_places(setting: Setting, most: int) -> np.ndarray:
    """Positions in the training split of the images that `training_features` is about, ascending; none without it."""
    comparison = comparison_of(setting)
    total = 0 if comparison.train is None else len(comparison.train)
    most = min(most, total, max(2, MOST_VALUES // comparison.extractor.dim))
    chance = np.random.default_rng(key(setting.seed, "measure", "training"))
    return np.sort(chance.permutation(total)[:most])


def seen(extractor: Extractor, images: Tensor, setting: Setting) -> Tensor:
    """Features of images as files would have them, in fp32 whatever the model runs in: (n, dim) on the CPU."""
    if setting.spec.kind == "images":
        images = round_to_8_bits(images.float())
    with torch.autocast(images.device.type, enabled=False):
        features = extractor.features(images.float())
    return setting.check(features, "the features").float().cpu()


def _tell(setting: Setting, what: str, done: int, total: int) -> None:
    if setting.progress is not None:
        setting.progress(what, done, total)
