"""The doctor's accuracy: failures planted by ordinary settings, and sound runs that only look odd.

    python benchmarks/doctor.py --threads 1              trains what is not there yet, then prints the tables
    python benchmarks/doctor.py --score                  reads the runs that are there, trains nothing
    python benchmarks/doctor.py --only "vae-mean" --cure    treats those that are sick and were found

One run folder a case, below `--runs`; a finished one is kept, so an interrupted benchmark goes on where it was. What
was planted counts as sick only if measurements that the doctor does not take say so (`doctor_truth.py`), and what ought
to be sound only if they agree; the rest is listed. Half of the kinds of data were looked at when thresholds were chosen
(`doctor_cases.FITTING`), the other half were not.

recall: confirmed sick runs of which the doctor named a code that the plant may lead to, while training or at the end.
delay: from the onset to its first such word, as a share of the budget. The onset is the later of two moments: since
when the measurements stay bad, and when sound runs on these data have become good, before which nobody could tell.
"""

import argparse
import contextlib
import json
import math
import re
import shutil
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from doctor_cases import HEALTHY, Case, cases, source
from doctor_truth import Truth, Verdict, judge

import reverie
from reverie.api import watching
from reverie.api.treating import treat
from reverie.core.errors import ReverieError
from reverie.core.event import Probed
from reverie.core.finding import Record
from reverie.core.run import Run
from reverie.data import open_dataset
from reverie.diagnose.engine import diagnose


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path("runs/benchmarks/doctor"))
    parser.add_argument("--only", default="", help="cases whose folder's name has this regular expression")
    parser.add_argument("--seeds", type=int, default=3, help="of sound runs, and of failures on the reported data")
    parser.add_argument("--budget", type=float, default=1.0, help="times the images of every training")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--score", action="store_true", help="train nothing")
    parser.add_argument("--cure", action="store_true", help="treat the sick runs that were found")
    parser.add_argument("--list", action="store_true", help="only say what there is to train")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    chosen = [case for case in cases(asked.seeds, asked.budget) if re.search(asked.only, case.name)]
    if asked.list:
        print("\n".join(f"{case.name}: {case.images:,} images" for case in chosen))
        return
    if not asked.score:
        for number, case in enumerate(chosen, 1):
            folder = asked.runs / case.name
            if not (folder / "truth.json").exists() and not Run(folder).is_training():  # by another process
                began = time.process_time()
                plant(case, asked.runs, asked.threads)
                print(
                    f"{number}/{len(chosen)} {time.process_time() - began:.0f} s {brief(case, asked.runs)}", flush=True
                )
    patients = [p for case in chosen if (p := examine(case, asked.runs)) is not None]
    late = becoming_good(patients)
    report(patients, late)
    if asked.cure:
        cure(patients, asked.runs)


class Beside:
    """The run's own probe, with the truth measured at the same moments."""

    def __init__(self, probe: Any, truth: Truth) -> None:
        self.probe, self.truth = probe, truth
        self.history: list[dict[str, float]] = []

    def __call__(self, model: Any) -> dict[str, float]:
        self.history.append(self.truth(model))
        return self.probe(model)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.probe, name)


def plant(case: Case, runs: Path, threads: int) -> None:
    """Trains a case, and writes down beside its run what really happened."""
    folder = runs / case.name
    if folder.exists():  # half a run
        shutil.rmtree(folder)
    recipe = reverie.recipe(
        case.family,
        source(case, runs),
        images=case.images,
        seed=case.seed,
        settings=dict(case.settings) | {"train.threads": threads},
    )
    truth = Truth(open_dataset(recipe.data, seed=recipe.seed), case.data, runs)
    made: list[Beside] = []
    original = watching.Probe

    def beside(*given: Any, **named: Any) -> Beside:
        made.append(Beside(original(*given, **named), truth))
        return made[-1]

    error = ""
    with mock.patch.object(watching, "Probe", beside), without_card():
        try:
            for _ in reverie.train(recipe, run=folder):
                pass
        except ReverieError as stopped:
            error = str(stopped)
    told = {"images": case.images, "error": error, "history": made[0].history}
    (folder / "truth.json").write_text(json.dumps(told))


@contextlib.contextmanager
def without_card() -> Iterator[None]:
    """Model cards take as long as a short training."""
    with mock.patch("reverie.api.training.exhibits"), mock.patch("reverie.api.training.write_card"):
        yield


