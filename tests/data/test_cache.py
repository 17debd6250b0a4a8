"""The cache: never stale, never half there, made anew when damaged, and only once when two want it."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reverie.core.errors import DataError
from reverie.core.recipe import DataRecipe
from reverie.data import cache_root, open_dataset
from reverie.data.cache import open_prepared

from .conftest import noise

SOURCE = Path(__file__).parents[2] / "src"
Make = Callable[..., Path]

# Builds a cache and says which; imports no torch, so that many of these are cheap.
CHILD = """
import os, signal, sys
from pathlib import Path
from reverie.data import cache, prepare
from reverie.data.folder import Folder
from reverie.data.view import View

def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

prepare.BLOCK_ITEMS = 8
source, root, stage = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
progress = None
if stage == "blocks":
    progress = lambda done, total: die() if done > total // 2 else None
elif stage == "manifest":
    prepare.atomic_write = die
elif stage == "publish":
    prepare.publish = die
elif stage == "rename":
    cache.sync_folder = die  # the first call comes right after the rename
elif stage == "full disk":
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    made = prepare.prepare(Folder(source), View(), root, progress)
except Exception as error:
    sys.exit(f"{type(error).__name__}: {error}")
print(made.manifest.fingerprint)
"""


def child(source: Path, root: Path, stage: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(source), str(root), stage],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def folders(root: Path) -> list[Path]:
    """Caches that a reader could find."""
    return [p for p in (root / "data").iterdir() if p.is_dir() and not p.name.startswith(".")]


def leftovers(root: Path) -> list[Path]:
    return list((root / "data").glob(".*.tmp"))


@pytest.mark.parametrize("stage", ["blocks", "manifest", "publish", "rename"])
def test_kill_nine_leaves_a_whole_cache_or_none(stage: str, folder_of: Make, tmp_path: Path) -> None:
    source, root = folder_of(64), tmp_path / "cache"
    killed = child(source, root, stage)
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert len(folders(root)) == (stage == "rename")
    for folder in folders(root):
        assert open_prepared(folder) is not None
    second = child(source, root)
    out, errors = second.communicate(timeout=60)
    assert second.returncode == 0, errors
    assert len(folders(root)) == 1 and not leftovers(root), "what was left behind stays"
    fresh = child(source, tmp_path / "fresh")
    assert fresh.communicate(timeout=60)[0] == out


def test_two_processes_at_once(folder_of: Make, tmp_path: Path) -> None:
    source, root = folder_of(300), tmp_path / "cache"
    both = [child(source, root) for _ in range(3)]
    said = [process.communicate(timeout=60) for process in both]
    assert {out for out, _ in said} == {said[0][0]} and said[0][0], said
    assert len(folders(root)) == 1 and not leftovers(root)


def test_a_full_disk(folder_of: Make, tmp_path: Path) -> None:
    process = child(folder_of(200), tmp_path / "cache", "full disk")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.startswith("DataError: ") and "File too large" in errors and "REVERIE_CACHE" in errors
    assert errors.count("\n") == 1 and not folders(tmp_path / "cache") and not leftovers(tmp_path / "cache")


def test_too_little_space_is_known_beforehand(folder_of: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(DataError, match="needs 0 MiB, 0 MiB are free"):
        open_dataset(DataRecipe(source=str(folder_of(20))), cache=tmp_path / "cache")


def test_a_root_that_cannot_be_written(folder_of: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written .* REVERIE_CACHE"):
        open_dataset(DataRecipe(source=str(folder_of(20))), cache=tmp_path / "file" / "cache")


def test_never_stale(folder_of: Make, tmp_path: Path) -> None:
    """Another image of the same name, size in bytes and modification time is noticed; so are additions and removals."""
    root, cache = folder_of(40), tmp_path / "cache"
    for i in range(40):  # uncompressed, so that every file has the same size
        (root / f"{i}.png").unlink()
        Image.fromarray(noise(i)).save(root / f"{i}.bmp")
    recipe = DataRecipe(source=str(root))
    prints = [open_dataset(recipe, cache=cache).fingerprint]
    before = (root / "7.bmp").stat()
    Image.fromarray(noise(77)).save(root / "7.bmp")
    os.utime(root / "7.bmp", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (root / "7.bmp").stat().st_size == before.st_size
    prints.append(open_dataset(recipe, cache=cache).fingerprint)
    Image.fromarray(noise(78)).save(root / "new.bmp")
    prints.append(open_dataset(recipe, cache=cache).fingerprint)
    (root / "new.bmp").unlink()
    (root / "3.bmp").unlink()
    prints.append(open_dataset(recipe, cache=cache).fingerprint)
    assert len(set(prints)) == 4
    sizes = [open_dataset(recipe.model_copy(update=new), cache=cache).fingerprint
             for new in ({"size": 8}, {"channels": "grey"}, {"background": "black"}, {"fit": "pad"})]  # fmt: skip
    assert len({*sizes, prints[-1]}) == 3, "background and fit change nothing here, size and channels do"


def test_a_folder_that_changes_while_it_is_read(folder_of: Make, tmp_path: Path) -> None:
    root = folder_of(200)

    def meddle(done: int, total: int) -> None:
        Image.fromarray(noise(999)).save(root / "late.png")

    with pytest.raises(DataError, match="changed while it was being read"):
        open_dataset(DataRecipe(source=str(root)), cache=tmp_path / "cache", progress=meddle)
    assert not folders(tmp_path / "cache")


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def grow(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"!")


def scramble(path: Path) -> None:
    path.write_bytes(b"\x93NUMPY" + os.urandom(300))


def lie(path: Path) -> None:
    values = json.loads(path.read_text())
    path.write_text(json.dumps({**values, "shape": [3, 12, 13]}))


DAMAGE = [
    *(("images.u8", d) for d in (cut, grow, Path.unlink)),
    *((f, d) for f in ("labels.npy", "hashes.npy", "manifest.json") for d in (cut, scramble, Path.unlink)),
    ("manifest.json", lie),
]  # fmt: skip


@pytest.mark.parametrize(("name", "damage"), DAMAGE, ids=lambda x: x if isinstance(x, str) else x.__name__)
def test_a_damaged_cache_is_made_anew(
    name: str, damage: Callable[[Path], None], folder_of: Make, tmp_path: Path
) -> None:
    recipe = DataRecipe(source=str(folder_of(40, classes=2)))
    sound = open_dataset(recipe, cache=tmp_path / "cache")
    (folder,) = folders(tmp_path / "cache")
    damage(folder / name)
    assert open_prepared(folder) is None
    again = open_dataset(recipe, cache=tmp_path / "cache")
    assert again.fingerprint == sound.fingerprint and folders(tmp_path / "cache") == [folder]
    assert open_prepared(folder) is not None and not leftovers(tmp_path / "cache")
    assert np.array_equal(again.train.raw(np.arange(20)), sound.train.raw(np.arange(20)))


def test_labels_out_of_range_are_damage(folder_of: Make, tmp_path: Path) -> None:
    open_dataset(DataRecipe(source=str(folder_of(40, classes=2))), cache=tmp_path / "cache")
    (folder,) = folders(tmp_path / "cache")
    np.save(folder / "labels.npy", np.full(40, 2, np.int32))
    assert open_prepared(folder) is None


def test_the_cache_is_used(folder_of: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = DataRecipe(source=str(folder_of(40)))
    open_dataset(recipe, cache=tmp_path / "cache")
    monkeypatch.setattr(Image, "open", lambda *a, **k: pytest.fail("an image is decoded again"))
    told: list[int] = []
    open_dataset(recipe, cache=tmp_path / "cache", progress=lambda done, total: told.append(done))
    assert not told


def test_an_open_set_outlives_its_cache(folder_of: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reverie.data.rows.Rows.__init__.__kwdefaults__", {"in_memory_bytes": 0})
    data = open_dataset(DataRecipe(source=str(folder_of(40))), cache=tmp_path / "cache")
    before = data.train.raw(np.arange(20))
    shutil.rmtree(tmp_path / "cache")
    assert np.array_equal(data.train.raw(np.arange(20)), before)


def test_where_the_cache_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path))
    assert cache_root() == tmp_path
    monkeypatch.delenv("REVERIE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_root() == tmp_path / "xdg" / "reverie"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_root() == tmp_path / ".cache" / "reverie"


LARGE = """
import resource, sys
from pathlib import Path
import numpy as np
from reverie.data.rows import Rows
path, num = Path(sys.argv[1]), int(sys.argv[2])
rows, order = Rows(path, num, (3, 64, 64)), np.random.default_rng(0).permutation(num)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for first in range(0, num, 128):
    rows.gather(order[first : first + 128])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_memory_does_not_grow_with_the_set(tmp_path: Path) -> None:
    """One epoch over 300 MiB of rows, in random order, costs less than 16 MiB of resident memory."""
    num = 25_600
    with (tmp_path / "images.u8").open("wb") as file:
        file.truncate(num * 3 * 64 * 64)
    done = subprocess.run(
        [sys.executable, "-c", LARGE, str(tmp_path / "images.u8"), str(num)],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(done.stdout) * unit < 16 * 2**20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 0
