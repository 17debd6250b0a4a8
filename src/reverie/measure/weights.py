"""Weights of extractors that others trained: files that the user has. Nothing is downloaded, and nothing is unpickled.

DIR/NAME/model.safetensors      DIR is --weights-dir or REVERIE_WEIGHTS
"""

import os
from hashlib import sha256
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from reverie.core.errors import UsageError

FILE = "model.safetensors"


def read_weights(
    asked: str, name: str, given: Path | None, source: str, *, instead: str
) -> tuple[dict[str, Tensor], str]:
    """The tensors of DIR/NAME/model.safetensors and the file's SHA-256, in hex.

    Args:
        asked: what the user gave, for messages: "--features NAME".
        name: of the net, and of its folder.
        given: --weights-dir; REVERIE_WEIGHTS when left out.
        source: how to come by them, for messages: "get X from Y".
        instead: what to use without them.
    Raises:
        UsageError: no folder is named, the file is not there, or it is damaged.
    """
    root = given or (Path(os.environ["REVERIE_WEIGHTS"]) if os.environ.get("REVERIE_WEIGHTS") else None)
    if root is None:
        raise UsageError(
            f"{asked}: needs {name}/{FILE} in a folder named by --weights-dir or REVERIE_WEIGHTS "
            f"({source}). Or use {instead}."
        )
    path = root.expanduser() / name / FILE
    try:
        tensors = safetensors.torch.load_file(path)
        with path.open("rb") as file:
            state = sha256()
            while block := file.read(2**20):
                state.update(block)
    except FileNotFoundError:
        raise UsageError(
            f"{asked}: needs {path}, which is not there ({source}; name the folder above with "
            f"--weights-dir or REVERIE_WEIGHTS). Or use {instead}."
        ) from None
    except (OSError, ValueError, SafetensorError) as error:
        reason = str(error).strip().split("\n")[0][:160]
        raise UsageError(f"{asked}: {path} cannot be loaded ({reason}). To have it again, {source}.") from None
    return tensors, state.hexdigest()
