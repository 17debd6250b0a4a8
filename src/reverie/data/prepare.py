"""From a source to a cache: blocks are read by several threads and written in order, in bounded memory."""

import os
import shutil
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from pathlib import Path

import numpy as np

from reverie.core.errors import DataError
from reverie.core.run import atomic_write
from reverie.data.cache import Manifest, Prepared, building, cache_key, open_prepared, publish
from reverie.data.image import quiet
from reverie.data.report import Report, class_counts, num_duplicates, spread
from reverie.data.source import Block, Source, digest
from reverie.data.split import FEWEST_IMAGES, too_few
from reverie.data.view import View

Progress = Callable[[int, int], None]
BLOCK_ITEMS = 64
BLOCK_BYTES = 8 * 2**20
MOST_UNREADABLE = 0.01


@dataclass
class Tally:
    """What a pass over a source found."""

    shape: tuple[int, int, int]
    kept: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    hashes: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint64))
    sizes: np.ndarray = field(default_factory=lambda: np.empty((0, 2), np.int32))
    modes: Counter[str] = field(default_factory=Counter)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    ignored: int = 0
    factors: dict[str, np.ndarray] = field(default_factory=dict)
    seconds: float = 0.0

    def report(self, source: Source) -> Report:
        """The tally in words for people."""
        labels, classes = source.labels(self.kept)
        return Report(
            source=source.name,
            images=len(self.kept),
            shape=self.shape,
            classes=class_counts(labels, classes),
            widths=spread(self.sizes[:, 1]),
            heights=spread(self.sizes[:, 0]),
            modes=dict(self.modes.most_common()),
            unreadable=tuple(self.unreadable),
            ignored=self.ignored,
            duplicates=num_duplicates(self.hashes),
            seconds=round(self.seconds, 3),
        )


def prepare(source: Source, view: View, root: Path, progress: Progress | None = None) -> Prepared:
    """The cache of a source, built first if it is not there.

    Args:
        source: where images come from.
        view: what they become.
        root: the cache's root folder.
        progress: told (candidates done, candidates in all) now and then while building.

    Raises:
        DataError: too many unreadable images, too few images, or the cache cannot be written.
    """
    folder = cache_folder(root, source, view)
    found = open_prepared(folder)
    if found is not None:
        return found
    try:
        with building(folder) as temporary:
            found = open_prepared(folder)  # another process may have made it while we waited
            if found is not None:
                return found
            _build(source, view, temporary, progress)
            publish(temporary, folder)
    except OSError as error:
        raise DataError(
            f"{root}: the prepared data cannot be written ({error.strerror or error}). "
            "Free space, or set REVERIE_CACHE to another folder."
        ) from None
    made = open_prepared(folder)
    if made is None:
        raise DataError(f"{folder}: cannot be read back. Check the disk, or set REVERIE_CACHE to another folder.")
    return made


def cache_folder(root: Path, source: Source, view: View) -> Path:
    """Where the cache of a source is, or would be."""
    return root / "data" / cache_key(source.identity(), view)


def _build(source: Source, view: View, folder: Path, progress: Progress | None) -> None:
    with (folder / "images.u8").open("wb") as file:
        tally = scan(source, view, progress, lambda block: file.write(block.rows.data), folder=folder)
    check(tally, source)
    if not source.is_current():
        raise DataError(
            f"{source.name}: changed while it was being read. Wait until nothing writes to it, and start again."
        )
    labels, classes = source.labels(tally.kept)
    np.save(folder / "hashes.npy", tally.hashes)
    if labels is not None:
        np.save(folder / "labels.npy", labels)
    if tally.factors:
        np.savez(folder / "factors.npz", **tally.factors)  # pyright: ignore[reportArgumentType]
    written = "" if labels is None else labels.tobytes()
    manifest = Manifest(
        source=source.name,
        num=len(tally.kept),
        shape=tally.shape,
        parts=source.parts(tally.kept),  # pyright: ignore[reportArgumentType]
        classes=classes,
        binary=source.binary and (tally.sizes == tally.shape[1:]).all(),  # resizing makes greys
        factors=tuple(tally.factors),
        view=view.to_dict(),
        fingerprint=digest(tally.shape, tally.hashes.tobytes(), written, classes),
        report=tally.report(source),
    )
    atomic_write(folder / "manifest.json", manifest.model_dump_json(indent=1).encode())


