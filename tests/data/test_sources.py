"""Every kind of source keeps the same contract: shapes, ranges, labels, parts, determinism."""

import gzip
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from reverie.core.errors import ReverieError
from reverie.core.recipe import DataRecipe
from reverie.core.rng import Rng
from reverie.data import Dataset, dataset_names, describe, open_dataset

from .conftest import noise

Made = tuple[DataRecipe, tuple[int, int, int], int]  # recipe, shape, classes


def idx(values: np.ndarray) -> bytes:
    return bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


def greys(num: int = 200) -> np.ndarray:
    return np.stack([noise(i, channels=1) for i in range(num)])


def a_folder(tmp: Path, folder_of: Callable[..., Path]) -> Made:
    return DataRecipe(source=str(folder_of(classes=3))), (3, 12, 12), 3


def a_folder_resized(tmp: Path, folder_of: Callable[..., Path]) -> Made:
    return DataRecipe(source=str(folder_of()), size=(8, 10), channels="grey"), (1, 8, 10), 0


def a_zip(tmp: Path, folder_of: Callable[..., Path]) -> Made:
    root = folder_of(classes=2)
    with zipfile.ZipFile(tmp / "set.zip", "w") as archive:
        for path in root.rglob("*.png"):
            archive.write(path, Path("top") / path.relative_to(root))
    return DataRecipe(source=str(tmp / "set.zip"), channels="rgba"), (4, 12, 12), 2


def an_idx(tmp: Path, folder_of: Callable[..., Path]) -> Made:
    (tmp / "train-images-idx3-ubyte").write_bytes(idx(greys()))
    (tmp / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.arange(200, dtype=np.uint8) % 5)))
    return DataRecipe(source=str(tmp / "train-images-idx3-ubyte")), (1, 12, 12), 5


def an_idx_gz(tmp: Path, folder_of: Callable[..., Path]) -> Made:
    (tmp / "pictures.gz").write_bytes(gzip.compress(idx(greys())))
    return DataRecipe(source=str(tmp / "pictures.gz"), binarize="dynamic"), (1, 12, 12), 0


def an_npz(tmp: Path, folder_of: Callable[..., Path]) -> Made:
    np.savez(tmp / "set.npz", images=greys().astype(np.float32) / 255, subject=np.arange(200) % 4)
    return DataRecipe(source=str(tmp / "set.npz"), binarize="threshold"), (1, 12, 12), 4


def an_npz_with_a_test_part(tmp: Path, folder_of: Callable[..., Path]) -> Made:
    colour = np.stack([noise(i) for i in range(300)])
    y = np.array(["cat", "dog"])[np.arange(300) % 2]
    np.savez(tmp / "keras.npz", x_train=colour[:240], y_train=y[:240], x_test=colour[240:], y_test=y[240:])
    return DataRecipe(source=str(tmp / "keras.npz"), mirror=True), (3, 12, 12), 2


def digits(tmp: Path, folder_of: Callable[..., Path]) -> Made:
    return DataRecipe(source="digits"), (1, 8, 8), 10


def shapes(tmp: Path, folder_of: Callable[..., Path]) -> Made:
    return DataRecipe(source="shapes", size=(16, 24), num=300), (1, 16, 24), 4


def faces(tmp: Path, folder_of: Callable[..., Path]) -> Made:
    return DataRecipe(source="faces", size=16, num=150), (3, 16, 16), 0


def tiny_faces(tmp: Path, folder_of: Callable[..., Path]) -> Made:
    return DataRecipe(source="faces", size=8, num=128), (3, 8, 8), 0


def ring8(tmp: Path, folder_of: Callable[..., Path]) -> Made:
    return DataRecipe(source="ring8", num=1000), (2, 1, 1), 8


def grid25(tmp: Path, folder_of: Callable[..., Path]) -> Made:
    return DataRecipe(source="grid25", num=1000), (2, 1, 1), 25


