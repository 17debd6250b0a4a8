"""Probes of planted models: each failure moves the numbers that it should, and leaves the others in their range."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from reverie.core.capability import Encodes, Judges, Samples
from reverie.core.rng import Rng
from reverie.core.spec import DataSpec
from reverie.measure.likeness import _against
from reverie.measure.metrics.posterior_gap import energy_gap
from reverie.measure.probe import Probe, effective_rank
from reverie.measure.projection import Projection, pool, pooled_side
from reverie.measure.sets.neighbours import prdc

CLASSES = 8
SETS = {"coverage", "density", "diversity", "vendi", "ndb", "missing_bins", "frechet", "copies"}
IMAGES = SETS | {"sharpness"}

Split = Callable[..., Any]
Ranges = dict[str, tuple[float, float]]


def discs(n: int, seed: int, height: int = 32, width: int = 32) -> tuple[Tensor, Tensor]:
    """Images of a disc with a sharp edge, in one of eight places, of random shade and size; and the place."""
    rng = torch.Generator().manual_seed(seed)
    kinds = torch.randint(CLASSES, (n,), generator=rng)
    jitter, shade = torch.rand(n, 3, generator=rng), torch.rand(n, 3, generator=rng)
    angle = kinds * (2 * math.pi / CLASSES)
    x = 0.5 + 0.3 * angle.cos() + 0.06 * (jitter[:, 0] - 0.5)
    y = 0.5 + 0.3 * angle.sin() + 0.06 * (jitter[:, 1] - 0.5)
    radius = 0.13 + 0.08 * jitter[:, 2]
    down, across = (torch.arange(height) + 0.5) / height, (torch.arange(width) + 0.5) / width
    apart = ((across - x[:, None, None]) ** 2 + (down[:, None] - y[:, None, None]) ** 2).sqrt()
    inside = (apart < radius[:, None, None]).float()[:, None]
    return inside * (0.2 + 0.8 * shade)[:, :, None, None] * 1.6 - 0.8, kinds


def blurred(images: Tensor) -> Tensor:
    """By a little: half of the energy above half Nyquist, and hardly any below a quarter."""
    weights = torch.tensor([0.12, 0.76, 0.12])
    kernel = torch.outer(weights, weights).expand(images.shape[1], 1, 3, 3)
    padded = nn.functional.pad(images, (1, 1, 1, 1), mode="replicate")
    return nn.functional.conv2d(padded, kernel, groups=images.shape[1])


class Player(nn.Module, Samples):
    """Shows given images: which one, the seed decides."""

    def __init__(self, images: Tensor) -> None:
        super().__init__()
        self.images, self.dropout, self.parts, self.labels = images, nn.Dropout(0.5), [], []

    def sample(self, seeds: Sequence[int], *, labels: Tensor | None = None, truncation: float = 1.0) -> Tensor:
        self.parts.append((list(seeds), self.training, torch.is_grad_enabled()))
        self.labels += [] if labels is None else labels.tolist()
        return self.images[[seed % len(self.images) for seed in seeds]]


class Critic(Player, Judges):
    """Samples, and a critic D(x) = |x|^2 / 2, whose gradient is x."""

    def judge(self, images: Tensor, *, labels: Tensor | None = None) -> Tensor:
        return images.square().flatten(1).sum(1) / 2


@pytest.fixture(scope="module")
def splits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Training, held-out and fresh images, and the places of the fresh ones."""
    fresh, kinds = discs(1200, 3)
    return discs(2400, 1)[0], discs(400, 2)[0], fresh, kinds


@pytest.fixture(scope="module")
def probe(splits: tuple[Tensor, ...], tensor_items: Split) -> Probe:
    """One for many tests: it keeps nothing but its last findings."""
    return Probe(tensor_items(splits[0]), tensor_items(splits[1]), seed=0, num=400)


@pytest.fixture(scope="module")
def nulls(probe: Probe) -> Ranges:
    return probe.nulls()


def moved(values: dict[str, float], nulls: Ranges) -> set[str]:
    """Names of the numbers outside their healthy range."""
    return {name for name in nulls if not nulls[name][0] <= values[name] <= nulls[name][1]}


