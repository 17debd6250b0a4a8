"""Peak signal-to-noise ratio of reconstructions."""

from typing import ClassVar, Literal, final

from torch import Tensor

from reverie.core.capability import Reconstructs
from reverie.core.spec import DataSpec
from reverie.measure.metric import Metric, Setting, not_pixels
from reverie.measure.pixels import round_to_8_bits
from reverie.measure.statistics import Moments
from reverie.measure.value import Value


def peak_signal_to_noise(images: Tensor, others: Tensor) -> Tensor:
    """10 log10(4 / MSE) of each pair, in dB, (n,) float64: 4 is the square of the range of [-1, 1].

    Equal images would have no finite value; they count as if one value were one 8-bit level off.

    Args:
        images: (n, c, h, w) in [-1, 1].
        others: the same shape.
    """
    squares = (images.cpu().double() - others.cpu().double()).square().flatten(1)
    error = squares.mean(1).clamp_min((2 / 255) ** 2 / squares.shape[1])
    return 10 * (4 / error).log10()


@final
class Psnr(Metric):
    """Mean over the images of each image's ratio, after the reconstructions are rounded to 8 bits.

    The ratio of the mean error is another, lower number.
    """

    name: ClassVar[str] = "psnr"
    unit: ClassVar[str] = "dB"
    needs: ClassVar[tuple[type, ...]] = (Reconstructs,)
    better: ClassVar[Literal["lower", "higher", "none"]] = "higher"
    summary: ClassVar[str] = (
        "Closeness of reconstructions, pixel by pixel; 20 dB is rough, 30 dB good, 40 dB hard to see."
    )

    def unfit(self, spec: DataSpec) -> str | None:
        """Points are not pixels."""
        return not_pixels(spec)

    def measure(self, model: Reconstructs, setting: Setting) -> dict[str, Value]:
        """`psnr`."""
        ratios = Moments()
        for _, batch in setting.batches():
            made = setting.check(model.reconstruct(batch.images, labels=batch.labels), "the reconstructions")
            ratios.add(peak_signal_to_noise(batch.images, round_to_8_bits(made)))
        return {"psnr": ratios.value(self.unit)}


METRIC = Psnr()
