"""`reverie diagnose` and `reverie treat`: what they print, and how they exit."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from reverie.cli import app
from reverie.cli.treat import in_words
from reverie.core.event import Event, Finished

RECORDED = Path(__file__).parents[1] / "fixtures" / "doctor"


@pytest.fixture
def run(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A copy of a recorded run: the command writes findings.json."""
    kind, code = request.param
    shutil.copytree(RECORDED / kind / code, tmp_path / code)
    return tmp_path / code


def reverie(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


SICK = pytest.mark.parametrize("run", [("sick", "G001")], indirect=True)
SOUND = pytest.mark.parametrize("run", [("healthy", "G001")], indirect=True)


@SICK
def test_a_finding_in_words(run: Path) -> None:
    said = reverie("diagnose", run)
    assert said.exit_code == 0
    lines = said.stdout.splitlines()
    assert lines[0].startswith("G001 total mode collapse (") and "% sure, since image " in lines[0]
    assert any("probe.diversity 0." in line and "healthy: 0." in line for line in lines)
    assert "  Remedy: --set " in said.stdout and f"reverie treat {run} G001" in said.stdout
    assert "docs/doctor.md#g001-total-mode-collapse" in said.stdout


@SOUND
def test_nothing_found_says_what_was_looked_for(run: Path) -> None:
    said = reverie("diagnose", run)
    assert said.exit_code == 0
    assert said.stdout.startswith("nothing found: ") and "symptoms looked for" in said.stdout


@SICK
def test_json_is_one_object_and_is_kept(run: Path) -> None:
    said = reverie("diagnose", run, "--json")
    told = json.loads(said.stdout)
    assert set(told) == {"schema", "run", "images", "looked_for", "findings", "failed"}
    assert (told["schema"], told["run"], told["failed"]) == (1, "G001", [])
    first = told["findings"][0]
    assert set(first) == {
        "code", "title", "saw", "why", "evidence", "confidence", "since", "remedy", "advice", "reference", "pictures",
        "stop",
    }  # fmt: skip
    assert set(first["evidence"][0]) == {"name", "value", "low", "high", "source"}
    assert json.loads((run / "findings.json").read_text()) == told


@SICK
@pytest.mark.parametrize(
    ("codes", "status"),
    [("G001", 3), ("G", 3), ("X012, G001", 3), ("V", 0), ("X012", 0), ("", 0), (",", 0), ("g001", 3)],
)
def test_fail_on(run: Path, codes: str, status: int) -> None:
    assert reverie("diagnose", run, "--fail-on", codes).exit_code == status
    assert reverie("diagnose", run, "--fail-on", codes, "--json").exit_code == status


@SOUND
def test_a_sound_run_never_fails(run: Path) -> None:
    assert reverie("diagnose", run, "--fail-on", "X,V,G").exit_code == 0


@SICK
def test_hostile_findings_cannot_steer_the_terminal(run: Path) -> None:
    recipe = run / "recipe.toml"
    text = recipe.read_text().replace('source = "digits"', r'source = "digits\u001b[2J"')
    recipe.write_text(text)
    assert "\x1b" not in reverie("diagnose", run).stdout


def test_no_run_is_a_sentence(tmp_path: Path) -> None:
    for verb in ("diagnose", "treat"):
        said = reverie(verb, tmp_path)
        assert said.exit_code == 1


def told(treated: tuple[bool, list[str]], control: tuple[bool, list[str]]) -> dict[str, Any]:
    def fork(name: str, found: bool, codes: list[str]) -> dict[str, Any]:
        return {"folder": f"runs/{name}", "images": 900, "found": found, "codes": codes, "evidence": {"probe.x": 0.5}}

    return {
        "code": "G001", "title": "total mode collapse", "remedy": {"gan.penalties": ["r1", "r2"]}, "from_images": 100,
        "helped": not treated[0] and control[0], "treated": fork("t", *treated), "control": fork("c", *control),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("treated", "control", "words"),
    [
        ((False, []), (True, ["G001"]), "It helped: the finding went away"),
        ((False, ["X011"]), (True, ["G001"]), "look at what else was found"),
        ((True, ["G001"]), (True, ["G001"]), "It did not help"),
        ((False, []), (False, []), "proved nothing"),
        ((True, ["G001"]), (False, []), "It did harm"),
    ],
)
def test_what_came_of_a_treatment(treated: tuple[bool, list[str]], control: tuple[bool, list[str]], words: str) -> None:
    said = in_words(told(treated, control))
    assert words in said
    assert 'G001 total mode collapse, from image 100; remedy: --set \'gan.penalties=["r1", "r2"]\'' in said
    assert said.count("reverie resume runs/t") == (0 if treated[0] or not control[0] else 1)


@pytest.mark.parametrize("policy", ["warn", "stop", "treat"])
def test_a_training_that_the_doctor_ended(policy: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import reverie.api as real

    asked: list[Path] = []

    def train(*_: Any, **__: Any) -> Iterator[Event]:
        yield Finished(images=64, seconds=1, reason="finding")

    def treat(run: Path, **_: Any) -> dict[str, Any]:
        asked.append(run)
        return told((False, []), (True, ["G001"]))

    monkeypatch.setattr(real, "train", train)
    monkeypatch.setattr(real, "treat", treat)
    given = ("--images", "64", "--set", f"train.on_finding={policy}", "--run", tmp_path / "run")
    said = reverie("train", "gan", "digits", *given)
    assert said.exit_code == 0 and said.stdout.strip() == str(tmp_path / "run")
    assert "ended by the doctor" in said.stderr and f"reverie diagnose {tmp_path / 'run'}" in said.stderr
    assert asked == ([tmp_path / "run"] if policy == "treat" else [])
    assert ("It helped" in said.stderr) is (policy == "treat")
