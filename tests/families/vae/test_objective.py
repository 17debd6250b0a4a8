"""The VAE's mathematics against closed forms and second implementations, in float64 where exactness is claimed."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Independent, Laplace, Normal, kl_divergence

from reverie.core.family import Batch, Moment, get_family
from reverie.core.recipe import Recipe
from reverie.core.rng import Rng
from reverie.core.spec import DataSpec
from reverie.families.vae.likelihood import Bernoulli, LogisticMixture, Scaled
from reverie.families.vae.model import FlatNet, Latents, Vae
from reverie.families.vae.objective import excess_correlation, iwae, terms, with_free_bits
from reverie.families.vae.recipe import VaeSection
from reverie.nets.gaussian import bound, draw, kl_from_unit, log_normal, log_normal_pairs


@pytest.mark.parametrize(
    ("mean", "sigma", "eps", "z"),
    [
        ((0.5, -0.2), (0.1, 0.3), (0.5, -1.0), (0.55, -0.5)),
        ((0.2, 0.7, -0.3), (0.4, 0.1, 0.5), (1.0, -0.5, 0.2), (0.6, 0.65, -0.2)),
    ],
)
def test_the_reparameterised_draw_by_hand(mean: tuple, sigma: tuple, eps: tuple, z: tuple) -> None:
    mu, sd = (
        torch.tensor(mean, dtype=torch.float64).requires_grad_(),
        torch.tensor(sigma, dtype=torch.float64).requires_grad_(),
    )
    noise = torch.tensor(eps, dtype=torch.float64)
    drawn = draw(mu, 2 * sd.log(), noise)
    torch.testing.assert_close(drawn, torch.tensor(z, dtype=torch.float64))
    drawn.sum().backward()
    torch.testing.assert_close(mu.grad, torch.ones_like(mu))  # dz/dmu = 1
    torch.testing.assert_close(sd.grad, noise)  # dz/dsigma = eps
    assert noise.grad is None


def test_gaussian_kl_and_densities_match_torch() -> None:
    torch.manual_seed(0)
    mean, log_variance = torch.randn(50, 4, dtype=torch.float64), torch.randn(50, 4, dtype=torch.float64)
    q = Normal(mean, torch.exp(0.5 * log_variance))
    torch.testing.assert_close(kl_from_unit(mean, log_variance), kl_divergence(q, Normal(torch.zeros_like(mean), 1.0)))
    z = torch.randn(30, 4, dtype=torch.float64)
    pairs = Independent(Normal(mean, torch.exp(0.5 * log_variance)), 1).log_prob(z[:, None])
    torch.testing.assert_close(log_normal_pairs(z, mean, log_variance), pairs)
    torch.testing.assert_close(log_normal(z), Normal(0.0, 1.0).log_prob(z))
    torch.testing.assert_close(log_normal(z, mean[:30], log_variance[:30]), Normal(mean[:30], q.scale[:30]).log_prob(z))


def test_log_variances_are_bounded_smoothly() -> None:
    raw = torch.tensor([-1e6, 0.0, 1e6], requires_grad=True)
    out = bound(raw)
    out.sum().backward()
    assert out.abs().max() <= 10
    assert raw.grad is not None and raw.grad[1] == 1 and torch.isfinite(raw.grad).all()


def test_bernoulli_and_scaled_likelihoods_match_torch() -> None:
    torch.manual_seed(0)
    x = torch.randint(0, 2, (3, 2, 4, 5)).double() * 2 - 1
    theta = torch.randn(3, 6, 2, 4, 5, dtype=torch.float64) * 3
    expected = (
        torch.distributions.Bernoulli(logits=theta).log_prob(((x + 1) / 2)[:, None].expand_as(theta)).flatten(2).sum(-1)
    )
    torch.testing.assert_close(Bernoulli(2).log_prob(x, theta).double(), expected, rtol=1e-6, atol=1e-5)
    for kind, law in (("gaussian", Normal), ("laplace", Laplace)):
        fixed = Scaled(2, kind, 0.3).eval()
        expected = law(theta.float(), 0.3).log_prob(x.float()[:, None]).flatten(2).sum(-1)
        torch.testing.assert_close(fixed.log_prob(x.float(), theta.float()), expected, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("kind", ["gaussian", "laplace"])
def test_the_optimal_scale_maximises_the_likelihood(kind: str) -> None:
    torch.manual_seed(0)
    x, theta = torch.rand(8, 1, 6, 6) * 2 - 1, torch.rand(8, 1, 1, 6, 6) * 2 - 1
    best = Scaled(1, kind, "optimal").train().log_prob(x, theta).mean()
    grid = [Scaled(1, kind, s).log_prob(x, theta).mean() for s in torch.linspace(0.2, 2, 200).tolist()]
    assert best >= max(grid) - 1e-3
    assert best == pytest.approx(max(grid).item(), abs=0.05)


def test_the_logistic_mixture_is_a_distribution_over_256_levels() -> None:
    torch.manual_seed(0)
    mixture = LogisticMixture(1, 3)
    levels = (torch.arange(256) / 127.5 - 1).view(256, 1, 1, 1)
    theta = torch.randn(1, 1, mixture.num_params, 1, 1).expand(256, -1, -1, -1, -1) * 2
    assert torch.exp(mixture.log_prob(levels, theta)).sum().item() == pytest.approx(1, abs=1e-4)
    far = theta.clone()
    far[:, :, 3:6] = 30.0  # centres far outside: no infinities, and gradients that point back
    far.requires_grad_()
    value = mixture.log_prob(levels, far)
    value.sum().backward()
    assert torch.isfinite(value).all() and far.grad is not None and torch.isfinite(far.grad).all()


def test_the_logistic_mixture_shares_a_component_between_channels() -> None:
    torch.manual_seed(1)
    mixture, x = LogisticMixture(3, 2), torch.randint(0, 256, (4, 3, 2, 2)) / 127.5 - 1
    theta = torch.randn(4, 1, mixture.num_params, 2, 2)
    weights, centres, raw = theta[:, 0].double().split([2, 6, 6], 1)
    total = torch.zeros(4, dtype=torch.float64)
    for n in range(4):
        for i in range(2):
            for j in range(2):
                mass = torch.softmax(weights[n, :, i, j], 0)
                for c in range(3):
                    s = torch.exp(torch.nn.functional.softplus(raw[n, :, i, j].view(2, 3)[:, c] + 5) - 7)
                    m, v = centres[n, :, i, j].view(2, 3)[:, c], x[n, c, i, j].double()
                    up = torch.sigmoid((v + 1 / 255 - m) / s) if v < 0.999 else torch.ones(2, dtype=torch.float64)
                    lo = torch.sigmoid((v - 1 / 255 - m) / s) if v > -0.999 else torch.zeros(2, dtype=torch.float64)
                    mass = mass * (up - lo)
                total[n] += torch.log(mass.sum())
    torch.testing.assert_close(mixture.log_prob(x, theta)[:, 0].double(), total, rtol=1e-4, atol=1e-3)


class _Linear(nn.Module):
    """p(x | z) = N(W z + b, s^2), so that p(x) = N(b, W W' + s^2) exactly."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)

    def forward(self, z: Tensor) -> Tensor:
        return (z @ self.weight.T + self.bias).view(len(z), 1, 2, 3)


def linear_gaussian(wrong: float) -> tuple[Vae, Tensor, Tensor]:
    """A VAE whose exact posterior is known; `wrong` moves its encoder off that posterior."""
    torch.manual_seed(0)
    weight, bias, s, d = torch.randn(6, 2) * 0.5, torch.randn(6) * 0.1, 0.4, 2
    precision = torch.eye(d) + weight.T @ weight / s**2
    gain = torch.linalg.inv(precision) @ weight.T / s**2
    net = FlatNet(nn.Flatten(), _Linear(weight, bias), num_features=6, latent=d, num_classes=0)
    with torch.no_grad():
        net.head.weight.zero_()
        net.head.weight[:d] = gain
        net.head.bias[:d] = -gain @ bias + wrong
        variance = 1 / precision.diagonal() + wrong
        net.head.bias[d:] = 10 * torch.atanh(variance.log() / 10)
    model = Vae(net, Scaled(1, "gaussian", s)).eval()
    x = (torch.randn(40, d) @ weight.T + bias + s * torch.randn(40, 6)).view(40, 1, 2, 3)
    marginal = torch.distributions.MultivariateNormal(bias.double(), (weight @ weight.T + s**2 * torch.eye(6)).double())
    return model, x, marginal.log_prob(x.flatten(1).double())


@pytest.mark.parametrize("wrong", [0.0, 0.2])
def test_importance_sampling_agrees_with_the_exact_likelihood(wrong: float) -> None:
    model, x, exact = linear_gaussian(wrong)
    repeats = torch.stack(
        [torch.logsumexp(model.scorer(x)(2000, Rng(0, r, count=40)).double(), 1) - math.log(2000) for r in range(12)]
    ).mean(1)
    error = repeats.std() / 12**0.5
    assert abs(repeats.mean() - exact.mean()) < 3 * error + 1e-4
    elbo = model.scorer(x)(2000, Rng(0, "e", count=40)).double().mean()
    assert elbo < exact.mean()


def test_the_iwae_loss_is_the_bound_and_tightens() -> None:
    model, x, exact = linear_gaussian(0.2)
    bounds = []
    for k in (2, 10, 100):
        latents, theta = model.infer(x, Rng(0, k, count=40).normal(k, 2))
        log_px = model.likelihood.log_prob(x, theta)
        ratio = model.log_prior(latents.z) - latents.log_q()
        loss = iwae(log_px, ratio, 1.0).loss["iwae_bound_nats"]
        by_hand = torch.log(torch.exp((log_px + ratio).double()).mean(1)).mean()
        assert -loss.item() == pytest.approx(by_hand.item(), abs=1e-4)
        bounds.append(-loss.item())
    assert bounds[0] < bounds[1] < bounds[2] < exact.mean().item() + 0.05


def test_free_bits_give_no_gradient_below_the_floor() -> None:
    kl = torch.tensor([0.1, 0.7, 0.05, 0.2], requires_grad=True)
    assert with_free_bits(kl, [1, 1, 1, 1], 0.0).item() == pytest.approx(1.05)
    value = with_free_bits(kl, [1, 1, 2], 0.5)
    assert value.item() == pytest.approx(0.5 + 0.7 + 0.5)
    value.backward()
    assert kl.grad is not None and kl.grad.tolist() == [0, 1, 0, 0]


def test_total_correlation_is_zero_for_a_factorised_posterior_and_positive_for_an_entangled_one() -> None:
    torch.manual_seed(0)
    n, section = 2000, VaeSection(total_correlation=2.0)

    def estimate(mean: Tensor) -> float:
        log_variance = torch.full_like(mean, -3.0)
        eps = torch.randn_like(mean)
        z = draw(mean, log_variance, eps)
        return excess_correlation(
            Latents(mean[:, None], log_variance[:, None], z[:, None], eps[:, None]), section, n
        ).item()

    independent = torch.randn(n, 2)
    entangled = torch.randn(n, 1).repeat(1, 2)
    spread = 1 + math.exp(-3)
    exact = -0.5 * math.log(1 - (1 / spread) ** 2)  # TC of a Gaussian with correlation 1 / spread
    # the estimator's bias is the same constant in both (n of n points), so their difference is the correlation
    assert estimate(entangled) - estimate(independent) == pytest.approx(exact, abs=0.25)


def vae(**section: object) -> tuple[Vae, VaeSection]:
    values = {"net": "mlp", "width": 16, "latent": 4, "likelihood": "bernoulli"} | section
    recipe = Recipe.from_dict({"family": "vae", "vae": values})
    return get_family("vae").build(recipe, DataSpec(1, 4, 4, ("a", "b"), binary=True)), recipe.vae  # pyright: ignore


@pytest.mark.parametrize(
    "section",
    [{}, {"beta": 4.0}, {"samples": 5}, {"prior": "vamp", "pseudo_inputs": 7}, {"free_bits": 0.1},
     {"total_correlation": 6.0}, {"conditional": True}],
)  # fmt: skip
def test_terms_add_up_and_reach_every_parameter(section: dict[str, object]) -> None:
    model, made = vae(**section)
    images = torch.randint(0, 2, (16, 1, 4, 4)).float() * 2 - 1
    said = terms(model, Batch(images, torch.arange(16) % 2), Moment(0, 0.5, Rng(0, 0, count=16)), made, 1000)
    sum(said.loss.values()).backward()  # pyright: ignore
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())
    assert said.watch["elbo_nats"] == pytest.approx(-(said_recon(said) + said.watch["kl_nats"]).item(), abs=1e-3)
    if not section:
        assert sum(said.loss.values()).item() == pytest.approx(-said.watch["elbo_nats"].item(), abs=1e-4)  # pyright: ignore


