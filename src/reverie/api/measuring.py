"""What a measurement compares with: the extractor by name, the training images, and folders of images as samples."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from reverie.core.errors import RunError, UsageError
from reverie.core.recipe import DataRecipe
from reverie.core.spec import DataSpec
from reverie.data import Dataset, Items, cache_root, open_dataset
from reverie.data.report import Report
from reverie.measure import Comparison, Value, get_metric, metric_names, to_json_dict
from reverie.measure import measure as take
from reverie.measure.extractor import Means, open_extractor
from reverie.measure.extractors.pixels import Pixels
from reverie.measure.pictures import Pictures
from reverie.measure.sets.frechet import warning
from reverie.measure.sets_metric import SetMetric
from reverie.measure.store import FeatureStore
from reverie.train.device import pick_device

Progress = Callable[[str, int, int], None]
Load = Callable[[str], tuple[Any, DataSpec]]

# A classifier of fewer images, or of more classes than a small net tells apart, is no space to compare in.
LEAST_LABELLED, MOST_CLASSES = 1_000, 100
# Numbers that look at nearest neighbours, and the share of images that may be there twice before it is said.
NEIGHBOURS, MANY_DOUBLES = {"precision", "recall", "density", "coverage", "copies"}, 0.05


def unseen(dataset: Dataset) -> tuple[Items, str]:
    """The split to measure on and its name: the official test split where there is one, else the held-out one."""
    return (dataset.held_out, "held-out") if dataset.test is None else (dataset.test, "test")


def features_for(dataset: Dataset, source: str) -> str:
    """The extractor that is used when nobody names one: a classifier where there are labels to learn from, else pixels.

    Args:
        dataset: what is measured on.
        source: what the user called it.
    """
    labelled = dataset.spec.kind == "images" and 2 <= dataset.spec.num_classes <= MOST_CLASSES
    return f"classifier:{source}" if labelled and len(dataset.train) >= LEAST_LABELLED else "pixels"


def compared(
    dataset: Dataset,
    name: str,
    means: Means,
    *,
    model: Any,
    metrics: Sequence[str] | None,
    twin: Callable[[], Any] | None = None,
) -> tuple[Comparison | None, dict[str, Any]]:
    """What metrics of sets of images compare by, and what the protocol says of it; nothing when none is asked for.

    Args:
        dataset: what is measured on.
        name: the extractor, "auto" included.
        means: what it opens itself with; `means.data` is how the dataset was opened.
        model: the model or the pictures.
        metrics: names; None for all.
        twin: builds the model's net anew, untrained.
    Raises:
        UsageError: there is no such extractor or metric, or the extractor cannot be opened.
    """
    chosen = [get_metric(metric) for metric in (metric_names() if metrics is None else metrics)]
    chosen = [metric for metric in chosen if all(isinstance(model, need) for need in metric.needs)]
    if not any(isinstance(metric, SetMetric) for metric in chosen):
        learnt = any(metric.trained for metric in chosen)
        alone = Comparison(Pixels(dataset.spec), dataset.train, twin=twin, fingerprint=dataset.fingerprint)
        return alone if learnt else None, {}
    source = dataset.name if means.data is None else means.data.source
    extractor = open_extractor(features_for(dataset, source) if name == "auto" else name, means)
    store = FeatureStore(cache_root() / "features", dataset.fingerprint, unseen(dataset)[1])
    known = Comparison(extractor, dataset.train, store, twin, dataset.fingerprint)
    return known, extractor.protocol()


def remarks(values: Mapping[str, Value], comparison: Comparison | None, report: Report | None = None) -> dict[str, str]:
    """What a person should know before believing the numbers; nothing where there is nothing.

    Args:
        values: what was measured.
        comparison: what sets of images were compared by.
        report: what is known of the images' files.
    """
    if comparison is None:
        return {}
    found = [warning(values["frechet"].n, comparison.extractor.dim)] if "frechet" in values else []
    found += [] if report is None or not NEIGHBOURS & values.keys() else [doubles(report)]
    said = " ".join(remark for remark in found if remark is not None)
    return {"remark": said} if said else {}


def doubles(report: Report) -> str | None:
    """What to tell a person of data in which many images are there twice; None when there is nothing.

    Example:
        >>> doubles(Report(source="x", images=100, shape=(1, 8, 8), duplicates=4)) is None
        True
    """
    if report.duplicates < MANY_DOUBLES * report.images:
        return None
    return (
        f"{report.duplicates:,} of {report.images:,} images are the same as an earlier one, so that neighbours are "
        "nearer than they should be. Leave them out."
    )


def measure_pictures(
    folder: Path,
    against: str | None,
    *,
    features: str,
    weights_dir: Path | None,
    load: Load,
    progress: Progress | None,
    given: dict[str, Any],
) -> dict[str, Any]:
    """Measures a folder of images as if they were a model's samples.

    Args:
        folder: the images.
        against: the data to compare with; its held-out or test split is used, at the size of the images.
        features: an extractor's name, or "auto".
        weights_dir: where downloaded weights lie.
        load: opens a run by its path, for `run:PATH`.
        progress: called with (what, done, total).
        given: metrics, num and seed, as `reverie.measure.measure` takes them.
    Raises:
        RunError: nothing to compare with is named.
        UsageError: the images have more than one size, or not the data's.
    """
    if against is None:
        raise RunError(
            f"{folder}: is not a run folder (it has no recipe.toml). Name a run, or say with --against DATA which "
            "images to measure a folder of images against."
        )
    found = open_dataset(DataRecipe(source=str(folder.resolve())), labels=False)
    pictures = Pictures(*(part for part in (found.train, found.held_out, found.test) if part is not None))
    view = DataRecipe(source=against, size=(found.spec.height, found.spec.width))
    dataset = open_dataset(view)
    check_alike(folder, found, against, dataset)
    items, split = unseen(dataset)
    means = Means(items.spec, pick_device(), view, weights_dir, load, progress)
    comparison, facts = compared(dataset, features, means, model=pictures, metrics=given["metrics"])
    values = take(pictures, items, **given, progress=progress, comparison=comparison)
    protocol = {
        "data": against,
        "split": split,
        "fingerprint": dataset.fingerprint,
        "pictures": len(pictures),
        "pictures_fingerprint": found.fingerprint,
        "seed": given["seed"],
        "images": given["num"] or "each metric's own number",
        "shape": "x".join(map(str, dataset.spec.shape)),
        "device": str(means.device),
        "threads": torch.get_num_threads(),
    }
    return to_json_dict(
        folder.name or str(folder), protocol | facts | remarks(values, comparison, dataset.report), values
    )


def check_alike(folder: Path, found: Dataset, against: str, dataset: Dataset) -> None:
    """Pictures of one size, which the data reach without being enlarged, and of as many channels."""
    channels, height, width = found.spec.shape
    widths, heights = found.report.widths, found.report.heights
    if widths[0] != widths[2] or heights[0] != heights[2]:
        raise UsageError(
            f"{folder}: its images are {widths[0]} to {widths[2]} pixels wide and {heights[0]} to {heights[2]} high. "
            "Give a folder whose images have one size, as a model makes them."
        )
    if (widths[1], heights[1]) != (width, height):
        raise UsageError(f"{folder}: its images are larger than {width} x {height} pixels. Reduce them first.")
    real = (dataset.report.widths[1], dataset.report.heights[1])
    if real[0] < width or real[1] < height:
        raise UsageError(
            f"--against {against}: its images are about {real[0]} x {real[1]} pixels, those of {folder} "
            f"{width} x {height}. Compare with data of at least that size."
        )
    if dataset.spec.channels != channels:
        raise UsageError(
            f"--against {against}: has {dataset.spec.channels} channels, {folder} has {channels}. "
            "Compare grey images with grey ones and colour with colour."
        )