def scan(
    source: Source,
    view: View,
    progress: Progress | None = None,
    write: Callable[[Block], object] | None = None,
    *,
    folder: Path | None = None,
) -> Tally:
    """Reads every candidate once.

    Args:
        source, view, progress: as `prepare`.
        write: gets the blocks in order.
        folder: where they are written, to find out first whether they fit.
    """
    began = time.monotonic()
    with quiet():
        tally = Tally(source.shape(view), unreadable=list(source.unreadable))
        if folder is not None:
            _check_space(folder, source.num * int(np.prod(tally.shape)))
        blocks: list[Block] = []
        done = 0
        hashes: list[np.ndarray] = []
        for block, hashed in _blocks(source, tally.shape, view):
            if write is not None and len(block.kept):
                write(block)
            done += len(block.kept) + len(block.unreadable) + block.ignored
            tally.modes += block.modes
            tally.unreadable += block.unreadable
            tally.ignored += block.ignored
            block.rows = block.rows[:0].copy()  # written; the rest is small and is kept
            blocks.append(block)
            hashes.append(hashed)
            if progress is not None:
                progress(done, source.num)
    if blocks:
        tally.kept = np.concatenate([b.kept for b in blocks])
        tally.sizes = np.concatenate([b.sizes for b in blocks])
        tally.hashes = np.concatenate(hashes)
        tally.factors = {name: np.concatenate([b.factors[name] for b in blocks]) for name in blocks[0].factors}
    tally.seconds = time.monotonic() - began
    return tally


def _blocks(source: Source, shape: tuple[int, int, int], view: View) -> Iterator[tuple[Block, np.ndarray]]:
    """Blocks in order, while the next ones are being read; at most two wait for each thread."""

    def work(first: int) -> tuple[Block, np.ndarray]:
        block = source.block(first, step, shape, view)
        return block, row_hashes(block.rows)

    step = max(1, min(BLOCK_ITEMS, BLOCK_BYTES // int(np.prod(shape))))
    threads = num_threads()
    firsts = iter(range(0, source.num, step))
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[tuple[Block, np.ndarray]]] = deque()
        try:
            waiting.extend(pool.submit(work, first) for first in islice(firsts, 2 * threads))
            while waiting:
                yield waiting.popleft().result()
                waiting.extend(pool.submit(work, first) for first in islice(firsts, 1))
        finally:
            for future in waiting:
                future.cancel()


def num_threads() -> int:
    """CPU cores that this process may use, at most 16."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on every platform
    return min(16, len(affinity(0)) if affinity else os.cpu_count() or 1)


def row_hashes(rows: np.ndarray) -> np.ndarray:
    """64 bits of each row's content, (n,) uint64; equal rows have equal hashes, on every machine."""
    flat = np.ascontiguousarray(rows).reshape(len(rows), int(np.prod(rows.shape[1:])))
    return np.array([int.from_bytes(blake2b(row.data, digest_size=8).digest(), "big") for row in flat], np.uint64)


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DataError(
            f"{folder.parent}: the prepared data needs {needed / 2**20:,.0f} MiB, {free / 2**20:,.0f} MiB are free. "
            "Free space, set REVERIE_CACHE to another folder, or choose a smaller size."
        )


def check(tally: Tally, source: Source) -> None:
    """Stops when too little of a source can be read.

    Raises:
        DataError: no images, more than 1 % unreadable, or fewer than can be split.
    """
    images, broken = len(tally.kept), len(tally.unreadable)
    shown = "; ".join(f"{name} {reason}" for name, reason in tally.unreadable[:5]) + ("; ..." if broken > 5 else "")
    if broken > MOST_UNREADABLE * (images + broken):
        raise DataError(
            f"{source.name}: {broken} of {images + broken} images cannot be read, more than 1 %: {shown}. "
            "Repair or remove them; `reverie data show` lists all."
        )
    if not images:
        other = f" ({tally.ignored} other files)" if tally.ignored else ""
        step = source.hint() or "Name a folder, zip, .npz or IDX file with images."
        raise DataError(f"{source.name}: holds no images{other}. {step}")
    if images < FEWEST_IMAGES:
        raise too_few(images, source.name)
