"""Mean distance between rows of a set: it falls when a generator repeats itself."""

import numpy as np
import torch

from reverie.core.rng import key
from reverie.measure.sets.features import Features, checked
from reverie.measure.value import Value

_MOST = 4096


def diversity(features: Features, seed: int) -> Value:
    """Mean distance over all pairs of rows, or of 4,096 rows drawn at random, with the error of a U-statistic.

    It has the unit of the features: compare with the value of as many real images.

    Args:
        features: (n, d).
        seed: decides which rows, where there are more.

    Raises:
        ReverieError: there are fewer than four rows, or some are not finite.

    Example:
        >>> diversity(np.array([[0.0], [0.0], [3.0], [3.0]]), seed=0).value
        2.0
    """
    rows = checked(features, "diversity: the features", 4)
    if len(rows) > _MOST:
        chosen = np.random.default_rng(key(seed, "diversity")).permutation(len(rows))[:_MOST]
        rows = rows[torch.from_numpy(np.sort(chosen))]
    n = len(rows)
    centred = rows.double() - rows.double().mean(0)
    # In float64 a product of matrices leaves copies at a distance of 1e-8 of their length.
    sums = torch.cat([torch.cdist(part, centred).sum(1) for part in centred.split(512)])
    # Half of each pair's distance belongs to either row, so that a row moves the mean by twice its share (Hoeffding).
    per_row = sums / (n - 1)
    return Value(float(per_row.mean()), float(2 * per_row.std() / n**0.5), n, "")
