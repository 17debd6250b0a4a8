"""Import is free and silent (STYLE 5.14): a person who asks for help does not wait for torch."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src" / "reverie"
HEAVY = ["torch", "numpy", "matplotlib", "sklearn", "scipy", "PIL", "safetensors"]

# Libraries that only some parts may import, and where.
RESERVED = {
    "fastapi": ("studio/", "ship/serve.py"),
    "uvicorn": ("studio/", "ship/serve.py", "cli/"),
    "onnx": ("ship/",),
    "onnxruntime": ("ship/",),
    "onnxscript": ("ship/",),
    "diffusers": ("families/diffusion/", "ship/"),
    "transformers": ("measure/",),
    "torchvision": (),
    "timm": (),
    "lightly": (),
}


def imported_by(code: str) -> set[str]:
    """The heavy libraries that are loaded after a fresh interpreter has run the code."""
    tail = f"\nimport sys, json\njson.dump([m for m in {HEAVY} if m in sys.modules], sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code + tail],
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_import_reverie_is_light() -> None:
    loaded = imported_by("import reverie")
    assert not loaded, f"`import reverie` imports {sorted(loaded)} (STYLE 5.14). Resolve public names on first use."


def test_the_vocabulary_is_light() -> None:
    names = ["recipe", "run", "event", "errors", "spec", "family"]
    loaded = imported_by("\n".join(f"import reverie.core.{name}" for name in names))
    assert not loaded, f"core imports {sorted(loaded)} (STYLE 5.14): recipe, run and event are for everyone."


HELP = """
import sys
from reverie.cli import main
for arguments in {pages}:
    sys.argv = ["reverie", *arguments]
    try:
        status = main()
    except SystemExit as end:
        status = end.code
    if status:
        sys.exit(f"{{arguments}} ended with {{status}}")
"""


def test_help_is_light() -> None:
    loaded = imported_by(HELP.format(pages=[["--help"]]))
    assert not loaded, f"`reverie --help` imports {sorted(loaded)} (STYLE 5.14). Import inside the command."


def test_every_commands_help_is_light() -> None:
    from typer.main import get_command

    from reverie.cli import app

    def pages(command: object, path: list[str]) -> list[list[str]]:
        below = getattr(command, "commands", {})
        return [[*path, "--help"], *(page for name, sub in below.items() for page in pages(sub, [*path, name]))]

    loaded = imported_by(HELP.format(pages=pages(get_command(app), [])))
    assert not loaded, f"`--help` of some command imports {sorted(loaded)} (STYLE 5.14). Import inside the command."


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_optional_libraries_stay_where_they_belong(path: Path) -> None:
    where = path.relative_to(PACKAGE).as_posix()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        for top in (name.split(".")[0] for name in names):
            if top in RESERVED:
                assert where.startswith(RESERVED[top] or ("nowhere",)), f"{where} imports {top} (STYLE 5.14)"
