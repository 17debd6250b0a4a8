"""Every address, as a person meets it: nothing broken, readable by everybody, and nothing from another machine."""

import json
import urllib.error
import urllib.request

import pytest

from .conftest import AXE, Opener, Studio, ids, settled

PAGES = (
    "/",
    "/new",
    "/runs/{digits-vae}",
    "/runs/{ring-gan}",
    "/runs/{digits-vae}/explore",
    "/compare?ids={digits-vae},{digits-gan}",
    "/choose",
    "/course",
    "/course/two-questions",
    "/course/the-vae",
    "/course/reparameterisation",
    "/course/the-elbo",
    "/course/the-gan",
    "/course/when-a-gan-fails",
    "/course/the-trade-off",
    "/course/where-vaes-live",
    "/practice",
    "/cards",
    "/print",
    "/nowhere/at/all",
)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.mark.parametrize("path", PAGES)
def test_everybody_can_read_it(open_page: Opener, path: str) -> None:
    page = open_page()
    address = page.url.split("?")[0].rstrip("/") + _filled(path, ids(page))
    page.emulate_media(reduced_motion="reduce")
    page.goto(address)
    settled(page)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, list[str]] = {}
    for scheme, forced in (("light", "none"), ("dark", "none"), ("dark", "active")):
        page.emulate_media(color_scheme=scheme, forced_colors=forced)  # type: ignore[arg-type]
        page.wait_for_timeout(300)
        told = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
        for violation in told["violations"]:
            where = [node["target"][0] for node in violation["nodes"]][:3]
            found[f"{scheme} (forced colours: {forced}) {violation['id']}"] = where
    assert not found, f"{path}: {found}"
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(address)
    settled(page)
    wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1], f"{path} is {wide[0]} px wide on a screen of {wide[1]}"


def test_a_theme_that_was_chosen_stays(open_page: Opener) -> None:
    page = open_page(color_scheme="light")
    page.get_by_label("Theme").select_option("darkroom")
    page.reload()
    settled(page)
    assert page.evaluate("document.documentElement.dataset.theme") == "darkroom"


def test_without_the_token_there_is_nothing_to_see(studio: Studio) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(studio.url + "/api/runs")
    assert refused.value.code == 401 and "token" in json.loads(refused.value.read())["error"]
    refused.value.close()


def test_every_key_is_told(open_page: Opener) -> None:
    page = open_page()
    settled(page)
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keys").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.wait_for_url("**/course")


def _filled(path: str, known: dict[str, str]) -> str:
    for name, key in known.items():
        path = path.replace(f"{{{name}}}", key)
    return path
