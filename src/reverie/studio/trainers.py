"""Starting, stopping and continuing trainings: processes that outlive the studio, known by their run folders alone."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from reverie.core.errors import RunError
from reverie.core.recipe import Recipe
from reverie.core.run import Run, explained
from reverie.studio.faults import Fault
from reverie.studio.files import read, read_tail
from reverie.studio.jobs import Job, Jobs, spawn
from reverie.studio.shelf import Entry, Shelf, run_id

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")
CODE = re.compile(r"[A-Z]\d{3}")
LOG = "studio.log"
PATIENCE_SECONDS = 60.0  # a second interrupt aborts without saving: none is sent before
_HOLDER = re.compile(r"process (\d{1,9}) on (.+)")
_HEARD = re.compile(r"(treated|control), ([\d,]+) images")


class Trainers:
    """Trainings of the runs on a shelf.

    Args:
        shelf: knows them, and asks this for those that have not yet taken their lock.
        jobs: where treatments run.
    """

    def __init__(self, shelf: Shelf, jobs: Jobs) -> None:
        self.shelf, self.jobs = shelf, jobs
        self._children: dict[Path, subprocess.Popen[bytes]] = {}
        self._asked: dict[int, float] = {}
        self._lock = threading.Lock()
        shelf.alive = self.alive

    def alive(self, path: Path) -> bool:
        """True while a process that was started from here trains in the folder, or is about to."""
        with self._lock:
            child = self._children.get(path)
            if child is not None and child.poll() is not None:
                del self._children[path]
                return False
            return child is not None

    def start(self, recipe: Recipe, name: str | None = None) -> str:
        """Starts a training in a new folder and returns its id. The folder is there, with its recipe, on return.

        Args:
            recipe: what to do.
            name: of the folder; left out, after data, family and time.
        Raises:
            Fault: the name is taken or unfit, or nothing can be written there.
        """
        if name is not None and not NAME.fullmatch(name):
            raise Fault(400, "name: must be letters, digits, - and _, at most 60, and begin with one of the first two.")
        try:
            path = self._new_folder(recipe, name)
            Run.create(path, recipe)
        except RunError as error:
            raise Fault(409, str(error)) from None
        self._spawn(path, ["train", str(path / "recipe.toml"), "--run", str(path)])
        return run_id(path)

    def resume(self, entry: Entry) -> None:
        """Continues a run that was stopped.

        Raises:
            Fault: it trains, or its budget is spent.
        """
        entry.sound()
        if entry.training:
            raise Fault(409, f"{entry.name}: is training already.")
        if entry.summary.state(training=False) == "finished":
            raise Fault(409, f"{entry.name}: has spent its budget. Start a new training with a larger one.")
        self._spawn(entry.path, ["resume", str(entry.path)])

    def stop(self, entry: Entry) -> None:
        """Asks the run's trainer to save and end. Asking again within a minute does nothing.

        Raises:
            Fault: nothing trains here, or what does is not a trainer of this machine.
        """
        if not entry.training:
            raise Fault(409, f"{entry.name}: is not training.")
        pid = holder(entry.path)
        with self._lock:
            child = self._children.get(entry.path)
        if pid is None and child is not None and child.poll() is None and not entry.run.is_training():
            pid = child.pid  # it is still starting, and has nothing to save
        if pid is None:
            raise Fault(409, f"{entry.name}: its trainer is not a process of this machine. Press Ctrl-C where it runs.")
        if time.monotonic() - self._asked.get(pid, -PATIENCE_SECONDS) < PATIENCE_SECONDS:
            return
        self._asked[pid] = time.monotonic()
        interrupt(pid, entry.path if child is None or child.pid != pid else None)

    def treat(self, entry: Entry, code: str | None) -> Job:
        """Tries the remedy of a finding, in a fork beside a control.

        Raises:
            Fault: the code is none, or the run trains.
        """
        entry.sound()
        if code is not None and not CODE.fullmatch(code):
            raise Fault(400, "code: must be that of a finding, such as G001.")
        if entry.training:
            raise Fault(409, f"{entry.name}: is training. Stop it first, nothing is lost, then treat it.")

        def finish(told: dict[str, Any]) -> dict[str, Any]:
            forks = {name: told[name] | {"id": self._id_of(told[name]["folder"])} for name in ("treated", "control")}
            return told | {name: {k: v for k, v in fork.items() if k != "folder"} for name, fork in forks.items()}

        words = ["treat", str(entry.path), *([code] if code else []), "--json"]
        about = {"run": entry.id, "code": code}
        return self.jobs.start("treat", lambda _: words, about=about, hear=_heard, finish=finish, outlives=True)

    def _id_of(self, folder: str) -> str:
        return run_id(Path(folder).resolve())

    def _new_folder(self, recipe: Recipe, name: str | None) -> Path:
        """Makes the folder; a name of ours that is taken gets a number."""
        stem = "".join(c if c.isascii() and c.isalnum() else "-" for c in Path(recipe.data.source).stem)[:40] or "data"
        wanted = name or f"{stem.strip('-') or 'data'}-{recipe.family}-{time.strftime('%m%d-%H%M%S')}"
        with explained(self.shelf.folder):
            self.shelf.folder.mkdir(parents=True, exist_ok=True)
        for number in range(1, 100):
            path = self.shelf.folder / (wanted if number == 1 else f"{wanted}-{number}")
            with explained(path), contextlib.suppress(FileExistsError):
                path.mkdir()
                return path
            if name is not None:
                break
        raise Fault(409, f"{wanted}: exists already. Choose another name.")

    def _spawn(self, path: Path, words: list[str]) -> None:
        child = spawn(words, path / LOG)
        with self._lock:
            self._children[path] = child

    def words(self, entry: Entry) -> str:
        """The end of what the run's trainer said, when the studio started it."""
        return read_tail(entry.path / LOG, 4096)


