"""The report of a run: one HTML file that needs nothing else, no network and no script.

The template escapes everything that it is given; pictures are decoded and written anew as data: URIs, so that no byte
of a run folder reaches the page as it was. Charts are SVG from numbers alone.
"""

import base64
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from PIL import Image

from reverie.core.family import get_family
from reverie.core.run import Run, atomic_write, explained
from reverie.ship import sheet
from reverie.ship.curves import last_images, series, svg
from reverie.ship.exhibits import Exhibits, Training, choices, commands, kind, protocol, rows, sentence, training
from reverie.ship.gallery import grids
from reverie.ship.numbers import duration, value

CSP = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
MOMENT_WIDTH_PX = 520


@dataclass(frozen=True)
class Figure:
    """A picture in the page: its data: URI and size, so that nothing jumps, and whether it is made of large pixels."""

    uri: str
    width: int
    height: int
    alt: str
    caption: str = ""


def write_report(path: Path, run: Run, exhibits: Exhibits | None = None, *, title: str | None = None) -> Path:
    """Writes the report of a run.

    Args:
        path: the HTML file.
        run: a run; its recipe, events, sample grids and environment are read from the folder.
        exhibits: pictures and measurements; what is missing is left out of the page.
        title: the heading; the run's name when left out.
    Returns:
        `path`.
    Raises:
        RunError: `path` cannot be written.
    """
    html = render(run, exhibits or Exhibits(), title)
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, html.encode())
    return path


def render(run: Run, shown: Exhibits, title: str | None = None) -> str:
    """The page as text."""
    recipe, facts = run.recipe(), training(run)
    return page(
        "report.html.j2",
        title=title or run.name,
        name=run.name,
        family=kind(recipe.family),
        summary=sentence(get_family(recipe.family).summary),
        source=Path(recipe.data.source).name or recipe.data.source,
        facts=_facts(facts, shown),
        ended=facts.ended,
        seen=f"{facts.images:,}",
        items=shown.items,
        time=duration(facts.seconds),
        figures=_figures(shown),
        moments=_moments(run, shown.items),
        charts=_charts(run),
        rows=rows(shown.measured),
        protocol=protocol(shown.measured),
        data={key: value(fact) for key, fact in shown.data.items()},
        recipe=choices(recipe),
        env={k: v for k, v in run.env().items() if isinstance(v, str | int | float)},
        commands=commands(run.path, facts.ended == "finished", shown),
    )


def page(template: str, **shown: Any) -> str:
    """A page of this package's templates: everything that it is given is escaped, and all pages have one style."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    home = files("reverie.ship")
    style = Markup(home.joinpath("report.css").read_text(encoding="utf-8").rstrip())
    made = environment.from_string(home.joinpath(template).read_text(encoding="utf-8"))
    return made.render(csp=CSP, style=style, **shown)


def _facts(facts: Training, shown: Exhibits) -> list[tuple[str, str]]:
    """The numbers under the heading: (value, what)."""
    parameters = shown.parameters or facts.parameters
    rate = facts.images / facts.seconds if facts.seconds > 0 else 0.0
    found = [(f"{facts.images:,}", f"{shown.items} seen"), (duration(facts.seconds), f"of training on {facts.device}")]
    if rate:
        found.append((value(round(rate)), f"{shown.items} a second"))
    if parameters:
        found.append((f"{parameters:,}", "parameters"))
    return found


def _figures(shown: Exhibits) -> dict[str, Figure | None]:
    found: dict[str, Figure | None] = {"samples": None, "pairs": None, "morph": None}
    if shown.samples is not None and len(shown.samples):
        found["samples"] = figure(sheet.grid(shown.samples), f"{len(shown.samples)} {shown.items} drawn by the model")
    if shown.originals is not None and shown.reconstructions is not None and len(shown.originals):
        sheet_ = sheet.pairs(shown.originals, shown.reconstructions)
        found["pairs"] = figure(sheet_, "Held-out images above what the model makes of them")
    if shown.morph is not None and len(shown.morph):
        found["morph"] = figure(sheet.strip(shown.morph), f"{len(shown.morph)} steps between two held-out images")
    return found


def _moments(run: Run, items: str) -> list[Figure]:
    """The training's sample grids at several moments, made small."""
    found: list[Figure] = []
    for grid in grids(run):
        small = grid.picture
        if small.width > MOMENT_WIDTH_PX:
            height = max(1, round(small.height * MOMENT_WIDTH_PX / small.width))
            small = small.resize((MOMENT_WIDTH_PX, height), Image.Resampling.LANCZOS)
        caption = f"{grid.images:,} {items}"
        found.append(figure(small, f"Samples after {caption}", caption))
    return found


def figure(picture: Image.Image, alt: str, caption: str = "") -> Figure:
    """A picture as it stands in a page."""
    uri = "data:image/png;base64," + base64.b64encode(sheet.png(picture)).decode()
    return Figure(uri, picture.width, picture.height, alt, caption)


def _charts(run: Run) -> list[dict[str, Any]]:
    """Charts and their words; the SVG holds numbers alone, so it may pass unescaped."""
    curves = series(run.events())
    end, charts = last_images(curves), []
    for one in curves:
        first, last = value(one.points[0][1]), value(one.last)
        alt = f"{one.name}: {first} at the start, {last} at the end"
        charts.append({"name": one.name, "unit": one.unit, "last": last, "alt": alt, "svg": Markup(svg(one, end))})
    return charts
