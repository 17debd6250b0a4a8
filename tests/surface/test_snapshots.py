"""The public surface is written down (STYLE 7): names, commands and recipe schemas change on purpose or not at all.

`REVERIE_UPDATE=1 pytest tests/surface/test_snapshots.py` rewrites the files; the difference is reviewed like code.
"""

import importlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from reverie.core.family import family_names, get_family

SNAPSHOTS = Path(__file__).parent / "snapshots"


def check(name: str, text: str) -> None:
    """The text equals the snapshot of that name, or becomes it under REVERIE_UPDATE=1."""
    path = SNAPSHOTS / name
    if os.environ.get("REVERIE_UPDATE") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    kept = path.read_text(encoding="utf-8") if path.exists() else ""
    assert text == kept, f"{name}: the surface changed (STYLE 7). If you mean it, run again with REVERIE_UPDATE=1."


def commands() -> Iterator[tuple[str, Any]]:
    """("data show", command) for every command that does something, and ("", the root)."""
    from typer.main import get_command

    from reverie.cli import app

    def walk(path: list[str], command: Any) -> Iterator[tuple[str, Any]]:
        below = getattr(command, "commands", {})
        if not below or not path:
            yield " ".join(path), command
        for name, sub in sorted(below.items()):
            yield from walk([*path, name], sub)

    return walk([], get_command(app))


def page(path: str, command: Any) -> str:
    """What `--help` prints, at a width of 100 whatever the terminal."""
    context = command.context_class(command, info_name=f"reverie {path}".strip(), terminal_width=100)
    return command.get_help(context).rstrip() + "\n"


def test_public_names() -> None:
    import reverie

    names = sorted(reverie.__all__)
    check("names.txt", "\n".join(names) + "\n")
    assert set(names) <= set(dir(reverie)), "dir(reverie) must list every public name, for people who press Tab"
    for name in names:
        assert getattr(reverie, name) is not None
    assert len(names) <= 16, "about a dozen public names: more is a second library"


def test_no_package_hides_a_public_name() -> None:
    import reverie

    for package in ("train", "measure", "families", "cli"):
        importlib.import_module(f"reverie.{package}")
    hidden = [name for name in reverie.__all__ if isinstance(getattr(reverie, name), ModuleType)]
    assert not hidden, f"reverie.{hidden[0]} is a module after a submodule was imported, not the public function"


def test_commands() -> None:
    pages = {f"help/{path.replace(' ', '-') or 'reverie'}.txt": page(path, command) for path, command in commands()}
    stale = {f"help/{p.name}" for p in (SNAPSHOTS / "help").glob("*.txt")} - set(pages)
    if os.environ.get("REVERIE_UPDATE") == "1":
        for name in stale:
            (SNAPSHOTS / name).unlink()
    elif stale:
        pytest.fail(f"commands are gone: {sorted(stale)}. If you mean it, run again with REVERIE_UPDATE=1.")
    for name, text in pages.items():
        check(name, text)


def test_a_command_has_few_flags_and_explains_each() -> None:
    for path, command in commands():
        options = [p for p in command.params if p.param_type_name == "option" and not p.hidden]
        flags = [p for p in options if p.name not in ("help", "debug")]
        assert len(flags) <= 12, f"reverie {path} has {len(flags)} flags; the rest belongs to the recipe (--set)"
        assert command.help, f"reverie {path} does not say what it does"
        for p in command.params:
            assert p.name == "help" or p.help, f"reverie {path}: {p.name} does not say what it does"


@pytest.mark.parametrize("family", family_names())
def test_recipe_schema(family: str) -> None:
    schema = get_family(family).recipe.model_json_schema()
    check(f"recipe-{family}.json", json.dumps(schema, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
