"""Which family to take, before anything is trained: the chooser's rules, what is installed, and what was measured."""

import json
import pkgutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import reverie.tasks
from reverie.advise.choice import advise
from reverie.advise.rules import rules
from reverie.core.errors import UsageError
from reverie.core.family import family_names
from reverie.ship.numbers import spoken, value

_MOST_BYTES = 64_000_000


def choose(answers: Mapping[str, str] | None = None, *, measured: Path | str | None = None) -> dict[str, Any]:
    """Says which family to take, why, what is given up, and what to type.

    Args:
        answers: by question, such as {"latent": "yes", "device": "phone"}; what nobody answered and what matters is
            assumed, and the advice says so.
        measured: what `reverie compare --json` or `reverie bakeoff` wrote: its numbers take the place of what people
            say of the families.
    Returns:
        {"schema": 1, "outcome", "families", "title", "why", "gives_up", "family", "command", "next", "missing", "said",
        "assumed", "measured"}
    Raises:
        UsageError: an answer is unknown, or the file does not hold measurements.
    """
    told = {} if measured is None else _read(Path(measured))
    tasks = [module.name for module in pkgutil.iter_modules(reverie.tasks.__path__)]
    advice = advise(rules(), answers or {}, families=family_names(), tasks=tasks, measured=numbers(told))
    words: list[str] = [word for word in told.get("words", ()) if isinstance(word, str)]
    return {"schema": 1} | advice.to_dict() | {"measured": words}


def _read(path: Path) -> dict[str, Any]:
    """The file's object, which is untrusted: what is not a comparison is refused."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UsageError(f"--measured {path}: is too large to be a comparison. Name what `reverie compare` wrote.")
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not isinstance(cast(dict[str, Any], found).get("runs"), list):
        raise UsageError(
            f"--measured {path}: does not hold a comparison. Write one with `reverie compare RUN RUN --json > FILE`."
        )
    return cast(dict[str, Any], found)


def numbers(told: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Numbers in words by family and metric; of two runs of one family, those of the first. Foreign entries are left
    out, never guessed at."""
    protocol: Any = told.get("protocol")
    on = cast(dict[str, Any], protocol).get("data") if isinstance(protocol, dict) else None
    place = f" on {Path(on).name or on}" if isinstance(on, str) else ""
    found: dict[str, dict[str, str]] = {}
    for run in cast(list[Any], told.get("runs", [])):
        if not isinstance(run, dict):
            continue
        row = cast(dict[str, Any], run)
        family, metrics = row.get("family"), row.get("metrics")
        if not isinstance(family, str) or not isinstance(metrics, dict) or family in found:
            continue
        found[family] = {}
        for name, entry in cast(dict[str, Any], metrics).items():
            words = _worded(name, entry, place)
            if words:
                found[family][name] = words
    return found


def _worded(name: str, entry: Any, place: str) -> str:
    """ "coverage 0.93 ± 0.01, measured on faces (n 1,000)"; empty for what is not a number."""
    if not isinstance(entry, dict):
        return ""
    parts = cast(dict[str, Any], entry)
    number, n, unit = parts.get("value"), parts.get("n"), parts.get("unit")
    if not isinstance(number, int | float) or isinstance(number, bool):
        return ""
    count = f" (n {n:,})" if isinstance(n, int) and n else ""
    shown = (
        f"{value(number, parts.get('se'))} {unit}" if isinstance(unit, str) and unit else value(number, parts.get("se"))
    )
    return f"{spoken(name)[0]} {shown}, measured{place}{count}"
