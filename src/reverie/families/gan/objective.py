"""The game, top to bottom: what the critic and the generator minimise, and how one step shares its work.

x: real images (b, c, h, w).   z: latents.   G(z): made images.   D: the critic's logits, (b,) or (b / pack,).
r = D(x), f = D(G(z)). Means over the batch.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from reverie.core.family import Batch, Moment, Terms
from reverie.core.rng import Rng
from reverie.families.gan import augmentation, gamma, penalties
from reverie.families.gan.model import Gan
from reverie.families.gan.recipe import GanSection
from reverie.nets.mlp_gan import MlpCritic

Loss = Callable[[Tensor, Tensor], Tensor]

# name -> (the critic's loss, the generator's loss) of (r, f)
OBJECTIVES: dict[str, tuple[Loss, Loss]] = {
    # RpGAN (Jolicoeur-Martineau 2019, eq. 4, logistic; Huang et al. 2024, eq. 2): pairs, so nobody may be left out
    "relativistic": (lambda r, f: F.softplus(f - r), lambda r, f: F.softplus(r - f)),
    # Goodfellow et al. 2014, section 3: the trick, and eq. 1
    "nonsaturating": (lambda r, f: F.softplus(-r) + F.softplus(f), lambda r, f: F.softplus(-f)),
    "minimax": (lambda r, f: F.softplus(-r) + F.softplus(f), lambda r, f: -F.softplus(f)),
    # Mao et al. 2017, eq. 9
    "least-squares": (lambda r, f: 0.5 * ((r - 1).square() + f.square()), lambda r, f: 0.5 * (f - 1).square()),
    # Lim and Ye 2017; Miyato et al. 2018, eqs. 16 and 17
    "hinge": (lambda r, f: F.relu(1 - r) + F.relu(1 + f), lambda r, f: -f),
    # Arjovsky et al. 2017, eq. 2
    "wasserstein": (lambda r, f: f - r, lambda r, f: -f),
}


class Game:
    """One training's objective.

    Args:
        model: both players.
        gan: the recipe's section.
    """

    def __init__(self, model: Gan, gan: GanSection) -> None:
        self.model, self.gan = model, gan
        by_net = "exact" if isinstance(model.critic_net, MlpCritic) else "forward"
        self.slopes = by_net if gan.slopes == "auto" else gan.slopes
        self._made: tuple[tuple[int, int], Tensor] | None = None

    def critic(self, batch: Batch, moment: Moment) -> Terms:
        """The critic's loss: telling x from G(z), and penalties on its slope."""
        model, gan, rng = self.model, self.gan, moment.rng
        one_hot = model.one_hot(batch.labels, len(batch))
        model.set_level(moment.fraction)
        with torch.enable_grad():  # kept for the generator, whose weights this phase leaves alone
            fake = self._fakes(moment, one_hot)
        penal = bool(gan.penalties) and (moment.images // rng.total) % gan.penalty_every == 0
        x, g = (
            self._seen(images, moment, name)
            for images, name in ((model.to_players(batch.images), "real"), (fake.detach(), "fake"))
        )
        r, f, slopes = self._judged(x.detach(), g.detach(), one_hot, rng, sloped=penal)

        loss = {"adversarial": OBJECTIVES[gan.objective][0](r, f).mean()}
        watch: dict[str, Tensor | float] = {
            "logit_real": r.mean(),
            "logit_fake": f.mean(),
            "accuracy": (r > f).float().mean(),
        }
        weight = gamma.weight(model.log_gamma, gan, moment.fraction, points=model.points)
        for name in gan.penalties if penal else ():
            if name in slopes:
                loss[name] = 0.5 * gan.penalty_every * weight * slopes[name].mean()
            else:
                loss[name] = gan.penalty_every * gan.penalty_weight * self._towards_one(name, x, g, one_hot, rng).mean()
        if slopes:
            real_slope, fake_slope = slopes["r1"].mean().detach(), slopes["r2"].mean().detach()
            watch |= {"gradient_real": real_slope, "gradient_fake": fake_slope, "gamma": weight}
            margin, ratio = (r - f).mean().detach(), fake_slope / real_slope
            gamma.follow(model.log_gamma, model.log_gamma_start, gan, moment, margin=margin, ratio=ratio)
        if gan.augment == "ada":
            augmentation.adapt(model, (r - f).sign().mean().detach(), gan, len(batch))
            watch["augment_p"] = model.augment_p
        return Terms(loss, {name: torch.as_tensor(value).detach().clone() for name, value in watch.items()})

    def generator(self, batch: Batch, moment: Moment) -> Terms:
        """The generator's loss: being told from x as little as can be."""
        model, gan = self.model, self.gan
        one_hot = model.one_hot(batch.labels, len(batch))
        fake = self._fakes(moment, one_hot)
        self._made = None
        g = self._seen(fake, moment, "fake")
        r = f = model.critic(g, one_hot, level=model.level_now)
        if gan.objective == "relativistic":  # the only one whose generator needs real images
            with torch.no_grad():  # in a pass of their own: no weight of the generator's hangs on them
                x = self._seen(model.to_players(batch.images), moment, "real")
                r = model.critic(x, one_hot, level=model.level_now)
        loss = {"adversarial": OBJECTIVES[gan.objective][1](r, f).mean()}
        if gan.path_length:
            loss["path_length"] = gan.path_length * model.path_length(len(batch), one_hot, moment.rng.spawn("path"))
        return Terms(loss, {"logit_fake": f.mean().detach()})

    def inverter(self, batch: Batch, moment: Moment) -> Terms:
        """The guess of G's latents from its images: mean squared error in latent units."""
        model, one_hot = self.model, self.model.one_hot(batch.labels, len(batch))
        with torch.no_grad():
            latents, fake = model.make(moment.rng, one_hot)
        return Terms({"latent_error": F.mse_loss(model.guess(fake.detach()).float(), latents.detach().float())})

    def _fakes(self, moment: Moment, one_hot: Tensor | None) -> Tensor:
        """G(z), made once a step: the critic's phase does not change G, so the generator's may use the same graph."""
        at = (moment.images, moment.rng.first)
        if self._made is None or self._made[0] != at:
            self._made = (at, self.model.make(_shared(moment.rng, "latents"), one_hot, mixing=self.gan.mixing)[1])
        return self._made[1]

    def _seen(self, images: Tensor, moment: Moment, name: str) -> Tensor:
        """Images as the critic sees them."""
        if self.gan.augment == "none":
            return images
        return augmentation.apply(images, self.gan.augment, self.model.augment_p, moment.rng.spawn(name))

    def _judged(
        self, x: Tensor, g: Tensor, one_hot: Tensor | None, rng: Rng, *, sloped: bool
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Logits of both, and |grad D|^2 at both by item where R1 or R2 need it."""

        def pair(x: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
            return self.model.critic_pair(x, g, one_hot)

        if not sloped or not {"r1", "r2"} & set(self.gan.penalties):
            return *pair(x, g), {}
        if self.slopes == "forward":
            r, f, both = penalties.forward(pair, x, g, rng)
        elif self.slopes == "exact":
            x, g = x.requires_grad_(True), g.requires_grad_(True)
            r, f = pair(x, g)
            both = penalties.squared_gradients([r, f], [x, g])
        else:
            r, f = pair(x, g)
            near = pair(penalties.nudged(x, rng.spawn("r1")), penalties.nudged(g, rng.spawn("r2")))
            both = penalties.finite_difference(near[0], r), penalties.finite_difference(near[1], f)
        return r, f, dict(zip(("r1", "r2"), both, strict=True))

    def _towards_one(self, name: str, x: Tensor, g: Tensor, one_hot: Tensor | None, rng: Rng) -> Tensor:
        """The penalties that want a slope of one, by item."""

        def critic(images: Tensor) -> Tensor:
            return self.model.critic(images, one_hot, level=self.model.level_now)

        if name == "gp":
            return penalties.wgan_gp(critic, x, g, rng.spawn(name))
        return penalties.dragan(critic, x, rng.spawn(name))


def _shared(rng: Rng, name: str) -> Rng:
    """The same stream in every phase of a step: the last part of an rng's key is the phase."""
    return Rng(*rng.parts[:-1], name, count=rng.count, first=rng.first, total=rng.total, device=rng.device)
