"""The explorer: latents and pictures as the command line makes them, real images placed, hostile requests refused."""

import base64
import io
import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from reverie import api
from reverie.data import open_dataset
from reverie.data.builtin.faces import FACTORS
from reverie.studio import attributes, nearest


def picture(content: bytes | str) -> np.ndarray:
    """(h, w, c) of PNG bytes, or of a data URL."""
    if isinstance(content, str):
        assert content.startswith("data:image/png;base64,")
        content = base64.b64decode(content.partition(",")[2])
    pixels = np.asarray(Image.open(io.BytesIO(content)))
    return pixels if pixels.ndim == 3 else pixels[..., None]


def pixels(images: torch.Tensor) -> np.ndarray:
    """(n, h, w, c) uint8 of images in [-1, 1]."""
    return ((images + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()


def file(image: np.ndarray, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image.squeeze()).save(buffer, kind)
    return buffer.getvalue()


def refused(answer: Any, status: int, *words: str) -> None:
    """The status, and one sentence that has these words and no path."""
    assert answer.status_code == status, answer.text
    sentence = answer.json()["error"]
    assert all(word in sentence for word in words), sentence
    assert "/tmp" not in sentence and "Traceback" not in sentence and sentence.rstrip().endswith((".", "?"))


def test_what_a_model_can_do(studio: Any) -> None:
    vae, gan = (studio.get(name, "model") for name in ("faces-vae", "faces-gan"))
    assert (vae["encoder"], vae["inverts"], gan["encoder"], gan["inverts"]) == (True, False, False, True)
    assert (vae["latent_dim"], vae["height"], vae["width"], vae["channels"]) == (8, 16, 16, 3)
    assert vae["decoder"]["where"] == "page" and vae["decoder"]["url"].startswith(
        studio.url("faces-vae", "decoder.onnx")
    )
    digits = studio.get("digits-vae", "model")
    assert digits["num_classes"] == 10 and digits["labels"] == [str(i) for i in range(10)]
    points, encoder = studio.get("points", "model"), studio.get("encoder", "model")
    assert points["kind"] == "points" and points["decoder"]["where"] == encoder["decoder"]["where"] == "server"
    assert encoder["encoder"] and "Decodes" not in encoder["can"]
    assert all(studio.get(name, "dims") == {"dims": []} for name in ("faces-gan", "points", "encoder"))


def test_dimensions_are_those_of_the_metrics(studio: Any) -> None:
    """The second implementation is `reverie measure`, on the same held-out images."""
    dims = studio.get("faces-vae", "dims")["dims"]
    path = studio.folder / "faces-vae"
    told = api.measure(path, metrics=["kl_per_dimension", "active_units"])["metrics"]
    by_index = {one["index"]: one for one in dims}
    assert sorted(by_index) == list(range(8)) and [d["kl"] for d in dims] == sorted(
        (d["kl"] for d in dims), reverse=True
    )
    np.testing.assert_allclose([by_index[i]["kl"] for i in range(8)], told["kl_per_dimension"]["per"], rtol=1e-4)
    variances = told["active_units"]["per"]
    np.testing.assert_allclose([by_index[i]["std"] ** 2 for i in range(8)], variances, rtol=1e-4)
    assert sum(one["active"] for one in dims) == told["active_units"]["value"] > 0


@pytest.mark.parametrize("name", ["faces-vae", "faces-gan", "digits-vae"])
def test_a_seed_is_the_picture_that_sample_makes(studio: Any, name: str) -> None:
    latents = studio.get(name, "latents", seeds="3,9")["latents"]
    given: dict[str, Any] = {"latents": latents, "sequence": 12}
    if name == "digits-vae":
        given["labels"] = [4, 4]
    answer = studio.browser.post(studio.url(name, "decode"), json=given)
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/png"
    assert answer.headers["x-reverie-sequence"] == "12" and float(answer.headers["x-reverie-ms"]) > 0
    label = {"label": 4} if name == "digits-vae" else {}
    expected = torch.cat([api.sample(studio.folder / name, 1, seed=s, **label) for s in (3, 9)])
    assert np.array_equal(picture(answer.content), np.concatenate(list(pixels(expected)), axis=1)), "one row, no gaps"


def test_a_larger_picture_repeats_pixels(studio: Any) -> None:
    latents = studio.get("digits-vae", "latents", seeds="0")["latents"]
    small, large = (
        picture(studio.browser.post(studio.url("digits-vae", "decode"), json={"latents": latents, "scale": s}).content)
        for s in (1, 3)
    )
    assert np.array_equal(large, small.repeat(3, 0).repeat(3, 1))


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"latents": [[0.0] * 7]}, 400, "must have 8 numbers each, got 7"),
        ({"latents": [[1e9] * 8]}, 400, "between -100 and 100"),
        ({"latents": []}, 422, "latents"),
        ({"latents": [[0.0] * 8] * 65}, 422, "latents"),
        ({"latents": [[0.0] * 8], "scale": 17}, 422, "scale"),
        ({"latents": [[0.0] * 8], "scale": 1.5}, 422, "scale"),
        ({"latents": [[0.0] * 8], "command": "rm"}, 422, "command"),
        ({"latents": [["a"] * 8]}, 422, "latents"),
    ],
)
def test_latents_that_are_none_are_refused(studio: Any, body: Any, status: int, words: str) -> None:
    refused(studio.browser.post(studio.url("faces-vae", "decode"), json=body), status, words)


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_latents_that_are_not_finite_are_refused(studio: Any, word: str) -> None:
    body = json.dumps({"latents": [[0.0] * 8]}).replace("0.0", word, 1)
    kind = {"content-type": "application/json"}
    refused(studio.browser.post(studio.url("faces-vae", "decode"), content=body, headers=kind), 422, "finite")


