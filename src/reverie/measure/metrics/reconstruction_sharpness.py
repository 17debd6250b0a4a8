"""Fine detail of reconstructions against their originals."""

from typing import ClassVar, Literal, final

import torch

from reverie.core.capability import Reconstructs
from reverie.core.spec import DataSpec
from reverie.measure.metric import Metric, Setting
from reverie.measure.spectrum import detail_ratio, energies, unfit
from reverie.measure.value import Value


@final
class ReconstructionSharpness(Metric):
    """Share of the reconstructions' energy above half the Nyquist frequency over that of their originals.

    Below `sharpness`, detail is lost in the bottleneck; above it, in the way the latents are drawn.
    """

    name: ClassVar[str] = "reconstruction_sharpness"
    unit: ClassVar[str] = ""
    needs: ClassVar[tuple[type, ...]] = (Reconstructs,)
    better: ClassVar[Literal["lower", "higher", "none"]] = "none"
    summary: ClassVar[str] = "Fine detail of reconstructions against originals: 1 as sharp, less blurred, more noisy."

    def unfit(self, spec: DataSpec) -> str | None:
        """Too few pixels, or none."""
        return unfit(spec)

    def default_num(self, spec: DataSpec) -> int:
        """As many as for `sharpness`."""
        return 2_000

    def measure(self, model: Reconstructs, setting: Setting) -> dict[str, Value]:
        """`reconstruction_sharpness`."""
        made, real = [], []
        for _, batch in setting.batches():
            again = setting.check(model.reconstruct(batch.images, labels=batch.labels), "the reconstructions")
            made.append(energies(again.to(batch.images.dtype)).cpu().double())
            real.append(energies(batch.images).cpu().double())
        ratio = detail_ratio(self.name, torch.cat(made).numpy(), torch.cat(real).numpy(), paired=True)
        return {"reconstruction_sharpness": ratio}


METRIC = ReconstructionSharpness()
