"""What no file of the repository says: where it was made, and whose machines it was made on."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Written in pieces, so that this file does not find itself.
SAYINGS = {
    re.compile(
        "pypi" + r"\.org|files\.pythonhosted|npmjs" + r"\.(com|org)|download\.pytorch" + r"\.org"
    ): "a registry's host",
    re.compile(r"\bissue" + r" #?\d"): "a number that only its authors can look up",
    re.compile(r"(?<![\w.])/(" + r"work|root|opt|home)/\w"): "a path of one machine",
    re.compile(r"\bwork" + r"place\b", re.IGNORECASE): "where it was made",
}
IN_PROSE = {re.compile(r"\b(sess" + r"ion|hand" + r"over)s?\b", re.IGNORECASE): "how it was made"}
VERBATIM = {"LICENSE"}


def files() -> list[Path]:
    """Everything that git keeps or would keep."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listing.returncode:
        pytest.skip("needs a git checkout")
    names = {n for n in listing.stdout.decode().split("\0") if n and n not in VERBATIM}
    return [path for path in (ROOT / n for n in sorted(names)) if path.is_file()]


def test_no_file_tells_where_it_was_made() -> None:
    found: list[str] = []
    for path in files():
        content = path.read_bytes()
        if b"\0" in content:
            continue
        patterns = SAYINGS | (IN_PROSE if path.suffix in (".md", ".toml") or not path.suffix else {})
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
            found += [f"{path.relative_to(ROOT)}:{number} names {what}: {line.strip()[:80]}"
                      for pattern, what in patterns.items() if pattern.search(line)]  # fmt: skip
    assert not found, "\n".join(found)


def test_no_file_is_large() -> None:
    recorded = ROOT / "src/reverie/studio/course/recorded"  # 15 MB in all, by a test of its own
    sizes = {path: path.stat().st_size for path in files()}
    most = {path: 2_500_000 if path.is_relative_to(recorded) else 1_500_000 for path in sizes}
    large = [f"{p.relative_to(ROOT)} has {size:,} bytes" for p, size in sizes.items() if size > most[p]]
    assert not large, f"a clone must stay small: {large}"
