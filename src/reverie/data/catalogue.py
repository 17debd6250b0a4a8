"""What `recipe.data.source` may name: a built-in set, or a path whose kind is found out from its content."""

import difflib
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from reverie.core.errors import DataError, UsageError
from reverie.core.recipe import DataRecipe
from reverie.data import named
from reverie.data.archive import Archive, open_zip
from reverie.data.builtin.digits import digits
from reverie.data.builtin.points import SIGMA
from reverie.data.builtin.shapes import shapes
from reverie.data.drawn import Drawing, Drawn
from reverie.data.folder import Folder
from reverie.data.idx import identity_of, is_idx, load_idx
from reverie.data.npz import load_npz
from reverie.data.source import Source, digest, printable

NUM_FACES = 20_000

# name -> (number of images asked for or None, seed, cache root) -> source
_SETS: dict[str, Callable[[int | None, int, Path], Source]] = {
    "digits": lambda num, seed, root: digits(),
    "faces": lambda num, seed, root: faces(num or NUM_FACES, seed),
    "shapes": lambda num, seed, root: shapes(num, seed),
    "mnist": lambda num, seed, root: named.idx_set("mnist", root),
    "binarized-mnist": lambda num, seed, root: named.binarized_mnist(root),
    "fashion-mnist": lambda num, seed, root: named.idx_set("fashion-mnist", root),
    "stacked-mnist": lambda num, seed, root: named.stacked_mnist(num, root),
    "cifar10": lambda num, seed, root: named.cifar10(root),
    "cifar10-jpeg": lambda num, seed, root: named.cifar10_jpeg(),
}
_UNLIMITED = ("faces", "shapes", "stacked-mnist", *SIGMA)


def dataset_names() -> list[str]:
    """The names that need no path.

    Example:
        >>> dataset_names()[:3]
        ['digits', 'faces', 'shapes']
    """
    return [*_SETS, *SIGMA]


def check_num(recipe: DataRecipe) -> None:
    """Stops when the recipe asks for a number of images from a set that has its own.

    Raises:
        UsageError: it does.
    """
    if recipe.num is not None and recipe.source not in _UNLIMITED:
        raise UsageError(
            f"recipe.data.num: is for sets that are drawn ({', '.join(_UNLIMITED)}), not for {recipe.source}. "
            "Leave it out."
        )


def find_source(recipe: DataRecipe, seed: int, root: Path) -> Source:
    """The source that a recipe names. A built-in name wins over a path; ./faces is always a path.

    Args:
        recipe: names the source, and how many images to draw.
        seed: decides sets that are drawn.
        root: the cache's root folder.

    Raises:
        DataError: there is no such thing, or it is of no known kind.
        UsageError: `num` does not apply.
    """
    check_num(recipe)
    if recipe.source in _SETS:
        return _SETS[recipe.source](recipe.num, seed, root)
    path = Path(recipe.source).expanduser()
    try:
        if path.is_dir():
            return Folder(path)
        if not path.exists():
            raise _no_such(recipe.source)
        return _of_file(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{recipe.source}: cannot be opened ({error}). Name a folder, zip, .npz or IDX file.") from None


def _of_file(path: Path) -> Source:
    name = printable(str(path))
    if zipfile.is_zipfile(path):
        with open_zip(path) as archive:
            members = [name for name in archive.namelist() if not name.endswith("/")]
        if members and all(name.endswith(".npy") for name in members):
            return Drawn(name, identity_of(path), lambda _: load_npz(path))
        return Archive(name, [path])
    if is_idx(path):
        return Drawn(name, identity_of(path), lambda _: load_idx(path))
    raise DataError(
        f"{path}: is neither a zip, .npz nor IDX file. Name one of these or a folder of images (unpack a .tar first)."
    )


def _no_such(source: str) -> DataError:
    near = difflib.get_close_matches(source, dataset_names(), 1, 0.6)
    known = f"Name a folder, zip, .npz or IDX file, or one of: {', '.join(dataset_names())}."
    step = f"Did you mean {near[0]!r}?" if near else known
    return DataError(f"{source}: there is no such file, folder or built-in set. {step}")


def faces(num: int, seed: int) -> Source:
    """Cartoon faces with known factors, drawn by `builtin.faces`; very small ones are drawn larger and reduced."""
    from reverie.data.builtin.faces import SMALLEST_PX, VERSION, draw

    def begin(size: tuple[int, int] | None) -> Drawing:
        times = -(-SMALLEST_PX // min(size or (64, 64)))
        height, width = (side * max(1, times) for side in size or (64, 64))

        def part(first: int, count: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
            return draw((seed << 32) + np.arange(first, first + count, dtype=np.int64), (height, width))

        return Drawing(num, (3, height, width), part)

    return Drawn("faces", digest("faces", VERSION, num, seed), begin)
