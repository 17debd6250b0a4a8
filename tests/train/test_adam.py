"""The fused step against torch.optim, and what it does with a step that is not finite."""

import torch
from torch import nn

from reverie.train.adam import Adam


def test_steps_equal_torch_adamw() -> None:
    torch.manual_seed(0)
    ours = [nn.Parameter(torch.randn(3, 4)), nn.Parameter(torch.randn(5))]
    theirs = [nn.Parameter(p.detach().clone()) for p in ours]
    adam = Adam(ours, beta1=0.9, beta2=0.99, eps=1e-8, weight_decay=0.1)
    reference = torch.optim.AdamW(theirs, lr=0.01, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.1, fused=False)
    good, bad = torch.zeros(()), torch.ones(())
    for step in range(20):
        grads = [torch.randn_like(p) for p in ours]
        for p, q, g in zip(ours, theirs, grads, strict=True):
            p.grad, q.grad = g, g.clone()
        adam.step(0.01, good)
        reference.step()
        if step == 7:  # a bad step in between leaves no trace
            ours[0].grad = torch.full_like(ours[0], float("nan"))
            adam.step(0.01, bad)
        for p, q in zip(ours, theirs, strict=True):
            torch.testing.assert_close(p, q, rtol=1e-5, atol=1e-6)


def test_a_bad_first_step_leaves_no_trace() -> None:
    parameter = nn.Parameter(torch.ones(3))
    adam = Adam([parameter], beta1=0.0, beta2=0.9, eps=1e-8, weight_decay=0.0)
    parameter.grad = torch.full((3,), float("inf"))
    adam.step(0.1, torch.ones(()))
    assert torch.equal(parameter.detach(), torch.ones(3))
    assert all(torch.equal(t, torch.zeros_like(t)) for t in adam.state().values())
