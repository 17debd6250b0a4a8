"""Each verb: what it passes on, what goes to stdout, and what a program can read."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from reverie.core.event import Finished

from .conftest import Api, Said

Cli = Callable[..., Said]


def one_object(said: Said) -> dict[str, Any]:
    """The JSON that is all of stdout; strict, so that NaN would be an error."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    values = json.loads(said.out, parse_constant=refuse)
    assert values["schema"] == 1 and said.out.count("\n") == 1
    return values


def test_train_passes_everything_on(api: Api, cli: Cli) -> None:
    said = cli(
        *"train vae photos --preset p --size 32 --images 500 --seed 7 --device cpu --set vae.beta=4".split(),
        "--run",
        "r",
    )
    assert said.status == 0
    expected = {"what": "vae", "data": "photos", "preset": "p", "settings": {"vae.beta": 4}, "size": 32}
    expected |= {"images": 500, "minutes": None, "seed": 7, "device": "cpu", "run": Path("r")}
    assert {name: api.asked[name] for name in expected} == expected
    assert said.out == "r\n", "stdout is the folder alone, for scripts"


def test_train_narrates_on_stderr_without_nonsense(api: Api, cli: Cli) -> None:
    said = cli("train", "vae")
    assert said.out == "runs/chosen\n"
    assert "KL 24.12 nats" in said.err and "weighted" not in said.err, "one value is said once"
    assert "warning X001 at 64 images: A loss was not finite" in said.err
    assert "KL not finite" in said.err
    assert "reverie sample runs/chosen" in said.err


def test_train_json(api: Api, cli: Cli) -> None:
    values = one_object(cli("train", "vae", "--json"))
    assert values["images"] == 12_800 and values["probe"] == {"held_out_elbo_nats": None}