@dataclass(frozen=True)
class Patient:
    """A finished case: the truth by moment, and the doctor's word by moment.

    Args:
        moments: share of the budget at each probe.
        verdicts: the truth at each.
        words: codes found at each; the last entry is `reverie diagnose`'s, of the whole run.
    """

    case: Case
    moments: list[float]
    verdicts: list[Verdict]
    words: list[list[str]]

    @property
    def state(self) -> str:
        """At the end."""
        return self.verdicts[-1].state

    @property
    def named_at(self) -> float | None:
        """When the doctor first named what was planted, or what it may lead to."""
        for at, codes in zip([*self.moments, 1.0], self.words, strict=True):
            if set(codes) & set(self.case.accepted):
                return at
        return None

    @property
    def all_words(self) -> list[str]:
        """Every code that was ever found."""
        return sorted({code for codes in self.words for code in codes})

    @property
    def bad_since(self) -> float:
        """From when on the truth is never healthy again."""
        first = len(self.verdicts)
        while first and self.verdicts[first - 1].state == "sick":
            first -= 1
        return self.moments[min(first, len(self.moments) - 1)]


def examine(case: Case, runs: Path) -> Patient | None:
    """The case as far as it is finished."""
    folder = runs / case.name
    try:
        told = json.loads((folder / "truth.json").read_text())
    except OSError:
        return None
    record, history = Record.of(Run.open(folder)), told["history"]
    probes = [e for e in record.events if isinstance(e, Probed)]
    count = min(len(probes), len(history))
    verdicts = [judge(history, i) for i in range(count)]
    if told["error"]:
        verdicts[-1] = Verdict("sick", ("ended with an error",))
    words: list[list[str]] = []
    for probe in probes[:count]:
        until = tuple(e for e in record.events if e.images <= probe.images)
        seen = Record(record.recipe, until, record.nulls, record.run)
        words.append([f.code for f in diagnose(seen, during_training=True)])
    words.append([f.code for f in diagnose(record)])
    return Patient(case, [p.images / told["images"] for p in probes[:count]], verdicts, words)


def brief(case: Case, runs: Path) -> str:
    """One line on a finished case."""
    patient = examine(case, runs)
    if patient is None:
        return case.name
    last = json.loads((runs / case.name / "truth.json").read_text())["history"][-1]
    numbers = " ".join(f"{name}={value:.3g}" for name, value in last.items())
    verdict, named = patient.verdicts[-1], patient.named_at
    when = "" if named is None else f" named at {named:.0%}"
    return f"{case.name}: {verdict.state} ({', '.join(verdict.reasons)}); found {patient.all_words}{when}; {numbers}"


def becoming_good(patients: list[Patient]) -> dict[tuple[str, str], float]:
    """(family, data) -> share of the budget by which sound runs of the same kind of net are no longer sick.

    Longer ones and those with better settings say nothing of that; where no run says, `onset` takes 0.3.
    """
    when: dict[tuple[str, str], list[float]] = {}
    for p in patients:
        longer_or_better = p.case.note.endswith(("long run", "good"))
        if p.case.plant == HEALTHY and not longer_or_better and p.state != "sick":
            bad = [m for m, v in zip(p.moments, p.verdicts, strict=True) if v.state == "sick"]
            when.setdefault((p.case.family, p.case.data), []).append(max(bad, default=0.0))
    return {key: statistics.median(values) for key, values in when.items()}


