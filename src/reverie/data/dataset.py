"""A data set as a training and a measurement see it: three parts, one fingerprint. The way in is `open_dataset`."""

import time
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

import numpy as np
from torch import Tensor

from reverie.core.errors import DataError, UsageError
from reverie.core.recipe import DataRecipe
from reverie.core.spec import DataSpec
from reverie.data.builtin.points import NUM_POINTS, SIGMA, draw_points
from reverie.data.cache import Prepared, cache_root, open_prepared
from reverie.data.catalogue import check_num, find_source
from reverie.data.image import Unreadable, decode, quiet
from reverie.data.items import Items, Style
from reverie.data.prepare import Progress, cache_folder, prepare, row_hashes, scan
from reverie.data.report import Report, class_counts, num_duplicates
from reverie.data.rows import Rows
from reverie.data.source import digest, printable
from reverie.data.split import scattered, split
from reverie.data.view import View


@dataclass(frozen=True)
class Dataset:
    """Images (or points) with their parts.

    Args:
        name: what it is called, a built-in name or a path.
        spec: what one item is.
        fingerprint: 32 hex digits that depend on every value, every label and on how they are viewed and split.
        train: what parameters may be fitted to.
        held_out: kept away from training, to watch it by.
        test: the official test part, where there is one.
        report: what was found while reading the source.

    The items of `held_out` and `test` come in an order that their content decides: the first few are a fair sample.
    """

    name: str
    spec: DataSpec
    fingerprint: str
    train: Items
    held_out: Items
    test: Items | None
    report: Report


def open_dataset(
    recipe: DataRecipe,
    *,
    seed: int = 0,
    cache: Path | None = None,
    progress: Progress | None = None,
    labels: bool = True,
) -> Dataset:
    """Opens a data set, from the cache if it was prepared before.

    Args:
        recipe: which images, and how they become tensors.
        seed: decides what is drawn, for sets that are drawn; the split depends on content alone.
        cache: the cache's root folder; None for `cache_root()`.
        progress: told (candidates done, candidates in all) while the cache is built.
        labels: False leaves the labels out.

    Raises:
        DataError: the images cannot be read, or must not be.
        UsageError: the recipe asks for what the source cannot give.

    Example:
        >>> data = open_dataset(DataRecipe(source="digits"))
        >>> data.spec.shape, len(data.train), len(data.held_out), data.spec.num_classes
        ((1, 8, 8), 1707, 90, 10)
    """
    if recipe.source in SIGMA:
        return _points(recipe, seed, labels=labels)
    root = cache or cache_root()
    source = find_source(recipe, seed, root)
    prepared = prepare(source, View.of(recipe), root, progress)
    manifest = prepared.manifest
    channels, height, width = manifest.shape
    spec = DataSpec(
        channels=channels,
        height=height,
        width=width,
        classes=manifest.classes if labels else (),
        binary=manifest.binary or recipe.binarize != "no",
    )
    return _assembled(recipe, source.name, spec, prepared, manifest.fingerprint)


def _assembled(recipe: DataRecipe, name: str, spec: DataSpec, prepared: Prepared, content: str) -> Dataset:
    manifest = prepared.manifest
    num_train, num_held, num_test = (manifest.parts[part] for part in ("train", "held_out", "test"))
    train, held = np.arange(num_train, dtype=np.int32), np.arange(num_train, num_train + num_held, dtype=np.int32)
    if not num_held:
        train, held = split(prepared.hashes[:num_train], recipe.held_out, name)
    test = np.arange(num_train + num_held, manifest.num, dtype=np.int32)

    def items(index: np.ndarray) -> Items:
        return Items(
            prepared.rows,
            index,
            spec,
            hashes=prepared.hashes,
            labels=prepared.labels if spec.classes else None,
            factors=prepared.factors,
            style=Style(recipe.binarize, recipe.mirror),
        )

    return Dataset(
        name=name,
        spec=spec,
        fingerprint=digest(content, recipe.binarize, num_held or recipe.held_out),
        train=items(train),
        held_out=items(scattered(held, prepared.hashes)),
        test=items(scattered(test, prepared.hashes)) if num_test else None,
        report=manifest.report.model_copy(update={"source": name}),
    )


def holds_points(source: str) -> bool:
    """True for sets of points in the plane, which are not images.

    Example:
        >>> holds_points("ring8"), holds_points("photos/ring8")
        (True, False)
    """
    return source in SIGMA


