"""Recipes: the words of their errors, and that their written form is complete."""

import tomllib

import pytest

from reverie.core.errors import RecipeError
from reverie.core.family import family_names, get_family
from reverie.core.recipe import Recipe, parse_setting


def vae(**sections: object) -> Recipe:
    return Recipe.from_dict({"family": "vae", **sections})


@pytest.mark.parametrize("family", family_names())
def test_every_preset_survives_its_written_form(family: str) -> None:
    for make in get_family(family).presets().values():
        recipe = make()
        assert Recipe.from_dict(tomllib.loads(recipe.to_toml())) == recipe
        assert Recipe.from_dict(tomllib.loads(recipe.commented_toml())) == recipe


def test_a_commented_recipe_explains_every_field() -> None:
    text = vae().commented_toml()
    for section in ("data", "train", "optim", "vae"):
        assert f"\n[{section}]\n" in text
    assert "# Weight of the KL term" in text


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"vae": {"beta": -1}}, ["recipe.vae.beta: must be >= 0, got -1", "0 is a plain autoencoder"]),
        ({"vae": {"bta": 1}}, ["recipe.vae.bta: is not a key", "Did you mean 'beta'?"]),
        ({"trian": {}}, ["recipe.trian: is not a key", "Did you mean 'train'?"]),
        ({"vae": {"net": "unet"}}, ["recipe.vae.net: must be one of", "'ladder'", "got 'unet'"]),
        ({"train": {"images": 10, "minutes": 1}}, ["recipe.train:", "two budgets"]),
        ({"train": {"batch": "many"}}, ["recipe.train.batch:", "got 'many'"]),
        ({"data": {"size": 5000}}, ["recipe.data: size must be between 1 and 1024"]),
        ({"vae": {"net": "ladder", "prior": "vamp"}}, ["recipe.vae:", "ladder", 'prior = "normal"']),
        ({"seed": -1}, ["recipe.seed: must be >= 0, got -1"]),
    ],
)
def test_errors_say_where_what_and_what_next(sections: dict[str, object], words: list[str]) -> None:
    with pytest.raises(RecipeError) as caught:
        vae(**sections)
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(RecipeError) as caught:
        vae(vae={"beta": -1, "latent": 0}, optim={"lr": 0})
    assert len(str(caught.value).splitlines()) == 3


def test_change_replaces_dotted_keys_and_keeps_one_budget() -> None:
    recipe = vae(train={"minutes": 5}).change({"vae.beta": 4, "train.images": 100})
    assert (recipe.train.images, recipe.train.minutes) == (100, None)
    assert recipe.change({"train.images": None}).train.images is None
    with pytest.raises(RecipeError, match="recipe.vae.bta"):
        recipe.change({"vae.bta": 4})
    with pytest.raises(RecipeError, match="is a value, not a section"):
        recipe.change({"seed.x": 4})


def test_settings_from_the_command_line() -> None:
    assert parse_setting("vae.beta=4") == ("vae.beta", 4)
    assert parse_setting("data.source=my photos") == ("data.source", "my photos")
    assert parse_setting("data.size=[32, 48]") == ("data.size", [32, 48])
    with pytest.raises(RecipeError, match="section.key=value"):
        parse_setting("vae.beta")


def test_recipes_are_frozen_and_need_a_family() -> None:
    with pytest.raises(ValueError, match="frozen"):
        vae().seed = 3  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(RecipeError, match="recipe.family: is missing"):
        Recipe.from_dict({})
