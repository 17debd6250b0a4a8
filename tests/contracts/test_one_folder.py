"""The one-folder test: adding a family means adding one folder, and everything finds it (design, section 4)."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

import reverie
import reverie.families
from reverie.core.errors import UsageError
from reverie.core.event import Finished, Stepped
from reverie.core.family import family_names, get_family

TOY = '''
"""The mean image and a spread: the smallest model that trains and samples."""

from typing import Literal

import torch
from pydantic import Field
from torch import nn

from reverie.core.capability import Samples
from reverie.core.family import Family, Phase, Terms
from reverie.core.recipe import Recipe, Section
from reverie.core.rng import normal_by_seed


class ToySection(Section):
    """The toy's only choice."""

    spread: float = Field(0.1, ge=0, description="Noise around the mean image.")


class ToyRecipe(Recipe):
    """A recipe for the toy."""

    family: Literal["toy"] = Field("toy", description="How images are modelled.")
    toy: ToySection = Field(default_factory=ToySection, description="The toy's section.")


class Toy(nn.Module, Samples):
    """One learned image."""

    def __init__(self, shape, spread):
        super().__init__()
        self.mean, self.spread = nn.Parameter(torch.zeros(shape)), spread

    def sample(self, seeds, *, labels=None, truncation=1.0):
        noise = normal_by_seed(seeds, *self.mean.shape)
        return (self.mean + truncation * self.spread * noise).clamp(-1, 1).detach()


def default():
    """The mean image of any data; a second on any machine, an error of 0.5 and falling."""
    return ToyRecipe()


class ToyFamily(Family):
    name, summary, recipe = "toy", "The mean image, and noise around it.", ToyRecipe

    def presets(self):
        return {"default": default}

    def build(self, recipe, spec):
        return Toy(spec.shape, recipe.toy.spread)

    def phases(self, model, recipe, num_items):
        def terms(batch, moment):
            return Terms({"error": (batch.images - model.mean).square().mean()})

        return (Phase("mean", list(model.parameters()), terms),)


FAMILY = ToyFamily()
'''


@pytest.fixture
def toy_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with one family in it, searched beside the built-in ones for the length of a test."""
    folder = tmp_path / "families"
    (folder / "toy").mkdir(parents=True)
    (folder / "toy" / "__init__.py").write_text(TOY, encoding="utf-8")
    monkeypatch.setattr(reverie.families, "__path__", [*reverie.families.__path__, str(folder)])
    yield folder
    sys.modules.pop("reverie.families.toy", None)
    vars(reverie.families).pop("toy", None)


TINY = {"family": "toy", "data": {"source": "digits"}, "train": {"images": 2048, "batch": 64, "log_every": 4}}


@pytest.mark.usefixtures("toy_folder")
def test_a_folder_is_a_family() -> None:
    assert "toy" in family_names()
    assert get_family("toy").summary == "The mean image, and noise around it."
    assert reverie.Recipe.from_dict({"family": "toy", "toy": {"spread": 0.5}}).to_dict()["toy"] == {"spread": 0.5}
    with pytest.raises(UsageError, match=r"recipe\.toy\.spred.*Did you mean 'spread'"):
        reverie.Recipe.from_dict({"family": "toy", "toy": {"spred": 0.5}})


@pytest.mark.usefixtures("toy_folder")
def test_it_trains_and_samples_through_the_api(tmp_path: Path) -> None:
    run = tmp_path / "run"
    recipe = reverie.Recipe.from_dict(TINY | {"optim": {"lr": 0.05}})
    events = list(reverie.train(recipe, run=run))
    errors = [event.terms["error"] for event in events if isinstance(event, Stepped)]
    assert isinstance(events[-1], Finished) and events[-1].reason == "budget" and events[-1].images == 2048
    assert errors[-1] < 0.8 * errors[0], f"the mean image was not learned: {errors}"
    assert any((run / "samples").iterdir()), "a family that samples leaves pictures"
    assert len(reverie.sample(run, n=3)) == 3


@pytest.mark.usefixtures("toy_folder")
def test_the_command_line_knows_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from reverie.cli import app, main

    assert main(["init", "nothing"]) == 2
    assert "toy" in capsys.readouterr().err, "a wrong name lists the families there are"

    runner = CliRunner()
    recipe = runner.invoke(app, ["init", "toy"], catch_exceptions=False)
    assert recipe.exit_code == 0 and "Noise around the mean image." in recipe.stdout

    run = tmp_path / "run"
    arguments = ["train", "toy", "digits", "--images", "256", "--set", "toy.spread=0.2", "--run", str(run)]
    trained = runner.invoke(app, arguments, catch_exceptions=False)
    assert trained.exit_code == 0, trained.output
    assert reverie.Recipe.load(run / "recipe.toml").to_dict()["toy"] == {"spread": 0.2}
    assert (run / "card.md").is_file(), "every training ends with a card, whatever the family"


def test_a_package_of_a_third_party_is_a_family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dream.py").write_text(TOY.replace("toy", "dream"), encoding="utf-8")
    described = tmp_path / "dream-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: dream\nVersion: 1.0\n", encoding="utf-8")
    (described / "entry_points.txt").write_text("[reverie.families]\ndream = dream:FAMILY\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert "dream" in family_names()
    assert get_family("dream").name == "dream"
    assert reverie.Recipe.from_dict({"family": "dream"}).to_dict()["dream"] == {"spread": 0.1}
    sys.modules.pop("dream", None)


def test_without_the_folder_it_is_gone() -> None:
    assert "toy" not in family_names()
    with pytest.raises(UsageError, match="'toy' is not a family. Use one of: .*vae"):
        get_family("toy")