def report(patients: list[Patient], late: dict[tuple[str, str], float]) -> None:
    """The tables."""
    for title, fits in (("data that thresholds were fitted on", True), ("data kept apart", False)):
        part = [p for p in patients if p.case.fits == fits]
        kinds = sorted({p.case.data for p in part})
        print(f"\n### {title}: {', '.join(kinds)}\n")
        print("| planted | runs | went wrong | named | anything found | median delay | within 20 % of the budget |")
        print("|---" * 7 + "|")
        total: list[Patient] = []
        for plant_ in sorted({p.case.plant for p in part if p.case.plant != HEALTHY}):
            planted = [p for p in part if p.case.plant == plant_]
            sick = [p for p in planted if p.state == "sick"]
            total += sick
            print(row(f"{planted[0].case.family}: {plant_}", len(planted), sick, late))
        print(row("all", sum(p.case.plant != HEALTHY for p in part), total, late))
        sound = [p for p in part if p.case.plant == HEALTHY]
        good = [p for p in sound if p.state == "healthy"]
        at_end, ever = [p for p in good if p.words[-1]], [p for p in good if p.all_words]
        print(
            f"\nSound runs: {len(sound)}, confirmed {len(good)}; false alarms at the end "
            f"{share(len(at_end), len(good))}, at any moment {share(len(ever), len(good))}."
        )
        for p in ever:
            print(f"- false alarm: {p.case.name}: {listed(p.all_words)} (at the end: {listed(p.words[-1])})")
        for p in total:
            if p.named_at is None:
                print(
                    f"- missed: {p.case.name} ({', '.join(p.verdicts[-1].reasons)}), found {p.all_words or 'nothing'}"
                )
        for p in part:
            if (p.case.plant == HEALTHY) == (p.state != "healthy") and p not in total:
                print(
                    f"- not as planned: {p.case.name} is {p.state} ({', '.join(p.verdicts[-1].reasons)}), {p.all_words}"
                )


def row(name: str, planted: int, sick: list[Patient], late: dict[tuple[str, str], float]) -> str:
    """One line of the table."""
    named = [p for p in sick if p.named_at is not None]
    delays = [max(0.0, (p.named_at or 0.0) - onset(p, late)) for p in named]
    middle = f"{statistics.median(delays):.0%}" if delays else ""
    soon = share(sum(d <= 0.2 for d in delays), len(sick))
    anything = share(sum(bool(p.all_words) for p in sick), len(sick))
    return f"| {name} | {planted} | {len(sick)} | {share(len(named), len(sick))} | {anything} | {middle} | {soon} |"


def onset(patient: Patient, late: dict[tuple[str, str], float]) -> float:
    """Share of the budget spent when it began: see the top of this file."""
    return max(patient.bad_since, late.get((patient.case.family, patient.case.data), 0.3))


def listed(words: Sequence[str]) -> str:
    """Words with commas, or the word for none."""
    return ", ".join(words) or "nothing"


def share(count: int, total: int) -> str:
    """ "3 of 4 (75 %)"."""
    return f"{count} of {total} ({count / total:.0%})" if total else ""


def cure(patients: list[Patient], runs: Path) -> None:
    """The first remedy for every sick run that was found; by the doctor's own word, and by the truth."""
    print("\n| run | code | remedy | the doctor: helped | truth without | truth with |\n" + "|---" * 6 + "|")
    helped = tried = better = 0
    for p in patients:
        if p.state != "sick" or p.named_at is None:
            continue
        try:
            with without_card():
                told = treat(runs / p.case.name)
        except ReverieError as error:
            print(f"| {p.case.name} | | {error} | | | |", flush=True)
            continue
        tried, helped = tried + 1, helped + told["helped"]
        values = [after(p.case, Path(told[name]["folder"]), runs) for name in ("control", "treated")]
        better += nearer(*values)
        numbers = [" ".join(f"{k}={v:.3g}" for k, v in value.items()) for value in values]
        remedy = ", ".join(f"{k} = {v}" for k, v in told["remedy"].items())
        print(
            f"| {p.case.name} | {told['code']} | {remedy} | {told['helped']} | {numbers[0]} | {numbers[1]} |",
            flush=True,
        )
    said, true = share(helped, tried), share(better, tried)
    print(f"\nFirst remedy: gone, by the doctor {said}; nearer to the data than untreated, by the truth {true}.")


def nearer(control: dict[str, float], treated: dict[str, float]) -> bool:
    """Whether the treated run's samples are nearer to the data: a fork is too short to be well already."""
    if "kept" in treated:
        return treated["kept"] > control.get("kept", 0.0)
    return treated.get("distance", math.inf) < control.get("distance", math.inf)


def after(case: Case, folder: Path, runs: Path) -> dict[str, float]:
    """The truth of a fork's last weights."""
    try:
        recipe = Run.open(folder).recipe()
        truth = Truth(open_dataset(recipe.data, seed=recipe.seed), case.data, runs)
        return truth(reverie.load(folder, weights="last"))
    except ReverieError:
        return {"finite": math.nan}


if __name__ == "__main__":
    main()
