"""The recorded runs of the course: complete, small, finite, and each shows what it was recorded for."""

import json
import math
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reverie import api
from reverie.core.recipe import Recipe, parse_setting
from reverie.studio.course.record import HERE, _is_done, recipe_of
from reverie.studio.course.recordings import RECORDINGS

MOST_BYTES, MOST_DECODER_BYTES, MOST_POINTS = 15_000_000, 1_750_000, 400
NAMES = list(RECORDINGS)


def read(name: str) -> dict[str, Any]:
    return json.loads((HERE / "runs" / name / "run.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def index() -> dict[str, Any]:
    return json.loads((HERE / "index.json").read_text(encoding="utf-8"))


def test_the_index_lists_every_recording_in_order(index: dict[str, Any]) -> None:
    assert [row["id"] for row in index["runs"]] == NAMES
    for row in index["runs"]:
        told = read(row["id"])
        assert row["facts"] == told["facts"]
        assert Recipe.from_dict(told["recipe"]).to_toml() == row["recipe_toml"]
    assert set(index["facts"]) == {"trade-off", "latent-diffusion"}


def test_everything_together_is_small() -> None:
    assert sum(path.stat().st_size for path in HERE.rglob("*") if path.is_file()) <= MOST_BYTES


def test_nothing_names_a_place_or_a_machine() -> None:
    for path in HERE.rglob("*.json"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r'"/|/tmp|/home|/work\b|\\\\|localhost', text), path
        assert text.isascii(), path


@pytest.mark.parametrize("name", NAMES)
def test_the_recipe_is_todays_and_so_is_the_command(name: str) -> None:
    told, recording = read(name), RECORDINGS[name]
    assert Recipe.from_dict(told["recipe"]) == recipe_of(recording)
    words = shlex.split(told["command"])
    assert words[:4] == ["reverie", "train", recording.family, recording.data]
    given = dict(zip(words[4::2], words[5::2], strict=True)) if "--set" not in words else {}
    first = words.index("--set")
    given = dict(zip(words[4:first:2], words[5:first:2], strict=True))
    settings = dict(map(parse_setting, words[first + 1 :: 2]))
    budget = {key: float(given[f"--{key}"]) for key in ("images", "minutes") if f"--{key}" in given}
    recipe = api.recipe(
        recording.family, recording.data, preset=given.get("--preset"), settings=settings,
        seed=int(given["--seed"]), **budget,
    )  # fmt: skip
    assert recipe == recipe_of(recording)


@pytest.mark.parametrize("name", NAMES)
def test_the_doctor_names_what_was_planted_and_nothing_else(name: str) -> None:
    told, expected = read(name), RECORDINGS[name].expected or ("nothing",)
    codes = [finding["code"] for finding in told["findings"]] or ["nothing"]
    assert codes[0] in expected
    assert told["facts"]["doctor"].split()[0] == codes[0]


@pytest.mark.parametrize("name", NAMES)
def test_every_series_is_finite_and_short(name: str) -> None:
    for series in read(name)["series"]:
        assert len(series["images"]) == len(series["seconds"]) == len(series["value"]) <= MOST_POINTS
        assert series["images"] == sorted(series["images"])
        assert all(value is not None and math.isfinite(value) for value in series["value"]), series["name"]
        if series["low"] is not None:
            bounds = zip(series["low"], series["value"], series["high"], strict=True)
            assert all(
                low <= value + 1e-3 * abs(value) and value <= high + 1e-3 * abs(high) for low, value, high in bounds
            )


@pytest.mark.parametrize("name", NAMES)
def test_pictures_are_where_the_index_says(name: str) -> None:
    told = read(name)
    assert len(told["grids"]) >= 8
    assert [grid["images"] for grid in told["grids"]] == sorted({grid["images"] for grid in told["grids"]})
    if told["sprite"] is None:
        assert all(np.isfinite(np.array(grid["points"])).all() for grid in told["grids"])
        assert len(told["real"]) >= 200
        return
    sprite = told["sprite"]
    height, width = sprite["tile"]
    with Image.open(HERE / "runs" / name / sprite["file"]) as picture:
        assert picture.format == "WEBP"
        assert picture.size == (sprite["columns"] * width, len(told["grids"]) * sprite["rows"] * height)
    assert [grid["row"] for grid in told["grids"]] == list(range(len(told["grids"])))


@pytest.mark.parametrize("name", [name for name in NAMES if RECORDINGS[name].held])
def test_encodings_decode_to_the_reconstructions_shown(name: str) -> None:
    runtime = pytest.importorskip("onnxruntime")
    told, folder = read(name), HERE / "runs" / name
    held, (height, width) = told["held"], told["held"]["tile"]
    mu = np.array([one["mu"] for one in told["encodings"]], np.float32)
    assert len(mu) == held["columns"] == RECORDINGS[name].held
    assert all(0 < value < 1.5 for one in told["encodings"] for value in one["sigma"])
    (images,) = _session(runtime, folder).run(None, {"latents": mu})
    with Image.open(folder / held["file"]) as picture:
        pixels = np.asarray(picture.convert("RGB"), np.float32)
    shown = np.stack([pixels[height:, x : x + width] for x in range(0, width * len(mu), width)])
    made = np.clip((images.transpose(0, 2, 3, 1) + 1) * 127.5, 0, 255)
    assert np.abs(shown - made).mean() < 2  # levels of 255: rounded latents and halved weights


@pytest.mark.parametrize("name", [name for name in NAMES if RECORDINGS[name].decoder])
def test_every_decoder_runs_and_gives_its_shape(name: str) -> None:
    runtime = pytest.importorskip("onnxruntime")
    told, folder = read(name)["decoder"], HERE / "runs" / name
    path = folder / told["file"]
    assert path.stat().st_size == told["bytes"] <= MOST_DECODER_BYTES
    for count in (1, 3):
        latents = np.random.default_rng(0).standard_normal((count, told["latent_dim"]), np.float32)
        (images,) = _session(runtime, folder).run(None, {"latents": latents})
        assert images.shape == (count, told["channels"], told["height"], told["width"])
        assert np.isfinite(images).all()


def test_a_collapsed_decoder_gives_one_image_and_a_healthy_one_many() -> None:
    runtime = pytest.importorskip("onnxruntime")
    spreads: dict[str, float] = {}
    for name in ("gan-healthy", "gan-collapse"):
        latents = np.random.default_rng(1).standard_normal((64, read(name)["decoder"]["latent_dim"]), np.float32)
        (images,) = _session(runtime, HERE / "runs" / name).run(None, {"latents": latents})
        spreads[name] = float(images.std(0).mean())
    assert spreads["gan-collapse"] < 0.4 * spreads["gan-healthy"]


def test_the_series_of_beta_shows_the_bargain() -> None:
    facts = [read(f"vae-faces-{name}")["facts"] for name in ("b0", "b025", "b1", "b4", "b40")]
    for key in ("kl_nats", "explained"):
        assert [one[key] for one in facts] == sorted((one[key] for one in facts), reverse=True)
    assert facts[4]["kl_nats"] < 1 and facts[4]["active_units"] <= 1 and facts[0]["active_units"] == facts[0]["latent"]
    assert max(facts, key=lambda one: one["diversity"]) is facts[2]  # samples as different as they get
    assert facts[0]["coverage"] < facts[2]["coverage"] / 2 > facts[4]["coverage"]
    recipes = [read(f"vae-faces-{name}")["recipe"] for name in ("b0", "b025", "b1", "b4", "b40")]
    betas = [recipe["vae"].pop("beta") for recipe in recipes]
    assert betas == sorted(set(betas))
    assert all(recipe == recipes[0] for recipe in recipes)


def test_facts_are_flat_and_rounded(index: dict[str, Any]) -> None:
    for facts in [*(row["facts"] for row in index["runs"]), *index["facts"].values()]:
        for value in facts.values():
            assert isinstance(value, str | int) or value == float(f"{value:.3g}")


def _session(runtime: Any, folder: Path) -> Any:
    return runtime.InferenceSession(str(folder / "decoder.onnx"), providers=["CPUExecutionProvider"])


def test_a_recording_from_before_an_option_existed_is_not_made_again(tmp_path: Path) -> None:
    recipe, place = recipe_of(RECORDINGS["gan-healthy"]).to_dict(), tmp_path / "runs" / "gan-healthy" / "run.json"
    place.parent.mkdir(parents=True)
    assert not _is_done("gan-healthy", tmp_path)
    del recipe["gan"]["signs"]
    place.write_text(json.dumps({"recipe": recipe}), encoding="utf-8")
    assert _is_done("gan-healthy", tmp_path)
    recipe["gan"]["signs"] = 2
    place.write_text(json.dumps({"recipe": recipe}), encoding="utf-8")
    assert not _is_done("gan-healthy", tmp_path)