def test_labels_out_of_range_are_refused(studio: Any) -> None:
    url, latents = studio.url("digits-vae", "decode"), [[0.0] * 3] * 2
    for labels in (10, -1, [1], [1, 10]):
        refused(studio.browser.post(url, json={"latents": latents, "labels": labels}), 400, "labels", "0 to 9")


@pytest.mark.parametrize("seeds", ["", "a", "1,,2", "-1", "1e3", "0x10", "9" * 16, ",".join(["1"] * 257), "١"])
def test_seeds_that_are_none_are_refused(studio: Any, seeds: str) -> None:
    refused(studio.browser.get(studio.url("faces-vae", "latents"), params={"seeds": seeds}), 400, "whole numbers")


def test_an_upload_becomes_a_latent(studio: Any) -> None:
    held = open_dataset(studio.run("faces-vae").recipe().data).held_out
    image = held.batch([0]).images
    url = studio.url("faces-vae", "encode")
    told = studio.browser.post(url, content=file(pixels(image)[0])).json()
    model = api.load(studio.folder / "faces-vae")
    np.testing.assert_allclose(told["latent"], model.encode(image)[0].tolist(), rtol=1e-4, atol=1e-5)
    assert told["how"] == "encoder" and np.array_equal(picture(told["original"]), pixels(image)[0])
    assert np.abs(picture(told["reconstruction"]).astype(int) - pixels(model.reconstruct(image))[0]).max() <= 1
    large = np.asarray(Image.fromarray(pixels(image)[0]).resize((320, 200)))
    assert studio.browser.post(url, content=file(large, "JPEG")).json()["how"] == "encoder"


def test_a_gan_finds_a_latent_by_inversion(studio: Any) -> None:
    """An image of the model's own is found again, the better the longer it looks."""
    model = api.load(studio.folder / "faces-gan")
    content = file(pixels(model.decode(model.latents([5])))[0])
    errors: list[float] = []
    for steps in (0, 60):
        told = studio.browser.post(studio.url("faces-gan", f"encode?steps={steps}"), content=content).json()
        assert told["how"] == "inversion" and len(told["latent"]) == 6
        gap = picture(told["original"]).astype(float) - picture(told["reconstruction"])
        errors.append(float(np.square(gap).mean()))
    assert errors[1] < 0.5 * errors[0]
    refused(studio.browser.post(studio.url("faces-gan", "encode?steps=401"), content=content), 422, "steps")


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"", 400, "empty"),
        (SVG, 415, "no known image format"),
        (b"<!doctype html><script>alert(1)</script>", 415, "no known image format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", 415, "no known image format"),
        (b"GIF89a" + b"\xff" * 20, 415, "PNG, JPEG or WebP"),
        (file(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))[:6000], 415, "PNG, JPEG or WebP"),
        (b"x" * (21 << 20), 413, "20 MiB"),
    ],
)
def test_uploads_that_are_no_pictures_are_refused(studio: Any, content: bytes, status: int, words: str) -> None:
    refused(studio.browser.post(studio.url("faces-vae", "encode"), content=content), status, words)


