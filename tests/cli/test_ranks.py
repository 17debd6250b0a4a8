"""Several processes, one voice."""

import pytest

from reverie import api
from reverie.cli.console import put, put_json, say
from reverie.core.errors import UsageError


def test_only_the_first_process_speaks(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank, heard in (("1", False), ("0", True)):
        monkeypatch.setenv("RANK", rank)
        say("a")
        put("b")
        put_json({"c": 1})
        out, err = capsys.readouterr()
        assert bool(out) == bool(err) == heard


def test_processes_that_train_together_need_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="--run: is needed when several processes"):
        api.new_folder(api.recipe("vae", "digits"))
