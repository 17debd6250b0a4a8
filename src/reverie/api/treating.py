"""Treating a run: a remedy beside an untreated control, both from the last healthy checkpoint, with equal chance."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reverie.api.training import train
from reverie.core.errors import RunError, UsageError
from reverie.core.event import Event, Started
from reverie.core.finding import Finding, Record
from reverie.core.recipe import Recipe
from reverie.core.run import Run
from reverie.diagnose.engine import diagnose
from reverie.train.checkpoint import States

SHARE = 0.15  # of the run's own budget, for the treated run and for the control
PROBES_A_SHARE = 6  # the doctor needs a few consecutive looks


def treat(
    run: Path | str,
    code: str | None = None,
    *,
    share: float = SHARE,
    fresh: bool = False,
    heard: Callable[[str, Event], None] | None = None,
) -> dict[str, Any]:
    """Tries a finding's remedy: forks twice from the last healthy checkpoint, once with it and once without.

    Both forks see the same images and draws, for `share` of the budget; then the doctor looks at both. The treated
    fork is a run like any other: `reverie resume` trains it to the end.

    Args:
        run: the sick run.
        code: the finding to treat; left out: the first that has a remedy.
        share: of the run's budget, in (0, 1].
        fresh: start both from untrained weights, as when the run was never healthy.
        heard: called with ("treated" or "control", event) meanwhile.
    Returns:
        {"schema": 1, "run", "code", "remedy", "from_images", "helped", "treated": {...}, "control": {...}}, each fork
        with its folder, whether the finding is still there, and the evidence now.
    Raises:
        UsageError: the run has no such finding, or none with a remedy.

    Example:
        >>> treat("runs/none")
        Traceback (most recent call last):
            ...
        reverie.core.errors.RunError: runs/none: is not a run folder (it has no recipe.toml). `reverie runs` lists ...
    """
    if not 0 < share <= 1:
        raise UsageError(f"treat: share must be in (0, 1], got {share}. 0.15 is a good start.")
    here = Run.open(Path(run))
    if here.is_training():
        raise RunError(f"{here.path}: is being trained. Stop it first (Ctrl-C keeps everything), then treat it.")
    record = Record.of(here)
    finding = _chosen(here, diagnose(record), code)
    states = States(here.path / "state")
    start = None if fresh else states.load_healthy()
    began = start[1]["images"] if start else 0
    found: dict[str, Any] = {}
    for name, changes in (("treated", finding.remedy), ("control", {})):
        recipe = record.recipe.change({**changes, "train.probes": max(record.recipe.train.probes, _probes(share))})
        fork = _fork(here, f"{name}-{finding.code}", recipe, began)
        spent = _Spent(share)
        for event in train(recipe, run=fork.path, start=start, stop=spent):
            spent.hear(Record(recipe, (event,)).fraction)
            if heard is not None:
                heard(name, event)
        found[name] = _verdict(fork, finding)
    helped = not found["treated"]["found"] and found["control"]["found"]
    return {
        "schema": 1,
        "run": here.name,
        "code": finding.code,
        "title": finding.title,
        "remedy": finding.remedy,
        "from_images": began,
        "helped": helped,
        **found,
    }


class _Spent:
    """Says stop once a share of the budget has passed since the first event."""

    def __init__(self, share: float) -> None:
        self.share, self.first, self.now = share, None, 0.0

    def hear(self, fraction: float) -> None:
        self.first, self.now = fraction if self.first is None else self.first, fraction

    def __call__(self) -> bool:
        return self.first is not None and self.now - self.first >= self.share


def _chosen(run: Run, findings: list[Finding], code: str | None) -> Finding:
    with_remedy = [f for f in findings if f.remedy and (code is None or f.code == code)]
    if with_remedy:
        return with_remedy[0]
    if code is None:
        raise UsageError(f"{run.path}: nothing was found that a recipe could cure. `reverie diagnose {run.path}` says.")
    names = ", ".join(f.code for f in findings) or "nothing"
    raise UsageError(f"{code}: was not found in {run.path}, or has no remedy (found: {names}). Leave the code out.")


def _probes(share: float) -> int:
    return round(PROBES_A_SHARE / share)


def _fork(run: Run, suffix: str, recipe: Recipe, images: int) -> Run:
    """A folder beside the run, with the run's history up to the checkpoint; an older fork of that name is replaced."""
    path = run.path.with_name(f"{run.name}-{suffix}")
    if path.exists():
        shutil.rmtree(path)
    fork = Run.create(path, recipe)
    for event in run.events():
        if event.images <= images and not isinstance(event, Started):
            fork.append(event)
    return fork


def _verdict(fork: Run, finding: Finding) -> dict[str, Any]:
    record = Record.of(fork)
    codes = [f.code for f in diagnose(record)]
    evidence = {e.name: record.series(e.name).last(2) for e in finding.evidence}
    return {"folder": str(fork.path), "found": finding.code in codes, "codes": codes, "evidence": evidence}
