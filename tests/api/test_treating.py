"""A remedy beside a control: equal chance for both, an honest word on what came of it, and nothing of a user's lost."""

import fcntl
import shutil
from pathlib import Path
from typing import Any

import pytest

from reverie.api.diagnosing import diagnose
from reverie.api.training import recipe, train
from reverie.api.treating import treat
from reverie.core.errors import RunError, UsageError
from reverie.core.event import Finished, Found, Probed, Started, Stepped
from reverie.core.run import Run
from reverie.train.checkpoint import States, read_tensors

# A critic too weak for its generator, fast steps, momentum, and no penalty: all samples become one digit.
COLLAPSING: dict[str, Any] = {
    "train.threads": 1, "train.batch": 64, "train.log_every": 5, "train.grids": 1, "train.probes": 16,
    "train.precision": "fp32", "train.device": "cpu", "train.ema_images": 500, "gan.net": "mlp", "gan.width": 128,
    "gan.depth": 3, "gan.critic_depth": 1, "gan.latent": 16, "gan.objective": "nonsaturating", "gan.penalties": [],
    "optim.lr": 5e-3, "optim.beta1": 0.9,
}  # fmt: skip
IMAGES = 16_000


def start(folder: Path, **settings: Any) -> Run:
    given = COLLAPSING | {name.replace("__", "."): value for name, value in settings.items()}
    for _ in train(recipe("gan", "digits", images=IMAGES, settings=given), run=folder):
        pass
    return Run.open(folder)


@pytest.fixture(scope="module")
def collapsed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return start(tmp_path_factory.mktemp("treat") / "sick")


@pytest.fixture
def sick(collapsed: Run, tmp_path: Path) -> Run:
    """A copy of its own."""
    shutil.copytree(collapsed.path, tmp_path / "sick")
    return Run.open(tmp_path / "sick")


@pytest.fixture(scope="module")
def treated(collapsed: Run) -> dict[str, Any]:
    """From the last healthy state."""
    return treat(collapsed.path, "G001")


@pytest.fixture(scope="module")
def anew(collapsed: Run) -> dict[str, Any]:
    """From untrained weights."""
    return treat(collapsed.path, "G001", fresh=True)


def losses(run: Run, first: int, last: int) -> list[tuple[int, str, dict[str, float]]]:
    return [(e.images, e.phase, e.terms) for e in run.events() if isinstance(e, Stepped) and first < e.images <= last]


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_remedy_helps_and_the_control_stays_sick(anew: dict[str, Any]) -> None:
    assert anew["code"] == "G001" and anew["remedy"] and anew["from_images"] == 0
    assert not anew["treated"]["found"] and anew["control"]["found"]
    assert anew["helped"] is True
    assert anew["treated"]["evidence"]["probe.diversity"] > 2 * anew["control"]["evidence"]["probe.diversity"]


@pytest.mark.parametrize("which", ["treated", "anew"])
def test_the_control_is_the_untreated_run_to_the_bit(
    collapsed: Run, which: str, request: pytest.FixtureRequest
) -> None:
    treated = request.getfixturevalue(which)
    control = Run.open(Path(treated["control"]["folder"]))
    began, ended = treated["from_images"], treated["control"]["images"]
    theirs = losses(control, began, ended)
    assert len(theirs) > 10
    assert theirs == losses(collapsed, began, theirs[-1][0])
    probed = [e.values for e in control.events() if isinstance(e, Probed)]
    assert probed == [e.values for e in collapsed.events() if isinstance(e, Probed)][: len(probed)]


def test_both_forks_start_from_the_last_state_before_the_first_sign(collapsed: Run, treated: dict[str, Any]) -> None:
    since = next(f["since"] for f in diagnose(collapsed.path)["findings"] if f["code"] == "G001")
    assert 0 < treated["from_images"] < since
    for name in ("treated", "control"):
        fork = Run.open(Path(treated[name]["folder"]))
        began = next(e.images for e in fork.events() if isinstance(e, Started))
        assert began == treated["from_images"]
        before = [e for e in fork.events() if e.images < began]
        assert [e for e in before if isinstance(e, Probed)] == [
            e for e in collapsed.events() if isinstance(e, Probed) and e.images < began
        ]
        assert not any(isinstance(e, Finished) for e in before)