def said_recon(said: object) -> Tensor:
    loss, watch = said.loss, said.watch  # pyright: ignore
    return (
        loss.get("reconstruction_nats", None) if "reconstruction_nats" in loss else watch["reconstruction_nats"]
    ).detach()


def test_units_are_nats_per_image_whatever_the_batch() -> None:
    model, made = vae()
    images = torch.randint(0, 2, (8, 1, 4, 4)).float() * 2 - 1
    twice = images.repeat(2, 1, 1, 1)
    one = terms(model, Batch(images), Moment(0, 1.0, Rng(0, 0, count=8)), made, 1000).watch["kl_nats"]
    two = terms(model, Batch(twice), Moment(0, 1.0, Rng(0, 0, count=16)), made, 1000).watch["kl_nats"]
    torch.testing.assert_close(one, two)


def test_kl_warmup_follows_the_budget() -> None:
    model, made = vae(warmup=0.5, beta=2.0)
    images = torch.randint(0, 2, (8, 1, 4, 4)).float() * 2 - 1
    weights = []
    for fraction in (0.0, 0.25, 0.5, 1.0):
        said = terms(model, Batch(images), Moment(0, fraction, Rng(0, 0, count=8)), made, 1000)
        weights.append((said.loss["weighted_kl_nats"] / said.watch["kl_nats"]).item())
    assert weights == pytest.approx([0.0, 1.0, 2.0, 2.0])
