"""Latency by a clock of our own, and parameters by hand."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from reverie.core.capability import Samples
from reverie.measure import measure
from reverie.measure.metrics import latency as latency_file


class Timed(Samples):
    """Takes 3 ms and half a millisecond an image, on its own clock; its first call takes ten seconds more."""

    def __init__(self, hiccup_s: float = 0.0) -> None:
        self.now, self.calls, self.hiccup_s = 0.0, 0, hiccup_s

    def sample(self, seeds: Sequence[int], *, labels: Tensor | None = None, truncation: float = 1.0) -> Tensor:
        self.calls += 1
        self.now += 3e-3 + 0.5e-3 * len(seeds) + 10 * (self.calls == 1) + self.hiccup_s * (self.calls % 7 == 0)
        return torch.zeros(len(seeds), 1, 2, 2)


@pytest.mark.parametrize("hiccup_s", [0.0, 0.2])
def test_latency_is_the_median_after_a_warm_up(monkeypatch, tensor_items, hiccup_s: float) -> None:
    model = Timed(hiccup_s)
    monkeypatch.setattr(latency_file, "METRIC", latency_file.Latency(clock=lambda: model.now))
    found = measure(model, tensor_items(torch.zeros(0, 1, 2, 2)), metrics=["latency"])
    assert found["latency"].value == pytest.approx(3.5)
    assert found["latency_64"].value == pytest.approx(35 / 64)
    assert found["throughput"].value == pytest.approx(64 / 35e-3)
    assert found["latency"].se == pytest.approx(0, abs=1e-9)
    if not hiccup_s:
        assert (found["latency"].n, found["latency_64"].n) == (50, 15)  # fifty repeats, or half a second
    assert model.calls == found["latency"].n + found["latency_64"].n + 4


def test_parameters_by_part_with_shared_ones_once(tensor_items) -> None:
    model = nn.Module()
    model.encoder = nn.Linear(3, 4)
    model.decoder = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    model.tied = model.encoder
    model.scale = nn.Parameter(torch.ones(2))
    wrapped = nn.ModuleDict({"net": model})
    found = measure(wrapped, tensor_items(torch.zeros(0, 1, 2, 2)), metrics=["parameters"])
    counts = {name: value.value for name, value in found.items()}
    assert counts.pop("weights") == pytest.approx((4 * (16 + 15 + 6 + 2) + 4 * 6 + 8) / 2**20)
    assert counts == {"parameters": 39, "parameters.encoder": 16, "parameters.decoder": 21, "parameters.scale": 2}
    assert found["parameters"].se is None
