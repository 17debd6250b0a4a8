"""Takes metrics of a model on a split: picks the images, keeps the model as it was, and refuses to report nonsense."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from reverie.core.errors import ReverieError, UsageError
from reverie.core.memory import keep_freed_memory
from reverie.core.spec import DataSpec
from reverie.measure.metric import (
    DIVERGED,
    Comparison,
    Items,
    Metric,
    Precision,
    Setting,
    get_metric,
    metric_names,
    words,
)
from reverie.measure.value import Value

if TYPE_CHECKING:
    import torch

# Values in one batch of images, and the images beyond which larger batches gain nothing.
_BATCH_VALUES, _BATCH_IMAGES = 2**20, 256


def measure(
    model: Any,
    items: Items,
    *,
    metrics: Sequence[str] | None = None,
    samples: int = 200,
    num: int | None = None,
    seed: int = 0,
    batch: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    comparison: Comparison | None = None,
    precision: Precision = "fp32",
    compiled: bool = False,
) -> dict[str, Value]:
    """Takes metrics of a model.

    The numbers depend on the model, the items, `samples`, `num` and `seed`, never on `batch`. The model runs in
    evaluation mode without gradients, and gets its own modes back. Memory does not grow with the number of images.

    Args:
        model: an object with capabilities (`reverie.core.capability`), most often an nn.Module.
        items: the split to measure on.
        metrics: names; every metric that the model and the items allow when left out.
        samples: importance samples per image, for the likelihood.
        num: images, drawn without replacement; left out: the whole split, up to a number that each metric sets.
        seed: decides which images, and every draw.
        batch: images at a time; left out: as many as fit a few hundred MiB.
        progress: called with (metric, done, total) while a metric works.
        comparison: what metrics of sets of images compare by; left out: their pixels, without training images.
        precision: of the matrix products and convolutions of a likelihood: with bf16 it is that of the model whose
            decoder rounds, exactly, and two to three times as fast on processors that multiply bf16.
        compiled: compile a likelihood first, for the same numbers up to rounding: an mlp's with many draws gains.

    Returns:
        values by name, in the order of `metrics`.

    Raises:
        UsageError: a name is unknown, a number out of range, or the model lacks what a named metric needs.
        ReverieError: the data or what the model makes of it is not finite, or a metric is undefined on it.
    """
    import torch

    keep_freed_memory()
    _check_ranges(len(items), samples=samples, num=num, batch=batch, seed=seed)
    _check_precision(precision)
    if comparison is None:
        from reverie.measure.extractors.pixels import Pixels

        comparison = Comparison(Pixels(items.spec))
    chosen = _chosen(model, items, metrics, num, comparison)
    results: dict[str, Value] = {}
    memo: dict[Any, Any] = {}
    with as_it_was(model), torch.inference_mode():
        for metric in chosen:
            count = _count(metric, model, items, num)
            setting = Setting(
                name=metric.name,
                items=items,
                index=_subset(len(items), count, seed),
                samples=samples,
                seed=seed,
                batch=batch or max(1, min(_BATCH_IMAGES, _BATCH_VALUES // items.spec.num_values)),
                device=device_of(model),
                progress=progress,
                memo=memo,
                comparison=comparison,
                precision=precision,
                compiled=compiled,
            )
            for name, value in metric.measure(model, setting).items():
                if not value.is_finite():
                    raise ReverieError(f"{name}: came out as {value.value:g} ± {value.se}. {DIVERGED}")
                results[name] = value
    return results


def _check_ranges(total: int, *, samples: int, num: int | None, batch: int | None, seed: int) -> None:
    for name, value, least in (("samples", samples, 1), ("num", num, 2), ("batch", batch, 1), ("seed", seed, 0)):
        if value is not None and value < least:
            raise UsageError(f"measure: {name} must be >= {least}, got {value}. Leave it out for the default.")
    if num is not None and num > total:
        raise UsageError(f"measure: num must be <= {total}, the images of this split, got {num}. Ask for fewer.")


def _check_precision(precision: str) -> None:
    if precision not in get_args(Precision):
        raise UsageError(
            f"precision: must be {' or '.join(get_args(Precision))}, got {precision!r}. Use fp32 unless speed matters."
        )


def _count(metric: Metric, model: Any, items: Items, num: int | None) -> int:
    """How many images to look at: no more, unless asked for, than there are pictures for, where pictures are all."""
    from reverie.measure.pictures import Pictures

    count = num or min(metric.default_num(items.spec), len(items))
    if num or not isinstance(model, Pictures):
        return count
    return min(count, len(model) * count // max(1, metric.num_samples(count)))


def _chosen(
    model: Any, items: Items, names: Sequence[str] | None, num: int | None, comparison: Comparison
) -> list[Metric]:
    """The metrics to take; those that nobody asked for by name are left out where they cannot be taken."""
    if names is not None and not names:
        raise UsageError(f"metrics: is empty. Use any of: {', '.join(metric_names())}.")
    chosen: list[Metric] = []
    for metric in map(get_metric, dict.fromkeys(metric_names() if names is None else names)):
        if names is None and not metric.unasked(model):
            continue
        problem = _problem(metric, model, items, num, comparison)
        if problem is None:
            chosen.append(metric)
        elif names is not None:
            raise UsageError(problem)
    if not chosen:
        raise UsageError(f"measure: no metric applies to this model and these {len(items)} items. Use a larger split.")
    return chosen


def _problem(metric: Metric, model: Any, items: Items, num: int | None, comparison: Comparison) -> str | None:
    """Why the metric cannot be taken, as a sentence with a next step."""
    lacking = [need.__name__ for need in metric.needs if not isinstance(model, need)]
    if lacking:
        able, has = _able(model, items.spec), words(_capabilities(model))
        return f"{metric.name} needs {words(lacking)}; this model only {has}. Use any of: {able}."
    unfit = metric.unfit(items.spec)
    if unfit is not None:
        return f"{metric.name} cannot be taken here: {unfit}. Use any of: {_able(model, items.spec)}."
    count = _count(metric, model, items, num)
    if count < metric.least:
        step = "Measure on a larger split" if len(items) < metric.least else "Ask for more"
        return f"{metric.name} needs at least {metric.least} images, got {count}. {step}."
    return _too_few_pictures(metric, model, count) or metric.problem(comparison, count)


def _too_few_pictures(metric: Metric, model: Any, count: int) -> str | None:
    from reverie.measure.pictures import Pictures

    if not isinstance(model, Pictures):
        return None
    if metric.timed:
        return f"{metric.name} is about a model that makes images, and these exist. Name a run."
    asked = metric.num_samples(count)
    return (
        f"{metric.name} of {count:,} images asks for {asked:,} samples, and the folder holds {len(model):,}. "
        "Ask for fewer with --num."
        if asked > len(model)
        else None
    )


def _able(model: Any, spec: DataSpec) -> str:
    fitting = (m for m in map(get_metric, metric_names()) if m.unfit(spec) is None)
    return ", ".join(m.name for m in fitting if all(isinstance(model, need) for need in m.needs))


def _capabilities(model: Any) -> list[str]:
    from reverie.core import capability

    own = [c for c in vars(capability).values() if isinstance(c, type) and c.__module__ == capability.__name__]
    return [c.__name__ for c in own if isinstance(model, c)]


def _subset(total: int, count: int, seed: int) -> np.ndarray:
    """Ascending positions of a random part: the first images of a set are often easier, or all of one class."""
    if count == total:
        return np.arange(total)
    from reverie.core.rng import key

    return np.sort(np.random.default_rng(key(seed, "measure", "subset")).permutation(total)[:count])


def device_of(model: Any) -> "torch.device":
    """Where a model's parameters are; the CPU for a model without any."""
    import torch

    parameters = model.parameters() if isinstance(model, torch.nn.Module) else iter(())
    return next((p.device for p in parameters), torch.device("cpu"))


@contextlib.contextmanager
def as_it_was(model: Any) -> Iterator[None]:
    """Evaluation mode inside; afterwards every module has the mode that it had."""
    import torch

    modes = {m: m.training for m in model.modules()} if isinstance(model, torch.nn.Module) else {}
    try:
        if isinstance(model, torch.nn.Module):
            model.eval()
        yield
    finally:
        for module, training in modes.items():
            module.training = training
