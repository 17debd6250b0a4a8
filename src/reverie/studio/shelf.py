"""The runs below one folder: opaque ids, rows for the list, and what a run says of itself.

Nothing is read twice: a row is kept until one of the files that decide it changes, and a log that grows is read from
where the last reading ended. Everything in a run folder is untrusted.
"""

import contextlib
import os
import threading
import tomllib
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from reverie.core.errors import ReverieError
from reverie.core.event import Event
from reverie.core.family import get_family
from reverie.core.finding import Finding
from reverie.core.recipe import Recipe
from reverie.core.run import Run
from reverie.core.summary import Summary, parse
from reverie.ship.numbers import spoken
from reverie.studio.faults import Fault
from reverie.studio.files import read, read_tail, regular, within
from reverie.studio.findings import Health, health, of, told

LARGEST_LOG = 256 << 20  # bytes of events.jsonl
_BEST = ("held_out_nll_nats", "knn_accuracy", "contrast_nats", "frechet")  # what the best weights are the best by
_Stamp = tuple[int, int, int]


class Entry:
    """One run on the shelf.

    Args:
        path: its folder, links resolved.
        name: relative to the shelf's folder.
        problem: why it cannot be used, for one that is known to be unusable.
    """

    def __init__(self, path: Path, name: str, problem: str | None = None) -> None:
        self.path, self.name, self.id = path, name, run_id(path)
        self.outside = problem is not None
        self.recipe: Recipe | None = None
        self.problem = problem
        self.too_large: str | None = None
        self.summary = Summary()
        self.training = False
        self.offset = 0  # bytes of the log that the summary knows
        self.findings: Any = None  # what findings.json holds
        self._stamps: dict[str, _Stamp | None] = {}
        self._row: dict[str, Any] | None = None
        self._judged: tuple[Any, Health] = (None, Health("unknown"))  # at which moment the doctor was asked, his word

    @property
    def run(self) -> Run:
        """The run folder, for what reads those."""
        return Run(self.path)

    def sound(self) -> Recipe:
        """Its recipe.

        Raises:
            Fault: it cannot be read.
        """
        if self.recipe is None or self.too_large is not None:
            raise Fault(422, self.too_large or self.problem or f"{self.name}: cannot be read.")
        return self.recipe

    def refresh(self, alive: bool) -> tuple[list[Event], bool]:
        """Reads what changed; returns the new events, and whether events were taken back.

        Args:
            alive: True when a process of ours trains here, though it may not hold the lock yet.
        """
        if self.outside:
            return [], False
        training = alive or (regular(self.path / "LOCK") and self.run.is_training())
        if training != self.training:
            self.training, self._row = training, None
        if self._changed("recipe.toml"):
            self.recipe, self.problem = _recipe(self.path, self.name)
        if self._changed("findings.json"):
            self.findings = told(read(self.path / "findings.json"))
        self._changed("studio.log")
        looked = "events.jsonl" in self._stamps  # a log that was not there yet is new from its first line
        return self._read_log(looked) if self._changed("events.jsonl") else ([], False)

    def _changed(self, name: str) -> bool:
        stamp = _stamp(self.path / name)
        if name in self._stamps and self._stamps[name] == stamp:
            return False
        self._stamps[name], self._row = stamp, None
        return True

    def _read_log(self, looked: bool) -> tuple[list[Event], bool]:
        log, known = self.path / "events.jsonl", self.offset
        size = (self._stamps["events.jsonl"] or (0, 0, 0))[1]
        large = f"{self.name}: its events.jsonl has {size >> 20} MiB, more than is read. Move the run away."
        self.too_large = large if size > LARGEST_LOG else None
        if self.too_large is not None:
            return [], False
        if known and size > known:
            added = read(log, LARGEST_LOG, known - 1) or b""
            if added.startswith(b"\n"):
                whole = added[1 : added.rfind(b"\n") + 1]
                news = list(parse(whole))
                if all(self.summary.hear(event) for event in news):
                    self.offset += len(whole)
                    return news, False
        raw = read(log, LARGEST_LOG) or b""
        raw = raw[: raw.rfind(b"\n") + 1]
        self.summary, self.offset = Summary.scan(raw), len(raw)
        return list(parse(raw)) if looked and not known else [], known > 0

    def row(self) -> dict[str, Any]:
        """What the list says of it."""
        if self._row is None:
            self._row = _row(self)
        return self._row

    def health(self) -> Health:
        """What the doctor's last word comes to; what he announced counts until he has been asked again."""
        return self._judged[1] if self.is_judged() else health(self.findings, self.summary)

    def judge(self, findings: Sequence[Finding]) -> None:
        """Notes what the doctor says of the run as it is now."""
        self._judged, self._row = (self.moment(), of(findings, self.summary)), None

    def is_judged(self) -> bool:
        """True when the doctor has been asked since anything changed that may change his mind."""
        return self._judged[0] == self.moment()

    def moment(self) -> tuple[Any, ...]:
        """What the doctor's word depends on: the newest probe, what he announced, and whether the run has ended."""
        summary = self.summary
        probed = summary.probed.images if summary.probed is not None else None
        announced = sorted((found.code, found.images) for found in summary.found.values())
        told = None if self.findings is None else self.findings.images
        ended = summary.ended, self.training and probed is not None  # some symptoms are of runs that have ended
        return probed, tuple(announced), ended, told

    def grid(self, images: int) -> Path | None:
        """The sample grid at so many images, None when there is none."""
        return within(self.path, f"samples/{images:09d}.png")


