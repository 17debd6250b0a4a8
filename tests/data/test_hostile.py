"""What strangers' files must not do: stop a training without a word, run out of memory, or leave their folder."""

import gzip
import os
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reverie.core.errors import DataError
from reverie.core.recipe import DataRecipe
from reverie.data import Dataset, describe, open_dataset
from reverie.data.folder import Folder
from reverie.data.prepare import prepare
from reverie.data.view import View

from .conftest import noise
from .test_image import png
from .test_sources import idx

Make = Callable[..., Path]


def opened(path: Path, **values: object) -> Dataset:
    return open_dataset(DataRecipe(source=str(path), **values), cache=path.parent / "cache")  # type: ignore[arg-type]


def refusal(path: Path) -> str:
    """The one sentence (and its next step) that a source is refused with."""
    with pytest.raises(DataError) as caught:
        opened(path)
    text = str(caught.value)
    assert "\n" not in text and text.endswith((".", "?"))
    assert not list((path.parent / "cache" / "data").glob("[0-9a-f]*")), "a refused source left a cache"
    assert not list((path.parent / "cache" / "data").glob(".*.tmp")), "a refused source left half a cache"
    return text


def test_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "holds no images" in refusal(tmp_path / "empty")


def test_a_folder_of_other_files(tmp_path: Path) -> None:
    root = tmp_path / "texts"
    root.mkdir()
    for i in range(30):
        (root / f"{i}.txt").write_text("P3 a text that starts like a picture")
    (root / "LICENSE").write_bytes(b"")
    assert "holds no images (31 other files)" in refusal(root)


