"""Tensors on disk: safetensors with a digest, written atomically, read with suspicion. No pickle, in or out."""

import json
import os
import shutil
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from reverie.core.errors import RunError
from reverie.core.recipe import Recipe
from reverie.core.run import atomic_write, sync_folder
from reverie.core.spec import DataSpec


def write_tensors(path: Path, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
    """Writes tensors and a JSON description; `path` holds the old content or the new one at every instant.

    Raises:
        OSError: the disk is full or the folder read-only; `path` is untouched.
    """
    plain = {name: tensor.detach().to("cpu").contiguous() for name, tensor in tensors.items()}
    text = json.dumps(about, sort_keys=True)
    told = json.dumps({"about": text, "sha256": _digest(plain, text)})
    # one key: safetensors writes several in any order, and equal weights should be equal files
    atomic_write(path, safetensors.torch.save(plain, {"reverie": told}))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the description, if every byte is as it was written.

    Raises:
        RunError: missing, truncated, altered, or not ours.
    """
    try:
        with safetensors.safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except FileNotFoundError:
        raise RunError(f"{path}: is missing. `reverie resume {_run_of(path)}` trains on and writes it.") from None
    except (OSError, safetensors.SafetensorError, ValueError, KeyError) as error:
        raise RunError(
            f"{path}: is damaged ({_short(error)}). `reverie resume {_run_of(path)}` writes it anew."
        ) from None
    try:
        told = json.loads(metadata["reverie"])
        text, about = told["about"], json.loads(told["about"])
        sound = told["sha256"] == _digest(tensors, text)
    except (KeyError, TypeError, ValueError):
        sound, about = False, {}
    if not sound:
        raise RunError(f"{path}: is damaged (its checksum differs). `reverie resume {_run_of(path)}` writes it anew.")
    return tensors, about


def save_weights(path: Path, model: nn.Module, recipe: Recipe, spec: DataSpec, images: int) -> None:
    """Writes a model's weights under their plain names, with all that is needed to build the model again."""
    about = {"recipe": recipe.to_toml(), "spec": asdict(spec), "images": images, "format": 1}
    write_tensors(path, model.state_dict(), about)


def load_weights(path: Path) -> tuple[dict[str, Tensor], DataSpec, int]:
    """(state dict, data spec, images seen) of a weights file."""
    tensors, about = read_tensors(path)
    try:
        spec = about["spec"] | {"classes": tuple(about["spec"]["classes"])}
        return tensors, DataSpec(**spec), int(about["images"])
    except (KeyError, TypeError, ValueError):
        raise RunError(f"{path}: is not a weights file of Reverie. Name a run folder.") from None


class States:
    """What a resume needs, in `state/`: the newest state, and the one before it until the newest was read back.

    Args:
        folder: the run's `state` folder.
    """

    def __init__(self, folder: Path) -> None:
        self.newest, self.previous = folder / "state.safetensors", folder / "previous.safetensors"
        self.healthy = [folder / f"healthy{age}.safetensors" for age in ("", "-1", "-2", "-first")]

    def save(self, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
        """Keeps the current state as the previous one, writes the new one, reads it back."""
        if self.newest.exists():
            link = self.previous.with_name(".link.tmp")
            link.unlink(missing_ok=True)
            try:
                os.link(self.newest, link)  # both names exist at every instant; a rename would leave a gap
            except OSError:  # a file system without hard links
                shutil.copyfile(self.newest, link)
            link.replace(self.previous)
            sync_folder(self.newest.parent)
        write_tensors(self.newest, tensors, about)
        read_tensors(self.newest)
        self.previous.unlink(missing_ok=True)

    def save_healthy(self, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
        """Keeps a state in which nothing was found: the last three of them, and the first. A finding is dated by its
        first sign, some probes before it is found, and what a treatment starts from is older than that."""
        newest, *older = self.healthy
        if not older[-1].exists() and older[-2].exists():
            older[-2].replace(older[-1])
        for younger, place in ((older[0], older[1]), (newest, older[0])):
            if younger.exists():
                younger.replace(place)
        write_tensors(newest, tensors, about)

    def load_healthy(self, before: int | None = None) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """The last state in which nothing was wrong, and its description; None when none is kept.

        Args:
            before: training images that had not yet been seen; left out: any number.

        Raises:
            RunError: one is damaged, or does not say when it was.
        """
        for path in self.healthy:
            if path.exists():
                tensors, about = read_tensors(path)
                images, seconds = about.get("images"), about.get("seconds")
                if not (isinstance(images, int) and images >= 0 and isinstance(seconds, int | float) and seconds >= 0):
                    raise RunError(f"{path}: does not say when it was saved. Use --fresh to start from no weights.")
                if before is None or images < before:
                    return tensors, about
        return None

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any], str | None] | None:
        """The newest state that can be read, its description, and a sentence if that was not the newest; None when
        nothing was saved yet.

        Raises:
            RunError: there are states and none can be read.
        """
        problem: str | None = None
        for path in (self.newest, self.previous):
            if path.exists():
                try:
                    return (*read_tensors(path), problem)
                except RunError as error:
                    problem = str(error)
        if problem:
            run = _run_of(self.newest)
            raise RunError(
                f"{run}: no checkpoint can be read (the newest is damaged). Its weights/ may still be good; "
                f"to train again from the start use `reverie train {run}/recipe.toml --run NEW`."
            )
        return None


def pack(parts: dict[str, dict[str, Tensor]]) -> dict[str, Tensor]:
    """One flat dict, names joined by a slash."""
    return {f"{part}/{name}": tensor for part, tensors in parts.items() for name, tensor in tensors.items()}


def unpack(tensors: dict[str, Tensor], part: str) -> dict[str, Tensor]:
    """The tensors of one part, by their own names."""
    return {name.removeprefix(part + "/"): t for name, t in tensors.items() if name.startswith(part + "/")}


def _digest(tensors: dict[str, Tensor], text: str) -> str:
    digest = sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name}{tensor.dtype}{tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _run_of(path: Path) -> Path:
    return path.parent.parent if path.parent.name in ("weights", "state") else path


def _short(error: Exception) -> str:
    return str(error).split("\n")[0][:120]
