"""The session, and the data that can be trained on."""

import os
import platform
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from reverie import __version__
from reverie.core.family import family_names
from reverie.studio.plain import Json

TITLES = {
    "digits": "Handwritten digits, 8 x 8, grey: 1,797 of them, at once",
    "faces": "Drawn faces, 64 x 64, colour, with known factors",
    "shapes": "Drawn shapes, 64 x 64, with known factors",
    "mnist": "MNIST: handwritten digits, 28 x 28, grey",
    "binarized-mnist": "MNIST in black and white, the fixed binarisation",
    "fashion-mnist": "Fashion-MNIST: clothes, 28 x 28, grey",
    "stacked-mnist": "Three digits as colours: 1,000 kinds, for counting modes",
    "cifar10": "CIFAR-10: small photographs of ten kinds, 32 x 32",
    "cifar10-jpeg": "CIFAR-10 from JPEG copies, 32 x 32",
    "ring8": "Eight clusters on a ring, points in the plane",
    "grid25": "Twenty-five clusters on a grid, points in the plane",
}
NOTE = "Or name a folder, a zip, an .npz or an IDX file on this machine. Nothing is uploaded."

router = APIRouter()


@router.get("/session")
def session(request: Request) -> Response:
    """What the pages need to begin with."""
    state = request.app.state
    return Json(
        {
            "version": __version__,
            "folder": str(state.shelf.folder),
            "families": family_names(),
            "device": device(),
            "cores": os.cpu_count() or 1,
            "course": True,
            "seq": state.stream.last,
        }
    )


@router.get("/data")
def data() -> Response:
    """Sets that are built in, and folders of images in REVERIE_DATA."""
    from reverie.data import dataset_names
    from reverie.data.builtin.points import SIGMA

    names = dataset_names()
    sets: list[dict[str, Any]] = [
        {"name": name, "title": TITLES.get(name, name), "kind": "points" if name in SIGMA else "images"}
        for name in names
    ]
    for folder in _local():
        if folder.name not in names:
            sets.append({"name": str(folder), "title": f"{folder.name}, in REVERIE_DATA", "kind": "images"})
    return Json({"sets": sets, "note": NOTE})


@cache
def device() -> str:
    """Where a training would run, without the seconds that asking torch takes.

    It is torch's own answer where torch is loaded. Else it is "cuda" where NVIDIA's driver is and torch was not built
    for processors alone, "mps" on a Mac of Apple's own processors, and "cpu" otherwise.
    """
    if "torch" in sys.modules:
        from reverie.train.device import pick_device

        return str(pick_device())
    try:
        built = version("torch")
    except PackageNotFoundError:
        return "cpu"
    if Path("/proc/driver/nvidia/version").exists() and "+cpu" not in built:
        return "cuda"
    return "mps" if sys.platform == "darwin" and platform.machine() == "arm64" else "cpu"


def _local() -> list[Path]:
    """Folders in REVERIE_DATA that hold images."""
    root = os.environ.get("REVERIE_DATA")
    try:
        folders = sorted(path for path in Path(root).expanduser().iterdir() if path.is_dir()) if root else []
    except OSError:
        return []
    return [folder for folder in folders if not folder.name.startswith(".") and _holds_images(folder)]


def _holds_images(folder: Path) -> bool:
    """True when an image is near the top: looks at no more than a few hundred names."""
    ends = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".zip", ".npz")
    try:
        near = [folder, *[path for path in folder.iterdir() if path.is_dir()][:3]]
        for place in near:
            with os.scandir(place) as found:
                for _, entry in zip(range(200), found, strict=False):
                    if entry.name.lower().endswith(ends):
                        return True
    except OSError:
        return False
    return False
