"""Recipes: everything that decides a run, as frozen pydantic models whose written form is TOML.

A family extends `Recipe` with a section of its own name. Defaults, ranges, units and the words of `recipe.toml`, of the
command line and of every form come from the fields here and nowhere else.
"""

import difflib
import tomllib
from pathlib import Path
from typing import Any, Literal, Self, cast

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from reverie.core.errors import RecipeError


class Section(BaseModel):
    """A frozen group of recipe values; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class DataRecipe(Section):
    """Which images, and how they become tensors."""

    source: str = Field(
        default="faces", min_length=1, description="A folder, zip, .npz or IDX file, or a built-in name."
    )
    size: int | tuple[int, int] | None = Field(
        default=None, description="Pixels: a side, or [height, width]. Left out: the native size if all agree, else 64."
    )
    channels: Literal["auto", "grey", "rgb", "rgba"] = Field(
        default="auto", description="auto keeps grey data grey and lays transparent images on the background."
    )
    background: str = Field(default="white", description="Colour under transparent pixels: a name or #rrggbb.")
    fit: Literal["crop", "pad", "stretch"] = Field(
        default="crop", description="How other aspect ratios reach the size."
    )
    binarize: Literal["no", "dynamic", "threshold"] = Field(
        default="no",
        description="dynamic redraws each pixel as a coin of its grey value whenever it is seen; threshold at 50 %.",
    )
    num: int | None = Field(
        default=None, ge=128, description="Images to draw, for the built-in sets that are unlimited."
    )
    held_out: float = Field(
        default=0.05, gt=0, lt=0.5, description="Share kept away from training (at least 64 images)."
    )
    mirror: bool = Field(default=False, description="Also train on left-right mirrored images.")

    @model_validator(mode="after")
    def _size_is_sane(self) -> Self:
        sides = (self.size,) if isinstance(self.size, int) else self.size or ()
        if any(side < 1 or side > 1024 for side in sides):
            raise ValueError(f"size must be between 1 and 1024 pixels, got {self.size}")
        return self


class TrainRecipe(Section):
    """How long, how much at a time, and what to write down meanwhile."""

    images: int | None = Field(
        default=None, ge=1, description="Budget: training images to see. Resuming is then bit-exact."
    )
    minutes: float | None = Field(
        default=None, gt=0, description="Budget: minutes of training; schedules follow the clock."
    )
    batch: int = Field(default=128, ge=1, le=65536, description="Images a step, over all ranks.")
    micro: int | None = Field(
        default=None, ge=1, description="Images at a time on one device; smaller ones save memory."
    )
    ema_images: float = Field(
        default=50_000,
        ge=0,
        description="Half-life, in images, of the weight average that samples come from; 0 for none.",
    )
    clip: float | None = Field(default=None, gt=0, description="Largest gradient norm; left out: no clipping.")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        default="auto", description="auto is bf16 where the device multiplies bf16 in hardware, else fp32."
    )
    device: str = Field(default="auto", description="auto is CUDA, then MPS, then CPU.")
    threads: int | None = Field(default=None, ge=1, description="CPU threads; left out: every core.")
    compile: bool = Field(
        default=False, description="Run nets through torch.compile (vae, ssl): on a CPU it gains little or nothing."
    )
    log_every: int = Field(default=50, ge=1, description="Steps between two lines of losses.")
    grids: int = Field(default=12, ge=1, description="Sample grids over the whole budget.")
    probes: int = Field(default=12, ge=1, description="Held-out measurements over the whole budget.")
    save_minutes: float = Field(default=2.0, gt=0, description="A checkpoint at least this often.")
    on_nan: Literal["skip", "stop"] = Field(
        default="skip",
        description="A step that is not finite is left out; ten in a row, or one under stop, end the training.",
    )

    on_finding: Literal["warn", "stop", "treat"] = Field(
        default="warn",
        description="warn: the doctor speaks; stop: it also ends what cannot recover; treat: it ends what has a remedy,"
        " which `reverie train` then tries in a fork.",
    )

    @model_validator(mode="after")
    def _one_budget(self) -> Self:
        if self.images is not None and self.minutes is not None:
            raise ValueError("images and minutes are two budgets; give one")
        if self.micro is not None and self.micro > self.batch:
            raise ValueError(f"micro must be <= batch ({self.batch}), got {self.micro}")
        return self


class OptimRecipe(Section):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019), and its schedule over the budget."""

    lr: float = Field(default=1e-3, gt=0, description="Learning rate at its highest.")
    beta1: float = Field(default=0.9, ge=0, lt=1, description="Decay of the gradient mean.")
    beta2: float = Field(default=0.999, ge=0, lt=1, description="Decay of the gradient square.")
    eps: float = Field(default=1e-8, gt=0, description="Added to the root of the gradient square.")
    weight_decay: float = Field(default=0.0, ge=0, description="Decoupled weight decay.")
    warmup: float = Field(
        default=0.01, ge=0, le=1, description="Share of the budget over which the rate climbs from zero."
    )
    decay: Literal["none", "cosine", "linear"] = Field(default="cosine", description="How the rate falls afterwards.")
    floor: float = Field(default=0.01, ge=0, le=1, description="Where it ends, as a share of lr.")