KINDS = [
    a_folder, a_folder_resized, a_zip, an_idx, an_idx_gz, an_npz, an_npz_with_a_test_part, digits, shapes, faces,
    tiny_faces, ring8, grid25,
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.__name__)
def test_contract(kind: Callable[..., Made], tmp_path: Path, folder_of: Callable[..., Path]) -> None:
    recipe, shape, num_classes = kind(tmp_path, folder_of)
    told: list[tuple[int, int]] = []
    data = open_dataset(recipe, seed=3, cache=tmp_path / "cache", progress=lambda n, total: told.append((n, total)))
    assert data.spec.shape == shape and data.spec.num_classes == num_classes
    assert data.spec.binary == (recipe.binarize != "no")
    assert len(data.held_out) >= 60 and len(data.train) >= 60
    parts = [data.train, data.held_out] + ([data.test] if data.test else [])
    assert sum(len(part) for part in parts) == data.report.images
    assert sum(data.report.classes.values()) == (data.report.images if num_classes else 0)
    assert not told or told[-1][0] == told[-1][1]
    if data.spec.kind == "images":
        assert told and told == sorted(told)

    seen = [{row.tobytes() for row in part.raw(np.arange(len(part)))} for part in parts[:2]]
    assert not seen[0] & seen[1], "the same picture is on both sides"
    for part in parts:
        check_items(data, part)

    again = open_dataset(recipe, seed=3, cache=tmp_path / "cache")
    elsewhere = open_dataset(recipe, seed=3, cache=tmp_path / "other")
    for other in (again, elsewhere):
        assert other.fingerprint == data.fingerprint and other.spec == data.spec
        assert np.array_equal(other.held_out.raw(np.arange(20)), data.held_out.raw(np.arange(20)))
    assert describe(recipe, seed=3).images == data.report.images
    assert open_dataset(recipe, seed=3, cache=tmp_path / "cache", labels=False).train.labels is None


def check_items(data: Dataset, part: object) -> None:
    items = data.train if part is data.train else part
    index = np.array([5, 0, 7, 5])
    raw = items.raw(index)  # type: ignore[attr-defined]
    assert raw.shape == (4, *data.spec.shape) and raw.dtype == (np.float32 if data.spec.kind == "points" else np.uint8)
    assert np.array_equal(raw[0], raw[3])
    for rng in (None, Rng(0, 128, count=4)):
        batch = items.batch(index, rng)  # type: ignore[attr-defined]
        assert batch.images.shape == raw.shape and batch.images.dtype == torch.float32
        if data.spec.kind == "images":
            assert batch.images.min() >= -1 and batch.images.max() <= 1
        if data.spec.binary:
            assert set(batch.images.unique().tolist()) <= {-1.0, 1.0}
        if data.spec.classes:
            assert batch.labels is not None and batch.labels.dtype == torch.int64
            assert 0 <= batch.labels.min() and batch.labels.max() < data.spec.num_classes
        else:
            assert batch.labels is None
    alone, together = (items.batch(i).images for i in ([7], index))  # type: ignore[attr-defined]
    assert torch.equal(alone[0], together[2]), "an item's evaluation view depends on its company"


def test_the_seed_decides_what_is_drawn_and_nothing_else(tmp_path: Path, folder_of: Callable[..., Path]) -> None:
    for name in ("faces", "shapes", "ring8"):
        size = None if name == "ring8" else 16
        prints = [open_dataset(DataRecipe(source=name, size=size, num=128), seed=s).fingerprint for s in (0, 0, 1)]
        assert prints[0] == prints[1] != prints[2]
    recipe = DataRecipe(source=str(folder_of(64)))
    assert open_dataset(recipe, seed=0).fingerprint == open_dataset(recipe, seed=1).fingerprint


def test_lossless_images_come_through_unchanged(tmp_path: Path, folder_of: Callable[..., Path]) -> None:
    root = folder_of(40)
    (root / "3.png").rename(root / "3.keep")  # an image whatever its name says
    data = open_dataset(DataRecipe(source=str(root)), cache=tmp_path / "cache")
    assert data.spec.shape == (3, 12, 12)
    ours = {row.tobytes() for part in (data.train, data.held_out) for row in part.raw(np.arange(len(part)))}
    assert ours == {noise(i).transpose(2, 0, 1).tobytes() for i in range(40)}
    batch = data.train.batch(np.arange(len(data.train))).images.double().numpy()
    exact = data.train.raw(np.arange(len(data.train))) / 127.5 - 1
    assert np.abs(batch - exact).max() < 1e-7 and batch.min() == -1 and batch.max() == 1


