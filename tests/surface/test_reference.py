"""docs/reference.md is written from the code: recipe fields, presets and metrics, each with its words and range.

A change of either is seen here; `REVERIE_UPDATE=1` writes the page anew.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from pydantic.fields import FieldInfo

from reverie.core.family import family_names, get_family
from reverie.core.recipe import Recipe, Section
from reverie.measure import get_metric, metric_names

PAGE = Path(__file__).parents[2] / "docs" / "reference.md"


def test_the_reference_says_what_the_code_says() -> None:
    text = "\n".join(lines()) + "\n"
    if os.environ.get("REVERIE_UPDATE"):
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text, (
        "REVERIE_UPDATE=1 pytest tests/surface writes docs/reference.md anew"
    )


def lines() -> Iterator[str]:
    yield "# Reference"
    yield "\nWritten from the code. `reverie init FAMILY` writes the same as a recipe to edit.\n"
    yield "## The recipe"
    yield from section("top level", Recipe)
    for family in family_names():
        model = get_family(family).recipe
        for name, info in model.model_fields.items():
            kind = info.annotation
            if isinstance(kind, type) and issubclass(kind, Section) and (name == family or family == family_names()[0]):
                yield from section(f"[{name}]", kind)
    yield "\n## Presets\n"
    yield "| family | preset | what to expect |\n|---|---|---|"
    for family in family_names():
        for name, make in get_family(family).presets().items():
            yield f"| {family} | `{name}` | {' '.join((make.__doc__ or '').split())} |"
    yield "\n## Metrics\n"
    yield "| metric | unit | better | needs | what it says |\n|---|---|---|---|---|"
    for name in metric_names():
        metric = get_metric(name)
        needs = ", ".join(need.__name__ for need in metric.needs) or "nothing"
        yield f"| `{name}` | {metric.unit or '-'} | {metric.better} | {needs} | {metric.summary} |"


def section(title: str, model: type[Section]) -> Iterator[str]:
    yield f"\n### {title}\n\n| key | default | range | meaning |\n|---|---|---|---|"
    for name, info in model.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, Section):
            continue
        default = "left out" if info.default is None else "required" if info.is_required() else f"`{info.default}`"
        yield f"| `{info.alias or name}` | {default} | {bounds(info)} | {info.description} |"


def bounds(info: FieldInfo) -> str:
    words = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
    found = [
        f"{words[k]} {_short(getattr(m, k))}" for m in info.metadata for k in words if getattr(m, k, None) is not None
    ]
    choices = getattr(info.annotation, "__args__", ())
    if not found and choices and all(isinstance(c, str) for c in choices):
        return ", ".join(f"`{c}`" for c in choices)
    return ", ".join(found)


def _short(limit: float) -> str:
    return f"{limit:,}" if isinstance(limit, int) else f"{limit:g}"
