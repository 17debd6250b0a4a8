"""Image files with names, wherever they lie: planning the shape, reading a block, labels from folder names.

`folder.py` and `archive.py` find the files and open them.
"""

from abc import abstractmethod
from pathlib import PurePosixPath
from typing import BinaryIO

import numpy as np

from reverie.data import image
from reverie.data.image import Facts, Unreadable
from reverie.data.source import Block, Source, natural, printable
from reverie.data.view import LARGEST_NATIVE_PX, View


class Files(Source):
    """A source whose candidates are files.

    Args:
        name: what the user called it.
        names: each candidate's path inside the source, with forward slashes, in natural order.
    """

    def __init__(self, name: str, names: list[str], unreadable: list[tuple[str, str]]) -> None:
        self.name, self.names, self.unreadable = name, names, unreadable
        self.num = len(names)

    @abstractmethod
    def open(self, index: int) -> BinaryIO:
        """The bytes of one candidate, seekable.

        Raises:
            Unreadable, OSError: it cannot be opened.
        """

    def shape(self, view: View) -> tuple[int, int, int]:
        """Reads headers until the answer is certain."""
        fixed = view.size is not None and view.channels != "auto"
        native: set[tuple[int, int]] = set()
        grey, transparent = True, False
        for index in range(0 if fixed else self.num):
            facts = self._look(index)
            if facts is None:
                continue
            native.add((facts.height, facts.width))
            grey, transparent = grey and facts.grey, transparent or facts.transparent
            agreed = view.size is not None or len(native) > 1 or max(max(native)) > LARGEST_NATIVE_PX
            if agreed and (view.channels != "auto" or not grey):
                break
        return view.shape(native.pop() if len(native) == 1 else None, grey=grey, transparent=transparent)

    def _look(self, index: int) -> Facts | None:
        try:
            with self.open(index) as file:
                return image.look(file)
        except (Unreadable, OSError):
            return None

    def block(self, first: int, count: int, shape: tuple[int, int, int], view: View) -> Block:
        """Decodes files; what cannot be decoded is told apart from what never claimed to be an image."""
        count = min(count, self.num - first)
        rows = np.empty((count, *shape), np.uint8)
        kept: list[int] = []
        sizes: list[tuple[int, int]] = []
        block = Block(rows, np.empty(0, np.int64), np.empty((0, 2), np.int32))
        for index in range(first, first + count):
            try:
                with self.open(index) as file:
                    rows[len(kept)], facts = image.decode(file, shape, view)
            except Unreadable as error:
                if error.foreign and not claims_to_be_an_image(self.names[index]):
                    block.ignored += 1
                else:
                    block.unreadable.append((printable(self.names[index]), str(error)))
            except OSError as error:
                block.unreadable.append((printable(self.names[index]), f"cannot be opened ({error.strerror or error})"))
            else:
                kept.append(index)
                sizes.append((facts.height, facts.width))
                block.modes[facts.mode] += 1
        block.rows, block.kept = rows[: len(kept)], np.array(kept, np.int64)
        block.sizes = np.array(sizes, np.int32).reshape(-1, 2)
        return block

    def labels(self, kept: np.ndarray) -> tuple[np.ndarray | None, tuple[str, ...]]:
        """First-level folders are classes, if every image is in one and there is more than one."""
        return labels_of([self.names[i] for i in kept])


def claims_to_be_an_image(name: str) -> bool:
    """True for the extensions of image files."""
    return PurePosixPath(name).suffix.lower() in image.EXTENSIONS


def is_hidden(name: str) -> bool:
    """True for what file managers leave behind, at any level: .DS_Store, ._photo.jpg, __MACOSX/."""
    return any(part == "__MACOSX" or (part.startswith(".") and part.strip(".")) for part in name.split("/"))


def labels_of(names: list[str]) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Labels from the folders in names, once the folders that all share are taken off.

    A folder for (nearly) every image is no class, so classes need two images each on average.

    Example:
        >>> labels_of(["set/2/a.png", "set/10/b.png", "set/2/c.png", "set/10/d.png"])
        (array([0, 1, 0, 1], dtype=int32), ('2', '10'))
        >>> labels_of(["a.png", "cats/b.png"])
        (None, ())
    """
    folders = [name.split("/")[:-1] for name in names]
    depth = 0
    while all(len(path) > depth and path[depth] == folders[0][depth] for path in folders) and folders:
        depth += 1
    if any(len(path) <= depth for path in folders):
        return None, ()
    owners = [path[depth] for path in folders]
    classes = sorted(set(owners), key=natural)
    if not 2 <= len(classes) <= len(names) // 2:
        return None, ()
    number = {name: i for i, name in enumerate(classes)}
    return np.array([number[owner] for owner in owners], np.int32), tuple(printable(c) for c in classes)
