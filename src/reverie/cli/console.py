"""Where words go: results to stdout, narration to stderr. Text from outside cannot steer the terminal."""

import contextlib
import json
import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from reverie.core.errors import RunError


def speaks() -> bool:
    """False in all but the first of several processes that torchrun started: one voice is enough."""
    return os.environ.get("WORLD_SIZE", "1") == "1" or os.environ.get("RANK", "0") == "0"


def say(text: str = "") -> None:
    """Lines of narration, on stderr."""
    if not speaks():
        return
    typer.echo("\n".join(printable(line) for line in text.split("\n")), err=True)


def put(text: str) -> None:
    """Lines of the result, on stdout."""
    if not speaks():
        return
    typer.echo("\n".join(printable(line) for line in text.split("\n")))


def put_json(values: Mapping[str, Any]) -> None:
    """One JSON object with "schema": 1, on stdout. What is not finite becomes null."""
    if not speaks():
        return
    typer.echo(
        json.dumps({"schema": 1} | _plain(values), indent=None if not sys.stdout.isatty() else 2, allow_nan=False)
    )


def printable(text: str) -> str:
    """The text with control characters replaced: names of files and runs may hold any.

    Example:
        >>> printable("a\\x1b[2Jb")
        'a\\ufffd[2Jb'
    """
    return "".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in text)


def split_names(text: str | None) -> list[str] | None:
    """The names in "a, b"; None where nothing was given."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def table(rows: Sequence[Sequence[str]], header: Sequence[str] = (), right: Sequence[int] = ()) -> str:
    """Aligned columns, two spaces apart.

    Args:
        rows: cells of one line each.
        header: the first line.
        right: columns aligned to the right.

    Example:
        >>> print(table([("faces", "12"), ("digits", "3")], right=[1]))
        faces   12
        digits   3
    """
    lines = [[printable(str(cell)) for cell in row] for row in ([header, *rows] if header else rows)]
    widths = (
        [max((len(line[i]) for line in lines if i < len(line)), default=0) for i in range(len(lines[0]))]
        if lines
        else []
    )
    padded = (
        "  ".join(c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(line, widths, strict=False)))
        for line in lines
    )
    return "\n".join(line.rstrip() for line in padded)


def facts(values: Mapping[str, Any], indent: int = 0) -> str:
    """A mapping as lines "name  value"; mappings inside it are indented below their name, empty values are left out.

    Example:
        >>> print(facts({"device": "cpu", "threads": 2, "extras": {"onnx": False}}))
        device   cpu
        threads  2
        extras
          onnx  no
    """
    shown = {
        str(name).replace("_", " "): value for name, value in values.items() if value not in (None, "", [], {}, ())
    }
    flat = {name: value for name, value in shown.items() if not isinstance(value, Mapping)}
    width = max((len(name) for name in flat), default=0)
    lines: list[str] = []
    for name, value in shown.items():
        if isinstance(value, Mapping):
            lines += [" " * indent + name, facts(value, indent + 2)]
        else:
            lines.append(" " * indent + f"{name.ljust(width)}  {_worded(value)}")
    return "\n".join(lines)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns an OSError into a sentence about the place that `-o` names."""
    try:
        yield
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({error.strerror}). Name another place with -o.") from None


def _worded(value: Any) -> str:
    from reverie.ship.numbers import value as number

    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_worded(item) for item in value)
    return number(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | int | bool | None) else str(value)
