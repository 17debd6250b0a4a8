"""A bakeoff from images to words, small; and what is refused before anything is trained."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import reverie
from reverie.core.errors import UsageError
from reverie.core.event import Finished, Stepped

SETTINGS = {
    "vae.net": "mlp",
    "vae.width": 32,
    "gan.net": "mlp",
    "gan.width": 32,
    "train.probes": 2,
    "train.grids": 1,
    "train.threads": 1,
}


def bake(folder: Path) -> Iterator[list[str]]:
    trainings = reverie.bakeoff("digits", folder, minutes=0.01, features="pixels", settings=SETTINGS)
    return ([type(event).__name__ for event in training.events] for training in trainings)


def test_from_images_to_a_recommendation(tmp_path: Path) -> None:
    first, second = bake(tmp_path / "b")
    assert first[-1] == second[-1] == Finished.__name__
    told = json.loads((tmp_path / "b" / "bakeoff.json").read_text())
    assert [row["name"] for row in told["runs"]] == ["vae", "gan"]
    assert told["protocol"]["weights"] == "last"
    assert told["recommendation"][0].startswith("For new images")
    assert "take vae: one pass gives their latents." in " ".join(told["recommendation"])
    table = (tmp_path / "b" / "summary.md").read_text()
    assert "| vae |" in table and "| gan |" in table and "by `reverie bakeoff`" in table
    assert "</html>" in (tmp_path / "b" / "report.html").read_text()
    assert (tmp_path / "b" / "gan" / "findings.json").exists()
    assert Stepped.__name__ not in next(bake(tmp_path / "b"))  # what is finished is not repeated


@pytest.mark.parametrize(
    "families,settings,words",
    [
        (("vae",), {}, "name at least two"),
        (("vae", "vae"), {}, "name at least two"),
        (("vae", "gann"), {}, "gan"),
        (("vae", "gan"), {"vae.bita": 1}, "bita"),
    ],
)
def test_what_is_refused_trains_nothing(
    families: tuple[str, ...], settings: dict[str, int], words: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=words):
        list(reverie.bakeoff("digits", tmp_path / "b", families=families, settings=settings))
    assert not (tmp_path / "b").exists()


def test_a_setting_of_a_family_that_is_not_there(tmp_path: Path) -> None:
    from reverie.api.bakeoff import _settings

    assert _settings(("vae", "gan"), {"gan.width": 8, "train.batch": 4}) == {
        "vae": {"train.batch": 4},
        "gan": {"gan.width": 8, "train.batch": 4},
    }
