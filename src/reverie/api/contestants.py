"""What can be compared: trained runs and folders of images, on one reference that suits them all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from reverie.api.measuring import check_alike
from reverie.api.showing import open_data
from reverie.api.using import load, weights_path
from reverie.core.errors import RunError, UsageError
from reverie.core.recipe import DataRecipe
from reverie.core.run import Run, differences
from reverie.core.spec import DataSpec
from reverie.data import Dataset, open_dataset
from reverie.measure.pictures import Pictures
from reverie.train.checkpoint import load_weights

Weights = Literal["best", "last"]


@dataclass(frozen=True)
class Contestant:
    """A run or a folder of images.

    Args:
        name: what it is called; no two in a comparison share one.
        path: the folder.
        model: a trained model, or the pictures in its place.
        run: None for a folder of images.
        images_seen: training images that the weights have seen; None for a folder of images.
    """

    name: str
    path: Path
    model: Any
    run: Run | None = None
    images_seen: int | None = None


@dataclass(frozen=True)
class Meeting:
    """Contestants and what they are compared on.

    Args:
        contestants: by name.
        dataset: the reference; its test or held-out split is used.
        view: how it was opened.
        own: True when every contestant that was trained was trained on it.
    """

    contestants: Mapping[str, Contestant]
    dataset: Dataset
    view: DataRecipe
    own: bool


def meet(paths: Sequence[Path], *, against: str | None, weights: Weights) -> Meeting:
    """Opens everything, once it is seen that it can be compared.

    Args:
        paths: run folders and folders of images, two at least.
        against: data to compare with; that of the runs when left out.
        weights: best or last.
    Raises:
        UsageError: fewer than two, one named twice, or protocols that differ; the message names the field.
        RunError: a folder is missing, or no data to compare with can be told.
    """
    _check_paths(paths)
    names = _names(paths)
    runs = {name: Run.open(path) for name, path in zip(names, paths, strict=True) if (path / "recipe.toml").exists()}
    folders = {name: path for name, path in zip(names, paths, strict=True) if name not in runs}
    specs = {name: _spec(run, weights) for name, run in runs.items()}
    _check_shapes(specs)
    if runs:
        view, dataset = _reference(runs, against)
        first = next(iter(runs))
        if dataset.spec.shape != specs[first].shape:
            raise UsageError(
                f"--against {against}: is {_size(dataset.spec)}, {first} makes {_size(specs[first])}. Use like data."
            )
    else:
        view, dataset = _for_folders(folders, against)
    found: dict[str, Contestant] = {}
    for name, path in zip(names, paths, strict=True):
        if name in runs:
            _, _, images = load_weights(weights_path(runs[name], weights))
            found[name] = Contestant(name, path, load(runs[name], weights=weights), runs[name], images)
        else:
            found[name] = Contestant(name, path, _pictures(path, view.source, dataset))
    return Meeting(found, dataset, view, own=against is None)


def _check_paths(paths: Sequence[Path]) -> None:
    if len(paths) < 2:
        raise UsageError(f"compare: needs at least two runs or folders of images, got {len(paths)}. Name another.")
    seen: set[Path] = set()
    for path in paths:
        if not path.is_dir():
            raise RunError(f"{path}: there is no such folder. `reverie runs` lists the runs that there are.")
        if path.resolve() in seen:
            raise UsageError(f"{path}: is named twice. Name each run once.")
        seen.add(path.resolve())


def _names(paths: Sequence[Path]) -> list[str]:
    """The folders' names, with as many parents as it takes to tell them apart."""
    full = [path.resolve() for path in paths]
    for depth in range(1, max(len(path.parts) for path in full)):
        names = ["/".join(path.parts[-depth:]) for path in full]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in full]


def _spec(run: Run, weights: Weights) -> DataSpec:
    return load_weights(weights_path(run, weights))[1]


def _check_shapes(specs: Mapping[str, DataSpec]) -> None:
    first, *others = specs or {"": None}
    for other in others:
        if specs[other].shape != specs[first].shape:
            raise UsageError(
                f"{first} and {other} cannot be compared: data.size differs, one makes {_size(specs[first])} and the "
                f"other {_size(specs[other])}. Train both at one size."
            )


def _reference(runs: Mapping[str, Run], against: str | None) -> tuple[DataRecipe, Dataset]:
    """The data that all runs were trained on, or those that were asked for, seen as the first run sees its own."""
    first, *others = runs
    made = runs[first].recipe()
    if against is not None:
        made = made.change({"data.source": against})
        return made.data, open_data(made)
    dataset = open_data(made)
    for name, run in runs.items():
        trained_on = run.env().get("data_fingerprint")
        if isinstance(trained_on, str) and trained_on != dataset.fingerprint and run.recipe().data == made.data:
            raise UsageError(
                f"{name}: its data have changed since it was trained (data_fingerprint differs), so that it may have "
                "seen what it would be measured on. Name a reference with --against DATA."
            )
    for other in others:
        theirs = runs[other].recipe()
        # What is seen of images in training alone does not change the reference.
        if theirs.data.model_copy(update={"mirror": made.data.mirror}) == made.data:
            continue
        fingerprint = open_data(theirs).fingerprint
        if fingerprint != dataset.fingerprint:
            raise UsageError(_unlike(first, other, made.data, theirs.data))
    return made.data, dataset


def _unlike(first: str, other: str, mine: DataRecipe, theirs: DataRecipe) -> str:
    """Which field tells two protocols apart: the source before what is made of it."""
    fields = {name: str(value) for name, value in theirs.model_dump(mode="json").items()}
    own = {name: str(value) for name, value in mine.model_dump(mode="json").items()}
    lines = differences(own, fields, "data.")
    changed = {line.partition(":")[0]: line.partition(": ")[2].split(" -> ") for line in lines}
    changed.pop("data.mirror", None)
    name = "data.source" if "data.source" in changed else next(iter(changed), "data.source")
    values = changed.get(name, ["?", "?"])
    return (
        f"{first} and {other} cannot be compared: {name} is {values[0]} for one and {values[-1]} for the other, so "
        "that their numbers would hold for different images. Train both alike, or name a reference with --against DATA."
    )


def _for_folders(folders: Mapping[str, Path], against: str | None) -> tuple[DataRecipe, Dataset]:
    """Data at the size of the first folder's images."""
    first = next(iter(folders))
    if against is None:
        raise RunError(
            f"{first}: is a folder of images, and so are the others. Say with --against DATA which real images to "
            "compare them with."
        )
    found = open_dataset(DataRecipe(source=str(folders[first].resolve())), labels=False)
    view = DataRecipe(source=against, size=(found.spec.height, found.spec.width))
    return view, open_dataset(view)


def _pictures(path: Path, source: str, dataset: Dataset) -> Pictures:
    found = open_dataset(DataRecipe(source=str(path.resolve())), labels=False)
    if found.spec.shape[1:] != dataset.spec.shape[1:]:
        raise UsageError(
            f"{path}: its images are {found.spec.width} x {found.spec.height} pixels, those to compare with "
            f"{dataset.spec.width} x {dataset.spec.height}. Give images of one size."
        )
    check_alike(path, found, source, dataset)
    return Pictures(*(part for part in (found.train, found.held_out, found.test) if part is not None))


def _size(spec: DataSpec) -> str:
    return f"{spec.width} x {spec.height} pixels of {spec.channels} channel{'s' if spec.channels > 1 else ''}"
