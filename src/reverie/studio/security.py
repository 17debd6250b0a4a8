"""Who may ask: a page that this studio served, in the browser of the person who started it, and nobody else.

A local server is reached by every page that a browser has open. Four checks stand in the way: the Host header (DNS
rebinding), Origin and Sec-Fetch-Site (other sites, and other servers of this machine), a cookie that only the printed
address gives, and bodies of bounded size. Headers keep the page from loading or running anything from elsewhere.
"""

import json
import re
import secrets
import socket
from collections.abc import Iterable
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "::1")
LARGEST_JSON, LARGEST_UPLOAD = 1 << 20, 20 << 20  # bytes
UPLOADS = re.compile(r"/api/runs/[0-9a-f]{12}/encode")
_NO_COOKIE = "This page is not open yet. Open the address with ?token= that `reverie studio` printed when it started."

# KaTeX sets sizes with style attributes, which style no other element; sheets and scripts come from files alone.
POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "style-src 'self'",
        "style-src-attr 'unsafe-inline'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class Gate:
    """Lets a request through to the application, or answers it.

    Args:
        app: what is behind it.
        token: of this launch; whoever shows it gets the cookie.
        hosts: names under which the studio is reached.
        name: of the cookie. Cookies are shared by all ports of a host, so it should tell launches apart.
    """

    def __init__(self, app: ASGIApp, *, token: str, hosts: Iterable[str], name: str = "reverie") -> None:
        self.app, self.token, self.name = app, token, name
        self.hosts = frozenset(host.lower() for host in hosts)
        self.cookie = secrets.token_urlsafe(32)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one connection."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refuse(scope, headers)
        if refusal is not None:
            await _answer(send, *refusal)
        elif (place := self._swap(scope)) is not None:
            cookie = f"{self.name}={self.cookie}; Path=/; HttpOnly; SameSite=Strict"
            await _answer(send, 303, "", {"location": place, "set-cookie": cookie})
        else:
            most = LARGEST_UPLOAD if UPLOADS.fullmatch(scope["path"]) else LARGEST_JSON
            await self.app(scope, _bounded(receive, most), _with_headers(scope, send))

    def _refuse(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        """A status and a sentence, None when nothing is wrong."""
        hosts = headers.getlist("host")
        host = _host(hosts[0]) if len(hosts) == 1 else None
        if host not in self.hosts:
            return 421, "The studio is not served under this name. Use the address that `reverie studio` printed."
        method, path = scope["method"], scope["path"]
        site = headers.get("sec-fetch-site", "none")
        visit = method == "GET" and headers.get("sec-fetch-mode") == "navigate" and not path.startswith("/api/")
        if site not in ("none", "same-origin") and not visit:
            return 403, "Another site asked for this. Open the studio in a tab of its own."
        for origin in headers.getlist("origin"):
            if urlsplit(origin).netloc.lower() != hosts[0].lower() or urlsplit(origin).scheme not in ("http", "https"):
                return 403, "Another site asked for this. Open the studio in a tab of its own."
        if path.startswith("/api") and not self._known(headers):
            return 401, _NO_COOKIE
        return _refuse_body(method, path, headers)

    def _known(self, headers: Headers) -> bool:
        """True when a cookie shows that the token was shown before."""
        pairs = (part.strip().partition("=") for line in headers.getlist("cookie") for part in line.split(";"))
        shown = [value for name, _, value in pairs if name == self.name]
        return any(secrets.compare_digest(value.encode(), self.cookie.encode()) for value in shown)

    def _swap(self, scope: Scope) -> str | None:
        """Where to go on without the token, when the address has the right one."""
        if scope["method"] != "GET" or scope["path"].startswith("/api/"):
            return None
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        shown = [value for key, value in query if key == "token"]
        if not any(secrets.compare_digest(value.encode(), self.token.encode()) for value in shown):
            return None
        rest = urlencode([(key, value) for key, value in query if key != "token"])
        path = "/" + scope.get("raw_path", scope["path"].encode()).decode("latin-1").partition("?")[0].lstrip("/\\")
        return path + (f"?{rest}" if rest else "")


def _refuse_body(method: str, path: str, headers: Headers) -> tuple[int, str] | None:
    """Bodies are JSON but for pictures, and of bounded size: a form of another site can send neither."""
    if method in ("GET", "HEAD"):
        return None
    if method != "POST":
        return 405, "Only GET and POST are known here."
    upload = UPLOADS.fullmatch(path) is not None
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if not upload and kind != "application/json":
        return 415, "The body must be JSON, with content-type: application/json."
    length, most = headers.get("content-length", "0"), LARGEST_UPLOAD if upload else LARGEST_JSON
    if not length.isascii() or not length.isdigit() or len(length) > 18 or int(length) > most:
        return 413, _too_large(most)
    return None


def _too_large(most: int) -> str:
    return f"That is larger than {most >> 20} MiB. Send something smaller."


def _bounded(receive: Receive, most: int) -> Receive:
    """Counts what arrives, whatever was announced."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise HTTPException(413, _too_large(most))
        return message

    return counted


def _with_headers(scope: Scope, send: Send) -> Send:
    async def headed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(HEADERS)
            if scope["path"].startswith("/api"):
                headers.setdefault("cache-control", "no-store")
        await send(message)

    return headed


async def _answer(send: Send, status: int, sentence: str, more: dict[str, str] | None = None) -> None:
    body = json.dumps({"error": sentence}).encode() if sentence else b""
    headers = HEADERS | {"content-type": "application/json", "cache-control": "no-store"} | (more or {})
    headers["content-length"] = str(len(body))
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def _host(header: str) -> str | None:
    """The name in a Host header, without the port, which a tunnel may change.

    Example:
        >>> _host("LocalHost:8765"), _host("[::1]:80"), _host("evil@localhost")
        ('localhost', '::1', None)
    """
    found = re.fullmatch(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9.-]+))(?::\d{1,5})?", header.lower())
    return None if found is None else found[1] or found[2]


def names_of(host: str) -> list[str]:
    """Every name under which a server bound to `host` may be asked for."""
    if host in LOOPBACK:
        return list(LOOPBACK)
    own = {socket.gethostname(), f"{socket.gethostname()}.local", *addresses()}
    return [*LOOPBACK, *(own if host in ("0.0.0.0", "::") else {host})]


def addresses() -> list[str]:
    """Addresses of this machine in its networks; the first is the one that others would use."""
    found: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: it only asks which address would be used
            found.append(str(probe.getsockname()[0]))
        except OSError:
            pass
    try:
        found += [str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None)]
    except OSError:
        pass
    return list(dict.fromkeys(found))
