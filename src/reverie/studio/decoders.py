"""The decoder of a run as a file that the page evaluates itself, written once for each state of the weights.

Tracing a model takes seconds of one core and holds Python's lock, so a process of its own does it:
`python -m reverie.studio.decoders RUN WEIGHTS FILE`. Files are kept in the cache, not in the run folder.
"""

import os
import subprocess
import sys
import threading
from pathlib import Path

from reverie.data import cache_root
from reverie.studio.faults import Fault
from reverie.studio.models import Loaded

MOST_FILES = 32
PATIENCE_SECONDS = 300.0
PAGE_BYTES, PAGE_MS = 128 << 20, 30.0  # beyond either, the server decodes
_PACKAGE = Path(__file__).parents[2]
_busy = threading.Lock()


def place(loaded: Loaded, ms: float) -> dict[str, object]:
    """Where the page should decode: {"where": "page" or "server", "url", "bytes", "why"}; bytes once they are known.

    Args:
        loaded: the model.
        ms: that the server takes for one image; a page takes two to four times as long.
    """
    from reverie.ship.decoder_onnx import can_export

    ready = file_of(loaded)
    size = ready.stat().st_size if ready.exists() else None
    largest = sum(tensor.nbytes for tensor in loaded.model.state_dict().values())
    why = can_export()
    if why is None and largest > PAGE_BYTES:
        why = f"The model has {largest / 2**20:.0f} MiB, which is much for a page."
    if why is None and ms > PAGE_MS:
        why = f"One picture takes the server {ms:.0f} ms, and a page several times as long."
    if why is not None:
        return {"where": "server", "url": None, "bytes": None, "why": why}
    why = "The decoder is small, so that the page makes pictures itself and they follow the hand."
    return {"where": "page", "url": f"/api/runs/{loaded.id}/decoder.onnx?v={loaded.version}", "bytes": size, "why": why}


def file_of(loaded: Loaded) -> Path:
    """Where the decoder is, or will be."""
    return cache_root() / "decoders" / f"{loaded.version}.onnx"


def decoder(loaded: Loaded) -> Path:
    """The ONNX file of the decoder; the first call for these weights takes seconds.

    Raises:
        Fault: it cannot be written; the sentence is the exporter's.
    """
    path = file_of(loaded)
    with _busy:
        if path.exists():
            os.utime(path)
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.{os.getpid()}.new")
        try:
            _write(loaded, new)
            new.replace(path)
        finally:
            new.unlink(missing_ok=True)
        _forget(path.parent)
    return path


def _write(loaded: Loaded, path: Path) -> None:
    known = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(_PACKAGE), *known])}
    words = [sys.executable, "-m", "reverie.studio.decoders", str(loaded.path), loaded.weights.stem, str(path)]
    try:
        done = subprocess.run(words, env=environment, capture_output=True, timeout=PATIENCE_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        raise Fault(503, f"{loaded.name}: its decoder could not be written in time. Let the server decode.") from None
    if done.returncode or not path.exists():
        last = next(iter(reversed(done.stderr.decode(errors="replace").strip().splitlines())), "")
        sentence = last.partition("error: ")[2][:400]
        raise Fault(409, sentence or f"{loaded.name}: its decoder cannot be written as ONNX. Let the server decode.")
    if not loaded.is_current():
        raise Fault(409, f"{loaded.name}: has new weights by now. Load the page again.")


def _forget(folder: Path) -> None:
    """Keeps the decoders that were used last."""
    newest = sorted(folder.glob("*.onnx"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in newest[MOST_FILES:]:
        path.unlink(missing_ok=True)


def main(run: str, weights: str, file: str) -> int:
    """Writes the decoder of a run; what goes wrong is a sentence on stderr."""
    from reverie.api.using import load
    from reverie.core.errors import ReverieError
    from reverie.ship.decoder_onnx import export_decoder

    try:
        path = Path(run)
        model = load(path, weights="best" if weights == "best" else "last", device="cpu")
        export_decoder(model, Path(file), name=path.name)
    except ReverieError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
