"""Well-known sets by name: their files, their meaning, and their official parts.

MNIST (LeCun et al. 1998), Fashion-MNIST (Xiao et al. 2017), CIFAR-10 (Krizhevsky 2009), the fixed binarisation of MNIST
(Salakhutdinov and Murray 2008; Larochelle and Murray 2011) and Stacked MNIST (Metz et al. 2017, 1000 modes).
"""

import io
import tarfile
from functools import partial
from hashlib import sha256
from pathlib import Path

import numpy as np

from reverie.core.errors import DataError
from reverie.core.rng import key
from reverie.data.archive import Archive
from reverie.data.drawn import Drawing, Drawn, from_array
from reverie.data.original import Original, local, obtain
from reverie.data.source import Source, digest

_MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"
_FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
_BINARIZED = "https://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist/"
NUM_STACKS = 128_000
NUM_TEST_STACKS = 10_000


def _idx_files(base: str, digests: tuple[str, str, str, str]) -> tuple[Original, Original, Original, Original]:
    """Training images, training labels, test images, test labels, in the layout of MNIST."""
    names = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
    sizes = (47_040_016, 60_008, 7_840_016, 10_008)
    made = [Original(n, f"{base}{n}.gz", d, s) for n, d, s in zip(names, digests, sizes, strict=True)]
    return made[0], made[1], made[2], made[3]


