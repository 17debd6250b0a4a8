"""Documentation is run (STYLE 7): python blocks are executed, shell blocks name commands and flags that exist.

A block under the comment `<!-- not run: reason -->` is left out. Python blocks of one page share their names, top down.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")])

FENCE = re.compile(
    r"(?P<skip><!-- not run: .+? -->\s*\n)?^```(?P<language>\w+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)
LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)")


@dataclass(frozen=True)
class Block:
    language: str
    code: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in FENCE.finditer(text):
        if not match["skip"]:
            yield Block(match["language"], match["code"], text.count("\n", 0, match.start("code")) + 1)


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def shell_commands(block: Block) -> Iterator[list[str]]:
    """The words of each command; prompts, comments and output are left out."""
    for line in block.code.replace("\\\n", " ").splitlines():
        if block.language == "console" and not line.startswith("$ "):
            continue
        for part in re.split(r"&&|\|", line.removeprefix("$ ")):
            words = shlex.split(part, comments=True)
            if words:
                yield words


@pytest.mark.parametrize("page", [p for p in PAGES if any(b.language == "python" for b in blocks(p))], ids=name)
def test_python_blocks_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "page"}
    for block in blocks(page):
        if block.language == "python":  # blank lines above make tracebacks name the line of the page
            exec(compile("\n" * (block.line - 1) + block.code, name(page), "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_shell_blocks_name_what_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for block in blocks(page):
        if block.language in ("bash", "console", "sh"):
            for words in shell_commands(block):
                if words[0] == "make":
                    unknown = {w for w in words[1:] if "=" not in w and not w.startswith("-")} - targets
                    assert not unknown, f"{name(page)}:{block.line}: make has no target {unknown}"
                if words[0] == "reverie":
                    check_command(words[1:], f"{name(page)}:{block.line}: {shlex.join(words)}")


def check_command(words: list[str], where: str) -> None:
    """The command line's own parser takes these words."""
    from typer.main import get_command

    from reverie.cli import app

    command, path = get_command(app), "reverie"
    while True:
        context = command.context_class(command, info_name=path)
        try:
            _, rest, _ = command.make_parser(context).parse_args(args=list(words))
        except Exception as error:
            pytest.fail(f"{where}: {error}")
        below = getattr(command, "commands", {})
        if not below or not rest:
            assert not rest, f"{where}: does not take {rest}"
            return
        assert rest[0] in below, f"{where}: {path} has no command {rest[0]!r}"
        command, path, words = below[rest[0]], rest[0], rest[1:]


def test_every_command_is_shown_somewhere() -> None:
    from typer.main import get_command

    from reverie.cli import app

    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    for command in getattr(get_command(app), "commands", {}):
        assert re.search(rf"reverie {command}\b", text), f"no page shows `reverie {command}`; add it to README.md"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{name(page)} links to {target}, which does not exist"


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md")), ids=name)
def test_a_decision_fits_a_screen(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    assert re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", page.name), f"{page.name} must look like 0001-short-title.md"
    assert len(lines) <= 40, f"{page.name} has {len(lines)} lines, at most 40"
    headings = [line.removeprefix("## ") for line in lines if line.startswith("## ")]
    assert headings == ["Context", "Choice", "Rejected", "How we would know we were wrong"], f"{page.name}: {headings}"
