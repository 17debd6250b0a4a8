"""`reverie course --export DIR`: the whole course as files that any host can serve, from any folder of it.

Addresses inside are relative, places are named after `#`, and nothing asks for headers or a server's help. Decoders run
on one thread, so phones and hosts without cross-origin isolation do. A list of what was written is left beside it: a
folder is only ever overwritten where that list says that the files are ours.
"""

import json
import shutil
from pathlib import Path, PurePosixPath

from reverie import __version__
from reverie.core.errors import DataError, UsageError
from reverie.core.run import atomic_write

HERE = Path(__file__).parent
SITE = HERE.parent / "static-course"
RECORDED = HERE / "recorded"
MANIFEST = "reverie-course.json"
_SKIPPED = {".br", ".gz"}  # hosts compress by themselves


def export(directory: Path, *, site: Path = SITE, recorded: Path = RECORDED) -> list[str]:
    """Writes the course as a static site.

    Args:
        directory: where to; made when it is not there. It must be empty, or hold an earlier export alone.
        site: the built front end of the course.
        recorded: the recorded runs, which go to `course-data/`.

    Returns:
        The files that were written, relative to `directory`, with forward slashes, in order.

    Raises:
        UsageError: the folder holds something else, or is a file.
        DataError: the course's pages are not built, or its recordings are not there.
    """
    if not (site / "index.html").is_file():
        raise DataError("The course's pages are not built. Run `make studio` in the folder of the source code first.")
    if not (recorded / "index.json").is_file():
        raise DataError("The course's recordings are not there. Install the package whole, or record them anew.")
    files = {name: path for name, path in _listed(site).items() if path.suffix not in _SKIPPED}
    for path in site.parent.glob("static/assets/*.wasm"):  # an installed package holds this large file once
        files.setdefault(f"assets/{path.name}", path)
    files |= {f"course-data/{name}": path for name, path in _listed(recorded).items()}
    _clear(directory)
    for name, path in files.items():
        target = directory / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    # GitHub Pages leaves out what begins with an underscore unless it finds this file
    (directory / ".nojekyll").write_bytes(b"")
    names = sorted([*files, ".nojekyll"])
    told = {"made_by": f"reverie {__version__}", "files": names}
    atomic_write(directory / MANIFEST, (json.dumps(told, indent=1) + "\n").encode())
    return names


def _listed(folder: Path) -> dict[str, Path]:
    """Every file of a folder, by its name within it."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
    return {path.relative_to(folder).as_posix(): path for path in found}


def _clear(directory: Path) -> None:
    """Makes room: an empty folder, or the removal of what an earlier export wrote.

    Raises:
        UsageError: there is something that no export wrote.
    """
    if directory.exists() and not directory.is_dir():
        raise UsageError(f"{directory}: is a file. Name a folder.")
    if not directory.exists() or not any(directory.iterdir()):
        directory.mkdir(parents=True, exist_ok=True)
        return
    ours = _manifest(directory)
    present = {path.relative_to(directory).as_posix() for path in directory.rglob("*") if not path.is_dir()}
    foreign = sorted(present - ours - {MANIFEST})
    if foreign or not ours:
        named = f", such as {foreign[0]}" if foreign else ""
        raise UsageError(f"{directory}: holds files that no export wrote{named}. Name an empty folder.")
    for name in present & ours:
        (directory / name).unlink()


def _manifest(directory: Path) -> set[str]:
    """What an earlier export says that it wrote; names that lead out of the folder are none of ours."""
    try:
        names = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    if not isinstance(names, list):
        return set()
    paths = [PurePosixPath(name) for name in names if isinstance(name, str)]
    return {path.as_posix() for path in paths if not path.is_absolute() and ".." not in path.parts}
