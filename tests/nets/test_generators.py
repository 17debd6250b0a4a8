"""Generators: shapes over sizes, scales at the start, fading, independence of items, export, and modulation by a second
implementation."""

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from reverie.nets.dcgan import DcganGenerator
from reverie.nets.growing import enlarged
from reverie.nets.mlp_gan import MlpGenerator
from reverie.nets.residual_gan import ResidualGenerator
from reverie.nets.start import with_label
from reverie.nets.style import ModulatedConv, StyleGenerator

GENERATORS: dict[str, Callable[..., nn.Module]] = {
    "mlp": lambda **given: MlpGenerator(**{"depth": 2, "norm": False} | given),
    "mlp norm": lambda **given: MlpGenerator(**{"depth": 2, "norm": True} | given),
    "mlp skip": lambda **given: MlpGenerator(**{"depth": 2, "norm": False, "skip": True} | given),
    "dcgan": DcganGenerator,
    "residual": lambda **given: ResidualGenerator(**{"depth": 1} | given),
    "style": lambda **given: StyleGenerator(**{"depth": 1, "w_dim": 16} | given),
}
GROWING = ["residual", "style"]


def generator(name: str, shape: tuple[int, int, int], **given: Any) -> nn.Module:
    torch.manual_seed(0)
    return GENERATORS[name](**{"num_in": 6, "shape": shape, "width": 4} | given)


def awake(net: nn.Module) -> nn.Module:
    """Parameters that start at zero get values, so that every path carries a signal."""
    torch.manual_seed(1)
    for p in net.parameters():
        if not p.any():
            nn.init.normal_(p, std=0.3)
    return net


@pytest.mark.parametrize("num_classes", [0, 3])
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 28, 28), (4, 13, 22), (2, 8, 65)], ids=str)
@pytest.mark.parametrize("name", GENERATORS)
def test_an_image_a_latent(name: str, shape: tuple[int, int, int], num_classes: int) -> None:
    net = generator(name, shape, num_classes=num_classes)
    images = net(torch.randn(3, 6), torch.eye(3) if num_classes else None)
    assert images.shape == (3, *shape) and images.isfinite().all()
    assert net.latent_dim == 6 and net.shape == shape


@pytest.mark.parametrize("name", GENERATORS)
def test_untrained_images_have_about_unit_scale(name: str) -> None:
    images = generator(name, (3, 32, 32), width=32, num_in=64)(torch.randn(64, 64))
    assert 0.2 < images.std() < 2 and images.mean().abs() < 0.7
    assert images.std(0).mean() > 0.1  # and differ from each other


@pytest.mark.parametrize("name", GENERATORS)
def test_labels_are_heard_and_may_be_missing(name: str) -> None:
    net, z = generator(name, (1, 8, 8), num_classes=2).eval(), torch.randn(2, 6)
    first, second, none = net(z, torch.eye(2)[[0, 0]]), net(z, torch.eye(2)[[1, 1]]), net(z)
    assert not torch.allclose(first, second) and not torch.allclose(first, none)
    plain = generator(name, (1, 8, 8)).eval()
    torch.testing.assert_close(plain(z, torch.eye(2)), plain(z))


def test_a_label_has_the_latent_s_scale() -> None:
    joined = with_label(torch.randn(4000, 8), torch.eye(10)[torch.arange(4000) % 10], 10)
    torch.testing.assert_close(joined[:, 8:].square().mean(), torch.tensor(1.0))


