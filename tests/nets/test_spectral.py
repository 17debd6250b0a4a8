"""Spectral normalisation against the singular values of a second implementation."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from reverie.nets.spectral import SpectralConv2d, SpectralLinear, conv_of, linear_of, spectral_norm


@pytest.mark.parametrize("shape", [(5, 7), (6, 3, 3, 3), (1, 9)])
def test_power_iteration_finds_the_largest_singular_value(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    weight = torch.randn(shape, dtype=torch.float64)
    u = F.normalize(torch.randn(shape[0], dtype=torch.float64), dim=0)
    for _ in range(500):
        sigma = spectral_norm(weight, u, iterate=True)
    torch.testing.assert_close(sigma, torch.linalg.svdvals(weight.flatten(1))[0])
    torch.testing.assert_close(spectral_norm(weight, u, iterate=False), sigma)


def test_its_gradient_is_that_of_the_singular_value() -> None:
    torch.manual_seed(0)
    weight = torch.randn(4, 6, dtype=torch.float64, requires_grad=True)
    u = F.normalize(torch.randn(4, dtype=torch.float64), dim=0)
    for _ in range(500):
        sigma = spectral_norm(weight, u, iterate=True)
    (ours,) = torch.autograd.grad(sigma, weight)
    (exact,) = torch.autograd.grad(torch.linalg.svdvals(weight)[0], weight)
    torch.testing.assert_close(ours, exact)


def test_layers_divide_by_it() -> None:
    torch.manual_seed(0)
    linear, conv = SpectralLinear(5, 3).double(), SpectralConv2d(2, 4, 3, stride=2, padding=1).double()
    x, images = torch.randn(2, 5, dtype=torch.float64), torch.randn(2, 2, 7, 6, dtype=torch.float64)
    for _ in range(500):
        linear(x), conv(images)
    sigma = [torch.linalg.svdvals(m.weight.flatten(1))[0] for m in (linear, conv)]
    torch.testing.assert_close(linear.eval()(x), F.linear(x, linear.weight / sigma[0], linear.bias))
    expected = F.conv2d(images, conv.weight / sigma[1], conv.bias, stride=2, padding=1)
    torch.testing.assert_close(conv.eval()(images), expected)


def test_only_training_moves_the_vector_and_earlier_passes_keep_their_graph() -> None:
    layer, x = SpectralLinear(5, 3), torch.randn(2, 5)
    before = layer.u.clone()
    layer.eval()(x)
    assert torch.equal(layer.u, before)
    first, second = layer.train()(x), layer(x)
    assert not torch.equal(layer.u, before)
    (first.sum() + second.sum()).backward()  # the first pass's vector was overwritten by the second


def test_they_drop_in() -> None:
    assert (conv_of(False), linear_of(False)) == (nn.Conv2d, nn.Linear)
    plain, spectral = conv_of(False)(2, 3, 3), conv_of(True)(2, 3, 3)
    assert set(spectral.state_dict()) == {*plain.state_dict(), "u"}
    assert {n for n, _ in linear_of(True)(2, 3).named_parameters()} == {"weight", "bias"}


def test_half_precision_keeps_the_norm_in_full() -> None:
    layer = SpectralConv2d(3, 4, 3)
    with torch.autocast("cpu", torch.bfloat16):
        assert spectral_norm(layer.weight, layer.u, iterate=True).dtype == torch.float32
        assert layer(torch.randn(1, 3, 5, 5)).dtype == torch.bfloat16
