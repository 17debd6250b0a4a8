"""Treating a run: a remedy beside an untreated control, both from the last healthy checkpoint, with equal chance."""

import contextlib
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from reverie.api.training import train
from reverie.core.errors import RunError, TrainingError, UsageError
from reverie.core.event import Event, Finished, Found, Started
from reverie.core.finding import Finding, Record
from reverie.core.recipe import Recipe
from reverie.core.run import Run, explained
from reverie.diagnose.engine import diagnose
from reverie.train.checkpoint import States

SHARE = 0.15  # of the run's own budget, for the treated run and for the control, at least
SPARE = 0.02  # of it, beyond the point at which the run's own doctor spoke


def treat(
    run: Path | str,
    code: str | None = None,
    *,
    share: float | None = None,
    fresh: bool = False,
    heard: Callable[[str, Event], None] | None = None,
) -> dict[str, Any]:
    """Tries a finding's remedy: forks twice from the last healthy checkpoint, once with it and once without.

    That is the last one before the finding's first sign, or untrained weights where there is none. Both forks see the
    same images and draws, and are probed when the run was; then the doctor looks at both. Under an `images` budget the
    control is the run itself, to the bit. The forks are new folders beside the run; nothing that exists is touched.
    The treated one is a run like any other, but that its doctor only speaks: `reverie resume` trains it to the end.

    Args:
        run: the sick run.
        code: the finding to treat; left out: the first that has a remedy.
        share: of the run's budget for each fork, in (0, 1]; left out: 0.15, or as much as the run took from that
            checkpoint to where its doctor spoke, if that is more.
        fresh: start both from untrained weights, as when the run was never healthy.
        heard: called with ("treated" or "control", event) meanwhile.
    Returns:
        {"schema": 1, "run", "code", "title", "remedy", "from_images", "share", "helped", "treated": {...},
        "control": {...}}, each fork with its folder, the images it has seen, whether the finding is still there, all
        codes found, and the evidence now. "helped" needs both: gone with the remedy, there without it.
    Raises:
        UsageError: the run has no such finding, or none with a remedy, or was healthy to the end of its budget.
        RunError: the run is being trained, or the forks cannot be written.

    Example:
        >>> treat("runs/none")
        Traceback (most recent call last):
            ...
        reverie.core.errors.RunError: runs/none: is not a run folder (it has no recipe.toml). `reverie runs` lists ...
    """
    if share is not None and not 0 < share <= 1:
        raise UsageError(f"treat: share must be in (0, 1], got {share}. 0.15 is a good start.")
    here = Run.open(Path(run))
    if here.is_training():
        raise RunError(f"{here.path}: is being trained. Stop it first (Ctrl-C keeps everything), then treat it.")
    record = Record.of(here)
    finding = _chosen(here, diagnose(record), code)
    start = None if fresh else States(here.path / "state").load_healthy(before=finding.since)
    began, seconds = (start[1]["images"], start[1]["seconds"]) if start else (0, 0.0)
    spent = record.fraction_at(began, seconds)
    if spent >= 1:
        raise UsageError(f"{here.path}: nothing was wrong until its budget was spent. Use --fresh to start anew.")
    share = min(1 - spent, share or max(SHARE, _told_at(record, finding) - spent + SPARE))
    found: dict[str, Any] = {}
    for name, remedy in (("treated", finding.remedy), ("control", {})):
        recipe = record.recipe.change({**remedy, "train.on_finding": "warn"})
        fork = _fork(here, f"{name}-{finding.code}", recipe, began)
        now = _Spent(share)
        try:
            for event in train(recipe, run=fork.path, start=start, stop=now):
                now.hear(Record(recipe, (event,)).fraction)
                if heard is not None:
                    heard(name, event)
        except TrainingError:  # it diverged, and says so in its record
            pass
        found[name] = _verdict(fork, finding)
    return {
        "schema": 1,
        "run": here.name,
        "code": finding.code,
        "title": finding.title,
        "remedy": finding.remedy,
        "from_images": began,
        "share": share,
        "helped": not found["treated"]["found"] and found["control"]["found"],
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


def _told_at(record: Record, finding: Finding) -> float:
    """Share of the budget at which the run's doctor spoke of the finding; where it did not, where it began."""
    since = finding.since or 0
    spoken = [e for e in record.events if isinstance(e, Found) and e.code == finding.code and e.images >= since]
    told = next(iter(spoken), None) or next((e for e in record.events if e.images >= since), None)
    return record.fraction_at(told.images, told.seconds) if told is not None else 0.0


def _fork(run: Run, suffix: str, recipe: Recipe, images: int) -> Run:
    """A new folder beside the run, with the run's history up to the checkpoint."""
    fork = Run.create(_new_folder(run.path.resolve().with_name(f"{run.name}-{suffix}")), recipe)
    for event in run.events():
        if event.images <= images and not isinstance(event, Started | Finished):
            fork.append(event)
    return fork


def _new_folder(wanted: Path) -> Path:
    """Makes the folder; where the name is taken, it gets a number: what is there may be somebody's work."""
    for number in count(1):
        path = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        with explained(path), contextlib.suppress(FileExistsError):
            path.mkdir()
            return path
    raise RunError(f"{wanted}: no free name is left beside it.")


def _verdict(fork: Run, finding: Finding) -> dict[str, Any]:
    record = Record.of(fork)
    codes = [f.code for f in diagnose(record)]
    evidence = {e.name: record.series(e.name).last(2) for e in finding.evidence}
    found = finding.code in codes
    return {"folder": str(fork.path), "images": record.images, "found": found, "codes": codes, "evidence": evidence}
