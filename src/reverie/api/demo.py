"""The demo: a VAE and a GAN on images that come with the package, for the same minutes, ending in one HTML file."""

from collections.abc import Callable, Iterator
from pathlib import Path

from reverie.api.bakeoff import Training, bakeoff
from reverie.api.showing import exhibits, open_data
from reverie.api.using import load
from reverie.core.run import Run
from reverie.ship import sheet
from reverie.ship.report import write_report

TITLES = {"vae": "Faces that nobody drew, by a VAE", "gan": "Faces that nobody drew, by a GAN"}


def demo(
    folder: Path | str = "demo", *, minutes: float = 3.0, stop: Callable[[], bool] = lambda: False
) -> Iterator[Training]:
    """A bakeoff of a VAE and a GAN on drawn faces: `report.html` shows them side by side, with what the doctor says.

    Each has a report of its own in its run folder. An earlier demo in the folder is continued.

    Args:
        folder: where the runs and the reports go.
        minutes: of each training.
        stop: asked after every step; True saves and ends the training.
    Yields:
        the trainings; run through one's events before asking for the next. After the last the reports are written.
    """
    root = Path(folder)
    yield from bakeoff("faces", root, families=tuple(TITLES), preset="faces", minutes=minutes, stop=stop)
    for family, title in TITLES.items():
        here = Run.open(root / family)
        shown = exhibits(here, open_data(here.recipe()), load(here))
        write_report(here.path / "report.html", here, shown, title=title)
        if shown.samples is not None:
            sheet.save(sheet.grid(shown.samples), here.path / "samples.png")
