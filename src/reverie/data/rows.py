"""Rows of pixels by index: in memory when they are few, else read from the file one by one.

Large sets are read with `pread` and not mapped: pages of a map count as the process's memory, and a file that another
process cuts short would kill the reader with SIGBUS instead of an error.
"""

import os
import weakref
from pathlib import Path

import numpy as np

from reverie.core.errors import DataError

IN_MEMORY_BYTES = 256 * 2**20


class Rows:
    """Rows of one shape, from a file of raw values.

    Args:
        path: the file.
        num: rows in it.
        shape: of one row.
        in_memory_bytes: files up to this size are read at once.
    """

    def __init__(self, path: Path, num: int, shape: tuple[int, ...], *, in_memory_bytes: int = IN_MEMORY_BYTES) -> None:
        self.shape, self.num, self.dtype = shape, num, np.dtype(np.uint8)
        self._path, self._row_bytes = path, int(np.prod(shape))
        self._array: np.ndarray | None = None
        if num * self._row_bytes > in_memory_bytes:
            self._file = os.open(path, os.O_RDONLY)  # kept: rows stay readable even if the cache is cleared meanwhile
            weakref.finalize(self, os.close, self._file)
        else:
            content = np.fromfile(path, np.uint8)
            if content.size != num * self._row_bytes:
                raise _cut_short(path)
            self._array = content.reshape(num, *shape)

    @staticmethod
    def of(array: np.ndarray) -> "Rows":
        """Rows that are in memory already, of any type."""
        rows = Rows.__new__(Rows)
        rows.shape, rows.num, rows.dtype = array.shape[1:], len(array), array.dtype
        rows._array = array
        return rows

    def gather(self, index: np.ndarray) -> np.ndarray:
        """Copies of the rows at these numbers, (k, *shape).

        Raises:
            IndexError: a number is out of range.
            DataError: the file was cut short under our feet.
        """
        if self._array is not None:
            return self._array[index]
        if len(index) and not (0 <= index.min() and index.max() < self.num):
            raise IndexError(f"row {index.min()} or {index.max()} of {self.num}")
        out = np.empty((len(index), self._row_bytes), np.uint8)
        for at in np.argsort(index, kind="stable"):  # the disk's order
            row = os.pread(self._file, self._row_bytes, int(index[at]) * self._row_bytes)
            if len(row) != self._row_bytes:
                raise _cut_short(self._path)
            out[at] = np.frombuffer(row, np.uint8)
        return out.reshape(len(index), *self.shape)


def _cut_short(path: Path) -> DataError:
    return DataError(f"{path}: is shorter than its manifest says. Start again, and it is made anew.")
