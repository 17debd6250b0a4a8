"""The studio on a full shelf: 100 runs with 10,000 events and 500 grids each. How fast, and how much memory?

    python benchmarks/studio.py
    python benchmarks/studio.py --minutes 60 --tabs 8     memory over an hour of streaming, eight tabs open at once

Runs are copies of one real short training whose log is repeated until it has so many events. Times are of whole
requests over loopback, medians of nine but for the first list, which reads everything. Meanwhile one run goes on being
written, ten lines a second, to a listener of the stream, and to the tabs of a real browser (`--tabs`, needs Chromium).
A scrub is timed in the page, from the scrubber's event until the picture of that moment is decoded and a frame painted.
"""

import argparse
import http.client
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import reverie
from reverie.studio.course.schema import load_course

RUNS, EVENTS, GRIDS = 100, 10_000, 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--minutes", type=float, default=1.0, help="of streaming")
    parser.add_argument("--tabs", type=int, default=0, help="of a browser, each at the run that goes on")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "runs"
        fill(folder, asked.runs)
        server, port, cookie, token = start(folder)
        try:
            print("| what | |\n|---|---|")
            measure(server, port, cookie, folder, asked.minutes, Tabs(port, token, asked.tabs))
        finally:
            server.terminate()
            server.wait(20)


