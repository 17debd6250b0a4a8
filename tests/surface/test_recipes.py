"""A recipe explains itself (STYLE 5.8): each field says what it is, each preset what to expect."""

import ast
import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

import reverie
from reverie.core.family import family_names, get_family
from reverie.core.recipe import Recipe

ROOT = Path(__file__).parents[2]
FAMILIES = ROOT / "src" / "reverie" / "families"


def fields(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, type[BaseModel], str | None]]:
    """(dotted name, its section, its description) of everything that can be set."""
    for name, info in model.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            yield from fields(info.annotation, f"{prefix}{name}.")
        else:
            yield prefix + name, model, info.description


@pytest.mark.parametrize("family", family_names())
def test_every_field_says_what_it_is(family: str) -> None:
    for name, model, description in fields(get_family(family).recipe):
        assert description and description.endswith("."), f"{name} has no sentence that describes it (STYLE 5.8)"
        assert model.__doc__, f"the section of {name} has no docstring; recipe.toml prints it (STYLE 5.8)"


@pytest.mark.parametrize("family", family_names())
def test_a_preset_says_what_to_expect_and_how_long(family: str) -> None:
    presets = get_family(family).presets()
    assert "default" in presets, f"{family} has no preset called default"
    for name, preset in presets.items():
        doc = preset.__doc__ or ""
        assert re.search(r"\d", doc) and re.search(r"second|minute|hour", doc), (
            f"preset {family}/{name} does not say what to expect and how long it takes (STYLE 5.8)"
        )


@pytest.mark.parametrize("family", family_names())
def test_a_preset_survives_its_written_form(family: str, tmp_path: Path) -> None:
    for name, preset in get_family(family).presets().items():
        recipe = preset()
        assert (recipe.family, recipe.preset) == (family, name), f"preset {family}/{name} calls itself something else"
        for text in (recipe.to_toml(), recipe.commented_toml()):
            (tmp_path / "recipe.toml").write_text(text, encoding="utf-8")
            assert Recipe.load(tmp_path / "recipe.toml") == recipe


def test_every_case_of_the_doctors_benchmark_is_a_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("doctor_cases", ROOT / "benchmarks" / "doctor_cases.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)  # dataclasses look their module up
    spec.loader.exec_module(module)
    cases = module.cases(seeds=1, budget=1.0)
    assert len(cases) > 90
    for case in cases:
        reverie.recipe(case.family, case.data, images=case.images, seed=case.seed, settings=dict(case.settings))


def test_listing_families_imports_none() -> None:
    module = ast.parse((FAMILIES / "__init__.py").read_text(encoding="utf-8"))
    code = [n for n in module.body if not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))]
    assert not code, "families/__init__.py must hold no code (STYLE 8): a broken family must not break the list"
