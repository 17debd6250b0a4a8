"""One file to pixels, against values that were worked out by hand or by another way through numpy."""

import io
import struct
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from reverie.core.errors import DataError
from reverie.core.recipe import DataRecipe
from reverie.core.spec import DataSpec
from reverie.data import read_image
from reverie.data.image import Unreadable, _Budget, decode, look
from reverie.data.view import View

from .conftest import noise


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> io.BytesIO:
    file = io.BytesIO()
    image.save(file, kind, **options)
    file.seek(0)
    return file


def pixels(file: io.BytesIO, channels: int, size: tuple[int, int], **view: object) -> np.ndarray:
    return decode(file, (channels, *size), View(**view))[0]  # type: ignore[arg-type]


GREEN, CLEAR_RED = (0, 255, 0, 255), (255, 0, 0, 0)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F", "YCbCr"])
def test_every_mode_keeps_its_colours(mode: str) -> None:
    """A white, a black and a mid-grey half survive the way through each mode that Pillow can write."""
    grey = np.zeros((4, 6), np.uint8)
    grey[:, 2:4], grey[:, 4:] = 255, 0 if mode == "1" else 136
    image = Image.fromarray(grey)
    if mode in ("I;16", "I"):
        image = Image.fromarray(grey.astype(np.uint16 if mode == "I;16" else np.int32) * 257)
    elif mode == "F":
        image = Image.fromarray(grey.astype(np.float32) / 255)
    elif mode == "P":
        image = image.quantize(4)
    else:
        image = image.convert("RGB").convert(mode)
    kind = "TIFF" if mode in ("CMYK", "I", "F", "YCbCr") else "PNG"
    for channels in (1, 3, 4):
        out = pixels(saved(image, kind), channels, (4, 6)).astype(int)
        assert np.abs(out[: min(channels, 3)] - grey).max() <= 1, mode
        if channels == 4:
            assert (out[3] == 255).all()


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    values = np.array([[0, 1, 128, 129, 255, 256, 4096, 32768, 65534, 65535]], np.uint16).repeat(8, 0)
    for kind in ("PNG", "TIFF"):
        out = pixels(saved(Image.fromarray(values), kind), 1, (8, 10))
        assert out[0, 0].tolist() == [0, 0, 0, 1, 1, 1, 16, 128, 255, 255] == np.round(values[0] / 257).tolist()


def test_values_without_a_known_range_are_refused() -> None:
    for odd in (
        np.array([[-1.0, 2.0]], np.float32),
        np.array([[np.nan, 2]], np.float32),
        np.array([[0, 70_000]], np.int32),
    ):
        with pytest.raises(Unreadable, match="save it with 8 or 16 bits"):
            pixels(saved(Image.fromarray(odd), "TIFF"), 1, (1, 2))


def test_transparent_pixels_show_the_background() -> None:
    image = Image.new("RGBA", (8, 8), CLEAR_RED)
    image.paste(GREEN, (0, 0, 4, 8))
    half = Image.new("RGBA", (8, 8), (255, 0, 0, 128))
    for background in ((255, 255, 255), (10, 20, 30)):
        out = pixels(saved(image), 3, (8, 8), background=background)
        assert (out[:, :, 0].T == GREEN[:3]).all() and (out[:, :, 7].T == background).all()
        mixed = pixels(saved(half), 3, (8, 8), background=background)[:, 0, 0]
        exact = 128 / 255 * np.array([255, 0, 0]) + (1 - 128 / 255) * np.array(background)
        assert np.abs(mixed - exact).max() <= 0.5
    small = pixels(saved(image), 3, (4, 4), background=(255, 255, 255))
    assert small[0].max() <= 255 and small[1].min() > 200, "red that nobody saw bleeds into the edge"


def test_palette_with_transparency() -> None:
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 255, 255, 0, 0, 0, 255, 0])
    image.paste(2, (0, 0, 4, 8))
    for transparency in (1, bytes([255, 0, 255])):  # one entry, or an alpha for each
        file = saved(image, transparency=transparency)
        out = pixels(file, 3, (8, 8), background=(1, 2, 3))
        assert out[:, 0, 0].tolist() == [0, 255, 0] and out[:, 0, 7].tolist() == [1, 2, 3]
        assert look(file).transparent and not look(file).grey
        four = pixels(file, 4, (8, 8), background=(1, 2, 3))
        assert four[:, 0, 0].tolist() == [0, 255, 0, 255] and four[:, 0, 7].tolist() == [1, 2, 3, 0]
    gif = saved(image, "GIF", transparency=1)
    assert pixels(gif, 3, (8, 8))[:, 0, 7].tolist() == [255, 255, 255]


def test_a_palette_of_greys_is_grey() -> None:
    assert look(saved(Image.fromarray(noise(0, channels=1)).convert("P"))).grey
    assert look(saved(Image.fromarray(noise(0, channels=1)))).grey
    assert not look(saved(Image.fromarray(noise(0)))).grey


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_rotation(kind: str, orientation: int) -> None:
    """The corner that was red when the picture was taken upright is at the top left again."""
    upright = np.zeros((16, 32, 3), np.uint8)
    upright[:8, :8, 0] = 255
    upright[8:, :8, 2] = 255
    back = {  # how a camera that was held this way stored the upright picture (TIFF 6.0, tag 274)
        1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2), 6: lambda a: np.rot90(a, 1), 7: lambda a: a.transpose(1, 0, 2)[::-1, ::-1],
        8: lambda a: np.rot90(a, -1),
    }  # fmt: skip
    stored = Image.fromarray(np.ascontiguousarray(back[orientation](upright)))
    exif = Image.Exif()
    exif[274] = orientation
    options = {"quality": 95} if kind in ("JPEG", "WEBP") else {}
    file = saved(stored, kind, exif=exif, **options)
    out, facts = decode(file, (3, 16, 32), View())
    assert np.abs(out.astype(int) - upright.transpose(2, 0, 1)).mean() < 4
    assert (facts.height, facts.width) == (16, 32)
    if kind != "TIFF":
        file.seek(0)
        assert (look(file).height, look(file).width) == (16, 32)


