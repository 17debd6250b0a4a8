"""What every test shares: one thread, no user's cache, no surprise from the terminal."""

import os
from collections.abc import Iterator
from pathlib import Path

# Before torch and matplotlib are imported: two workers on two cores beat four threads that wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["MPLBACKEND"] = "Agg"

import pytest
import torch
from hypothesis import settings

ROOT = Path(__file__).parents[1]

# The same examples in every run, and no clock: a test that fails, fails for everyone.
settings.register_profile("reverie", deadline=None, derandomize=True, database=None)
settings.load_profile("reverie")


@pytest.fixture(autouse=True, scope="session")
def private_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Prepared data goes to a folder of this run of the tests, never to the user's cache."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REVERIE_CACHE", str(folder))
        yield folder


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Sums in one order, and no fight for cores; a training in an earlier test may have set more."""
    torch.set_num_threads(1)


@pytest.fixture
def real_data(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of real image sets: REVERIE_DATA, or ../shared/data beside the repository; skips without one."""
    folder = Path(os.environ.get("REVERIE_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("needs real images: set REVERIE_DATA to a folder that holds mnist/, noto-emoji/ and so on")
    monkeypatch.setenv("REVERIE_DATA", str(folder))
    return folder
