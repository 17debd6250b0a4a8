"""The Bernoulli likelihood against its plain formula, and in bf16 against the axioms of probability."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from reverie.families.vae import likelihood
from reverie.families.vae.likelihood import Bernoulli


def plainly(x: Tensor, logits: Tensor) -> Tensor:
    """sum t l - log(1 + e^l) in float64."""
    t = ((x + 1) / 2).double()[:, None]
    return (t * logits.double() - F.softplus(logits.double())).flatten(2).sum(-1)


@pytest.mark.parametrize("compiling", [False, True])
@pytest.mark.parametrize("spread", [0.01, 3.0, 40.0])
@pytest.mark.parametrize("side", [1, 3, 8, 28])
def test_it_is_the_sum_over_pixels_for_coins_and_for_greys(
    side: int, spread: float, compiling: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if compiling:  # what a compiler is given, as it stands
        monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
        monkeypatch.delattr(likelihood, "_coins")
    torch.manual_seed(0)
    logits = torch.randn(5, 3, 2, side, side) * spread
    for x in (torch.randint(0, 2, (5, 2, side, side)).float() * 2 - 1, torch.rand(5, 2, side, side) * 2 - 1):
        expected = plainly(x, logits)
        found = Bernoulli(2).log_prob(x, logits)
        assert found.dtype == torch.float32
        torch.testing.assert_close(found.double(), expected, rtol=1e-6, atol=2e-4)


def test_no_logit_is_too_large() -> None:
    logits = torch.tensor([1e4, -1e4, 300.0, 0.0]).view(1, 1, 1, 2, 2)
    wrong, right = -torch.ones(1, 1, 2, 2), torch.tensor([1.0, -1.0, 1.0, 1.0]).view(1, 1, 2, 2)
    assert Bernoulli(1).log_prob(wrong, logits).item() == pytest.approx(-1e4 - 300 - 0.6931472)
    assert Bernoulli(1).log_prob(right, logits).item() == pytest.approx(-0.6931472)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_its_gradient_is_that_of_the_plain_formula(precision: torch.dtype) -> None:
    torch.manual_seed(1)
    x, weight = torch.rand(4, 1, 9, 9) * 2 - 1, torch.randn(4, 3)
    logits = (torch.randn(4, 3, 1, 9, 9) * 5).to(precision).requires_grad_()
    (found,) = torch.autograd.grad((Bernoulli(1).log_prob(x, logits) * weight).sum(), logits)
    exact = logits.detach().double().requires_grad_()
    (expected,) = torch.autograd.grad((plainly(x, exact) * weight).sum(), exact)
    torch.testing.assert_close(
        found, expected.to(precision), rtol=1e-5 if precision == torch.float32 else 1e-2, atol=1e-6
    )


def test_rounded_logits_are_still_a_distribution() -> None:
    """Over all images of eight pixels the probabilities add up to one, whatever autocast rounds around them."""
    torch.manual_seed(2)
    images = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=8))).view(256, 1, 2, 4)
    logits = (torch.randn(20, 1, 2, 4) * 4).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        log_p = Bernoulli(1).log_prob(images, logits.expand(256, 20, 1, 2, 4))
    torch.testing.assert_close(log_p.exp().sum(0), torch.ones(20), rtol=0, atol=2e-6)
