"""A frozen encoder that others trained, as a run: measured, compared and used like one's own."""

from pathlib import Path
from typing import Any

import torch

from reverie.api.showing import open_data
from reverie.api.training import new_folder, recipe, write_env
from reverie.core.errors import RunError, UsageError
from reverie.core.event import Finished, Started
from reverie.core.family import get_family
from reverie.core.run import Run, explained
from reverie.measure.dinov2 import HUBS, open_dinov2
from reverie.train.checkpoint import save_weights


def adopt(
    encoder: str,
    data: str,
    *,
    run: Path | str | None = None,
    weights_dir: Path | None = None,
    settings: dict[str, Any] | None = None,
) -> Run:
    """Writes a run folder around a frozen encoder, for images of some data.

    What can be done with a trained encoder can be done with it: `measure --probe`, `--features run:PATH`, `load`.

    Args:
        encoder: "dinov2-s14" or "dinov2-b14".
        data: the images that it will be asked about: what `train` takes.
        run: the folder, which must be new; left out: a new one under `runs/`.
        weights_dir: holds ENCODER/model.safetensors; REVERIE_WEIGHTS when left out.
        settings: dotted keys of the recipe, such as {"data.size": 64}.
    Raises:
        UsageError: no such encoder, or its weights are not there.
        RunError: the folder exists, or cannot be written.
    """
    if encoder not in HUBS:
        raise UsageError(f"adopt: {encoder!r} is not a frozen encoder. Use one of: {', '.join(HUBS)}.")
    net, _ = open_dinov2(f"adopt {encoder}", encoder, weights_dir, instead="`reverie train ssl`")
    width, depth = net.token.shape[2], len(net.blocks)
    size = {"ssl.net": "dinov2", "ssl.width": width, "ssl.depth": depth, "ssl.features": width, "ssl.layers": 0}
    made = recipe("ssl", data, settings=size | (settings or {}))
    dataset, folder = open_data(made), Path(run) if run is not None else new_folder(made)
    if folder.exists():
        raise RunError(f"{folder}: exists. Name a new folder with --run.")
    with torch.device("meta"):
        model: Any = get_family("ssl").build(made, dataset.spec)
    model.student.encoder = net
    here = Run.create(folder, made)
    write_env(here, dataset)
    with explained(folder):
        save_weights(folder / "weights" / "last.safetensors", model, made, dataset.spec, 0)
    here.append(Started(images=0, seconds=0.0, parameters=sum(p.numel() for p in net.parameters())))
    here.append(Finished(images=0, seconds=0.0, reason="budget"))
    return here
