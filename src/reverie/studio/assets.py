"""The pages: the built front end, the course's recorded runs, and what is said while there is no build.

Every address that names no file is one of the front end's own and gets its page, so that any of them can be opened,
reloaded and shared. Files are found by listing the folder once a launch, so that no address can lead out of it.
"""

import contextlib
import html
from functools import cache
from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from reverie.studio.faults import Fault

STATIC = Path(__file__).parent / "static"
RECORDED = Path(__file__).parent / "course" / "recorded"
# Set here, as the tables of systems differ.
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".onnx": "application/octet-stream",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".toml": "text/plain; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
PACKED = {"br": ".br", "gzip": ".gz"}

router = APIRouter()


@router.get("/course-data/{name:path}")
def recorded(name: str, request: Request) -> Response:
    """A file of the course's recorded runs."""
    path = listing(RECORDED).get(name)
    if path is None:
        raise Fault(404, "There is no such file in the course's recordings.")
    return _file(path, request, "no-cache")


@router.get("/{name:path}")
def page(name: str, request: Request) -> Response:
    """A file of the front end, or its page."""
    found = listing(STATIC)
    if name in found and name != "index.html":
        hashed = name.startswith("assets/")  # the build puts a digest into those names
        return _file(found[name], request, "public, max-age=31536000, immutable" if hashed else "no-cache")
    if name == "api" or name.startswith("api/"):
        raise Fault(404, "There is nothing at this address.")
    if name.startswith("assets/"):
        raise Fault(404, "There is no such file in this build. Reload the page.")
    if "index.html" in found:
        return _file(found["index.html"], request, "no-store")
    return HTMLResponse(_UNBUILT, headers={"cache-control": "no-store"})


@cache
def _scanned(folder: Path, stamp: int) -> dict[str, Path]:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {path.relative_to(folder).as_posix(): path for path in files}


def listing(folder: Path) -> dict[str, Path]:
    """Every file of a folder by its name; looked through again when the build was made anew."""
    newest = 0
    for path in (folder, folder / "index.html", folder / "index.json"):
        with contextlib.suppress(OSError):
            newest = max(newest, path.stat().st_mtime_ns)
    return _scanned(folder, newest) if newest else {}


def _file(path: Path, request: Request, keep: str) -> Response:
    """The file, packed where the build has it so and the browser takes it."""
    headers = {"cache-control": keep, "vary": "accept-encoding"}
    kind = TYPES.get(path.suffix, "application/octet-stream")
    taken = {part.partition(";")[0].strip() for part in request.headers.get("accept-encoding", "").split(",")}
    for encoding, end in PACKED.items():
        packed = path.with_name(path.name + end)
        if encoding in taken and packed.is_file():
            return FileResponse(packed, media_type=kind, headers={**headers, "content-encoding": encoding})
    return FileResponse(path, media_type=kind, headers=headers)


_STYLE = (
    "margin:0;min-height:100vh;display:grid;place-items:center;background:#f6f2ea;color:#221e1a;"
    "font:18px/1.5 system-ui,sans-serif"
)
_UNBUILT = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Reverie</title>
<body style="{html.escape(_STYLE)}">
<main style="max-width:34rem;padding:2rem">
<p style="margin:0;letter-spacing:.12em;text-transform:uppercase;font-size:.8rem;color:#7a5c2e">Reverie</p>
<h1 style="margin:.2em 0 .6em;font-weight:600;line-height:1.15">The studio is running; its pages are not built yet.</h1>
<p>In the folder of the source code, run</p>
<pre style="padding:.8rem 1rem;border:1px solid #d6cec2;background:#fffdf8;font:1rem/1.4 ui-monospace,monospace"
>make studio</pre>
<p>and reload. It needs no Node.js of yours, and takes about a minute. An installed package has the pages already.</p>
</main>
"""
