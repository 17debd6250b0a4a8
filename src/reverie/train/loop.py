"""The one training loop: a generator of events that knows phases, batches and budgets, and no kind of model.

Time is images seen. Every random draw is a function of (seed, images seen), so a resumed training is the same training.
Read `step.py` next for one update, `checkpoint.py` for what is kept.
"""

import contextlib
import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from reverie.core.errors import RunError, TrainingError, UsageError
from reverie.core.event import Event, Finished, Probed, Sampled, Saved, Started, Stepped, Warned
from reverie.core.family import Batch, Family, Moment
from reverie.core.recipe import Recipe
from reverie.core.rng import Rng
from reverie.core.run import Run
from reverie.core.spec import DataSpec
from reverie.train.checkpoint import States, pack, save_weights, unpack
from reverie.train.device import autocast, pick_device, pick_precision, place
from reverie.train.ema import Ema
from reverie.train.ranks import Ranks
from reverie.train.schedule import is_due, learning_rate
from reverie.train.step import Stepper

BAD_STEPS_IN_A_ROW = 10


class Source(Protocol):
    """Training items: position `images` onwards of an endless, seeded stream."""

    spec: DataSpec

    def __len__(self) -> int: ...

    def at(self, images: int, rng: Rng, device: torch.device) -> Batch:
        """The items of `rng`'s slice of the global batch that starts at `images`."""
        ...


@dataclass(frozen=True)
class Advice:
    """What a doctor says after a probe.

    Args:
        news: findings, as events.
        stop: True when the training should end here.
        healthy: True when nothing is wrong, so that this is a state to come back to.
    """

    news: Sequence[Event]
    stop: bool
    healthy: bool


@dataclass(frozen=True)
class Periodic:
    """What happens now and then: callables from above, so that the loop needs neither metrics nor pictures.

    Args:
        grid: (model, path) writes a sample grid, the same seeds each time.
        probe: model -> numbers on fixed seeds and on held-out data.
        best: the probed number by which the best weights are chosen, and +1 if higher is better, else -1.
        slack: what that number may lack of its best, as it does by chance, for later weights to be taken all the same.
        doctor: asked after every probe, with the events since it was last asked.
    """

    grid: Callable[[nn.Module, Path], None] | None = None
    probe: Callable[[nn.Module], dict[str, float]] | None = None
    best: tuple[str, int] | None = None
    slack: float = 0.0
    doctor: Callable[[Sequence[Event]], Advice] | None = None


@dataclass
class _Progress:
    """What changes while a training runs, beside tensors."""

    images: int = 0
    seconds: float = 0.0
    best: float | None = None
    bad_in_a_row: int = 0
    bad_since: int | None = None
    began: float = field(default_factory=time.monotonic)

    def clock(self) -> float:
        """Seconds of training, pauses left out."""
        return self.seconds + time.monotonic() - self.began

    def kept(self) -> dict[str, Any]:
        """For the state's description."""
        return {"images": self.images, "seconds": self.clock(), "best": self.best, "bad_in_a_row": self.bad_in_a_row}


