"""How many of the thousand kinds of stacked digits a model makes."""

from dataclasses import replace
from typing import ClassVar, Literal, final

import numpy as np
import torch
from torch import Tensor

from reverie.core.capability import Samples
from reverie.core.spec import DataSpec
from reverie.measure.extractor import Means
from reverie.measure.extractors.classifier import Classifier, classifier
from reverie.measure.metric import Metric, Setting
from reverie.measure.passes import samples
from reverie.measure.pictures import Pictures
from reverie.measure.pixels import round_to_8_bits
from reverie.measure.sets.stacked import NUMBERS, stacked_modes
from reverie.measure.value import Value

SAMPLES = 26_000


@final
class StackedModes(Metric):
    """Numbers 000 to 999 that some sample shows, a digit a channel, as read by a classifier of MNIST.

    26,000 samples, as is usual since Metz et al. 2017, or as many as images where fewer than all are asked for. Fewer
    show fewer modes, and a perfect model's divergence depends on their number as well: `stacked_kl_excess` is free of
    that. The literature counts the likeliest digits; `stacked_modes_sure` leaves out samples with an unclear one.
    """

    name: ClassVar[str] = "stacked_modes"
    unit: ClassVar[str] = f"of {NUMBERS}"
    needs: ClassVar[tuple[type, ...]] = (Samples,)
    better: ClassVar[Literal["lower", "higher", "none"]] = "higher"
    summary: ClassVar[str] = "Numbers from 000 to 999 among samples of stacked digits."

    def unfit(self, spec: DataSpec) -> str | None:
        """Not stacked digits."""
        names = tuple(f"{n:03d}" for n in range(NUMBERS))
        stacked = spec.kind == "images" and spec.channels == 3 and spec.classes == names
        return None if stacked else "it is for stacked-mnist, whose classes are 000 to 999"

    def measure(self, model: Samples, setting: Setting) -> dict[str, Value]:
        """`stacked_modes`, `stacked_modes_sure`, the divergence from all alike, and the classifier's accuracy."""
        digits = replace(setting.spec, channels=1, classes=())
        reader = classifier("mnist", Means(digits, setting.device, progress=setting.progress))
        count = SAMPLES if setting.num == len(setting.items) else setting.num
        if isinstance(model, Pictures):
            count = min(count, len(model))
        seeds = replace(setting, index=np.arange(count)).seeds("samples")
        report = stacked_modes(torch.cat([read(reader, images) for _, images in samples(model, setting, seeds)]))
        unsure = (reader.accuracy * (1 - reader.accuracy) / reader.num) ** 0.5
        return {
            "stacked_modes": report.modes,
            "stacked_modes_sure": report.sure_modes,
            "stacked_kl": report.kl,
            "stacked_kl_floor": report.kl_floor,
            "stacked_kl_excess": report.kl_excess,
            "stacked_reader_accuracy": Value(reader.accuracy, unsure, reader.num, ""),
        }


def read(reader: Classifier, images: Tensor) -> Tensor:
    """Probabilities of the ten digits in each channel of images (n, 3, h, w), rounded to 8 bits first: (n, 3, 10)."""
    count, channels, height, width = images.shape
    with torch.autocast(images.device.type, enabled=False):
        logits = reader.logits(round_to_8_bits(images.float()).reshape(-1, 1, height, width))
    return logits.softmax(1).view(count, channels, -1).cpu()


METRIC = StackedModes()
