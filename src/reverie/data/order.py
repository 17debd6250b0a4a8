"""The order of training: an endless stream of permutations, as a pure function of the position in it."""

import functools

import numpy as np

from reverie.core.rng import key


def batch_index(num_items: int, seed: int, images_seen: int, batch: int) -> np.ndarray:
    """Which items come at positions `images_seen : images_seen + batch` of the stream.

    The stream is one permutation of all items for each epoch; epoch e's depends on (seed, e) alone. A batch may hold
    the end of one epoch and the start of the next.

    Args:
        num_items: items in the set, at least 1.
        seed: decides the permutations.
        images_seen: position of the first, from 0.
        batch: how many.

    Returns:
        item numbers (batch,) int64.

    Example:
        >>> whole = batch_index(5, seed=0, images_seen=0, batch=10)
        >>> sorted(whole[:5].tolist()), bool((batch_index(5, 0, 3, 4) == whole[3:7]).all())
        ([0, 1, 2, 3, 4], True)
    """
    if num_items < 1 or images_seen < 0 or batch < 0:
        raise ValueError(
            f"num_items >= 1, images_seen >= 0 and batch >= 0 are needed, got {num_items, images_seen, batch}"
        )
    out = np.empty(batch, np.int64)
    done = 0
    while done < batch:
        epoch, at = divmod(images_seen + done, num_items)
        take = min(batch - done, num_items - at)
        out[done : done + take] = _permutation(num_items, seed, epoch)[at : at + take]
        done += take
    return out


@functools.lru_cache(maxsize=2)
def _permutation(num_items: int, seed: int, epoch: int) -> np.ndarray:
    order = np.arange(num_items, dtype=np.int32 if num_items < 2**31 else np.int64)
    np.random.Generator(np.random.PCG64(key("epoch", seed, epoch))).shuffle(order)
    order.flags.writeable = False
    return order
