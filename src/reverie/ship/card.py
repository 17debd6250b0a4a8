"""The model card of a run: `card.md`, with its pictures under `card/`, readable wherever Markdown is.

Numbers that were not measured are absent. Names come from recipes and folders and are escaped: they may hold anything.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from reverie.core.family import get_family
from reverie.core.run import Run, atomic_write, explained
from reverie.ship import sheet
from reverie.ship.curves import curves_png, series
from reverie.ship.exhibits import Exhibits, choices, commands, kind, protocol, rows, sentence, training
from reverie.ship.gallery import grids
from reverie.ship.numbers import duration, value

_RECONSTRUCTED = {
    "images": "Held-out images (upper rows) and what the model makes of them (lower rows).",
    "points": "Held-out points (ink) and what the model makes of them (rust).",
}
_SAMPLED = {
    "images": "images = rv.sample({}, 64)  # (64, channels, height, width), float in [-1, 1]",
    "points": "points = rv.sample({}, 1000).flatten(1)  # (1000, 2), float, in the data's own unit",
}


def write_card(run: Run, exhibits: Exhibits | None = None) -> Path:
    """Writes `card.md` and its pictures into the run folder, over those of an earlier time.

    Args:
        run: a run, finished or not; its recipe, events and environment are read from the folder.
        exhibits: pictures and measurements; without samples, the last grid of the training stands in.
    Returns:
        The path of `card.md`.
    Raises:
        RunError: the folder cannot be written.
    """
    shown = exhibits or Exhibits()
    pictures = _pictures(run, shown)
    with explained(run.path):
        (run.path / "card").mkdir(exist_ok=True)
        for name, content in pictures.items():
            atomic_write(run.path / "card" / f"{name}.png", content)
        text = _text(run, shown, set(pictures))
        atomic_write(run.path / "card.md", text.encode())
    return run.path / "card.md"


def plain(text: object, limit: int = 200) -> str:
    """Text that Markdown and HTML show as it is, on one line.

    Example:
        >>> plain("a|b <script>")
        'a\\\\|b &lt;script&gt;'
    """
    line = "".join(c if c.isprintable() else " " for c in str(text))
    line = line if len(line) <= limit else line[: limit - 1] + "…"
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|#!~])", r"\\\1", line)


def _pictures(run: Run, shown: Exhibits) -> dict[str, bytes]:
    """PNG bytes by name, for every picture that there is."""
    found: dict[str, Image.Image] = {}
    if shown.samples is not None and len(shown.samples):
        found["samples"] = sheet.grid(shown.samples)
    else:
        for last in grids(run, 2)[-1:]:
            found["samples"] = last.picture
    if shown.originals is not None and shown.reconstructions is not None and len(shown.originals):
        found["reconstructions"] = sheet.pairs(shown.originals, shown.reconstructions)
    if shown.morph is not None and len(shown.morph):
        found["morph"] = sheet.strip(shown.morph)
    pictures = {name: sheet.png(picture) for name, picture in found.items()}
    curves = series(run.events())
    if curves:
        pictures["curves"] = curves_png(curves, items=shown.items)
    return pictures


def _text(run: Run, shown: Exhibits, pictures: set[str]) -> str:
    recipe = run.recipe()
    blocks = [f"# {plain(run.name)}", _opening(run, shown)]
    if "samples" in pictures:
        blocks += [
            f"![New {shown.items}](card/samples.png)",
            f"New {shown.items}, one a seed; none was chosen by hand.",
        ]
    blocks += [
        "## Data",
        _table(
            {"source": recipe.data.source} | {key: value(fact) for key, fact in shown.data.items()}, ("fact", "value")
        ),
    ]
    blocks += [
        "## Recipe",
        _table(choices(recipe), ("key", "value")),
        "The whole of it is in [recipe.toml](recipe.toml).",
    ]
    if "reconstructions" in pictures:
        words = _RECONSTRUCTED[shown.items]
        blocks += ["## Reconstructions", "![Reconstructions](card/reconstructions.png)", words]
    if "morph" in pictures:
        blocks += ["## Between two held-out images", "![A morph](card/morph.png)"]
    blocks += _measured(shown)
    if "curves" in pictures:
        words = "Ink: terms of the loss, as means since the line before. Red dots: probes on held-out data."
        blocks += ["## Training", "![Curves](card/curves.png)", words]
    next_steps = commands(run.path, training(run).ended == "finished", shown)
    listing = "\n".join(f"{_one_line(command)}  # {what}" for command, what in next_steps)
    blocks += ["## Use it", f"```sh\n{listing}\n```"]
    where = repr(_one_line(run.path.as_posix()))
    python = f"import reverie as rv\n\nmodel = rv.load({where})\n"
    python += (
        "codes = model.encode(images)  # (n, channels, height, width), float in [-1, 1] -> (n, latent_dim)"
        if shown.encodes_alone
        else _SAMPLED[shown.items].format(where)
    )
    blocks += [f"```python\n{python}\n```"]
    blocks += _environment(run)
    blocks += ["## Know before use", "\n".join(f"- {line}" for line in _caveats(run, shown))]
    return "\n\n".join(blocks) + "\n"


def _opening(run: Run, shown: Exhibits) -> str:
    recipe, facts = run.recipe(), training(run)
    parameters = shown.parameters or facts.parameters
    size = f" of {parameters:,} parameters" if parameters else ""
    return (
        f"A {kind(recipe.family)}{size}, trained by Reverie on {plain(recipe.data.source)}: "
        f"{facts.images:,} {shown.items} seen in {duration(facts.seconds)} on {plain(facts.device)} "
        f"({plain(facts.precision)}), {facts.ended}. {sentence(get_family(recipe.family).summary)}"
    )


def _measured(shown: Exhibits) -> list[str]:
    found = rows(shown.measured)
    if not found:
        return []
    lines = [f"| number | value | unit | {shown.items} |", "|---|--:|---|--:|"]
    lines += [f"| {plain(r.name)} | {plain(r.value)} | {plain(r.unit)} | {r.n} |" for r in found]
    held = protocol(shown.measured)
    blocks = ["## Measured", "\n".join(lines), "± is one standard error."]
    return [*blocks, f"Protocol: {plain(held, 600)}."] if held else blocks


def _environment(run: Run) -> list[str]:
    env = {k: v for k, v in run.env().items() if isinstance(v, str | int | float)}
    return ["## Environment", _table(env, ("what", "version"))] if env else []


def _caveats(run: Run, shown: Exhibits) -> list[str]:
    facts, names = training(run), {row.name for row in rows(shown.measured)}
    lines = [f"It imitates its training {shown.items}, with their gaps, faults and prejudices; it knows nothing else."]
    if not any("memori" in name for name in names):
        lines.append(f"Whether it copies training {shown.items} was not measured.")
    if not names:
        lines.append("No quality was measured: the pictures are all there is to go by.")
    if facts.ended != "finished":
        lines.append(f"The training is {facts.ended}; the numbers and pictures are of that moment.")
    licence = f"Check the licence of the training {shown.items} before you pass its {shown.items} on"
    lines.append(f"{licence}: the card cannot know it.")
    return lines


def _table(values: Mapping[str, object], header: tuple[str, str]) -> str:
    lines = [f"| {header[0]} | {header[1]} |", "|---|---|"]
    return "\n".join(lines + [f"| {plain(key)} | {plain(fact)} |" for key, fact in values.items()])


def _one_line(text: str) -> str:
    """Text for a code block: on one line, and unable to end the block."""
    return "".join(c if c.isprintable() else "?" for c in text).replace("```", "'''")