def fill(folder: Path, runs: int) -> None:
    """The shelf."""
    made = reverie.recipe(
        "gan", "digits", images=3000, settings={"train.threads": 1, "train.log_every": 1, "gan.width": 8}
    )
    first = folder / "run-000"
    reverie.fit(made, run=first)
    lines = (first / "events.jsonl").read_text().splitlines()
    head, body = lines[0], [json.loads(line) for line in lines[1:] if json.loads(line)["event"] != "finished"]
    span, picture = body[-1]["images"] + 1, next((first / "samples").glob("*.png")).read_bytes()
    out, grids = [head], 0
    while len(out) < EVENTS:
        turn = (len(out) - 1) // len(body) * span
        for event in body:
            if len(out) % (EVENTS // GRIDS) == 0 and grids < GRIDS:
                images = event["images"] + turn + 1
                name = f"samples/{images:09d}.png"
                (first / name).write_bytes(picture)
                out.append(json.dumps({"event": "sampled", "images": images, "seconds": images / 100, "path": name}))
                grids += 1
            elif event["event"] != "sampled":
                moved = {"images": event["images"] + turn, "seconds": (event["images"] + turn) / 100}
                out.append(json.dumps(event | moved))
    (first / "events.jsonl").write_text("\n".join(out[:EVENTS]) + "\n")
    for number in range(1, runs):
        shutil.copytree(first, folder / f"run-{number:03d}", copy_function=os.link)
        for name in ("events.jsonl", "LOCK"):  # what is written to must not be shared
            own = folder / f"run-{number:03d}" / name
            if own.exists():
                own.unlink()
                shutil.copy(first / name, own)


def start(folder: Path) -> "tuple[subprocess.Popen[str], int, str, str]":
    """The server as a person starts it, a cookie that lets in, and the address that gave it."""
    server = subprocess.Popen(
        [sys.executable, "-m", "reverie", "studio", str(folder), "--no-browser", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    for line in server.stdout or ():
        if found := re.search(r"http://127\.0\.0\.1:(\d+)(/\S*token=\S+)", line):
            port = int(found[1])
            connection = http.client.HTTPConnection("127.0.0.1", port)
            connection.request("GET", found[2])
            cookie = (connection.getresponse().getheader("set-cookie") or "").split(";")[0]
            connection.close()
            return server, port, cookie, found[2]
    raise SystemExit("the studio did not start")


SCRUB = """async () => {
    const bar = document.querySelector('input[type=range]'), times = [];
    for (let turn = 0; turn < 25; turn++) {
        const before = performance.now();
        bar.value = String(Math.round(Number(bar.max) * ((turn * 0.381) % 1)));
        bar.dispatchEvent(new Event('input', { bubbles: true }));
        await new Promise((done) => requestAnimationFrame(done));
        await document.querySelector('.sheet img')?.decode().catch(() => {});
        await new Promise((done) => requestAnimationFrame(done));
        times.push(performance.now() - before);
    }
    return times;
}"""


class Tabs:
    """Pages of one browser, as one person keeps them open; none when `count` is 0."""

    def __init__(self, port: int, token: str, count: int) -> None:
        self.home, self.token, self.count, self.pages = f"http://127.0.0.1:{port}", token, count, []

    def open(self, key: str) -> None:
        """Opens them all at one run, and times the scrubber of the last."""
        if not self.count:
            return
        from playwright.sync_api import sync_playwright

        self.driver = sync_playwright().start()
        found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
        self.browser = self.driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        context = self.browser.new_context(viewport={"width": 1280, "height": 800})
        for number in range(self.count):
            page = context.new_page()
            page.goto(f"{self.home}{self.token}" if not number else f"{self.home}/runs/{key}")
            page.goto(f"{self.home}/runs/{key}")
            before = time.perf_counter()
            page.locator(".sheet img").first.wait_for(timeout=60_000)
            self.pages.append(page)
        print(f"| tab {self.count}, until it shows samples | {1e3 * (time.perf_counter() - before):.0f} ms |")
        times = self.pages[-1].evaluate(SCRUB)
        print(f"| scrub, median and slowest of {len(times)}, beside {self.count - 1} other tabs | "
              f"{statistics.median(times):.0f} and {max(times):.0f} ms |", flush=True)  # fmt: skip

    def units(self) -> None:
        """Opens every unit of the course, each in a fresh profile."""
        times: list[float] = []
        for unit in load_course().units if self.count else ():
            context = self.browser.new_context(viewport={"width": 1280, "height": 800})
            page = context.new_page()
            page.goto(f"{self.home}{self.token}")
            before = time.perf_counter()
            page.goto(f"{self.home}/course/{unit.id}")
            page.locator(".picture canvas, .picture svg, figure canvas, figure svg, figure img").first.wait_for()
            times.append(time.perf_counter() - before)
            context.close()
        if times:
            print(f"| a unit of the course, until its picture is there | {min(times):.2f} to {max(times):.2f} s |")

    def heap(self) -> float:
        """What all pages hold after a collection, in MiB."""
        total = 0.0
        for page in self.pages:
            session = page.context.new_cdp_session(page)
            session.send("HeapProfiler.collectGarbage")
            total += session.send("Runtime.getHeapUsage")["usedSize"] / 2**20
            session.detach()
        return total

    def close(self) -> None:
        """Says how far each page has come, and ends the browser."""
        if self.count:
            seen = [int(page.locator("input[type=range]").first.get_attribute("max") or 0) for page in self.pages]
            print(f"| newest moment in each tab, training images | {min(seen):,} to {max(seen):,} |", flush=True)
            self.browser.close()
            self.driver.stop()


def measure(server: "subprocess.Popen[str]", port: int, cookie: str, folder: Path, minutes: float, tabs: Tabs) -> None:
    """The rows of the table."""

    def get(path: str) -> tuple[float, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        before = time.perf_counter()
        connection.request("GET", path, headers={"Cookie": cookie})
        body = connection.getresponse().read()
        took = time.perf_counter() - before
        connection.close()
        return took, body

    def row(what: str, path: str) -> bytes:
        times, body = zip(*(get(path) for _ in range(9)), strict=True)
        print(f"| {what} | {1e3 * statistics.median(times):.0f} ms, {len(body[-1]) / 1e3:.0f} kB |", flush=True)
        return body[-1]

    took, _ = get("/api/runs")
    print(f"| list of {RUNS} runs, the first time | {took:.2f} s |", flush=True)
    key = json.loads(row("list again", "/api/runs"))["runs"][0]["id"]
    row("a run", f"/api/runs/{key}")
    row("its curves, 1,200 points a signal", f"/api/runs/{key}/curves?points=1200")
    print(f"| memory | {memory(server.pid):.0f} MiB |", flush=True)
    log, end = folder / "run-000" / "events.jsonl", threading.Event()
    heard = [0]
    threading.Thread(target=write, args=(log, end), daemon=True).start()
    threading.Thread(target=listen, args=(port, cookie, heard), daemon=True).start()
    rows = json.loads(get("/api/runs")[1])["runs"]
    tabs.open(next(row["id"] for row in rows if row["name"] == "run-000"))
    tabs.units()
    began, least, most = time.monotonic(), float("inf"), 0.0
    time.sleep(min(20.0, 30 * minutes))
    first, held = memory(server.pid), tabs.heap()
    while time.monotonic() - began < 60 * minutes:
        time.sleep(2)
        least, most = min(least, memory(server.pid)), max(most, memory(server.pid))
    end.set()
    print(f"| memory over {minutes:g} minutes of streaming, {heard[0] / 1e3:.0f} kB heard | "
          f"{first:.0f} MiB, then {least:.0f} to {most:.0f} |", flush=True)  # fmt: skip
    if tabs.count:
        print(f"| memory of all {tabs.count} pages' scripts, at first and at the end | "
              f"{held:.0f} and {tabs.heap():.0f} MiB |", flush=True)  # fmt: skip
    tabs.close()


def write(log: Path, end: threading.Event) -> None:
    """A training that never ends, ten lines a second."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    step, images = next(e for e in lines if e["event"] == "stepped"), lines[-1]["images"]
    while not end.is_set():
        images += 64
        with log.open("a") as file:
            file.write(json.dumps(step | {"images": images, "seconds": images / 100}) + "\n")
        time.sleep(0.1)


def listen(port: int, cookie: str, heard: list[int]) -> None:
    """A page that keeps the stream open."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/api/events", headers={"Cookie": cookie})
    answer = connection.getresponse()
    while chunk := answer.read1(65536):
        heard[0] += len(chunk)


def memory(pid: int) -> float:
    """Resident, in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    main()
