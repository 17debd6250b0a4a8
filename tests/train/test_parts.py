"""The loop's small parts: schedules, the weight average, devices and precision."""

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from reverie.core.errors import UsageError
from reverie.core.recipe import OptimRecipe
from reverie.train.checkpoint import States
from reverie.train.device import pick_device, pick_precision, place
from reverie.train.ema import Ema
from reverie.train.schedule import is_due, learning_rate


@pytest.mark.parametrize("decay", ["none", "cosine", "linear"])
def test_the_rate_climbs_then_falls_to_its_floor(decay: str) -> None:
    optim = OptimRecipe.model_validate({"lr": 2.0, "warmup": 0.1, "decay": decay, "floor": 0.25})
    rates = [learning_rate(optim, f / 100) for f in range(101)]
    assert rates[0] == 0 and rates[10] == pytest.approx(2.0)
    assert all(a <= b for a, b in zip(rates[:10], rates[1:11], strict=True))
    assert all(a >= b for a, b in zip(rates[10:-1], rates[11:], strict=True))
    assert rates[-1] == pytest.approx(2.0 if decay == "none" else 0.5)


def test_marks_come_once_each_whatever_the_steps() -> None:
    for count in (1, 5, 12):
        for steps in (3, 7, 100, 1234):
            due = [is_due(count, i / steps, (i + 1) / steps) for i in range(steps)]
            assert sum(due) == min(count, steps) and due[-1]


def test_the_average_has_its_half_life_in_images() -> None:
    model = nn.Linear(1, 1, bias=False)
    average = copy.deepcopy(model)
    with torch.no_grad():
        average.weight.fill_(1.0)
        model.weight.fill_(0.0)
    for step in range(50):  # 50 steps of 20 images are one half-life of 1,000
        Ema(average, model).update(batch=20, images=10**6 + 20 * step, half_life=1000)
    assert average.weight.item() == pytest.approx(0.5, rel=1e-4)
    Ema(average, model).update(batch=20, images=20, half_life=0)
    assert average.weight.item() == 0


def test_a_young_average_forgets_its_random_start() -> None:
    model, average = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        average.weight.fill_(1.0)
        model.weight.fill_(0.0)
    for step in range(1, 100):
        Ema(average, model).update(batch=10, images=10 * step, half_life=10**6)
    assert average.weight.item() < 1e-6


def test_buffers_are_copied_not_averaged() -> None:
    model = nn.BatchNorm1d(2)
    average = copy.deepcopy(model)
    model.running_mean += 3  # pyright: ignore
    Ema(average, model).update(batch=1, images=10**9, half_life=10**8)
    assert torch.equal(average.running_mean, model.running_mean)  # pyright: ignore


def test_devices_by_name() -> None:
    assert pick_device("cpu").type == "cpu"
    for wrong in ("gpu", "cuda:99", "meta-physical"):
        with pytest.raises(UsageError, match="is not on this machine"):
            pick_device(wrong)


def test_precision_is_what_was_asked_or_what_the_hardware_multiplies() -> None:
    cpu = torch.device("cpu")
    assert pick_precision("fp32", cpu) == "fp32" and pick_precision("bf16", cpu) == "bf16"
    assert pick_precision("auto", torch.device("mps")) == "fp32"
    assert pick_precision("auto", cpu) == ("bf16" if torch.cpu._is_avx512_bf16_supported() else "fp32")


def test_convolutions_are_laid_out_channels_last() -> None:
    model = place(nn.Conv2d(4, 8, 3), torch.device("cpu"))
    assert model.weight.is_contiguous(memory_format=torch.channels_last)  # pyright: ignore


def test_healthy_states_are_the_last_three_and_the_first(tmp_path: Path) -> None:
    states = States(tmp_path)
    assert states.load_healthy() is None
    for images in range(100, 1000, 100):
        states.save_healthy({"at": torch.tensor(float(images))}, {"images": images, "seconds": 0.0})
    for before, at in ((None, 900), (900, 800), (801, 800), (800, 700), (700, 100), (101, 100)):
        found = states.load_healthy(before)
        assert found is not None and found[1]["images"] == at == found[0]["at"].item()
    assert states.load_healthy(before=100) is None
    assert len(list(tmp_path.iterdir())) == 4
