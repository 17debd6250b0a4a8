"""Every example in a docstring runs (STYLE 5.17) and says what the page says."""

import doctest
import importlib
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def with_examples() -> list[str]:
    """Modules that hold an example, without importing any."""
    paths = (p.relative_to(SOURCE) for p in sorted(SOURCE.rglob("*.py")) if ">>> " in p.read_text(encoding="utf-8"))
    return [".".join(p.with_suffix("").parts).removesuffix(".__init__") for p in paths]


@pytest.mark.parametrize("module", with_examples())
def test_examples(module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    for example in doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(module)):
        runner.run(example, out=said.append)
    assert not runner.summarize(verbose=False).failed, "".join(said)