def test_a_folder_around_an_archive(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    zip_of(tmp_path / "set" / "pictures.zip", {}, num=20)
    assert "It holds pictures.zip: name that file instead." in refusal(tmp_path / "set")


def test_too_few_images(folder_of: Make) -> None:
    assert "at least 16" in refusal(folder_of(15))
    few = opened(folder_of(17, name="few"))
    assert (len(few.train), len(few.held_out)) == (9, 8)


def test_a_single_image_file(folder_of: Make) -> None:
    assert "neither a zip" in refusal(folder_of(1) / "0.png")


def test_a_folder_without_permission(folder_of: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    root = folder_of(20)

    def denied(path: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", denied)  # tests may run as root, whom the kernel denies nothing
    assert "cannot be opened (Permission denied)" in refusal(root)


def test_some_unreadable_files_are_listed_and_left_out(folder_of: Make) -> None:
    root = folder_of(400)
    whole = (root / "7.png").read_bytes()
    (root / "7.png").write_bytes(whole[: len(whole) // 2])
    (root / "8.png").write_bytes(b"")
    (root / "bomb.png").write_bytes(png(20_000, 20_000))
    data = opened(root, size=12)
    assert data.report.images == 398 and len(data.train) + len(data.held_out) == 398
    assert dict(data.report.unreadable) == {
        "7.png": "is truncated",
        "8.png": "is empty",
        "bomb.png": "has more than 100,000,000 pixels",
    }
    for quiet in (".DS_Store", "Thumbs.db", "._7.png", "notes.txt"):
        (root / quiet).write_bytes(b"\0\1\2")
    again = opened(root, size=12)
    assert again.report.ignored == 2 and again.fingerprint == data.fingerprint


def test_many_unreadable_files_stop_it(folder_of: Make) -> None:
    root = folder_of(200)
    for i in range(8):
        (root / f"{i}.png").write_bytes(b"\x89PNG\r\n\x1a\nand no more")
    text = refusal(root)
    assert "8 of 200 images cannot be read, more than 1 %" in text and "0.png" in text and "5.png" not in text
    report = describe(DataRecipe(source=str(root)))
    assert report.images == 192 and len(report.unreadable) == 8


def test_names_that_are_no_text(folder_of: Make) -> None:
    root = folder_of(200)
    (root / os.fsdecode(b"\xff\n\x1b[31m.png")).write_bytes(b"")
    ((name, _),) = opened(root).report.unreadable
    assert name.isprintable() and name.encode() == b"\\udcff\\n\\x1b[31m.png"


def test_a_folder_whose_name_is_no_text(folder_of: Make, tmp_path: Path) -> None:
    root = folder_of(20).rename(tmp_path / os.fsdecode(b"\xff\n"))
    source = Folder(root)
    assert source.name.isprintable() and prepare(source, View(), tmp_path / "cache").manifest.num == 20


def test_links_out_of_the_folder_are_refused(folder_of: Make, tmp_path: Path) -> None:
    root, outside = folder_of(300), folder_of(3, name="outside")
    (root / "file.png").symlink_to(outside / "0.png")
    (root / "folder").symlink_to(outside)
    (root / "loop.png").symlink_to(root / "loop.png")
    (root / "inside.png").symlink_to(root / "4.png")
    data = opened(root)
    assert data.report.images == 301 and data.report.duplicates == 1
    assert dict(data.report.unreadable) == {
        "file.png": "is a link out of the folder",
        "folder": "is a link out of the folder",
        "loop.png": "is a link that leads nowhere",
    }
    (tmp_path / "alias").symlink_to(root)
    assert opened(tmp_path / "alias").fingerprint == data.fingerprint


def test_a_pipe_is_no_image(folder_of: Make) -> None:
    root = folder_of(200)
    os.mkfifo(root / "pipe.png")  # opening it for reading would wait for ever
    assert opened(root).report.unreadable == (("pipe.png", "is not a regular file"),)


def test_runs_inside_the_folder_are_no_data(folder_of: Make) -> None:
    root = folder_of(40)
    before = opened(root)
    run = root / "runs" / "a" / "samples"
    run.mkdir(parents=True)
    Image.fromarray(noise(999)).save(run / "0001.png")
    for name in ("recipe.toml", "events.jsonl"):
        (run.parent / name).write_text("")
    assert opened(root).fingerprint == before.fingerprint


def zip_of(path: Path, members: dict[str | zipfile.ZipInfo, bytes], num: int = 200) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(num):
            archive.writestr(f"{i}.png", png_of(i))
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def png_of(seed: int) -> bytes:
    import io

    file = io.BytesIO()
    Image.fromarray(noise(seed)).save(file, "PNG", compress_level=1)
    return file.getvalue()


def test_zip_members_that_leave_the_archive(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    bad = {"../up.png": png_of(901), "/abs.png": png_of(902), "a/../../b.png": png_of(903), "C:\\c.png": png_of(904)}
    path = zip_of(tmp_path / "set.zip", {**bad, link: b"0.png"}, num=600)
    before = set(tmp_path.parent.rglob("*"))
    data = opened(path)
    assert data.report.images == 600
    reasons = dict(data.report.unreadable)
    assert {name: reasons[name] for name in bad if "\\" not in name} == {
        name: "has a path that leaves the archive" for name in bad if "\\" not in name
    }
    assert reasons["link.png"] == "is a link" and len(reasons) == 5
    assert {p for p in set(tmp_path.parent.rglob("*")) - before if "cache" not in p.parts} == set(), "written to disk"


def test_a_zip_bomb(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(9):
            archive.writestr(f"{i}.bmp", bytes(2**25))
    assert "as zip bombs do" in refusal(path)


def test_a_zip_with_damaged_members(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "set.zip", {})
    content = bytearray(path.read_bytes())
    at = content.index(png_of(5)) + 60
    content[at] ^= 255
    path.write_bytes(content)
    ((name, reason),) = opened(path).report.unreadable
    assert name == "5.png" and "damaged inside the zip" in reason


@pytest.mark.parametrize("cut", [10, 5000])
def test_a_cut_zip(tmp_path: Path, cut: int) -> None:
    path = zip_of(tmp_path / "set.zip", {})
    path.write_bytes(path.read_bytes()[:-cut])
    assert "zip" in refusal(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (idx(np.zeros((20, 8, 8), np.uint8))[:-1], "promises 1,280 values and holds 1,279"),
        (idx(np.zeros((20, 8, 8), np.uint8)) + b"!", "promises 1,280 values and holds more"),
        (struct.pack(">BBBB3I", 0, 0, 8, 3, 2**31, 2**31, 2**31), "more than it can hold"),
        (idx(np.zeros(50, np.uint8)), "holds 1 axes"),
        (bytes([0, 0, 8, 0]), "is not IDX"),
        (gzip.compress(idx(np.zeros((20, 8, 8), np.uint8)))[:-12], "cannot be read|promises"),
    ],
)
def test_damaged_idx(tmp_path: Path, content: bytes, says: str) -> None:
    import re

    (tmp_path / "images.idx").write_bytes(content)
    assert re.search(says, refusal(tmp_path / "images.idx"))


def test_labels_of_other_images(tmp_path: Path) -> None:
    (tmp_path / "my-images").write_bytes(idx(np.zeros((20, 8, 8), np.uint8)))
    (tmp_path / "my-labels").write_bytes(idx(np.zeros(19, np.uint8)))
    assert "(19,) labels for 20 images" in refusal(tmp_path / "my-images")


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"a": np.zeros((20, 8, 8), object)}, "cannot be read"),
        ({"a": np.zeros((20, 8))}, "one array must have the shape"),
        ({"a": np.zeros((20, 8, 8)), "b": np.zeros((20, 8, 8))}, "one array must have the shape"),
        ({"a": np.full((20, 8, 8), -0.5)}, "values from -0.5"),
        ({"a": np.full((20, 8, 8), np.nan)}, "values from nan"),
        ({"a": np.full((20, 8, 8), 3 + 4j)}, "of type complex128"),
        ({"a": np.zeros((20, 8, 8, 7), np.uint8)}, "7 channels|8 channels"),
        ({"a": np.zeros((0, 8, 8), np.uint8)}, "has the shape"),
        ({"x_train": np.zeros((20, 8, 8)), "x_test": np.zeros((20, 9, 8))}, "differ in shape"),
        ({"a": np.zeros((20, 8, 8), np.uint8)}, "same picture"),
    ],
)
def test_odd_npz(tmp_path: Path, arrays: dict[str, np.ndarray], says: str) -> None:
    np.savez(tmp_path / "odd.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=says):
        opened(tmp_path / "odd.npz")


def test_an_npz_bomb(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "bomb.npz", images=np.zeros((5, 8192, 8192), np.uint8))
    assert "as zip bombs do" in refusal(tmp_path / "bomb.npz")


def test_a_file_of_nothing_known(tmp_path: Path) -> None:
    for content in (b"", b"hello", b"\x1f\x8b\x08\0broken"):
        (tmp_path / "file").write_bytes(content)
        assert "neither a zip" in refusal(tmp_path / "file")


def test_mixed_modes_and_sizes(folder_of: Make) -> None:
    root = folder_of(100)
    Image.fromarray(noise(1, 300, 50)).save(root / "tall.jpg")
    Image.fromarray(noise(2, 7, 90, 1)).save(root / "grey.png")
    Image.fromarray(noise(3, 64, 64, 4)).save(root / "alpha.webp", lossless=True)
    Image.fromarray(noise(4, channels=1).astype(np.uint16) * 257).save(root / "deep.png")
    Image.fromarray(noise(5, channels=1)).convert("1").save(root / "fax.tif")
    Image.fromarray(noise(6)).convert("CMYK").save(root / "print.jpg")
    Image.fromarray(noise(7)).quantize(16).save(root / "palette.gif")
    data = opened(root)
    assert data.spec.shape == (3, 64, 64), "sizes differ, so the usual one is taken"
    assert data.report.images == 107 and data.report.unreadable == ()
    assert data.report.modes == {"RGB": 101, "L": 1, "RGBA": 1, "I;16": 1, "1": 1, "CMYK": 1, "P": 1}
    assert data.report.widths == (12, 12, 90) and data.report.heights == (7, 12, 300)


def test_grey_data_stay_grey(tmp_path: Path) -> None:
    root = tmp_path / "greys"
    root.mkdir()
    for i in range(20):
        Image.fromarray(noise(i, 6, 9, 1)).save(root / f"{i}.png")
    Image.fromarray(noise(30, 6, 9, 2)).save(root / "alpha.png")
    assert opened(root).spec.shape == (1, 6, 9)
    assert opened(root, background="red").spec.channels == 3, "a red background shows through"
    assert opened(root, channels="rgb").spec.channels == 3
