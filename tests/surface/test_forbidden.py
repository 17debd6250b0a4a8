"""What the code never says: words of a family in the loop, debugging leftovers, ways to run a stranger's code."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src" / "reverie"
FILES = sorted(PACKAGE.rglob("*.py"))
EVERYONE = [path.relative_to(PACKAGE).as_posix() for path in FILES]

# path::call -> reason
ALLOWED: dict[str, str] = {}

UNSAFE = {
    "eval": "runs text as code",
    "exec": "runs text as code",
    "torch.load": "unpickles, and pickles run code",
    "pickle.load": "pickles run code",
    "pickle.loads": "pickles run code",
    "joblib.load": "unpickles, and pickles run code",
    "yaml.load": "builds any object",
    "os.system": "passes text to a shell",
    "os.chdir": "no command changes directory",
}
PICKLERS = {"pickle", "cloudpickle", "dill", "shelve", "marshal"}


def tree(path: str) -> ast.Module:
    return ast.parse((PACKAGE / path).read_text(encoding="utf-8"))


def calls(path: str) -> Iterator[tuple[str, ast.Call]]:
    """Dotted names that are called, as they are written."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def modules(node: ast.AST) -> list[str]:
    """What an import statement names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


@pytest.mark.parametrize("path", EVERYONE)
def test_leftovers(path: str) -> None:
    for node in ast.walk(tree(path)):
        assert not isinstance(node, ast.Assert), f"{path}:{node.lineno}: assert (STYLE 5.13). Raise a ReverieError."
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"{path}:{node.lineno}: bare except (STYLE 5.13). Name what can happen."
    for name, node in calls(path):
        if f"{path}::{name}" not in ALLOWED:
            where = f"{path}:{node.lineno}"
            assert name != "print", f"{where}: print (STYLE 5.14). Yield an event, or write from cli/ with its console."
            assert name != "hasattr", f"{where}: hasattr (STYLE 5.9). Use isinstance with a capability."


@pytest.mark.parametrize("path", EVERYONE)
def test_no_stranger_runs_code(path: str) -> None:
    for node in ast.walk(tree(path)):
        for module in modules(node):
            assert module.split(".")[0] not in PICKLERS, (
                f"{path}: imports {module}; only safetensors and JSON (STYLE 5.6)"
            )
    for name, node in calls(path):
        where = f"{path}:{node.lineno}: {name}"
        assert name not in UNSAFE or f"{path}::{name}" in ALLOWED, f"{where} {UNSAFE[name]} (STYLE 5.6)"
        for keyword in node.keywords:
            value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
            assert (keyword.arg, value) not in {("allow_pickle", True), ("shell", True)}, f"{where} with {keyword.arg}"


FAMILY_WORD = re.compile(r"(?<![a-z])(vae|gan|diffusion|ssl)(?![a-z])", re.IGNORECASE)


def words(path: str) -> Iterator[tuple[int, str]]:
    """Every identifier and string of a file, docstrings left out: prose may name families, code may not."""
    module = tree(path)
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    prose = {
        id(n.body[0].value) for n in ast.walk(module) if isinstance(n, owners) and ast.get_docstring(n) is not None
    }  # type: ignore[attr-defined]
    for node in ast.walk(module):
        for field in ("id", "attr", "name", "arg", "module", "value"):
            text = getattr(node, field, None)
            if isinstance(text, str) and id(node) not in prose:
                yield getattr(node, "lineno", 0), text


@pytest.mark.parametrize("path", [p for p in EVERYONE if p.startswith("train/")])
def test_the_loop_knows_no_family(path: str) -> None:
    for line, text in words(path):
        found = FAMILY_WORD.search(text)
        assert not found, f"train names {found} at {path}:{line} (STYLE 5.4). The family supplies it as a phase."


@pytest.mark.parametrize("path", EVERYONE)
def test_a_module_is_named_after_what_it_holds(path: str) -> None:
    vague = {"utils.py", "misc.py", "common.py", "base.py", "helpers.py"}
    assert Path(path).name not in vague, f"{path}: everyone will import it (STYLE, small conventions). Name the noun."


def test_a_shared_loss_is_shared() -> None:
    """`losses/` must not become the drawer for everything: a file there has two importers or moves back (STYLE 8)."""
    importers = Counter(
        module
        for path in EVERYONE
        for module in {m for node in ast.walk(tree(path)) for m in imported(node)}
        if not path.startswith("losses/")
    )
    for path in EVERYONE:
        if path.startswith("losses/") and not path.endswith("__init__.py"):
            module = "reverie." + path.removesuffix(".py").replace("/", ".")
            assert importers[module] >= 2, f"{path} has {importers[module]} importers. Move it to the one that uses it."


def imported(node: ast.AST) -> list[str]:
    """Modules that a statement may import: `from a import b` names a and a.b."""
    extra = [f"{node.module}.{alias.name}" for alias in node.names] if isinstance(node, ast.ImportFrom) else []
    return modules(node) + extra
