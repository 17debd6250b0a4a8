"""Remedies that several of the GAN's symptoms share: recipe diffs that fit the recipe at hand."""

from typing import Any

from reverie.core.finding import Record


def steadier(record: Record) -> tuple[dict[str, Any], str]:
    """(diff, words) towards the game that keeps all modes; for a recipe that plays it already, stronger medicine."""
    gan: Any = getattr(record.recipe, "gan", None)
    if gan is None:
        return {}, "Train with the gan family's default preset."
    if gan.objective != "relativistic" or not {"r1", "r2"} <= set(gan.penalties):
        diff: dict[str, Any] = {
            "gan.objective": "relativistic",
            "gan.penalties": ["r1", "r2"],
            "gan.gamma": "auto",
            "gan.penalty_every": 1,
            "gan.critic_steps": 1,
        }
        if record.recipe.optim.beta1 > 0.5:
            diff["optim.beta1"] = 0.0
        return diff, "Play for relativistic pairs, with R1 and R2 at every step."
    if gan.penalty_every > 1:
        return {"gan.penalty_every": 1}, "Take the penalties at every step: lazy ones fail on small nets."
    gamma = record.series("critic.gamma").last()
    if gamma == gamma and gamma > 0:
        start = float(record.series("critic.gamma").values[0])
        return {"gan.gamma": float(f"{4 * start:.2g}")}, "Raise gamma fourfold, and keep it there."
    return {"optim.lr": record.recipe.optim.lr / 2}, "Halve the learning rate."
