"""Size is a design decision (STYLE 5.17): files, functions and parameter lists stay small enough to read at once."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src" / "reverie"
FILES = sorted(PACKAGE.rglob("*.py"))

FILE_LINES = 400
FUNCTION_LINES = 60
PARAMETERS = 8

# path, or path::function -> (limit, reason)
LONG_FUNCTIONS = {"train/loop.py": (180, "the one loop reads top to bottom")}
LONG_FILES: dict[str, tuple[int, str]] = {}
# A command of the line or a recipe-like constructor may name more; commands have their own limit in test_commands.py.
MANY_PARAMETERS = {
    "cli/": (16, "one parameter per flag"),
    "nets/mlp_gan.py::__init__": (9, "one keyword per thing that a paper's critic has or lacks"),
    "api/using.py::measure": (12, "one keyword per flag of `reverie measure`"),
    "api/bakeoff.py::bakeoff": (10, "one keyword per flag of `reverie bakeoff`"),
    "api/comparing.py::compare": (10, "one keyword per flag of `reverie compare`"),
    "measure/evaluation.py::measure": (11, "one keyword per thing that decides a number"),
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def code_lines(function: Function) -> int:
    """Lines from `def` to the end; the docstring is free, so that nobody saves on it."""
    first = function.body[0]
    docstring = ast.get_docstring(function) is not None
    documented = (first.end_lineno or 0) - first.lineno + 1 if docstring else 0
    return (function.end_lineno or 0) - function.lineno + 1 - documented


def num_parameters(function: Function) -> int:
    spec = function.args
    names = [a.arg for a in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)]
    return len([n for n in names if n not in ("self", "cls")]) + (spec.vararg is not None) + (spec.kwarg is not None)


def allowed(table: dict[str, tuple[int, str]], where: str, limit: int) -> int:
    return max((most for prefix, (most, _) in table.items() if where.startswith(prefix)), default=limit)


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_a_file_is_short(path: Path) -> None:
    lines, most = len(path.read_text(encoding="utf-8").splitlines()), allowed(LONG_FILES, relative(path), FILE_LINES)
    assert lines <= most, (
        f"{relative(path)} has {lines} lines, at most {most} (STYLE 5.17). Give one idea its own file."
    )


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_a_function_is_short(path: Path) -> None:
    for function in functions(path):
        where = f"{relative(path)}::{function.name}"
        lines, most = code_lines(function), allowed(LONG_FUNCTIONS, where, FUNCTION_LINES)
        assert lines <= most, f"{where} has {lines} lines of code, at most {most} (STYLE 5.17). Name a part of it."


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_a_function_takes_few_parameters(path: Path) -> None:
    for function in functions(path):
        where = f"{relative(path)}::{function.name}"
        count, most = num_parameters(function), allowed(MANY_PARAMETERS, where, PARAMETERS)
        assert count <= most, (
            f"{where} takes {count} parameters, at most {most} (STYLE 5.17). Group what goes together."
        )


def test_the_exemptions_are_needed() -> None:
    paths = [relative(path) for path in FILES]
    for table in (LONG_FUNCTIONS, LONG_FILES, MANY_PARAMETERS):
        for prefix in table:
            assert any(p.startswith(prefix.split("::")[0]) for p in paths), f"{prefix} is exempt and does not exist"