def _points(recipe: DataRecipe, seed: int, *, labels: bool) -> Dataset:
    """`ring8` and `grid25`: items of 2 channels and one pixel, in memory."""
    _check_points(recipe)
    began = time.monotonic()
    name = recipe.source
    values, modes = draw_points(name, recipe.num or NUM_POINTS, seed)  # pyright: ignore[reportArgumentType]
    rows = values[:, :, None, None]
    hashes = row_hashes(rows.view(np.uint8))
    classes = tuple(str(i) for i in range(int(modes.max()) + 1))
    spec = DataSpec(channels=2, height=1, width=1, classes=classes if labels else (), kind="points", mixture=name)
    train, held = split(hashes, recipe.held_out, name)

    def items(index: np.ndarray) -> Items:
        return Items(Rows.of(rows), index, spec, hashes=hashes, labels=modes if labels else None)

    report = Report(
        source=name,
        images=len(rows),
        shape=spec.shape,
        classes=class_counts(modes, classes),
        duplicates=num_duplicates(hashes),
        seconds=round(time.monotonic() - began, 3),
    )
    fingerprint = digest(hashes.tobytes(), recipe.held_out)
    return Dataset(name, spec, fingerprint, items(train), items(held), None, report)


def _check_points(recipe: DataRecipe) -> None:
    check_num(recipe)
    pixels = {"size": recipe.size is not None, "binarize": recipe.binarize != "no", "mirror": recipe.mirror}
    asked = [name for name, given in pixels.items() if given] + (["channels"] if recipe.channels != "auto" else [])
    if asked:
        raise UsageError(f"recipe.data.{asked[0]}: is for images, and {recipe.source} holds points. Leave it out.")


def describe(
    recipe: DataRecipe, *, seed: int = 0, cache: Path | None = None, progress: Progress | None = None
) -> Report:
    """Says what is in a source, sound or not: from its cache if it was prepared, else by reading it; writes nothing.

    Args:
        recipe, seed, cache, progress: as `open_dataset`.

    Raises:
        DataError: there is no such source, or it is refused as a whole.

    Example:
        >>> describe(DataRecipe(source="digits")).images
        1797
    """
    if recipe.source in SIGMA:
        return _points(recipe, seed, labels=True).report
    root = cache or cache_root()
    source = find_source(recipe, seed, root)
    prepared = open_prepared(cache_folder(root, source, View.of(recipe)))
    if prepared is not None:
        return prepared.manifest.report.model_copy(update={"source": source.name})
    return scan(source, View.of(recipe), progress).report(source)


def read_image(path: Path, recipe: DataRecipe, spec: DataSpec) -> Tensor:
    """One image file as an item of a data set: (c, h, w) float32 in [-1, 1].

    Args:
        path: the file.
        recipe: background, fit and binarisation.
        spec: the shape that is wanted.

    Raises:
        DataError: the file is no image that can be read.
        UsageError: the data set holds points.
    """
    shown = printable(str(path))
    try:
        with path.open("rb") as file:
            return read_picture(file, recipe, spec, name=shown)
    except OSError as error:
        raise DataError(f"{shown}: {error.strerror}. Name a PNG, JPEG or WebP file.") from None


def read_picture(file: BinaryIO, recipe: DataRecipe, spec: DataSpec, *, name: str = "the picture") -> Tensor:
    """The bytes of one image file as an item of a data set: (c, h, w) float32 in [-1, 1].

    Args:
        file: the bytes, seekable.
        recipe, spec: as `read_image`.
        name: what messages call the picture.

    Raises:
        DataError: the bytes are no image that can be read.
        UsageError: the data set holds points.
    """
    if spec.kind != "images":
        raise UsageError(f"{name}: is an image, and the model was trained on points. Name a seed instead.")
    try:
        with quiet():
            pixels, _ = decode(file, spec.shape, View.of(recipe))
    except Unreadable as error:
        raise DataError(f"{name}: {error}. Name a PNG, JPEG or WebP file.") from None
    key = np.array([int.from_bytes(blake2b(pixels.data, digest_size=8).digest(), "big")], np.uint64)
    return (
        Items(Rows.of(pixels[None]), np.arange(1), spec, hashes=key, style=Style(recipe.binarize)).batch([0]).images[0]
    )
