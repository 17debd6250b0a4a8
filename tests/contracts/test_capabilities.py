"""What a family says that its models can do is what they can do."""

import inspect

import pytest

from reverie.core import capability
from reverie.core.family import family_names, get_family
from reverie.core.spec import DataSpec

NAMES = [
    n
    for n, c in vars(capability).items()
    if inspect.isclass(c) and c.__module__ == capability.__name__ and inspect.isabstract(c)
]


@pytest.mark.parametrize("family", family_names())
def test_a_family_names_its_capabilities(family: str) -> None:
    made = get_family(family)
    model = made.build(made.presets()["default"](), DataSpec(3, 32, 32))
    able = {name for name in NAMES if isinstance(model, getattr(capability, name))}
    assert able == set(made.can) and len(made.can) == len(able) > 0
