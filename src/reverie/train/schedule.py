"""What changes over a training, as functions of the fraction of the budget spent."""

import math

from reverie.core.recipe import OptimRecipe


def learning_rate(optim: OptimRecipe, fraction: float) -> float:
    """Linear climb over `warmup`, then none, cosine or linear decay to `floor * lr`.

    Example:
        >>> learning_rate(OptimRecipe(lr=1.0, warmup=0.5, decay="linear", floor=0.0), 0.75)
        0.5
    """
    if fraction < optim.warmup:
        return optim.lr * fraction / optim.warmup
    past = (fraction - optim.warmup) / max(1 - optim.warmup, 1e-12)
    if optim.decay == "none":
        return optim.lr
    fall = 0.5 * (1 + math.cos(math.pi * past)) if optim.decay == "cosine" else 1 - past
    return optim.lr * (optim.floor + (1 - optim.floor) * max(fall, 0.0))


def is_due(count: int, before: float, now: float) -> bool:
    """True when one of `count` equally spaced marks lies in (before, now]; fractions of the budget.

    Example:
        >>> [is_due(4, a / 10, (a + 1) / 10) for a in range(10)]
        [False, False, True, False, True, False, False, True, False, True]
    """
    return math.floor(now * count + 1e-9) > math.floor(before * count + 1e-9)
