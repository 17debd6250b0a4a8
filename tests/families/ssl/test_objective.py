"""The losses against second implementations in float64, the teacher against its formula, and what recipes refuse."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from reverie.core.errors import RecipeError, UsageError
from reverie.core.family import Batch, Moment, get_family
from reverie.core.recipe import Recipe
from reverie.core.rng import Rng
from reverie.core.spec import DataSpec
from reverie.families.ssl import objective
from reverie.families.ssl.model import Ssl

SMALL = {"width": 4, "features": 12, "projector": 16}


def pair(n: int = 7, d: int = 5) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(0)
    a = torch.randn(n, d, generator=rng, dtype=torch.float64)
    return a, a + 0.5 * torch.randn(n, d, generator=rng, dtype=torch.float64)


def made(shape: tuple[int, int, int] = (3, 12, 10), **section: object) -> tuple[Ssl, Recipe]:
    recipe = Recipe.from_dict({"family": "ssl", "ssl": SMALL | section})
    model = get_family("ssl").build(recipe, DataSpec(*shape))
    assert isinstance(model, Ssl)
    return model, recipe


def images(n: int = 6, shape: tuple[int, int, int] = (3, 12, 10)) -> Tensor:
    return torch.rand(n, *shape, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_nt_xent_is_the_mean_over_views_of_minus_log_softmax() -> None:
    a, b = pair()
    z = np.concatenate([a.numpy(), b.numpy()])
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    total = 0.0
    for i in range(14):
        scores = {k: math.exp(float(z[i] @ z[k]) / 0.3) for k in range(14) if k != i}
        total -= math.log(scores[(i + 7) % 14] / sum(scores.values()))
    assert objective.nt_xent(a, b, temperature=0.3).item() == pytest.approx(total / 14, rel=1e-12)


def test_nt_xent_in_closed_form() -> None:
    """Views alike and images orthogonal: log(1 + (2 n - 2) exp(-1/T)); everything alike: log(2 n - 1)."""
    eye, ones = torch.eye(6, dtype=torch.float64), torch.ones(6, 6, dtype=torch.float64)
    expected = math.log(1 + 10 * math.exp(-1 / 0.5))
    assert objective.nt_xent(eye, eye, temperature=0.5).item() == pytest.approx(expected, rel=1e-12)
    assert objective.nt_xent(ones, ones, temperature=0.5).item() == pytest.approx(math.log(11), rel=1e-12)


def test_vicreg_is_the_papers_pseudocode() -> None:
    a, b = pair(9, 4)
    _, recipe = made(method="vicreg", invariance=10.0, variance=20.0, covariance=3.0)
    section = recipe.ssl  # pyright: ignore
    terms = objective.vicreg(objective.Seen(a, b), section)
    x, y = a.numpy(), b.numpy()
    variance = sum(np.maximum(0, 1 - np.sqrt(z.var(0, ddof=1) + 1e-4)).mean() for z in (x, y)) / 2
    covariance = sum((np.cov(z.T) ** 2).sum() - (np.diag(np.cov(z.T)) ** 2).sum() for z in (x, y)) / 4
    assert terms["invariance"].item() == pytest.approx(10 * ((x - y) ** 2).mean(), rel=1e-12)
    assert terms["variance"].item() == pytest.approx(20 * variance, rel=1e-12)
    assert terms["covariance"].item() == pytest.approx(3 * covariance, rel=1e-12)


def test_byol_is_the_squared_distance_of_unit_vectors() -> None:
    p, t = pair()
    distance = (F.normalize(p, dim=1) - F.normalize(t, dim=1)).square().sum(1).mean()
    assert objective.cosine_distance(p, t).item() == pytest.approx(distance.item(), rel=1e-12)


def test_each_view_is_held_against_what_the_teacher_says_of_the_other() -> None:
    model, recipe = made(method="byol", teacher=0.5)
    x = torch.cat([images(), images().flip(3)])
    moment = Moment(0, 0.0, Rng(0, 0, count=6))
    projected = model.student(x)
    guess, target = objective.taught(model, x, projected, moment, 0.5)
    assert guess is not None and target is not None and model.teacher is not None and model.predictor is not None
    torch.testing.assert_close(guess, model.predictor(projected))
    torch.testing.assert_close(target, model.teacher(x)[[*range(6, 12), *range(6)]])
    assert not target.requires_grad


def test_the_teacher_is_an_average_that_slows_down() -> None:
    model, recipe = made(method="byol", teacher=0.9)
    assert model.teacher is not None
    phase = get_family("ssl").phases(model, recipe, 100)[0]
    started = [p.clone() for p in model.teacher.parameters()]
    with torch.no_grad():
        for p in model.student.parameters():
            p.add_(1.0)
    moment = Moment(64, 0.5, Rng(0, 64, count=6))
    for _ in range(2):  # the second half of a step in parts does not move it again
        phase.terms(Batch(images()), moment)
    keep = 1 - 0.1 * (math.cos(math.pi * 0.5) + 1) / 2
    for before, after in zip(started, model.teacher.parameters(), strict=True):
        torch.testing.assert_close(after, before + (1 - keep) * 1.0, rtol=1e-4, atol=1e-5)
        assert not after.requires_grad
    ids = {id(p) for p in model.teacher.parameters()}
    assert not ids & {id(p) for p in phase.params}, "gradients never reach the teacher"


@pytest.mark.parametrize("method", ["simclr", "vicreg", "byol"])
@pytest.mark.parametrize("net", ["mlp", "conv", "resnet"])
def test_training_reaches_every_parameter_and_encoding_is_one_image_at_a_time(method: str, net: str) -> None:
    model, recipe = made(method=method, net=net)
    phase = get_family("ssl").phases(model, recipe, 100)[0]
    said = phase.terms(Batch(images()), Moment(0, 0.1, Rng(0, 0, count=6)))
    grads = torch.autograd.grad(torch.stack(list(said.loss.values())).sum(), list(phase.params), allow_unused=True)
    assert all(g is not None and bool(g.isfinite().all()) for g in grads)
    model.eval()
    together, alone = model.encode(images()), model.encode(images()[2:3])
    assert together.shape == (6, model.latent_dim) and together.requires_grad
    torch.testing.assert_close(together[2:3], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", ["simclr", "vicreg", "byol"])
def test_a_loss_falls_and_codes_do_not_collapse(method: str) -> None:
    """Forty steps on twenty-four smooth images: views of one image come together, images stay apart."""
    model, recipe = made((1, 12, 12), method=method, net="conv", width=8, crop=0.5)
    phase = get_family("ssl").phases(model, recipe, 24)[0]
    coarse = torch.randn(24, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    batch = Batch(F.interpolate(coarse, (12, 12), mode="bicubic").clamp(-1, 1))
    adam, said = torch.optim.Adam(phase.params, 3e-3), []
    for step in range(40):
        terms = phase.terms(batch, Moment(24 * step, step / 40, Rng(0, step, count=24)))
        loss = torch.stack(list(terms.loss.values())).sum()
        for p, g in zip(phase.params, torch.autograd.grad(loss, list(phase.params)), strict=True):
            p.grad = g
        adam.step()
        said.append((loss.item(), terms.watch["spread"].item()))
    assert np.mean([loss for loss, _ in said[-5:]]) < 0.9 * np.mean([loss for loss, _ in said[:5]])
    assert said[-1][1] > 0.2


def test_spread_is_one_on_the_sphere_and_nought_at_a_point() -> None:
    sphere = F.normalize(torch.randn(4000, 16, generator=torch.Generator().manual_seed(0)), dim=1)
    assert objective.spread(sphere).item() == pytest.approx(1, abs=0.01)
    assert objective.spread(sphere[:1].expand(50, -1)).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"ssl": {"method": "moco"}}, "must be one of 'simclr', 'vicreg' or 'byol'"),
        ({"ssl": {"method": "byol", "layers": 0}}, "layers must be >= 1"),
        ({"ssl": {"invariance": 0, "variance": 0, "covariance": 0}}, "set one"),
        ({"train": {"batch": 1}}, "must hold 2 images"),
        ({"train": {"batch": 9, "micro": 4}}, "must hold 2 images"),
        ({"ssl": {"crop": 0}}, "must be > 0"),
    ],
)
def test_what_a_recipe_refuses(values: dict[str, object], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        Recipe.from_dict({"family": "ssl"} | values)


def test_what_a_recipe_cannot_serve_is_a_sentence() -> None:
    with pytest.raises(UsageError, match="learns from views of images"):
        get_family("ssl").build(Recipe.from_dict({"family": "ssl"}), DataSpec(2, 1, 1, kind="points"))
    with pytest.raises(UsageError, match="8 to 256 pixels"):
        made((1, 300, 8))
