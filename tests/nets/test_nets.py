"""Nets against what their docstrings promise: gates, pyramids, sub-pixel upsampling, harmless depth."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from reverie.nets.blocks import ResidualBlock, Upsample
from reverie.nets.conv import ConvDecoder, ConvEncoder, pyramid
from reverie.nets.ladder import Ladder
from reverie.nets.mlp import GatedLinear, mlp


def test_a_gate_scales_its_value() -> None:
    layer, x = GatedLinear(5, 3), torch.randn(4, 5)
    weight, bias = layer.linear.weight, layer.linear.bias
    value, gate = F.linear(x, weight[:3], bias[:3]), F.linear(x, weight[3:], bias[3:])
    torch.testing.assert_close(layer(x), value * torch.sigmoid(gate))


@pytest.mark.parametrize("activation", ["relu", "silu", "tanh", "gated"])
def test_an_mlp_has_its_depth(activation: str) -> None:
    net = mlp(num_in=4, width=6, depth=3, activation=activation)
    assert sum(isinstance(m, nn.Linear) for m in net.modules()) == 3
    assert net(torch.randn(2, 4)).shape == (2, 6)


@pytest.mark.parametrize("size", [(8, 8), (9, 256), (255, 31), (64, 48)])
def test_a_pyramid_halves_and_rounds_up(size: tuple[int, int]) -> None:
    levels = pyramid(*size)
    assert levels[0] == size and max(levels[-1]) <= 7
    for (h, w), (next_h, next_w) in zip(levels[:-1], levels[1:], strict=True):
        assert (next_h, next_w) == ((h + 1) // 2, (w + 1) // 2)


def test_depth_starts_harmless() -> None:
    block, x = ResidualBlock(6), torch.randn(2, 6, 5, 4)
    torch.testing.assert_close(block(x), x)


def test_upsampling_starts_without_a_checkerboard_and_crops() -> None:
    up = Upsample(3, 2, size=(9, 7))
    out = up(torch.randn(1, 3, 5, 4))
    assert out.shape == (1, 2, 9, 7)
    torch.testing.assert_close(out[:, :, 0:8:2, 0:6:2], out[:, :, 1:9:2, 1:7:2])  # the four of a cell are alike


def test_the_encoder_sees_every_pixel_and_the_decoder_reaches_every_pixel() -> None:
    x = torch.randn(1, 1, 13, 10, requires_grad=True)
    ConvEncoder(shape=(1, 13, 10), base=4, depth=1, num_out=8)(x).sum().backward()
    assert x.grad is not None and (x.grad != 0).all()
    z = torch.randn(1, 5, requires_grad=True)
    out = ConvDecoder(num_in=5, shape=(1, 13, 10), base=4, depth=1, hidden=16)(z)
    assert out.shape == (1, 1, 13, 10)
    assert out.detach().flatten().unique().numel() > 20


def test_a_ladder_generates_what_it_infers() -> None:
    torch.manual_seed(0)
    net = Ladder(shape=(1, 12, 12), num_params=1, base=4, depth=1, latent=2, layers=3, num_classes=0)
    x, eps = torch.randn(3, 1, 12, 12), torch.randn(3, 1, net.latent_dim)
    mean, log_variance, u, theta = net.infer(net.features(x), eps, None)
    torch.testing.assert_close(net.generate(u, None), theta)
    torch.testing.assert_close(u, mean + torch.exp(0.5 * log_variance) * eps[:, 0])
    assert sum(net.latent_sizes) == net.latent_dim == u.shape[1] and len(net.latent_sizes) == 3


def test_draws_of_a_ladder_are_those_of_the_image_repeated() -> None:
    torch.manual_seed(0)
    net = Ladder(shape=(1, 13, 10), num_params=2, base=4, depth=1, latent=2, layers=4, num_classes=0)
    for param in net.parameters():
        param.data.add_(0.1 * torch.randn_like(param))
    x, eps = torch.randn(3, 1, 13, 10), torch.randn(3, 5, net.latent_dim)
    together = net.infer(net.features(x), eps, None)
    repeated = net.infer(net.features(x.repeat_interleave(5, 0)), eps.reshape(15, 1, -1), None)
    for a, b in zip(together, repeated, strict=True):
        torch.testing.assert_close(a, b)
