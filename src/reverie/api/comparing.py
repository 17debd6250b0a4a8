"""Runs and folders of images beside each other: on the same real images, with the same seeds, in words first."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from reverie.advise.recommendation import recommend
from reverie.api.contestants import Contestant, Meeting, Weights, meet
from reverie.api.looking import show
from reverie.api.measuring import NEIGHBOURS, Progress, doubles, features_for, unseen
from reverie.api.using import loaded
from reverie.core.capability import Decodes, Samples
from reverie.core.errors import UsageError
from reverie.core.event import Probed
from reverie.core.finding import Record
from reverie.core.rng import key
from reverie.data import cache_root
from reverie.diagnose.engine import diagnose as look
from reverie.measure.contest import Contest, Terms, contest, gaps_of
from reverie.measure.extractor import Means, open_extractor
from reverie.measure.metric import Comparison, words
from reverie.measure.pixels import round_to_8_bits
from reverie.measure.sets.frechet import warning
from reverie.measure.smoothness import Smoothness, smoothness
from reverie.measure.statistics import mean_value
from reverie.measure.store import FeatureStore
from reverie.measure.value import Value
from reverie.measure.verdict import Difference, overall
from reverie.ship.comparison import Contender, write_comparison
from reverie.tasks.interpolate import path as latents_between
from reverie.tasks.require import CAPABILITIES
from reverie.train.device import pick_device

# Paths between two latents that smoothness is the mean over, and images along each; the first is shown.
PATHS, IMAGES_A_PATH, SHOWN_STEPS, SHEET = 48, 17, 9, 36
_OF_PATHS = ("smoothness", "straightness")
_COUNTS = ("modes",)  # have no error, however many images are looked at


def compare(
    runs: Sequence[Path | str],
    *,
    report: Path | str | None = None,
    against: str | None = None,
    metrics: Sequence[str] | None = None,
    num: int | None = None,
    seed: int = 0,
    weights: Weights = "best",
    features: str = "auto",
    weights_dir: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Compares runs, and folders of images, on the same real images with the same seeds.

    Args:
        runs: two folders or more.
        report: an HTML file to write.
        against: the data to compare with; what the runs were trained on when left out.
        metrics: names; the usual ones that apply when left out.
        num: real images, both halves together.
        seed: decides which images, and every draw.
        weights: best or last.
        features: the extractor, as for `measure`.
        weights_dir: where downloaded weights of extractors lie.
        progress: called with (what, done, total).
    Returns:
        {"schema": 1, "kind", "words", "runs", "protocol", "floors", "differences", "left_out", "recommendation"}; kind
        is images or points, and each of "runs" says with "can" what its model is capable of.
    Raises:
        UsageError: the protocols differ; the message names the field.
        RunError: a folder is missing, or the report cannot be written.
    """
    meeting = meet([Path(run) for run in runs], against=against, weights=weights)
    items, split = unseen(meeting.dataset)
    means = Means(items.spec, pick_device(), meeting.view, weights_dir, loaded, progress)
    name = features_for(meeting.dataset, meeting.view.source) if features == "auto" else features
    extractor = open_extractor(name, means)
    store = FeatureStore(cache_root() / "features", meeting.dataset.fingerprint, split)
    comparison = Comparison(extractor, meeting.dataset.train if meeting.own else None, store)
    smooth = _smoothness(meeting, comparison, seed, metrics)
    named = None if metrics is None else [m for m in metrics if m not in _OF_PATHS]
    further = [gap for of in _OF_PATHS for gap in _gaps(smooth, of)]
    models = {who: one.model for who, one in meeting.contestants.items()}
    found = contest(models, Terms(items, comparison, named, num, seed, progress=progress, further=further))
    for who, taken in smooth.items():
        found.values[who] |= {"smoothness": taken.even, "straightness": taken.straight}
    protocol = {
        "data": meeting.view.source,
        "split": split,
        "fingerprint": meeting.dataset.fingerprint,
        "shape": "x".join(map(str, items.spec.shape)),
        "samples": found.num,
        "seed": seed,
        "weights": weights,
        "device": str(means.device),
        "threads": torch.get_num_threads(),
        **extractor.protocol(),
    }
    told = _told(meeting, found, protocol, extractor.dim)
    if report is not None:
        write_comparison(
            Path(report), told, [_contender(c, meeting, found, seed) for c in meeting.contestants.values()]
        )
    return told


