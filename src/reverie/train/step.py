"""One phase's optimiser, and one update: accumulate, reduce, clip, step. A step that is not finite changes nothing."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from reverie.core.family import Batch, Moment, Phase
from reverie.core.recipe import OptimRecipe
from reverie.train.adam import Adam
from reverie.train.ranks import Ranks


@dataclass(frozen=True)
class Stepper:
    """A phase with its optimiser.

    Args:
        phase: the objective and its parameters.
        adam: its optimiser.
        totals: running sums since the last report, by term name, on the device: read rarely, so that no step waits.
    """

    phase: Phase
    adam: Adam
    totals: dict[str, Tensor]

    @staticmethod
    def of(phase: Phase, optim: OptimRecipe) -> "Stepper":
        """A fresh optimiser for the phase."""
        adam = Adam(phase.params, beta1=optim.beta1, beta2=optim.beta2, eps=optim.eps, weight_decay=optim.weight_decay)
        return Stepper(phase, adam, {})

    def step(
        self,
        batch: Batch,
        moment: Moment,
        *,
        lr: float,
        micro: int,
        clip: float | None,
        ranks: Ranks,
        precision: Callable[[], AbstractContextManager[object]],
    ) -> Tensor:
        """Updates the phase's parameters by one batch.

        Args:
            batch: this rank's share of the global batch.
            lr: learning rate of this step.
            micro: images to hold in memory at once; gradients accumulate.
            clip: largest gradient norm, or None.
            precision: opens the autocast region.
        Returns:
            1.0 if the step was left out because its loss or gradient was not finite, else 0.0: a scalar on the device.
        """
        params = self.phase.params
        for param in params:
            param.grad = None
        sums: dict[str, Tensor] = {}
        for first in range(0, len(batch), micro):
            part = batch.slice(first, micro) if micro < len(batch) else batch
            share = len(part) / len(batch)
            rng = moment.rng.slice(first, len(part)) if micro < len(batch) else moment.rng
            with precision():
                terms = self.phase.terms(part, replace(moment, rng=rng))
                loss = torch.stack(list(terms.loss.values())).sum()
            grads = torch.autograd.grad(loss * share if share < 1 else loss, list(params), allow_unused=True)
            for param, grad in zip(params, grads, strict=True):
                if grad is not None:
                    param.grad = grad if param.grad is None else param.grad + grad
            said = {"loss": loss, **terms.loss, **terms.watch}
            values = torch.stack([value.detach().float() for value in said.values()]) * share
            for name, value in zip(said, values.unbind(), strict=True):
                sums[name] = sums[name] + value if name in sums else value
        ranks.average_gradients(params)
        return self._apply(sums, lr, clip, ranks)

    def _apply(self, sums: dict[str, Tensor], lr: float, clip: float | None, ranks: Ranks) -> Tensor:
        grads = [p.grad for p in self.phase.params if p.grad is not None]
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(grads)))
        bad = (~torch.isfinite(ranks.average(norm + sums["loss"]))).float()  # on one rank is on all
        if clip is not None:
            torch._foreach_mul_(grads, torch.clamp(clip / (norm + 1e-6), max=1.0))
        self.adam.step(lr, bad)
        values = {**sums, "gradient_norm": norm, "steps": torch.ones_like(norm)}
        kept = torch.where(bad == 0, torch.stack(list(values.values())), 0.0)
        for name, value in zip(values, kept.unbind(), strict=True):
            self.totals[name] = self.totals.get(name, 0.0) + value
        return bad

    def report(self, ranks: Ranks, lr: float) -> tuple[dict[str, float], dict[str, float]]:
        """(mean terms, health) since the last report, and starts the sums anew; `lr` is the last step's rate."""
        names = sorted(self.totals)
        sums = ranks.average(torch.stack([self.totals[n] for n in names])).tolist() if names else []
        totals = dict(zip(names, sums, strict=True))
        self.totals.clear()
        steps = totals.pop("steps", 0.0)
        means = {name: value / steps if steps else float("nan") for name, value in totals.items()}
        norm = means.pop("gradient_norm", float("nan"))
        return means, {"gradient_norm": norm, "update_ratio": self.adam.update_ratio(lr).item()}

    def state(self) -> dict[str, Tensor]:
        """The optimiser's and the report's tensors, by plain names."""
        tensors = {f"total.{name}": value for name, value in self.totals.items()}
        return tensors | {f"adam.{name}": value for name, value in self.adam.state().items()}

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Puts back what `state` gave."""
        self.totals.clear()
        device = self.phase.params[0].device
        for name, value in tensors.items():
            if name.startswith("total."):
                self.totals[name.removeprefix("total.")] = value.to(device)
        self.adam.load_state({n.removeprefix("adam."): v for n, v in tensors.items() if n.startswith("adam.")})
