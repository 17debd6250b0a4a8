"""What texts of the course are made of: options with their reasons, and draws with the slips that people make.

Read `schema.py` next: it puts these together.
"""

from collections.abc import Sequence
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from reverie.studio.course.dialect import problem

Text = Field(min_length=1)
Mistake = Literal["variance", "no-mean", "no-noise", "no-scale", "minus", "swapped"]


class Part(BaseModel):
    """A frozen group of values; unknown keys are errors, and every text is in the course's Markdown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*")
    @classmethod
    def _is_shown(cls, value: Any, info: Any) -> Any:
        for text in [value] if isinstance(value, str) else value if isinstance(value, list) else []:
            wrong = problem(text, blocks=info.field_name == "body") if isinstance(text, str) else None
            if wrong:
                raise ValueError(wrong)
        return value


class Option(Part):
    """One possible answer, and why it is right or wrong."""

    text: str = Text
    right: bool = False
    why: str = Text


class Source(Part):
    """Where a claim comes from."""

    text: str = Text
    url: str | None = Field(default=None, pattern=r"^https://\S+$")


class Draw(Part):
    """A reparameterised draw, one number a dimension: z = mu + sigma * eps."""

    mu: list[float] = Field(min_length=1)
    sigma: list[float] = Field(min_length=1)
    eps: list[float] = Field(min_length=1)
    z: list[float] = Field(min_length=1)

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        right = reparameterised(self.mu, self.sigma, self.eps)
        if len(right) != len(self.z) or max(abs(a - b) for a, b in zip(right, self.z, strict=True)) > 1e-9:
            raise ValueError(f"z must be mu + sigma * eps, {[round(value, 6) for value in right]}, got {self.z}")
        return self


class Slip(Part):
    """A mistake that gives a number of its own, and what to say to whoever made it."""

    mistake: Mistake
    why: str = Text


def reparameterised(mu: Sequence[float], sigma: Sequence[float], eps: Sequence[float]) -> list[float]:
    """z = mu + sigma * eps, dimension by dimension (Kingma and Welling 2014, section 2.4).

    Example:
        >>> [round(z, 6) for z in reparameterised([0.5, -0.2], [0.1, 0.3], [0.5, -1.0])]
        [0.55, -0.5]
    """
    return [m + s * e for m, s, e in zip(mu, sigma, eps, strict=True)]


def mistaken(mistake: Mistake, mu: Sequence[float], sigma: Sequence[float], eps: Sequence[float]) -> list[float]:
    """What somebody gets who takes the variance for sigma, or forgets a part, or its sign, or swaps mu and sigma.

    Example:
        >>> mistaken("no-scale", [1.0], [0.5], [2.0])
        [3.0]
    """
    return [_slip(mistake, m, s, e) for m, s, e in zip(mu, sigma, eps, strict=True)]


def _slip(mistake: Mistake, mu: float, sigma: float, eps: float) -> float:
    made: dict[Mistake, float] = {
        "variance": mu + sigma * sigma * eps,
        "no-mean": sigma * eps,
        "no-noise": mu + sigma,
        "no-scale": mu + eps,
        "minus": mu - sigma * eps,
        "swapped": sigma + mu * eps,
    }
    return made[mistake]


def check_options(options: Sequence[Option], num_right: int | None) -> None:
    right = sum(option.right for option in options)
    if right == 0 or (num_right is not None and right != num_right) or right == len(options):
        raise ValueError(f"{right} of its {len(options)} options are right")
    if len({option.text for option in options}) < len(options):
        raise ValueError("two options say the same")
