"""Looks for every symptom that concerns a run, and says first what causes the rest."""

import importlib
import importlib.util
import pkgutil
import warnings
from dataclasses import dataclass
from functools import cache

import numpy as np

from reverie.core.finding import Finding, Record, Symptom

GENERIC = "reverie.diagnose.symptoms"
# finding -> the codes that it explains
EXPLAINS: dict[str, tuple[str, ...]] = {
    "X001": ("X010", "X011", "G", "V", "S"),
    "X010": ("X011", "G", "V", "S"),
    "G006": ("X011", "G001", "G002", "G003", "G005"),
    "G001": ("G002", "G003", "G005", "X012"),
    "V001": ("V002", "V003", "V004", "V005"),
    "V004": ("V002",),
    "V005": ("V003",),
    "S001": ("S002", "S003"),
    "S002": ("S003",),
}
ONLY_ALONE = ("X014",)  # time is the remedy of what has no other


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


@dataclass(frozen=True)
class Examination:
    """What came of looking for every symptom.

    Args:
        findings: the surest first; consequences of another finding are left out.
        failed: symptoms that could not be looked for, "CODE: the error" each.
    """

    findings: list[Finding]
    failed: list[str]


def examine(record: Record, *, during_training: bool = False) -> Examination:
    """Looks for every symptom that concerns a run.

    Args:
        record: see `Record.of`.
        during_training: leaves out symptoms that need the whole run.
    """
    looked: list[Finding] = []
    failed: list[str] = []
    for symptom in symptoms(record.recipe.family):
        if during_training and symptom.when != "training":
            continue
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():  # a run's numbers may be anything
                warnings.simplefilter("ignore", RuntimeWarning)
                found = symptom.look(record)
        except Exception as error:  # a third party's symptom must silence no other, and end no training
            failed.append(f"{symptom.code}: {type(error).__name__}: {error}"[:200])
            continue
        looked += [] if found is None else [found]
    looked.sort(key=lambda f: (-f.confidence, f.code))
    causes = tuple(prefix for f in looked for prefix in EXPLAINS.get(f.code, ()))
    left = [f for f in looked if not f.code.startswith(causes)]
    return Examination([f for f in left if len(left) == 1 or f.code not in ONLY_ALONE], failed)


def diagnose(record: Record, *, during_training: bool = False) -> list[Finding]:
    """What is wrong with a run: the findings of `examine`.

    Example:
        >>> from reverie.core.recipe import Recipe
        >>> diagnose(Record(Recipe.from_dict({"family": "vae"}), ()))
        []
    """
    return examine(record, during_training=during_training).findings
