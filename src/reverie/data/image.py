"""One image file -> pixels of the wanted shape, whatever its mode; hostile files are refused, broken ones explained.

Order: header (size check) -> decode -> EXIF rotation -> 8-bit grey or RGB, with alpha where there is some ->
antialiased resize -> background. Transparency is laid on the background after resizing, in premultiplied arithmetic.
"""

import functools
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from reverie.data.view import View

FILTER = "lanczos"  # named in every manifest; another filter is another cache
MAX_PIXELS = 100_000_000
EXTENSIONS = frozenset(
    ".apng .avif .bmp .dib .gif .ico .j2k .jfif .jp2 .jpe .jpeg .jpg .mpo .pbm .pgm .png .pnm .ppm .tif .tiff "
    ".webp".split()
)
# A closed list: Pillow also reads formats that call other programs (EPS) or accept almost any bytes (TGA).
_FORMATS = ("PNG", "JPEG", "MPO", "GIF", "BMP", "DIB", "WEBP", "TIFF", "PPM", "AVIF", "JPEG2000", "ICO")

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class _Budget:
    """Pixels that all threads together may be decoding: many small pictures at once, or one large one."""

    def __init__(self, pixels: int) -> None:
        self._all = self._left = pixels
        self._freed = threading.Condition()

    @contextmanager
    def spend(self, pixels: int) -> Iterator[None]:
        """Waits until there is room."""
        pixels = min(pixels, self._all)
        with self._freed:
            self._freed.wait_for(lambda: self._left >= pixels)
            self._left -= pixels
        try:
            yield
        finally:
            with self._freed:
                self._left += pixels
                self._freed.notify_all()


_in_memory = _Budget(32_000_000)


class Unreadable(Exception):
    """One file cannot become an image; `foreign` when it does not even start like one."""

    def __init__(self, reason: str, *, foreign: bool = False) -> None:
        super().__init__(reason)
        self.foreign = foreign


@dataclass(frozen=True)
class Facts:
    """What a file's header says: Pillow's mode, upright size in pixels, whether it is grey, whether it has alpha."""

    mode: str
    width: int
    height: int
    grey: bool
    transparent: bool


@functools.cache
def _formats() -> tuple[str, ...]:
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


@contextmanager
def quiet() -> Iterator[None]:
    """Pillow's warnings about odd files are held back; what matters is reported by file name."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\..*")
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield


@contextmanager
def _explained(*, foreign: bool = False) -> Iterator[None]:
    """Turns whatever a decoder raises into an Unreadable with a short reason."""
    try:
        yield
    except Unreadable:
        raise
    except UnidentifiedImageError:
        raise Unreadable("is of no known image format", foreign=True) from None
    except Image.DecompressionBombError:
        raise Unreadable(f"has more than {MAX_PIXELS:,} pixels") from None
    except Exception as error:  # a hostile file can make a decoder raise nearly anything
        words = " ".join(str(error).split())[:100]
        if "truncated" in words or "Truncated" in words or isinstance(error, EOFError):
            raise Unreadable("is truncated", foreign=foreign) from None
        raise Unreadable(f"cannot be decoded ({words or type(error).__name__})", foreign=foreign) from None


def _opened(file: BinaryIO) -> Image.Image:
    """The image behind a header, not decoded yet."""
    file.seek(0)
    if not file.read(1):
        raise Unreadable("is empty", foreign=True)
    file.seek(0)
    image = Image.open(file, formats=_formats())
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise Unreadable(f"has {width} x {height} pixels, more than {MAX_PIXELS:,}")
    return image


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; damaged EXIF counts as upright."""
    try:
        value = image.getexif().get(0x0112, 1)
    except Exception:  # metadata is no reason to lose a picture
        return 1
    return value if isinstance(value, int) else 1


def look(file: BinaryIO) -> Facts:
    """Reads the header alone.

    Raises:
        Unreadable: no image, or too many pixels.
    """
    with _explained(foreign=True):
        image = _opened(file)
    with _explained():
        # Asking a PNG for EXIF that its header does not hold would decode all of it.
        turned = (image.format != "PNG" or "exif" in image.info) and _orientation(image) >= 5
        return _facts(image, turned=turned)


def _facts(image: Image.Image, *, turned: bool) -> Facts:
    width, height = image.size[::-1] if turned else image.size
    return Facts(image.mode, width, height, _is_grey(image), image.has_transparency_data)


def _is_grey(image: Image.Image) -> bool:
    if image.mode in ("P", "PA"):
        return _is_grey_palette(*image.palette.getdata()) if image.palette else True
    return image.mode in ("1", "L", "LA", "La", "F") or image.mode.startswith("I")


