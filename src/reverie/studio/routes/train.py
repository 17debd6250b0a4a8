"""Trainings: what can be asked for, starting, stopping, continuing and treating them."""

import threading

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from reverie.studio.faults import Fault
from reverie.studio.forms import Asked, command, families, resolve
from reverie.studio.plain import Json

KINDS = {".png": "image/png", ".webp": "image/webp", ".json": "application/json", ".html": "text/html"}

router = APIRouter()


class Treatment(BaseModel):
    """Which finding to treat; the first that has a remedy when left out."""

    model_config = ConfigDict(extra="forbid")
    code: str | None = None


@router.get("/families")
def known_families() -> Response:
    """Families with their presets, and the schema from which forms are made."""
    threading.Thread(target=_warm, daemon=True).start()  # whoever loads a form will soon have it checked
    return Json({"families": families()})


@router.post("/recipe")
def recipe(asked: Asked) -> Response:
    """Checks what a form says, and changes nothing."""
    found, errors = resolve(asked)
    told = {"recipe": None, "toml": "", "command": "", "errors": errors}
    if found is not None:
        told |= {"recipe": found.to_dict(), "toml": found.to_toml(), "command": command(found)}
    return Json(told)


@router.post("/runs")
def start(asked: Asked, request: Request) -> Response:
    """Starts a training: the same process as on the command line, which outlives the studio."""
    found, errors = resolve(asked)
    if found is None:
        raise Fault(422, " ".join(errors))
    return Json({"id": request.app.state.trainers.start(found, asked.name or None)}, 201)


@router.post("/runs/{key}/stop")
def stop(key: str, request: Request) -> Response:
    """Asks the training to save and end."""
    request.app.state.trainers.stop(request.app.state.shelf.find(key))
    return Json({"state": "stopping"})


@router.post("/runs/{key}/resume")
def resume(key: str, request: Request) -> Response:
    """Continues a training."""
    request.app.state.trainers.resume(request.app.state.shelf.find(key))
    return Json({"state": "training"})


@router.post("/runs/{key}/treat")
def treat(key: str, asked: Treatment, request: Request) -> Response:
    """Tries a remedy in a fork beside a control."""
    job = request.app.state.trainers.treat(request.app.state.shelf.find(key), asked.code)
    return Json({"job": job.id}, 202)


@router.get("/jobs/{job}")
def job_state(job: str, request: Request) -> Response:
    """How far a job is."""
    return Json(request.app.state.jobs.get(job).to_dict())


@router.get("/jobs/{job}/files/{name}")
def job_file(job: str, name: str, request: Request) -> Response:
    """A file that a job made."""
    path = request.app.state.jobs.file(job, name)
    if path.suffix not in KINDS:
        raise Fault(404, "There is no such file of this job. Load the job again for the names of its files.")
    headers = {"cache-control": "no-cache"}
    if path.suffix == ".html":  # a report is a page of its own, which this one's rules would undress: it is saved
        headers["content-disposition"] = 'attachment; filename="comparison.html"'
    return FileResponse(path, media_type=KINDS[path.suffix], headers=headers)


def _warm() -> None:
    import reverie.api  # noqa: F401
