"""Forms for recipes: what a page may ask for, checked as the command line checks it, every error in its sentence."""

import inspect
import shlex
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from reverie.core.errors import RecipeError, ReverieError
from reverie.core.family import family_names, get_family
from reverie.core.recipe import Recipe, setting_text


class Asked(BaseModel):
    """What a form says.

    Args:
        family: how images are modelled.
        data: a folder, a file or a built-in name; left out: the preset's own.
        preset: left out: the one that suits the data.
        minutes: of training; one of this and images.
        images: to see.
        size: side of the images, pixels.
        seed: decides every random draw.
        settings: dotted recipe keys to values.
        name: of the run's folder.
    """

    model_config = ConfigDict(extra="forbid")
    family: str = Field(max_length=100)
    data: str | None = Field(default=None, max_length=4096)
    preset: str | None = Field(default=None, max_length=100)
    minutes: float | None = None
    images: int | None = None
    size: int | None = None
    seed: int | None = None
    settings: dict[str, Any] = Field(default_factory=dict, max_length=200)
    name: str | None = Field(default=None, max_length=100)


def resolve(asked: Asked) -> tuple[Recipe | None, list[str]]:
    """The complete recipe, or what is wrong with it, one sentence each."""
    errors: list[str] = []
    if asked.minutes is not None and asked.images is not None:
        errors.append("minutes and images are two budgets. Give one.")
    if asked.family not in family_names():  # a path would be read as a recipe file
        return None, [*errors, f"family: {asked.family!r} is not a family. Use one of: {', '.join(family_names())}."]
    from reverie import api

    short = {"minutes": asked.minutes, "images": asked.images, "size": asked.size, "seed": asked.seed}
    data = (asked.data or "").strip() or None
    try:
        recipe = api.recipe(asked.family, data, preset=asked.preset or None, settings=asked.settings, **short)
    except RecipeError as error:
        return None, [*errors, *str(error).splitlines()]
    except ReverieError as error:
        return None, [*errors, str(error)]
    if recipe.train.images is None and recipe.train.minutes is None:
        errors.append("recipe.train: has no budget. Give minutes or images.")
    errors += _missing(recipe.data.source)
    return (None if errors else recipe), errors


def command(recipe: Recipe) -> str:
    """The command line that trains the same: the family, the data, and what differs from the preset.

    Example:
        >>> start = get_family("vae").presets()["default"]()
        >>> command(start.change({"data.source": "my photos", "train.minutes": 3, "vae.beta": 4}))
        "reverie train vae 'my photos' --minutes 3 --set vae.beta=4.0"
    """
    presets = get_family(recipe.family).presets()
    name = recipe.preset if recipe.preset in presets else "default"
    start, wanted = _flat(presets[name]().to_dict()), _flat(recipe.to_dict())
    source = recipe.data.source
    words = ["reverie", "train", recipe.family, f"./{source}" if source.startswith("-") else source]
    words += [] if name == "default" else ["--preset", name]
    for key, flag in (("train.minutes", "--minutes"), ("train.images", "--images"), ("seed", "--seed")):
        if key in wanted and (key != "seed" or wanted[key] != start.get(key)):
            words += [flag, f"{wanted[key]:g}" if isinstance(wanted[key], float) else str(wanted[key])]
    said = {"data.source", "train.minutes", "train.images", "seed", "schema", "family", "preset"}
    for key in sorted(wanted.keys() - said):
        if wanted[key] != start.get(key):
            words += ["--set", setting_text(key, wanted[key])]
    return shlex.join(words)


def families() -> list[dict[str, Any]]:
    """Every family that can be loaded, with its presets and the schema of its recipes."""
    found: list[dict[str, Any]] = []
    for name in family_names():
        family = get_family(name)
        presets = family.presets()
        told = [
            {"name": key, "doc": inspect.cleandoc(make.__doc__ or ""), "recipe": make().to_dict()}
            for key, make in presets.items()
        ]
        schema = family.recipe.model_json_schema(by_alias=True)
        found.append(
            {
                "name": name,
                "title": family.summary,
                "can": list(family.can),
                "presets": told,
                "schema": schema,
                "defaults": presets["default"]().to_dict(),
            }
        )
    return found


def _missing(source: str) -> list[str]:
    """A sentence when the data is neither built in nor there."""
    from reverie.data import dataset_names

    try:
        there = source in dataset_names() or Path(source).expanduser().exists()
    except (OSError, ValueError, RuntimeError):
        there = False
    return [] if there else [f"recipe.data.source: there is no {source!r}. Name a folder of images, or a built-in set."]


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted keys.

    Example:
        >>> _flat({"a": {"b": 1}, "c": 2})
        {'a.b': 1, 'c': 2}
    """
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat
