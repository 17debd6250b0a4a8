"""The run folder: the only thing that the parts of Reverie share about a training.

    recipe.toml  env.json  events.jsonl  samples/  weights/  state/  probes/  card.md  LOCK

Writers replace files atomically; readers treat everything in it as untrusted. Tensors are `reverie.train.checkpoint`'s.
"""

import contextlib
import fcntl
import json
import os
import socket
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, cast

from reverie.core.errors import RunError
from reverie.core.event import Event, Started, from_json, to_json
from reverie.core.recipe import Recipe


class Run:
    """A run folder, opened by path.

    Args:
        path: the folder.

    Example:
        >>> import tempfile; folder = Path(tempfile.mkdtemp()) / "run"
        >>> run = Run.create(folder, Recipe.from_dict({"family": "vae"}))
        >>> run.recipe().family
        'vae'
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._unwritten: list[str] = []

    @staticmethod
    def create(path: Path, recipe: Recipe) -> "Run":
        """Makes the folder with its recipe; leaves an existing run of the same recipe as it is.

        Raises:
            RunError: the folder holds something else, holds a run of another recipe, or cannot be written.
        """
        run = Run(path)
        if (path / "recipe.toml").exists():
            differing = differences(run.recipe().to_dict(), recipe.to_dict())
            if differing:
                raise RunError(
                    f"{path}: holds a run with another recipe ({'; '.join(differing[:3])}). "
                    f"Name another folder with --run, or continue this one with `reverie resume {path}`."
                )
            return run
        if path.exists() and (not path.is_dir() or any(p.name != "LOCK" for p in path.iterdir())):
            raise RunError(f"{path}: exists and is not a run folder. Name a new folder with --run.")
        with explained(path):
            for sub in ("samples", "weights", "state", "probes"):
                (path / sub).mkdir(parents=True, exist_ok=True)
            atomic_write(path / "recipe.toml", recipe.to_toml().encode())
        return run

    @staticmethod
    def open(path: Path) -> "Run":
        """An existing run.

        Raises:
            RunError: not a run folder.
        """
        if not (path / "recipe.toml").is_file():
            raise RunError(
                f"{path}: is not a run folder (it has no recipe.toml). `reverie runs` lists those there are."
            )
        return Run(path)

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.resolve().name

    def recipe(self) -> Recipe:
        """The complete recipe that the run was started with."""
        return Recipe.load(self.path / "recipe.toml")

    def append(self, event: Event) -> None:
        """Adds a line to `events.jsonl`. On a full disk the line is kept in memory and goes out with the next."""
        self._unwritten.append(to_json(event) + "\n")
        with contextlib.suppress(OSError):
            path = self.path / "events.jsonl"
            with path.open("ab+") as file:
                end = file.seek(0, os.SEEK_END)
                if end:
                    file.seek(end - 1)
                    torn = file.read(1) != b"\n"  # a killed process left half a line
                    if torn:
                        self._unwritten.insert(0, "\n")
                file.write("".join(self._unwritten).encode())
                file.flush()
            self._unwritten.clear()

    def events(self) -> Iterator[Event]:
        """Every event that still stands, in order: what a killed trainer said after its last checkpoint is dropped
        once its successor starts again from that checkpoint."""
        standing: list[Event] = []
        with (
            contextlib.suppress(FileNotFoundError),
            (self.path / "events.jsonl").open(encoding="utf-8", errors="replace") as file,
        ):
            for line in file:
                event = from_json(line)
                if isinstance(event, Started):
                    while standing and (not event.resumed or standing[-1].images > event.images):
                        standing.pop()
                if event is not None:
                    standing.append(event)
        return iter(standing)

    def env(self) -> dict[str, Any]:
        """What `env.json` says, or an empty dict."""
        try:
            values = json.loads((self.path / "env.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return cast(dict[str, Any], values) if isinstance(values, dict) else {}

    def lock(self) -> "contextlib.AbstractContextManager[None]":
        """Holds the folder against a second trainer. The kernel lets go when the process ends, however it ends.

        Raises:
            RunError: another process trains here; the message names it.
        """
        return _lock(self.path)

    def is_training(self) -> bool:
        """True while some process holds the lock."""
        try:
            with (self.path / "LOCK").open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                fcntl.flock(file, fcntl.LOCK_UN)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False


@contextlib.contextmanager
def _lock(folder: Path) -> Generator[None]:
    with explained(folder):
        file = (folder / "LOCK").open("a+")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            holder = file.read(200).strip() or "another process"
            raise RunError(
                f"{folder}: is being trained by {holder}. Wait for it, stop it, or name another folder with --run."
            ) from None
        with contextlib.suppress(OSError):  # on a full disk the lock still holds, without its name
            file.truncate(0)
            file.write(f"process {os.getpid()} on {socket.gethostname()}")
            file.flush()
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                file.truncate(0)
            fcntl.flock(file, fcntl.LOCK_UN)


def atomic_write(path: Path, content: bytes) -> None:
    """Replaces `path` by `content`: readers see the old bytes or the new ones, at every instant and after any crash."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes renames in `folder` survive a power cut, where the file system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def explained(path: Path) -> Generator[None]:
    """Turns an OSError into a RunError that names the path and a next step."""
    try:
        yield
    except PermissionError:
        raise RunError(f"{path}: cannot be written (permission denied). Name a folder of yours with --run.") from None
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({error.strerror}). Free space or name another folder.") from None


def differences(old: dict[str, Any], new: dict[str, Any], prefix: str = "") -> list[str]:
    """ "vae.beta: 1.0 -> 4.0" for every value that differs between two recipes' dicts."""
    lines: list[str] = []
    for name in sorted({*old, *new}):
        a, b = old.get(name), new.get(name)
        if isinstance(a, dict) and isinstance(b, dict):
            lines += differences(cast(dict[str, Any], a), cast(dict[str, Any], b), f"{prefix}{name}.")
        elif a != b:
            lines.append(f"{prefix}{name}: {a} -> {b}")
    return lines