def test_resume_uses_the_runs_own_recipe(api: Api, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text('family = "vae"\n[train]\nimages = 128\n')
    assert cli("resume", str(tmp_path)).out == f"{tmp_path}\n"
    assert api.asked["run"] == tmp_path
    said = cli("resume", str(tmp_path / "none"))
    assert said.status == 1 and "is not a run folder" in said.err


def test_demo(api: Api, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    said = cli("demo", "--minutes", "1.5", "-o", "d")
    assert (said.status, said.out, api.asked["minutes"], opened) == (0, "d/report.html\n", 1.5, [])
    assert "Take the gan." in said.err
    cli("demo", "-o", "d", "--open")
    assert opened and opened[0].startswith("file:///") and opened[0].endswith("/d/report.html")


def test_bakeoff(api: Api, cli: Cli) -> None:
    said = cli("bakeoff", "photos", "--families", "vae, gan", "-o", "b", "--set", "gan.width=8", "--minutes", "2")
    assert (said.status, said.out) == (0, "b/report.html\n") and "Take the gan." in said.err
    assert (api.asked["families"], api.asked["settings"]) == (["vae", "gan"], {"gan.width": 8})
    assert json.loads(cli("bakeoff", "photos", "-o", "b", "--json").out)["recommendation"] == ["Take the gan."]
    api.events = [Finished(images=64, seconds=1, reason="interrupted")]
    assert cli("bakeoff", "photos").status == 4


def test_init_writes_once(api: Api, cli: Cli, tmp_path: Path) -> None:
    said = cli("init", "vae", "-o", "new/recipe.toml")
    written = (tmp_path / "new" / "recipe.toml").read_text()
    assert said.status == 0 and 'family = "vae"' in written and "# " in written
    (tmp_path / "new" / "recipe.toml").write_text("mine")
    refused = cli("init", "vae", "-o", "new/recipe.toml")
    assert refused.status == 2 and "exists" in refused.err
    assert (tmp_path / "new" / "recipe.toml").read_text() == "mine"
    assert cli("init", "vae", "-o", "new/recipe.toml", "--force").status == 0
    assert cli("init", "vae").out == written


@pytest.mark.parametrize("words", [["runs"], ["runs", "list"]])
def test_runs_is_runs_list(api: Api, cli: Cli, words: list[str]) -> None:
    said = cli(*words)
    lines = said.out.splitlines()
    assert len(lines) == 3 and lines[0].split()[:4] == ["name", "family", "data", "state"]
    assert "cats" in lines[1] and "/photos" not in lines[1] and "100 %" in lines[1] and "1 min 15 s" in lines[1]
    assert api.asked["folder"] == Path("runs")


def test_runs_of_a_folder(api: Api, cli: Cli) -> None:
    assert len(one_object(cli("runs", "elsewhere", "--json"))["runs"]) == 2
    assert api.asked["folder"] == Path("elsewhere")
    said = cli("runs", "empty")
    assert said.out == "" and "holds no runs" in said.err


def test_runs_show(api: Api, cli: Cli) -> None:
    said = cli("runs", "show", "a")
    assert "100 % of the budget" in said.out and "24.12 nats" in said.out and "not finite" in said.out
    assert one_object(cli("runs", "show", "a", "--json"))["fraction"] == 1.0


def test_sample_makes_one_sheet(api: Api, cli: Cli, tmp_path: Path) -> None:
    said = cli("sample", str(tmp_path), *"-n 4 --seed 9 --label cat --truncation 0.7 -o new/s.png".split())
    assert said.out == "new/s.png\n" and said.status == 0
    with Image.open(tmp_path / "new" / "s.png") as picture:
        assert picture.width >= 512
    expected = {"n": 4, "seed": 9, "label": "cat", "truncation": 0.7, "device": "auto"}
    assert {name: api.asked[name] for name in expected} == expected


def test_sample_names_files_by_seed(api: Api, cli: Cli, tmp_path: Path) -> None:
    assert cli("sample", str(tmp_path), "-n", "4", "--seed", "9", "-o", "out").status == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [f"{i:06d}.png" for i in range(9, 13)]
    with Image.open(tmp_path / "out" / "000009.png") as picture:
        assert picture.size == (8, 8), "files have the model's size"


def test_sample_of_points_has_no_files_each(api: Api, cli: Cli, tmp_path: Path) -> None:
    api.images = torch.zeros(4, 2, 1, 1)
    said = cli("sample", str(tmp_path), "-o", "out")
    assert said.status == 2 and "scatter" in said.err
    assert cli("sample", str(tmp_path), "-o", "points.png").status == 0


def test_measure_prints_a_table_and_its_terms(api: Api, cli: Cli) -> None:
    said = cli("measure", "r", "--metrics", "elbo, kl", "--samples", "64", "--num", "100", "--against", "mnist")
    assert said.out.splitlines()[0].split() == ["elbo", "-78.2", "±", "0.3", "nats", "n", "512"]
    assert "held-out" in said.err
    expected = {"metrics": ["elbo", "kl"], "samples": 64, "num": 100, "against": "mnist", "weights": "best"}
    assert {name: api.asked[name] for name in expected} == expected


def test_measure_passes_the_extractor_on(api: Api, cli: Cli) -> None:
    assert cli("measure", "r", "--features", "dinov2-s14", "--weights-dir", "w").status == 0
    assert api.asked["features"] == "dinov2-s14" and api.asked["weights_dir"] == Path("w")
    assert cli("measure", "r").status == 0 and api.asked["features"] == "auto"


def test_measure_json(api: Api, cli: Cli) -> None:
    values = one_object(cli("measure", "r", "--json"))
    assert values["metrics"]["elbo"]["value"] == -78.2381 and values["metrics"]["kl"]["per"] == [10.0, 10.0]
    assert values["protocol"]["split"] == "held-out"


def test_interpolate(api: Api, cli: Cli, tmp_path: Path) -> None:
    said = cli("interpolate", "r", "3", "held-out:1", "--steps", "4", "--method", "lerp", "-o", "m.png")
    assert said.out == "m.png\n"
    assert {k: api.asked[k] for k in ("a", "b", "steps", "method")} == {
        "a": "3",
        "b": "held-out:1",
        "steps": 4,
        "method": "lerp",
    }
    with Image.open(tmp_path / "m.png") as picture:
        assert picture.width > 3 * picture.height, "one row"


def test_data(api: Api, cli: Cli) -> None:
    said = cli("data", "show", "photos", "--size", "32", "--channels", "grey")
    for words in ("9,500", "2 (cat 5,000, ", "5 x 4, RGB", "5 to 90 pixels (median 7)", "4 pixels", "is cut short"):
        assert words in said.out
    assert {k: api.asked[k] for k in ("source", "size", "channels")} == {
        "source": "photos",
        "size": 32,
        "channels": "grey",
    }
    assert one_object(cli("data", "prepare", "photos", "--json"))["images"] == 9500


def test_info(api: Api, cli: Cli) -> None:
    assert "torch  2.13" in cli("info").out
    assert one_object(cli("info", "--json"))["share"] is None
