"""The comparison's part of the interface: `reverie compare` as a job, with pictures of the same seeds."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, cast

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.background import BackgroundTask

from reverie.core.errors import ReverieError
from reverie.studio.faults import Fault
from reverie.studio.jobs import Job
from reverie.studio.models import Loaded, Models
from reverie.studio.plain import Json
from reverie.studio.shelf import Entry

SEEDS, COLUMNS, POINTS = 36, 6, 2000
_EXTRACTORS = r"^(auto|pixels|dinov2-[bs]14|inception-tf|classifier:[a-z0-9-]{1,40})$"
router = APIRouter(default_response_class=Json)


class Wanted(BaseModel):
    """What to compare: runs by their ids, on at most so many real images, by which features."""

    model_config = ConfigDict(extra="forbid")

    ids: list[Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]] = Field(min_length=2, max_length=4)
    num: int | None = Field(None, ge=20, le=20_000)
    features: str = Field("auto", pattern=_EXTRACTORS)


@router.post("/compare")
def compare(request: Request, body: Wanted) -> Any:
    """Starts a comparison; its result is what `reverie compare --json` prints, with ids in the place of paths."""
    if len(set(body.ids)) < len(body.ids):
        raise Fault(400, "compare: a run is named twice. Name each run once.")
    state = request.app.state
    entries: list[Entry] = [state.shelf.find(one) for one in body.ids]
    for entry in entries:
        entry.sound()
        if not any((entry.path / "weights" / f"{name}.safetensors").is_file() for name in ("best", "last")):
            raise Fault(409, f"{entry.name}: has no weights yet. Wait for its first checkpoint.")
    folders: list[Path] = []
    num = _at_most(body.num, state.models, entries[0])

    def words(files: Path) -> Sequence[str]:
        folders.append(files)
        options = ["--json", "-o", str(files / "report.html"), "--features", body.features]
        options += [] if num is None else ["--num", str(num)]
        return ["compare", *(str(entry.path) for entry in entries), *options]

    job: Job = state.jobs.start(
        "compare", words, about={"ids": body.ids}, finish=lambda told: shaped(told, entries, folders[0])
    )
    return Json({"job": job.id}, 202, background=BackgroundTask(draw, state.models, entries, job.files))


def _at_most(num: int | None, models: Models, entry: Entry) -> int | None:
    """So many images, or None, which is all of them, where there are not so many."""
    from reverie.api.measuring import unseen

    if num is None:
        return None
    with contextlib.suppress(ReverieError, OSError):  # the comparison itself says what is wrong with the data
        return num if num < len(unseen(models.dataset(entry.sound()))[0]) else None
    return num


def draw(models: Models, entries: Sequence[Entry], files: Path) -> None:
    """Writes a sheet of the same seeds for each run that makes images, while the numbers are being taken."""
    for entry in entries:
        with contextlib.suppress(ReverieError, OSError):
            loaded = models.get(entry)
            if "Samples" in loaded.can:
                with models.quick:
                    content = _sheet(loaded)
                (files / f"{entry.id}.webp").write_bytes(content)


def _sheet(loaded: Loaded) -> bytes:
    from reverie.ship import sheet
    from reverie.studio.exploring import side_by_side, webp

    if loaded.spec.kind != "images":
        return webp([sheet.scatter(loaded.model.sample(range(POINTS)))])
    scale = max(1, 96 // max(loaded.spec.height, loaded.spec.width))
    return webp([side_by_side(loaded.model.sample(range(SEEDS)), scale=scale, columns=COLUMNS)])


def shaped(told: dict[str, Any], entries: Sequence[Entry], files: Path) -> dict[str, Any]:
    """What a comparison printed, without paths, and with addresses of its pictures.

    Args:
        told: as `reverie compare --json` prints it.
        entries: the runs.
        files: the folder of the job's files.
    """
    by_path = {str(entry.path): entry for entry in entries}
    base = f"/api/jobs/{files.parent.name}/files"
    there = {entry.id: f"{base}/{entry.id}.webp" for entry in entries if (files / f"{entry.id}.webp").is_file()}
    told["runs"] = [dict(row) for row in told["runs"]]
    for row in told["runs"]:
        entry = by_path[row.pop("path")]
        row |= {"id": entry.id, "sheet": there.get(entry.id)}
    told["protocol"] = told["protocol"] | {"data": Path(str(told["protocol"]["data"])).name}
    report = f"{base}/report.html" if (files / "report.html").is_file() else None
    more = {"sheets": there, "seeds": SEEDS, "columns": COLUMNS, "report": report}
    return cast(dict[str, Any], _without(told, {path: f"runs/{entry.name}" for path, entry in by_path.items()})) | more


def _without(value: Any, names: dict[str, str]) -> Any:
    """The value with paths of runs as they are called, wherever a sentence holds one."""
    if isinstance(value, str):
        for path in sorted(names, key=len, reverse=True):
            value = value.replace(path, names[path])
        return value
    if isinstance(value, dict):
        return {key: _without(inner, names) for key, inner in cast(dict[str, Any], value).items()}
    return [_without(one, names) for one in cast(list[Any], value)] if isinstance(value, list) else value
