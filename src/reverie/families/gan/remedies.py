"""Remedies that several of the GAN's symptoms share: recipe diffs that fit the recipe at hand."""

from typing import Any

from reverie.core.finding import Record

# What the default recipe plays, and how.
GAME: dict[str, Any] = {
    "gan.objective": "relativistic",
    "gan.penalties": ["r1", "r2"],
    "gan.gamma": "auto",
    "gan.penalty_every": 1,
    "gan.critic_steps": 1,
}
USUAL_WIDTH, USUAL_RATE, HASTY = 32, 1e-3, 2.0


def steadier(record: Record) -> tuple[dict[str, Any], str]:
    """(diff, words) towards the game that keeps all modes; for a recipe that plays it already, stronger medicine."""
    gan: Any = getattr(record.recipe, "gan", None)
    if gan is None:
        return {}, "Train with the gan family's default preset."
    optim: Any = record.recipe.optim
    diff: dict[str, Any] = {}
    advice: list[str] = []
    if gan.objective != "relativistic" or not {"r1", "r2"} <= set(gan.penalties):
        diff |= GAME
        advice.append("play for relativistic pairs, with R1 and R2 at every step")
    # A game between unequal players, or in strides, is lost by any rules.
    if gan.critic_width is not None and gan.critic_width < (gan.width or USUAL_WIDTH):
        diff["gan.critic_width"] = gan.width or USUAL_WIDTH
        advice.append("make the critic as wide as the generator")
    if optim.lr > HASTY * USUAL_RATE:
        diff["optim.lr"] = USUAL_RATE
        advice.append(f"take a learning rate of {USUAL_RATE:g}")
    if diff:
        momentum: dict[str, Any] = {"optim.beta1": 0.0} if optim.beta1 > 0 else {}
        words = "; ".join(advice)
        return diff | momentum, f"{words[0].upper()}{words[1:]}."
    if gan.penalty_every > 1:
        return {"gan.penalty_every": 1}, "Take the penalties at every step: lazy ones fail on small nets."
    gamma = record.series("critic.gamma").last()
    if gamma == gamma and gamma > 0:
        start = float(record.series("critic.gamma").values[0])
        return {"gan.gamma": float(f"{4 * start:.2g}")}, "Raise gamma fourfold, and keep it there."
    return {"optim.lr": record.recipe.optim.lr / 2}, "Halve the learning rate."