def _told(meeting: Meeting, found: Contest, protocol: dict[str, Any], dim: int) -> dict[str, Any]:
    """The object that `--json` prints."""
    remarks: list[str] = []
    if any("frechet" in values for values in found.values.values()):
        remarks += [remark] if (remark := warning(found.num, dim)) else []
    if any(NEIGHBOURS & values.keys() for values in found.values.values()):
        remarks += [remark] if (remark := doubles(meeting.dataset.report)) else []
    bare = [d.metric for d in found.differences if d.gap.se is None and d.better != "none" and d.metric not in _COUNTS]
    if bare:
        remarks.append(
            f"{words(list(dict.fromkeys(bare)))} have no intervals at n = {found.num:,}, so nothing is said of them. "
            "Compare on more images."
        )
    told: dict[str, Any] = {
        "schema": 1,
        "kind": meeting.dataset.spec.kind,
        "words": [*overall(found.differences), *remarks],
        "runs": [_row(one, found.values[who]) for who, one in meeting.contestants.items()],
        "protocol": protocol,
        "floors": {name: value.to_dict() for name, value in found.floors.items()},
        "differences": [d.to_dict() for d in found.differences],
        "left_out": found.left_out,
    }
    return told | {"recommendation": recommend(told)}


def _row(one: Contestant, values: Mapping[str, Value]) -> dict[str, Any]:
    """One contestant: what it is, its numbers, what the doctor says of it, and its probes over time."""
    row: dict[str, Any] = {"name": one.name, "path": str(one.path), "kind": "folder", "family": None}
    row["can"] = [c.__name__ for c in CAPABILITIES if isinstance(one.model, c)]
    if one.run is not None:
        facts = show(one.path)
        kept = ("family", "preset", "state", "images", "parameters", "device")
        row |= {"kind": "run", "minutes": facts["seconds"] / 60} | {name: facts[name] for name in kept}
        row["images_seen"] = one.images_seen
        row["findings"] = [f.to_dict() for f in look(Record.of(one.run))]
        row["probes"] = _probes(one)
    return row | {"metrics": {name: value.to_dict() for name, value in values.items()}}


def _probes(one: Contestant) -> list[dict[str, float]]:
    """Numbers that the training took of itself, by minutes of training."""
    events = () if one.run is None else one.run.events()
    return [{"minutes": e.seconds / 60, "images": e.images} | e.values for e in events if isinstance(e, Probed)]


def _smoothness(
    meeting: Meeting, comparison: Comparison, seed: int, metrics: Sequence[str] | None
) -> dict[str, Smoothness]:
    """How evenly images change between the latents of two seeds, for everything that decodes latents."""
    wanted = metrics is None or any(name in _OF_PATHS for name in metrics)
    able = {n: c.model for n, c in meeting.contestants.items() if isinstance(c.model, Decodes)}
    if not wanted or meeting.dataset.spec.kind != "images":
        return {}
    if metrics is not None and not able:
        raise UsageError("smoothness: none of these decodes latents. Leave it out of --metrics.")
    found: dict[str, Smoothness] = {}
    for name, model in able.items():
        with torch.inference_mode():
            ways: list[Tensor] = []
            for number in range(PATHS):
                images = _way(model, meeting, seed, number, IMAGES_A_PATH)
                ways.append(comparison.extractor.features(round_to_8_bits(images.float())).float().cpu())
        found[name] = smoothness(torch.stack(ways))
    return found


def _way(model: Any, meeting: Meeting, seed: int, number: int, steps: int) -> Tensor:
    """The images along one path: from the latent of one seed to that of another, of one class where there are any."""
    first = key(seed, "compare", "paths") % 2**40 + 2 * number
    ends = model.latents([first, first + 1])
    z = latents_between(ends[0], ends[1], steps=steps)
    classes: int = getattr(model, "num_classes", 0)
    labels = torch.full((steps,), number % classes, device=z.device) if classes else None
    return model.decode(z, labels=labels)


def _gaps(smooth: Mapping[str, Smoothness], of: str) -> list[Difference]:
    """Differences in one number of paths, pair of contestants by pair, path by path."""
    column = _OF_PATHS.index(of)
    traces = {who: ((s.even, s.straight)[column], s.rows[:, column]) for who, s in smooth.items()}
    return gaps_of(traces, of, lambda x, y: mean_value((x - y).numpy(), ""))


def _contender(one: Contestant, meeting: Meeting, found: Contest, seed: int) -> Contender:
    """Pictures of one contestant, on the seeds that all have in common."""
    samples = strip = None
    train = meeting.dataset.train
    count = min(SHEET, len(one.model)) if one.run is None else SHEET
    classes = meeting.dataset.spec.num_classes
    with torch.inference_mode():
        if isinstance(one.model, Samples):
            labels = torch.arange(count) * classes // count if one.model.num_classes else None
            samples = one.model.sample(range(count), labels=labels).float().cpu()
        if isinstance(one.model, Decodes) and meeting.dataset.spec.kind == "images":
            strip = _way(one.model, meeting, seed, 0, SHOWN_STEPS).float().cpu()
    near = found.nearest.get(one.name)
    return Contender(
        name=one.name,
        samples=samples,
        strip=strip,
        made=found.shown.get(one.name),
        nearest=None if near is None else train.batch(near).images.float(),
    )
