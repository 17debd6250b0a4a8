"""Moving through what a model learned; runs beside each other; the chooser."""

import io
import re

import pytest
from PIL import Image

from .conftest import Opener, Studio, ids, settled

PIXELS = "() => { const c = document.querySelector('canvas[role=img]'); return c.toDataURL(); }"


def test_the_pad_moves_the_picture_and_the_address(open_page: Opener, studio: Studio) -> None:
    page = open_page()
    page.goto(f"{studio.url}/runs/{ids(page)['digits-vae']}/explore")
    page.get_by_text("in this page").first.wait_for(timeout=90_000)
    before = page.evaluate(PIXELS)
    page.get_by_label("seed", exact=True).first.fill("7")
    page.get_by_label("seed", exact=True).first.press("Enter")
    page.wait_for_function(f"before => ({PIXELS})() !== before", arg=before)
    page.wait_for_function("() => location.search.length > 1")
    shown, address = page.evaluate(PIXELS), page.url
    page.get_by_role("button", name="Undo").click()
    page.wait_for_function(f"before => ({PIXELS})() === before", arg=before)
    page.goto(address)  # a shared address shows the same
    page.wait_for_function(f"shown => document.querySelector('canvas[role=img]') && ({PIXELS})() === shown", arg=shown)


def test_a_dimension_is_moved_by_its_box(open_page: Opener, studio: Studio) -> None:
    page = open_page()
    page.goto(f"{studio.url}/runs/{ids(page)['digits-vae']}/explore")
    page.get_by_text("in this page").first.wait_for(timeout=90_000)
    before = page.evaluate(PIXELS)
    box = page.get_by_label(re.compile("as a number")).first
    box.fill("2.5")
    box.press("Enter")
    page.wait_for_function(f"before => ({PIXELS})() !== before", arg=before)


def test_ones_own_picture_is_rebuilt(open_page: Opener, studio: Studio) -> None:
    page = open_page()
    page.goto(f"{studio.url}/runs/{ids(page)['digits-vae']}/explore")
    settled(page)
    page.get_by_role("tab", name="Yours").click()
    picture = io.BytesIO()
    Image.radial_gradient("L").resize((40, 40)).save(picture, "PNG")
    page.locator("input[type=file]").set_input_files(
        {"name": "mine.png", "mimeType": "image/png", "buffer": picture.getvalue()}
    )
    page.get_by_alt_text("What the model makes of its latent").first.wait_for()


@pytest.mark.parametrize(
    "content", [b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", b"PK\x03\x04 no"]
)
def test_what_is_no_picture_is_refused_in_words(open_page: Opener, studio: Studio, content: bytes) -> None:
    page = open_page()
    key = ids(page)["digits-vae"]
    answer = page.request.post(
        f"{studio.url}/api/runs/{key}/encode",
        data=content,
        headers={"content-type": "application/octet-stream", "origin": studio.url},
    )
    assert answer.status in (400, 415, 422) and answer.json()["error"].endswith(".")


@pytest.mark.timeout(200)
def test_two_runs_are_compared_on_the_same_seeds(open_page: Opener, studio: Studio) -> None:
    page = open_page()
    known = ids(page)
    page.set_default_timeout(120_000)
    page.goto(f"{studio.url}/compare?ids={known['digits-vae']},{known['digits-gan']}")
    page.get_by_role("button", name="Compare them").click()
    page.get_by_role("tab", name="Numbers").click()
    page.get_by_text("For new images take").wait_for()
    page.get_by_text("Numbers", exact=True).click()
    page.get_by_role("table").first.wait_for()
    assert page.get_by_text(re.compile("real images|floor", re.I)).count()


def test_the_chooser_asks_one_question_a_page(open_page: Opener, studio: Studio) -> None:
    page = open_page()
    page.goto(f"{studio.url}/choose")
    settled(page)
    asked = 0
    while page.get_by_role("radio").count():
        page.get_by_role("radio").last.check()
        page.get_by_role("button", name=re.compile("^(Next|Go on|Continue)")).click()
        asked += 1
        page.wait_for_timeout(150)
        assert asked < 12
    assert page.get_by_text(re.compile("reverie train|reverie measure|pip install")).count()
    address = page.url
    page.goto(address)
    settled(page)
    assert not page.get_by_role("radio").count(), "the address holds the answers"
