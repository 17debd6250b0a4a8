"""The game's objectives at points where the literature gives their values, and what a step shares."""

import math

import pytest
import torch

from reverie.core.family import Batch, Moment, get_family
from reverie.core.recipe import Recipe
from reverie.core.rng import Rng
from reverie.core.spec import DataSpec
from reverie.families.gan import gamma
from reverie.families.gan.objective import OBJECTIVES, Game
from reverie.families.gan.recipe import GanSection

ZERO = torch.zeros(3, dtype=torch.float64)
CHANCE = {  # (critic, generator) at D = 0 everywhere
    "relativistic": (math.log(2), math.log(2)),
    "nonsaturating": (2 * math.log(2), math.log(2)),
    "minimax": (2 * math.log(2), -math.log(2)),
    "least-squares": (0.5, 0.5),
    "hinge": (2.0, 0.0),
    "wasserstein": (0.0, 0.0),
}


def test_every_objective_of_the_recipe_is_here() -> None:
    annotation = GanSection.model_fields["objective"].annotation
    assert set(OBJECTIVES) == set(annotation.__args__) == set(CHANCE)  # pyright: ignore


@pytest.mark.parametrize("name", sorted(OBJECTIVES))
def test_values_of_an_undecided_critic(name: str) -> None:
    critic, generator = OBJECTIVES[name]
    assert critic(ZERO, ZERO).mean().item() == pytest.approx(CHANCE[name][0])
    assert generator(ZERO, ZERO).mean().item() == pytest.approx(CHANCE[name][1])


@pytest.mark.parametrize("name", sorted(OBJECTIVES))
def test_both_players_pull_made_images_in_opposite_directions(name: str) -> None:
    for player, sign in zip(OBJECTIVES[name], (1, -1), strict=True):
        f = ZERO.clone().requires_grad_(True)
        (slope,) = torch.autograd.grad(player(ZERO + 0.1, f).sum(), f)
        if not (name == "least-squares" and sign == 1):  # its critic wants exactly 0, and is there
            assert (sign * slope > 0).all()


def test_relativistic_pairs_depend_on_differences_alone() -> None:
    r, f = torch.randn(2, 5, dtype=torch.float64)
    for loss in OBJECTIVES["relativistic"]:
        assert torch.allclose(loss(r + 7, f + 7), loss(r, f))


def game(points: bool = True, **section: object) -> tuple[Game, Recipe, Batch]:
    recipe = Recipe.from_dict({"family": "gan", "gan": {"width": 8, "latent": 3} | section})
    spec = DataSpec(2, 1, 1, kind="points") if points else DataSpec(1, 8, 8, classes=("a", "b"))
    images = torch.randn(8, *spec.shape, generator=torch.Generator().manual_seed(0)).clamp(-1, 1)
    batch = Batch(images, torch.arange(8) % 2)
    model = get_family("gan").build(recipe, spec)
    return Game(model, recipe.gan), recipe, batch  # pyright: ignore


def moment(phase: str, fraction: float = 0.5, images: int = 0) -> Moment:
    return Moment(images, fraction, Rng(0, "train", images, phase, count=8))


def test_made_images_are_shared_between_the_phases_of_a_step() -> None:
    playing, _, batch = game()
    calls: list[int] = []
    playing.model.generator.register_forward_hook(lambda *_: calls.append(1))
    playing.critic(batch, moment("critic"))
    playing.generator(batch, moment("generator"))
    assert len(calls) == 1
    playing.generator(batch, moment("generator"))  # nothing is left over from the step before
    assert len(calls) == 2


def test_sharing_does_not_change_the_generators_gradient() -> None:
    gradients = []
    for shared in (True, False):
        playing, _, batch = game(gamma=0.1)
        if shared:
            playing.critic(batch, moment("critic"))
        said = playing.generator(batch, moment("generator"))
        gradients.append(torch.autograd.grad(said.loss["adversarial"], list(playing.model.generator.parameters())))
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b)


def test_no_backward_pass_goes_through_real_images_for_the_generators_sake() -> None:
    playing, _, batch = game()
    judged: list[torch.Tensor] = []
    hook = playing.model.critic_net.register_forward_pre_hook(lambda _net, args: judged.append(args[0]))
    said = playing.generator(batch, moment("generator"))
    hook.remove()
    real, made = sorted(judged, key=lambda images: images.requires_grad)
    assert made.requires_grad and not real.requires_grad and len(real) == len(made) == len(batch)
    r, f = playing.model.critic_pair(real, made, None)
    torch.testing.assert_close(said.loss["adversarial"], torch.nn.functional.softplus(r - f).mean())


