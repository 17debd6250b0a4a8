"""Reading what others may have written: regular files below their folder, never through a link, never without bound.

A named pipe would block a reader, a link could lead anywhere, and a log can be of any size.
"""

import os
import stat
from pathlib import Path

LARGEST_TEXT = 4 << 20


def regular(path: Path) -> bool:
    """True for a plain file, not for a link to one."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def within(folder: Path, name: str) -> Path | None:
    """The file of that name if it lies in the folder, links followed; None when it is elsewhere, or no plain file.

    Args:
        folder: with links resolved.
        name: relative, from an untrusted file.
    """
    try:
        path = (folder / name).resolve(strict=True)
    except (OSError, ValueError, RuntimeError):
        return None
    return path if path.is_relative_to(folder) and regular(path) else None


def read(path: Path, most: int = LARGEST_TEXT, start: int = 0) -> bytes | None:
    """Up to `most` bytes of a plain file from `start`; None when it is none."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (OSError, ValueError):
        return None
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        file.seek(start)
        return file.read(most)


def read_tail(path: Path, most: int) -> str:
    """The last bytes of a text, as whole lines; empty when it cannot be read."""
    try:
        size = path.lstat().st_size
    except OSError:
        return ""
    raw = read(path, most, max(0, size - most)) or b""
    text = raw.decode("utf-8", "replace").replace("\r", "\n")
    if size > most:
        text = text.partition("\n")[2]
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)
