"""What is wrong with a run, from its folder alone."""

import json
from pathlib import Path
from typing import Any

from reverie.core.finding import Record
from reverie.core.run import Run, atomic_write, explained
from reverie.diagnose.engine import examine, symptoms


def diagnose(run: Path | str) -> dict[str, Any]:
    """Looks for every symptom that concerns the run, and keeps the answer as its `findings.json`.

    Args:
        run: the folder; it may still be training.
    Returns:
        {"schema": 1, "run", "images", "looked_for": [codes], "findings": [...], "failed": [...]}, the surest finding
        first; see `reverie.core.finding.Finding` for what each says. "failed" has symptoms that could not be looked
        for, as "CODE: the error".
    Raises:
        RunError: not a run folder, or it cannot be written.
    """
    here = Run.open(Path(run))
    record = Record.of(here)
    seen = examine(record)
    told: dict[str, Any] = {
        "schema": 1,
        "run": here.name,
        "images": record.images,
        "looked_for": [s.code for s in symptoms(record.recipe.family)],
        "findings": [f.to_dict() for f in seen.findings],
        "failed": seen.failed,
    }
    with explained(here.path):
        atomic_write(here.path / "findings.json", json.dumps(told, indent=1, default=str).encode())
    return told
