"""Training and held-out rows, told apart by content: copies of a picture are always on the same side."""

import numpy as np

from reverie.core.errors import DataError

FEWEST_IMAGES = 16
FEWEST_HELD_OUT = 64


def split(hashes: np.ndarray, share: float, name: str = "the data") -> tuple[np.ndarray, np.ndarray]:
    """Row numbers of the training and of the held-out part.

    The rows with the smallest (mixed) content hashes are held out, equal rows together, so that neither order nor file
    names matter and adding files moves few rows across.

    Args:
        hashes: content hash of each row, (n,) uint64.
        share: of rows to hold out; at least 64 rows, at most half of all.
        name: for messages.

    Returns:
        (train, held out), int32 (int64 beyond 2^31 rows); training rows ascend, held-out rows come as `scattered`.

    Raises:
        DataError: fewer than 16 rows, or hardly any different ones.
    """
    num = len(hashes)
    if num < FEWEST_IMAGES:
        raise too_few(num, name)
    half = num // 2
    target = min(max(FEWEST_HELD_OUT, round(share * num)), half)
    values, group, counts = np.unique(mix(hashes), return_inverse=True, return_counts=True)
    chosen = np.zeros(len(values), bool)
    held = 0
    for i, count in enumerate(counts.tolist()):
        if held >= target:
            break
        if held + count <= half:  # a picture that fills half of the set stays in training
            chosen[i], held = True, held + count
    if not held or held == num:
        raise DataError(f"{name}: all {num} images are the same picture. Add different ones.")
    kind = np.int32 if num < 2**31 else np.int64
    out = chosen[group]
    return np.flatnonzero(~out).astype(kind), scattered(np.flatnonzero(out), hashes).astype(kind)


def too_few(num: int, name: str) -> DataError:
    """What to say when a set is too small to be split."""
    return DataError(
        f"{name}: holds {num} image{'s' * (num != 1)}, at least {FEWEST_IMAGES} are needed because some are held out "
        "to check the training. Add images, or try a built-in set such as 'faces'."
    )


def scattered(index: np.ndarray, hashes: np.ndarray) -> np.ndarray:
    """The row numbers in an order that content alone decides, so that the first few are a fair sample of all."""
    return index[np.argsort(mix(hashes[index]), kind="stable")]


def mix(values: np.ndarray) -> np.ndarray:
    """A bijection of uint64 that scatters nearby values (the finaliser of SplitMix64, Steele et al. 2014).

    Example:
        >>> mix(np.array([0x9E3779B97F4A7C15], np.uint64)) == 0xE220A8397B1DCDAF  # SplitMix64's first draw, seed 0
        array([ True])
    """
    z = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