def holder(run: Path) -> int | None:
    """The process that holds the run's lock, if it is one of this machine that is seen to hold it.

    A number in a file proves nothing, as the system gives numbers anew: the process must have the lock file open.
    """
    raw = read(run / "LOCK", 300) or b""
    found = _HOLDER.fullmatch(raw.decode("utf-8", "replace").strip())
    if found is None or found[2] != socket.gethostname():
        return None
    pid = int(found[1])
    return pid if pid > 1 and pid != os.getpid() and holds(pid, run / "LOCK") else None


def holds(pid: int, lock: Path) -> bool:
    """True when the process has the file open, or where the system does not tell, when it is a `reverie`."""
    with contextlib.suppress(OSError):
        wanted = lock.stat()
        for handle in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                if os.path.samestat(handle.stat(), wanted):
                    return True
    if Path("/proc/self/fd").is_dir():
        return False
    words = ["ps", "-o", "command=", "-p", str(pid)]
    told = subprocess.run(words, capture_output=True, text=True, check=False, timeout=5).stdout
    return "reverie" in told


def interrupt(pid: int, run: Path | None) -> None:
    """Ctrl-C to a process; the number cannot be given to another one between the last check and the signal.

    Args:
        pid: of the process.
        run: where it must hold the lock; None for a child of ours, whose number stays its own until it is waited for.
    Raises:
        Fault: it has just ended, or is somebody else's.
    """
    try:
        handle = os.pidfd_open(pid) if os.name == "posix" and getattr(os, "pidfd_open", None) else None
        try:
            if run is not None and holder(run) != pid:
                raise ProcessLookupError
            if handle is not None:
                signal.pidfd_send_signal(handle, signal.SIGINT)
            else:
                os.kill(pid, signal.SIGINT)
        finally:
            if handle is not None:
                os.close(handle)
    except ProcessLookupError:
        raise Fault(409, "The training has just ended.") from None
    except PermissionError:
        raise Fault(403, "The training belongs to another user of this machine, who alone can stop it.") from None


def _heard(line: str) -> float | None:
    """Progress of a treatment, from what it says: the treated fork comes first, then the control."""
    found = _HEARD.match(line)
    return None if found is None else 0.25 if found[1] == "treated" else 0.75
