"""Several models measured on the same images with the same seeds, and the differences between them.

Every model makes one image a seed, all see the same real images in the same halves (see `passes`), and errors are those
of the difference: what two models share, the reference above all, goes out of it.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from reverie.core.capability import Samples, Scores
from reverie.core.errors import ReverieError, UsageError
from reverie.core.memory import keep_freed_memory
from reverie.core.rng import key
from reverie.measure.evaluation import as_it_was, device_of, measure
from reverie.measure.metric import DIVERGED, Comparison, Items, Setting, get_metric, metric_names, words
from reverie.measure.passes import MOST_VALUES, halves, real_features, samples, seen, training_features, training_places
from reverie.measure.pictures import Pictures
from reverie.measure.sets.features import dealt, student_factor
from reverie.measure.sets_metric import SetMetric
from reverie.measure.spectrum import energies, unfit
from reverie.measure.traces import SETS, Reference, Side, Trace
from reverie.measure.value import Value
from reverie.measure.verdict import Better, Difference, judged

Progress = Callable[[str, int, int], None]

USUAL = ("frechet", "kid", "precision", "recall", "density", "coverage", "vendi", "sharpness", "copies")
USUAL += ("psnr", "latency", "parameters")
_OF_MIXTURES = ("modes",)  # usual where the data are a mixture whose modes are known
# Numbers that are means over images: taken group by group, on the same images of the same groups.
_MEANS, _GROUPS, _MOST_MEANS = ("psnr", "ssim", "elbo", "nll", "bits_per_dim"), 20, 2_000
# Contestants are timed in turns, so often.
_ROUNDS = 4
_LIKELIHOODS = ("elbo", "nll", "bits_per_dim")
# Real images, both halves together, and images at a time, as `measure` has them.
_MOST, _BATCH_VALUES, _BATCH_IMAGES = 20_000, 2**20, 256
# Blurred samples crowd between real images and score far above them: neither way is better.
_CROWDED = ("density",)
# First samples that are shown beside their nearest training images.
SHOWN = 8


@dataclass(frozen=True)
class Contest:
    """What came out.

    Args:
        values: by contestant, then by metric; one that a contestant cannot be given is missing there.
        floors: what unseen real images score at the same number of images, by metric.
        differences: of every pair and metric, judged together.
        left_out: metric -> why nobody has it.
        num: samples of each contestant.
        nearest: by contestant, for its first samples: positions in the training split of the nearest image, (k,) int64.
        shown: by contestant, those samples, (k, c, h, w) in [-1, 1].
    """

    values: dict[str, dict[str, Value]]
    floors: dict[str, Value]
    differences: list[Difference]
    left_out: dict[str, str]
    num: int
    nearest: dict[str, np.ndarray] = field(default_factory=lambda: {})
    shown: dict[str, Tensor] = field(default_factory=lambda: {})


@dataclass(frozen=True)
class Terms:
    """On what terms contestants meet.

    Args:
        items: the split.
        comparison: features, and the training split if every contestant learnt from it.
        metrics: names; None for the usual ones that apply.
        num: real images, both halves together; None for the split, up to 20,000.
        seed: decides which images, and every draw.
        samples: importance samples per image, for likelihoods.
        progress: called with (what, done, total).
        further: differences of numbers that were taken elsewhere, to be judged with the rest.
    """

    items: Items
    comparison: Comparison
    metrics: Sequence[str] | None = None
    num: int | None = None
    seed: int = 0
    samples: int = 64
    progress: Progress | None = None
    further: Sequence[Difference] = ()


def contest(models: Mapping[str, Any], terms: Terms) -> Contest:
    """Measures every model on the same terms.

    Args:
        models: by name; each an object with capabilities.
        terms: see there.

    Raises:
        UsageError: there are fewer than two models, or a metric that was asked for cannot be had.
        ReverieError: what a model makes is not finite, or a metric is undefined on it.
    """
    if len(models) < 2:
        raise UsageError(f"compare: needs at least two, got {words(list(models))}. Name another run.")
    keep_freed_memory()
    count = _count(models, terms)
    setting = _setting(terms, count)
    chosen, left_out = _chosen(models, terms, setting)
    found = Contest({name: {} for name in models}, {}, [], left_out, count // 2)
    if any(name in SETS for name in chosen):
        _sets(found, models, terms, setting, [name for name in chosen if name in SETS])
    for name in chosen:
        if name in _MEANS:
            _means(found, models, terms, name)
        elif name not in SETS:
            _others(found, models, terms, name)
    gaps = [*found.differences, *terms.further]
    return replace(found, differences=judged(gaps))


def gaps_of(
    traces: Mapping[str, tuple[Value, Any]],
    metric: str,
    subtract: Callable[[Any, Any], Value],
    floor: Value | None = None,
) -> list[Difference]:
    """Differences of every pair of contestants that have this number, not yet judged.

    Args:
        traces: by contestant, its value and what an error of a difference comes from.
        metric: the number's name.
        subtract: (of a, of b) -> the difference with its error.
        floor: what real images score.
    """
    made: list[Difference] = []
    better = "none" if metric in _CROWDED else get_metric(metric).better if metric in metric_names() else "higher"
    real = None if floor is None else floor.value
    for a, b in itertools.combinations(traces, 2):
        gap = subtract(traces[a][1], traces[b][1])
        made.append(Difference(metric, a, b, traces[a][0], traces[b][0], gap, True, better, floor=real))
    return made


def _count(models: Mapping[str, Any], terms: Terms) -> int:
    """Real images to look at: as many for each contestant, and no more than their pictures and the memory allow."""
    total = len(terms.items)
    if terms.num is not None and not SetMetric.least <= terms.num <= total:
        raise UsageError(
            f"--num: must be between {SetMetric.least} and {total:,}, the images of this split, got {terms.num:,}."
        )
    if total < SetMetric.least:
        raise UsageError(
            f"compare: the split holds {total} images, and {SetMetric.least} are the least that says anything. "
            "Compare on more data, with --against."
        )
    most = min(total, _MOST, 2 * MOST_VALUES // (terms.comparison.extractor.dim * (len(models) + 2)))
    count = terms.num or most
    for name, model in models.items():
        if isinstance(model, Pictures) and 2 * len(model) < count:
            if terms.num is not None or 2 * len(model) < SetMetric.least:
                least = (terms.num or SetMetric.least) // 2
                raise UsageError(
                    f"{name}: holds {len(model):,} images, and {least:,} samples are needed of each. "
                    + ("Ask for fewer with --num." if terms.num is not None else "Make more.")
                )
            count = 2 * len(model)
    return count


def _setting(terms: Terms, count: int) -> Setting:
    """The setting that all contestants share but for the device and what they remember."""
    total, spec = len(terms.items), terms.items.spec
    order = np.random.default_rng(key(terms.seed, "measure", "subset")).permutation(total)
    return Setting(
        name="compare",
        items=terms.items,
        index=np.arange(total) if count == total else np.sort(order[:count]),
        samples=terms.samples,
        seed=terms.seed,
        batch=max(1, min(_BATCH_IMAGES, _BATCH_VALUES // spec.num_values)),
        device=torch.device("cpu"),
        progress=terms.progress,
        comparison=terms.comparison,
    )


def _chosen(models: Mapping[str, Any], terms: Terms, setting: Setting) -> tuple[list[str], dict[str, str]]:
    """Metrics to take, and why others are not; what was asked for by name and cannot be had is an error."""
    usual = (_OF_MIXTURES if terms.items.spec.mixture else ()) + USUAL
    asked = usual if terms.metrics is None else tuple(dict.fromkeys(terms.metrics))
    chosen: list[str] = []
    left_out: dict[str, str] = {}
    for name in asked:
        problem = _problem(name, models, setting, asked=terms.metrics is not None)
        if problem is None:
            chosen.append(name)
        elif terms.metrics is not None:
            raise UsageError(problem)
        else:
            left_out[name] = problem
    if not chosen and not terms.further:
        raise UsageError(f"compare: no metric is left. {' '.join(left_out.values())}")
    return chosen, left_out


def _problem(name: str, models: Mapping[str, Any], setting: Setting, *, asked: bool) -> str | None:
    """Why nobody can be given this number, as a sentence; with a next step, where somebody asked for it by name."""
    metric, step = get_metric(name), " Leave it out of --metrics." if asked else ""
    able = [who for who, model in models.items() if all(isinstance(model, need) for need in metric.needs)]
    able = [who for who in able if not (metric.timed and isinstance(models[who], Pictures))]
    if not able:
        lacks = words([who for who in models if who not in able])
        return f"{name}: cannot be had of {lacks}.{step}"
    unfit_ = metric.unfit(setting.spec)
    if unfit_ is not None:
        return f"{name}: cannot be taken here, {unfit_}.{step}"
    if name in _LIKELIHOODS:
        kinds = {who: cast(Scores, models[who]).discrete for who in able}
        if len(set(kinds.values())) > 1:
            mass, density = (words([who for who in able if kinds[who] is kind]) for kind in (True, False))
            return (
                f"{name}: {mass} weighs a probability mass and {density} a density, which have no common unit. "
                "Train both with the same likelihood."
            )
    comparison = setting.comparison
    return metric.problem(comparison, setting.num) if comparison is not None and name in SETS else None


def _sets(found: Contest, models: Mapping[str, Any], terms: Terms, setting: Setting, names: Sequence[str]) -> None:
    """Features of everything once, then every metric of sets."""
    dealt_, half = halves(setting), setting.num // 2
    rows = torch.cat([features for _, features in real_features(setting)])
    if bool((rows == rows[0]).all()):
        extractor = terms.comparison.extractor.name
        raise ReverieError(f"compare: all {len(rows)} real images are the same to {extractor}. Use other --features.")
    real, other = rows[dealt_[:half]], rows[dealt_[half:]]
    trained = training_features(setting, MOST_VALUES) if terms.comparison.train is not None else None
    spectra = _spectra(setting, dealt_[:half]) if "sharpness" in names else None
    reference = Reference(real, other, trained, spectra, terms.seed)
    sides: dict[str, Side] = {}
    for who, model in models.items():
        if isinstance(model, Samples):
            with as_it_was(model), torch.inference_mode():
                made, detail, found.shown[who] = _made(who, model, setting, spectra is not None)
            sides[who] = Side(reference, made, detail)
    floor = Side(reference, other)
    for place, name in enumerate(names):
        _tell(terms, name, place, len(names))
        traces: dict[str, tuple[Value, Trace]] = {}
        for who, side in sides.items():
            trace = SETS[name](side)
            if not trace.value.is_finite():
                raise ReverieError(f"{name}: of {who} came out as {trace.value.value:g}. {DIVERGED}")
            traces[who], found.values[who][name] = (trace.value, trace), trace.value
        if name != "sharpness":
            found.floors[name] = SETS[name](floor).value
        found.differences.extend(gaps_of(traces, name, lambda x, y: x.minus(y), found.floors.get(name)))
    if trained is not None:
        places = training_places(setting, MOST_VALUES)
        for who, side in sides.items():
            found.nearest[who] = places[side.nearest_training(SHOWN).numpy()]


def _made(who: str, model: Samples, setting: Setting, detail: bool) -> tuple[Tensor, Tensor | None, Tensor]:
    """Features of the samples, their spectra, and the first of them."""
    half, extractor = setting.num // 2, cast(Comparison, setting.comparison).extractor
    here = replace(setting, name=who, device=device_of(model), progress=None)
    places = here.index[halves(here)[half:].numpy()] if model.num_classes else None
    features: list[Tensor] = []
    spectra: list[Tensor] = []
    first: list[Tensor] = []
    for start, images in samples(model, here, here.seeds("samples")[:half], places):
        features.append(seen(extractor, images, here))
        if detail:
            spectra.append(energies(images.float()).cpu().double())
        if start < SHOWN:
            first.append(images[: SHOWN - start].float().cpu())
        if setting.progress is not None:
            setting.progress(f"samples of {who}", start + len(images), half)
    return torch.cat(features), torch.cat(spectra) if detail else None, torch.cat(first)


def _spectra(setting: Setting, places: Tensor) -> Tensor | None:
    """Spectra of the first half of the real images, (n, 2); None where images are too small for one."""
    if unfit(setting.spec) is not None:
        return None
    part = replace(setting, index=setting.index[places.numpy()], progress=None)
    return torch.cat([energies(batch.images).cpu().double() for _, batch in part.batches()])


def _means(found: Contest, models: Mapping[str, Any], terms: Terms, name: str) -> None:
    """A mean over images, on the same groups of the same images."""
    metric = get_metric(name)
    count = min(len(terms.items), terms.num or min(_MOST_MEANS, metric.default_num(terms.items.spec)))
    setting = _setting(terms, count)
    group = dealt(count, min(_GROUPS, count // max(2, metric.least))).numpy()
    traces: dict[str, tuple[Value, Tensor]] = {}
    for who, model in models.items():
        if all(isinstance(model, need) for need in metric.needs):
            parts: list[Value] = []
            here = replace(setting, name=name, device=device_of(model), progress=None)
            with as_it_was(model), torch.inference_mode():
                for g in range(group.max() + 1):
                    part = replace(here, index=here.index[group == g], memo={})
                    parts.append(metric.measure(model, part)[name])
                    _tell(terms, f"{name} of {who}", g + 1, group.max() + 1)
            traces[who] = _pooled(parts), torch.tensor([part.value for part in parts], dtype=torch.float64)
            found.values[who][name] = traces[who][0]

    def subtract(x: Tensor, y: Tensor) -> Value:
        gaps, size = x - y, torch.from_numpy(np.bincount(group)).double()
        value = float((gaps * size).sum() / size.sum())
        error = float(gaps.std() / len(gaps) ** 0.5) * student_factor(len(gaps) - 1)
        return Value(value, error, count, metric.unit)

    found.differences.extend(gaps_of(traces, name, subtract))


def _pooled(parts: Sequence[Value]) -> Value:
    """The mean of everything from the means of groups, with the error of independent groups."""
    n = sum(part.n for part in parts)
    mean = sum(part.value * part.n for part in parts) / n
    error = sum(((part.se or 0.0) * part.n / n) ** 2 for part in parts) ** 0.5
    return Value(mean, error, n, parts[0].unit)


def _others(found: Contest, models: Mapping[str, Any], terms: Terms, name: str) -> None:
    """Any other metric, by itself for each contestant; differences have the errors of both."""
    metric = get_metric(name)
    able = {who: m for who, m in models.items() if all(isinstance(m, need) for need in metric.needs)}
    if metric.timed:
        able = {who: m for who, m in able.items() if not isinstance(m, Pictures)}
    taken: dict[str, list[dict[str, Value]]] = {who: [] for who in able}
    for _ in range(_ROUNDS if metric.timed else 1):
        for who, model in able.items():
            values = measure(
                model,
                terms.items,
                metrics=[name],
                samples=terms.samples,
                num=terms.num,
                seed=terms.seed,
                progress=terms.progress,
                comparison=terms.comparison,
            )
            taken[who].append(values)
            if f"{name}_floor" in values:
                found.floors[name] = values[f"{name}_floor"]
    found.floors.update(metric.truths(terms.items.spec, next(iter(taken.values()))[0][name].n))
    columns: dict[str, Better] = {name: metric.better, **metric.companions}
    for column, better in columns.items():
        for who, rounds in taken.items():
            of = [values[column] for values in rounds]
            found.values[who][column] = of[0] if len(of) == 1 else _averaged(of)
        for a, b in itertools.combinations(able, 2):
            x, y = found.values[a][column], found.values[b][column]
            error = None if x.se is None or y.se is None else float(np.hypot(x.se, y.se))
            gap, floor = Value(x.value - y.value, error, x.n, x.unit), _reached(found.floors.get(column), better)
            found.differences.append(Difference(column, a, b, x, y, gap, False, better, floor=floor))


def _reached(real: Value | None, better: Better) -> float | None:
    """What real items score, or may score by chance: who reaches it is as good as they are."""
    if real is None:
        return None
    end = {"higher": real.low, "lower": real.high, "none": None}[better]
    return real.value if end is None else end


def _averaged(rounds: Sequence[Value]) -> Value:
    """The mean over rounds taken in turns, with the error of what changes from round to round: a machine's load does,
    and repeats within a round do not see it."""
    values = np.array([value.value for value in rounds])
    within = sum((value.se or 0.0) ** 2 for value in rounds) / len(rounds) ** 2
    between = student_factor(len(rounds) - 1) ** 2 * float(values.var(ddof=1)) / len(rounds)
    error = float(np.sqrt(max(within, between)))
    return Value(float(values.mean()), error, sum(value.n for value in rounds), rounds[0].unit)


def _tell(terms: Terms, what: str, done: int, total: int) -> None:
    if terms.progress is not None:
        terms.progress(what, done, total)
