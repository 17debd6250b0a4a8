"""The likelihood's estimator against a model whose log p(x) is known."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from reverie.core.capability import Scores
from reverie.core.errors import DataError, ReverieError, UsageError
from reverie.core.rng import Rng
from reverie.core.spec import DataSpec
from reverie.measure import Setting, measure
from reverie.measure.likelihood import Likelihoods, chunk_sizes, likelihoods


def weigh(model, items, samples: int, seed: int = 0) -> Likelihoods:
    with torch.inference_mode():
        index, device = np.arange(len(items)), torch.device("cpu")
        return likelihoods(model, Setting("nll", items, index, samples, seed, batch=8, device=device))


class Constant(Scores):
    """Gives every image the same log weight, and has no other method."""

    def __init__(self, log_weight: float, discrete: bool) -> None:
        self.log_weight, self.discrete = log_weight, discrete

    def scorer(self, images: Tensor, *, labels: Tensor | None = None) -> Callable[[int, Rng], Tensor]:
        return lambda s, rng: torch.full((len(images), s), self.log_weight)

    def kl_per_dimension(self, images: Tensor, *, labels: Tensor | None = None) -> Tensor:
        return torch.zeros(len(images), 1)

    def draw(self, images: Tensor, rng: Rng, *, labels: Tensor | None = None) -> Tensor:
        return rng.normal(1)


@pytest.mark.parametrize("samples", [1, 3, 100])
def test_exact_posterior_gives_exact_log_p(linear_gaussian, tensor_items, samples: int) -> None:
    model = linear_gaussian()
    items = tensor_items(model.generate(90, 1))
    found = weigh(model, items, samples)
    np.testing.assert_allclose(-found.nll, model.log_p(items.images).numpy(), atol=1e-10)
    np.testing.assert_allclose(found.ess, samples, rtol=1e-10)


@pytest.mark.parametrize(("shift", "stretch"), [(0.0, 1.3), (0.2, 1.0), (0.2, 1.2), (-0.1, 1.6)])
def test_wrong_proposals_agree_within_three_standard_errors(
    linear_gaussian, tensor_items, shift: float, stretch: float
) -> None:
    model = linear_gaussian(shift, stretch)
    items = tensor_items(model.generate(200, 2))
    error = -weigh(model, items, 2000).nll - model.log_p(items.images).numpy()
    standard_error = error.std(ddof=1) / math.sqrt(len(error))
    assert 0 < standard_error < 0.01
    assert abs(error.mean()) < 3 * standard_error


def test_one_sample_is_the_elbo_and_the_elbo_is_right(linear_gaussian, tensor_items) -> None:
    model = linear_gaussian(0.2, 1.3)
    items = tensor_items(model.generate(3000, 3))
    found = weigh(model, items, 1)
    np.testing.assert_array_equal(found.nll, -found.elbo)
    error = found.elbo - (model.log_p(items.images).numpy() - model.bound_gap())
    assert abs(error.mean()) < 3 * error.std(ddof=1) / math.sqrt(len(error))


def test_more_samples_tighten_the_bound(linear_gaussian, tensor_items) -> None:
    model = linear_gaussian(0.4, 1.5)
    items = tensor_items(model.generate(400, 4))
    truth = -model.log_p(items.images).numpy()
    runs = [weigh(model, items, samples).nll - truth for samples in (1, 4, 16, 256)]
    for fewer, more in zip(runs, runs[1:], strict=False):
        assert more.mean() < fewer.mean() + 3 * (fewer - more).std(ddof=1) / math.sqrt(len(more))
    assert runs[0].mean() == pytest.approx(model.bound_gap(), abs=0.3)
    assert runs[-1].mean() < 0.02


@pytest.mark.parametrize("samples", [1, 7, 64, 65, 100, 250])
def test_asked_for_s_samples_it_uses_s_and_encodes_once(linear_gaussian, tensor_items, samples: int) -> None:
    model = linear_gaussian()
    items = tensor_items(model.generate(150, 5))
    measure(model, items, metrics=["nll", "elbo", "bits_per_dim"], samples=samples)
    assert sum(images * drawn for images, drawn in model.drawn) == 150 * samples
    assert max(images * drawn for images, drawn in model.drawn) <= 1024
    assert model.encoded == 150


def test_a_running_sum_over_chunks_is_the_sum(linear_gaussian, tensor_items) -> None:
    model = linear_gaussian(0.3, 1.4)
    items = tensor_items(model.generate(10, 6))
    kept: list[Tensor] = []
    score = model.scorer

    def keeping(images: Tensor, *, labels: Tensor | None = None) -> Callable[[int, Rng], Tensor]:
        plain = score(images, labels=labels)

        def keep(s: int, rng: Rng) -> Tensor:
            kept.append(plain(s, rng) * 40 - 900)  # far outside what exp can hold
            return kept[-1]

        return keep

    model.scorer = keeping
    found = weigh(model, items, 150)
    log_w = torch.cat(kept, 1)
    assert log_w.shape == (10, 150)
    np.testing.assert_allclose(-found.nll, (log_w.logsumexp(1) - math.log(150)).numpy(), rtol=1e-12)
    np.testing.assert_allclose(found.elbo, log_w.mean(1).numpy(), rtol=1e-12)
    np.testing.assert_allclose(found.ess, 1 / log_w.softmax(1).square().sum(1).numpy(), rtol=1e-9)


def test_same_seed_same_numbers_whatever_the_batch(linear_gaussian, tensor_items) -> None:
    model = linear_gaussian(0.2, 1.3)
    items = tensor_items(model.generate(150, 7))
    first, again, other = (
        measure(model, items, metrics=["nll"], samples=70, seed=seed, batch=batch)
        for seed, batch in ((1, 3), (1, 150), (2, 3))
    )
    assert first == again
    assert first["nll"].value != other["nll"].value


def test_draws_of_an_image_do_not_depend_on_those_that_follow(linear_gaussian, tensor_items) -> None:
    model = linear_gaussian(0.2, 1.3)
    images = model.generate(150, 8)
    whole, part = (weigh(model, tensor_items(images[:n]), 70) for n in (150, 101))
    np.testing.assert_array_equal(whole.nll[:101], part.nll)


def test_no_draw_is_used_twice(linear_gaussian, tensor_items) -> None:
    model = linear_gaussian(0.2, 1.3)
    drawn: list[Tensor] = []
    score = model.scorer

    def keeping(images: Tensor, *, labels: Tensor | None = None) -> Callable[[int, Rng], Tensor]:
        plain = score(images, labels=labels)

        def keep(s: int, rng: Rng) -> Tensor:
            drawn.append(plain(s, rng))
            return drawn[-1]

        return keep

    model.scorer = keeping
    weigh(model, tensor_items(torch.zeros(150, 1, 2, 3)), 200)  # equal images: equal weights are equal draws
    log_w = torch.cat([chunk.flatten() for chunk in drawn])
    assert len(log_w) == 150 * 200
    assert len(log_w.unique()) > 0.999 * len(log_w)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_only_the_passes_of_a_likelihood_run_in_its_precision(linear_gaussian, tensor_items, precision: str) -> None:
    model = linear_gaussian()
    seen: dict[str, set[bool]] = {"scorer": set(), "score": set(), "other": set()}
    scorer, encode = model.scorer, model.encode

    def watched(images: Tensor, *, labels: Tensor | None = None) -> Callable[[int, Rng], Tensor]:
        seen["scorer"].add(torch.is_autocast_enabled("cpu"))
        score = scorer(images, labels=labels)

        def watch(s: int, rng: Rng) -> Tensor:
            seen["score"].add(torch.is_autocast_enabled("cpu"))
            return score(s, rng)

        return watch

    def elsewhere(images: Tensor, *, labels: Tensor | None = None) -> Tensor:
        seen["other"].add(torch.is_autocast_enabled("cpu"))
        return encode(images, labels=labels)

    model.scorer, model.reconstruct = watched, lambda images, labels=None: model.decode(elsewhere(images))
    measure(model, tensor_items(model.generate(50, 11)), metrics=["nll", "psnr"], samples=3, precision=precision)
    assert seen == {"scorer": {precision == "bf16"}, "score": {precision == "bf16"}, "other": {False}}


def test_order_of_images_matters_by_chance_only(linear_gaussian, tensor_items) -> None:
    model = linear_gaussian(0.2, 1.3)
    images = model.generate(300, 9)
    order = torch.randperm(300, generator=torch.Generator().manual_seed(0))
    straight = weigh(model, tensor_items(images), 200).nll
    shuffled = weigh(model, tensor_items(images[order]), 200).nll
    difference = straight[order.numpy()] - shuffled
    assert 0 < abs(difference.mean()) < 3 * difference.std(ddof=1) / math.sqrt(300)


def test_standard_error_covers_the_truth(linear_gaussian, tensor_items) -> None:
    model = linear_gaussian(0.1, 1.1)
    covariance = model.w @ model.w.T + model.sigma**2 * torch.eye(6, dtype=torch.float64)
    truth = 0.5 * float(6 * math.log(2 * math.pi) + torch.logdet(covariance.detach()) + 6)
    covered = 0
    for repeat in range(300):
        found = measure(model, tensor_items(model.generate(60, repeat)), metrics=["nll"], samples=50, seed=repeat)[
            "nll"
        ]
        covered += abs(found.value - truth) < 1.96 * (found.se or 0)
    assert 0.91 < covered / 300 < 0.98


def test_nll_brings_elbo_and_effective_share(linear_gaussian, tensor_items) -> None:
    model = linear_gaussian(0.3, 1.4)
    items = tensor_items(model.generate(100, 10))
    found = measure(model, items, metrics=["nll", "elbo"], samples=64)
    assert list(found) == ["nll", "elbo", "ess"]
    assert found["nll"].value < -found["elbo"].value
    assert 1 / 64 < found["ess"].value < 0.95
    assert found["nll"].n == 100


def test_bits_per_dim_of_discrete_and_of_continuous_likelihoods(tensor_items) -> None:
    items = tensor_items(torch.zeros(4, 3, 2, 2))
    coin = Constant(-12 * math.log(2), discrete=True)
    assert measure(coin, items, metrics=["bits_per_dim"])["bits_per_dim"].value == pytest.approx(1.0)
    # Uniform over 256 levels that lie 2/255 apart: 8 bits a value.
    uniform = Constant(12 * math.log(255 / 512), discrete=False)
    found = measure(uniform, items, metrics=["bits_per_dim"])["bits_per_dim"]
    assert found.value == pytest.approx(8.0, abs=1e-6)
    assert found.unit == "bits/dim"


def test_points_have_no_bits_per_dim(tensor_items) -> None:
    points = tensor_items(torch.zeros(4, 2, 1, 1), kind="points")
    assert set(measure(Constant(-1.0, discrete=False), points, samples=2)) == {"elbo", "nll", "ess", "kl_per_dimension"}
    with pytest.raises(UsageError, match="points are not pixels"):
        measure(Constant(-1.0, discrete=False), points, metrics=["bits_per_dim"])


def test_log_weights_that_are_not_finite_are_an_error(tensor_items) -> None:
    items = tensor_items(torch.zeros(4, 1, 2, 2))
    for bad in (math.nan, math.inf, -math.inf):
        with pytest.raises(ReverieError, match="nll: the log weights of 4 of 4 images are not finite.*diagnose"):
            measure(Constant(bad, discrete=True), items, metrics=["nll"])


def test_images_that_are_not_finite_are_named(linear_gaussian, tensor_items) -> None:
    model = linear_gaussian()
    images = model.generate(20, 0)
    images[17, 0, 1, 2] = math.nan
    with pytest.raises(DataError, match="image 17 of the split holds values that are not finite"):
        measure(model, tensor_items(images), metrics=["nll"], samples=2)


def test_a_scorer_that_returns_another_number_of_samples_is_an_error(tensor_items) -> None:
    class Stubborn(Constant):
        def scorer(self, images: Tensor, *, labels: Tensor | None = None) -> Callable[[int, Rng], Tensor]:
            return lambda s, rng: torch.zeros(len(images), 100)

    with pytest.raises(ReverieError, match=r"must return \(4, 10\) log weights, got \(4, 100\)"):
        measure(Stubborn(0.0, discrete=True), tensor_items(torch.zeros(4, 1, 2, 2)), metrics=["nll"], samples=10)


@pytest.mark.parametrize("side", [1, 8, 28, 64, 256, 1024])
@pytest.mark.parametrize("samples", [1, 5, 64, 5000])
def test_chunks_fit_in_memory(side: int, samples: int) -> None:
    images, drawn = chunk_sizes(DataSpec(channels=3, height=side, width=side), samples)
    assert images >= 1 and 1 <= drawn <= samples
    assert images * drawn <= 1024 and images * drawn * 3 * side * side <= max(2**22, 16 * 3 * side * side)
