"""How `measure` chooses metrics and images, and what it leaves untouched."""

import importlib
import json
import subprocess
import sys
from typing import get_args

import pytest
import torch

from reverie.core.errors import UsageError
from reverie.measure import get_metric, measure, metric_names, to_json_dict
from reverie.measure.metric import Metric


@pytest.mark.parametrize("name", metric_names())
def test_every_metric_is_whole(name: str) -> None:
    metric = get_metric(name)
    assert isinstance(metric, Metric)
    assert metric.name == name
    assert metric.better in get_args(Metric.__annotations__["better"].__args__[0])
    assert 10 < len(metric.summary) < 100 and metric.summary.endswith(".")
    assert all(isinstance(need, type) for need in metric.needs)


def test_listing_metrics_does_not_import_torch() -> None:
    code = "import sys; from reverie.measure import metric_names; assert metric_names() and 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})


def test_public_names_exist() -> None:
    package = importlib.import_module("reverie.measure")
    assert all(getattr(package, name) for name in package.__all__)


def test_without_names_everything_that_the_model_allows_is_taken(linear_gaussian, tensor_items) -> None:
    model = linear_gaussian()
    found = measure(model, tensor_items(model.generate(60, 0)), samples=5)
    assert {"nll", "elbo", "ess", "bits_per_dim", "active_units", "kl_per_dimension", "posterior_gap"} <= set(found)
    assert {"psnr", "ssim", "latency", "parameters", "weights"} <= set(found)
    assert "sharpness" not in found  # 2 x 3 pixels
    assert all(value.is_finite() for value in found.values())
    json.dumps(to_json_dict("toy", {"samples": 5}, found), allow_nan=False)


def test_a_model_that_only_reconstructs_gets_those_metrics(reconstructor, tensor_items, scenes) -> None:
    found = measure(reconstructor(lambda x: 0.9 * x), tensor_items(scenes(6)))
    assert list(found) == ["psnr", "reconstruction_sharpness", "ssim"]


def test_a_missing_capability_is_a_sentence(reconstructor, tensor_items, scenes) -> None:
    with pytest.raises(UsageError) as caught:
        measure(reconstructor(lambda x: x), tensor_items(scenes(4)), metrics=["psnr", "posterior_gap"])
    assert str(caught.value) == (
        "posterior_gap needs Scores and Decodes; this model only Reconstructs. "
        "Use any of: psnr, reconstruction_sharpness, ssim."
    )


def test_bad_arguments_are_sentences(linear_gaussian, tensor_items) -> None:
    model = linear_gaussian()
    items = tensor_items(model.generate(10, 0))
    for arguments, message in (
        ({"metrics": ["nl"]}, "metrics: 'nl' is not a metric. Did you mean 'nll'?"),
        ({"metrics": ["qqq"]}, "metrics: 'qqq' is not a metric. Use any of: active_units, "),
        ({"metrics": []}, "metrics: is empty. Use any of: "),
        ({"samples": 0}, "measure: samples must be >= 1, got 0."),
        ({"num": 1}, "measure: num must be >= 2, got 1."),
        ({"num": 11}, "measure: num must be <= 10, the images of this split, got 11."),
        ({"batch": 0}, "measure: batch must be >= 1, got 0."),
        ({"seed": -1}, "measure: seed must be >= 0, got -1."),
        ({"precision": "fp8"}, "precision: must be fp32 or bf16, got 'fp8'."),
    ):
        with pytest.raises(UsageError) as caught:
            measure(model, items, **arguments)
        assert str(caught.value).startswith(message)


def test_fewer_images_than_an_error_bar_needs(linear_gaussian, tensor_items) -> None:
    model = linear_gaussian()
    with pytest.raises(UsageError, match="elbo needs at least 2 images, got 1. Measure on a larger split."):
        measure(model, tensor_items(model.generate(1, 0)), metrics=["elbo"])
    assert measure(model, tensor_items(model.generate(2, 0)), metrics=["elbo"])["elbo"].n == 2


def test_nothing_to_measure_is_an_error(reconstructor, tensor_items, scenes) -> None:
    with pytest.raises(UsageError, match="no metric applies"):
        measure(reconstructor(lambda x: x), tensor_items(scenes(1)))


def test_the_model_keeps_its_modes_even_after_an_error(linear_gaussian, tensor_items) -> None:
    model = linear_gaussian()
    model.train()
    model.dropout.eval()
    seen: list[bool] = []
    model.register_module("watch", torch.nn.Identity())
    encode = model.encode

    def watching(images: torch.Tensor, *, labels: torch.Tensor | None = None) -> torch.Tensor:
        seen.append(model.training or torch.is_grad_enabled())
        return encode(images)

    model.encode = watching
    images = model.generate(10, 0)
    measure(model, tensor_items(images), metrics=["active_units"])
    images[0] = torch.nan
    with pytest.raises(Exception, match="not finite"):
        measure(model, tensor_items(images), metrics=["active_units"])
    assert seen and not any(seen)
    assert model.training and model.watch.training and not model.dropout.training


def test_part_of_a_split_is_drawn_at_random_by_the_seed(linear_gaussian, tensor_items) -> None:
    model = linear_gaussian()
    drawn = []
    for seed in (0, 0, 1):
        items = tensor_items(model.generate(100, 0))
        assert measure(model, items, metrics=["active_units"], num=20, seed=seed)["active_units"].n == 20
        drawn.append(items.asked)
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0] == sorted(set(drawn[0])) and max(drawn[0]) > 50


def test_numbers_do_not_depend_on_the_batch(linear_gaussian, tensor_items) -> None:
    model = linear_gaussian()
    items = tensor_items(model.generate(50, 0))
    names = ["active_units", "kl_per_dimension", "psnr", "ssim"]
    one, other = (measure(model, items, metrics=names, batch=batch) for batch in (1, 50))
    for name in names:
        assert one[name].value == pytest.approx(other[name].value, rel=1e-6)
        assert one[name].se == (None if other[name].se is None else pytest.approx(other[name].se, rel=1e-6))


def test_progress_climbs_to_its_total(linear_gaussian, tensor_items) -> None:
    model = linear_gaussian()
    said: list[tuple[str, int, int]] = []
    measure(
        model,
        tensor_items(model.generate(150, 0)),
        metrics=["psnr", "nll"],
        samples=130,
        batch=40,
        progress=lambda name, done, total: said.append((name, done, total)),
    )
    for name, total in (("psnr", 150), ("nll", 150 * 130)):
        steps = [(done, whole) for metric, done, whole in said if metric == name]
        assert [done for done, _ in steps] == sorted({done for done, _ in steps})
        assert steps[-1] == (total, total) and len(steps) > 3
