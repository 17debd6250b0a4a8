"""Forms: the errors of the command line in its sentences, and commands that ask for the same."""

import shlex
from pathlib import Path
from typing import Any

import pytest

from reverie import api
from reverie.core.family import family_names, get_family
from reverie.core.recipe import Recipe, parse_setting
from reverie.studio.forms import Asked, command, families, resolve


def typed(line: str) -> Recipe:
    """What `reverie train` makes of a command line: the oracle."""
    program, verb, what, data, *rest = shlex.split(line)
    assert (program, verb) == ("reverie", "train")
    flags = list(zip(rest[::2], rest[1::2], strict=True))
    settings = dict(parse_setting(value) for flag, value in flags if flag == "--set")
    short: dict[str, Any] = {flag[2:]: value for flag, value in flags if flag != "--set"}
    numbers = {"minutes": float, "images": int, "seed": int}
    short = {name: numbers[name](value) if name in numbers else value for name, value in short.items()}
    return api.recipe(what, data, settings=settings, **short)


@pytest.mark.parametrize("family", family_names())
def test_a_command_asks_for_the_same_recipe(family: str) -> None:
    for name, preset in get_family(family).presets().items():
        data = "ring8" if name == "points" else "digits"
        changes = {"data.source": data, "train.minutes": 2.5, "seed": 3, "optim.lr": 3e-4, "data.size": [8, 9]}
        for recipe in (preset().change({"data.source": data, "train.images": 10}), preset().change(changes)):
            assert typed(command(recipe)) == recipe, command(recipe)


def test_a_command_can_be_pasted() -> None:
    for source in ("it's; rm -rf ~", "--set", "a b", "$(x)", "-"):
        recipe = Recipe.from_dict({"family": "vae", "data": {"source": source}, "train": {"images": 5}})
        words = shlex.split(command(recipe))
        assert words[3].removeprefix("./") == source and not words[3].startswith("-")


def asked(**values: Any) -> Asked:
    return Asked.model_validate({"family": "vae", "data": "digits", "images": 100} | values)


def test_every_error_comes_at_once() -> None:
    settings = {"vae.bta": 1, "optim.lr": -1, "train.batch": "many", "nosuch.key": 2}
    recipe, errors = resolve(asked(settings=settings))
    assert recipe is None and len(errors) >= 4
    assert any("Did you mean 'beta'?" in error for error in errors) and any("must be > 0, got -1" in e for e in errors)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"family": "gam"}, "is not a family"),
        ({"family": "../recipe.toml"}, "is not a family"),
        ({"preset": "nosuch"}, "preset"),
        ({"data": "no/such/folder"}, "there is no 'no/such/folder'"),
        ({"data": "x\x00y"}, "there is no"),
        ({"minutes": 3}, "two budgets"),
        ({"images": 0}, "train.images"),
        ({"images": None, "minutes": -1}, "train.minutes"),
        ({"settings": {"": 1}}, "recipe"),
        ({"settings": {"data": 1}}, "recipe.data"),
        ({"settings": {"family": "gan"}}, "recipe"),
    ],
)
def test_what_is_wrong_is_a_sentence(values: dict[str, Any], words: str) -> None:
    recipe, errors = resolve(asked(**values))
    assert recipe is None and any(words in error for error in errors), errors


def test_a_form_is_the_command_line(tmp_path: Path) -> None:
    recipe, errors = resolve(asked(size=16, seed=4, settings={"vae.latent": 3}))
    assert errors == [] and recipe == api.recipe(
        "vae", "digits", images=100, size=16, seed=4, settings={"vae.latent": 3}
    )
    assert resolve(asked(data=str(tmp_path)))[0] is not None
    assert resolve(asked(data=" ring8 "))[0] is not None


def test_forms_are_made_of_schemas() -> None:
    for told in families():
        assert set(told["defaults"]) >= {"family", "data", "train", "optim", told["name"]}
        assert told["schema"]["properties"].keys() >= told["defaults"].keys()
        assert all(preset["doc"] for preset in told["presets"])
        assert Recipe.from_dict(told["defaults"]) == get_family(told["name"]).presets()["default"]()
