"""How long a sample takes."""

import time
from collections.abc import Callable
from typing import ClassVar, Literal, final

import numpy as np
import torch

from reverie.core.capability import Samples
from reverie.measure.metric import Metric, Setting
from reverie.measure.value import Value

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
    """The median; its error from the median deviation, which one hiccup of the machine does not move."""
    median = float(np.median(repeats))
    deviation = 1.4826 * float(np.median(np.abs(repeats - median)))
    return Value(median, float(np.sqrt(np.pi / 2) * deviation / np.sqrt(len(repeats))), len(repeats), unit)


METRIC = Latency()
