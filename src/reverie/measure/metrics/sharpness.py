"""Fine detail of samples against real images."""

from typing import ClassVar, Literal, final

import torch

from reverie.core.capability import Samples
from reverie.core.spec import DataSpec
from reverie.measure.metric import Metric, Setting
from reverie.measure.spectrum import detail_ratio, energies, unfit
from reverie.measure.value import Value


@final
class Sharpness(Metric):
    """Share of the samples' energy above half the Nyquist frequency over that of real images.

    1 is as sharp as the data, less is blurred, more is noisy. The value of each part is the same of an octave of
    frequencies, from coarse to fine. Conditional models draw the labels of the real images.
    """

    name: ClassVar[str] = "sharpness"
    unit: ClassVar[str] = ""
    needs: ClassVar[tuple[type, ...]] = (Samples,)
    better: ClassVar[Literal["lower", "higher", "none"]] = "none"
    summary: ClassVar[str] = "Fine detail of samples against real images: 1 as sharp, less blurred, more noisy."

    def unfit(self, spec: DataSpec) -> str | None:
        """Too few pixels, or none."""
        return unfit(spec)

    def default_num(self, spec: DataSpec) -> int:
        """2,000: its error is then around 1 %, and samples can be dear."""
        return 2_000

    def measure(self, model: Samples, setting: Setting) -> dict[str, Value]:
        """`sharpness`."""
        seeds, made, real = setting.seeds("samples"), [], []
        for first, batch in setting.batches():
            samples = model.sample(seeds[first : first + len(batch)], labels=batch.labels)
            samples = setting.check(samples, "the samples").to(batch.images.dtype)
            made.append(energies(samples).cpu().double())
            real.append(energies(batch.images).cpu().double())
        ratio = detail_ratio(self.name, torch.cat(made).numpy(), torch.cat(real).numpy(), paired=False)
        return {"sharpness": ratio}


METRIC = Sharpness()
