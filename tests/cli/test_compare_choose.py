"""`reverie compare` and `reverie choose`: what they pass on, print and refuse."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

import reverie.cli.choose as command

from .conftest import BEL, Api, Said

Cli = Callable[..., Said]


def told(runs: list[Path], **asked: Any) -> dict[str, Any]:
    metrics = {"kid": {"value": 0.02, "se": 0.01, "n": 45, "unit": ""}}
    finding = {"code": "G001", "title": "mode collapse", "saw": f"Two bins {BEL}."}
    rows = [{"name": path.name + BEL, "metrics": metrics, "findings": [finding]} for path in runs]
    kid = {"metric": "kid", "apart": True, "p": 0.01, "se": 0.1, "words": f"a is better than b in kid {BEL}."}
    return {
        "kind": "images",
        "words": ["a is better than b in kid."],
        "recommendation": ["Take a."],
        "runs": rows,
        "protocol": {"samples": 45, "data": "digits", "split": "held-out"},
        "floors": {"kid": metrics["kid"]},
        "differences": [kid, kid | {"se": None, "words": "never"}],
        "left_out": {},
        "asked": {name: str(value) for name, value in asked.items() if name != "progress"},
    }


@pytest.fixture
def comparing(api: Api, monkeypatch: pytest.MonkeyPatch) -> Api:
    monkeypatch.setattr(api, "compare", told, raising=False)
    return api


def test_compare_says_words_first(comparing: Api, cli: Cli) -> None:
    said = cli("compare", "a", "b")
    lines = said.out.splitlines()
    assert said.status == 0 and lines[0] == "a is better than b in kid."
    assert "0.020 ± 0.010" in said.out and "G001 mode collapse" in said.out and "never" not in said.out
    assert "45 samples of each" in said.err


def test_compare_passes_everything_on(comparing: Api, cli: Cli) -> None:
    words = (
        "compare a b -o r.html --against d --metrics kid,coverage --num 90 --seed 3 --weights last --features pixels"
    )
    said = cli(*words.split(), "--json")
    asked = json.loads(said.out)["asked"]
    assert asked["report"] == "r.html" and asked["metrics"] == "['kid', 'coverage']" and asked["num"] == "90"
    assert asked["weights"] == "last" and asked["against"] == "d" and asked["features"] == "pixels"
    assert "the report is r.html" in said.err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("a b -o r.pdf", "must end in .html"),
        ("a b --open", "there is no report to open"),
        ("a b --weights middle", "must be best or last"),
    ],
)
def test_compare_refuses(comparing: Api, cli: Cli, words: str, complaint: str) -> None:
    said = cli("compare", *words.split())
    assert said.status == 2 and complaint in said.err


def test_choose_from_flags(cli: Cli) -> None:
    said = cli("choose", "--answer", "latent=yes", "--answer", "realism=good")
    assert said.status == 0 and said.out.startswith("A VAE;") and "reverie train vae DATA" in said.out
    assert "Assumed: synthesis=yes" in said.out and "latent=" not in said.out.split("Assumed:")[1]
    values = json.loads(cli("choose", "--answer", "synthesis=no", "--answer", "likelihood=no", "--json").out)
    assert values["schema"] == 1 and values["outcome"] == "encoder" and values["assumed"] == {}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--answer", "latent"], "must look like KEY=VALUE"),
        (["--answer", "latent=yes", "--answer", "latent=no"], "answered twice"),
        (["--answer", "colour=red"], "'colour' is not a question"),
        ([], "no terminal to ask questions on"),
    ],
)
def test_choose_refuses(cli: Cli, words: list[str], complaint: str) -> None:
    said = cli("choose", *words)
    assert said.status == 2 and complaint in said.err


def test_choose_lists_its_questions(cli: Cli) -> None:
    said = cli("choose", "--list")
    assert said.status == 0 and "synthesis" in said.out and "(taken when left out)" in said.out


def test_choose_asks_one_at_a_time(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = iter(["2", "maybe", "no"])

    def prompt(text: str, **given: Any) -> str:
        assert given["err"] is True, "stdout is the advice alone"
        return next(typed)

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(typer, "prompt", prompt)
    assert command.typer.prompt is prompt
    said = cli("choose")
    assert said.status == 0 and said.out.startswith("A frozen self-supervised encoder")
    assert "Do you need new or changed images" in said.err and "Type a number from 1 to 2" in said.err
    assert "Assumed" not in said.out and next(typed, None) is None
