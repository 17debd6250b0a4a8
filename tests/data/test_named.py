"""Well-known sets: the real files where they are at hand, and the ways in which they can be missing or wrong."""

import gzip
import http.server
import io
import shutil
import tarfile
import threading
from collections.abc import Iterator
from hashlib import md5, sha256
from pathlib import Path

import numpy as np
import pytest

from reverie.core.errors import DataError
from reverie.core.recipe import DataRecipe
from reverie.data import Dataset, named, open_dataset
from reverie.data.drawn import Drawn, from_array
from reverie.data.original import Original, obtain
from reverie.data.prepare import prepare
from reverie.data.view import View

# MD5 of the unpacked files, as their authors' mirrors have always had them.
PUBLISHED = {
    "mnist": {
        "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    },
    "fashion-mnist": {
        "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
    },
}


def everything(data: Dataset) -> int:
    return len(data.train) + len(data.held_out) + (len(data.test) if data.test else 0)


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_idx_sets(name: str, real_data: Path, tmp_path: Path) -> None:
    data = open_dataset(DataRecipe(source=name), cache=tmp_path)
    assert data.spec.shape == (1, 28, 28) and data.spec.num_classes == 10 and data.test is not None
    assert (len(data.train), len(data.held_out), len(data.test)) == (57_000, 3_000, 10_000)
    assert data.train.labels is not None and data.test.labels is not None
    for original in named.IDX[name]:
        content = gzip.decompress((real_data / name / f"{original.file}.gz").read_bytes())
        if original.file in PUBLISHED[name]:
            assert md5(content).hexdigest() == PUBLISHED[name][original.file]
        if original.file.startswith("t10k-images"):
            official = np.frombuffer(content, np.uint8, offset=16).reshape(-1, 28, 28)
        if original.file.startswith("t10k-labels"):
            labels = np.frombuffer(content, np.uint8, offset=8)
    ours = data.test.raw(np.arange(10_000))[:, 0]
    assert sorted(zip(map(bytes, ours), data.test.labels.tolist(), strict=True)) == sorted(
        zip(map(bytes, official), labels.tolist(), strict=True)
    )
    some = data.held_out.labels[:500] if data.held_out.labels is not None else np.empty(0)
    assert np.bincount(some, minlength=10).min() > 25, "the first held-out items are no fair sample"


def test_binarized_mnist(real_data: Path, tmp_path: Path) -> None:
    data = open_dataset(DataRecipe(source="binarized-mnist"), cache=tmp_path)
    assert data.test is not None and data.spec.binary and data.spec.classes == ()
    assert (len(data.train), len(data.held_out), len(data.test)) == (50_000, 10_000, 10_000)
    with np.load(real_data / "binarized-mnist" / "binarized_mnist.npz") as file:
        bits = {name: np.unpackbits(file[name], axis=1) for name in file.files}
    for part, name in ((data.train, "train"), (data.held_out, "valid"), (data.test, "test")):
        raw = part.raw(np.arange(len(part))).reshape(-1, 784)
        assert sorted(map(bytes, raw // 255)) == sorted(map(bytes, bits[name]))
    assert set(data.train.batch(np.arange(64)).images.unique().tolist()) == {-1.0, 1.0}


def test_stacked_mnist(real_data: Path, tmp_path: Path) -> None:
    data = open_dataset(DataRecipe(source="stacked-mnist", num=2000), cache=tmp_path)
    again = open_dataset(DataRecipe(source="stacked-mnist", num=2000), seed=5, cache=tmp_path)
    assert data.fingerprint == again.fingerprint, "the stacks are fixed"
    assert data.spec.shape == (3, 28, 28) and data.spec.num_classes == 1000 and data.test is not None
    assert (len(data.train) + len(data.held_out), len(data.test)) == (2000, 10_000)
    mnist = open_dataset(DataRecipe(source="mnist"), cache=tmp_path)
    assert mnist.test is not None and mnist.test.labels is not None and data.test.labels is not None
    digit = {bytes(row): label for row, label in zip(mnist.test.raw(np.arange(10_000)), mnist.test.labels, strict=True)}
    stacks = data.test.raw(np.arange(300))
    spelt = [100 * digit[bytes(a)] + 10 * digit[bytes(b)] + digit[bytes(c)] for a, b, c in stacks[:, :, None]]
    assert spelt == data.test.labels[:300].tolist()


def test_real_folders(real_data: Path, tmp_path: Path) -> None:
    """Counts as published, and no file that Reverie cannot read."""
    for path, images, shape, classes in (
        ("sign-digits/sign_digits_100.zip", 1653, (3, 32, 32), 10),
        ("olivetti-faces/olivetti_faces.npz", 400, (1, 32, 32), 40),
    ):
        data = open_dataset(DataRecipe(source=str(real_data / path), size=32), cache=tmp_path)
        assert everything(data) == images and data.report.unreadable == ()
        assert (data.spec.shape, data.spec.num_classes) == (shape, classes)


def test_cifar10_jpeg_says_what_it_is(real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lossy copy never goes by the name of the original. (Decoding it takes long: only the listing.)"""
    source = named.cifar10(tmp_path)
    assert source.name == "cifar10-jpeg"
    assert source.parts(np.arange(source.num)) == {"train": 50_000, "held_out": 0, "test": 8_000}
    labels, classes = source.labels(np.arange(source.num))
    assert labels is not None and classes == named.CLASSES["cifar10"]
    assert np.bincount(labels[:50_000]).tolist() == [5000] * 10 and np.bincount(labels[50_000:]).tolist() == [800] * 10


def test_a_wrong_local_file(real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(real_data / "mnist", tmp_path / "mnist")
    path = tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz"
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[5000] ^= 1
    path.write_bytes(gzip.compress(content))
    monkeypatch.setenv("REVERIE_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte\.gz: is not the published file"):
        open_dataset(DataRecipe(source="mnist"), cache=tmp_path / "cache")


CONTENT = b"the original bytes" * 100


class Mirror(http.server.BaseHTTPRequestHandler):
    """A mirror with one good file, one bad, and nothing else."""

    asked: list[str] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        body = {"/good.gz": gzip.compress(CONTENT), "/bad.gz": gzip.compress(CONTENT + b"!")}.get(self.path)
        self.send_response(200 if body else 404)
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.delenv("REVERIE_DATA", raising=False)
    Mirror.asked = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def original(url: str) -> Original:
    return Original("good", url, sha256(CONTENT).hexdigest(), len(CONTENT))


def test_a_download_is_verified_and_kept(mirror: str, tmp_path: Path) -> None:
    assert obtain("set", original(mirror + "/good.gz"), tmp_path) == CONTENT
    assert obtain("set", original(mirror + "/good.gz"), tmp_path) == CONTENT
    assert Mirror.asked == ["/good.gz"]
    kept = tmp_path / "downloads" / "set" / "good.gz"
    kept.write_bytes(kept.read_bytes()[:40])
    assert obtain("set", original(mirror + "/good.gz"), tmp_path) == CONTENT, "a damaged download is fetched again"


@pytest.mark.parametrize("file", ["/bad.gz", "/missing.gz"])
def test_a_failed_download_is_one_sentence_and_no_retry(mirror: str, file: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        obtain("set", original(mirror + file), tmp_path)
    text = str(caught.value)
    assert file in text and "set REVERIE_DATA=DIR" in text and "DIR/set/" in text and "\n" not in text
    assert Mirror.asked == [file] and not list(tmp_path.rglob("*.gz"))


def test_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REVERIE_DATA", str(tmp_path / "mine"))
    with pytest.raises(DataError, match=r"cannot be downloaded .* Put good into .*mine/set/"):
        obtain("set", original("http://127.0.0.1:1/good.gz"), tmp_path)


def test_a_gzip_bomb_stops_at_the_size_of_the_original(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "good.gz").write_bytes(gzip.compress(bytes(50_000_000)))
    monkeypatch.setenv("REVERIE_DATA", str(tmp_path))
    with pytest.raises(DataError, match="not the published file"):
        obtain("set", original("http://127.0.0.1:1/good.gz"), tmp_path)


def test_cifar10_from_its_binary_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small archive of the official layout, under its own checksum."""
    rng = np.random.default_rng(0)
    records = rng.integers(0, 256, (60, 3073), dtype=np.uint8)
    records[:, 0] = np.arange(60) % 10
    files = {f"data_batch_{i + 1}.bin": records[10 * i : 10 * i + 10] for i in range(5)} | {
        "test_batch.bin": records[50:]
    }
    with tarfile.open(tmp_path / "made.tar.gz", "w:gz") as tar:
        for name, part in files.items():
            entry = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            entry.size = part.nbytes
            tar.addfile(entry, io.BytesIO(part.tobytes()))
    (tmp_path / "cifar10").mkdir()
    (tmp_path / "made.tar.gz").rename(tmp_path / "cifar10" / "cifar-10-binary.tar.gz")
    content = (tmp_path / "cifar10" / "cifar-10-binary.tar.gz").read_bytes()
    made = Original("cifar-10-binary.tar.gz", "http://127.0.0.1:1/x", sha256(content).hexdigest(), len(content))
    monkeypatch.setattr(named, "CIFAR10", made)
    monkeypatch.setenv("REVERIE_DATA", str(tmp_path))
    drawing = named.cifar10(tmp_path).begin(None)  # type: ignore[attr-defined]
    images, _ = drawing.draw(0, 60)
    assert np.array_equal(images.reshape(60, -1), records[:, 1:]) and drawing.parts == (50_000, 0, 10_000)
    assert [drawing.classes[i] for i in drawing.labels[:3]] == ["airplane", "automobile", "bird"]


def test_resizing_binary_images_makes_greys(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 2, (20, 1, 8, 8), dtype=np.uint8) * np.uint8(255)
    source = Drawn("bits", "bits", lambda _: from_array(images), binary=True)
    assert prepare(source, View(), tmp_path).manifest.binary
    assert not prepare(source, View(size=(6, 6)), tmp_path).manifest.binary


def test_binarized_mnist_from_its_text_files() -> None:
    bits = np.random.default_rng(0).integers(0, 2, (30, 784), dtype=np.uint8)
    text = b"\r\n".join(b" ".join(str(b).encode() for b in row) for row in bits)
    assert np.array_equal(named._bits(text), bits)
    assert named._packed(text) == b"".join(sorted(map(bytes, np.packbits(bits, axis=1))))
