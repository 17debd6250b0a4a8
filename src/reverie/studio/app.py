"""The studio put together: the gate, the interface, the pages. Routes ask `request.app.state` for what they share.

state.shelf    the runs of the folder (`shelf.py`)
state.jobs     work that takes longer than a request (`jobs.py`)
state.stream   what is published to the pages (`stream.py`)
state.trainers starts and stops trainings (`trainers.py`)
state.columns  curves of the runs that were looked at last (`curves.py`)
state.doctor   what is wrong with a run (`doctor.py`)
"""

import contextlib
import importlib
import pkgutil
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from reverie import __version__
from reverie.core.errors import ReverieError
from reverie.studio import routes
from reverie.studio.assets import router as pages
from reverie.studio.curves import Library
from reverie.studio.doctor import Doctor
from reverie.studio.faults import Fault
from reverie.studio.jobs import Jobs
from reverie.studio.models import Models
from reverie.studio.plain import Json
from reverie.studio.security import HEADERS, Gate, names_of
from reverie.studio.shelf import Shelf
from reverie.studio.stream import Stream
from reverie.studio.trainers import Trainers


def create_app(
    folder: Path, *, token: str, host: str = "127.0.0.1", port: int = 0, hosts: Iterable[str] = ()
) -> FastAPI:
    """The studio's application.

    Args:
        folder: of the runs; need not exist yet.
        token: of this launch, shown in the address.
        host: that the server is bound to; decides the names under which it answers.
        port: likewise; 0 when unknown.
        hosts: further names.
    Returns:
        an ASGI application, whose `state` has what the routes share.
    """
    stream, columns = Stream(), Library()
    shelf = Shelf(folder, stream.heard)
    jobs, doctor = Jobs(stream.publish), Doctor(columns)
    trainers = Trainers(shelf, jobs)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        stream.start(shelf, jobs, doctor)
        yield
        stream.close()
        jobs.close()

    app = FastAPI(title="Reverie", version=__version__, lifespan=lifespan, openapi_url=None, docs_url=None)
    app.state.shelf, app.state.jobs, app.state.stream, app.state.trainers = shelf, jobs, stream, trainers
    app.state.columns, app.state.doctor, app.state.models = columns, doctor, Models()
    for name in sorted(module.name for module in pkgutil.iter_modules(routes.__path__)):
        app.include_router(importlib.import_module(f"{routes.__name__}.{name}").router, prefix="/api")
    app.include_router(pages)  # last: it answers every other address
    for kind, handler in ((ReverieError, _sentence), (HTTPException, _http), (RequestValidationError, _invalid)):
        app.add_exception_handler(kind, handler)
    app.add_exception_handler(Exception, _internal)
    app.add_middleware(Gate, token=token, hosts=[*names_of(host), *hosts], name=f"reverie-{port}")
    return app


def _sentence(request: Request, error: Exception) -> Response:
    status = error.status if isinstance(error, Fault) else 400
    return Json({"error": str(error)}, status)


def _http(request: Request, error: Exception) -> Response:
    words = {404: "There is nothing at this address.", 405: "This address does not know that method."}
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) and status not in words else words.get(status, "")
    return Json({"error": detail}, status)


def _invalid(request: Request, error: Exception) -> Response:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    lines = [f"{'.'.join(str(part) for part in e['loc'][1:]) or 'body'}: {str(e['msg'])[:200]}." for e in found[:5]]
    return Json({"error": " ".join(lines)}, 422)


def _internal(request: Request, error: Exception) -> Response:
    words = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    return Json(
        {"error": f"internal error: {words}; the terminal of the studio has more, please report it."}, 500, HEADERS
    )
