"""Numbers that the course's texts quote, taken from a recorded run and rounded to the digits that they deserve."""

import math
from typing import Any

import numpy as np

from reverie.core.finding import Record, Series
from reverie.core.run import Run
from reverie.data import Dataset
from reverie.families.gan.symptoms.critic_overpowers import CHANCE
from reverie.measure import measure

EARLY = 0.6  # share of the training in which a diversity that was lost later is looked for
Facts = dict[str, Any]


def facts_of(run: Run, dataset: Dataset, model: Any, findings: list[dict[str, Any]]) -> Facts:
    """Flat facts of a run by the names that texts use: numbers with three digits, percentages whole.

    Args:
        run: finished.
        dataset: what it was trained on.
        model: its trained model.
        findings: the doctor's.
    """
    record, recipe = Record.of(run), run.recipe()
    seconds = record.events[-1].seconds if record.events else 0.0
    spec = dataset.spec
    facts: Facts = {
        "minutes": round(seconds / 60, 1),
        "images": record.images,
        "doctor": f"{findings[0]['code']} {findings[0]['title']}" if findings else "nothing",
        "train_images": len(dataset.train),
        "parameters": sum(p.numel() for p in model.parameters()),
        "pixels": spec.num_values,
    }
    of_family: Any = getattr(recipe, recipe.family)
    facts |= _of_vae(record, of_family) if recipe.family == "vae" else _of_gan(record, of_family)
    if spec.mixture:
        values = measure(model, dataset.held_out, metrics=["modes"])
        facts |= {"modes": round(values["modes"].value), "good": percent(values["high_quality"].value)}
    return {name: value for name, value in facts.items() if not (isinstance(value, float) and math.isnan(value))}


def _of_vae(record: Record, vae: Any) -> Facts:
    error, variance = (record.series(f"probe.{n}").last() for n in ("reconstruction_mse", "data_variance"))
    return {
        "beta": short(vae.beta),
        "latent": vae.latent,
        "kl_nats": round(short(record.series("probe.kl_nats").last()), 3),
        "active_units": round(record.series("probe.active_units").last()),
        "explained": max(0, percent(1 - error / variance)),
        "coverage": percent(record.series("probe.coverage").last()),
        "diversity": percent(record.series("probe.diversity").last()),
    }


def _of_gan(record: Record, gan: Any) -> Facts:
    critic, generator = (record.series(f"{player}.adversarial") for player in ("critic", "generator"))
    coverage = record.series("probe.coverage")
    facts: Facts = {
        "latent": gan.latent,
        "critic_loss": short(_mean(critic.tail(0.1))),
        "critic_chance": short(CHANCE.get(gan.objective, math.nan)),
        "generator_loss": short(_mean(generator.tail(0.1))),
        "generator_loss_first": short(_mean(_head(generator, 0.1))),
    }
    if not len(coverage):
        return facts
    return facts | {
        "diversity": percent(record.series("probe.diversity").last()),
        "diversity_first": percent(_before(record.series("probe.diversity"))),
        "coverage": percent(coverage.last()),
        "coverage_best": percent(float(np.nanmax(coverage.values))),
        "train_accuracy": percent(record.series("probe.judge_train_accuracy").last()),
        "held_accuracy": percent(record.series("probe.judge_held_out_accuracy").last()),
    }


def _head(series: Series, share: float) -> Series:
    """The part within the first share of the images seen."""
    keep = series.images <= share * series.images[-1] if len(series) else np.zeros(0, bool)
    return Series(series.images[keep], series.values[keep])


def _mean(series: Series) -> float:
    return float(np.nanmean(series.values)) if len(series) else math.nan


def _before(diversity: Series) -> float:
    """The highest diversity early on, the untrained generator's left out: what there was to lose."""
    early = diversity.values[1 : max(2, math.ceil(EARLY * len(diversity)))]
    return float(np.nanmax(early)) if len(early) else math.nan


def short(value: float) -> float:
    """Three significant digits.

    Example:
        >>> short(0.0123456), short(1234.5)
        (0.0123, 1230.0)
    """
    return float(f"{value:.3g}")


def percent(share: float) -> float:
    """A share as a whole percentage; not-a-number stays.

    Example:
        >>> percent(0.128)
        13
    """
    return share if math.isnan(share) else round(100 * share)