def test_forks_only_speak_and_can_be_resumed(treated: dict[str, Any]) -> None:
    fork = Run.open(Path(treated["treated"]["folder"]))
    made = fork.recipe()
    assert made.train.on_finding == "warn"
    assert made.train.images == IMAGES
    assert made.change(treated["remedy"]).to_dict() == made.to_dict()


def test_a_taken_name_is_left_alone(sick: Run, treated: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("treated", "control"):
        shutil.copytree(treated[name]["folder"], sick.path.with_name(f"sick-{name}-G001"))
    (sick.path.with_name("sick-treated-G001-2")).write_text("somebody's notes")
    before = content(sick.path.parent)
    with (sick.path.with_name("sick-control-G001") / "LOCK").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # it is being trained
        told = treat(sick.path, "G001", share=0.02)
    assert Path(told["treated"]["folder"]).name == "sick-treated-G001-3"
    assert Path(told["control"]["folder"]).name == "sick-control-G001-2"
    after = content(sick.path.parent)
    assert {name: after[name] for name in before} == before


def test_by_default_it_lasts_until_the_run_itself_had_shown_it(collapsed: Run, treated: dict[str, Any]) -> None:
    since = next(f["since"] for f in diagnose(collapsed.path)["findings"] if f["code"] == "G001")
    told = next(e.images for e in collapsed.events() if isinstance(e, Found) and e.code == "G001" and e.images >= since)
    assert treated["control"]["images"] >= told


def test_a_run_that_was_never_healthy_starts_anew(sick: Run) -> None:
    for path in States(sick.path / "state").healthy:
        path.unlink(missing_ok=True)
    told = treat(sick.path, "G001", share=0.02)
    assert told["from_images"] == 0
    assert told["helped"] is False  # too short a look claims nothing


def test_a_run_in_training_is_refused(sick: Run) -> None:
    with sick.lock(), pytest.raises(RunError, match="is being trained"):
        treat(sick.path)
    assert [p.name for p in sick.path.parent.iterdir()] == ["sick"]


@pytest.mark.parametrize("share", [0, -1, 1.5, float("nan")])
def test_a_share_out_of_range_is_refused(sick: Run, share: float) -> None:
    with pytest.raises(UsageError, match="share must be in"):
        treat(sick.path, share=share)


def test_a_finding_that_is_not_there_is_refused_by_name(sick: Run) -> None:
    with pytest.raises(UsageError, match="V001: was not found"):
        treat(sick.path, "V001")


def test_a_damaged_healthy_state_is_a_sentence(sick: Run) -> None:
    path = sick.path / "state" / "healthy.safetensors"
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(RunError):
        treat(sick.path, "G001")
    tensors, about = read_tensors(States(sick.path / "state").newest)
    for lie in ({}, {"images": "many"}, {"images": -5, "seconds": 0.0}, {"images": 1e999, "seconds": 0}):
        States(sick.path / "state").save_healthy(tensors, {k: v for k, v in about.items() if k == "best"} | lie)
        with pytest.raises(RunError, match="--fresh"):
            treat(sick.path, "G001")
    assert [p.name for p in sick.path.parent.iterdir()] == ["sick"]


def test_a_fork_that_diverges_is_a_result(sick: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from reverie.api import treating

    real = treating._chosen

    def poisoned(*given: Any) -> Any:
        from dataclasses import replace

        return replace(real(*given), remedy={"optim.lr": 1e30})

    monkeypatch.setattr(treating, "_chosen", poisoned)
    told = treat(sick.path, "G001", share=0.05)
    assert "X001" in told["treated"]["codes"]


def test_what_diagnose_writes_down_is_what_it_says(sick: Run) -> None:
    import json

    told = diagnose(sick.path)
    assert told["findings"][0]["code"] == "G001" and told["failed"] == []
    assert json.loads((sick.path / "findings.json").read_text())["findings"][0]["code"] == "G001"
