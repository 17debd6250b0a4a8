"""A likelihood taken in bf16 beside the same one in fp32."""

from pathlib import Path

import pytest

import reverie as rv
from reverie.core.errors import UsageError


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = {"data.binarize": "threshold", "vae.likelihood": "bernoulli", "vae.net": "mlp", "vae.width": 128}
    recipe = rv.recipe("vae", "digits", images=20_000, settings=settings | {"vae.latent": 8, "optim.lr": 3e-3})
    return rv.fit(recipe, run=tmp_path_factory.mktemp("run") / "coins").path


def test_rounding_the_decoder_hardly_moves_a_likelihood(run: Path) -> None:
    exact, rounded = (
        rv.measure(run, metrics=["nll", "psnr"], samples=200, precision=precision) for precision in ("fp32", "bf16")
    )
    assert exact["protocol"]["likelihood_precision"] == "fp32"
    assert rounded["protocol"]["likelihood_precision"] == "bf16"
    nll, other = exact["metrics"]["nll"]["value"], rounded["metrics"]["nll"]["value"]
    assert nll < 30  # of 64 coins: it has learned
    assert 0 < abs(nll - other) < 0.05
    assert exact["metrics"]["psnr"] == rounded["metrics"]["psnr"]


def test_a_precision_that_does_not_exist_is_one_sentence(run: Path) -> None:
    with pytest.raises(UsageError) as caught:
        rv.measure(run, metrics=["nll"], precision="fp8")  # pyright: ignore[reportArgumentType]
    assert str(caught.value) == "precision: must be fp32 or bf16, got 'fp8'. Use fp32 unless speed matters."
