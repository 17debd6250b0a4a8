"""The explorer's part of the interface: what a trained model can do, one request at a time.

Handlers are plain functions, which run in threads, and import what needs torch when they are called.
"""

import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse

from reverie.studio.faults import Fault
from reverie.studio.models import Loaded, Models
from reverie.studio.plain import Json

MOST_AT_ONCE, MOST_NUMBERS = 64, 16_384
router = APIRouter(prefix="/runs/{run}", default_response_class=Json)
Seed = Annotated[int, Field(ge=0, lt=2**53)]
Row = Annotated[list[FiniteFloat], Field(max_length=MOST_NUMBERS)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Decode(_Body):
    """Latents to make pictures of."""

    latents: list[Row] = Field(min_length=1, max_length=MOST_AT_ONCE)
    labels: list[int] | int | None = None
    scale: int = Field(1, ge=1, le=16)
    sequence: int | None = None


class Mean(_Body):
    """Whose mean: a class, seeds, or held-out images; one of these."""

    label: int | None = Field(None, ge=0)
    seeds: list[Seed] | None = Field(None, min_length=1, max_length=256)
    held_out: list[int] | None = Field(None, min_length=1, max_length=64)

    @model_validator(mode="after")
    def _one(self) -> "Mean":
        if sum(given is not None for given in (self.label, self.seeds, self.held_out)) != 1:
            raise ValueError("name one of label, seeds and held_out")
        return self


class Strip(_Body):
    """A way between two latents, each given by its seed or in full."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    start: Row | Seed = Field(alias="from")
    end: Row | Seed = Field(alias="to")
    how: Literal["lerp", "slerp"] = "slerp"
    steps: int = Field(9, ge=2, le=MOST_AT_ONCE)
    label: int | None = Field(None, ge=0)
    scale: int = Field(1, ge=1, le=16)


def models_of(request: Request) -> Models:
    """The studio's models."""
    return request.app.state.models


def loaded_of(request: Request, run: str) -> Loaded:
    """The model of a run's id.

    Raises:
        Fault: there is no such run, or it has no weights yet.
    """
    return models_of(request).get(request.app.state.shelf.find(run))


@router.get("/model")
def model(request: Request, run: str) -> Any:
    """What the model can do."""
    from reverie.studio import exploring
    from reverie.studio.decoders import place

    models, loaded = models_of(request), loaded_of(request, run)
    spec, can = loaded.spec, loaded.can
    pictures = "Decodes" in can and spec.kind == "images"
    server = {"where": "server", "url": None, "bytes": None, "why": "It makes no pictures from latents."}
    return {
        "can": can,
        "version": loaded.version,
        "images": loaded.images,
        "latent_dim": int(getattr(loaded.model, "latent_dim", 0)),
        "num_classes": int(getattr(loaded.model, "num_classes", 0)),
        "labels": list(spec.classes),
        "names": {"run": loaded.name, "family": loaded.recipe.family, "data": loaded.recipe.data.source},
        "height": spec.height,
        "width": spec.width,
        "channels": spec.channels,
        "kind": spec.kind,
        "decoder": place(loaded, models.once(loaded, "ms", lambda: exploring.pace(loaded))) if pictures else server,
        "encoder": "Encodes" in can,
        "inverts": "Inverts" in can,
    }


@router.get("/dims")
def dims(request: Request, run: str) -> Any:
    """What each latent dimension carries; apart from the rest, as it takes a pass over held-out images."""
    from reverie.core.errors import ReverieError
    from reverie.studio import exploring

    models, loaded = models_of(request), loaded_of(request, run)
    if loaded.spec.kind != "images" or not {"Decodes", "Encodes"} <= set(loaded.can):
        return {"dims": []}
    try:
        found = models.once(loaded, "dims", lambda: exploring.dimensions(loaded, models.dataset(loaded.recipe)))
    except ReverieError:
        found = []  # the images are gone; the model is not
    return {"dims": found}


@router.get("/decoder.onnx")
def decoder(request: Request, run: str) -> Any:
    """The decoder, for the page to evaluate."""
    from reverie.studio.decoders import decoder as written
    from reverie.studio.exploring import pictured

    loaded = loaded_of(request, run)
    loaded.need("be explored", "Decodes")
    pictured(loaded)
    headers = {"etag": f'"{loaded.version}"'}
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    fixed = request.query_params.get("v") == loaded.version
    headers["cache-control"] = "private, max-age=31536000, immutable" if fixed else "private, no-cache"
    return FileResponse(written(loaded), media_type="application/octet-stream", headers=headers)


@router.get("/latents")
def latents(request: Request, run: str, seeds: Annotated[str, Query(max_length=4096)]) -> Any:
    """Latents of seeds."""
    from reverie.studio import exploring

    words = seeds.split(",")
    if len(words) > 256 or not all(word.isascii() and word.isdigit() and len(word) <= 15 for word in words):
        raise Fault(400, "seeds: must be up to 256 whole numbers with commas between them, such as 0,1,2.")
    return {"latents": exploring.numbers(exploring.seeded(loaded_of(request, run), [int(word) for word in words]))}


@router.post("/decode")
def decode(request: Request, run: str, body: Decode) -> Response:
    """Pictures of latents, in one row."""
    from reverie.studio import exploring

    loaded, began = loaded_of(request, run), time.perf_counter()
    given = exploring.rows(loaded, body.latents)
    labels = exploring.classes(loaded, body.labels, len(given))
    with models_of(request).quick:
        images = exploring.decoded(loaded, given, labels)
    content = exploring.png(exploring.side_by_side(images, scale=body.scale))
    headers = {"x-reverie-ms": f"{1000 * (time.perf_counter() - began):.1f}"}
    if body.sequence is not None:
        headers["x-reverie-sequence"] = str(body.sequence)
    return Response(content, media_type="image/png", headers=headers)


@router.post("/encode")
async def encode(
    request: Request,
    run: str,
    label: Annotated[int | None, Query(ge=0)] = None,
    steps: Annotated[int, Query(ge=0, le=400)] = 100,
) -> Any:
    """The latent of a picture, sent as the body."""
    return await run_in_threadpool(_encode, request, run, await request.body(), label, steps)


def _encode(request: Request, run: str, body: bytes, label: int | None, steps: int) -> dict[str, Any]:
    from reverie.studio import exploring

    models, loaded, began = models_of(request), loaded_of(request, run), time.perf_counter()
    loaded.need("find latents of real images", "Encodes", "Inverts")
    loaded.need("be explored", "Decodes")
    image = exploring.uploaded(loaded, body)[None]
    labels = exploring.classes(loaded, label, 1)
    with models.quick if "Encodes" in loaded.can else models.latest(f"encode {loaded.id}"):
        found, how = exploring.placed(loaded, image, labels, steps)
        again = exploring.decoded(loaded, found, labels)
    return {
        "latent": exploring.numbers(found)[0],
        "original": exploring.data_url(exploring.side_by_side(image)),
        "reconstruction": exploring.data_url(exploring.side_by_side(again)),
        "how": how,
        "ms": round(1000 * (time.perf_counter() - began), 1),
    }


@router.post("/mean")
def mean(request: Request, run: str, body: Mean) -> Any:
    """The mean latent of a class, of seeds, or of held-out images."""
    from reverie.studio import exploring

    models, loaded = models_of(request), loaded_of(request, run)
    loaded.need("be explored", "Decodes")
    if body.seeds is not None:
        drawn = exploring.seeded(loaded, body.seeds)
        return {"latent": exploring.numbers(drawn.mean(0, keepdim=True))[0], "n": len(drawn), "how": "seeds"}
    loaded.need("find latents of real images", "Encodes", "Inverts")
    exploring.pictured(loaded)
    dataset = models.dataset(loaded.recipe)
    if body.held_out is not None:
        items, index = dataset.held_out, exploring.chosen(dataset.held_out, body.held_out)
    else:
        items = dataset.train
        index = exploring.of_class(items, body.label or 0, dataset.spec.num_classes)
    if body.label is not None:
        latent, n, how = models.once(loaded, f"mean {body.label}", lambda: exploring.mean_of(loaded, items, index))
    else:
        with models.slow:
            latent, n, how = exploring.mean_of(loaded, items, index)
    return {"latent": exploring.numbers(latent[None])[0], "n": n, "how": how}


@router.get("/held-out")
def held_out(
    request: Request,
    run: str,
    first: Annotated[int, Query(ge=0)] = 0,
    count: Annotated[int, Query(ge=1, le=MOST_AT_ONCE)] = 24,
    label: Annotated[int | None, Query(ge=0)] = None,
) -> Any:
    """Images that the run never saw, eight in a row: positions, labels and one sheet."""
    from reverie.studio import exploring

    entry = request.app.state.shelf.find(run)
    dataset = models_of(request).dataset(entry.sound())
    if dataset.spec.kind != "images":
        raise Fault(409, f"{entry.name}: was trained on points, not on pictures.")
    return exploring.held_out(dataset, first, count, label)


@router.get("/directions")
def directions(request: Request, run: str) -> Any:
    """Steps in latent space that mean something."""
    from reverie.studio import attributes

    models, loaded = models_of(request), loaded_of(request, run)
    return models.once(loaded, "directions", lambda: attributes.directions(loaded, models.dataset(loaded.recipe)))


@router.post("/strip")
def strip(request: Request, run: str, body: Strip, format: Literal["png", "webp"] = "png") -> Response:
    """Pictures on the way from one latent to another: a row, or an endless animation there and back."""
    from reverie.studio import exploring

    loaded = loaded_of(request, run)
    start, end = (
        exploring.seeded(loaded, [one]) if isinstance(one, int) else exploring.rows(loaded, [one])
        for one in (body.start, body.end)
    )
    labels = exploring.classes(loaded, body.label, body.steps)
    with models_of(request).quick:
        images = exploring.decoded(loaded, exploring.between(start, end, body.steps, body.how), labels)
    if format == "png":
        content = exploring.png(exploring.side_by_side(images, scale=body.scale))
        return Response(content, media_type="image/png")
    frames = [exploring.side_by_side(image[None], scale=body.scale) for image in images]
    return Response(exploring.webp([*frames, *frames[-2:0:-1]]), media_type="image/webp")


@router.get("/neighbours")
def neighbours(
    request: Request,
    run: str,
    grid_images: Annotated[int | None, Query(ge=0)] = None,
    index: Annotated[int, Query(ge=0)] = 0,
    seed: Annotated[int | None, Query(ge=0, lt=2**53)] = None,
) -> Any:
    """Training images nearest to a sample: place `index` of a stored grid, or a seed's with the weights as they are."""
    from reverie.studio.nearest import neighbours as search
    from reverie.studio.nearest import usual_distance

    entry, models = request.app.state.shelf.find(run), models_of(request)
    if (grid_images is None) == (seed is None):
        raise Fault(400, "neighbours: name a grid's images with grid_images and index, or a seed.")
    dataset = models.dataset(entry.sound())
    if dataset.spec.kind != "images":
        raise Fault(409, f"{entry.name}: makes points, not pictures.")
    image = _sampled(request, run, seed) if seed is not None else _tile(entry, dataset.spec, grid_images or 0, index)
    usual = models.once_of(dataset, "usual distance", lambda: usual_distance(dataset))
    with models.slow:
        return search(dataset, image, usual)


def _sampled(request: Request, run: str, seed: int) -> Any:
    loaded = loaded_of(request, run)
    loaded.need("make samples", "Samples")
    with models_of(request).quick:
        return loaded.model.sample([seed])[0]


def _tile(entry: Any, spec: Any, images: int, index: int) -> Any:
    from reverie.ship.gallery import read_picture
    from reverie.studio.nearest import tile

    if "Samples" not in entry.row()["can"]:
        raise Fault(409, f"{entry.name}: its grids show no samples, but neighbours already.")
    path = entry.grid(images)
    picture = None if path is None else read_picture(entry.path, f"samples/{path.name}")
    if picture is None:
        raise Fault(404, f"{entry.name}: has no sample grid at {images:,} images. Load the list of grids again.")
    return tile(picture, spec, index)
