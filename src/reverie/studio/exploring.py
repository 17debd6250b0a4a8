"""What the explorer asks of a model: latents, pictures, places of real images. Written against capabilities.

No HTTP here; `routes/explore.py` has it. Directions are in `attributes.py`, training images in `nearest.py`.
"""

import base64
import io
import time
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from reverie.core.capability import Encodes, Scores
from reverie.core.errors import DataError
from reverie.data import Dataset, Items, read_picture
from reverie.measure.statistics import Moments
from reverie.ship import sheet
from reverie.studio.faults import Fault
from reverie.studio.models import Loaded
from reverie.tasks.interpolate import path

FARTHEST = 100.0  # of a latent's numbers; a prior's draws stay within 6
LOOKED_AT = 512  # held-out images by which dimensions are judged
ACTIVE = 0.01  # variance of a dimension's mean from which it is in use (Burda et al. 2016, appendix C)
_FEW, _FEW_STEPS, _MANY = 16, 25, 256  # images whose latents are averaged: by optimisation, and by an encoder
Form = Literal["png", "webp"]


def numbers(latents: Tensor) -> list[list[float]]:
    """Rows as JSON numbers, in as many digits as a float32 has."""
    return [[float(f"{v:.9g}") for v in row] for row in latents.detach().float().cpu().tolist()]


def seeded(loaded: Loaded, seeds: Sequence[int]) -> Tensor:
    """Latents of seeds as `reverie sample` draws them: (n, latent_dim)."""
    loaded.need("be explored", "Decodes")
    return loaded.model.latents(list(seeds)).float()


def rows(loaded: Loaded, given: Sequence[Sequence[float]]) -> Tensor:
    """Latents that a page sent: (n, latent_dim).

    Raises:
        Fault: one has another length, or is too far out.
    """
    loaded.need("be explored", "Decodes")
    wanted = int(loaded.model.latent_dim)
    for row in given:
        if len(row) != wanted:
            raise Fault(400, f"latents: must have {wanted} numbers each, got {len(row)}. Load the run's page again.")
    found = torch.tensor(given, dtype=torch.float32).reshape(len(given), wanted)
    if not bool((found.abs() <= FARTHEST).all()):
        raise Fault(400, f"latents: must lie between -{FARTHEST:g} and {FARTHEST:g}. Draws of the prior stay within 6.")
    return found


def classes(loaded: Loaded, given: Sequence[int] | int | None, num: int) -> Tensor | None:
    """Labels as the model takes them: (num,) int64, or None where it takes none or nobody said.

    Raises:
        Fault: there are no such classes, or not one for each.
    """
    count = int(getattr(loaded.model, "num_classes", 0))
    if given is None or not count:
        return None
    each = [given] * num if isinstance(given, int) else list(given)
    if len(each) != num or not all(0 <= one < count for one in each):
        raise Fault(400, f"labels: must be {num} numbers from 0 to {count - 1}. Take them from the list of classes.")
    return torch.tensor(each, dtype=torch.long)


def decoded(loaded: Loaded, latents: Tensor, labels: Tensor | None) -> Tensor:
    """Pictures (n, c, h, w) in [-1, 1].

    Raises:
        Fault: the run makes points.
    """
    pictured(loaded)
    return loaded.model.decode(latents, labels=labels).cpu()


def pictured(loaded: Loaded) -> None:
    """Does nothing for images.

    Raises:
        Fault: the run is about points.
    """
    if loaded.spec.kind != "images":
        raise Fault(409, f"{loaded.name}: makes points, not pictures. Its page shows them over time.")


def side_by_side(images: Tensor, *, scale: int = 1, columns: int | None = None) -> Image.Image:
    """Images without gaps: in one row, or in rows of `columns`; each enlarged without smoothing."""
    cells = [np.asarray(sheet.picture(image)).repeat(scale, 0).repeat(scale, 1) for image in images]
    across = columns or len(cells)
    blank = np.zeros_like(cells[0])
    cells += [blank] * (-len(cells) % across)
    bands = [np.concatenate(cells[i : i + across], axis=1) for i in range(0, len(cells), across)]
    return Image.fromarray(np.concatenate(bands))


