"""Arrays in an .npz file: which of them are images and which are labels, and what their values mean."""

import zlib
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from reverie.core.errors import DataError
from reverie.data.archive import open_zip
from reverie.data.drawn import Drawing, from_array

_LABELS = ("labels", "label", "y", "targets", "target", "classes")


def load_npz(path: Path) -> Drawing:
    """The images of an .npz file, with labels where an array fits.

    Images are the array with 3 or 4 axes: (n, h, w), (n, h, w, c) or (n, c, h, w), of uint8, bool, uint16, or floats in
    [0, 1]. With the names of Keras (x_train, y_train, x_test, y_test) the test part is kept apart.

    Raises:
        DataError: damaged, a bomb, holds Python objects, no images, several candidates, or odd values.
    """
    open_zip(path).close()
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, BadZipFile, zlib.error, KeyError, MemoryError) as error:
        raise DataError(f"{path}: cannot be read ({str(error)[:120]}). Save plain arrays with numpy.savez.") from None
    if "x_train" in arrays and "x_test" in arrays:
        return _with_test_part(path, arrays)
    found = {name: a for name, a in arrays.items() if a.ndim in (3, 4)}
    if len(found) != 1:
        named = {name: a for name, a in found.items() if name in ("images", "image", "x", "x_train")}
        if len(named) != 1:
            held = ", ".join(f"{n} {a.shape}" for n, a in arrays.items()) or "nothing"
            raise DataError(
                f"{path}: holds {held}; one array must have the shape (n, h, w), (n, h, w, c) or (n, c, h, w)."
            )
        found = named
    ((name, images),) = found.items()
    return from_array(_pixels(images, f"{path}: {name}"), _labels(arrays, name, len(images)))


def _with_test_part(path: Path, arrays: dict[str, np.ndarray]) -> Drawing:
    train, test = (_pixels(arrays[n], f"{path}: {n}") for n in ("x_train", "x_test"))
    if train.shape[1:] != test.shape[1:]:
        raise DataError(f"{path}: x_train and x_test differ in shape ({train.shape}, {test.shape}). Save them alike.")
    labels = None
    if "y_train" in arrays and "y_test" in arrays:
        labels = np.concatenate([arrays["y_train"].reshape(-1), arrays["y_test"].reshape(-1)])
        if len(labels) != len(train) + len(test):
            raise DataError(f"{path}: has {len(labels)} labels for {len(train) + len(test)} images. Save one for each.")
    return from_array(np.concatenate([train, test]), labels, parts=(len(train), 0, len(test)))


def _labels(arrays: dict[str, np.ndarray], images: str, num: int) -> np.ndarray | None:
    """The array of labels: by its name, else the only one of the right length."""
    fitting = {n: a for n, a in arrays.items() if n != images and a.shape == (num,) and a.dtype.kind in "iubUS"}
    for name in (*_LABELS, images.replace("x", "y")):
        if name in fitting:
            return fitting[name]
    return next(iter(fitting.values())) if len(fitting) == 1 else None


def _pixels(images: np.ndarray, where: str) -> np.ndarray:
    """(n, c, h, w) uint8."""
    if images.ndim not in (3, 4) or 0 in images.shape:
        raise DataError(f"{where} has the shape {images.shape}; images are (n, h, w), (n, h, w, c) or (n, c, h, w).")
    if images.ndim == 3:
        images = images[:, None]
    elif images.shape[3] <= 4 < images.shape[2] or images.shape[1] > 4:
        images = images.transpose(0, 3, 1, 2)
    if not 1 <= images.shape[1] <= 4:
        raise DataError(f"{where} has {images.shape[1]} channels; images have 1 to 4.")
    if images.dtype == np.uint8:
        return images
    if images.dtype == bool:
        return images.astype(np.uint8) * np.uint8(255)
    if images.dtype.kind not in "fiu":
        raise DataError(f"{where} is of type {images.dtype}. Save uint8, or floats in [0, 1].")
    low, high = float(images.min()), float(images.max())
    top = {"f": 1.0}.get(images.dtype.kind, 255.0 if high <= 255 else 65535.0)
    if not (low >= 0 and high <= top):
        raise DataError(f"{where} has values from {low:g} to {high:g}. Save uint8, or floats in [0, 1].")
    return np.stack([np.round(image * (255.0 / top)).astype(np.uint8) for image in images])
