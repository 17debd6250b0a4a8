"""How long a sample takes."""

import math
import time
from collections.abc import Callable
from typing import ClassVar, Literal, final

import numpy as np
import torch

from reverie.core.capability import Samples
from reverie.measure.metric import Metric, Setting
from reverie.measure.value import Value

_QUANTILE = 1.959964
_WARM_UP, _LEAST_REPEATS, _MOST_REPEATS, _ENOUGH_S = 2, 5, 50, 0.5


@final
class Latency(Metric):
    """Milliseconds per sampled image, one at a time and 64 at a time, and images a second at 64.

    Medians over repeats, after a warm-up; each repeat ends when the device has. They hold for this machine, its threads
    and its load, so a protocol that carries them must name these.

    Args:
        clock: seconds, for tests.
    """

    name: ClassVar[str] = "latency"
    unit: ClassVar[str] = "ms"
    needs: ClassVar[tuple[type, ...]] = (Samples,)
    better: ClassVar[Literal["lower", "higher", "none"]] = "lower"
    summary: ClassVar[str] = "Time per sampled image on this machine, alone and in batches of 64."
    least: ClassVar[int] = 0
    timed: ClassVar[bool] = True

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock

    def measure(self, model: Samples, setting: Setting) -> dict[str, Value]:
        """`latency` (one image), `latency_64` (one of 64) and `throughput`."""
        alone, batched = (self._seconds(model, count, setting.device) for count in (1, 64))
        rate = 64 / batched
        return {
            "latency": _median(alone * 1e3, self.unit),
            "latency_64": _median(batched * 1e3 / 64, self.unit),
            "throughput": _median(rate, "images/s"),
        }

    def _seconds(self, model: Samples, count: int, device: torch.device) -> np.ndarray:
        """Time of each repeat: few of a slow model, many of a fast one."""
        times: list[float] = []
        while (repeats := len(times) - _WARM_UP) < _LEAST_REPEATS or (
            repeats < _MOST_REPEATS and sum(times[_WARM_UP:]) < _ENOUGH_S
        ):
            start = self._clock()
            model.sample(range(count))
            if device.type != "cpu":
                torch.accelerator.synchronize(device)
            times.append(self._clock() - start)
        return np.array(times[_WARM_UP:])


def _median(repeats: np.ndarray, unit: str) -> Value:
    """The median; its error is that of the interval between two of the ordered repeats which holds it in about 95 % of
    cases, whatever the distribution (Thompson 1936): what a machine does to times is not normal."""
    ordered, rank = np.sort(repeats), median_rank(len(repeats))
    error = (ordered[len(repeats) - rank] - ordered[rank - 1]) / (2 * _QUANTILE)
    return Value(float(np.median(repeats)), float(error), len(repeats), unit)


def median_rank(n: int) -> int:
    """The k for which the k-th smallest and the k-th largest of n numbers hold the median nearest to 95 % of the time.

    Example:
        >>> median_rank(5), median_rank(18), median_rank(50)
        (1, 5, 19)
    """
    below = np.cumsum([math.comb(n, k) for k in range((n + 1) // 2)], dtype=float) / 2.0**n
    return 1 + int(np.abs(1 - 2 * below - 0.95).argmin())


METRIC = Latency()
