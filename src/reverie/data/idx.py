"""IDX files, the format of MNIST and its kin: a magic number, the sizes, then raw bytes; often gzipped.

Layout, big-endian: 0, 0, type (8 = uint8), number of axes, one 32-bit size for each axis, the values.
"""

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np

from reverie.core.errors import DataError
from reverie.data.drawn import Drawing, from_array
from reverie.data.source import digest

HARMLESS_BYTES = 256 * 2**20
LARGEST_RATIO = 200  # gzip reaches 1000 on zeros; MNIST is at 5


def is_idx(path: Path) -> bool:
    """True when the file, gzipped or not, starts like IDX of bytes."""
    try:
        return _head(path)[:3] == b"\0\0\x08"
    except (OSError, EOFError, zlib.error):
        return False


def read_idx(path: Path) -> np.ndarray:
    """The array in a file, uint8.

    Raises:
        DataError: not IDX of bytes, truncated, followed by more, or a bomb.
    """
    try:
        head = _head(path)
        if head[:3] != b"\0\0\x08" or not 1 <= head[3] <= 4 or len(head) < 4 + 4 * head[3]:
            raise DataError(f"{path}: is not IDX of bytes. Name a folder, a zip, an .npz or an IDX file.")
        sizes = struct.unpack(f">{head[3]}I", head[4 : 4 + 4 * head[3]])
        offset, expected = 4 + 4 * head[3], int(np.prod(sizes, dtype=object))
        if expected > max(HARMLESS_BYTES, LARGEST_RATIO * path.stat().st_size):
            raise DataError(f"{path}: promises {expected:,} values, more than it can hold. Download it again.")
        with _opened(path) as file:
            content = file.read(offset + expected + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({str(error)[:100]}). Download it again.") from None
    if len(content) != offset + expected:
        found = "more" if len(content) > offset + expected else f"{len(content) - offset:,}"
        raise DataError(f"{path}: promises {expected:,} values and holds {found}. Download it again.")
    return np.frombuffer(content, np.uint8, offset=offset).reshape(sizes)


def load_idx(path: Path) -> Drawing:
    """Images from a file the user named, with the labels that lie beside it under the usual name.

    Raises:
        DataError: as `read_idx`; or the file holds no images, or other labels than images.
    """
    images = read_idx(path)
    if images.ndim not in (3, 4):
        raise DataError(f"{path}: holds {images.ndim} axes, images need 3. Name the file with `images` in its name.")
    beside = labels_path(path)
    labels = read_idx(beside) if beside else None
    if labels is not None and labels.shape != images.shape[:1]:
        raise DataError(f"{beside}: has {labels.shape} labels for {len(images)} images. Put it right or move it away.")
    return from_array(images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2), labels)


def labels_path(path: Path) -> Path | None:
    """train-images-idx3-ubyte.gz -> train-labels-idx1-ubyte.gz, gzipped or not, if it is there."""
    name = path.name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1")
    beside = [path.with_name(name + end) for end in ("", ".gz")]
    return next((p for p in beside if p != path and p.is_file()), None)


def identity_of(path: Path) -> str:
    """Path, size and times of a file the user named, and of the labels beside it."""
    stats = [(str(p.resolve()), p.stat()) for p in (path, labels_path(path)) if p]
    return digest("file", *((p, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for p, s in stats))


def _opened(path: Path) -> gzip.GzipFile:
    """The content, unpacked if need be. Files are not told apart by name."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if packed else path.open("rb")  # pyright: ignore[reportReturnType]


def _head(path: Path) -> bytes:
    with _opened(path) as file:
        return file.read(20)