class Recipe(Section):
    """Everything that decides a run. A family's recipe adds one section of the family's name.

    Example:
        >>> recipe = Recipe.from_dict({"family": "vae", "train": {"minutes": 3}})
        >>> recipe.train.minutes, recipe.data.source
        (3.0, 'faces')
    """

    schema_version: Literal[1] = Field(default=1, alias="schema", description="Version of this file's layout.")
    family: str = Field(description="How images are modelled.")
    preset: str = Field(default="default", description="The preset these values started from.")
    seed: int = Field(default=0, ge=0, lt=2**31, description="Decides every random draw.")
    data: DataRecipe = DataRecipe()
    train: TrainRecipe = TrainRecipe()
    optim: OptimRecipe = OptimRecipe()

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, populate_by_name=True)

    @staticmethod
    def from_dict(values: dict[str, Any]) -> "Recipe":
        """The family's recipe with these values over its defaults.

        Raises:
            RecipeError: every unknown key and value out of range, one a line, each with a next step.
        """
        from reverie.core.family import get_family

        family = values.get("family")
        if not isinstance(family, str):
            raise RecipeError('recipe.family: is missing. Add a line such as family = "vae".')
        model = get_family(family).recipe
        try:
            return model.model_validate(values)
        except ValidationError as error:
            raise RecipeError("\n".join(_explain(model, e) for e in error.errors())) from None

    @staticmethod
    def load(path: Path) -> "Recipe":
        """Reads a `recipe.toml`."""
        return Recipe.from_dict(read_toml(path))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, without those that are left out (TOML has no null)."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def to_toml(self) -> str:
        """The complete recipe; `Recipe.load` gives an equal one back."""
        return tomli_w.dumps(self.to_dict())

    def commented_toml(self) -> str:
        """The complete recipe with every field's description above it, for a person to edit."""
        top = [n for n, v in self if not isinstance(v, Section)]
        blocks = [_comment(self, top)]
        for name, value in self:
            if isinstance(value, Section):
                blocks.append(
                    f"# {(value.__doc__ or '').strip()}\n[{name}]\n" + _comment(value, list(type(value).model_fields))
                )
        return "\n".join(blocks)

    def change(self, settings: dict[str, Any]) -> "Recipe":
        """A copy with dotted keys replaced, for instance {"vae.beta": 4, "train.minutes": 10}; None leaves a value out.

        Setting one of train.images and train.minutes drops the other.

        Raises:
            RecipeError: as `from_dict`.
        """
        values = self.to_dict()
        for dotted, value in settings.items():
            *parents, last = dotted.split(".")
            at = values
            for parent in parents:
                inner = at.setdefault(parent, {})
                if not isinstance(inner, dict):
                    raise RecipeError(f"recipe.{dotted}: {parent} is a value, not a section. See `reverie init`.")
                at = cast(dict[str, Any], inner)
            if value is None:
                at.pop(last, None)
            else:
                at[last] = value
            if dotted in ("train.images", "train.minutes") and value is not None:
                at.pop({"images": "minutes", "minutes": "images"}[last], None)
        return Recipe.from_dict(values)


