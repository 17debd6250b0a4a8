"""`reverie runs [DIR]` and `reverie runs show RUN`."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from reverie.cli.console import facts, put, put_json, say, table
from reverie.ship.numbers import count, duration, spoken, value

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


class RunsGroup(TyperGroup):
    """`reverie runs` and `reverie runs DIR` mean `reverie runs list [DIR]`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Puts "list" in front of what names no command."""
        known = bool(args) and (args[0] in self.commands or args[0] == "--help")
        return super().parse_args(ctx, args if known else ["list", *args])


def register(app: typer.Typer) -> None:
    """Adds the verbs to the command line."""
    group = typer.Typer(cls=RunsGroup, help="List runs, or show one.", rich_markup_mode=None)
    group.command("list", epilog="\b\nExample:\n  reverie runs\n  reverie runs experiments/")(list_)
    group.command("show", epilog="\b\nExample:\n  reverie runs show runs/digits")(show)
    app.add_typer(group, name="runs")


def list_(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that holds run folders.")] = Path("runs"),
    json: Json = False,
) -> None:
    """List the runs in a folder, the newest first."""
    from reverie import api

    found = api.runs(folder)
    if json:
        put_json({"runs": found})
        return
    if not found:
        say(f"{folder}: holds no runs. `reverie train vae faces --minutes 3` makes one.")
        return
    header = ("name", "family", "data", "state", "progress", "images", "time", "parameters", "probe", "age")
    put(table([_row(run) for run in found], header, right=(4, 5, 6, 7, 9)))


def show(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    json: Json = False,
) -> None:
    """Say how a run went.

    Read from the folder alone, without loading weights.
    """
    from reverie import api

    found = api.show(run)
    if json:
        put_json(found)
        return
    words = dict(found) | {
        "fraction": f"{100 * found['fraction']:.0f} % of the budget",
        "seconds": duration(found["seconds"]),
        "modified": f"{_age(found['modified'])} ago",
        "terms": _numbers(found["terms"]),
        "probe": _numbers(found["probe"]),
    }
    renamed = {"fraction": "progress", "seconds": "time", "modified": "started"}
    put(facts({renamed.get(name, name): word for name, word in words.items()}))


def _row(run: dict[str, Any]) -> tuple[str, ...]:
    probe = [f"{spoken(name)[0]} {value(number)}" for name, number in run["probe"].items()]
    return (
        str(run["name"]),
        str(run["family"]),
        Path(str(run["data"])).name,
        str(run["state"]),
        f"{100 * run['fraction']:.0f} %",
        count(run["images"]),
        duration(run["seconds"]),
        count(run["parameters"]),
        probe[0] if probe else "",
        _age(run["modified"]),
    )


def _numbers(values: dict[str, float]) -> dict[str, str]:
    """Numbers in words: {"kl_nats": 24.12} becomes {"kl": "24.12 nats"}."""
    said = {name: spoken(name) for name in values}
    return {words: f"{value(values[name])} {unit}".rstrip() for name, (words, unit) in said.items()}


def _age(moment: float) -> str:
    seconds = max(0.0, time.time() - moment)
    return f"{seconds / 86400:.0f} d" if seconds >= 2 * 86400 else duration(seconds)
