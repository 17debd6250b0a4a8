"""Thirty public trainings of GANs on CIFAR-10, losses only: which of those that went wrong the doctor names, and when.

    REVERIE_DATA=DIR python benchmarks/studiogan_logs.py

The logs (PyTorch-StudioGAN, commit 947b35e) hold the losses of critic and generator, and now and then the FID. A run
went wrong when its last FID is 1.5 times its best or worse; the doctor does not see it. It is asked twenty times in a
run, as in a training; a finding counts from the moment on after which it is not taken back, and must stand at the end.
Beside it, the rule of one line: a mean critic loss of the last 10,000 steps below 0.22, Wasserstein games excluded;
that threshold was chosen on 64 logs, these among them.
"""

import argparse
import csv
import gzip
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reverie.core.event import Event, Stepped
from reverie.core.finding import Record
from reverie.core.recipe import Recipe
from reverie.diagnose.engine import diagnose

BATCH = 64
LOOKS = 20
DEGRADED, RULE, RULE_STEPS = 1.5, 0.22, 10_000
OBJECTIVES = {
    "hinge": "hinge",
    "vanilla": "nonsaturating",
    "least_square": "least-squares",
    "wasserstein": "wasserstein",
}


@dataclass(frozen=True)
class Log:
    """One training, as it was written down.

    Args:
        name: of the net, the penalty and the date.
        loss: the adversarial loss's name; empty where the log does not say.
        rows: (n, 4): step, critic's loss, generator's loss, FID or not-a-number.
    """

    name: str
    loss: str
    rows: np.ndarray

    @property
    def objective(self) -> str:
        """In Reverie's words. Unnamed: StyleGAN2's own is the non-saturating loss, of all others here hinge."""
        return OBJECTIVES.get(self.loss, "nonsaturating" if "StyleGAN2" in self.name else "hinge")

    @property
    def fids(self) -> np.ndarray:
        """(m, 2): step and FID, where it was taken."""
        return self.rows[np.isfinite(self.rows[:, 3])][:, [0, 3]]

    @property
    def degraded(self) -> bool:
        """Whether it ended much worse than it once was."""
        return bool(self.fids[-1, 1] >= DEGRADED * self.fids[:, 1].min())

    @property
    def onset(self) -> float:
        """Step from which on the FID stays that much worse than the best before."""
        best = np.minimum.accumulate(self.fids[:, 1])
        good = np.flatnonzero(self.fids[:, 1] < DEGRADED * best)
        return float(self.fids[min(int(good[-1]) + 1, len(self.fids) - 1), 0])

    @property
    def steps(self) -> float:
        """Of the whole run."""
        return float(self.rows[-1, 0])

    def record(self, until: float) -> Record:
        """What the doctor sees at this step."""
        images = int(self.steps) * BATCH
        recipe = Recipe.from_dict(
            {
                "family": "gan",
                "data": {"source": "cifar10"},
                "train": {"images": images, "batch": BATCH},
                "gan": {"objective": self.objective, "penalties": []},
            }
        )
        events: list[Event] = []
        for step, critic, generator, _ in self.rows[self.rows[:, 0] <= until]:
            for phase, value in (("critic", critic), ("generator", generator)):
                events.append(Stepped(images=int(step) * BATCH, phase=phase, terms={"adversarial": float(value)}))
        return Record(recipe, tuple(events))

    def rule(self) -> bool:
        """The rule of one line."""
        last = self.rows[self.rows[:, 0] > self.steps - RULE_STEPS, 1]
        return self.objective != "wasserstein" and bool(np.nanmean(last) < RULE)

    def told(self) -> tuple[list[str], float]:
        """(codes found at the end, step from which on the first of them stood)."""
        looks = [self.steps * (i + 1) / LOOKS for i in range(LOOKS)]
        codes = [sorted(f.code for f in diagnose(self.record(until))) for until in looks]
        since = LOOKS
        while since and set(codes[since - 1]) & set(codes[-1]):
            since -= 1
        return codes[-1], looks[min(since, LOOKS - 1)]


def read(folder: Path) -> list[Log]:
    """The logs of `REVERIE_DATA/studiogan-logs`."""
    rows: dict[str, list[list[float]]] = {}
    with gzip.open(folder / "cifar10.csv.gz", "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            numbers = (row["step"], row["critic_loss"], row["generator_loss"], row["fid"])
            rows.setdefault(row["run"], []).append([float(n or "nan") for n in numbers])
    with (folder / "runs.csv").open(encoding="utf-8", newline="") as file:
        losses = {row["run"]: row["adversarial_loss"] for row in csv.DictReader(file)}
    return [Log(name.split("/")[1], losses[name], np.array(found)) for name, found in rows.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("REVERIE_DATA", "data")))
    asked = parser.parse_args()
    print("| log | FID, best | last | wrong from | the doctor | stands from | rule of one line |\n" + "|---" * 7 + "|")
    caught, false, rule_caught, rule_false, late = 0, 0, 0, 0, 0.0
    logs = read(asked.data / "studiogan-logs")
    for log in logs:
        (codes, since), rule = log.told(), log.rule()
        caught, false = caught + (bool(codes) and log.degraded), false + (bool(codes) and not log.degraded)
        rule_caught, rule_false = rule_caught + (rule and log.degraded), rule_false + (rule and not log.degraded)
        if codes or rule or log.degraded:
            wrong = f"{log.onset / log.steps:.0%}" if log.degraded else ""
            when = f"{since / log.steps:.0%}" if codes else ""
            late = max(late, (since - log.onset) / log.steps) if codes and log.degraded else late
            row = [
                log.name,
                f"{log.fids[:, 1].min():.1f}",
                f"{log.fids[-1, 1]:.1f}",
                wrong,
                ", ".join(codes) or "nothing",
            ]
            print("| " + " | ".join([*row, when, "wrong" if rule else ""]) + " |")
    bad = sum(log.degraded for log in logs)
    print(
        f"\nThe doctor: {caught} of {bad}, false alarms {false} of {len(logs) - bad}; at most {late:.0%} of a run late."
    )
    print(f"The rule: {rule_caught} of {bad}, false alarms {rule_false} of {len(logs) - bad}; at the end alone.")


if __name__ == "__main__":
    main()
