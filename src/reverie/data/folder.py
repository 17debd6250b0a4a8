"""A folder of images, at any depth. Links that leave it are refused; runs trained inside it are passed over."""

import contextlib
import os
import stat
from pathlib import Path
from typing import BinaryIO

from reverie.core.errors import DataError
from reverie.data.files import Files, claims_to_be_an_image, is_hidden
from reverie.data.source import digest, natural, printable


class Folder(Files):
    """The image files under a folder.

    Args:
        path: the folder.

    Raises:
        DataError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        found, unreadable = _listing(self.path)
        self._identity = _identity(self.path, found)
        super().__init__(printable(str(path)), [name for name, *_ in found], unreadable)

    def identity(self) -> str:
        """Names, sizes and times of every file. The change time is among them: no program can set it back."""
        return self._identity

    def is_current(self) -> bool:
        """Lists the folder again."""
        return _identity(self.path, _listing(self.path)[0]) == self._identity

    def hint(self) -> str:
        """An archive inside that can be named itself."""
        kinds = (".zip", ".npz", "-ubyte", "-ubyte.gz", ".idx")
        near = [n for n in self.names if n.endswith(kinds) and "labels" not in n]
        return f"It holds {printable(near[0])}: name that file instead." if near else ""

    def open(self, index: int) -> BinaryIO:
        """The file, from disk."""
        return (self.path / self.names[index]).open("rb")


def _identity(root: Path, found: list[tuple[str, int, int, int]]) -> str:
    return digest("folder", str(root), *found)


def _listing(root: Path) -> tuple[list[tuple[str, int, int, int]], list[tuple[str, str]]]:
    """((name, size, modified, changed) in natural order, (name, reason) of what is refused)."""
    found: list[tuple[str, int, int, int]] = []
    refused: list[tuple[str, str]] = []
    folders = [""]
    while folders:
        prefix = folders.pop()
        try:
            entries = list(os.scandir(root / prefix))
        except OSError as error:
            if not prefix:
                raise DataError(
                    f"{root}: cannot be opened ({error.strerror}). Name a folder that you may read."
                ) from None
            refused.append((printable(prefix), f"cannot be opened ({error.strerror})"))
            continue
        if {"recipe.toml", "events.jsonl"} <= {entry.name for entry in entries}:
            continue
        for entry in entries:
            name = prefix + entry.name
            with contextlib.suppress(FileNotFoundError):  # gone since the folder was listed
                reason = None if is_hidden(entry.name) else _refusal(root, entry)
                if reason:
                    refused.append((printable(name), reason))
                elif entry.is_dir(follow_symlinks=False) and not is_hidden(entry.name):
                    folders.append(name + "/")
                elif entry.is_file() and not is_hidden(entry.name):
                    status = entry.stat()
                    found.append((name, status.st_size, status.st_mtime_ns, status.st_ctime_ns))
    return sorted(found, key=lambda item: (natural(item[0]), item[0])), sorted(refused)


def _refusal(root: Path, entry: os.DirEntry[str]) -> str | None:
    """Why an entry is not followed, or None. Odd things that do not claim to be images pass in silence."""
    claims = claims_to_be_an_image(entry.name)
    if entry.is_symlink():
        try:
            target = Path(entry.path).resolve(strict=True)
        except (OSError, RuntimeError):
            return "is a link that leads nowhere" if claims else None
        if not target.is_relative_to(root):
            return "is a link out of the folder" if claims or target.is_dir() else None
        return "is a link to a folder" if target.is_dir() else None
    mode = entry.stat(follow_symlinks=False).st_mode
    return "is not a regular file" if claims and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) else None
