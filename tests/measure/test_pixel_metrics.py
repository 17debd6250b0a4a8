"""PSNR, SSIM and sharpness against slow loops, closed forms and blur."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from reverie.core.errors import ReverieError, UsageError
from reverie.measure import measure
from reverie.measure.metrics.psnr import peak_signal_to_noise
from reverie.measure.metrics.ssim import structural_similarity
from reverie.measure.spectrum import detail_ratio, energies


def slow_ssim(a: np.ndarray, b: np.ndarray) -> float:
    """SSIM of two (c, h, w) images in [0, 1], window by window, from the definition."""
    channels, height, width = a.shape
    side = min(11, height if height % 2 else height - 1, width if width % 2 else width - 1)
    offsets = np.arange(side) - side // 2
    window = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 1.5**2))
    window /= window.sum()
    found = []
    for channel in range(channels):
        for top in range(height - side + 1):
            for left in range(width - side + 1):
                x, y = (t[channel, top : top + side, left : left + side] for t in (a, b))
                mx, my = (window * x).sum(), (window * y).sum()
                vx, vy = (window * (x - mx) ** 2).sum(), (window * (y - my) ** 2).sum()
                cov = (window * (x - mx) * (y - my)).sum()
                c1, c2 = 0.01**2, 0.03**2
                found.append((2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2)))
    return float(np.mean(found))


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 16, 13), (1, 8, 8), (4, 12, 5), (2, 1, 6)])
def test_ssim_is_the_definition(shape: tuple[int, int, int]) -> None:
    rng = torch.Generator().manual_seed(0)
    a = torch.rand(2, *shape, generator=rng) * 2 - 1
    b = (a + 0.4 * torch.randn(2, *shape, generator=rng)).clamp(-1, 1)
    slow = [slow_ssim(*(((t + 1) / 2).double().numpy() for t in pair)) for pair in zip(a, b, strict=True)]
    np.testing.assert_allclose(structural_similarity(a, b).numpy(), slow, atol=1e-5)
    np.testing.assert_allclose(structural_similarity(a.double(), b.double()).numpy(), slow, atol=1e-12)


def test_ssim_of_equal_and_of_opposite_images() -> None:
    a = torch.rand(3, 1, 20, 20, generator=torch.Generator().manual_seed(1)) * 2 - 1
    np.testing.assert_allclose(structural_similarity(a, a).numpy(), 1, atol=1e-6)
    assert float(structural_similarity(a, -a).max()) < 0
    # Flat images: only the luminance term is left.
    black, white = torch.full((1, 1, 16, 16), -1.0), torch.full((1, 1, 16, 16), 1.0)
    assert float(structural_similarity(black, white)) == pytest.approx(1e-4 / (1 + 1e-4), rel=1e-3)


def test_psnr_is_a_mean_of_ratios_in_closed_form(reconstructor, tensor_items) -> None:
    images = torch.zeros(2, 1, 4, 4)
    images[1] = 0.5

    def off(x: torch.Tensor) -> torch.Tensor:
        levels = torch.tensor([10.0, 40.0]).view(2, 1, 1, 1)
        return ((images + 1) * 127.5).round().add(levels) / 127.5 - 1

    rounding = ((images + 1) * 127.5).round() - (images + 1) * 127.5
    errors = (rounding.flatten(1)[:, 0] + torch.tensor([10.0, 40.0])) / 127.5
    expected = float((10 * (4 / errors.square()).log10()).mean())
    found = measure(reconstructor(off), tensor_items(images), metrics=["psnr"])["psnr"]
    assert found.value == pytest.approx(expected, abs=1e-5)
    assert (found.n, found.unit) == (2, "dB")


def test_psnr_rounds_and_clips_reconstructions_first(reconstructor, tensor_items, scenes) -> None:
    images = scenes(8)
    hair = reconstructor(lambda x: x + 0.9 / 255)  # less than half a level
    found = measure(hair, tensor_items(images), metrics=["psnr"])["psnr"]
    ceiling = 10 * math.log10(4 / ((2 / 255) ** 2 / images[0].numel()))
    assert (found.value, found.se) == (pytest.approx(ceiling), pytest.approx(0, abs=1e-9))
    white = torch.ones(3, 1, 4, 4)
    assert measure(reconstructor(lambda x: x * 5), tensor_items(white), metrics=["psnr"])["psnr"].value > 50


def test_psnr_of_equal_images_is_finite() -> None:
    assert peak_signal_to_noise(torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 2, 2)).isfinite().all()


def test_energies_are_those_of_the_windowed_image_and_skip_the_mean() -> None:
    images = torch.randn(3, 2, 12, 9, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    high, whole, *octaves = energies(images).T
    window = np.hanning(14)[1:-1, None] * np.hanning(11)[1:-1]
    for i in range(3):
        expected_high, expected, below = 0.0, 0.0, np.zeros(3)
        for channel in images[i].numpy():
            centred = (channel - (channel * window).sum() / window.sum()) * window
            spectrum = np.abs(np.fft.fft2(centred)) ** 2
            for row in range(12):
                for column in range(9):
                    radius = math.hypot(min(row, 12 - row) / 12, min(column, 9 - column) / 9)
                    expected += spectrum[row, column]
                    expected_high += spectrum[row, column] * (radius > 0.25)
                    if 0.03125 < radius <= 0.25:
                        below[math.ceil(-math.log2(radius) - 1e-9) - 3 if radius < 0.25 else 0] += spectrum[row, column]
        assert float(whole[i]) == pytest.approx(expected, rel=1e-9)
        assert float(high[i]) == pytest.approx(expected_high, rel=1e-6)
        np.testing.assert_allclose([float(part[i]) for part in octaves], below, rtol=1e-6)
    np.testing.assert_allclose(energies(images + 7), energies(images), rtol=1e-9)


def test_white_noise_has_the_detail_of_its_area() -> None:
    noise = torch.randn(400, 1, 32, 32, generator=torch.Generator().manual_seed(3))
    high, whole, *_ = energies(noise).double().sum(0)
    assert float(high / whole) == pytest.approx(1 - math.pi * 0.25**2, abs=0.01)


def test_sharpness_falls_with_blur_and_rises_with_noise(sampler, reconstructor, tensor_items, scenes) -> None:
    real, made = scenes(300), scenes(300, seed=1)
    found = []
    for sigma in (0.0, 0.4, 0.7, 1.0, 1.5, 3.0):
        blurred = torch.from_numpy(gaussian_filter(made.numpy(), (0, 0, sigma, sigma)))
        found.append(measure(sampler(blurred), tensor_items(real), metrics=["sharpness"])["sharpness"])
        blur = reconstructor(lambda x, s=sigma: torch.from_numpy(gaussian_filter(x.numpy(), (0, 0, s, s))))
        again = measure(blur, tensor_items(real), metrics=["reconstruction_sharpness"])["reconstruction_sharpness"]
        assert again.value == pytest.approx(found[-1].value, abs=0.1)
        assert (again.se or 0) < (found[-1].se or 0) or sigma > 1  # paired: the images' own spread cancels
    assert abs(found[0].value - 1) < 3 * (found[0].se or 0)
    assert all(less.value < more.value for more, less in zip(found, found[1:], strict=False))
    assert found[-1].value < 0.02
    noisy = made + 0.2 * torch.randn(made.shape, generator=torch.Generator().manual_seed(4))
    assert measure(sampler(noisy), tensor_items(real), metrics=["sharpness"])["sharpness"].value > 1.2


def test_each_octave_of_a_blur_is_what_its_kernel_lets_pass(sampler, tensor_items) -> None:
    """Of white noise a Gaussian of 0.8 pixels passes exp(-(2 pi f 0.8)^2) of the power at f, band by band."""
    real, made = (torch.randn(400, 1, 48, 48, generator=torch.Generator().manual_seed(seed)) for seed in (5, 6))
    blurred = torch.from_numpy(gaussian_filter(made.numpy(), (0, 0, 0.8, 0.8), mode="wrap", truncate=6))
    found = measure(sampler(0.2 * blurred), tensor_items(0.2 * real), metrics=["sharpness"], num=400)["sharpness"]
    freq = np.hypot(np.fft.fftfreq(960)[:, None], np.fft.fftfreq(960))
    passed = np.exp(-((2 * np.pi * freq * 0.8) ** 2))
    edges = [0.03125, 0.0625, 0.125, 0.25, 1.0]
    bands = [passed[(freq > low) & (freq <= high)].mean() for low, high in zip(edges, edges[1:], strict=False)]
    np.testing.assert_allclose(found.per, np.array(bands) / passed.mean(), rtol=0.1)  # a window leaks a little
    assert found.per[-1] == found.value


def test_small_images_have_no_coarse_octaves(sampler, tensor_items, scenes) -> None:
    small = [scenes(60, seed=s)[..., :8, :8].contiguous() for s in (0, 1)]
    found = measure(sampler(small[0]), tensor_items(small[1]), metrics=["sharpness"])["sharpness"]
    assert found.per is not None and len(found.per) < 4 and found.per[-1] == found.value


def test_reconstructions_that_are_the_originals_are_exactly_as_sharp(reconstructor, tensor_items, scenes) -> None:
    metric = "reconstruction_sharpness"
    found = measure(reconstructor(lambda x: x), tensor_items(scenes(20)), metrics=[metric])[metric]
    assert found.value == 1.0
    assert found.se == pytest.approx(0, abs=1e-12)


def test_sharpness_error_is_the_spread_over_repeats(scenes) -> None:
    runs = []
    for repeat in range(60):
        made, real = (energies(scenes(40, seed=1000 * part + repeat)).double().numpy() for part in (1, 2))
        runs.append(detail_ratio("sharpness", made, real, paired=False))
    spread = np.std([run.value for run in runs], ddof=1)
    assert np.mean([run.se for run in runs]) == pytest.approx(spread, rel=0.35)


def test_flat_images_do_not_count_and_nothing_but_flat_ones_is_an_error(sampler, tensor_items, scenes) -> None:
    real, made = scenes(60), scenes(60, seed=1)
    flat = torch.zeros(20, 3, 24, 20)
    plain = measure(sampler(made), tensor_items(real), metrics=["sharpness"])["sharpness"].value
    mixed = measure(sampler(torch.cat([made, flat])), tensor_items(torch.cat([real, flat])), metrics=["sharpness"])
    assert mixed["sharpness"].value == pytest.approx(plain)
    with pytest.raises(ReverieError, match="the real images are all constant"):
        measure(sampler(made[:20]), tensor_items(flat), metrics=["sharpness"])
    with pytest.raises(ReverieError, match="the model's images are all constant"):
        measure(sampler(flat), tensor_items(real[:20]), metrics=["sharpness"])


def test_samples_get_the_labels_of_the_images(sampler, tensor_items, scenes) -> None:
    model, labels = sampler(scenes(10)), torch.arange(10) % 3
    measure(model, tensor_items(scenes(10), labels), metrics=["sharpness"], batch=4)
    assert model.labels == labels.tolist()


def test_too_small_for_detail(sampler, tensor_items) -> None:
    with pytest.raises(UsageError, match="2 x 2 pixels have no fine detail"):
        measure(sampler(torch.zeros(4, 1, 2, 2)), tensor_items(torch.zeros(4, 1, 2, 2)), metrics=["sharpness"])
