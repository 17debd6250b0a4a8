"""From a finished run folder to what a page plays: curves, pictures over time, encodings, a decoder, findings, facts.

    runs/ID/run.json      everything but pictures and weights, numbers rounded to what a page can show
    runs/ID/grids.webp    one sprite without gaps: 4 rows a period of the training, 8 samples a row, the same seeds
    runs/ID/held.webp     held-out images, and below each its reconstruction
    runs/ID/decoder.onnx  latents to images, weights in half precision

Pictures are at the model's own resolution. Samples of points in the plane are numbers in `run.json` instead.
"""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from reverie.api.showing import open_data
from reverie.api.using import load
from reverie.core.capability import Decodes
from reverie.core.event import Sampled
from reverie.core.finding import Record
from reverie.core.run import Run, atomic_write
from reverie.data import Dataset
from reverie.families.vae.model import FlatNet, Vae
from reverie.ship.decoder_onnx import export_decoder
from reverie.ship.gallery import read_picture
from reverie.studio.course.facts import facts_of
from reverie.studio.course.recordings import Recording
from reverie.studio.curves import Columns
from reverie.studio.plain import dumps

COLUMNS, ROWS, GRID_COLUMNS, GRID_PAD = 8, 4, 8, 2
POINTS = 160  # of a curve
DIGITS = 4  # of a number in a curve
QUALITY = 90  # of colour sprites; all other pictures are small without loss
CLOUD, CLOUDS = 300, 30  # points of a picture, and pictures


def pack(run: Run, recording: Recording, folder: Path, findings: list[dict[str, Any]]) -> dict[str, Any]:
    """Writes pictures and decoder, and returns what goes into `run.json` from the run itself.

    Args:
        run: finished.
        recording: what to keep.
        folder: where files go; it exists.
        findings: the doctor's, as plain values.
    """
    dataset, model = open_data(run.recipe()), load(run, weights="best" if recording.weights == "best" else "last",
                                                   device="cpu")  # fmt: skip
    told: dict[str, Any] = {
        "spec": {"channels": dataset.spec.channels, "height": dataset.spec.height, "width": dataset.spec.width,
                 "kind": dataset.spec.kind},
        "series": series(run),
        "findings": [finding | {"pictures": []} for finding in findings],
        "decoder": None,
        "encodings": None,
    }  # fmt: skip
    told |= (
        cloud(run, dataset)
        if dataset.spec.kind == "points"
        else sprite(run, dataset.spec.height, folder / "grids.webp")
    )
    if isinstance(model, Vae) and recording.held:
        told |= held_out(model, dataset, recording.held, folder / "held.webp")
    if recording.decoder and isinstance(model, Decodes):
        made = export_decoder(model, folder / "decoder.onnx", half=True)
        channels, height, width = made["shape"]
        told["decoder"] = {"file": "decoder.onnx", "bytes": made["bytes"], "latent_dim": made["latent_dim"],
                           "height": height, "width": width, "channels": channels,
                           "dtype": "float16 stored, float32 computed"}  # fmt: skip
    return told | {"facts": facts_of(run, dataset, model, findings)}


def series(run: Run) -> list[dict[str, Any]]:
    """Every signal in a few points, with the range of a perfect sampler where the probes have one."""
    record = Record.of(run)
    found = Columns(record.events).series(POINTS)
    for one in found:
        for column in ("value", "low", "high"):
            one[column] = one[column] and [None if v is None else float(f"{v:.{DIGITS}g}") for v in one[column]]
        one["seconds"] = [round(second, 1) for second in one["seconds"]]
        one["null"] = _rounded(record.nulls.get(one["name"].removeprefix("probe.")))
    return found


def _rounded(pair: tuple[float, float] | None) -> list[float] | None:
    return pair and [float(f"{value:.{DIGITS}g}") for value in pair]


def sprite(run: Run, height: int, path: Path) -> dict[str, Any]:
    """All sample grids of the run, the first 32 images of each, in one picture.

    Args:
        run: with pictures of images.
        height: of one image, in pixels.
        path: the file.
    """
    tiles, told, tile = list[np.ndarray](), list[dict[str, Any]](), [height, height]
    for event in (e for e in run.events() if isinstance(e, Sampled)):
        picture = read_picture(run.path, event.path)
        if picture is None:
            continue
        cells = _cells(np.asarray(picture.convert("RGB")), height)
        tile = list(cells.shape[1:3])
        tiles.append(_sheet(cells[: COLUMNS * ROWS]))
        told.append({"images": event.images, "seconds": round(event.seconds, 1), "file": path.name,
                     "row": len(told)})  # fmt: skip
    save_webp(np.concatenate(tiles), path)
    shape = {"file": path.name, "columns": COLUMNS, "rows": ROWS, "tile": tile}
    return {"sprite": shape, "grids": told}


