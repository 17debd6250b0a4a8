"""Small trained runs, made once, and the studio on the folder that they lie in."""

import contextlib
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("fastapi", reason="the studio is a part of reverie[studio]")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # starlette prefers another HTTP client than the one that is installed
    from fastapi.testclient import TestClient

from reverie import api
from reverie.core.event import Started, Stepped
from reverie.core.recipe import Recipe
from reverie.core.run import Run
from reverie.studio.app import create_app
from reverie.studio.launch import Server, bind, configure
from reverie.studio.shelf import run_id

SIZE = {"data.num": 300, "data.size": 16, "train.batch": 32, "train.probes": 1, "optim.lr": 2e-3}
RUNS: dict[str, tuple[str, str, int, dict[str, Any]]] = {
    "faces-vae": ("vae", "faces", 6400, SIZE | {"vae.net": "conv", "vae.width": 8, "vae.hidden": 64, "vae.latent": 8}),
    "faces-gan": ("gan", "faces", 256, SIZE | {"gan.width": 4, "gan.latent": 6}),
    "digits-vae": ("vae", "digits", 512, {"vae.net": "mlp", "vae.width": 16, "vae.latent": 3, "vae.conditional": True}),
    "digits-gan": ("gan", "digits", 256, {"gan.width": 8, "gan.inverter_every": 0}),
    "points": ("gan", "ring8", 128, {"train.batch": 64, "gan.width": 8, "gan.critic_width": 8}),
    "encoder": ("ssl", "digits", 128, {"train.batch": 64, "ssl.width": 8}),
}


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, private_cache: Path) -> Path:
    """A folder with a run of each of `RUNS`; read it, do not write to it."""
    folder = tmp_path_factory.mktemp("studio") / "runs"
    for name, (family, data, images, settings) in RUNS.items():
        api.fit(api.recipe(family, data, images=images, settings={"train.probes": 1} | settings), run=folder / name)
    return folder.resolve()


class Studio:
    """A studio and a browser that has its cookie."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.app = create_app(folder, token="let-me-in")
        self.browser = TestClient(self.app, base_url="http://127.0.0.1")
        self.browser.get("/?token=let-me-in")

    def url(self, name: str, rest: str = "") -> str:
        """The address of a run."""
        return f"/api/runs/{run_id(self.folder / name)}/{rest}"

    def get(self, name: str, rest: str, **query: Any) -> Any:
        """What a run answers: its JSON."""
        answer = self.browser.get(self.url(name, rest), params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def run(self, name: str) -> Run:
        """The run itself."""
        return Run.open(self.folder / name)


@pytest.fixture
def open_studio() -> Callable[[Path], Studio]:
    """Opens a studio on a folder of the test's own."""
    return lambda folder: Studio(folder.resolve())


@pytest.fixture(scope="session")
def studio(trained: Path) -> Iterator[Studio]:
    """The studio on the trained runs."""
    made = Studio(trained)
    with made.browser:
        yield made


class Served:
    """A studio behind a real server, and the two clients of it that matter: one with the cookie, and anybody else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.socket = bind("127.0.0.1", 0)
        self.port = int(self.socket.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.app = create_app(folder, token="let-me-in", port=self.port)
        self.server = Server(configure(self.app))
        self.server.studio = self.app
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]}, daemon=True)
        self.anybody = httpx.Client(base_url=self.url, timeout=20)
        self.page = httpx.Client(base_url=self.url, timeout=20)

    def __enter__(self) -> "Served":
        self.thread.start()
        until(lambda: self.server.started)
        self.page.get("/", params={"token": "let-me-in"})
        return self

    def __exit__(self, *_: object) -> None:
        self.anybody.close()
        self.page.close()
        self.server.should_exit = True
        self.thread.join(10)
        self.socket.close()
        assert not self.thread.is_alive(), "the server did not end"

    def rows(self) -> dict[str, dict[str, Any]]:
        """The list of runs, by name."""
        return {row["name"]: row for row in self.page.get("/api/runs").raise_for_status().json()["runs"]}


def until(true: Callable[[], Any], seconds: float = 60, every: float = 0.02) -> Any:
    """Waits for something to become true, and returns it."""
    ends = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(every)
    return found


@pytest.fixture
def waiting() -> Callable[..., Any]:
    """See `until`."""
    return until


@pytest.fixture
def serve() -> Iterator[Callable[[Path], Served]]:
    """Serves a folder until the end of the test."""
    with contextlib.ExitStack() as stack:
        yield lambda folder: stack.enter_context(Served(folder))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A studio on a folder with one run that has a log."""
    folder = tmp_path_factory.mktemp("served") / "runs"
    run = Run.create(folder / "tiny", Recipe.from_dict({"family": "vae", "train": {"images": 1000}}))
    run.append(Started(images=0, parameters=7))
    run.append(Stepped(images=500, seconds=1.0, phase="elbo", terms={"loss": 2.0}))
    with Served(folder) as made:
        yield made
