"""`train.compile` and `measure --compile` change speed, not results; skipped where there is no C++ compiler."""

import shutil
import sys
import sysconfig
from pathlib import Path

import pytest
import torch

import reverie as rv
from reverie.core.errors import RecipeError, UsageError

sys.path.insert(0, str(Path(__file__).parent))
from memory import make, run_to_end

# Those that Python shows its users by default fail the tests; PyTorch's own, of what it will retire, do not.
pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]
needs_a_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
SSL = {
    "ssl.net": "mlp",
    "ssl.width": 32,
    "ssl.features": 16,
    "ssl.projector": 32,
    "train.batch": 32,
    "ssl.method": "byol",
}


@needs_a_compiler
@pytest.mark.parametrize(
    "settings",
    [
        {"vae__net": "mlp", "vae__scale": 0.5},
        {"vae__net": "mlp", "vae__likelihood": "bernoulli", "vae__warmup": 0.8, "vae__conditional": True},
    ],
    ids=["gaussian", "coins"],
)
def test_a_compiled_objective_trains_to_nearly_the_same_weights(tmp_path: Path, settings: dict[str, object]) -> None:
    """And is compiled once: the moment of a step is no part of it. Twelve steps, at every one another KL weight."""
    plain = run_to_end(tmp_path / "a", make(192, **settings))
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    compiled = run_to_end(tmp_path / "b", make(192, **settings, train__compile=True))
    for a, b in zip(plain.model.parameters(), compiled.model.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-2, atol=1e-4)
    counted = torch._dynamo.utils.counters
    assert counted["stats"]["unique_graphs"] == 1 and not counted["graph_break"]


@needs_a_compiler
def test_student_and_teacher_are_compiled_once_each(tmp_path: Path) -> None:
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    recipe = rv.recipe("ssl", "digits", images=320, settings=SSL | {"train.compile": True})
    rv.fit(recipe, run=tmp_path / "run")
    counted = torch._dynamo.utils.counters
    assert counted["stats"]["unique_graphs"] == 2 and not counted["graph_break"]


@needs_a_compiler
def test_a_compiled_likelihood_is_the_same_number(tmp_path: Path) -> None:
    settings = {"data.binarize": "threshold", "vae.likelihood": "bernoulli", "vae.net": "mlp", "vae.width": 64}
    run = rv.fit(rv.recipe("vae", "digits", images=5000, settings=settings), run=tmp_path / "run").path
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    plain, compiled = (rv.measure(run, metrics=["nll"], samples=64, num=32, compiled=c) for c in (False, True))
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] >= 1
    assert plain["protocol"]["likelihood_compiled"] is False and compiled["protocol"]["likelihood_compiled"] is True
    for name in ("nll", "elbo", "ess"):
        assert compiled["metrics"][name]["value"] == pytest.approx(plain["metrics"][name]["value"], rel=1e-4)


def test_a_gan_says_that_it_cannot_be_compiled() -> None:
    with pytest.raises(RecipeError, match=r"train\.compile must be false: what is compiled cannot be differentiated"):
        rv.recipe("gan", "digits", images=64, settings={"train.compile": True})


def test_what_a_compiler_lacks_is_one_sentence_and_leaves_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = rv.recipe("vae", "digits", images=64, settings={"train.compile": True})
    with (
        monkeypatch.context() as patch,
        pytest.raises(UsageError, match=r"needs a C\+\+ compiler \(no-such-compiler\)"),
    ):
        patch.setenv("CXX", "no-such-compiler")
        rv.fit(recipe, run=tmp_path / "run")
    monkeypatch.setenv("CXX", sys.executable)  # whatever there is
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    with pytest.raises(UsageError, match=r"needs Python's headers \(.*Python\.h\)\. Install"):
        rv.fit(recipe, run=tmp_path / "run")
    assert not (tmp_path / "run").exists()
