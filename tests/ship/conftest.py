"""A run folder with events, grids and names that try to break out."""

from pathlib import Path

import pytest
import torch

from reverie.core.event import Finished, Probed, Sampled, Started, Stepped
from reverie.core.recipe import Recipe
from reverie.core.run import Run
from reverie.ship import sheet
from reverie.ship.exhibits import Exhibits

HOSTILE = '<script>alert("x")</script>|`rm`'


@pytest.fixture
def run(tmp_path: Path) -> Run:
    recipe = Recipe.from_dict({"family": "vae", "data": {"source": HOSTILE}, "train": {"images": 1024}})
    run = Run.create(tmp_path / "a run", recipe)
    run.append(Started(images=0, parameters=1234, device="cpu"))
    for i in range(9):
        run.append(Stepped(images=128 * i, seconds=i, phase="elbo", terms={"kl_nats": 10.0 - i, HOSTILE: float(i)}))
        if i % 2 == 0:
            path = f"samples/{128 * i:09d}.png"
            sheet.save(sheet.grid(torch.full((4, 3, 16, 16), -1 + i / 4)), run.path / path)
            run.append(Sampled(images=128 * i, seconds=i, path=path))
            run.append(Probed(images=128 * i, seconds=i, values={"held_out_elbo_nats": -100.0 + i}))
    run.append(Finished(images=1024, seconds=9, reason="budget"))
    return run


@pytest.fixture
def exhibits() -> Exhibits:
    images = torch.rand(8, 3, 16, 16) * 2 - 1
    metrics = {
        "elbo": {"value": -78.2381, "se": 0.314, "n": 512, "unit": "nats"},
        "parameters": {"value": 1234, "se": None, "n": 0, "unit": ""},
        HOSTILE: {"value": 1.0, "se": None, "n": 1, "unit": HOSTILE},
        "foreign": "not an entry",
    }
    return Exhibits(
        samples=images,
        originals=images[:4],
        reconstructions=images[:4].flip(0),
        morph=images[:5],
        measured={"schema": 1, "run": HOSTILE, "protocol": {"split": "held-out", "note": HOSTILE}, "metrics": metrics},
        data={"training images": 9500, HOSTILE: HOSTILE},
        parameters=1234,
    )
