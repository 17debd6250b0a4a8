"""A training from the form to its end: started, watched live, stopped, resumed, with the server killed in between."""

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from reverie.core.event import Finished, Started
from reverie.core.run import Run

from .conftest import Opener, Studio, free_port, ids, settled, until


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Studio]:
    running = Studio(tmp_path / "runs", free_port())
    running.start()
    yield running
    running.stop()
    for lock in tmp_path.glob("runs/*/LOCK"):
        if Run.open(lock.parent).is_training():
            pytest.fail(f"a trainer is still at work in {lock.parent}")


@pytest.mark.timeout(240)
def test_from_the_form_to_the_end(open_page: Opener, workshop: Studio) -> None:
    page = open_page("/", server=workshop)
    page.get_by_role("heading", name="Nothing developed yet").wait_for()
    page.goto(workshop.url + "/new?family=vae&data=digits&images=60000&name=mine")
    settled(page)
    page.get_by_role("button", name=re.compile("^Start")).click()
    page.wait_for_url(re.compile(r"/runs/[0-9a-f]+"))
    folder = workshop.folder / "mine"
    until(lambda: (folder / "events.jsonl").exists(), what="the first event")
    scrubber = page.get_by_role("slider", name="Training images seen")
    page.wait_for_function("() => Number(document.querySelector('input[type=range]')?.max ?? 0) > 500")
    before = int(scrubber.get_attribute("max") or 0)
    page.wait_for_function(f"() => Number(document.querySelector('input[type=range]').max) > {before}")

    page.context.close()
    workshop.stop(signal.SIGKILL)  # the training goes on without it
    images = Run.open(folder).events
    last = max(event.images for event in images())
    until(lambda: max(event.images for event in images()) > last, what="the training to go on")
    workshop.start()
    page = open_page("/", server=workshop)
    page.get_by_role("link", name="mine").click()
    page.get_by_role("button", name="Stop").click()
    until(lambda: not Run.open(folder).is_training(), what="the trainer to stop")
    assert [e.reason for e in images() if isinstance(e, Finished)][-1] == "interrupted"
    page.get_by_role("button", name="Resume").click()
    until(lambda: Run.open(folder).is_training(), what="the trainer to go on")
    page.get_by_role("button", name="Stop").click()
    until(lambda: not Run.open(folder).is_training(), what="the trainer to stop again")
    assert sum(isinstance(event, Started) for event in images()) >= 2
    assert ids(page).keys() == {"mine"}


def test_time_moves_by_keys_and_everything_with_it(open_page: Opener, studio: Studio) -> None:
    page = open_page()
    page.goto(f"{studio.url}/runs/{ids(page)['digits-gan']}")
    settled(page)
    scrubber = page.get_by_role("slider", name="Training images seen")
    shown = page.locator(".sheet img").last
    newest = shown.get_attribute("src")
    page.locator("body").press("[")
    page.wait_for_function(
        "newest => [...document.querySelectorAll('.sheet img')].at(-1).src.endsWith(newest) === false", arg=newest
    )
    assert int(scrubber.input_value()) < int(scrubber.get_attribute("max") or 0)
    page.wait_for_function("() => location.search.includes('at=')")
    address = page.url
    scrubber.press("Home")
    assert scrubber.input_value() == "0"
    page.get_by_role("button", name=re.compile("Newest|Live")).click()
    assert scrubber.input_value() == scrubber.get_attribute("max")
    page.goto(address)  # a shared address shows the same moment
    settled(page)
    assert f"at={scrubber.input_value()}" in address


def test_a_sample_opens_beside_the_images_nearest_to_it(open_page: Opener, studio: Studio) -> None:
    page = open_page()
    page.goto(f"{studio.url}/runs/{ids(page)['digits-gan']}")
    settled(page)
    page.get_by_role("button", name=re.compile("Sample 1 of")).press("Enter")
    dialog = page.get_by_role("dialog", name=re.compile("Sample 1"))
    dialog.get_by_alt_text("Training image 1", exact=True).wait_for()
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")


def test_curves_have_a_table_with_the_same_numbers(open_page: Opener, studio: Studio) -> None:
    page = open_page()
    page.goto(f"{studio.url}/runs/{ids(page)['digits-vae']}")
    settled(page)
    page.get_by_role("button", name="table", exact=True).first.click()
    rows = page.get_by_role("region", name="ELBO, the newest first").get_by_role("row")
    rows.first.wait_for()
    assert rows.count() > 3
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download as CSV: ELBO").click()
    text = Path(saved.value.path()).read_text(encoding="utf-8")
    assert text.startswith("images,elbo.") and text.count("\n") >= rows.count() - 1