def test_fit() -> None:
    wide = np.zeros((8, 24, 3), np.uint8)
    wide[:, :8, 0], wide[:, 8:16, 1], wide[:, 16:, 2] = 255, 255, 255
    file = saved(Image.fromarray(wide))
    assert (pixels(file, 3, (8, 8), fit="crop")[1] == 255).all(), "the middle third is green"
    stretched = pixels(file, 3, (24, 24), fit="stretch")
    assert stretched[0, 12, 3] > 250 and stretched[1, 12, 12] > 250 and stretched[2, 12, 20] > 250
    padded = pixels(file, 3, (24, 24), fit="pad", background=(9, 9, 9))
    assert (padded[:, :7] == 9).all() and (padded[:, 17:] == 9).all() and padded[0, 12, 2] > 250
    tall = pixels(saved(Image.fromarray(wide.transpose(1, 0, 2))), 3, (6, 2), fit="pad", background=(9, 9, 9))
    assert tall[0, 0, 0] > 240 and tall[2, 5, 1] > 240
    clear = pixels(saved(Image.new("RGBA", (8, 24), GREEN)), 4, (24, 24), fit="pad", background=(9, 8, 7))
    assert clear[:, 0, 0].tolist() == [9, 8, 7, 0] and clear[:, 0, 12].tolist() == list(GREEN)


def test_reducing_is_antialiased() -> None:
    """Stripes of one pixel become an even grey; a filter that only picks pixels would show black or white."""
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 255
    out = pixels(saved(Image.fromarray(stripes)), 1, (8, 8))
    assert np.abs(out.astype(int) - 127.5).max() < 6


def test_jpeg_drafts_agree_with_full_decoding() -> None:
    ramp = np.linspace(0, 255, 1024)
    photo = np.stack([np.add.outer(ramp[:768] / 2, ramp / 2), np.tile(ramp, (768, 1)), np.full((768, 1024), 90)], 2)
    image = Image.fromarray(photo.astype(np.uint8))
    for fit, size in (("crop", (32, 32)), ("pad", (48, 32)), ("stretch", (24, 40))):
        ours = pixels(saved(image, "JPEG", quality=95), 3, size, fit=fit).astype(int)
        whole = pixels(saved(image), 3, size, fit=fit).astype(int)
        assert np.abs(ours - whole).mean() < 1.5, fit


def png(width: int, height: int, bits: int = 1) -> bytes:
    """A PNG of zeros, written by hand and never held in memory."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    packer, row = zlib.compressobj(9), bytes(1 + (width * bits + 7) // 8)
    body = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = png(20_000, 20_000)
    assert len(bomb) < 100_000
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("unpacked"))
    for read in (look, lambda file: decode(file, (3, 8, 8), View())):
        with pytest.raises(Unreadable, match="pixels"):
            read(io.BytesIO(bomb))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM"])
def test_truncated_files_are_unreadable_and_not_grey(kind: str) -> None:
    whole = saved(Image.fromarray(noise(0, 40, 40)), kind).getvalue()
    for share in (0.02, 0.5, 0.97):
        with pytest.raises(Unreadable) as caught:
            pixels(io.BytesIO(whole[: int(share * len(whole))]), 3, (40, 40))
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 140


def test_damaged_bytes_never_escape_as_anything_else() -> None:
    """Flipped bytes give pixels or an Unreadable."""
    rng = np.random.default_rng(0)
    for kind in ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"):
        whole = np.frombuffer(saved(Image.fromarray(noise(1, 16, 16)), kind).getvalue(), np.uint8)
        for _ in range(40):
            broken = whole.copy()
            broken[rng.integers(len(whole), size=4)] = rng.integers(0, 256, 4)
            try:
                out = pixels(io.BytesIO(broken.tobytes()), 3, (16, 16))
                assert out.shape == (3, 16, 16)
            except Unreadable:
                pass


def test_read_image_is_an_item(tmp_path: Path) -> None:
    Image.fromarray(noise(5)).save(tmp_path / "a.png")
    spec = DataSpec(channels=3, height=12, width=12)
    exact = noise(5).transpose(2, 0, 1) / 127.5 - 1
    assert np.abs(read_image(tmp_path / "a.png", DataRecipe(), spec).numpy() - exact).max() < 1e-6
    coins = read_image(tmp_path / "a.png", DataRecipe(binarize="dynamic"), spec)
    assert set(coins.unique().tolist()) == {-1.0, 1.0}
    for path, says in (("none.png", "No such file"), (".", "directory")):
        with pytest.raises(DataError, match=says):
            read_image(tmp_path / path, DataRecipe(), spec)


def test_many_threads_share_the_memory_for_large_pictures() -> None:
    """Never more pixels in flight than the budget, except one picture that is larger alone."""
    budget, in_flight, most = _Budget(100), [0], [0]
    lock = threading.Lock()

    def decode_one(pixels: int) -> None:
        with budget.spend(pixels):
            with lock:
                in_flight[0] += min(pixels, 100)
                most[0] = max(most[0], in_flight[0])
            time.sleep(0.001)
            with lock:
                in_flight[0] -= min(pixels, 100)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(decode_one, [30, 60, 500, 10, 100, 45, 20, 1] * 5))
    assert in_flight[0] == 0 and 60 <= most[0] <= 100