@pytest.mark.parametrize("name", GENERATORS)
def test_items_are_independent(name: str) -> None:
    net = awake(generator(name, (2, 13, 10))).eval()
    z = torch.randn(5, 6)
    noise = [torch.randn(5, 1, *size) for size in getattr(net, "noise_shapes", [])] or None
    each = [net(z[i : i + 1], noise=noise and [n[i : i + 1] for n in noise]) for i in range(5)]
    torch.testing.assert_close(torch.cat(each), net(z, noise=noise), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", GENERATORS)
def test_every_weight_learns_in_half_precision(name: str) -> None:
    net = awake(generator(name, (2, 13, 10), num_classes=3))
    noise = [torch.randn(6, 1, *size) for size in getattr(net, "noise_shapes", [])] or None
    with torch.autocast("cpu", torch.bfloat16):
        images = net(torch.randn(6, 6), torch.eye(3).repeat(2, 1), noise=noise)
    (images.float() * torch.randn(images.shape)).sum().backward()
    reached = {n for n, p in net.named_parameters() if p.grad is not None and p.grad.any() and p.grad.isfinite().all()}
    assert reached == {n for n, _ in net.named_parameters()}


@pytest.mark.parametrize("name", GENERATORS)
@pytest.mark.parametrize("num_classes", [0, 2])
def test_it_exports(name: str, num_classes: int) -> None:
    net = awake(generator(name, (1, 13, 10), num_classes=num_classes)).eval()
    given = (torch.randn(2, 6), *([torch.eye(2)] if num_classes else []))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the exporter says of itself
        program = torch.export.export(net, given)
    torch.testing.assert_close(program.module()(*given), net(*given))
    calls = {str(node.target) for node in program.graph.nodes if node.op == "call_function"}
    assert calls and all("aten" in call or "getitem" in call for call in calls)
    assert not any("transpose2d" in call for call in calls)


@pytest.mark.parametrize("name", GROWING)
@pytest.mark.parametrize("size", [(28, 28), (13, 22), (64, 9)])
def test_generators_fade_without_a_jump(name: str, size: tuple[int, int]) -> None:
    net = awake(generator(name, (2, *size), grow=True)).double().eval()
    z = torch.randn(2, 6, dtype=torch.float64)
    assert net.num_levels == len(net.sizes) - 1 and net.sizes[-1] == size
    for level in range(1, net.num_levels):
        here = net(z, level=level)
        assert here.shape == (2, 2, *size)
        torch.testing.assert_close(net(z, level=level + 1e-6), here, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(net(z, level=level + 1 - 1e-6), net(z, level=level + 1), atol=1e-4, rtol=1e-4)
        middle = torch.lerp(here, net(z, level=level + 1), 0.5)
        torch.testing.assert_close(net(z, level=level + 0.5), middle)  # doubling keeps a blend a blend
    torch.testing.assert_close(net(z, level=net.num_levels), net(z))


@pytest.mark.parametrize("name", GROWING)
def test_a_low_level_is_the_smaller_net_enlarged(name: str) -> None:
    large = awake(generator(name, (2, 28, 20), grow=True)).eval()
    small = generator(name, (2, 14, 10), width=8, grow=True).eval()
    small.load_state_dict({n: v for n, v in large.state_dict().items() if n in small.state_dict()})
    z = torch.randn(3, 6)
    torch.testing.assert_close(large(z, level=small.num_levels), enlarged(small(z), [(28, 20)]))


@pytest.mark.parametrize("name", GROWING)
def test_only_the_levels_in_use_are_computed(name: str) -> None:
    net = awake(generator(name, (1, 28, 28), grow=True))
    net(torch.randn(2, 6), level=1).sum().backward()
    used = {".".join(n.split(".")[:2]) for n, p in net.named_parameters() if p.grad is not None}
    assert {n for n in used if n.startswith(("levels", "to_image", "rises"))} == {"levels.0", "to_image.0"}


@pytest.mark.parametrize("name", GROWING)
def test_a_net_that_does_not_grow_has_one_level(name: str) -> None:
    net, z = generator(name, (1, 28, 28)), torch.randn(2, 6)
    assert net.num_levels == 1
    torch.testing.assert_close(net(z, level=1.0), net(z))


@pytest.mark.parametrize("demodulate", [True, False])
@pytest.mark.parametrize("kernel", [1, 3])
def test_modulation_equals_a_weight_for_every_sample(kernel: int, demodulate: bool) -> None:
    torch.manual_seed(0)
    layer = ModulatedConv(3, 5, kernel=kernel, w_dim=4, demodulate=demodulate, gain=1.3).double()
    x, w = torch.randn(6, 3, 7, 8, dtype=torch.float64), torch.randn(6, 4, dtype=torch.float64)
    expected = []
    for item, style in zip(x, F.linear(w, layer.style.weight, layer.style.bias), strict=True):
        weight = layer.conv.weight * style[None, :, None, None]
        if demodulate:
            weight = weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        expected.append(F.conv2d(item[None], 1.3 * weight, padding=kernel // 2))
    torch.testing.assert_close(layer(x, w), torch.cat(expected))


def test_styles_by_layer_mix() -> None:
    net = awake(generator("style", (1, 28, 28), depth=2)).eval()
    first, second = net.mapping(torch.randn(2, 3, 6).flatten(0, 1)).chunk(2)
    same = first[:, None].expand(-1, net.num_layers, -1)
    torch.testing.assert_close(net.synthesise(same), net.synthesise(first))
    mixed = torch.cat([same[:, :1], second[:, None].expand(-1, net.num_layers - 1, -1)], dim=1)
    assert net.num_layers == len(net.noise_shapes) == 8  # two at 4 x 4, then three at 7 x 7 and at 14 x 14
    assert not torch.allclose(net.synthesise(mixed), net.synthesise(second))
    swapped = same.clone()
    swapped[:, -1] = second
    assert not torch.allclose(net.synthesise(swapped), net.synthesise(first))


def test_the_length_of_a_latent_says_nothing_to_a_style() -> None:
    net, z = generator("style", (1, 8, 8), num_classes=2).eval(), torch.randn(3, 6)
    torch.testing.assert_close(net.mapping(3 * z), net.mapping(z))
    assert net.mapping(z).shape == (3, net.w_dim)


def test_the_mean_style_follows_training_only() -> None:
    net = generator("style", (1, 8, 8), num_in=32)
    torch.manual_seed(3)
    for _ in range(1500):
        net.mapping(torch.randn(64, 32))
    w = net.eval().mapping(torch.randn(4000, 32))
    before = net.w_mean.clone()
    assert (net.w_mean - w.mean(0)).norm() < 0.1 * w.mean(0).norm()
    net.mapping(torch.randn(64, 32))
    assert torch.equal(net.w_mean, before)


def test_noise_is_silent_until_its_strength_is_learned() -> None:
    net, z = generator("style", (1, 28, 28)), torch.randn(2, 6)
    noise = [torch.randn(2, 1, *size) for size in net.noise_shapes]
    torch.testing.assert_close(net.eval()(z, noise=noise), net(z))
    awake(net)
    assert not torch.allclose(net(z, noise=noise), net(z))


def test_path_lengths_can_be_minimised() -> None:
    net = awake(generator("style", (1, 8, 8))).double()
    w = net.mapping(torch.randn(2, 6, dtype=torch.float64))
    images = net.synthesise(w)
    (slope,) = torch.autograd.grad((images * torch.randn_like(images)).sum(), w, create_graph=True)
    slope.square().sum().backward()
    assert net.levels[0][0].conv.conv.weight.grad.any() and net.map[0].weight.grad.any()


@pytest.mark.parametrize("name", ["dcgan", "residual", "style"])
def test_convolutions_keep_the_fast_layout(name: str) -> None:
    net, seen = generator(name, (3, 28, 28), width=16), []
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(
                lambda m, i, o: seen.append(o.is_contiguous(memory_format=torch.channels_last))
            )
    net(torch.randn(2, 6))
    assert seen and all(seen)


@pytest.mark.parametrize("name", ["dcgan", "residual", "style"])
def test_neighbours_are_not_made_each_on_its_own(name: str) -> None:
    """Whatever the weights: else a young generator makes checkerboards, which a smooth critic forgives."""
    net = generator(name, (1, 32, 32), width=16)
    for weights in net.parameters():
        nn.init.normal_(weights, std=0.1)
    images = net(torch.randn(16, 6)).detach()
    images = images - images.mean((2, 3), keepdim=True)
    assert images.diff(dim=3).square().mean() < images.square().mean()  # 2 where neighbours know nothing of each other


def test_a_skip_adds_a_linear_map_of_the_latent() -> None:
    net, z = generator("mlp skip", (2, 1, 1)), torch.randn(9, 6)
    assert isinstance(net, MlpGenerator) and net.skip is not None
    whole = net(z)
    added = z @ net.skip.weight.T
    with torch.no_grad():
        net.skip.weight.zero_()
    torch.testing.assert_close(whole.flatten(1) - net(z).flatten(1), added)
