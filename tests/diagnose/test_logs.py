"""The doctor with losses alone: the records of public trainings, and games whose losses step apart or run away."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from reverie.core.event import Stepped
from reverie.core.finding import Record
from reverie.core.recipe import Recipe
from reverie.diagnose.engine import diagnose

ROOT = Path(__file__).parents[2]
REPORTS = 400


@pytest.fixture(scope="module")
def logs() -> ModuleType:
    """`benchmarks/studiogan_logs.py`."""
    spec = importlib.util.spec_from_file_location("studiogan_logs", ROOT / "benchmarks" / "studiogan_logs.py")
    if spec is None or spec.loader is None:
        pytest.skip("needs the benchmarks folder beside the tests")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def codes(critic: np.ndarray, generator: np.ndarray, objective: str = "hinge") -> list[str]:
    """What the doctor finds in losses alone."""
    gan = {"objective": objective, "penalties": []}
    recipe = Recipe.from_dict({"family": "gan", "train": {"images": REPORTS}, "gan": gan})
    events = [
        Stepped(images=i + 1, phase=phase, terms={"adversarial": float(values[i])})
        for i in range(REPORTS)
        for phase, values in (("critic", critic), ("generator", generator))
    ]
    return [f.code for f in diagnose(Record(recipe, tuple(events)))]


def test_public_trainings(logs: ModuleType, real_data: Path) -> None:
    folder = real_data / "studiogan-logs"
    if not folder.is_dir():
        pytest.skip("needs studiogan-logs in REVERIE_DATA")
    by_name = {log.name.split("@")[0]: log for log in logs.read(folder)}
    wrong = [log.degraded for log in by_name.values()]
    assert 5 <= sum(wrong) <= 6  # two logs share a name
    lost, sound = by_name["LSGAN"], by_name["SNGAN"]
    assert lost.degraded and not sound.degraded
    assert [f.code for f in diagnose(lost.record(lost.steps))] == ["G003"]
    assert diagnose(sound.record(sound.steps)) == []
    better = replace(lost, rows=np.where(np.arange(4) == 3, np.minimum(lost.rows, 1.0), lost.rows))
    assert [f.code for f in diagnose(better.record(better.steps))] == ["G003"]  # the FID is no input


def test_losses_that_step_apart() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, (2, REPORTS))
    late = np.arange(REPORTS) >= 0.7 * REPORTS
    assert codes(2.7 + noise[0] - 0.6 * late, 2.0 + noise[1] + 1.0 * late) == ["G003"]
    assert codes(2.7 + noise[0] - 0.6 * late, 2.0 + noise[1]) == []  # one alone: a change of the schedule
    assert codes(2.7 + noise[0] + 0.6 * late, 2.0 + noise[1] - 1.0 * late) == []  # the other way round
    slow = np.linspace(0, 1, REPORTS)
    assert codes(2.7 + noise[0] - 0.9 * slow, 2.0 + noise[1] + 1.5 * slow) == []  # sound critics win slowly
    passing = late & (np.arange(REPORTS) < 0.85 * REPORTS)
    assert codes(2.7 + noise[0] - 0.6 * passing, 2.0 + noise[1] + 1.0 * passing) == []


def test_a_wasserstein_estimate_that_loses_its_sign() -> None:
    noise = np.random.default_rng(1).normal(0, 1.0, (2, REPORTS))
    slow = np.linspace(0, 1, REPORTS)
    lost = -2 * (1 - slow) + 0.5 * noise[0]
    assert codes(lost, noise[1] * (1 + 20 * slow), "wasserstein") == ["G006"]
    assert codes(lost, noise[1] * (1 - 0.5 * slow), "wasserstein") == []  # converged: its output comes to rest
    assert codes(lost - 1.5, noise[1] * (1 + 20 * slow), "wasserstein") == []  # still clear