IDX = {
    "mnist": _idx_files(
        _MNIST,
        (
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
    "fashion-mnist": _idx_files(
        _FASHION,
        (
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
    ),
}
CLASSES = {
    "fashion-mnist": (
        "T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
    ),
    "cifar10": ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
}  # fmt: skip


def _packed(text: bytes) -> bytes:
    """The 784-bit rows of an .amat text, packed and sorted: copies differ in white space and in order."""
    return b"".join(sorted(row.tobytes() for row in np.packbits(_bits(text), axis=1)))


def _bits(text: bytes) -> np.ndarray:
    """(n, 784) of 0 and 1 from digits and white space; nothing else survives verification."""
    values = np.frombuffer(text, np.uint8)
    values = values[(values == ord("0")) | (values == ord("1"))] - ord("0")
    return values[: len(values) // 784 * 784].reshape(-1, 784)


def _amat(part: str, num: int, digest_: str) -> Original:
    file = f"binarized_mnist_{part}.amat"
    return Original(file, _BINARIZED + file, digest_, num * 784 * 3, _packed)


BINARIZED = (
    _amat("train", 50_000, "aae6de292e6b68d898acf52062a1ac62907fc7ab417c59582d6523a1da0f9a61"),
    _amat("valid", 10_000, "d10b4edf2e0765693846b51a5895f81f69fa37b6459b7f665bfa9c8cc9723622"),
    _amat("test", 10_000, "87ff96664646cc41575aeb3ae4fbbabc1475ca3d42be4659d7a829d9f22c845a"),
)
CIFAR10 = Original(
    "cifar-10-binary.tar.gz",
    "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9dddda3db29a59bca1dd",
    170_052_171,
)
CIFAR10_JPEG = {
    "cifar10_train.zip": "6dbd4c4c57b050b1d86d25f4572b9047cc3bf3ee31dd2522135a357def3f25ca",
    "cifar10_test_part.zip": "99f481878f7296463333e6aebc6c188fa7134883c31531aac90fc8277c909570",
}


def idx_set(name: str, root: Path) -> Source:
    """`mnist` and `fashion-mnist`: 60,000 training and 10,000 test images, in the original order."""
    key_ = digest(name, *(original.sha256 for original in IDX[name]))
    return Drawn(name, key_, lambda _: from_array(*_idx_arrays(name, root), **_named(name)))


def _named(name: str) -> dict[str, tuple]:
    return {"classes": CLASSES.get(name, ()), "parts": (60_000, 0, 10_000)}


def _idx_arrays(name: str, root: Path) -> tuple[np.ndarray, np.ndarray]:
    """(images (70000, 1, 28, 28), labels (70000,)), training first. The headers are a part of what was verified."""
    raw = [obtain(name, original, root) for original in IDX[name]]
    images = [np.frombuffer(content, np.uint8, offset=16) for content in raw[0::2]]
    labels = [np.frombuffer(content, np.uint8, offset=8) for content in raw[1::2]]
    return np.concatenate(images).reshape(-1, 1, 28, 28), np.concatenate(labels)


def binarized_mnist(root: Path) -> Source:
    """The fixed binarisation of MNIST: train 50,000, valid 10,000 (held out), test 10,000; no labels."""

    def begin(_: tuple[int, int] | None) -> Drawing:
        parts = _binarized_parts(root)
        images = np.concatenate(parts).reshape(-1, 1, 28, 28) * np.uint8(255)
        return from_array(images, parts=(len(parts[0]), len(parts[1]), len(parts[2])))

    return Drawn("binarized-mnist", digest("binarized-mnist", *(o.sha256 for o in BINARIZED)), begin, binary=True)


def _binarized_parts(root: Path) -> list[np.ndarray]:
    """Train, valid and test as (n, 784) of 0 and 1: packed in one .npz, else from the published text files."""
    path = local("binarized-mnist", "binarized_mnist.npz")
    if path is None:
        return [_bits(obtain("binarized-mnist", original, root)) for original in BINARIZED]
    try:
        with np.load(path, allow_pickle=False) as file:
            packed = [file[part] for part in ("train", "valid", "test")]
        sorted_rows = [b"".join(sorted(row.tobytes() for row in rows)) for rows in packed]
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise DataError(f"{path}: cannot be read ({str(error)[:100]}). Replace it, or take it away.") from None
    if [sha256(rows).hexdigest() for rows in sorted_rows] != [original.sha256 for original in BINARIZED]:
        raise DataError(f"{path}: is not the fixed binarisation (its SHA-256 differs). Replace it, or take it away.")
    return [np.unpackbits(rows, axis=1) for rows in packed]


def stacked_mnist(num: int | None, root: Path) -> Source:
    """Three random digits as the channels of one image; the label 0 .. 999 is the number that they spell."""
    num = num or NUM_STACKS
    parts = (num, 0, NUM_TEST_STACKS)

    def begin(_: tuple[int, int] | None) -> Drawing:
        images, labels = _idx_arrays("mnist", root)
        train = np.random.Generator(np.random.PCG64(key("stacked-mnist", "train"))).integers(60_000, size=(num, 3))
        test = np.random.Generator(np.random.PCG64(key("stacked-mnist", "test"))).integers(10_000, size=(parts[2], 3))
        triples = np.concatenate([train, 60_000 + test])
        spelt = labels[triples].astype(np.int64) @ np.array([100, 10, 1])
        return Drawing(
            len(triples),
            (3, 28, 28),
            lambda first, count: (images[triples[first : first + count], 0], {}),
            spelt,
            tuple(f"{n:03d}" for n in range(1000)),
            parts,
        )

    return Drawn("stacked-mnist", digest("stacked-mnist", parts, *(o.sha256 for o in IDX["mnist"])), begin)


def cifar10(root: Path) -> Source:
    """CIFAR-10: the official binary version, or where only it is at hand the lossy JPEG copy under its own name."""
    if local("cifar10", CIFAR10.file) is None and local("cifar10-jpeg", "cifar10_train.zip") is not None:
        return cifar10_jpeg()
    return Drawn("cifar10", digest("cifar10", CIFAR10.sha256), partial(_cifar10, root))


def _cifar10(root: Path, _: tuple[int, int] | None) -> Drawing:
    """Records of one label byte and 3 x 32 x 32 pixel bytes, in five training files and one test file."""
    names = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]
    with tarfile.open(fileobj=io.BytesIO(obtain("cifar10", CIFAR10, root))) as tar:
        found = [tar.extractfile(f"cifar-10-batches-bin/{name}") for name in names]
        content = b"".join(file.read() for file in found if file is not None)
    records = np.frombuffer(content, np.uint8).reshape(-1, 3073)
    images = records[:, 1:].reshape(-1, 3, 32, 32)
    return from_array(images, records[:, 0], classes=CLASSES["cifar10"], parts=(50_000, 0, 10_000))


def cifar10_jpeg() -> Source:
    """CIFAR-10 as JPEG (quality 75), with 8,000 of the 10,000 test images: not comparable with published scores."""
    paths: list[Path | None] = []
    for file, expected in CIFAR10_JPEG.items():
        path = local("cifar10-jpeg", file)
        if path is None:
            raise DataError(f"cifar10-jpeg: needs {file} in DIR/cifar10-jpeg/ and REVERIE_DATA=DIR. Or use 'cifar10'.")
        if sha256(path.read_bytes()).hexdigest() != expected:
            raise DataError(f"{path}: is not the file it should be (its SHA-256 differs). Replace it.")
        paths.append(path)
    return Archive("cifar10-jpeg", [paths[0], None, paths[1]])
