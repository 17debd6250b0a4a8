"""The report: one file, nothing fetched, nothing run, and every word of a run folder is only text."""

import base64
import io
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from reverie.core.errors import RunError
from reverie.core.event import Sampled, to_json
from reverie.core.run import Run
from reverie.ship.exhibits import Exhibits
from reverie.ship.gallery import grids, read_picture
from reverie.ship.report import CSP, render, write_report

from .conftest import HOSTILE


class Page(HTMLParser):
    """What a browser would see: tags with attributes, and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data + " "


def test_hostile_names_are_text(run: Run, exhibits: Exhibits) -> None:
    page = Page(render(run, exhibits, title=HOSTILE))
    assert "script" not in {tag for tag, _ in page.tags}
    assert page.text.count(HOSTILE) >= 6, "title, source, data, metric, unit and protocol are shown as they are"
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")], f"<{tag}> has a handler"


def test_nothing_is_fetched(run: Run, exhibits: Exhibits) -> None:
    html = render(run, exhibits)
    page = Page(html)
    policy = [a.get("content") for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy == [CSP]
    assert "default-src 'none'" in CSP and "script-src" not in CSP
    assert not {"link", "iframe", "object", "embed", "base", "form"} & {tag for tag, _ in page.tags}
    for _, attributes in page.tags:
        for name in ("src", "href", "srcset", "action"):
            assert (attributes.get(name) or "data:image/png;base64,").startswith("data:image/png;base64,")
    assert "url(" not in html and "@import" not in html


def test_every_picture_decodes_at_the_size_it_claims(run: Run, exhibits: Exhibits) -> None:
    pictures = [a for tag, a in Page(render(run, exhibits)).tags if tag == "img"]
    assert len(pictures) == 3 + 4, "samples, pairs, morph, and four moments"
    for attributes in pictures:
        raw = base64.b64decode((attributes["src"] or "").split(",", 1)[1])
        with Image.open(io.BytesIO(raw), formats=["PNG"]) as picture:
            assert (str(picture.width), str(picture.height)) == (attributes["width"], attributes["height"])
        assert attributes["alt"]


def test_numbers_have_their_error_and_what_was_not_measured_is_absent(run: Run, exhibits: Exhibits) -> None:
    text = " ".join(Page(render(run, exhibits)).text.split())
    assert "ELBO -78.2 ± 0.3 nats 512" in text
    bare = Page(render(run, Exhibits()))
    assert "Measured" not in bare.text and "Reconstructions" not in bare.text
    assert "foreign" not in text


def test_writing_is_whole_and_says_why_not(run: Run, tmp_path: Path) -> None:
    path = write_report(tmp_path / "new" / "report.html", run)
    assert path.read_text(encoding="utf-8").endswith("</html>")
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        write_report(tmp_path / "file" / "report.html", run)


def test_moments_are_the_first_and_the_last_and_some_between(run: Run) -> None:
    assert [g.images for g in grids(run, 3)] == [0, 256, 1024]
    assert [g.images for g in grids(run, 2)] == [0, 1024]


@pytest.mark.parametrize(
    "name", ["../secret.png", "/etc/passwd", "samples/missing.png", "samples", "recipe.toml", "a\0b"]
)
def test_files_outside_the_run_or_not_pictures_are_passed_over(run: Run, name: str) -> None:
    Image.new("RGB", (4, 4)).save(run.path.parent / "secret.png")
    assert read_picture(run.path, name) is None
    with (run.path / "events.jsonl").open("a") as file:
        file.write(to_json(Sampled(images=2000, path=name)) + "\n")
        file.write(json.dumps({"event": "sampled", "images": 2001, "path": 5}) + "\n")
    assert [grid.images for grid in grids(run, 9)] == [0, 256, 512, 768, 1024], "only the run's own five"


def test_links_out_of_the_run_are_not_followed(run: Run) -> None:
    Image.new("RGB", (4, 4)).save(run.path.parent / "secret.png")
    (run.path / "samples" / "link.png").symlink_to(run.path.parent / "secret.png")
    assert read_picture(run.path, "samples/link.png") is None


def test_a_bomb_is_passed_over(run: Run) -> None:
    Image.new("1", (20_000, 20_000)).save(run.path / "samples" / "bomb.png")
    assert read_picture(run.path, "samples/bomb.png") is None


def test_a_run_without_events_still_has_a_report(tmp_path: Path, run: Run) -> None:
    (run.path / "events.jsonl").unlink()
    assert "not finished" in render(run, Exhibits())
