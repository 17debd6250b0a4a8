"""The model card says what is known, and nothing else."""

import re

from PIL import Image

from reverie.core.event import Finished, Started
from reverie.core.run import Run
from reverie.ship.card import plain, write_card
from reverie.ship.exhibits import Exhibits, choices

from .conftest import HOSTILE


def test_pictures_exist_and_paths_are_relative(run: Run, exhibits: Exhibits) -> None:
    text = write_card(run, exhibits).read_text(encoding="utf-8")
    linked = re.findall(r"\]\(([^)]+)\)", text)
    assert set(linked) == {f"card/{n}.png" for n in ("samples", "reconstructions", "morph", "curves")} | {"recipe.toml"}
    for name in linked:
        assert (run.path / name).is_file()
        if name.endswith(".png"):
            with Image.open(run.path / name) as picture:
                assert picture.width > 0


def test_it_says_what_was_measured_with_error_unit_and_protocol(run: Run, exhibits: Exhibits) -> None:
    text = write_card(run, exhibits).read_text(encoding="utf-8")
    assert "| ELBO | -78.2 ± 0.3 | nats | 512 |" in text
    assert "split held-out" in text
    assert "1,024 images seen in 9 s on cpu" in text and "1,234 parameters" in text


def test_what_was_not_measured_is_absent(run: Run) -> None:
    text = write_card(run).read_text(encoding="utf-8")
    assert "## Measured" not in text and "## Reconstructions" not in text
    assert "No quality was measured" in text
    assert "card/samples.png" in text, "the last grid of the training stands in"


def test_hostile_names_stay_in_their_cell(run: Run, exhibits: Exhibits) -> None:
    text = write_card(run, exhibits).read_text(encoding="utf-8")
    assert "<script" not in text
    rows = [line for line in text.splitlines() if line.startswith("| data.source")]
    assert len(rows) == 1 and len(re.findall(r"(?<!\\)\|", rows[0])) == 3
    assert "\n" not in plain("a\nb\r\x1b[31mc") and "`" not in plain(HOSTILE).replace("\\`", "")


def test_an_unfinished_training_says_so(run: Run) -> None:
    run.append(Started(images=1024, resumed=True, parameters=1234))
    assert "not finished" in write_card(run).read_text(encoding="utf-8")
    run.append(Finished(images=1100, reason="diverged"))
    assert "The training is diverged" in write_card(run).read_text(encoding="utf-8")


def test_choices_hold_the_family_whole_and_else_what_differs(run: Run) -> None:
    chosen = choices(run.recipe())
    assert {"vae.beta", "vae.latent", "data.source", "train.images", "train.batch", "optim.lr"} <= set(chosen)
    assert "train.clip" not in chosen and "data.fit" not in chosen


def test_writing_twice_replaces(run: Run, exhibits: Exhibits) -> None:
    write_card(run, exhibits)
    before = sorted(p.name for p in (run.path / "card").iterdir())
    write_card(run, exhibits)
    assert sorted(p.name for p in (run.path / "card").iterdir()) == before
