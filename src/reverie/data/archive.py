"""A zip of images, read in place: nothing is ever written to disk. Hostile archives and members are refused."""

import io
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np

from reverie.core.errors import DataError
from reverie.data.files import Files, claims_to_be_an_image, is_hidden
from reverie.data.image import Unreadable
from reverie.data.source import PARTS, digest, natural, printable

LARGEST_MEMBER_BYTES = 128 * 2**20
LARGEST_RATIO = 100  # real images in a zip are near 1; uncompressed bitmaps of drawings reach some dozens
HARMLESS_BYTES = 256 * 2**20  # an archive that unpacks to less may have any ratio


class Archive(Files):
    """The image files in one zip, or in several that make the official parts of one set.

    Args:
        name: what the user called it.
        zips: one path, or a path for each part in the order of PARTS, None for a part that is not there.

    Raises:
        DataError: not a zip, damaged, or a zip bomb.
    """

    def __init__(self, name: str, zips: list[Path | None]) -> None:
        self._members: list[tuple[zipfile.ZipFile, zipfile.ZipInfo]] = []
        self._part: list[int] = []
        self._all: list[tuple[str, int, int]] = []
        refused: list[tuple[str, str]] = []
        for part, path in enumerate(zips):
            if path is not None:
                self._add(path, part, refused)
        super().__init__(name, [info.filename for _, info in self._members], refused)

    def _add(self, path: Path, part: int, refused: list[tuple[str, str]]) -> None:
        archive = open_zip(path)
        listed = [info for info in archive.infolist() if not info.is_dir() and not is_hidden(info.filename)]
        for info in sorted(listed, key=lambda i: (natural(i.filename), i.filename)):
            self._all.append((info.filename, info.file_size, info.CRC))
            reason = _refusal(info)
            if reason is None:
                self._members.append((archive, info))
                self._part.append(part)
            elif claims_to_be_an_image(info.filename) or "link" in reason or "path" in reason:
                refused.append((printable(info.filename), reason))

    def identity(self) -> str:
        """Names, sizes and checksums from the central directories; where the zip lies does not matter."""
        return digest("zip", self._part, *self._all)

    def open(self, index: int) -> BinaryIO:
        """The member's bytes, in memory; the zip's checksum is verified on the way."""
        archive, info = self._members[index]
        try:
            return io.BytesIO(archive.read(info))
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError) as error:
            raise Unreadable(f"is damaged inside the zip ({str(error)[:80]})") from None
        except (RuntimeError, NotImplementedError) as error:  # a password, or a compression that Python lacks
            raise Unreadable(f"cannot be unpacked ({str(error)[:80]})") from None

    def parts(self, kept: np.ndarray) -> dict[str, int]:
        """One part for each zip."""
        counts = np.bincount(np.array(self._part, np.int64)[kept], minlength=len(PARTS))
        return dict(zip(PARTS, map(int, counts), strict=True))


def open_zip(path: Path) -> zipfile.ZipFile:
    """Opens a zip and refuses bombs by what its directory promises.

    Raises:
        DataError: not a zip, damaged, or a bomb.
    """
    try:
        archive = zipfile.ZipFile(path)
        packed = path.stat().st_size
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise DataError(f"{path}: is not a readable zip ({error}). Make or download it again.") from None
    unpacked = sum(info.file_size for info in archive.infolist())
    if unpacked > HARMLESS_BYTES and unpacked > LARGEST_RATIO * packed:
        raise DataError(
            f"{path}: would unpack to {unpacked / 2**20:,.0f} MiB from {packed / 2**20:,.1f} MiB, as zip bombs do. "
            "If you trust it, unpack it and name the folder."
        )
    return archive


def _refusal(info: zipfile.ZipInfo) -> str | None:
    path = PurePosixPath(info.orig_filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in "".join(path.parts[:1]):
        return "has a path that leaves the archive"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "is a link"
    if info.file_size > LARGEST_MEMBER_BYTES:
        return f"unpacks to more than {LARGEST_MEMBER_BYTES // 2**20} MiB"
    return None
