"""The commands put together, and the one place where an error becomes a sentence and an exit status.

0 ok · 1 failure · 2 usage · 3 unhealthy · 4 interrupted, resumable.
"""

import io
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from reverie import __version__
from reverie.cli import (
    adopt,
    bakeoff,
    choose,
    compare,
    course,
    data,
    demo,
    diagnose,
    info,
    init,
    interpolate,
    measure,
    runs,
    sample,
    studio,
    train,
    treat,
)
from reverie.cli.console import say
from reverie.core.errors import Interrupted, ReverieError

# The base of every complaint about a command line; Typer exports only its child.
_Complaint: type[Exception] = typer.BadParameter.__bases__[0]

app = typer.Typer(
    name="reverie",
    help="Teaches a machine to imagine your images, and shows how well it does.",
    epilog="\b\nStart here:\n  reverie demo\n  reverie train vae PHOTOS --minutes 10",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for verb in (
    demo,
    choose,
    data,
    init,
    train,
    adopt,
    runs,
    sample,
    measure,
    diagnose,
    treat,
    compare,
    bakeoff,
    interpolate,
    studio,
    course,
    info,
):
    verb.register(app)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Say which version this is.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks; goes anywhere on the line.")] = False,
) -> None:
    if version:
        typer.echo(f"reverie {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line and returns its exit status; never raises what a user could not act on.

    Args:
        arguments: the words after `reverie`; those of this process when left out.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = words[: words.index("--")] if "--" in words else words
    debug = "--debug" in options
    words = [word for word in options if word != "--debug"] + words[len(options) :]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without "±" gets "?", not a traceback
    try:
        status = app(words, prog_name="reverie", standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:
        if debug:
            traceback.print_exception(error)
        return _explain(error, debug)
    if status == 130:  # what Typer makes of Ctrl-C
        return _explain(KeyboardInterrupt())
    return status if isinstance(status, int) else 0


def _explain(error: BaseException, debug: bool = False) -> int:
    """Says what went wrong on stderr, one sentence a problem; returns the exit status."""
    if isinstance(error, Interrupted):
        say(str(error))
        return error.exit_status
    if isinstance(error, ReverieError):
        for line in str(error).splitlines():
            say(f"error: {line}")
        return error.exit_status
    if isinstance(error, _Complaint):
        say(f"error: {_complaint(error)}")
        return 2
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        say("aborted.")
        return 1
    if _is_out_of_memory(error):
        say("error: out of memory. Lower train.batch, or keep it and set train.micro (--set train.micro=16).")
        return 1
    what = " ".join(f"{type(error).__name__}: {error}".split())
    say(f"internal error: {what[:300]}; {'report it' if debug else 'run again with --debug and report it'}.")
    return 1


def _complaint(error: Exception) -> str:
    """Typer's words about the command line, with where help is."""
    command = getattr(getattr(error, "ctx", None), "command_path", "reverie")
    message = getattr(error, "format_message", error.__str__)().strip()
    return f"{message if message.endswith(('.', '?')) else message + '.'} `{command} --help` lists what there is."


def _is_out_of_memory(error: BaseException) -> bool:
    """True for Python's, CUDA's and the CPU allocator's way of saying so, without importing torch."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError)
        and (type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(error))
    )
