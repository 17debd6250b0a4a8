"""Errors: one sentence, the right exit status, and never a traceback that nobody asked for."""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from reverie.core.errors import DataError, RunError, TrainingError
from reverie.core.event import Finished, Started

from .conftest import Api, Said

Cli = Callable[..., Said]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["trian"], "Did you mean 'train'"),
        (["train", "vea"], "vea: is not a family. Did you mean 'vae'?"),
        (["train", "nonsense"], "is not a family. Use one of:"),
        (["train"], "Missing argument"),
        (["train", "vae", "--sed", "3"], "--seed"),
        (["train", "vae", "--seed", "x"], "--seed"),
        (["train", "vae", "--set", "vae.beta"], "must look like section.key=value"),
        (["train", "vae", "--minutes", "1", "--images", "5"], "Give one."),
        (["sample", "r", "-n", "0"], "-n"),
        (["interpolate", "r", "1", "2", "--method", "spline"], "slerp or lerp"),
        (["interpolate", "r", "1", "2", "-o", "a.gif"], "must end in .png"),
        (["measure", "r", "--weights", "worst"], "best or last"),
        (["measure", "r", "--precision", "fp8"], "fp32 or bf16"),
        (["init", "vea"], "Did you mean 'vae'?"),
        (["runs", "show"], "Missing argument"),
    ],
)
def test_a_wrong_line_is_one_sentence_and_2(api: Api, cli: Cli, words: list[str], sentence: str) -> None:
    said = cli(*words)
    assert said.status == 2 and said.out == ""
    assert sentence in said.err and said.err.startswith("error: ") and said.err.count("\n") == 1


def test_data_in_the_place_of_a_family(api: Api, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "my photos").mkdir()
    assert "`reverie train vae 'my photos'`" in cli("train", "my photos").err


@pytest.mark.parametrize("error", [DataError("x: a. Do b."), RunError("x: a. Do b."), TrainingError("x: a. Do b.")])
def test_failures_of_a_training_are_1(api: Api, cli: Cli, error: Exception) -> None:
    api.events = [Started(images=0), error]
    said = cli("train", "vae")
    assert (said.status, said.out) == (1, "") and said.err.endswith("error: x: a. Do b.\n")


def test_every_problem_of_a_recipe_has_its_line(api: Api, cli: Cli) -> None:
    api.events = [RunError("first: a.\nsecond: b.")]
    assert cli("train", "vae").err.endswith("error: first: a.\nerror: second: b.\n")


def test_our_own_mistakes_are_one_line_without_debug(api: Api, cli: Cli) -> None:
    api.events = [ZeroDivisionError("division\nby zero")]
    said = cli("train", "vae")
    assert said.status == 1
    assert "internal error: ZeroDivisionError: division by zero; run again with --debug and report it.\n" in said.err


@pytest.mark.parametrize("words", [["--debug", "train", "vae"], ["train", "vae", "--debug"]])
def test_debug_shows_the_traceback_wherever_it_stands(api: Api, cli: Cli, words: list[str]) -> None:
    api.events = [ZeroDivisionError("x")]
    assert "Traceback" in cli(*words).err


def test_out_of_memory_says_what_to_do(api: Api, cli: Cli) -> None:
    for error in (MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 8 GB")):
        api.events = [error]
        said = cli("train", "vae")
        assert said.status == 1 and "train.micro" in said.err and "internal" not in said.err


def test_an_interrupted_training_is_4_with_the_command_that_goes_on(api: Api, cli: Cli) -> None:
    api.events = [Started(images=0), Finished(images=64, seconds=1, reason="interrupted")]
    said = cli("train", "vae", "--run", "my run")
    assert said.status == 4 and said.out == ""
    assert said.err.endswith("stopped and saved. Continue with `reverie resume 'my run'`.\n")


def test_a_demo_that_was_interrupted_writes_no_report(api: Api, cli: Cli) -> None:
    api.events = [Finished(images=64, seconds=1, reason="interrupted")]
    assert cli("demo").status == 4
    assert "report" not in api.asked


def test_a_place_that_cannot_be_written_is_a_sentence(api: Api, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = cli("sample", str(tmp_path), "-o", "file/s.png")
    assert said.status == 1 and "cannot be written" in said.err and "-o" in said.err


def test_version_and_bare_command(cli: Cli) -> None:
    from reverie import __version__

    assert cli("--version").out == f"reverie {__version__}\n"
    assert "train" in cli().out and cli().status == 0


def test_a_terminal_without_the_letters_gets_a_question_mark(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    from reverie.cli import main

    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="koi8_r"))
    assert main(["measure", "r"]) == 0
    sys.stdout.flush()
    assert b"? 0.3" in raw.getvalue()


def test_a_reader_that_leaves_is_no_traceback(tmp_path: Path) -> None:
    code = "import sys; from reverie.cli import main; sys.exit(main(['init', 'vae']))"
    source = str(Path(__file__).parents[2] / "src")
    read, write = os.pipe()
    os.close(read)
    env = {**os.environ, "PYTHONPATH": source}
    done = subprocess.run([sys.executable, "-c", code], stdout=write, stderr=subprocess.PIPE, env=env, check=False)
    os.close(write)
    assert b"Traceback" not in done.stderr