def _cells(grid: np.ndarray, height: int) -> np.ndarray:
    """The images of a sample grid, (n, h, w, 3), at their own size: grids are enlarged and have gaps."""
    side = (grid.shape[1] + GRID_PAD) // GRID_COLUMNS
    rows = (grid.shape[0] + GRID_PAD) // side
    scale = (side - GRID_PAD) // height
    at = [(y * side, x * side) for y in range(rows) for x in range(GRID_COLUMNS)]
    inner = side - GRID_PAD
    return np.stack([grid[y : y + inner : scale, x : x + inner : scale] for y, x in at])


def _sheet(cells: np.ndarray, columns: int = COLUMNS) -> np.ndarray:
    """(n, h, w, 3) -> (n / columns * h, columns * w, 3), without gaps."""
    n, h, w, c = cells.shape
    return cells.reshape(n // columns, columns, h, w, c).swapaxes(1, 2).reshape(n // columns * h, columns * w, c)


def save_webp(pixels: np.ndarray, path: Path, *, lossless: bool = False) -> None:
    """(h, w, 3) uint8; grey pictures without loss in any case."""
    exact = lossless or bool((pixels[..., :1] == pixels).all())
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", lossless=exact, quality=100 if exact else QUALITY, method=6)
    atomic_write(path, buffer.getvalue())


def cloud(run: Run, dataset: Dataset) -> dict[str, Any]:
    """Samples over time as numbers (see `keep_points`), beside points of the data."""
    kept = sorted((run.path / "points").glob("*.json"))
    chosen = sorted({round(i) for i in np.linspace(0, len(kept) - 1, min(CLOUDS, len(kept)))})
    grids = [json.loads(kept[i].read_text(encoding="utf-8")) for i in chosen]
    real = dataset.held_out.batch(np.arange(min(CLOUD, len(dataset.held_out)))).images
    return {"sprite": None, "grids": grids, "real": _coordinates(real)}


def keep_points(run: Run, images: int, seconds: float, num: int = CLOUD) -> None:
    """Writes samples of a model of points as it is now, from fixed seeds, beside the run's own files."""
    made = load(run, weights="last", device="cpu").sample(range(num))
    told = {"images": images, "seconds": round(seconds, 1), "points": _coordinates(made)}
    (run.path / "points").mkdir(exist_ok=True)
    atomic_write(run.path / "points" / f"{images:09d}.json", dumps(told).encode())


def _coordinates(points: Tensor) -> list[list[float]]:
    return [[round(value, 3) for value in point] for point in points.flatten(1).double().tolist()]


def held_out(model: Vae, dataset: Dataset, num: int, path: Path) -> dict[str, Any]:
    """Held-out images and their reconstructions as a picture, and the Gaussian that the encoder gives each."""
    few = dataset.held_out.batch(np.arange(num))
    many = dataset.held_out.batch(np.arange(min(256, len(dataset.held_out)))).images
    net = model.net
    if not isinstance(net, FlatNet):
        return {}
    with torch.inference_mode():
        mean, log_variance = net.posterior(few.images, None)
        again = model.reconstruct(few.images)
        kl, means = model.kl_per_dimension(many).mean(0), model.encode(many)
    save_webp(_sheet(np.concatenate([_pixels(few.images), _pixels(again)]), num), path, lossless=True)
    sigma = (0.5 * log_variance).exp()
    encodings = [
        {"index": i, "mu": _few(mean[i]), "sigma": _few(sigma[i])}
        | ({} if few.labels is None else {"label": int(few.labels[i])})
        for i in range(num)
    ]
    spread = means.std(0)
    dims = [{"index": int(d), "kl": round(float(kl[d]), 3), "std": round(float(spread[d]), 3),
             "active": bool(spread[d] ** 2 > 0.01)} for d in kl.argsort(descending=True)]  # fmt: skip
    tile = [dataset.spec.height, dataset.spec.width]
    held = {"file": path.name, "columns": num, "tile": tile, "rows": ["original", "reconstruction"]}
    return {"encodings": encodings, "held": held, "dims": dims}


def _few(values: Tensor) -> list[float]:
    return [round(value, 3) for value in values.double().tolist()]


def _pixels(images: Tensor) -> np.ndarray:
    """(n, c, h, w) in [-1, 1] -> (n, h, w, 3) uint8."""
    bytes_ = ((images.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return bytes_.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).numpy()