class Shelf:
    """The runs below a folder.

    Args:
        folder: need not exist yet.
        heard: called with (entry, new events, True when earlier events were taken back) whenever a log has grown.

    Example:
        >>> import tempfile
        >>> Shelf(Path(tempfile.mkdtemp())).rows()
        []
    """

    def __init__(
        self, folder: Path, heard: Callable[[Entry, Sequence[Event], bool], None] = lambda entry, events, back: None
    ) -> None:
        self.folder, self.heard = folder.resolve(), heard
        self.alive: Callable[[Path], bool] = lambda path: False
        self._entries: dict[str, Entry] = {}
        self._lock = threading.RLock()

    def entries(self) -> list[Entry]:
        """Every run, as it is now, the newest first."""
        with self._lock:
            found = {run_id(path): (path, name, problem) for path, name, problem in _folders(self.folder)}
            for gone in self._entries.keys() - found.keys():
                del self._entries[gone]
            for key, (path, name, problem) in found.items():
                if key not in self._entries:
                    self._entries[key] = Entry(path, name, problem)
                self.refresh(self._entries[key])
            return sorted(self._entries.values(), key=lambda entry: entry.row()["modified"], reverse=True)

    def rows(self) -> list[dict[str, Any]]:
        """What the list shows."""
        return [entry.row() for entry in self.entries()]

    def find(self, key: str) -> Entry:
        """The run of an id, as it is now; its folder is `entry.path`.

        Raises:
            Fault: there is none, or it leads out of the folder.
        """
        with self._lock:
            if key not in self._entries:
                self.entries()
            entry = self._entries.get(key)
            if entry is None or not (entry.outside or regular(entry.path / "recipe.toml")):
                raise Fault(404, "There is no such run in this folder. The list of runs shows those there are.")
            if entry.outside:
                raise Fault(403, entry.problem or f"{entry.name}: leads out of the folder.")
            self.refresh(entry)
            return entry

    def refresh(self, entry: Entry) -> None:
        """Brings an entry up to date, and tells of what is new."""
        with self._lock:
            news, back = entry.refresh(self.alive(entry.path))
            if back or news:
                self.heard(entry, news, back)

    def training(self) -> list[Entry]:
        """Those that were training when they were last looked at."""
        with self._lock:
            return [entry for entry in self._entries.values() if entry.training]


def run_id(path: Path) -> str:
    """The id of a run folder: it tells nothing of the path, and stays the same.

    Example:
        >>> run_id(Path("/runs/faces"))
        '43ebcdfb97e2'
    """
    return sha256(os.fsencode(path)).hexdigest()[:12]


def _folders(root: Path) -> Iterator[tuple[Path, str, str | None]]:
    """(real path, name, problem) of each run: the folder itself, its children, or theirs."""
    if regular(root / "recipe.toml"):
        yield root, root.name, None
        return
    for child in _children(root):
        if child.is_symlink():
            yield from _link(root, child)
        elif (child / "recipe.toml").exists():
            yield child, child.name, None
        else:
            for run in _children(child):
                if not run.is_symlink() and (run / "recipe.toml").exists():
                    yield run, f"{child.name}/{run.name}", None


