"""Several processes on one training: who am I, average gradients, agree on a number. Nothing wraps the model.

Start with `torchrun --nproc-per-node N -m reverie -- train vae DATA --run RUN`; without torchrun there is one rank.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn


@dataclass(frozen=True)
class Ranks:
    """This process's place among those that train together.

    Args:
        rank: 0 to world - 1; rank 0 alone writes to the run folder.
        world: how many processes there are.
    """

    rank: int = 0
    world: int = 1

    @staticmethod
    def join() -> "Ranks":
        """Joins the group that torchrun's environment describes; one rank when there is none."""
        if "WORLD_SIZE" not in os.environ or int(os.environ["WORLD_SIZE"]) == 1:
            return Ranks()
        if not distributed.is_initialized():
            distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        return Ranks(distributed.get_rank(), distributed.get_world_size())

    @property
    def writes(self) -> bool:
        """True on the one rank that writes files and events."""
        return self.rank == 0

    def share(self, batch: int) -> tuple[int, int]:
        """(first, count): this rank's part of a global batch, which is a multiple of `world`."""
        count = batch // self.world
        return self.rank * count, count

    def average_gradients(self, params: Iterable[nn.Parameter]) -> None:
        """Replaces every gradient by its mean over the ranks, in one all-reduce of one flat buffer."""
        if self.world == 1:
            return
        grads = [p.grad for p in params if p.grad is not None]
        flat = torch.cat([g.reshape(-1) for g in grads])
        distributed.all_reduce(flat)
        flat /= self.world
        for grad, part in zip(grads, flat.split([g.numel() for g in grads]), strict=True):
            grad.copy_(part.view_as(grad))

    def average_buffers(self, model: nn.Module) -> None:
        """Replaces what the model keeps beside its weights (running means) by its mean over the ranks."""
        kept = [b for b in model.buffers() if b.is_floating_point()] if self.world > 1 else []
        if kept:
            flat = self.average(torch.cat([b.reshape(-1) for b in kept]))
            for buffer, part in zip(kept, flat.split([b.numel() for b in kept]), strict=True):
                buffer.copy_(part.view_as(buffer))

    def average(self, values: Tensor) -> Tensor:
        """The mean of a tensor over the ranks."""
        if self.world > 1:
            values = values.clone()
            distributed.all_reduce(values)
            values /= self.world
        return values

    def agree(self, value: float, device: torch.device) -> float:
        """Rank 0's value, on every rank."""
        if self.world == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64, device=device)
        distributed.broadcast(shared, 0)
        return float(shared.item())

    def leave(self) -> None:
        """Leaves the group, so that the process can end quietly."""
        if self.world > 1 and distributed.is_initialized():
            distributed.destroy_process_group()
