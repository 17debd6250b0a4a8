"""Serving: binds, prints the address, opens a browser, and ends when asked, without ending any training."""

import logging
import os
import secrets
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from reverie.core.errors import UsageError
from reverie.studio.app import create_app
from reverie.studio.security import LOOPBACK, addresses

PORT, TRIES = 8765, 20


class Server(uvicorn.Server):
    """Ends the streams before it waits for open connections to end."""

    studio: FastAPI

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Called once, when the server is asked to end."""
        self.studio.state.stream.close()
        await super().shutdown(sockets)


def serve(
    folder: Path,
    *,
    say: Callable[[str], None],
    host: str = "127.0.0.1",
    port: int | None = None,
    browser: bool = True,
    page: str = "/",
) -> None:
    """Serves the studio until it is interrupted.

    Args:
        folder: of the runs; need not exist.
        say: prints a line for the person who started it.
        host: to bind to; anything but loopback is seen by others in the network, who need the printed address.
        port: left out: 8765, or the next that is free.
        browser: open one.
        page: to open first.
    Raises:
        UsageError: the port is taken, or the host is not this machine's.
    """
    token = secrets.token_urlsafe(24)
    with bind(host, port) as listener:
        number = int(listener.getsockname()[1])
        studio = create_app(folder, token=token, host=host, port=number)
        shown = "127.0.0.1" if host in LOOPBACK or host in ("0.0.0.0", "::") else host
        url = address(shown, number, page, token)
        say(f"The studio shows {folder.resolve()}. Open it in a browser on this machine:")
        say(f"  {url}")
        if host not in LOOPBACK:
            others = addresses() if host in ("0.0.0.0", "::") else [host]
            say("It can be reached from your network by whoever has this address (traffic is not encrypted):")
            say("\n".join(f"  {address(other, number, page, token)}" for other in others if other not in LOOPBACK))
        say("Ctrl-C ends the studio. Trainings go on, and are seen again at the next start.")
        if browser and _has_screen():
            threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
        run(studio, listener)


def _has_screen() -> bool:
    """False where only a browser for terminals could open, which would take this one over."""
    return not sys.platform.startswith("linux") or any(os.environ.get(n) for n in ("DISPLAY", "WAYLAND_DISPLAY"))


def run(studio: FastAPI, listener: socket.socket) -> None:
    """Serves on a bound socket until the process is asked to end."""
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    server = Server(configure(studio))
    server.studio = studio
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        pass  # uvicorn has ended in order by now, and hands the signal on


def configure(studio: FastAPI) -> uvicorn.Config:
    """How the studio is served: quietly, without web sockets, and believing no proxy's headers."""
    return uvicorn.Config(
        studio,
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="on",
        ws="none",
        proxy_headers=False,
        timeout_graceful_shutdown=3,
    )


def bind(host: str, port: int | None) -> socket.socket:
    """A socket that listens on the first free port from the usual one, or on the port that is named.

    Raises:
        UsageError: it is taken, or the host is not one of this machine.
    """
    wanted = range(PORT, PORT + TRIES) if port is None else [port]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for number in wanted:
        made = socket.socket(family, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind((host, number))
            made.listen(128)
            return made
        except (socket.gaierror, UnicodeError):
            made.close()
            raise UsageError(
                f"--host {host}: is not a name of this machine. Leave it out for this machine alone."
            ) from None
        except PermissionError:
            made.close()
            raise UsageError(f"--port {number}: needs an administrator. Choose one above 1023.") from None
        except OSError as error:
            made.close()
            if error.errno == 99:
                raise UsageError(f"--host {host}: is not an address of this machine. Leave it out.") from None
    raise UsageError(f"--port {wanted[0]}: is taken. Choose another, or leave it out for one that is free.")


def address(host: str, port: int, page: str, token: str) -> str:
    """What to open.

    Example:
        >>> address("127.0.0.1", 8765, "/course", "t")
        'http://127.0.0.1:8765/course?token=t'
    """
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}{page}?token={token}"
