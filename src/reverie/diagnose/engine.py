"""Looks for every symptom that concerns a run, and says first what causes the rest."""

import importlib
import importlib.util
import pkgutil
from functools import cache

from reverie.core.finding import Finding, Record, Symptom

GENERIC = "reverie.diagnose.symptoms"
# finding -> the codes that it explains
EXPLAINS: dict[str, tuple[str, ...]] = {
    "X001": ("X010", "X011", "G", "V"),
    "X010": ("X011", "G", "V"),
    "G006": ("X011", "G001", "G002", "G003", "G005"),
    "G001": ("G002", "G003", "G005", "X012"),
    "V001": ("V002", "V003", "V004", "V005"),
}


@cache
def symptoms(family: str) -> tuple[Symptom, ...]:
    """The generic symptoms and those of one family, by code: every file of both folders."""
    found: list[Symptom] = []
    for package in (GENERIC, f"reverie.families.{family}.symptoms"):
        try:
            place = importlib.util.find_spec(package)
        except ModuleNotFoundError:  # a family without a folder of its own here (a third party's)
            place = None
        for module in pkgutil.iter_modules(place.submodule_search_locations or []) if place else ():
            found.append(importlib.import_module(f"{package}.{module.name}").SYMPTOM)
    return tuple(sorted(found, key=lambda s: s.code))


def diagnose(record: Record, *, during_training: bool = False) -> list[Finding]:
    """What is wrong with a run, the surest first; consequences of another finding are left out.

    Args:
        record: see `Record.of`.
        during_training: leaves out symptoms that need the whole run.

    Example:
        >>> from reverie.core.recipe import Recipe
        >>> diagnose(Record(Recipe.from_dict({"family": "vae"}), ()))
        []
    """
    looked = (s.look(record) for s in symptoms(record.recipe.family) if s.when == "training" or not during_training)
    findings = sorted((f for f in looked if f is not None), key=lambda f: (-f.confidence, f.code))
    explained = {prefix for f in findings for prefix in EXPLAINS.get(f.code, ())}
    return [f for f in findings if not f.code.startswith(tuple(explained))]