def test_labels_follow_their_images_and_sort_as_numbers(tmp_path: Path, folder_of: Callable[..., Path]) -> None:
    root = folder_of(132, classes=11)
    data = open_dataset(DataRecipe(source=str(root)), cache=tmp_path / "cache")
    assert data.spec.classes == tuple(str(i) for i in range(11))
    truth = {noise(i).transpose(2, 0, 1).tobytes(): i % 11 for i in range(132)}
    for part in (data.train, data.held_out):
        assert part.labels is not None
        assert [truth[row.tobytes()] for row in part.raw(np.arange(len(part)))] == part.labels.tolist()


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("facse", "Did you mean 'faces'"),
        ("no/such/folder", "there is no such file"),
        ("\0", "no such|cannot be opened"),
        ("x" * 5000, "no such|cannot be opened"),
    ],
)
def test_what_does_not_exist_is_an_error(source: str, says: str) -> None:
    with pytest.raises(ReverieError, match=says) as caught:
        open_dataset(DataRecipe(source=source))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("recipe", "says"),
    [
        (DataRecipe(source="digits", num=200), "num: is for sets that are drawn"),
        (DataRecipe(source="shapes", num=70_000), "65,536"),
        (DataRecipe(source="ring8", size=8), "holds points"),
        (DataRecipe(source="ring8", binarize="dynamic"), "holds points"),
        (DataRecipe(source="digits", background="no-colour"), "must be a colour"),
    ],
)
def test_what_a_source_cannot_give_is_an_error(recipe: DataRecipe, says: str) -> None:
    with pytest.raises(ReverieError, match=says):
        open_dataset(recipe)


def test_every_name_is_known() -> None:
    assert {"digits", "faces", "shapes", "ring8", "grid25", "mnist", "cifar10"} <= set(dataset_names())


def test_points_have_the_moments_they_promise() -> None:
    from reverie.data.builtin.points import SIGMA, modes

    for name in ("ring8", "grid25"):
        data = open_dataset(DataRecipe(source=name))
        assert data.report.images == 100_000 and data.spec.kind == "points"
        points, labels = data.train.raw(np.arange(len(data.train)))[:, :, 0, 0], data.train.labels
        assert labels is not None
        centres = modes(name)  # type: ignore[arg-type]
        nearest = ((points[:, None] - centres) ** 2).sum(2).argmin(1)
        assert (nearest == labels).all()
        residual = (points - centres[labels]) / SIGMA[name]
        assert abs(residual.std() - 1) < 0.01 and abs(residual.mean()) < 0.01
        counts = np.bincount(labels)
        assert np.abs(counts / counts.mean() - 1).max() < 0.1


def test_shapes_are_what_their_factors_say() -> None:
    from reverie.data.builtin.shapes import draw_shapes, factors_of

    data = open_dataset(DataRecipe(source="shapes", num=2000))
    assert data.report.duplicates == 0, "two cells of the grid look the same"
    raw = data.train.raw(np.arange(len(data.train)))
    assert np.array_equal(draw_shapes(data.train.factors, 64, 64), raw)
    ink = raw[:, 0] / 255
    area = ink.sum((1, 2)) / 64**2
    factors = data.train.factors
    for kind, size in enumerate((0.9**2 * 4, np.pi * 1.1 * 0.6)):  # areas in closed form, at half-width 1
        of_kind = factors["shape"] == kind
        expected = size * (0.18 * factors["scale"][of_kind]) ** 2
        assert np.abs(area[of_kind] / expected - 1).max() < 0.02
        for axis, name in ((2, "x"), (1, "y")):  # the centre of mass is the position
            where = (np.arange(64) + 0.5) / 64
            mass = (ink[of_kind].sum(3 - axis) * where).sum(1) / ink[of_kind].sum((1, 2))
            assert np.abs(mass - factors[name][of_kind]).max() < 0.002
    assert len(np.unique(np.stack(list(factors_of(np.arange(65_536)).values())), axis=1).T) == 65_536
