"""The whole course: every unit read and answered, practised, learned by cards, printed, carried away as a folder."""

import functools
import http.server
import io
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from reverie.studio.course.schema import load_course

from .conftest import Opener, Studio, settled

COURSE = load_course()
UNITS = [unit.id for unit in COURSE.units]


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_is_read_and_answered(open_page: Opener, studio: Studio, unit: str) -> None:
    page = open_page()
    page.goto(f"{studio.url}/course/{unit}")
    settled(page)
    learn = page.get_by_role("region", name="Predict, run, compare, explain")
    learn.get_by_role("radio").first.check()
    learn.get_by_role("button", name="Commit").click()
    learn.get_by_role("button", name="Run").last.click()
    learn.get_by_role("button", name="Compare").last.click()
    learn.get_by_role("button", name="Explain it").click()
    learn.get_by_label("Your sentence").fill("Because of the noise.")
    learn.get_by_role("button", name="Show one answer").click()
    kept = page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('reverie'))")
    assert kept, "progress stays in this browser"
    page.get_by_role("navigation", name="Units").get_by_role("link").first.wait_for()


def test_what_the_address_hides_is_hidden(open_page: Opener, studio: Studio) -> None:
    page = open_page()
    page.goto(f"{studio.url}/course/the-elbo?hide=explain,questions&seed=5")
    settled(page)
    assert page.get_by_role("button", name=re.compile("Explain$")).count() == 0


def test_z_is_computed_and_a_slip_is_named(open_page: Opener, studio: Studio) -> None:
    page = open_page()
    page.goto(f"{studio.url}/practice")
    settled(page)
    for number, value in enumerate(("0.6", "0.65", "-0.2"), 1):
        page.get_by_label(f"z, dimension {number}").fill(value)
    page.get_by_role("button", name="Sure", exact=True).first.click()
    page.get_by_text(re.compile("Right", re.I)).first.wait_for()
    page.get_by_role("button", name="Another draw").click()
    assert page.get_by_label("z, dimension 1").input_value() == ""


def test_cards_come_back_when_they_are_due(open_page: Opener, studio: Studio) -> None:
    page = open_page()
    page.goto(f"{studio.url}/cards")
    settled(page)
    for _ in range(3):
        page.keyboard.press("Space")
        page.get_by_role("region", name="Answer").wait_for()
        page.keyboard.press("3")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Export the schedule").click()
    told = json.loads(Path(saved.value.path()).read_text(encoding="utf-8"))
    assert len(told["cards"]) == 3
    with page.expect_download() as saved:
        page.get_by_role("button", name="For Anki").click()
    lines = Path(saved.value.path()).read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if not line.startswith("#")]) == len(COURSE.cards)


@pytest.mark.parametrize(
    ("query", "pages"),
    [
        ("", len(COURSE.cards)),
        ("?size=letter", len(COURSE.cards)),
        ("?answers=duplex", 2 * len(COURSE.cards)),
        ("?answers=none", len(COURSE.cards)),
    ],
)
def test_cards_are_printed_one_a_page(open_page: Opener, studio: Studio, query: str, pages: int) -> None:
    page = open_page()
    page.goto(f"{studio.url}/print{query}")
    settled(page)
    printed = PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True)))
    assert len(printed.pages) == pages
    width, height = (float(x) / 72 * 25.4 for x in printed.pages[0].mediabox.upper_right)
    wanted = (279, 216) if "letter" in query else (148, 105)
    assert sorted((round(width), round(height))) == sorted(wanted)
    assert all(one.extract_text().strip() for one in printed.pages), "a page is empty"


def test_the_practice_sheet_is_printed_with_its_answers_open(open_page: Opener, studio: Studio) -> None:
    page = open_page()
    page.goto(f"{studio.url}/print?what=practice")
    settled(page)
    printed = PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True)))
    text = " ".join(re.sub(r"\s+", " ", one.extract_text()) for one in printed.pages)
    assert "0.65" in text and "Seven questions" in text


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The exported course in a sub-folder of a plain web server, which knows nothing of it."""
    from reverie.studio.course.export import export

    root = tmp_path_factory.mktemp("host")
    export(root / "some" / "where")
    handler = functools.partial(_Quiet, directory=str(root))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/some/where/"
    server.shutdown()
    server.server_close()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *told: Any) -> None:
        pass


def test_the_exported_course_works_from_any_folder_of_any_host(browser: Any, site: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    foreign: list[str] = []
    complaints: list[str] = []
    page.on(
        "request", lambda asked: None if asked.url.startswith((site, "blob:", "data:")) else foreign.append(asked.url)
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(site)
    settled(page)
    for unit in UNITS:
        page.goto(f"{site}#/course/{unit}")
        settled(page)
        assert page.get_by_role("region", name="Predict, run, compare, explain").count() == 1
    for name in ("practice", "cards", "print", "choose"):
        page.goto(f"{site}#/{name}")
        settled(page)
    context.close()
    assert not foreign and not complaints
