"""What is looked at while a training runs: sample grids, probes, and the doctor's word on them."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import nn

from reverie.api.showing import GRID, POINTS
from reverie.core.capability import Decodes, Encodes, Judges, Samples, Scores
from reverie.core.event import Event
from reverie.core.finding import Record, read_nulls
from reverie.core.recipe import Recipe
from reverie.core.run import Run, atomic_write, explained
from reverie.core.trend import CYCLE, autocorrelation, together
from reverie.data import Dataset
from reverie.diagnose.watch import Doctor
from reverie.measure.encoding_probe import COLUMNS, EncodingProbe
from reverie.measure.probe import Probe
from reverie.ship import sheet
from reverie.train.loop import Advice, Periodic

REPORTS = 64  # of the critic, the newest, in which its logits may go round
CHANCE = 0.02  # by which two coverages of 1,000 samples of one model differ: two standard errors


def periodic(run: Run, dataset: Dataset, recipe: Recipe, model: nn.Module, *, writes: bool) -> Periodic:
    """Sample grids and probes on the same seeds each time, and the doctor after every probe.

    The best weights are those of the lowest held-out NLL where the model has one, by a few importance samples: the ELBO
    would prefer weights from before an importance-weighted bound began to pay. Else they are those whose samples have
    the lowest Frechet distance to training images, on features of the pixels; of points, which that distance knows by
    their mean and covariance alone, the last that cover as much of them as any before. An encoder that makes nothing
    has its own probe, and grids of nearest neighbours.
    """
    points = dataset.spec.kind == "points"
    num = POINTS if points else GRID
    labels = torch.arange(num) * dataset.spec.num_classes // num if dataset.spec.num_classes else None
    best, slack = ("held_out_nll_nats" if isinstance(model, Scores) else "frechet", -1), 0.0
    if points and not isinstance(model, Scores):
        best, slack = ("coverage", 1), CHANCE

    def grid(made: nn.Module, path: Path) -> None:
        if isinstance(made, Samples):
            sheet.save(sheet.grid(made.sample(range(num), labels=labels).cpu()), path)

    if not writes:
        return Periodic()
    if isinstance(model, Encodes) and not isinstance(model, Samples | Decodes):
        return _of_encoder(run, dataset, recipe)
    look = Probe(dataset.train, dataset.held_out, seed=recipe.seed)
    _keep_nulls(run, look.nulls())

    def probe(made: nn.Module) -> dict[str, float]:
        values = look(made) | (_of_logits(run, recipe) if isinstance(made, Judges) else {})
        picture = None if points else look.picture()
        if picture is not None:
            sheet.save(sheet.grid(picture), run.path / "probes" / "missing.png")
        return values

    return Periodic(grid=grid, probe=probe, best=best, slack=slack, doctor=_doctor(run, recipe))


def _of_logits(run: Run, recipe: Recipe) -> dict[str, float]:
    """Whether the gap between the critic's logits of real and made images goes round, by what the steps reported."""
    found = together(Record(recipe, tuple(run.events()), {}), "critic.logit_real", "critic.logit_fake")
    if found is None or len(found[0]) < CYCLE:
        return {}
    real, fake = (series.values[-REPORTS:] for series in found)
    return {"judge_gap_autocorrelation": autocorrelation(real - fake)}


def _of_encoder(run: Run, dataset: Dataset, recipe: Recipe) -> Periodic:
    """Rows of nearest neighbours in place of samples, and the best weights by the probe's own rule."""
    look = EncodingProbe(dataset.train, dataset.held_out, seed=recipe.seed)
    _keep_nulls(run, look.nulls())

    def grid(made: nn.Module, path: Path) -> None:
        sheet.save(sheet.grid(look.picture(made), columns=COLUMNS), path)

    return Periodic(grid=grid, probe=look, best=look.best, doctor=_doctor(run, recipe))


def _keep_nulls(run: Run, nulls: Mapping[str, tuple[float, float]]) -> None:
    if not (run.path / "probes" / "nulls.json").exists():
        with explained(run.path):
            found = {name: list(ends) for name, ends in nulls.items()}
            atomic_write(run.path / "probes" / "nulls.json", json.dumps(found, indent=1).encode())


def _doctor(run: Run, recipe: Recipe) -> Callable[[Sequence[Event]], Advice]:
    doctor = Doctor(recipe, tuple(run.events()), read_nulls(run))

    def ask(events: Sequence[Event]) -> Advice:
        word = doctor(events)
        return Advice(tuple(word.news), stop=word.stop, healthy=word.healthy)

    return ask
