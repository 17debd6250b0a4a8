"""Training images that are nearest to a picture, by pixels: what shows whether a sample is a copy.

Distances are root mean squares of the difference of values, in 8-bit levels: 0 is the same picture, 255 black against
white. What unseen real images have to their nearest training image is the measure of what is near.
"""

from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from reverie.api.showing import GRID
from reverie.core.spec import DataSpec
from reverie.data import Dataset, Items
from reverie.ship import sheet
from reverie.studio.exploring import data_url, side_by_side
from reverie.studio.faults import Fault

SHOWN, UNSEEN = 6, 32
MOST_VALUES = 2**30  # of training images that are looked at; of more, evenly spaced ones
_BLOCK_VALUES = 2**23
_SPARE = 8  # candidates by products, beyond those asked for; differences decide


def neighbours(dataset: Dataset, image: Tensor, usual: float, num: int = SHOWN) -> dict[str, Any]:
    """The training images nearest to a picture.

    Args:
        dataset: what the run was trained on.
        image: (c, h, w) in [-1, 1].
        usual: see `usual_distance`.
        num: how many.
    Returns:
        {"sample_url", "nearest": [{"url", "distance", "index", "label"}], "usual", "searched", "unit"}
    """
    distances, index, searched = nearest(dataset.train, image[None], num)
    batch = dataset.train.batch(index[0].numpy())
    scale = max(1, 96 // max(image.shape[1:]))
    found = [
        {
            "url": data_url(side_by_side(near[None], scale=scale)),
            "distance": float(distance),
            "index": int(at),
            "label": None if batch.labels is None else dataset.spec.classes[int(batch.labels[i])],
        }
        for i, (near, distance, at) in enumerate(zip(batch.images, distances[0], index[0], strict=True))
    ]
    return {
        "sample_url": data_url(side_by_side(image[None], scale=scale)),
        "nearest": found,
        "usual": usual,
        "searched": searched,
        "unit": "8-bit levels, root mean square",
    }


def usual_distance(dataset: Dataset) -> float:
    """Median distance of unseen real images to their nearest training image, in 8-bit levels."""
    held = dataset.held_out
    images = held.batch(np.arange(min(UNSEEN, len(held)))).images
    return float(nearest(dataset.train, images, 1)[0].median())


def nearest(items: Items, queries: Tensor, num: int) -> tuple[Tensor, Tensor, int]:
    """The nearest items of each query.

    Args:
        items: n of them.
        queries: (q, c, h, w) in [-1, 1].
        num: how many of them.
    Returns:
        distances (q, num) in 8-bit levels, ascending; positions (q, num); how many items were looked at.
    """
    size = queries[0].numel()
    every = np.arange(0, len(items), max(1, -(-len(items) * size // MOST_VALUES)))
    rows, wanted = queries.flatten(1), min(num + _SPARE, len(every))
    best = torch.empty(len(rows), 0), torch.empty(len(rows), 0, dtype=torch.long)
    block = max(1, _BLOCK_VALUES // size)
    for first in range(0, len(every), block):
        part = items.batch(every[first : first + block]).images.flatten(1)
        squares = part.square().sum(1) - 2 * rows @ part.T  # the query's own square moves all alike
        at = torch.from_numpy(every[first : first + block]).expand(len(rows), -1)
        joined = torch.cat([best[0], squares], 1), torch.cat([best[1], at], 1)
        kept = joined[0].topk(min(wanted, joined[0].shape[1]), largest=False).indices
        best = joined[0].gather(1, kept), joined[1].gather(1, kept)
    close = items.batch(best[1].flatten().numpy()).images.view(len(rows), -1, size)
    exact = (close - rows[:, None]).square().mean(2).sqrt() * 127.5
    order = exact.argsort(1)[:, :num]
    return exact.gather(1, order), best[1].gather(1, order), len(every)


def tile(picture: Image.Image, spec: DataSpec, index: int) -> Tensor:
    """One sample of a stored grid: (c, h, w) in [-1, 1].

    Raises:
        Fault: there is no such place, or the picture is laid out otherwise.
    """
    if not 0 <= index < GRID:
        raise Fault(404, f"index: a grid has samples 0 to {GRID - 1}.")
    laid = sheet.layout(GRID, spec.height, spec.width)
    if picture.size != laid.size:
        raise Fault(409, "This grid was not drawn by this version, so that its samples cannot be told apart.")
    x, y = laid.corner(index)
    cell = np.asarray(picture.convert("RGBA"))[y : y + laid.height : laid.scale, x : x + laid.width : laid.scale]
    values = torch.from_numpy(cell[..., : 4 if spec.channels == 4 else spec.channels].copy())
    return values.permute(2, 0, 1).float() / 127.5 - 1
