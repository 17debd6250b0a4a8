"""Precision, recall, density and coverage in one pass, shared by the metrics of these names."""

from typing import cast

from reverie.core.capability import Samples
from reverie.measure.metric import Setting
from reverie.measure.passes import sides
from reverie.measure.sets.neighbours import Prdc, prdc
from reverie.measure.value import Value


def neighbourhood(name: str, model: Samples, setting: Setting) -> dict[str, Value]:
    """The value of this name of samples, and of unseen real images under NAME_floor."""
    shared = (neighbourhood, setting.num)
    if shared not in setting.memo:
        found = sides(model, setting)
        setting.memo[shared] = (prdc(found.real, found.made), prdc(found.real, found.other))
    made, floor = cast(tuple[Prdc, Prdc], setting.memo[shared])
    return {name: getattr(made, name), f"{name}_floor": getattr(floor, name)}
