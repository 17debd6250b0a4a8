"""Runs: the list, one run, its curves and pictures, and the stream of what changes."""

import io
import json
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from fastapi import APIRouter, Query
from PIL import Image
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from reverie.studio.doctor import nulls
from reverie.studio.faults import Fault
from reverie.studio.files import read, within
from reverie.studio.forms import command
from reverie.studio.plain import Json
from reverie.studio.shelf import Entry, grid_url

LARGEST_PICTURE, MOST_PIXELS, THUMB_PX = 64 << 20, 1 << 26, 320
_PNG = b"\x89PNG\r\n\x1a\n"

router = APIRouter()


@router.get("/runs")
def runs(request: Request) -> Response:
    """Every run of the folder, the newest first."""
    state = request.app.state
    last = state.stream.last  # before the runs are read: what the stream tells later may be known, never missed
    return Json({"runs": state.shelf.rows(), "seq": last})


@router.get("/runs/{key}")
def run(key: str, request: Request) -> Response:
    """Everything that a run says of itself, without its weights."""
    state = request.app.state
    last, entry = state.stream.last, state.shelf.find(key)
    recipe, columns = entry.sound(), state.columns.of(entry)
    grids = [
        {"images": images, "seconds": seconds, "url": url}
        for images, seconds in sorted(columns.grids.items())
        if (url := grid_url(entry, images)) is not None
    ]
    return Json(
        entry.row()
        | {
            "recipe": recipe.to_dict(),
            "path_name": entry.name,
            "findings": state.doctor.findings(entry),
            "grids": grids,
            "env": _object(within(entry.path, "env.json")),
            "spec": _spec(entry),
            "events_count": len(columns.events),
            "nulls": {f"probe.{name}": list(ends) for name, ends in nulls(entry).items()},
            "command": command(recipe),
            "log_tail": state.trainers.words(entry),
            "seq": last,
        }
    )


@router.get("/runs/{key}/curves")
def curves(
    key: str,
    request: Request,
    points: int = Query(1000, ge=10, le=20_000),
    first: float = Query(0, alias="from"),
    last: float = Query(float("inf"), alias="to"),
) -> Response:
    """The run's signals, in few enough points, with the least and the largest value that each point stands for."""
    state = request.app.state
    seq, entry = state.stream.last, state.shelf.find(key)
    entry.sound()
    columns = state.columns.of(entry)
    newest = columns.events[-1].images if columns.events else 0
    return Json({"images_max": newest, "series": columns.series(points, first, last), "seq": seq})


@router.get("/runs/{key}/grids/{images}.png")
def grid(key: str, images: int, request: Request, thumb: bool = False) -> Response:
    """A grid of samples; small with `?thumb=1`. Its address has a version, so that it can be kept for ever."""
    entry = request.app.state.shelf.find(key)
    return picture(entry.grid(images) if images >= 0 else None, request, thumb=thumb)


@router.get("/runs/{key}/pictures/{name:path}")
def finding_picture(key: str, name: str, request: Request) -> Response:
    """A picture that a finding of the run shows."""
    state = request.app.state
    entry = state.shelf.find(key)
    shown = {path for finding in state.doctor(entry) for path in finding.pictures}
    return picture(within(entry.path, name) if name in shown else None, request, kept=False)


@router.get("/events")
def events(request: Request, since: str | None = Query(None, max_length=60)) -> Response:
    """What changes from now on, or since a message that the page knows."""
    known = request.headers.get("last-event-id") or since
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    stream = request.app.state.stream.listen(known)
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


def picture(path: Path | None, request: Request, *, thumb: bool = False, kept: bool = True) -> Response:
    """A PNG of a run folder as a response; a browser that has it gets no copy.

    Args:
        path: a plain file of the run; None when there is none.
        request: may name the copy that the browser has.
        thumb: small, as WebP.
        kept: True when the address changes with the picture.
    Raises:
        Fault: it is no picture.
    """
    if path is None:
        raise Fault(404, "There is no such picture. Load the run again for those there are.")
    stat = path.stat()
    content, digest = _content(path, stat.st_mtime_ns, stat.st_size, thumb)
    keep = "public, max-age=31536000, immutable" if kept and "v" in request.query_params else "no-cache"
    headers = {"etag": f'"{digest}"', "cache-control": keep}
    if f'"{digest}"' in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type="image/webp" if thumb else "image/png", headers=headers)


@lru_cache(maxsize=512)
def _thumb(path: Path, stamp: int, size: int) -> tuple[bytes, str]:
    return _packed(path, thumb=True)


def _content(path: Path, stamp: int, size: int, thumb: bool) -> tuple[bytes, str]:
    """(bytes, digest); small ones are kept, large ones are read when they are asked for."""
    return _thumb(path, stamp, size) if thumb else _packed(path, thumb=False)


def _packed(path: Path, *, thumb: bool) -> tuple[bytes, str]:
    raw = read(path, LARGEST_PICTURE + 1) or b""
    if not raw.startswith(_PNG) or len(raw) > LARGEST_PICTURE:
        raise Fault(422, f"{path.name}: is not a picture that can be shown. It was damaged, or is not ours.")
    content = shrunk(raw, path.name) if thumb else raw
    return content, sha256(content).hexdigest()[:20]


def shrunk(raw: bytes, name: str) -> bytes:
    """A PNG as a small WebP, at most 320 pixels a side.

    Raises:
        Fault: it is damaged, or has too many pixels.
    """
    try:
        with Image.open(io.BytesIO(raw), formats=("PNG",)) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ValueError
            small = image.convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise Fault(422, f"{name}: is not a picture that can be shown. It was damaged, or is too large.") from None
    small.thumbnail((THUMB_PX, THUMB_PX), Image.Resampling.BOX)
    out = io.BytesIO()
    small.save(out, "WEBP", quality=82, method=2)
    return out.getvalue()


def _object(path: Path | None) -> dict[str, Any]:
    """The JSON object in a file, empty when there is none."""
    try:
        found: Any = json.loads(read(path) or b"") if path is not None else {}
    except (ValueError, RecursionError):
        return {}
    return cast(dict[str, Any], found) if isinstance(found, dict) else {}


def _spec(entry: Entry) -> dict[str, Any] | None:
    """What the run's data looks like, from the head of its weights; None before there are any."""
    for name in ("weights/last.safetensors", "weights/best.safetensors"):
        path = within(entry.path, name)
        head = read(path, 8) if path is not None else None
        if path is None or head is None or len(head) < 8:
            continue
        size = int.from_bytes(head, "little")
        try:
            metadata = json.loads(read(path, size, 8) or b"")["__metadata__"] if size < 4 << 20 else {}
            spec = json.loads(json.loads(metadata["reverie"])["about"])["spec"]
            labels = [str(label) for label in spec["classes"]]
            shape = {key: int(spec[key]) for key in ("channels", "height", "width")}
            return shape | {"kind": str(spec["kind"]), "num_classes": len(labels), "labels": labels}
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    return None
