"""A real browser on a real studio: a folder of small runs, the server as a person starts it, what no page may do."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import reverie

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "src/reverie/studio/static/index.html"
AXE = ROOT / "web/node_modules/axe-core/axe.min.js"


def _chromium() -> str | None:
    """The browser that is installed; REVERIE_CHROMIUM names another."""
    named = os.environ.get("REVERIE_CHROMIUM")
    return named or next((p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None)


playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make test installs it")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = ""
    if _chromium() is None:
        reason = "there is no Chromium here: apt install chromium, or name one with REVERIE_CHROMIUM"
    elif not STATIC.exists():
        reason = "the front end is not built: make studio"
    for item in items:
        if reason and Path(item.path).is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.skip(reason=reason))


@dataclass
class Studio:
    """A server of its own process.

    Attributes:
        url: of the page, without the token.
        token: the address that lets a browser in.
    """

    folder: Path
    port: int
    python: str = sys.executable
    source: Path | None = ROOT / "src"
    process: "subprocess.Popen[str] | None" = None
    url: str = ""
    token: str = ""

    def start(self) -> None:
        words = ["studio", str(self.folder), "--no-browser", "--port", str(self.port)]
        around = {"PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}
        if self.source is not None:
            around["PYTHONPATH"] = str(self.source)
        self.process = subprocess.Popen(
            [self.python, "-m", "reverie", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            cwd=self.folder.parent,
            env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | around,
        )
        stream = self.process.stdout
        said = ""
        while stream is not None and (line := stream.readline()):
            said += line
            if found := re.search(r"(http://[\w.:]+)/\S*token=\S+", line):
                self.url, self.token = found[1], found[0]
                return
        raise RuntimeError(f"the studio did not start:\n{said}")

    def stop(self, how: int = signal.SIGINT) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(20)
            if self.process.stdout is not None:
                self.process.stdout.close()
            self.process = None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def runs_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of seconds: a VAE and a GAN on real digits, and a GAN on points."""
    folder = tmp_path_factory.mktemp("studio") / "runs"
    common = {"train.threads": 1, "train.grids": 6, "train.probes": 6, "train.log_every": 2}
    small = {"gan.net": "resnet", "gan.width": 8, "gan.latent": 16}
    for name, family, data, images, settings in (
        ("digits-vae", "vae", "digits", 6000, {"vae.net": "conv", "vae.width": 8, "vae.hidden": 64, "vae.latent": 8}),
        ("digits-gan", "gan", "digits", 3000, small),
        ("ring-gan", "gan", "ring8", 20_000, {"train.batch": 256}),
    ):
        made = reverie.recipe(family, data, images=images, seed=0, settings=common | settings)
        reverie.fit(made, run=folder / name)
    return folder


@pytest.fixture(scope="session")
def studio(runs_folder: Path) -> Iterator[Studio]:
    running = Studio(runs_folder, free_port())
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")  # Playwright holds a running loop, which tests elsewhere must not meet
def browser() -> "Iterator[playwright.Browser]":
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=_chromium(), args=["--no-sandbox"])
        yield started
        started.close()


@dataclass
class Watched:
    """What a page did that none may do."""

    foreign: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


Opener = Callable[..., "playwright.Page"]


@pytest.fixture
def open_page(browser: "playwright.Browser", studio: Studio) -> Iterator[Opener]:
    """Opens an address of the studio in a fresh browser profile, let in by the token.

    At the end, no page may have asked another machine for anything, nor complained on its console.
    """
    watched, contexts = Watched(), []

    def opened(path: str = "/", server: Studio = studio, **options: object) -> "playwright.Page":
        context = browser.new_context(**({"viewport": {"width": 1280, "height": 800}} | options))  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)

        def asked(request: "playwright.Request") -> None:
            if not request.url.startswith((server.url, "blob:", "data:")):
                watched.foreign.append(request.url)

        page.on("request", asked)
        page.on("pageerror", lambda error: watched.complaints.append(str(error)))

        def said(told: "playwright.ConsoleMessage") -> None:
            # pictures of a job are asked for until they are there
            if told.type == "error" and "ERR_" not in told.text and "/api/jobs/" not in told.location["url"]:
                watched.complaints.append(told.text)

        page.on("console", said)
        page.goto(server.token)
        if path != "/":
            page.goto(server.url + path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not watched.foreign, "a page asked another machine: " + ", ".join(watched.foreign[:5])
    assert not watched.complaints, "\n".join(watched.complaints[:5])


def until(check: Callable[[], bool], seconds: float = 30.0, what: str = "") -> None:
    """Waits until something outside the browser is so."""
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, f"waited {seconds:g} s for {what or check}"
        time.sleep(0.1)


def ids(page: "playwright.Page") -> dict[str, str]:
    """Ids of the runs by name, as the page may ask for them."""
    rows = page.evaluate("fetch('/api/runs').then(answer => answer.json())")["runs"]
    return {row["name"]: row["id"] for row in rows}


def settled(page: "playwright.Page") -> None:
    """Waits until a page has its heading and asks for nothing more."""
    page.locator("h1").first.wait_for()
    page.wait_for_timeout(500)  # a stream stays open, so that the network is never idle
