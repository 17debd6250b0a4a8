"""How large a model is."""

import os
from typing import ClassVar, Literal, final

from torch import nn

from reverie.measure.metric import Metric, Setting
from reverie.measure.value import Value


@final
class Parameters(Metric):
    """Numbers that training sets, in all and for each part; shared ones count once, for the first part.

    Parts are the children of the first module on the way down that has more than one with parameters.
    `weights` is the memory of the parameters and buffers, in MiB.
    """

    name: ClassVar[str] = "parameters"
    unit: ClassVar[str] = ""
    needs: ClassVar[tuple[type, ...]] = (nn.Module,)
    better: ClassVar[Literal["lower", "higher", "none"]] = "none"
    summary: ClassVar[str] = "Numbers that training sets, and the memory that they take."
    least: ClassVar[int] = 0

    def measure(self, model: nn.Module, setting: Setting) -> dict[str, Value]:
        """`parameters`, `parameters.PART` for each part that has any, and `weights`."""
        counts: dict[str, int] = {}
        named = [(name.split("."), parameter) for name, parameter in model.named_parameters()]
        depth = len(os.path.commonprefix([path[:-1] for path, _ in named]))
        for path, parameter in named:
            counts[path[depth]] = counts.get(path[depth], 0) + parameter.numel()
        parts = {f"parameters.{part}": Value(count, None, 0, self.unit) for part, count in counts.items()}
        stored = [*model.parameters(), *model.buffers()]
        mebibytes = sum(t.numel() * t.element_size() for t in stored) / 2**20
        total = Value(sum(counts.values()), None, 0, self.unit)
        return {"parameters": total} | parts | {"weights": Value(mebibytes, None, 0, "MiB")}


METRIC = Parameters()