def test_a_bomb_is_refused(studio: Any) -> None:
    import struct
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"0" * 99)) + chunk(b"IEND", b"")
    )
    refused(studio.browser.post(studio.url("faces-vae", "encode"), content=bomb), 415, "100,000,000")


@pytest.mark.parametrize(
    ("name", "method", "rest", "body", "words"),
    [
        ("points", "POST", "decode", {"latents": [[0.0] * 64]}, "makes points"),
        ("points", "GET", "decoder.onnx", None, "makes points"),
        ("points", "GET", "held-out", None, "points"),
        ("points", "GET", "neighbours?seed=1", None, "points"),
        ("encoder", "GET", "latents?seeds=1", None, "needs Decodes"),
        ("encoder", "GET", "decoder.onnx", None, "needs Decodes"),
        ("encoder", "GET", "neighbours?seed=1", None, "needs Samples"),
        ("encoder", "GET", "neighbours?grid_images=64", None, "no samples"),
        ("encoder", "POST", "mean", {"label": 1}, "needs Decodes"),
    ],
)
def test_what_a_run_cannot_do_is_a_sentence(
    studio: Any, name: str, method: str, rest: str, body: Any, words: str
) -> None:
    if rest == "decode":
        body = {"latents": [[0.0] * studio.get(name, "model")["latent_dim"]]}
    refused(studio.browser.request(method, studio.url(name, rest), json=body), 409, words)


def test_means(studio: Any) -> None:
    url, model = studio.url("digits-vae", "mean"), api.load(studio.folder / "digits-vae")
    drawn = studio.browser.post(url, json={"seeds": [1, 2, 8]}).json()
    np.testing.assert_allclose(drawn["latent"], model.latents([1, 2, 8]).mean(0).tolist(), rtol=1e-5, atol=1e-6)
    data = open_dataset(studio.run("digits-vae").recipe().data)
    train = data.train
    of_class = np.flatnonzero(train.labels == 3)
    codes = model.encode(train.batch(of_class).images, labels=train.batch(of_class).labels)
    told = studio.browser.post(url, json={"label": 3}).json()
    assert told["n"] == len(of_class) and told["how"] == "encoder"
    np.testing.assert_allclose(told["latent"], codes.mean(0).tolist(), rtol=1e-4, atol=1e-5)
    batch = data.held_out.batch([2, 5])
    told = studio.browser.post(url, json={"held_out": [2, 5]}).json()
    np.testing.assert_allclose(
        told["latent"], model.encode(batch.images, labels=batch.labels).mean(0).tolist(), rtol=1e-4, atol=1e-5
    )
    refused(studio.browser.post(url, json={"held_out": [90]}), 404, "0 to 89")
    refused(studio.browser.post(url, json={"label": 10}), 404, "0 to 9")
    refused(studio.browser.post(url, json={"label": 1, "seeds": [1]}), 422, "name one of")
    refused(studio.browser.post(studio.url("faces-vae", "mean"), json={"label": 1}), 409, "no labels")
    assert studio.browser.post(studio.url("faces-gan", "mean"), json={"held_out": [0]}).json()["how"] == "inversion"


def test_held_out_images(studio: Any) -> None:
    held = open_dataset(studio.run("digits-vae").recipe().data).held_out
    told = studio.get("digits-vae", "held-out", first=4, count=10)
    assert told["count"] == 90 and told["indices"] == list(range(4, 14)) and len(told["labels"]) == 10
    tile, sheet = told["tile"], picture(told["sheet"])
    assert sheet.shape[:2] == (2 * tile["height"], 8 * tile["width"])
    scale = tile["width"] // 8
    last = sheet[tile["height"] :: scale, tile["width"] : 2 * tile["width"] : scale][:8]
    assert np.array_equal(last, pixels(held.batch([13]).images)[0])
    some = studio.get("digits-vae", "held-out", label=7)
    assert set(some["labels"]) == {"7"} and some["indices"] == np.flatnonzero(held.labels == 7)[:24].tolist()
    assert studio.get("faces-vae", "held-out", first=10_000)["sheet"] is None


