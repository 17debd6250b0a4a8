"""Critics: shapes over sizes and options, packs, spread, projection, fading, and gradients of gradients."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.forward_ad import dual_level, make_dual, unpack_dual

from reverie.core.errors import UsageError
from reverie.nets.critic import CriticHead, packed, with_spread
from reverie.nets.dcgan import DcganCritic
from reverie.nets.mlp_gan import Maxout, MlpCritic, Waves
from reverie.nets.residual_gan import GroupedBlock, ResidualCritic, num_groups

CRITICS: dict[str, Callable[..., nn.Module]] = {
    "mlp": lambda **given: MlpCritic(**{"depth": 2} | given),
    "dcgan": lambda **given: DcganCritic(**{"norm": "none"} | given),
    "residual": lambda **given: ResidualCritic(**{"depth": 1} | given),
}


def critic(name: str, shape: tuple[int, int, int], **given: Any) -> nn.Module:
    torch.manual_seed(0)
    return CRITICS[name](**{"shape": shape, "width": 4} | given)


def awake(net: nn.Module) -> nn.Module:
    """Parameters that start at zero get values, so that every path carries a signal."""
    torch.manual_seed(1)
    for p in net.parameters():
        if not p.any():
            nn.init.normal_(p, std=0.3)
    return net


def labels(num: int, num_classes: int) -> Tensor:
    return torch.eye(num_classes)[torch.arange(num) % num_classes]


OPTIONS = [
    {},
    {"pack": 2},
    {"spectral": True},
    {"minibatch_std": 2},
    {"num_classes": 3},
    {"pack": 2, "spectral": True, "minibatch_std": 2, "num_classes": 3},
]


@pytest.mark.parametrize("given", OPTIONS, ids=str)
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 28, 28), (4, 13, 22), (2, 8, 65)], ids=str)
@pytest.mark.parametrize("name", CRITICS)
def test_a_logit_an_item(name: str, shape: tuple[int, int, int], given: dict[str, Any]) -> None:
    net = critic(name, shape, **given)
    num_classes, pack = given.get("num_classes", 0), given.get("pack", 1)
    logits = net(torch.randn(4, *shape), labels(4, num_classes) if num_classes else None)
    assert logits.shape == (4 // pack,) and logits.isfinite().all()
    assert net.pack == pack and net.shape == shape


@pytest.mark.parametrize("name", CRITICS)
def test_untrained_logits_are_small_and_not_flat(name: str) -> None:
    logits = critic(name, (3, 32, 32), width=32)(torch.rand(64, 3, 32, 32) * 2 - 1)
    assert 1e-4 < logits.abs().mean() < 0.5 and logits.std() > 1e-4


def test_points_and_the_nets_of_pacgan() -> None:
    net = MlpCritic(shape=(2, 1, 1), width=200, depth=3, maxout=5, pack=2)
    assert net(torch.randn(10, 2, 1, 1)).shape == (5,)
    assert [m.linear.weight.shape for m in net.modules() if isinstance(m, Maxout)] == [(1000, 4), *[(1000, 200)] * 2]


def test_maxout_is_the_largest_of_its_pieces() -> None:
    layer, x = Maxout(3, 2, pieces=4, spectral=False), torch.randn(5, 3)
    maps = [x @ layer.linear.weight[[p, 4 + p]].T + layer.linear.bias[[p, 4 + p]] for p in range(4)]
    torch.testing.assert_close(layer(x), torch.stack(maps).amax(0))


@pytest.mark.parametrize("name", CRITICS)
def test_a_pack_is_a_concatenation_along_channels(name: str) -> None:
    x, y = torch.randn(6, 2, 8, 9), labels(6, 4)
    joined = torch.cat([x[0::3], x[1::3], x[2::3]], dim=1)
    wide = critic(name, (6, 8, 9), num_classes=12)
    pack = critic(name, (2, 8, 9), num_classes=4, pack=3)
    pack.load_state_dict(wide.state_dict())
    torch.testing.assert_close(pack(x, y), wide(joined, torch.cat([y[0::3], y[1::3], y[2::3]], dim=1)))


def test_an_incomplete_pack_is_a_sentence() -> None:
    with pytest.raises(UsageError, match="5 images cannot be packed by 2. Use"):
        packed(torch.randn(5, 1, 8, 8), 2)


@pytest.mark.parametrize(("num", "group"), [(6, 3), (7, 3), (2, 4), (1, 4), (8, 1)])
@pytest.mark.parametrize("places", [(), (3, 2)])
def test_the_spread_of_a_batch_by_a_plain_loop(num: int, group: int, places: tuple[int, ...]) -> None:
    x = torch.randn(num, 5, *places, dtype=torch.float64)
    size = min(num, group)
    expected = []
    for i in range(num):
        first = min(i // size * size, num - size)  # what is left over belongs to the last whole group
        members = x[first : first + size].reshape(size, -1)
        deviations = [math.sqrt(float(column.var(unbiased=False)) + 1e-8) for column in members.T]
        expected.append(torch.full((1, *places), sum(deviations) / len(deviations), dtype=torch.float64))
    torch.testing.assert_close(with_spread(x, group), torch.cat([x, torch.stack(expected)], dim=1))


def test_no_group_appends_nothing() -> None:
    x = torch.randn(3, 2)
    assert with_spread(x, 0) is x


def test_a_batch_of_copies_is_seen() -> None:
    net = critic("residual", (1, 8, 8), minibatch_std=4)
    varied = torch.randn(4, 1, 8, 8)
    alone = critic("residual", (1, 8, 8), minibatch_std=1)
    alone.load_state_dict(net.state_dict())
    copies = varied[:1].expand(4, -1, -1, -1)
    torch.testing.assert_close(net(copies), alone(copies))
    assert not torch.allclose(net(varied), alone(varied), rtol=1e-3, atol=1e-5)


def test_projection_adds_an_inner_product() -> None:
    head = CriticHead(5, num_classes=3, spectral=False)
    f, y = torch.randn(4, 5), torch.tensor([0, 2, 1, 2])
    assert head.embed is not None
    expected = head.out(f)[:, 0] + torch.stack([head.embed.weight[:, k] @ item for k, item in zip(y, f, strict=True)])
    torch.testing.assert_close(head(f, torch.eye(3)[y]), expected)
    torch.testing.assert_close(head(f, None), head.out(f)[:, 0])


@pytest.mark.parametrize("name", CRITICS)
def test_a_label_changes_the_verdict(name: str) -> None:
    net, x = critic(name, (1, 8, 8), num_classes=2), torch.randn(3, 1, 8, 8)
    first, second = (net(x, torch.eye(2)[[k] * 3]) for k in (0, 1))
    assert (first != second).all()


GRADIENTS = {
    "mlp": {},
    "mlp maxout": {"maxout": 3},
    "mlp spectral": {"spectral": True, "pack": 2},
    "dcgan": {},
    "dcgan batch": {"norm": "batch"},
    "residual": {"num_classes": 2},
    "residual spectral": {"spectral": True},
    "residual spread": {"minibatch_std": 2, "pack": 2},
    "residual growing": {"grow": True},
}


@pytest.mark.parametrize("case", GRADIENTS)
def test_a_direction_can_be_carried_along(case: str) -> None:
    """Forward-mode derivatives, which R1 and R2 use, are those of the backward pass."""
    given = GRADIENTS[case]
    shape = (1, 1, 3) if case.startswith("mlp") else (1, 8, 9)
    net = awake(critic(case.split()[0], shape, **{"width": 2} | given)).double().eval()
    x = torch.randn(4, *shape, dtype=torch.float64, requires_grad=True)
    y = labels(4, 2).double() if "num_classes" in given else None
    along = torch.randn_like(x)
    (slope,) = torch.autograd.grad(net(x, y, level=1.3).sum(), x)
    with dual_level():
        tangent = unpack_dual(net(make_dual(x.detach(), along), y, level=1.3)).tangent
    assert tangent is not None
    torch.testing.assert_close(tangent.sum(), (slope * along).sum())


@pytest.mark.parametrize("case", GRADIENTS)
def test_a_penalty_has_the_slope_of_finite_differences(case: str) -> None:
    given = GRADIENTS[case]
    shape = (1, 1, 3) if case.startswith("mlp") else (1, 8, 9)
    net = awake(critic(case.split()[0], shape, **{"width": 2} | given)).double()
    net.train("norm" in given)  # elsewhere training would move the power iteration between evaluations
    torch.manual_seed(2)
    x = torch.randn(4, *shape, dtype=torch.float64, requires_grad=True)
    y = labels(4, 2).double() if "num_classes" in given else None
    at = [x, *net.parameters()]

    def penalty() -> Tensor:
        logits = net(x, y, level=1.3)
        (slope,) = torch.autograd.grad(F.softplus(logits).sum(), x, create_graph=True)
        return slope.square().sum()

    ours = torch.autograd.grad(penalty(), at, allow_unused=True)
    for value, slope in zip(at, ours, strict=True):
        along, start = torch.randn_like(value), value.detach().clone()
        with torch.no_grad():
            value.copy_(start + 1e-6 * along)
        ahead = penalty().detach().item()
        with torch.no_grad():
            value.copy_(start - 1e-6 * along)
        behind = penalty().detach().item()
        with torch.no_grad():
            value.copy_(start)
        exact = 0.0 if slope is None else (slope * along).sum().item()
        assert exact == pytest.approx((ahead - behind) / 2e-6, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("name", CRITICS)
@pytest.mark.parametrize("spectral", [False, True])
def test_the_penalty_reaches_every_weight(name: str, spectral: bool) -> None:
    net = awake(critic(name, (1, 9, 8), num_classes=3, minibatch_std=2, spectral=spectral))
    x = torch.randn(6, 1, 9, 8, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        logits = net(x, labels(6, 3))
    (slope,) = torch.autograd.grad(logits.float().sum(), x, create_graph=True)
    (logits.float().square().sum() + slope.square().sum()).backward()
    reached = {n for n, p in net.named_parameters() if p.grad is not None and p.grad.any() and p.grad.isfinite().all()}
    assert reached == {n for n, _ in net.named_parameters()}


@pytest.mark.parametrize("size", [(28, 28), (13, 22), (64, 9)])
def test_critics_fade_without_a_jump(size: tuple[int, int]) -> None:
    net = awake(critic("residual", (2, *size), grow=True)).double()
    x = torch.randn(2, 2, *size, dtype=torch.float64)
    for level in range(1, net.num_levels):
        here = net(x, level=level)
        torch.testing.assert_close(net(x, level=level + 1e-6), here, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(net(x, level=level + 1 - 1e-6), net(x, level=level + 1), atol=1e-4, rtol=1e-4)
        assert not torch.allclose(net(x, level=level + 0.5), here)
    torch.testing.assert_close(net(x, level=net.num_levels), net(x))


def test_a_low_level_sees_small_images_and_uses_few_weights() -> None:
    net = awake(critic("residual", (1, 32, 32), grow=True))
    small = torch.randn(2, 1, 8, 8)
    large = small.repeat_interleave(4, 2).repeat_interleave(4, 3)
    detail = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(16, 16)
    torch.testing.assert_close(net(large + detail, level=1), net(large, level=1))
    net(large, level=1).sum().backward()
    used = {n for n, p in net.named_parameters() if p.grad is not None}
    assert {n.split(".")[1] for n in used if n.startswith(("from_image", "levels"))} == {"0"}
    assert not any(n.startswith("falls") for n in used)


def test_a_net_that_does_not_grow_has_one_level() -> None:
    net, x = critic("residual", (1, 28, 28)), torch.randn(2, 1, 28, 28)
    assert net.num_levels == 1 and len(net.from_image) == 1
    torch.testing.assert_close(net(x, level=1.0), net(x))


def test_blocks_start_harmless_unless_spectral_and_group_their_channels() -> None:
    x = torch.randn(1, 32, 5, 4)
    assert torch.equal(GroupedBlock(32, num_blocks=3)(x), x)
    assert not torch.equal(GroupedBlock(32, num_blocks=3, spectral=True)(x), x)
    assert all(width % num_groups(width) == 0 for width in range(1, 300))


def test_the_map_of_a_spectral_critic_is_bounded() -> None:
    net = critic("residual", (1, 16, 16), width=8, spectral=True)
    maps = net._maps().flatten(1)
    block = torch.block_diag(*(row[None] for row in maps))
    torch.testing.assert_close(torch.linalg.svdvals(block)[0], torch.tensor(1.0))


def test_convolutions_keep_the_fast_layout() -> None:
    net, seen = critic("residual", (1, 28, 28), width=16), []
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(
                lambda m, i, o: seen.append(o.is_contiguous(memory_format=torch.channels_last))
            )
    net(torch.randn(2, 1, 28, 28))
    assert seen and all(seen[1:])


def test_waves_stand_octave_by_octave_sines_before_cosines() -> None:
    x, y = 0.3, -1.1
    expected = [x, y]
    for turn in (math.pi / 2, math.pi, 2 * math.pi):  # the coarsest is four units long
        for wave in (math.sin, math.cos):
            expected += [wave(turn * value) / math.sqrt(1 + turn) for value in (x, y)]
    found = Waves(3)(torch.tensor([[x, y]], dtype=torch.float64))
    assert torch.allclose(found, torch.tensor([expected], dtype=torch.float64), rtol=0, atol=1e-12)
