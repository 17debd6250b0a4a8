"""Prepared data on disk: one folder per (source, view), whole or absent at every instant.

    data/KEY/images.u8     rows, raw uint8, (n, c, h, w)
             labels.npy    (n,) int32, where there are labels
             hashes.npy    (n,) uint64, each row's content
             factors.npz   known properties of drawn images
             manifest.json

The key is a digest of what the source's files look like from outside, so that changed files are another cache.
A folder that does not fit its manifest is made anew. `prepare.py` fills it.
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from reverie.core.run import sync_folder
from reverie.data.image import FILTER
from reverie.data.report import Report
from reverie.data.rows import Rows
from reverie.data.source import PARTS, digest
from reverie.data.view import View

FORMAT = 1


class Manifest(BaseModel):
    """What a cache folder holds; everything in it is checked against the files.

    Args:
        format: version of the layout.
        source: what the user called the data.
        num: rows.
        shape: (channels, height, width) of a row.
        parts: rows of each official part, in the order train, held_out, test.
        classes: label names in label order.
        binary: every value is black or white.
        factors: names of known properties.
        filter: how images were resized.
        view: size, channels, background and fit that were asked for.
        fingerprint: digest of every row and label, in order.
        report: what was found while reading.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = FORMAT
    source: str
    num: int = Field(ge=0)
    shape: tuple[int, int, int]
    parts: dict[Literal["train", "held_out", "test"], int]
    classes: tuple[str, ...] = ()
    binary: bool = False
    factors: tuple[str, ...] = ()
    filter: str = FILTER
    view: dict[str, Any]
    fingerprint: str
    report: Report


@dataclass(frozen=True)
class Prepared:
    """An open cache: its manifest, the rows, and what is known of each."""

    manifest: Manifest
    rows: Rows
    labels: np.ndarray | None
    hashes: np.ndarray
    factors: dict[str, np.ndarray]


def cache_root() -> Path:
    """Where prepared and downloaded data lie: REVERIE_CACHE, else XDG_CACHE_HOME/reverie, else ~/.cache/reverie."""
    if os.environ.get("REVERIE_CACHE"):
        return Path(os.environ["REVERIE_CACHE"]).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "reverie"


def cache_key(identity: str, view: View) -> str:
    """The name of the folder for a source of this identity under this view."""
    return digest(FORMAT, FILTER, identity, sorted(view.to_dict().items()))


def open_prepared(folder: Path) -> Prepared | None:
    """The cache in a folder, or None when there is none or it is damaged."""
    try:
        manifest = Manifest.model_validate_json((folder / "manifest.json").read_bytes())
        num = manifest.num
        if min(manifest.shape) < 1 or sum(manifest.parts.values()) != num or set(manifest.parts) != set(PARTS):
            return None
        if (folder / "images.u8").stat().st_size != num * int(np.prod(manifest.shape)):
            return None
        hashes = np.load(folder / "hashes.npy", allow_pickle=False)
        labels = np.load(folder / "labels.npy", allow_pickle=False) if manifest.classes else None
        factors: dict[str, np.ndarray] = {}
        if manifest.factors:
            with np.load(folder / "factors.npz", allow_pickle=False) as file:
                factors = {name: file[name] for name in manifest.factors}
        if (hashes.shape, hashes.dtype) != ((num,), np.uint64) or any(len(f) != num for f in factors.values()):
            return None
        if labels is not None and not _sound(labels, num, len(manifest.classes)):
            return None
        return Prepared(manifest, Rows(folder / "images.u8", num, manifest.shape), labels, hashes, factors)
    except (OSError, EOFError, ValueError, KeyError):
        return None


def _sound(labels: np.ndarray, num: int, num_classes: int) -> bool:
    return labels.shape == (num,) and labels.dtype == np.int32 and 0 <= labels.min() and labels.max() < num_classes


@contextlib.contextmanager
def building(folder: Path) -> Iterator[Path]:
    """A temporary sibling of `folder` to build in, while no other process builds the same.

    Whoever comes second waits, and finds the first one's work. What killed builders left behind is removed.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f".{folder.name}.lock").open("w") as lock:
        with contextlib.suppress(OSError):  # without locks two may build at once, which costs time and nothing else
            fcntl.flock(lock, fcntl.LOCK_EX)
            for left in folder.parent.glob(f".{folder.name}.*.tmp"):
                shutil.rmtree(left, ignore_errors=True)
        temporary = folder.parent / f".{folder.name}.{os.getpid()}.tmp"
        temporary.mkdir(exist_ok=True)
        try:
            yield temporary
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def publish(temporary: Path, folder: Path) -> None:
    """Gives a complete cache its name, in place of a damaged one if need be."""
    for path in temporary.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    try:
        temporary.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
        aside = temporary.with_suffix(".old.tmp")
        folder.rename(aside)
        temporary.rename(folder)
        shutil.rmtree(aside, ignore_errors=True)
    sync_folder(folder.parent)