def test_a_strip_is_what_interpolate_makes(studio: Any) -> None:
    body = {"from": 3, "to": 14, "steps": 5, "how": "slerp"}
    answer = studio.browser.post(studio.url("faces-vae", "strip"), json=body)
    expected = api.interpolate(studio.folder / "faces-vae", 3, 14, steps=5)
    assert np.array_equal(picture(answer.content), np.concatenate(list(pixels(expected)), axis=1))
    latents = studio.get("faces-vae", "latents", seeds="3,14")["latents"]
    full = studio.browser.post(studio.url("faces-vae", "strip"), json=body | {"from": latents[0], "to": latents[1]})
    assert full.content == answer.content
    moving = studio.browser.post(studio.url("faces-vae", "strip?format=webp"), json=body)
    animation = Image.open(io.BytesIO(moving.content))
    assert moving.headers["content-type"] == "image/webp" and animation.n_frames == 8 and animation.info["loop"] == 0
    refused(studio.browser.post(studio.url("faces-vae", "strip"), json=body | {"steps": 65}), 422, "steps")
    refused(studio.browser.post(studio.url("faces-vae", "strip"), json=body | {"how": "jump"}), 422, "how")


def test_directions_of_drawn_faces(studio: Any) -> None:
    told = studio.get("faces-vae", "directions")
    assert told["source"] == "drawn pairs" and told["directions"]
    by_name = {one["name"]: one for one in told["directions"]}
    skin = by_name["skin: light to dark"]
    assert len(skin["latent"]) == 8 and 1 <= skin["strength"] <= 4 and skin["n"] == 48 and "48 pairs" in skin["note"]
    # the direction does what it says: the middle of the face, and it more than the corners, gets darker
    model = api.load(studio.folder / "faces-vae")
    z, step = model.latents(range(16)), torch.tensor(skin["latent"])
    change = (model.decode(z + step) - model.decode(z - step)).mean((0, 1))
    assert change[6:11, 6:11].mean() < -0.2 and change[6:11, 6:11].mean() < 2 * change[:3, :3].mean()
    assert studio.get("faces-vae", "directions") == told


def test_every_attribute_of_the_drawing_has_its_ends() -> None:
    categories = {name for name, factor in FACTORS.items() if factor.kind == "categorical"}
    assert set(attributes.ENDS) == categories and len(FACTORS) == 25
    for name, ends in attributes.ENDS.items():
        assert set(ends) <= set(FACTORS[name].values) and ends[0] != ends[1]


def test_directions_of_classes(studio: Any) -> None:
    told = studio.get("digits-vae", "directions")
    assert told["source"] == "labels" and [one["name"] for one in told["directions"]] == [str(i) for i in range(10)]
    latents = np.array([one["latent"] for one in told["directions"]])
    np.testing.assert_allclose(latents.sum(0), 0, atol=1e-4)  # measured from the middle of the classes
    assert studio.get("encoder", "directions") == {"directions": [], "source": "none"}
    assert studio.get("points", "directions") == {"directions": [], "source": "none"}