def test_a_perfect_sampler_is_healthy(splits: tuple[Tensor, ...], probe: Probe, nulls: Ranges) -> None:
    assert set(nulls) == IMAGES
    for images in splits[2].split(400):
        assert not moved(probe(Player(images)), nulls)
        assert not probe.missing and probe.picture() is None


FAILURES = {
    "one image": (
        lambda train, fresh, kinds: fresh[:1],
        {"coverage", "diversity", "vendi", "ndb", "missing_bins", "frechet"},
        set(),
    ),
    "half of the places": (
        lambda train, fresh, kinds: fresh[kinds < CLASSES // 2],
        {"coverage", "ndb", "missing_bins", "frechet", "vendi"},
        {"sharpness", "copies"},
    ),
    "one place of eight lacks": (
        lambda train, fresh, kinds: fresh[kinds != 2],
        {"coverage", "missing_bins", "frechet"},
        {"sharpness", "copies", "density"},
    ),
    "copies": (lambda train, fresh, kinds: train[:1200], {"copies"}, IMAGES - {"copies"}),
    "a tenth are copies": (
        lambda train, fresh, kinds: torch.stack([train[i] if i % 10 == 0 else fresh[i] for i in range(1200)]),
        {"copies"},
        IMAGES - {"copies"},
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_planted_failure_moves_its_numbers(
    splits: tuple[Tensor, ...], probe: Probe, nulls: Ranges, name: str
) -> None:
    train, _, fresh, kinds = splits
    plant, moves, stays = FAILURES[name]
    found = moved(probe(Player(plant(train, fresh, kinds))), nulls)
    assert moves <= found, f"{name}: {moves - found} should be out of range"
    assert not found & stays, f"{name}: {found & stays} should be in range"


def test_blur_moves_sharpness_alone(tensor_items: Split) -> None:
    train, held, fresh = (discs(600, seed, 64, 64)[0] for seed in (1, 2, 3))
    probe = Probe(tensor_items(train), tensor_items(held), seed=0, num=200)
    nulls = probe.nulls()
    assert not moved(probe(Player(fresh)), nulls)
    assert moved(probe(Player(blurred(fresh))), nulls) == {"sharpness"}


def test_missing_modes_are_shown(splits: tuple[Tensor, ...], probe: Probe) -> None:
    train, _, fresh, kinds = splits
    probe(Player(fresh[kinds != 2]))
    gone = probe.missing
    assert gone
    medoids = probe.medoids(gone)
    assert bool((medoids[:, None] == train).flatten(2).all(2).any(1).all())  # they are training images
    # The middle of the third place is at (0.5, 0.8) of the sides.
    brightest = (medoids + 0.8).sum(1)
    rows = (brightest.sum(2) * torch.arange(32)).sum(1) / brightest.sum((1, 2))
    columns = (brightest.sum(1) * torch.arange(32)).sum(1) / brightest.sum((1, 2))
    assert bool(((rows / 32 - 0.8).abs() < 0.08).all()) and bool(((columns / 32 - 0.5).abs() < 0.08).all())
    picture = probe.picture()
    assert picture is not None and picture.shape[:2] == (1, 3) and picture.shape[2] % 32 == 0
    assert torch.equal(picture[0, :, :32, :32], medoids[0])


def test_equal_weights_give_equal_numbers(splits: tuple[Tensor, ...], tensor_items: Split) -> None:
    train, held = tensor_items(splits[0][:300]), tensor_items(splits[1])
    model = Critic(splits[2]).train()
    state = torch.get_rng_state(), np.random.get_state(legacy=False)["state"]["key"].copy()
    whole = Probe(train, held, seed=5, num=100)
    first = whole(model)
    assert whole(model) == first == Probe(train, held, seed=5, num=100)(model)
    in_sevens = Probe(train, held, seed=5, num=100, batch=7)
    assert in_sevens(model) == pytest.approx(first, rel=1e-5)
    assert in_sevens.nulls() == whole.nulls()
    assert Probe(train, held, seed=6, num=100)(model) != first
    assert (
        bool((state[0] == torch.get_rng_state()).all())
        and (state[1] == np.random.get_state(legacy=False)["state"]["key"]).all()
    )
    assert model.training and not any(training or grad for _, training, grad in model.parts)
    seeds = [seed for part, _, _ in model.parts[:1] for seed in part]
    assert len(set(seeds)) == 100


def test_held_out_images_are_only_compared_with(splits: tuple[Tensor, ...], tensor_items: Split) -> None:
    train = tensor_items(splits[0][:300])
    plain, other = (Probe(train, tensor_items(held), seed=0, num=100) for held in (splits[1], splits[1] * 0.1 + 0.5))
    one, two = (probe(Player(splits[2])) for probe in (plain, other))
    assert {name for name in one if one[name] != two[name]} <= {"copies"}
    assert plain.nulls() == other.nulls()


def test_neighbours_are_those_of_the_metric(splits: tuple[Tensor, ...], probe: Probe) -> None:
    features = [probe._likeness._projection(images[:400]) for images in (splits[0], splits[2])]
    values, oracle = _against(*features, 0), prdc(*features)
    assert values["density"] == pytest.approx(oracle.density.value, abs=1e-3)
    assert values["coverage"] == pytest.approx(oracle.coverage.value, abs=1 / 400)


def test_labels_are_those_of_real_images(splits: tuple[Tensor, ...], tensor_items: Split) -> None:
    images, kinds = discs(600, 1)
    model = Player(splits[2])
    Probe(tensor_items(images, (kinds == 3).long()), tensor_items(images, kinds), seed=0, num=200)(model)
    assert 200 * 0.05 < sum(model.labels) < 200 * 0.2 and len(model.labels) == 200


@pytest.mark.parametrize(
    ("num", "channels", "height", "width"), [(64, 1, 8, 8), (128, 3, 48, 20), (64, 4, 1, 5), (16, 3, 9, 9)]
)
def test_small_sets_and_any_shape(num: int, channels: int, height: int, width: int, tensor_items: Split) -> None:
    rng = torch.Generator().manual_seed(num)
    images = torch.rand(4 * num, channels, height, width, generator=rng) * 2 - 1
    probe = Probe(tensor_items(images[:num]), tensor_items(images[num : 2 * num]), seed=0)
    nulls = probe.nulls()
    assert set(nulls) == (IMAGES if min(height, width) >= 4 else SETS) - ({"copies"} if num < 20 else set())
    assert all(math.isfinite(low) and low <= high < math.inf for low, high in nulls.values())
    for model in (Player(images[2 * num :]), Player(images[:1]), Player(images[:1] * 0)):
        values = probe(model)
        assert set(values) == set(nulls) and all(map(math.isfinite, values.values()))
    assert not moved(probe(Player(images[2 * num :])), nulls)
    if num >= 64:
        assert {"diversity", "frechet"} <= moved(probe(Player(images[:1])), nulls)
    many = Player(images[2 * num :])
    probe(many)
    assert sum(len(seeds) for seeds, _, _ in many.parts) == num // 3


def test_images_that_are_all_alike_leave_nothing_to_compare(tensor_items: Split, splits: tuple[Tensor, ...]) -> None:
    alike = splits[0][:1].expand(60, -1, -1, -1)
    probe = Probe(tensor_items(alike), tensor_items(alike), seed=0)
    assert probe.nulls() == {} and probe.picture() is None and len(probe.medoids([])) == 0
    assert set(probe(Critic(alike))) == {"judge_train", "judge_held_out"}
    mostly = torch.cat([alike[:40], splits[0][1:21]])
    probe = Probe(tensor_items(mostly), tensor_items(splits[1][:30]), seed=0)
    assert all(low <= high for low, high in probe.nulls().values())
    assert all(map(math.isfinite, probe(Player(alike)).values()))


def test_points_are_their_coordinates(tensor_items: Split) -> None:
    rng = torch.Generator().manual_seed(0)
    mode = torch.randint(8, (6000,), generator=rng)
    angle = mode * math.pi / 4
    points = torch.stack([angle.cos(), angle.sin()], 1) + 0.02 * torch.randn(6000, 2, generator=rng)
    points = points[:, :, None, None] * 0.5
    train, held = (tensor_items(part, kind="points") for part in (points[:3000], points[3000:4000]))
    probe = Probe(train, held, seed=0)
    nulls, fresh = probe.nulls(), points[4000:]
    assert set(nulls) == SETS
    assert not moved(probe(Player(fresh)), nulls)
    values = probe(Player(fresh[mode[4000:] != 5]))
    assert {"missing_bins", "coverage", "ndb", "frechet"} <= moved(values, nulls)
    middle = probe.medoids(probe.missing).flatten(1).mean(0)
    assert torch.allclose(middle, torch.tensor([math.cos(math.pi * 5 / 4), math.sin(math.pi * 5 / 4)]) / 2, atol=0.02)
    assert probe.picture() is None
    centres = torch.stack([angle.cos(), angle.sin()], 1)[4000:, :, None, None] / 2
    narrow = probe(Player(centres + (fresh - centres) / 4))  # every cluster is found, and filled too little
    assert {"coverage", "ndb"} <= moved(narrow, nulls) and narrow["missing_bins"] == 0
    kept = (mode[4000:] != 5) | (torch.arange(2000) % 10 == 0)  # a tenth of one cluster is next to nothing
    assert probe(Player(fresh[kept]))["missing_bins"] > 0


def test_samples_that_are_not_finite_are_said_to_be(splits: tuple[Tensor, ...], probe: Probe, nulls: Ranges) -> None:
    images = splits[2].clone()
    images[::5] = math.nan
    values = probe(Critic(images))
    assert all(math.isnan(values[name]) for name in nulls)
    assert math.isnan(values["judge_fake"]) and math.isnan(values["judge_train_accuracy"])
    assert math.isfinite(values["judge_train"]) and not probe.missing


def test_a_critic_is_asked_about_every_kind(splits: tuple[Tensor, ...], tensor_items: Split) -> None:
    train, held = splits[0][:200], splits[1][:100]
    images = splits[2][:200] * 0.5
    values = Probe(tensor_items(train), tensor_items(held), seed=0, num=100)(Critic(images))
    energy = held.square().flatten(1).sum(1) / 2
    assert values["judge_held_out"] == pytest.approx(float(energy.mean()), rel=1e-5)
    assert values["judge_train"] == pytest.approx(float(train.square().flatten(1).sum(1).mean() / 2), rel=1e-5)
    # The gradient of |x|^2 / 2 is x, so its mean square is twice the mean logit.
    assert values["judge_gradient_ratio"] == pytest.approx(values["judge_fake"] / values["judge_train"], rel=0.05)
    model = Critic(images)
    Probe(tensor_items(train), tensor_items(held), seed=0, num=100)(model)
    seeds = [seed for part, _, _ in model.parts for seed in part]
    logits = model.judge(images[[seed % 200 for seed in seeds]])
    above = (energy[:, None] > logits).float() + 0.5 * (energy[:, None] == logits).float()
    assert values["judge_held_out_accuracy"] == pytest.approx(float(above.mean()), abs=1e-6)


def test_a_critic_that_cannot_tell_is_at_chance(splits: tuple[Tensor, ...], tensor_items: Split) -> None:
    class Blind(Player, Judges):
        @torch.no_grad()
        def judge(self, images: Tensor, *, labels: Tensor | None = None) -> Tensor:
            return torch.zeros(len(images))

    values = Probe(tensor_items(splits[0][:200]), tensor_items(splits[1]), seed=0, num=100)(Blind(splits[2]))
    assert values["judge_train_accuracy"] == values["judge_held_out_accuracy"] == 0.5
    assert "judge_gradient_ratio" not in values  # a judge without gradients has no slope


def test_a_likelihood_is_that_of_a_few_importance_samples(linear_gaussian: Any, tensor_items: Split) -> None:
    model = linear_gaussian(0.3, 1.4)
    train, held = model.generate(900, 0), model.generate(600, 1)
    values = Probe(tensor_items(train), tensor_items(held), seed=3)(model)
    weights = []
    for first in range(0, 512, 128):
        part = held[first : first + 128]
        weights.append(model.scorer(part)(4, Rng(3, "probe", first, count=128)))
    log_w = torch.cat(weights).detach()
    assert values["held_out_elbo_nats"] == pytest.approx(float(log_w.mean()), abs=1e-9)
    nll = float((math.log(4) - torch.logsumexp(log_w, 1)).mean())
    assert values["held_out_nll_nats"] == pytest.approx(nll, abs=1e-9)
    # Closed forms: the ELBO is log p less the KL to the exact posterior, and the KL to the prior is known.
    exact = model.log_p(train)
    error = 4 * float(exact.std()) / math.sqrt(512) + 0.2
    assert values["train_elbo_nats"] == pytest.approx(float(exact.mean()) - model.bound_gap(), abs=error)
    kl = model.kl_per_dimension(held[:256]).sum(1).mean().detach()
    assert values["kl_nats"] == pytest.approx(float(kl), rel=1e-6)
    assert values["active_units"] == values["latent_units"] == 2.0


def test_the_gap_to_the_prior(linear_gaussian: Any, tensor_items: Split) -> None:
    near, far = linear_gaussian(), linear_gaussian(shift=1.0)
    items = [tensor_items(near.generate(512, seed)) for seed in (0, 1)]
    for model, gapes in ((near, False), (far, True)):
        values = Probe(*items, seed=0)(model)
        assert (values["posterior_gap"] > values["posterior_gap_floor"]) == gapes
    x = np.random.default_rng(0).normal(size=(200, 2))
    groups = np.arange(200) % 20
    assert energy_gap(x, x + 1, groups, 0)[0] > energy_gap(x, x + 1, groups, 0)[2]


def test_reconstructions_are_compared_with_the_mean_image(
    splits: tuple[Tensor, ...], tensor_items: Split, reconstructor: Any
) -> None:
    train, held = splits[0][:120], splits[1]
    probe = Probe(tensor_items(train), tensor_items(held), seed=0)
    mean = train.mean(0, keepdim=True)
    naive = float((held[:256] - mean).square().mean())
    values = probe(reconstructor(lambda images: mean.expand_as(images)))
    assert values["reconstruction_mse"] == pytest.approx(naive, rel=1e-5)
    assert values["data_variance"] == pytest.approx(naive, rel=1e-5)
    values = probe(reconstructor(lambda images: images))
    assert values["reconstruction_mse"] == 0 and values["reconstruction_sharpness"] == pytest.approx(1)
    assert probe(reconstructor(blurred))["reconstruction_sharpness"] < 0.75
    assert probe(reconstructor(torch.zeros_like))["reconstruction_sharpness"] == 0


def test_features_of_an_encoder_are_counted(splits: tuple[Tensor, ...], tensor_items: Split) -> None:
    class Encoder(nn.Module, Encodes):
        latent_dim = 16

        def __init__(self, rank: int) -> None:
            super().__init__()
            rng = torch.Generator().manual_seed(0)
            self.weight = torch.linalg.qr(torch.randn(3072, rank, generator=rng))[0] @ torch.randn(rank, 16)

        def encode(self, images: Tensor, *, labels: Tensor | None = None) -> Tensor:
            return images.flatten(1) @ self.weight

    torch.manual_seed(0)
    probe = Probe(tensor_items(splits[0][:200]), tensor_items(splits[1]), seed=0, num=100)
    one, many = (probe(Encoder(rank)) for rank in (1, 16))
    assert set(one) == {"effective_rank", "latent_units"} and one["latent_units"] == 16
    assert one["effective_rank"] == pytest.approx(1, abs=1e-3) and many["effective_rank"] > 3
    assert effective_rank(torch.eye(4) * math.nan) != effective_rank(torch.eye(4) * math.nan)


def test_features_are_the_principal_components() -> None:
    from sklearn.decomposition import PCA

    spec = DataSpec(channels=3, height=40, width=20)
    images = discs(600, 0, 40, 20)[0] * torch.tensor([1.0, 0.5, -0.2]).view(3, 1, 1)
    assert pooled_side(spec) == (16, 8)
    pooled = pool(images, (16, 8))
    blocks = images[:, :, :5, :5].mean((2, 3))  # 40 to 16 rows: areas of 2.5 pixels, taken as 3 that overlap
    assert torch.allclose(pooled.view(600, 3, 16, 8)[:, :, :2, :2].mean((2, 3)), blocks, atol=0.1)
    projection = Projection.fit(pooled, spec)
    features = projection(images)
    oracle = PCA(projection.dimensions, svd_solver="full").fit_transform(pooled.double().numpy())
    oracle /= math.sqrt(oracle.var(0).sum())
    assert np.allclose(np.abs(oracle), features.abs().numpy(), atol=1e-4)
    assert projection.dimensions == 64 and float(features.var(0, correction=0).sum()) == pytest.approx(1)
    assert torch.allclose(Projection.fit(pooled * 7, spec)(images * 7), features, atol=1e-4)  # no unit
