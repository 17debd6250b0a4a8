"""What every kind of source offers: numbered candidates, read in blocks, and an identity that tells of changes."""

import re
from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np

from reverie.data.view import View

PARTS = ("train", "held_out", "test")


@dataclass
class Block:
    """The readable images among some candidates of a source.

    Args:
        rows: (k, c, h, w) uint8.
        kept: their numbers among the source's candidates, (k,) int64.
        sizes: (height, width) of each original in pixels, (k, 2) int32.
        modes: how many images of each mode.
        unreadable: (name, reason) of images that are left out.
        ignored: files that are no images, and do not claim to be.
        factors: known properties of drawn images, each (k,).
    """

    rows: np.ndarray
    kept: np.ndarray
    sizes: np.ndarray
    modes: Counter[str] = field(default_factory=Counter)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    ignored: int = 0
    factors: dict[str, np.ndarray] = field(default_factory=dict)


class Source(ABC):
    """Candidates 0 .. num - 1, each an image, a broken image, or no image at all.

    Attributes:
        name: what the user called it.
        num: candidates.
        unreadable: (name, reason) of what was refused without opening it.
        binary: every value is black or white by construction.
    """

    name: str
    num: int
    unreadable: list[tuple[str, str]]
    binary: bool = False

    def hint(self) -> str:
        """What the user may have meant, when there is no image in it; empty without an idea."""
        return ""

    @abstractmethod
    def identity(self) -> str:
        """A digest that changes whenever the content may have changed; quick, for it decides if a cache is stale."""

    @abstractmethod
    def shape(self, view: View) -> tuple[int, int, int]:
        """The (channels, height, width) of every row under this view."""

    @abstractmethod
    def block(self, first: int, count: int, shape: tuple[int, int, int], view: View) -> Block:
        """Reads candidates `first : first + count`; called from several threads at once."""

    @abstractmethod
    def labels(self, kept: np.ndarray) -> tuple[np.ndarray | None, tuple[str, ...]]:
        """(labels (k,) int32 or None, class names) of these candidates."""

    def parts(self, kept: np.ndarray) -> dict[str, int]:
        """How many of these candidates belong to each of PARTS, in that order; all are `train` unless official."""
        return {"train": len(kept), "held_out": 0, "test": 0}

    def is_current(self) -> bool:
        """False when the files have changed since they were listed."""
        return True


def digest(*parts: object) -> str:
    """32 hex digits that depend on every part's written form."""
    state = blake2b(digest_size=16)
    for part in parts:
        state.update(repr(part).encode("utf-8", "surrogateescape") + b"\0")
    return state.hexdigest()


def natural(name: str) -> tuple[tuple[int, str | int], ...]:
    """A sorting key by which img2 comes before img10.

    Example:
        >>> sorted(["img10", "img2", "b1"], key=natural)
        ['b1', 'img2', 'img10']
    """
    return tuple((0, int(p)) if p.isdigit() else (1, p) for p in re.split(r"([0-9]+)", name) if p)


def printable(name: str) -> str:
    """A file name as one safe line: bytes that are no text and control characters become escapes.

    Example:
        >>> printable("a\\nb")
        'a\\\\nb'
    """
    text = name.encode("utf-8", "backslashreplace").decode()
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