def png(picture: Image.Image) -> bytes:
    """PNG bytes, quickly: a page waits for them."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def webp(pictures: Sequence[Image.Image], ms: int = 60) -> bytes:
    """One picture, or an endless animation of several."""
    buffer, first, more = io.BytesIO(), pictures[0], list(pictures[1:])
    moving: dict[str, Any] = {"save_all": True, "append_images": more, "duration": ms, "loop": 0} if more else {}
    first.save(buffer, "WEBP", lossless=True, method=2, **moving)
    return buffer.getvalue()


def data_url(picture: Image.Image) -> str:
    """The picture as an address that holds it."""
    return "data:image/png;base64," + base64.b64encode(png(picture)).decode()


def dimensions(loaded: Loaded, dataset: Dataset) -> list[dict[str, Any]]:
    """What each latent dimension carries, by held-out images: [{"index", "kl", "std", "active"}], the most first.

    `kl` is in nats an image; `std` is of the latents over images; a dimension is active when its variance is above 0.01
    (Burda et al. 2016, appendix C). Empty for a model that neither encodes nor scores.
    """
    model, held = loaded.model, dataset.held_out
    if not isinstance(model, Encodes) or len(held) < 2:
        return []
    codes, kl = Moments(), Moments()
    for first in range(0, min(LOOKED_AT, len(held)), 64):
        batch = held.batch(np.arange(first, min(first + 64, LOOKED_AT, len(held))))
        codes.add(model.encode(batch.images, labels=batch.labels))
        if isinstance(model, Scores):
            kl.add(model.kl_per_dimension(batch.images, labels=batch.labels))
    std = np.sqrt(codes.variance)
    found: list[dict[str, Any]] = [
        {
            "index": i,
            "kl": float(kl.mean[i]) if kl.n else None,
            "std": float(std[i]),
            "active": bool(std[i] ** 2 > ACTIVE),
        }
        for i in range(len(std))
    ]
    return sorted(found, key=lambda one: -(one["kl"] if one["kl"] is not None else one["std"]))


def uploaded(loaded: Loaded, body: bytes) -> Tensor:
    """A picture that a person sent, as the model sees it: (c, h, w) in [-1, 1].

    Raises:
        Fault: it is no picture of a known kind (an SVG or a page is none), or is damaged.
    """
    pictured(loaded)
    if not body:
        raise Fault(400, "The body is empty. Send a PNG, JPEG or WebP file.")
    try:
        return read_picture(io.BytesIO(body), loaded.recipe.data, loaded.spec)
    except DataError as error:
        raise Fault(415, f"{str(error)[:1].upper()}{str(error)[1:]}") from None


def placed(loaded: Loaded, images: Tensor, labels: Tensor | None, steps: int) -> tuple[Tensor, str]:
    """Latents of real images, (n, latent_dim), and how they were found: "encoder" or "inversion"."""
    loaded.need("find latents of real images", "Encodes", "Inverts")
    if isinstance(loaded.model, Encodes):
        return loaded.model.encode(images, labels=labels).float(), "encoder"
    return loaded.model.invert(images, labels=labels, steps=steps).float(), "inversion"


def mean_of(loaded: Loaded, items: Items, index: np.ndarray) -> tuple[Tensor, int, str]:
    """The mean latent (latent_dim,) of some items, of how many, and how it was found. Where there is no encoder it is
    of the first few alone, by a short optimisation."""
    index = index[: _MANY if isinstance(loaded.model, Encodes) else _FEW]
    total, how = torch.zeros(int(loaded.model.latent_dim)), ""
    for part in np.array_split(index, max(1, -(-len(index) // 64))):
        batch = items.batch(part)
        latents, how = placed(loaded, batch.images, batch.labels, _FEW_STEPS)
        total += latents.sum(0).cpu()
    return total / len(index), len(index), how


def of_class(items: Items, label: int, num_classes: int) -> np.ndarray:
    """Positions of the items of a class.

    Raises:
        Fault: there are no such items.
    """
    if items.labels is None:
        raise Fault(409, "These images have no labels. Use seeds, or single images.")
    index = np.flatnonzero(items.labels == label)
    if not len(index):
        raise Fault(404, f"label: no image has label {label}. Labels go from 0 to {num_classes - 1}.")
    return index


def chosen(items: Items, index: Sequence[int]) -> np.ndarray:
    """Positions that a page named.

    Raises:
        Fault: one is out of range.
    """
    if not all(0 <= one < len(items) for one in index):
        raise Fault(404, f"held_out: positions go from 0 to {len(items) - 1}. Load the held-out images again.")
    return np.array(index, np.int64)


def between(a: Tensor, b: Tensor, steps: int, how: Literal["lerp", "slerp"]) -> Tensor:
    """Latents (steps, latent_dim) from one to another."""
    return path(a, b, steps=steps, method=how)


def held_out(dataset: Dataset, first: int, count: int, label: int | None) -> dict[str, Any]:
    """Held-out images for a page to choose from: {"count", "indices", "labels", "sheet", "tile"}.

    Args:
        dataset: whose.
        first: how many to leave out.
        count: how many to show, at most.
        label: of this class alone.
    """
    held = dataset.held_out
    every = np.arange(len(held)) if label is None else of_class(held, label, dataset.spec.num_classes)
    index = every[first : first + count]
    told = {"count": len(every), "indices": index.tolist(), "labels": [], "sheet": None}
    scale = max(1, 64 // max(dataset.spec.height, dataset.spec.width))
    columns = min(8, max(1, len(index)))
    told["tile"] = {"width": scale * dataset.spec.width, "height": scale * dataset.spec.height, "columns": columns}
    if len(index):
        batch = held.batch(index)
        told["sheet"] = data_url(side_by_side(batch.images, scale=scale, columns=columns))
        if batch.labels is not None:
            told["labels"] = [dataset.spec.classes[one] for one in batch.labels.tolist()]
    return told


def pace(loaded: Loaded) -> float:
    """Milliseconds that one picture takes here, at best: other work on this machine is not the model's."""
    latents = loaded.model.latents([0])
    loaded.model.decode(latents)
    taken: list[float] = []
    for _ in range(5):
        began = time.perf_counter()
        loaded.model.decode(latents)
        taken.append(1000 * (time.perf_counter() - began))
    return min(taken)
