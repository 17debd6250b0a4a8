"""The original files of well-known sets: found in REVERIE_DATA or among earlier downloads, else downloaded, and always
verified by the SHA-256 of their unpacked content. A source of bytes; `named.py` knows what they mean."""

import gzip
import http.client
import os
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from reverie.core.errors import DataError
from reverie.core.run import atomic_write

TIMEOUT_S = 30


@dataclass(frozen=True)
class Original:
    """One file of a published set.

    Args:
        file: its name, without the .gz that it may be wrapped in.
        url: where it can be downloaded.
        sha256: of the content, unpacked.
        most_bytes: the content is no longer than this.
        canonical: what of the content is verified, where copies differ in ways that do not matter.
    """

    file: str
    url: str
    sha256: str
    most_bytes: int
    canonical: Callable[[bytes], bytes] | None = None

    def verify(self, content: bytes) -> bool:
        """True when the content is the published one."""
        return sha256(self.canonical(content) if self.canonical else content).hexdigest() == self.sha256


def local(name: str, file: str) -> Path | None:
    """REVERIE_DATA/name/file, gzipped or not, if it is there."""
    folder = os.environ.get("REVERIE_DATA")
    if not folder:
        return None
    beside = [Path(folder).expanduser() / name / (file + end) for end in ("", ".gz")]
    return next((path for path in beside if path.is_file()), None)


def obtain(name: str, original: Original, root: Path) -> bytes:
    """The verified content of a file.

    Args:
        name: the set's name, which is its folder's name.
        original: the file.
        root: the cache's root folder, where downloads are kept.

    Raises:
        DataError: a local file is not the published one, or the download failed.
    """
    found = local(name, original.file)
    if found is not None:
        content = _unpacked(found.read_bytes(), original)
        if content is None:
            raise DataError(
                f"{found}: is not the published file (its SHA-256 differs). Replace it, or take it away to download it."
            )
        return content
    kept = root / "downloads" / name / original.url.rsplit("/", 1)[-1]
    if kept.is_file():
        content = _unpacked(kept.read_bytes(), original)
        if content is not None:
            return content
    return _download(name, original, kept)


def _unpacked(raw: bytes, original: Original) -> bytes | None:
    """The content, if it is the published one."""
    if raw[:2] == b"\x1f\x8b" and not original.file.endswith(".gz"):
        try:
            unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
            raw = unpacker.decompress(raw, original.most_bytes + 1)
        except (zlib.error, gzip.BadGzipFile):
            return None
    if len(raw) > original.most_bytes or not original.verify(raw):
        return None
    return raw


def _download(name: str, original: Original, kept: Path) -> bytes:
    folder = os.environ.get("REVERIE_DATA")
    where = Path(folder) / name if folder else f"DIR/{name}"
    help_ = f"Put {original.file} into {where}/" + ("" if folder else ", set REVERIE_DATA=DIR") + ", and start again."
    try:
        with urllib.request.urlopen(original.url, timeout=TIMEOUT_S) as reply:
            raw = reply.read(original.most_bytes + 1)
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        reason = getattr(error, "reason", None) or error
        raise DataError(f"{name}: {original.url} cannot be downloaded ({reason}). {help_}") from None
    content = _unpacked(raw, original)
    if content is None:
        raise DataError(f"{name}: {original.url} is not the published file any more (its SHA-256 differs). {help_}")
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(kept, raw)
    except OSError as error:
        raise DataError(
            f"{kept}: cannot be written ({error.strerror}). Free space, or set REVERIE_CACHE to another folder."
        ) from None
    return content