def _children(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as found:
            return [Path(e.path) for e in found if not e.name.startswith(".") and (e.is_symlink() or e.is_dir())]
    except OSError:
        return []


def _link(root: Path, link: Path) -> Iterator[tuple[Path, str, str | None]]:
    """A link that leads to a run elsewhere is listed, and not followed."""
    with contextlib.suppress(OSError, RuntimeError):
        real = link.resolve(strict=True)
        if (real / "recipe.toml").is_file() and not real.is_relative_to(root):
            yield link, link.name, f"{link.name}: is a link out of this folder. Open the studio on {real.parent}."


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _recipe(path: Path, name: str) -> tuple[Recipe | None, str | None]:
    """The recipe, or why it cannot be used."""
    raw = read(path / "recipe.toml", 1 << 18)
    if raw is None:
        return None, f"{name}: its recipe.toml cannot be read (it must be a plain file). Put it back."
    try:
        return Recipe.from_dict(tomllib.loads(raw.decode())), None
    except ReverieError as error:
        words = str(error).splitlines()[0]
    except (ValueError, RecursionError) as error:
        words = f"it is not TOML: {str(error).splitlines()[0][:100] if str(error) else 'nested too deeply'}"
    return None, f"{name}: its recipe.toml cannot be used ({words})."


def _row(entry: Entry) -> dict[str, Any]:
    row: dict[str, Any] = {"id": entry.id, "name": entry.name, "modified": _modified(entry.path)}
    if entry.recipe is None or entry.too_large is not None:
        return row | _UNREADABLE | {"problem": entry.too_large or entry.problem}
    recipe, summary = entry.recipe, entry.summary
    said = summary.to_dict(recipe, training=entry.training)
    train = recipe.train
    budget = {"images": train.images} if train.images else {"minutes": train.minutes} if train.minutes else {}
    return row | {
        **{key: value for key, value in said.items() if key not in ("terms", "probe")},
        "speed": summary.speed,
        "health": entry.health().to_dict(),
        "best": _best(summary),
        "problem": None if entry.training else _failure(entry),
        "thumb": _thumb(entry),
        "can": list(get_family(recipe.family).can),
        "budget": budget,
    }


_UNREADABLE: dict[str, Any] = {
    **dict.fromkeys(("family", "preset", "data", "device"), ""),
    "state": "unreadable",
    "images": 0,
    "fraction": 0.0,
    "seconds": 0.0,
    "speed": None,
    "parameters": 0,
    "health": Health("unknown").to_dict(),
    "best": None,
    "thumb": None,
    "can": [],
    "budget": {},
}


def _modified(path: Path) -> float:
    with contextlib.suppress(OSError):
        return (path / "recipe.toml").lstat().st_mtime
    return 0.0


def _best(summary: Summary) -> dict[str, Any] | None:
    """The number by which the best weights are the best."""
    values = summary.best.values if summary.best else {}
    name = next((name for name in _BEST if name in values), None)
    return None if name is None else {"name": name, "value": values[name], "unit": spoken(name)[1]}


def _failure(entry: Entry) -> str | None:
    """Why a training that the studio started ended early, from the last words of its log."""
    if entry.summary.ended is not None:
        return None
    last = next(reversed(read_tail(entry.path / "studio.log", 2000).strip().splitlines()), "")
    return last.partition("error: ")[2] or None


def _thumb(entry: Entry) -> str | None:
    sampled = entry.summary.sampled
    url = grid_url(entry, sampled.images) if sampled is not None else None
    return None if url is None else f"{url}&thumb=1"


def grid_url(entry: Entry, images: int) -> str | None:
    """Where a grid is served. The version makes it safe to keep for ever: a new picture has a new address."""
    stamp = _stamp(entry.path / f"samples/{images:09d}.png")
    if stamp is None:
        return None
    version = sha256(repr(stamp).encode()).hexdigest()[:10]
    return f"/api/runs/{entry.id}/grids/{images}.png?v={version}"
