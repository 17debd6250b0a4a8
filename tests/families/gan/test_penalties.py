"""Penalties against closed forms: linear and quadratic critics have gradients that one can write down."""

from typing import Any

import pytest
import torch
from torch import Tensor

from reverie.core.rng import Rng
from reverie.families.gan import penalties
from reverie.nets.residual_gan import ResidualCritic

W = torch.tensor([0.3, -1.2, 0.5, 2.0], dtype=torch.float64).view(1, 1, 2, 2)


def linear(images: Tensor) -> Tensor:
    return (images * W).flatten(1).sum(1)


def quadratic(images: Tensor) -> Tensor:
    return 0.5 * images.square().flatten(1).sum(1)


def draw(num: int = 8) -> Tensor:
    return torch.randn(num, 1, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_the_slope_of_a_linear_critic_is_its_weight() -> None:
    images = draw().requires_grad_(True)
    found = penalties.squared_gradient(linear(images), images)
    assert torch.allclose(found, W.square().sum().float().expand(8))


def test_the_slope_of_a_quadratic_critic_is_the_image_and_can_be_differentiated() -> None:
    images, scale = draw().requires_grad_(True), torch.tensor(1.7, dtype=torch.float64, requires_grad=True)
    found = penalties.squared_gradient(scale * quadratic(images), images)
    assert torch.allclose(found, (1.7**2 * images.square().flatten(1).sum(1)).float())
    found.sum().backward()
    assert scale.grad is not None  # d/ds s^2 |x|^2 = 2 s |x|^2
    assert torch.allclose(scale.grad, 2 * 1.7 * images.detach().square().sum())


class Counted(torch.autograd.Function):
    """The identity, which counts how often it is passed backwards."""

    passes = 0

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        Counted.passes += 1
        return grads[0]


def test_the_slopes_of_two_sets_share_a_backward_pass() -> None:
    x, g = draw(3).requires_grad_(True), (2 * draw(5)).requires_grad_(True)
    weight = torch.tensor(1.7, dtype=torch.float64, requires_grad=True)
    r, f = quadratic(weight * Counted.apply(torch.cat([x, g]))).split([3, 5])  # type: ignore
    Counted.passes = 0
    both = penalties.squared_gradients([r, f], [x, g])
    assert Counted.passes == 1
    alone = [penalties.squared_gradient(quadratic(weight * leaf), leaf) for leaf in (x, g)]
    for found, expected in zip(both, alone, strict=True):
        assert torch.allclose(found, expected)
        (slope,) = torch.autograd.grad(found.sum(), weight, retain_graph=True)  # d/dw w^4 |x|^2 = 4 w^3 |x|^2
        assert slope.item() == pytest.approx(4 / 1.7 * found.double().sum().item(), rel=1e-6)


@pytest.mark.parametrize("critic", [linear, quadratic])
def test_finite_differences_agree_with_the_exact_penalty(critic: object) -> None:
    images = draw(4).float().repeat(20_000, 1, 1, 1)
    function = lambda x: critic(x.double())  # type: ignore  # noqa: E731
    nearby = penalties.nudged(images.double(), Rng(0, count=len(images)), 1e-3)
    found = penalties.finite_difference(function(nearby), function(images), 1e-3)
    exact = penalties.squared_gradient(function(leaf := images[:4].requires_grad_(True)), leaf)
    mean = found.view(-1, 4).mean(0)
    # the square of a Gaussian of variance v has standard deviation sqrt(2) v
    assert ((mean - exact).abs() < 4 * 2**0.5 * exact / 20_000**0.5 + 1e-3).all()


@pytest.mark.parametrize("critic", [linear, quadratic])
def test_a_random_direction_agrees_with_the_exact_penalty(critic: object) -> None:
    few = draw(4)
    images = few.repeat(20_000, 1, 1, 1)
    r, f, (at_real, at_made) = penalties.forward(
        lambda x, g: (critic(x), critic(g)), images, -images, Rng(0, count=80_000)
    )  # type: ignore
    assert torch.equal(r, critic(images)) and torch.equal(f, critic(-images))  # type: ignore
    exact = penalties.squared_gradient(critic(leaf := few.requires_grad_(True)), leaf).detach()  # type: ignore
    for found in (at_real, at_made):
        mean = found.view(-1, 4).mean(0)
        assert ((mean - exact).abs() < 4 * 2**0.5 * exact / 20_000**0.5).all()


def test_in_bf16_a_direction_keeps_the_slope_and_a_difference_loses_it() -> None:
    torch.manual_seed(0)
    net = ResidualCritic(shape=(3, 32, 32), width=16, depth=1)
    for weights in (w for w in net.parameters() if not w.any()):
        torch.nn.init.normal_(weights, std=0.1)
    images, rng = torch.rand(256, 3, 32, 32), Rng(0, count=256)
    exact = penalties.squared_gradient(net(leaf := images.clone().requires_grad_(True)), leaf).mean().item()
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        logits, _, (slopes, _) = penalties.forward(lambda x, g: (net(x), net(g)), images, images, rng)
        differences = penalties.finite_difference(net(penalties.nudged(images, rng.spawn("r1"))), logits)
    assert slopes.mean().item() == pytest.approx(exact, rel=4 * (2 / 256) ** 0.5)
    assert differences.mean().item() > 1.2 * exact


def test_wgan_gp_wants_slopes_of_one() -> None:
    norm = W.norm().item()
    found = penalties.wgan_gp(linear, draw(), -draw(), Rng(0, count=8))
    assert torch.allclose(found, torch.full((8,), (norm - 1) ** 2))
    unit = penalties.wgan_gp(lambda x: linear(x) / norm, draw(), -draw(), Rng(0, count=8))
    assert unit.abs().max() < 1e-10


def test_wgan_gp_looks_between_real_and_made_images() -> None:
    seen: list[Tensor] = []
    real, fake = torch.zeros(64, 1, 2, 2), torch.ones(64, 1, 2, 2)
    penalties.wgan_gp(lambda x: (seen.append(x.detach()), quadratic(x))[1], real, fake, Rng(0, count=64))
    u = seen[0].flatten(1)
    assert (u == u[:, :1]).all() and u.min() >= 0 and u.max() <= 1 and u.std() > 0.2


def test_dragan_looks_near_real_images() -> None:
    seen: list[Tensor] = []
    real = draw(64).float()
    penalties.dragan(lambda x: (seen.append(x.detach()), quadratic(x))[1], real, Rng(0, count=64))
    step = seen[0] - real
    assert step.min() >= 0 and step.max() <= 0.5 * real.std() and step.std() > 0


def test_a_flat_critic_gives_finite_gradients() -> None:
    weight = torch.zeros(1, requires_grad=True)
    found = penalties.wgan_gp(lambda x: weight * linear(x), draw(), -draw(), Rng(0, count=8)).mean()
    (gradient,) = torch.autograd.grad(found, weight)
    assert torch.isfinite(gradient).all()
