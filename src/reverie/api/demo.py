"""The demo: the whole path on images that come with the package, ending in one HTML file."""

from collections.abc import Callable, Iterator
from pathlib import Path

from reverie.api.showing import exhibits, open_data
from reverie.api.training import recipe, train
from reverie.api.using import load
from reverie.core.event import Event, Finished
from reverie.core.run import Run
from reverie.ship import sheet
from reverie.ship.report import write_report


def demo(
    folder: Path | str = "demo", *, minutes: float = 2.0, stop: Callable[[], bool] = lambda: False
) -> Iterator[Event]:
    """Trains a VAE on drawn faces and writes `report.html`: samples, reconstructions, a morph, curves, numbers.

    Args:
        folder: where the run and the report go; an earlier demo there is continued.
        minutes: training time.
    Yields:
        the training's events.
    """
    root = Path(folder)
    made = recipe("vae", preset="faces", minutes=minutes)
    for event in train(made, run=root / "vae", stop=stop):
        yield event
        if isinstance(event, Finished) and event.reason != "budget":
            return
    here = Run.open(root / "vae")
    dataset, model = open_data(made), load(here)
    shown = exhibits(here, dataset, model)
    write_report(root / "report.html", here, shown, title="Faces that nobody drew")
    if shown.samples is not None:
        sheet.save(sheet.grid(shown.samples), root / "samples.png")