@pytest.mark.parametrize("penalty", ["r1", "r2", "gp", "dragan"])
@pytest.mark.parametrize("slopes", ["exact", "forward", "finite"])
@pytest.mark.parametrize("points", [True, False])
def test_every_penalty_reaches_the_critic(penalty: str, slopes: str, points: bool) -> None:
    playing, _, batch = game(points, penalties=[penalty], slopes=slopes, gamma=1.0)
    said = playing.critic(batch, moment("critic"))
    (name,) = set(said.loss) - {"adversarial"}
    assert name == penalty
    grads = torch.autograd.grad(said.loss[name], list(playing.model.critic_net.parameters()), allow_unused=True)
    assert any(g is not None and g.abs().sum() > 0 for g in grads)


def test_lazy_penalties_are_as_strong_on_average() -> None:
    every, _, batch = game(gamma=2.0)
    lazy, _, _ = game(gamma=2.0, penalty_every=4)
    assert "r1" not in lazy.critic(batch, moment("critic", images=8)).loss
    a, b = (g.critic(batch, moment("critic")).loss["r1"] for g in (every, lazy))
    torch.testing.assert_close(4 * a, b)


def test_packing_judges_items_together() -> None:
    playing, _, batch = game(pack=4, penalties=[])
    assert playing.model.critic(batch.images, None, level=None).shape == (2,)
    assert playing.model.judge(batch.images[:7]).shape == (7,)


def test_a_conditional_game_uses_labels() -> None:
    playing, _, batch = game(False, conditional=True, gamma=1.0)
    model = playing.model
    for p in model.parameters():
        p.data.add_(0.05 * torch.randn_like(p))
    a, b = (model.judge(batch.images, labels=torch.full((8,), k)) for k in (0, 1))
    assert not torch.allclose(a, b)
    a, b = (model.sample(range(4), labels=torch.full((4,), k)) for k in (0, 1))
    assert not torch.allclose(a, b)


def test_gamma_follows_the_margin_and_then_only_the_schedule() -> None:
    gan, log_gamma = GanSection(), torch.zeros(())
    sure, unsure, one = torch.tensor(3.0), torch.tensor(0.1), torch.tensor(1.0)
    zero = torch.zeros(())
    gamma.follow(log_gamma, zero, gan, moment("critic"), margin=sure, ratio=one)
    assert log_gamma.item() == pytest.approx(gamma.RATE)
    gamma.follow(log_gamma, zero, gan, moment("critic"), margin=unsure, ratio=one)
    assert log_gamma.item() == pytest.approx(gamma.RATE)
    for _ in range(1000):
        gamma.follow(log_gamma, zero, gan, moment("critic"), margin=unsure, ratio=torch.tensor(50.0))
    assert log_gamma.exp().item() == pytest.approx(gamma.REACH)
    before = log_gamma.item()
    gamma.follow(log_gamma, zero, gan, moment("critic", images=8 * gamma.STEPS), margin=sure, ratio=one)
    assert log_gamma.item() == before
    for points, fallen in ((True, gamma.FALL_OF_POINTS), (False, gamma.FALL_OF_IMAGES)):
        first, last = (float(gamma.weight(log_gamma, gan, fraction, points=points)) for fraction in (0.0, 1.0))
        assert last == pytest.approx(fallen * first)
        assert gamma.weight(log_gamma, GanSection(gamma=0.3), 1.0, points=points) == 0.3


def test_growth_adds_levels_over_its_share_of_the_budget() -> None:
    recipe = Recipe.from_dict({"family": "gan", "gan": {"width": 8, "net": "resnet", "grow": 0.5}})
    model = get_family("gan").build(recipe, DataSpec(1, 28, 28))
    levels = []
    for fraction in (0.0, 0.1, 0.2, 0.3, 0.45, 0.5, 1.0):
        model.set_level(fraction)  # pyright: ignore
        levels.append(float(model.level))  # pyright: ignore
    assert levels[0] == 1 and levels[-1] == model.generator.num_levels == levels[-2]  # pyright: ignore
    assert levels == sorted(levels) and len(set(levels)) > 3
