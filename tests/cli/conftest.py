"""A stand-in for `reverie.api` that remembers what it was asked, so that commands can be tested in milliseconds."""

import inspect
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import reverie
from reverie.api.bakeoff import Training
from reverie.cli import main
from reverie.core.errors import RunError
from reverie.core.event import Event, Finished, Probed, Started, Stepped, Warned
from reverie.core.recipe import Recipe


def fitting(signature: inspect.Signature, pretend: Callable[..., Any]) -> Callable[..., Any]:
    """`pretend`, which refuses arguments that do not fit the signature."""

    def call(*args: Any, **kwargs: Any) -> Any:
        signature.bind(*args, **kwargs)
        return pretend(*args, **kwargs)

    return call


BEL = "\x1b[31mred\x07"


class Api(types.ModuleType):
    """What the commands call; `asked` holds the arguments, `events` what a training says."""

    def __init__(self) -> None:
        super().__init__("reverie.api")
        self.asked: dict[str, Any] = {}
        self.images = torch.zeros(4, 1, 8, 8)
        self.events: list[Event | Exception] = [
            Started(images=0, parameters=10),
            Stepped(images=64, seconds=1, phase="elbo", terms={"kl_nats": 24.123, "weighted_kl_nats": 24.123}),
            Warned(images=64, seconds=1, code="X001", message=f"A loss was not finite {BEL}."),
            Probed(images=64, seconds=1, values={"held_out_elbo_nats": float("nan")}),
            Stepped(images=128, seconds=2, phase="elbo", terms={"kl_nats": float("nan")}),
            Finished(images=128, seconds=2, reason="budget"),
        ]

    def recipe(self, what: str, data: str | None = None, **given: Any) -> Recipe:
        self.asked |= {"what": what, "data": data, **given}
        return Recipe.from_dict({"family": "vae", "data": {"source": data or "faces"}, "train": {"images": 128}})

    def new_folder(self, recipe: Recipe) -> Path:
        return Path("runs") / "chosen"

    def train(
        self, recipe: Recipe, *, run: Path, stop: Callable[[], bool], start: Path | None = None
    ) -> Iterator[Event]:
        self.asked |= {"run": run, "stop": stop, "start": start}
        for event in self.events:
            if isinstance(event, Exception):
                raise event
            yield event

    def resume(self, run: Path, *, stop: Callable[[], bool]) -> Iterator[Event]:
        return self.train(Recipe.from_dict({"family": "vae"}), run=run, stop=stop)

    def demo(self, folder: Path, *, minutes: float, stop: Callable[[], bool]) -> Iterator[Training]:
        self.asked |= {"minutes": minutes}
        for family in ("vae", "gan"):
            made = Recipe.from_dict({"family": family})
            yield Training(made, folder / family, self.train(made, run=folder / family, stop=stop))
        self._recommends(folder)
        self.asked["report"] = True

    def bakeoff(self, data: str, folder: Path, *, families: list[str], **given: Any) -> Iterator[Training]:
        self.asked |= {"data": data, "families": families, **given}
        for family in families:
            made = Recipe.from_dict({"family": family})
            yield Training(made, folder / family, self.train(made, run=folder / family, stop=given["stop"]))
        self._recommends(folder)

    def _recommends(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "bakeoff.json").write_text('{"schema": 1, "recommendation": ["Take the gan."]}')

    def show(self, run: Path) -> dict[str, Any]:
        return {
            "name": Path(run).name + BEL,
            "path": str(run),
            "family": "vae",
            "preset": "default",
            "data": "/photos/cats",
            "state": "finished",
            "images": 12_800,
            "fraction": 1.0,
            "seconds": 75.0,
            "parameters": 123_456,
            "device": "cpu",
            "terms": {"kl_nats": 24.123},
            "probe": {"held_out_elbo_nats": float("nan")},
            "modified": 0.0,
        }

    def runs(self, folder: Path) -> list[dict[str, Any]]:
        self.asked["folder"] = folder
        return [] if folder.name == "empty" else [self.show(Path("a")), self.show(Path("longer"))]

    def sample(self, run: Path, n: int, **given: Any) -> Tensor:
        self.asked |= {"sampled": run, "n": n, **given}
        if not run.exists():
            raise RunError(f"{run}: is not a run folder.")
        return self.images

    def interpolate(self, run: Path, a: str, b: str, **given: Any) -> Tensor:
        self.asked |= {"a": a, "b": b, **given}
        return self.images

    def measure(self, run: Path, *, progress: Callable[[str, int, int], None], **given: Any) -> dict[str, Any]:
        self.asked |= given
        progress("elbo", 1, 2)
        metrics = {
            "elbo": {"value": -78.2381, "se": 0.314, "n": 512, "unit": "nats"},
            "kl": {"value": 20.0, "se": None, "n": 512, "unit": "nats", "per": [10.0, 10.0]},
        }
        return {"schema": 1, "run": "x", "protocol": {"split": "held-out", "seed": 0}, "metrics": metrics}

    def describe_data(self, source: str, **fields: Any) -> dict[str, Any]:
        self.asked |= {"source": source, **fields}
        return {
            "source": source,
            "images": 9500,
            "classes": {"cat": 5000, BEL: 4500},
            "shape": [3, 4, 5],
            "widths": [5, 7, 90],
            "heights": [4, 4, 4],
            "unreadable": [["a.jpg" + BEL, "is cut short"]],
            "ignored": 0,
        }

    def prepare_data(self, source: str, *, progress: Callable[[int, int], None], **fields: Any) -> dict[str, Any]:
        progress(1, 2)
        return self.describe_data(source, **fields)

    def info(self) -> dict[str, Any]:
        return {"reverie": "0.1.0", "versions": {"torch": "2.13"}, "cores": 2, "share": float("inf")}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Api:
    """The stand-in, in an empty working folder; what it is asked must suit the real one."""
    import reverie.api as real

    stand_in = Api()
    for name in real.__all__:
        if callable(getattr(Api, name, None)):
            signature = inspect.signature(getattr(real, name))
            monkeypatch.setattr(stand_in, name, fitting(signature, getattr(stand_in, name)))
    monkeypatch.setitem(sys.modules, "reverie.api", stand_in)
    monkeypatch.setattr(reverie, "api", stand_in, raising=False)
    monkeypatch.chdir(tmp_path)
    return stand_in


class Said:
    """One command line: its exit status, and what it wrote."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Runs a command line in this process."""

    def run(*words: str) -> Said:
        capsys.readouterr()
        status = main(list(words))
        out, err = capsys.readouterr()
        assert "Traceback" not in err or "--debug" in words
        assert "\x1b" not in out + err, "nothing from outside may steer the terminal"
        return Said(status, out, err)

    return run
