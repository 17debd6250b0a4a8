"""Adam with decoupled weight decay, as one fused kernel a step (Kingma and Ba 2015; Loshchilov and Hutter 2019).

`torch.optim` calls the same kernel, and imports the compiler first, which costs a second or two of every start.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Adam:
    """Moments of some parameters' gradients, and the step that they decide.

    Args:
        params: what to update.
        beta1: decay of the gradient mean.
        beta2: decay of the gradient square.
        eps: added to the root of the gradient square.
        weight_decay: share of a weight that a step of rate 1 takes away.
    """

    def __init__(
        self, params: Sequence[nn.Parameter], *, beta1: float, beta2: float, eps: float, weight_decay: float
    ) -> None:
        self.params, self.beta1, self.beta2, self.eps, self.weight_decay = params, beta1, beta2, eps, weight_decay
        self.means = [torch.zeros_like(p) for p in params]
        self.squares = [torch.zeros_like(p) for p in params]
        self.steps = torch.zeros((), device=params[0].device)

    @torch.no_grad()
    def step(self, lr: float, bad: Tensor) -> None:
        """One update of every parameter that has a gradient; none at all where `bad` is 1 (a scalar on the device)."""
        used = [i for i, p in enumerate(self.params) if p.grad is not None]
        self.steps += 1 - bad
        torch._fused_adamw_(  # pyright: ignore[reportCallIssue]  (its stub wants a tensor rate)
            [self.params[i] for i in used],
            [p.grad for p in (self.params[i] for i in used) if p.grad is not None],
            [self.means[i] for i in used],
            [self.squares[i] for i in used],
            [],
            [self.steps.clamp(min=1)] * len(used),
            lr=lr,
            beta1=self.beta1,
            beta2=self.beta2,
            weight_decay=self.weight_decay,
            eps=self.eps,
            amsgrad=False,
            maximize=False,
            found_inf=bad,
        )

    @torch.no_grad()
    def update_ratio(self, lr: float) -> Tensor:
        """Norm of an update at this rate over the norm of the weights, from the moments as they stand: a scalar."""
        steps = self.steps.clamp(min=1)
        updates = torch._foreach_sqrt(self.squares)
        torch._foreach_div_(updates, (1 - self.beta2**steps).sqrt())
        torch._foreach_add_(updates, self.eps)
        updates = torch._foreach_div(self.means, updates)
        norms = [torch.linalg.vector_norm(torch.stack(torch._foreach_norm(list(t)))) for t in (updates, self.params)]
        return lr / (1 - self.beta1**steps) * norms[0] / norms[1].clamp(min=1e-12)

    def state(self) -> dict[str, Tensor]:
        """Moments and step count, by plain names."""
        named: dict[str, Tensor] = {"steps": self.steps}
        for index, (mean, square) in enumerate(zip(self.means, self.squares, strict=True)):
            named |= {f"mean.{index}": mean, f"square.{index}": square}
        return named

    @torch.no_grad()
    def load_state(self, named: dict[str, Tensor]) -> None:
        """Puts back what `state` gave.

        Raises:
            KeyError: a moment is missing.
            RuntimeError: a moment has another shape than its parameter.
        """
        for name, tensor in self.state().items():
            tensor.copy_(named[name])