def read_toml(path: Path) -> dict[str, Any]:
    """The values of a TOML file, or a RecipeError that names the line."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(f"{path}: no such file. `reverie init vae -o {path}` writes one.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: is not valid TOML ({error}). `reverie init` writes a sound one.") from None
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read ({error.strerror}).") from None


def parse_setting(text: str) -> tuple[str, Any]:
    """("vae.beta", 4) from "vae.beta=4"; the value is TOML, or a plain string when it is not.

    Example:
        >>> parse_setting("data.size=[32, 48]"), parse_setting("vae.net=conv")
        (('data.size', [32, 48]), ('vae.net', 'conv'))
    """
    dotted, equals, value = text.partition("=")
    if not equals or not dotted.strip():
        raise RecipeError(f"--set {text}: must look like section.key=value, for instance --set train.batch=64.")
    try:
        return dotted.strip(), tomllib.loads(f"v = {value}")["v"]
    except tomllib.TOMLDecodeError:
        return dotted.strip(), value.strip()


def setting_text(dotted: str, value: Any) -> str:
    """What `parse_setting` reads back: the words after --set.

    Example:
        >>> setting_text("gan.penalties", ["r1", "r2"]), setting_text("train.clip", 1.0)
        ('gan.penalties=["r1", "r2"]', 'train.clip=1.0')
    """
    plain = list(cast(tuple[Any, ...], value)) if isinstance(value, tuple) else value
    text = tomli_w.dumps({"v": plain}).strip().removeprefix("v = ")
    return f"{dotted}={' '.join(text.split()).replace('[ ', '[').replace(', ]', ']')}"


def _comment(section: Section, names: list[str]) -> str:
    lines: list[str] = []
    for name in names:
        info, value = type(section).model_fields[name], getattr(section, name)
        key = info.alias or name
        lines.append(f"# {info.description}")
        if value is None:
            lines.append(f"# {key} =")
        else:
            plain = section.model_dump(mode="json")[name]
            lines.append(tomli_w.dumps({key: plain}).strip().replace("\n", " "))
    return "\n".join(lines) + "\n"


_LIMITS = {
    "greater_than_equal": ("ge", "must be >= {}"),
    "greater_than": ("gt", "must be > {}"),
    "less_than_equal": ("le", "must be <= {}"),
    "less_than": ("lt", "must be < {}"),
}


def _explain(model: type[BaseModel], error: Any) -> str:
    """One pydantic error as `where: constraint, got value. next step.`"""
    loc = [str(part) for part in error["loc"] if not str(part).startswith(("function-", "tuple["))]
    where, kind, context = "recipe." + ".".join(loc), error["type"], error.get("ctx", {})
    owner, field = _field_at(model, loc)
    if kind == "extra_forbidden":
        names = [f.alias or n for n, f in owner.model_fields.items()] if owner else []
        near = difflib.get_close_matches(loc[-1], names, 1, 0.5)
        return f"{where}: is not a key. " + (
            f"Did you mean {near[0]!r}?" if near else f"Use one of: {', '.join(names)}."
        )
    if kind == "missing":
        return f"{where}: is missing."
    if kind in _LIMITS:
        bound, words = _LIMITS[kind]
        constraint = words.format(f"{context[bound]:g}")
    elif kind == "value_error":
        return f"{where.removesuffix('.')}: {context['error']}."
    elif kind == "literal_error":
        constraint = f"must be one of {context['expected']}"
    else:
        constraint = "is of the wrong kind: " + error["msg"][0].lower() + error["msg"][1:]
    described = field.description if field and field.description else "See `reverie init` for every value."
    return f"{where}: {constraint}, got {error['input']!r}. {described}"


def _field_at(model: type[BaseModel], loc: list[str]) -> tuple[type[BaseModel] | None, Any]:
    """The section that holds the last part of `loc`, and its field when there is one."""
    owner: type[BaseModel] | None = model
    for part in loc[:-1]:
        info = owner.model_fields.get(part) if owner else None
        annotation = info.annotation if info else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return owner, info
        owner = annotation
    return owner, owner.model_fields.get(loc[-1]) if owner and loc else None