def test_neighbours_of_a_stored_sample(studio: Any) -> None:
    grids = sorted((studio.folder / "faces-gan" / "samples").glob("*.png"))
    images = int(grids[-1].stem)
    told = studio.get("faces-gan", "neighbours", grid_images=images, index=9)
    sheet = np.asarray(Image.open(grids[-1]).convert("RGB"))
    size, scale = (sheet.shape[1] + 2) // 8, ((sheet.shape[1] + 2) // 8 - 2) // 16
    tile = sheet[size : size + 16 * scale : scale, size : size + 16 * scale : scale]
    shown = picture(told["sample_url"])
    assert np.array_equal(shown[:: len(shown) // 16, :: len(shown) // 16], tile), (
        "the tenth sample: second row, second place"
    )
    data = open_dataset(studio.run("faces-gan").recipe().data)
    train = pixels(data.train.batch(np.arange(len(data.train))).images).astype(float)
    expected = np.sqrt(np.square(train - tile).mean((1, 2, 3)))
    found = told["nearest"]
    np.testing.assert_allclose([one["distance"] for one in found], np.sort(expected)[:6], rtol=1e-3)
    assert found[0]["index"] == int(expected.argmin()) and told["searched"] == len(train) and told["usual"] > 0
    seeded = studio.get("digits-vae", "neighbours", seed=3)
    assert seeded["nearest"][0]["label"] in {str(i) for i in range(10)}
    refused(studio.browser.get(studio.url("faces-gan", "neighbours?grid_images=7")), 404, "no sample grid at 7 images")
    refused(studio.browser.get(studio.url("faces-gan", f"neighbours?grid_images={images}&index=64")), 404, "0 to 63")
    refused(studio.browser.get(studio.url("faces-gan", "neighbours")), 400, "grid_images")


def test_a_training_image_is_its_own_neighbour(studio: Any) -> None:
    train = open_dataset(studio.run("faces-vae").recipe().data).train
    distances, index, _ = nearest.nearest(train, train.batch([7, 70]).images, 2)
    assert index[:, 0].tolist() == [7, 70] and float(distances[:, 0].max()) == 0 and float(distances[:, 1].min()) > 0


def test_the_decoder_comes_as_a_file(studio: Any) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="the runtime that reads the file back is not installed")
    pytest.importorskip("onnxscript", reason="ONNX files are a part of reverie[studio]")
    where = studio.get("faces-vae", "model")["decoder"]
    answer = studio.browser.get(where["url"])
    assert answer.status_code == 200 and "immutable" in answer.headers["cache-control"]
    latents = studio.get("faces-vae", "latents", seeds="0,1,2")["latents"]
    session = onnxruntime.InferenceSession(answer.content, providers=["CPUExecutionProvider"])
    images = session.run(None, {"latents": np.array(latents, np.float32)})[0]
    expected = api.sample(studio.folder / "faces-vae", 3)
    np.testing.assert_allclose(images, expected.numpy(), atol=1e-4)
    again = studio.browser.get(where["url"], headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304 and not again.content
    assert studio.get("faces-vae", "model")["decoder"]["bytes"] == len(answer.content)


@pytest.fixture
def copy(trained: Path, tmp_path: Path, open_studio: Any) -> Any:
    """A studio of its own on a copy of one run, for tests that damage it."""
    shutil.copytree(trained / "faces-vae", tmp_path / "runs" / "faces-vae")
    return open_studio(tmp_path / "runs")


def test_new_weights_are_seen(copy: Any) -> None:
    weights = copy.folder / "faces-vae" / "weights"
    before = copy.get("faces-vae", "model")["version"]
    assert copy.get("faces-vae", "model")["version"] == before
    for path in weights.iterdir():
        path.write_bytes(path.read_bytes())
    assert copy.get("faces-vae", "model")["version"] != before


def test_damaged_runs_are_sentences(copy: Any) -> None:
    run = copy.folder / "faces-vae"
    latents = copy.url("faces-vae", "latents?seeds=1")
    recipe = (run / "recipe.toml").read_text()
    (run / "recipe.toml").write_text(recipe.replace("width = 8", "width = 4096").replace("depth = 1", "depth = 16"))
    refused(copy.browser.get(latents), 409, "do not fit its recipe.toml")
    (run / "recipe.toml").write_text(recipe)
    for path in (run / "weights").iterdir():
        path.write_bytes(path.read_bytes()[:-9])
    assert (
        copy.browser.get(latents).status_code in (400, 409) and "damaged" in copy.browser.get(latents).json()["error"]
    )
    outside = copy.folder.parent / "elsewhere.safetensors"
    outside.write_bytes(b"secret")
    for path in (run / "weights").iterdir():
        path.unlink()
        path.symlink_to(outside)
    refused(copy.browser.get(latents), 409, "no weights yet")
    refused(copy.browser.get("/api/runs/0123456789ab/model"), 404, "no such run")
    assert copy.browser.get("/api/runs/..%2f..%2fetc/model").status_code == 404


def test_only_the_last_upload_is_worked_on(studio: Any) -> None:
    """Inversions wait for each other; of those that wait, only the newest is done."""
    import threading

    from reverie.studio.faults import Fault

    models, said = studio.app.state.models, dict[int, str]()

    def ask(number: int) -> None:
        try:
            with models.latest("test"):
                said[number] = "done"
        except Fault as error:
            said[number] = str(error.status)

    with models.slow:
        threads = [threading.Thread(target=ask, args=(i,)) for i in range(3)]
        for thread in threads:
            thread.start()
            while models._newest.get("test", 0) < threads.index(thread) + 1:
                pass
    for thread in threads:
        thread.join()
    assert said == {0: "409", 1: "409", 2: "done"}


def test_latents_come_with_all_their_digits(studio: Any) -> None:
    latents = torch.tensor(studio.get("faces-vae", "latents", seeds="5")["latents"], dtype=torch.float32)
    model = api.load(studio.folder / "faces-vae")
    assert torch.equal(latents, model.latents([5])) and all(math.isfinite(v) for v in latents[0])