def _is_grey_palette(layout: str, colours: bytes | bytearray) -> bool:
    if layout not in ("RGB", "RGBA", "RGBX", "BGR", "BGRX"):
        return False
    entries = np.frombuffer(bytes(colours[: len(colours) // len(layout) * len(layout)]), np.uint8)
    entries = entries.reshape(-1, len(layout))[:, :3]
    return bool((entries == entries[:, :1]).all())


def decode(file: BinaryIO, shape: tuple[int, int, int], view: View) -> tuple[np.ndarray, Facts]:
    """Reads one image.

    Args:
        file: the bytes, seekable.
        shape: (channels, height, width) wanted; 1 channel is grey, 3 RGB, 4 RGBA.
        view: how other aspect ratios and transparent pixels get there.

    Returns:
        pixels (channels, height, width) uint8, and what the file was.

    Raises:
        Unreadable: no image, broken, truncated, or too many pixels.

    Example:
        >>> import io; file = io.BytesIO(); Image.new("RGBA", (10, 20), (255, 0, 0, 0)).save(file, "PNG")
        >>> pixels, facts = decode(file, (3, 8, 8), View())
        >>> pixels.shape, int(pixels.min()), facts.mode
        ((3, 8, 8), 255, 'RGBA')
    """
    with _explained(foreign=True):
        image = _opened(file)
    with _explained():
        size = image.size
        if image.format in ("JPEG", "MPO"):
            _draft(image, shape, view.fit)
        with _in_memory.spend(image.width * image.height):
            return _decoded(image, size, shape, view)


def _decoded(
    image: Image.Image, size: tuple[int, int], shape: tuple[int, int, int], view: View
) -> tuple[np.ndarray, Facts]:
    """Pixels and facts of an opened image whose file has this (width, height)."""
    image.load()
    orientation = _orientation(image)  # after loading: Pillow turns TIFF by itself, and says so then
    facts = _facts(image, turned=False)
    upright = image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image
    if image.format != "TIFF":  # a draft of a JPEG is smaller than the file
        width, height = size[::-1] if orientation >= 5 else size
        facts = Facts(facts.mode, width, height, facts.grey, facts.transparent)
    return conform(upright, shape, view), facts


def _draft(image: Image.Image, shape: tuple[int, int, int], fit: str) -> None:
    """Lets the JPEG decoder skip detail beyond twice the wanted size: several times faster on photographs."""
    _, height, width = shape
    wide, tall = image.size[::-1] if _orientation(image) >= 5 else image.size
    ratios = (width / wide, height / tall)
    scale = 2 * (min(ratios) if fit == "pad" else max(ratios))
    needed = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    image.draft(None, needed)  # pyright: ignore[reportArgumentType]  # None keeps the mode


def conform(image: Image.Image, shape: tuple[int, int, int], view: View) -> np.ndarray:
    """Brings a decoded, upright image to the shape: (channels, height, width) uint8."""
    channels, height, width = shape
    image = _standard(image, grey=channels == 1)
    alpha = image.mode in ("LA", "RGBA")
    background = _luma(view.background) if channels == 1 else view.background
    pixels = np.asarray(_fitted(image, (width, height), view.fit, background))
    pixels = pixels.reshape(height, width, -1)
    if channels == 4:
        pixels = _with_hidden_pixels(pixels, background, alpha=alpha)
    elif alpha:
        pixels = _composite(pixels, background)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _luma(colour: tuple[int, int, int]) -> tuple[int]:
    return (Image.new("RGB", (1, 1), colour).convert("L").getpixel((0, 0)),)  # pyright: ignore[reportReturnType]


def _standard(image: Image.Image, *, grey: bool) -> Image.Image:
    """Any mode as 8-bit L or LA (for grey), else RGB or RGBA."""
    if image.mode == "F" or image.mode.startswith("I"):
        image = _eight_bit(image)
    mode = ("LA" if grey else "RGBA") if image.has_transparency_data else ("L" if grey else "RGB")
    if image.mode == mode:
        return image
    if grey and image.mode in ("P", "PA"):  # Pillow has no way from a palette to LA that minds its transparency
        image = image.convert("RGBA" if mode == "LA" else "RGB")
    return image.convert(mode)


def _eight_bit(image: Image.Image) -> Image.Image:
    """16-bit grey by its whole range 0..65535; floats by the range 0..1, 0..255 or 0..65535 that holds them."""
    values = np.asarray(image)
    low, high = float(values.min()), float(values.max())
    top = 65535.0
    if image.mode == "F":
        top = 1.0 if high <= 1 else 255.0 if high <= 255 else 65535.0
    if not (low >= 0 and high <= top):  # also when a value is not a number
        raise Unreadable(f"has values from {low:g} to {high:g}; save it with 8 or 16 bits")
    return Image.fromarray(np.round(values * (255.0 / top)).astype(np.uint8))


def _fitted(image: Image.Image, size: tuple[int, int], fit: str, background: tuple[int, ...]) -> Image.Image:
    """Resizes to (width, height) with antialiasing."""
    if image.size == size:
        return image
    (width, height), (wide, tall) = size, image.size
    if fit == "stretch":
        return _resized(image, size, (0, 0, wide, tall))
    if fit == "crop":
        scale = max(width / wide, height / tall)
        left, top = max(0.0, (wide - width / scale) / 2), max(0.0, (tall - height / scale) / 2)
        return _resized(image, size, (left, top, wide - left, tall - top))
    scale = min(width / wide, height / tall)
    inner = max(1, round(wide * scale)), max(1, round(tall * scale))
    clear = (0,) if image.mode in ("LA", "RGBA") else ()
    canvas = Image.new(image.mode, size, background + clear)
    canvas.paste(_resized(image, inner, (0, 0, wide, tall)), ((width - inner[0]) // 2, (height - inner[1]) // 2))
    return canvas


def _resized(image: Image.Image, size: tuple[int, int], box: tuple[float, float, float, float]) -> Image.Image:
    return image.resize(size, Image.Resampling.LANCZOS, box=box, reducing_gap=3.0)


def _composite(pixels: np.ndarray, background: tuple[int, ...]) -> np.ndarray:
    """(h, w, colours and alpha) over the background, rounded to nearest."""
    alpha = pixels[..., -1:].astype(np.uint32)
    under = np.array(background, np.uint32)
    return ((pixels[..., :-1] * alpha + under * (255 - alpha) + 127) // 255).astype(np.uint8)


def _with_hidden_pixels(pixels: np.ndarray, background: tuple[int, ...], *, alpha: bool) -> np.ndarray:
    """(h, w, 4): opaque where there was no alpha; what nobody can see gets the background's colour."""
    if not alpha:
        return np.concatenate([pixels, np.full_like(pixels[..., :1], 255)], axis=-1)
    return np.where(pixels[..., -1:] == 0, np.array([*background, 0], np.uint8), pixels)