class Trainer:
    """A training in progress on one run folder. `events()` is the loop; everything else serves it.

    Args:
        run: a locked run folder.
        recipe: what to do.
        family: supplies the phases.
        model: what the family built for this recipe, untrained.
        source: training items.
        periodic: sample grids and probes.
        ranks: this process among its peers.
        stop: asked after every step; True saves and ends the training early.
    """

    def __init__(
        self,
        run: Run,
        recipe: Recipe,
        family: Family,
        model: nn.Module,
        source: Source,
        *,
        periodic: Periodic,
        ranks: Ranks,
        stop: Callable[[], bool],
    ) -> None:
        self.run, self.recipe, self.source = run, recipe, source
        self.periodic, self.ranks, self.stop = periodic, ranks, stop
        if recipe.train.batch % ranks.world:
            raise UsageError(
                f"recipe.train.batch: must be a multiple of the {ranks.world} processes, got {recipe.train.batch}."
            )
        self.device = pick_device(recipe.train.device)
        self.precision = pick_precision(recipe.train.precision, self.device)
        self.model = place(model, self.device).train()
        self.progress = _Progress()
        self.unheard: list[Event] = []
        self.remarks: list[Event] = []  # told when the run is opened
        self.states = States(run.path / "state")
        self.resumed_with = self.states.load()
        if self.resumed_with is None:
            family.prepare(self.model, self.batch(0, min(len(source), 2048), split=False), recipe)
        self.average = copy.deepcopy(self.model).eval().requires_grad_(False)
        self.ema = Ema(self.average, self.model)
        phases = family.phases(self.model, recipe, len(source))
        self.steppers = [Stepper.of(phase, recipe.optim) for phase in phases]
        if self.resumed_with is not None:
            self._restore(*self.resumed_with[:2])

    def rng(self, images: int, count: int, *, split: bool = True, purpose: str = "train") -> Rng:
        """Chance for the batch that starts at `images`: this rank's slice of it."""
        first, mine = self.ranks.share(count) if split else (0, count)
        return Rng(self.recipe.seed, purpose, images, count=mine, first=first, total=count, device=self.device)

    def batch(self, images: int, count: int, *, split: bool = True) -> Batch:
        """This rank's items of the global batch that starts at `images`."""
        return self.source.at(images, self.rng(images, count, split=split, purpose="data"), self.device)

    def fraction(self) -> float:
        """Share of the budget spent, in [0, 1]; agreed between ranks."""
        budget = self.recipe.train
        if budget.images is not None:
            return min(1.0, self.progress.images / budget.images)
        return min(1.0, self.ranks.agree(self.progress.clock() / (60 * (budget.minutes or 1)), self.device))

    def events(self) -> Iterator[Event]:
        """Trains until the budget is spent. Closing the generator saves first; resuming then continues to the bit."""
        progress, recipe = self.progress, self.recipe
        fraction, step, saved_at = self.fraction(), math.ceil(progress.images / recipe.train.batch), time.monotonic()
        yield from self._tell(self._opening(fraction))
        try:
            while fraction < 1:
                bad = self._step(step, fraction)
                step += 1
                progress.images += recipe.train.batch
                before, fraction = fraction, self.fraction()
                news = self._read_health(bad)
                if step % recipe.train.log_every == 0 or fraction >= 1:
                    news += self._report()
                news += self._periodic(before, fraction)
                told = self._tell(news)
                advice = self._ask_doctor(told)
                told += self._tell(list(advice.news))
                if time.monotonic() - saved_at > 60 * recipe.train.save_minutes and not progress.bad_in_a_row:
                    told += self._tell(self._save())
                    saved_at = time.monotonic()
                yield from told
                self._stop_if_diverged()
                reason = "finding" if advice.stop else "interrupted" if self.stop() else ""
                if self.ranks.agree(float(bool(reason)), self.device) and fraction < 1:
                    yield from self._tell([*self._save(must=True), self._finished(reason or "interrupted")])
                    return
        except GeneratorExit:
            self._tell(self._save(must=True))
            raise
        yield from self._tell([*self._save(must=True), self._finished("budget")])

    def _step(self, step: int, fraction: float) -> Tensor:
        """One batch through every phase that is due; 1.0 on the device if a phase left its update out."""
        train, images = self.recipe.train, self.progress.images
        batch, lr = self.batch(images, train.batch), learning_rate(self.recipe.optim, fraction)
        bad = torch.zeros((), device=self.device)
        for stepper in self.steppers:
            if step % stepper.phase.every == 0:
                rng = self.rng(images, train.batch).spawn(stepper.phase.name)
                bad = bad + stepper.step(
                    batch,
                    Moment(images, fraction, rng),
                    lr=lr,
                    micro=min(train.micro or len(batch), len(batch)),
                    clip=train.clip,
                    ranks=self.ranks,
                    precision=lambda: autocast(self.precision, self.device),
                )
        self.ranks.average_buffers(self.model)
        self.ema.update(batch=train.batch, images=images + train.batch, half_life=train.ema_images)
        return bad

    def _read_health(self, bad: Tensor) -> list[Event]:
        """Turns steps that were left out into events. On an accelerator the flag is read at reports alone."""
        progress = self.progress
        if self.device.type != "cpu" and (progress.images // self.recipe.train.batch) % self.recipe.train.log_every:
            return []
        if self.ranks.average(bad.detach()).item() == 0:
            progress.bad_in_a_row, progress.bad_since = 0, None
            return []
        progress.bad_in_a_row += 1
        if progress.bad_since is None:
            progress.bad_since = progress.images
        if progress.bad_in_a_row > 1:
            return []
        message = (
            "The loss or its gradient was not finite, so this step was left out. If it goes on, "
            f"lower optim.lr (now {self.recipe.optim.lr:g}) or set train.clip = 1."
        )
        return [Warned(images=progress.images, seconds=progress.clock(), code="X001", message=message)]

    def _stop_if_diverged(self) -> None:
        progress = self.progress
        limit = BAD_STEPS_IN_A_ROW if self.recipe.train.on_nan == "skip" else 1
        if progress.bad_in_a_row >= limit:
            self._tell([self._finished("diverged")])
            raise TrainingError(
                f"{self.run.path}: the training diverged: no finite step since image {progress.bad_since:,}. "
                f"The weights from before are kept. Train again with a lower optim.lr (now {self.recipe.optim.lr:g}) "
                f"or train.clip = 1, under another --run."
            )

    def _report(self) -> list[Event]:
        """The mean terms of every phase since the last report."""
        at = {"images": self.progress.images, "seconds": self.progress.clock()}
        lr = learning_rate(self.recipe.optim, self.fraction())
        reports = [(s.phase.name, s.report(self.ranks, lr)) for s in self.steppers if s.totals]
        return [Stepped(**at, phase=name, terms=terms, health=health) for name, (terms, health) in reports]

    def _periodic(self, before: float, now: float) -> list[Event]:
        """The sample grid and the probe, when they are due."""
        news: list[Event] = []
        if not self.ranks.writes:
            return news
        progress, periodic = self.progress, self.periodic
        if periodic.grid and is_due(self.recipe.train.grids, before, now):
            path = Path("samples") / f"{progress.images:09d}.png"
            try:
                periodic.grid(self.average, self.run.path / path)
                news.append(Sampled(images=progress.images, seconds=progress.clock(), path=str(path)))
            except OSError as error:
                news.append(self._disk_warning(error))
        if periodic.probe and is_due(self.recipe.train.probes, before, now):
            values = periodic.probe(self.average)
            news.append(Probed(images=progress.images, seconds=progress.clock(), values=values))
            if periodic.best and self._is_best(values.get(periodic.best[0], math.nan), periodic.best[1]):
                news += self._save_weights("best.safetensors")
        return news

    def _ask_doctor(self, told: list[Event]) -> Advice:
        """The doctor's word on everything since it was last asked, if a probe was among what was just told."""
        if self.periodic.doctor is None or not self.ranks.writes or not any(isinstance(e, Probed) for e in told):
            return Advice((), stop=False, healthy=False)
        advice = self.periodic.doctor(self.unheard)
        self.unheard = []
        if advice.healthy and not self.progress.bad_in_a_row:
            try:
                self.states.save_healthy(pack(self._parts()), self.progress.kept())
            except OSError as error:
                return Advice((*advice.news, self._disk_warning(error)), stop=advice.stop, healthy=False)
        return advice

    def _is_best(self, value: float, sign: int) -> bool:
        best = self.progress.best
        lead = math.inf if best is None else sign * (value - best)
        if math.isnan(value) or lead <= -self.periodic.slack:
            return False
        if lead > 0:
            self.progress.best = value
        return True

    def _opening(self, fraction: float) -> list[Event]:
        """What is said when a trainer opens the run."""
        parameters = sum(p.numel() for p in self.model.parameters())
        at = {"images": self.progress.images, "seconds": self.progress.clock()}
        resumed, device = self.progress.images > 0 or self.resumed_with is not None, str(self.device)
        started = Started(**at, resumed=resumed, parameters=parameters, device=device, precision=self.precision)
        news: list[Event] = [started, *self.remarks]
        if self.resumed_with is not None and self.resumed_with[2]:
            message = f"{self.resumed_with[2].split(' `')[0]} The checkpoint before it was used instead."
            news.append(Warned(**at, code="X002", message=message))
        elif self.resumed_with is None:
            news += ([] if resumed else self._periodic(-1.0, 0.0)) + self._save()
        return news

    def _save(self, must: bool = False) -> list[Event]:
        """Writes the state and the averaged weights. A full disk is a warning, unless nothing would remain."""
        if not self.ranks.writes or self.progress.bad_in_a_row:
            return []
        try:
            self.states.save(pack(self._parts()), self.progress.kept())
            return self._save_weights("last.safetensors", raising=True)
        except OSError as error:
            if must:
                raise RunError(
                    f"{self.run.path}: the last checkpoint could not be written ({error.strerror}), the one before "
                    f"it is whole. Free space, then `reverie resume {self.run.path}`."
                ) from None
            return [self._disk_warning(error)]

    def _parts(self) -> dict[str, dict[str, Tensor]]:
        """Every tensor that a resume needs."""
        parts = {"model": self.model.state_dict(), "average": self.average.state_dict()}
        return parts | {f"phase.{s.phase.name}": s.state() for s in self.steppers}

    def _save_weights(self, name: str, raising: bool = False) -> list[Event]:
        progress, path = self.progress, Path("weights") / name
        try:
            save_weights(self.run.path / path, self.average, self.recipe, self.source.spec, progress.images)
        except OSError as error:
            if raising:
                raise
            return [self._disk_warning(error)]
        best = name.startswith("best")
        return [Saved(images=progress.images, seconds=progress.clock(), path=str(path), best=best)]

    def _disk_warning(self, error: OSError) -> Warned:
        message = (
            f"A file of the run could not be written ({error.strerror}). Free space: the training goes on meanwhile."
        )
        return Warned(images=self.progress.images, seconds=self.progress.clock(), code="X003", message=message)

    def _finished(self, reason: str) -> Finished:
        return Finished(images=self.progress.images, seconds=self.progress.clock(), reason=reason)

    def _tell(self, news: list[Event]) -> list[Event]:
        """Writes events down before anybody hears them, so that closing the generator loses none."""
        for event in news if self.ranks.writes else ():
            self.run.append(event)
            self.unheard.append(event)
        return news

    def adopt(self, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
        """Takes over what fits of another training's state: tensors of the same name and shape, and its clock."""
        for module, part in ((self.model, "model"), (self.average, "average")):
            own, theirs = module.state_dict(), unpack(tensors, part)
            fitting = {n: t for n, t in theirs.items() if n in own and own[n].shape == t.shape}
            module.load_state_dict(fitting, strict=False)
        for stepper in self.steppers:
            with contextlib.suppress(KeyError, RuntimeError):  # another net: its optimiser starts anew
                stepper.load_state(unpack(tensors, f"phase.{stepper.phase.name}"))
        self.progress.images, self.progress.seconds = int(about["images"]), float(about["seconds"])

    def _restore(self, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
        """Puts a saved state back."""
        try:
            self.model.load_state_dict(unpack(tensors, "model"))
            self.average.load_state_dict(unpack(tensors, "average"))
            for stepper in self.steppers:
                stepper.load_state(unpack(tensors, f"phase.{stepper.phase.name}"))
            for name in ("images", "seconds", "best", "bad_in_a_row"):
                setattr(self.progress, name, about[name])
        except (RuntimeError, KeyError, IndexError, ValueError) as error:
            raise RunError(
                f"{self.run.path}: its checkpoint does not fit its recipe ({str(error).splitlines()[0][:100]}). "
                f"Was recipe.toml edited? Put it back, or train under another --run."
            ) from None
