"""Work that takes longer than a request: a process with a log, progress in words, and a result that it prints as JSON.

A job is `python -m reverie ...` in a session of its own. Nothing waits for it: `look` sees how far it is.
"""

import contextlib
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from reverie.studio.faults import Fault
from reverie.studio.files import read_tail, regular

MOST_RUNNING, MOST_KEPT = 4, 32
_TAIL, _RESULT = 4096, 8 << 20  # bytes of a log that are shown, and the largest result
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}")


@dataclass
class Job:
    """A piece of work.

    Args:
        id: opaque.
        kind: "treat", "compare".
        about: plain values that tell what it is about, such as {"run": id}.
        folder: of its log and of `files/`, where its command may put what the page should load.
    """

    id: str
    kind: str
    about: dict[str, Any]
    folder: Path
    state: Literal["running", "done", "failed"] = "running"
    progress: float | None = None
    words: str = "Starting."
    result: dict[str, Any] | None = None
    outlives: bool = False
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)
    hear: Callable[[str], float | None] | None = field(default=None, repr=False)
    finish: Callable[[dict[str, Any]], dict[str, Any]] | None = field(default=None, repr=False)

    @property
    def files(self) -> Path:
        """Where the command puts files that the page may load, by name, as /api/jobs/ID/files/NAME."""
        return self.folder / "files"

    def to_dict(self) -> dict[str, Any]:
        """What the page sees of it."""
        log = read_tail(self.folder / "log", _TAIL)
        told = {"job": self.id, "kind": self.kind, "state": self.state, "progress": self.progress, "words": self.words}
        return told | {"about": self.about, "result": self.result, "log_tail": log}


class Jobs:
    """The jobs of this launch.

    Args:
        publish: called with ("job", what `Job.to_dict` says) whenever one changed.
    """

    def __init__(self, publish: Callable[[str, dict[str, Any]], None]) -> None:
        self._publish, self._lock = publish, threading.RLock()
        self._jobs: dict[str, Job] = {}
        self._root: Path | None = None

    def start(
        self,
        kind: str,
        arguments: Callable[[Path], Sequence[str]],
        *,
        about: dict[str, Any] | None = None,
        hear: Callable[[str], float | None] | None = None,
        finish: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
        outlives: bool = False,
    ) -> Job:
        """Runs `reverie ARGUMENTS`, which prints one JSON object.

        Args:
            kind: of the work.
            arguments: given the folder for its files, the words after `reverie`. Words from outside must not be able to
                pass for flags.
            about: see `Job`.
            hear: given the newest line of its log, the progress in [0, 1], or None when it does not tell.
            finish: given what it printed, its result; left out, that itself.
            outlives: True when it goes on after the studio, as a training does.
        Raises:
            Fault: too many are running, or the process cannot be started.
        """
        with self._lock:
            if sum(job.state == "running" for job in self._jobs.values()) >= MOST_RUNNING:
                raise Fault(429, f"{MOST_RUNNING} jobs are running. Wait until one has ended.")
            self._root = self._root or Path(tempfile.mkdtemp(prefix="reverie-studio-"))
            made = Job(secrets.token_hex(6), kind, about or {}, self._root / "", outlives=outlives)
            made.folder, made.hear, made.finish = self._root / made.id, hear, finish
            made.files.mkdir(parents=True)
            made.process = spawn(arguments(made.files), made.folder / "log", made.folder / "printed")
            self._jobs[made.id] = made
            self._forget()
        self._publish("job", made.to_dict())
        return made

    def get(self, job: str) -> Job:
        """The job of that id, as it is now.

        Raises:
            Fault: there is none.
        """
        self.look()
        with self._lock:
            if job not in self._jobs:
                raise Fault(404, "There is no such job: it belonged to an earlier start of the studio. Start it again.")
            return self._jobs[job]

    def file(self, job: str, name: str) -> Path:
        """A file that a job made.

        Raises:
            Fault: there is none of that name.
        """
        path = self.get(job).files / name
        if not _NAME.fullmatch(name) or not regular(path):
            raise Fault(404, "There is no such file of this job. Load the job again for the names of its files.")
        return path

    def look(self) -> None:
        """Sees how far every running job is, and publishes what changed."""
        with self._lock:
            changed = [job for job in self._jobs.values() if job.state == "running" and _look(job)]
        for job in changed:
            self._publish("job", job.to_dict())

    @property
    def running(self) -> bool:
        """True while a job runs."""
        return any(job.state == "running" for job in list(self._jobs.values()))

    def close(self) -> None:
        """Ends those that are of no use without the studio, and removes what they left."""
        with self._lock:
            living = [job for job in self._jobs.values() if job.process is not None and job.process.poll() is None]
            for job in living:
                if job.process is not None and not job.outlives:
                    job.process.terminate()
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        job.process.wait(2)
            if self._root is not None and not any(job.outlives for job in living):
                shutil.rmtree(self._root, ignore_errors=True)

    def _forget(self) -> None:
        """Drops the oldest that have ended."""
        ended = [job for job in self._jobs.values() if job.state != "running"]
        for job in ended[: max(0, len(self._jobs) - MOST_KEPT)]:
            del self._jobs[job.id]
            shutil.rmtree(job.folder, ignore_errors=True)


def spawn(arguments: Sequence[str], log: Path, printed: Path | None = None) -> "subprocess.Popen[bytes]":
    """Starts `python -m reverie` in a session of its own, so that it outlives the studio and its terminal.

    Args:
        arguments: the words after `reverie`.
        log: gets stderr, and stdout too where `printed` is left out.
        printed: gets stdout.
    Raises:
        Fault: it cannot be started.
    """
    words = [sys.executable, "-m", "reverie", *arguments]
    try:
        with contextlib.ExitStack() as files:
            err = files.enter_context(log.open("ab"))
            out = files.enter_context(printed.open("wb")) if printed is not None else err
            return subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True, env=_environment()
            )
    except OSError as error:
        raise Fault(
            500, f"The training process could not be started ({error.strerror}). Free space or memory."
        ) from None


def _environment() -> dict[str, str]:
    """This process's, with the package importable and the log written line by line."""
    here = str(Path(__file__).parents[2])
    known = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([here, *known]), "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}


def last_line(log: str) -> str:
    """The last line that says something.

    Example:
        >>> last_line("one\\ntwo\\n\\n")
        'two'
    """
    return next((line.strip() for line in reversed(log.splitlines()) if line.strip()), "")


def _look(job: Job) -> bool:
    """Brings a running job up to date; True when something changed."""
    before = (job.state, job.words, job.progress)
    line = last_line(read_tail(job.folder / "log", _TAIL))
    if line:
        job.words = line.removeprefix("error: ")
        told = job.hear(line) if job.hear is not None else None
        job.progress = job.progress if told is None else told
    if job.process is not None and job.process.poll() is not None:
        _end(job, job.process.returncode)
    return before != (job.state, job.words, job.progress)


def _end(job: Job, status: int) -> None:
    try:
        if status != 0:
            raise ValueError
        raw = (job.folder / "printed").read_bytes()[: _RESULT + 1]
        printed: Any = json.loads(raw) if len(raw) <= _RESULT else None
        told = cast(dict[str, Any], printed) if isinstance(printed, dict) else {}
        job.result = job.finish(told) if job.finish is not None else told
        job.state, job.progress, job.words = "done", 1.0, "Done."
    except (OSError, ValueError, KeyError, TypeError):
        job.state = "failed"
        if job.words == "Starting.":
            job.words = f"It ended with status {status}."
