"""Mixtures of Gaussians in the plane, on which a model that loses modes is caught by counting.

ring8: 8 modes on the unit circle, sigma 0.01; grid25: 5 x 5 modes, two apart, sigma 0.05 (VEEGAN, Srivastava et al.
2017).
"""

from typing import Literal

import numpy as np

from reverie.core.rng import key

Name = Literal["ring8", "grid25"]
NUM_POINTS = 100_000
SIGMA: dict[str, float] = {"ring8": 0.01, "grid25": 0.05}


def modes(name: Name) -> np.ndarray:
    """The centres of the Gaussians, (k, 2) float64; their spread is SIGMA[name].

    Example:
        >>> modes("grid25").shape, modes("ring8")[0].tolist()
        ((25, 2), [1.0, 0.0])
    """
    if name == "ring8":
        angle = np.arange(8) * (2 * np.pi / 8)
        return np.stack([np.cos(angle), np.sin(angle)], axis=1)
    line = np.arange(-4.0, 5.0, 2.0)
    return np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)


def draw_points(name: Name, num: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and the mode each comes from: (num, 2) float32 and (num,) int32; all modes are equally likely."""
    rng = np.random.Generator(np.random.PCG64(key(name, seed)))
    centres = modes(name)
    mode = rng.integers(len(centres), size=num)
    points = centres[mode] + SIGMA[name] * rng.standard_normal((num, 2))
    return points.astype(np.float32), mode.astype(np.int32)
