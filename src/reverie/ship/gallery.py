"""Pictures that a run folder already holds: its sample grids over time, read as the untrusted files that they are."""

import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from reverie.core.event import Sampled
from reverie.core.run import Run

MAX_FILE_BYTES, MAX_PIXELS = 64_000_000, 70_000_000


@dataclass(frozen=True)
class Grid:
    """A sample grid of the run.

    Args:
        images: training images seen when it was drawn.
        seconds: training time then.
        picture: the picture, decoded.
    """

    images: int
    seconds: float
    picture: Image.Image


def grids(run: Run, wanted: int = 4) -> list[Grid]:
    """At most `wanted` sample grids: the first, the last, and those between, denser early on, where most changes.

    Files that are missing, foreign, too large, or outside the run folder are passed over.
    """
    events = [e for e in run.events() if isinstance(e, Sampled)]
    found: list[Grid] = []
    for event in _spread(events, wanted):
        picture = read_picture(run.path, event.path)
        if picture is not None:
            found.append(Grid(event.images, event.seconds, picture))
    return found


def read_picture(folder: Path, name: str) -> Image.Image | None:
    """The PNG of that name inside `folder`, decoded; None when there is no such picture or it cannot be trusted."""
    try:
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()) or path.stat().st_size > MAX_FILE_BYTES:
            return None
        with Image.open(io.BytesIO(path.read_bytes()), formats=["PNG"]) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                return None
            return picture.convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _spread(events: list[Sampled], wanted: int) -> list[Sampled]:
    if len(events) <= wanted:
        return events
    last = len(events) - 1
    places = {round(last * (i / (wanted - 1)) ** 1.6) for i in range(wanted)}
    return [events[i] for i in sorted(places)]
