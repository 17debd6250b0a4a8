"""What the studio refuses: other names, other sites, strangers, and bodies without end. Each is tried over a socket."""

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.exceptions import HTTPException

from reverie.studio.security import HEADERS, LARGEST_JSON, LARGEST_UPLOAD, Gate, names_of

JSON = {"content-type": "application/json"}


def say(served: Any, text: str) -> tuple[int, bytes]:
    """Bytes as they are: clients tidy up headers and paths, attackers do not."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
        connection.sendall(text.replace("\n", "\r\n").encode())
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return int(answer.split()[1]), answer


def ask(served: Any, path: str, *lines: str, host: str | None = None, cookie: bool = True) -> tuple[int, bytes]:
    """A GET with this path and these header lines, byte by byte."""
    jar = "; ".join(f"{name}={value}" for name, value in served.page.cookies.items())
    known = [f"Host: {host or f'127.0.0.1:{served.port}'}", *([f"Cookie: {jar}"] if cookie else []), *lines]
    return say(served, f"GET {path} HTTP/1.1\n" + "\n".join(known) + "\nConnection: close\n\n")


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "evil@localhost", "localhost:80:80", "0.0.0.0", ""],
)
def test_dns_rebinding_meets_an_unknown_host(served: Any, host: str) -> None:
    for path in ("/api/runs", "/", "/assets/x.js"):
        status, body = say(served, f"GET {path} HTTP/1.1\nHost: {host}\nConnection: close\n\n")
        assert status in (400, 421), body
        assert b"set-cookie" not in body.lower() and b"tiny" not in body


def test_two_hosts_are_no_host(served: Any) -> None:
    status, _ = ask(served, "/api/runs", "Host: evil.example")
    assert status in (400, 421)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]", "localhost:9999"])
def test_names_of_this_machine_are_known_through_any_tunnel(served: Any, host: str) -> None:
    assert ask(served, "/api/runs", host=host)[0] == 200


def test_strangers_get_no_data(served: Any) -> None:
    for path in ("/api/session", "/api/runs", "/api/events", "/api/families", "/api/jobs/x", "/api", "/api/none"):
        answer = served.anybody.get(path)
        assert answer.status_code == 401 and "token" in answer.json()["error"], path
    assert served.anybody.post("/api/runs", json={"family": "vae"}).status_code == 401
    for path in ("/%61pi/runs", "/api/../api/runs", "//api/runs", "/api//runs", "/API/runs"):
        assert b'"runs"' not in ask(served, path, cookie=False)[1], path


def test_a_wrong_token_or_cookie_is_none(served: Any) -> None:
    answer = served.anybody.get("/", params={"token": "let-me-out"})
    assert answer.status_code == 200 and not answer.cookies and not answer.history
    name = next(iter(served.page.cookies.keys()))
    for value in ("", "x", served.page.cookies[name][:-1], "é"):
        line = f"Cookie: {name}={value}"
        assert ask(served, "/api/runs", line, cookie=False)[0] == 401
    assert served.anybody.get("/api/runs?token=let-me-in").status_code == 401, "the token opens pages, nothing else"


def test_the_token_becomes_a_strict_cookie_and_leaves_the_address(served: Any) -> None:
    answer = served.anybody.get("/runs/abc?hide=1&token=let-me-in&x=%20y")
    served.anybody.cookies.clear()
    assert answer.status_code == 303 and answer.headers["location"] == "/runs/abc?hide=1&x=+y"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "let-me-in" not in cookie
    assert f"reverie-{served.port}=" in cookie, "ports of a host share cookies"


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example", "///evil.example", "//evil.example/%2e%2e"])
def test_the_redirect_stays_here(served: Any, path: str) -> None:
    status, answer = ask(served, f"{path}?token=let-me-in", cookie=False)
    place = next((line for line in answer.decode().splitlines() if line.lower().startswith("location:")), None)
    assert status == 303 and place is not None
    assert place[10:].startswith("/") and place[11:12] not in ("/", "\\"), place


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "http://localhost"},
        {"origin": "file://"},
        {"origin": ""},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
    ],
)
def test_other_sites_change_nothing(served: Any, headers: dict[str, str]) -> None:
    before = sorted(served.folder.iterdir())
    for path, body in (("/api/runs", {"family": "vae", "data": "digits", "images": 1}), ("/api/runs/x/stop", {})):
        answer = served.page.post(path, json=body, headers=headers)
        assert answer.status_code == 403, answer.text
    assert sorted(served.folder.iterdir()) == before


def test_other_sites_read_nothing_but_may_link_here(served: Any) -> None:
    embedded = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}
    for path in ("/api/runs", "/", "/course-data/index.json"):
        assert served.page.get(path, headers=embedded).status_code == 403
    followed = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert served.page.get("/", headers=followed).status_code == 200
    assert served.page.get("/api/runs", headers=followed).status_code == 403


def test_its_own_page_may_ask(served: Any) -> None:
    own = {"origin": served.url, "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}
    answer = served.page.post("/api/recipe", json={"family": "none"}, headers=own)
    assert answer.status_code == 200 and "not a family" in answer.json()["errors"][0]


def test_forms_of_other_sites_cannot_even_be_read(served: Any) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        answer = served.page.post("/api/recipe", content=b'{"family": "vae"}', headers={"content-type": kind})
        assert answer.status_code == 415, kind
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        assert served.page.request(method, "/api/runs").status_code == 405


def test_every_answer_is_guarded(served: Any) -> None:
    for client, path in (
        (served.page, "/"),
        (served.page, "/api/runs"),
        (served.anybody, "/api/x"),
        (served.page, "/api/x"),
    ):
        headers = client.get(path).headers
        assert {name: headers.get(name) for name in HEADERS} == HEADERS, path
    policy = HEADERS["content-security-policy"]
    assert "'unsafe-inline'" not in policy.replace("style-src-attr 'unsafe-inline'", "") and "unsafe-eval'" in policy
    assert " 'unsafe-eval'" not in policy and "http" not in policy and "*" not in policy
    assert served.page.get("/api/runs").headers["cache-control"] == "no-store"
    assert "server" not in served.page.get("/").headers


def test_no_page_of_the_framework_is_served(served: Any) -> None:
    for path in ("/docs", "/redoc", "/openapi.json"):
        text = served.page.get(path).text
        assert "swagger" not in text.lower() and "openapi" not in text and "cdn" not in text


def test_bodies_are_bounded_whatever_they_announce(served: Any) -> None:
    big = b'{"family": "' + b"x" * LARGEST_JSON + b'"}'
    assert served.page.post("/api/recipe", content=big, headers=JSON).status_code == 413

    def parts() -> Iterator[bytes]:
        for _ in range(40):
            yield b" " * 65536

    answer = served.page.post("/api/recipe", content=parts(), headers=JSON)
    assert answer.status_code == 413 and "MiB" in answer.json()["error"]
    cookie = "; ".join(f"{name}={value}" for name, value in served.page.cookies.items())
    for length in ("-1", "1e9", "٣", "9" * 30):
        status, _ = say(
            served,
            f"POST /api/recipe HTTP/1.1\nHost: 127.0.0.1\nContent-Type: application/json\nConnection: close\n"
            f"Content-Length: {length}\nCookie: {cookie}\n\n{{}}",
        )
        assert status in (400, 413)


async def swallow(scope: Any, receive: Any, send: Any) -> None:
    """An application that reads everything."""
    while (await receive()).get("more_body"):
        pass


@pytest.mark.parametrize(
    ("path", "most"), [("/api/runs/0123456789ab/encode", LARGEST_UPLOAD), ("/api/runs", LARGEST_JSON)]
)
def test_only_pictures_may_be_large(path: str, most: int) -> None:
    gate = Gate(swallow, token="t", hosts=["localhost"])
    headers = {"host": "localhost", "cookie": f"reverie={gate.cookie}", "content-type": "application/json"}
    raw = [(k.encode(), v.encode()) for k, v in headers.items()]
    scope = {"type": "http", "method": "POST", "path": path, "headers": raw, "query_string": b""}

    async def post(size: int) -> None:
        sent = [size - size // 2, size // 2]

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"x" * sent.pop(), "more_body": bool(sent)}

        async def send(message: Any) -> None:
            pass

        await gate(scope, receive, send)

    asyncio.run(post(most))
    with pytest.raises(HTTPException) as caught:
        asyncio.run(post(most + 1))
    assert caught.value.status_code == 413


def test_deep_json_is_a_sentence(served: Any) -> None:
    answer = served.page.post("/api/recipe", content=b"[" * 100_000, headers=JSON)
    assert answer.status_code in (400, 422) and "error" in answer.json()
    nested: Any = 1
    for _ in range(200):
        nested = {"a": nested}
    answer = served.page.post("/api/recipe", json={"family": "vae", "settings": {"vae.beta": nested}})
    assert answer.status_code == 200 and answer.json()["errors"]


@pytest.mark.parametrize(
    "path",
    [
        "/course-data/../schema.py",
        "/course-data/%2e%2e/schema.py",
        "/course-data/..%2fschema.py",
        "/course-data/..%5cschema.py",
        "/course-data//etc/passwd",
        "/course-data/%00",
        "/assets/../../app.py",
        "/assets/%2e%2e/%2e%2e/app.py",
        "/assets/..%2f..%2fapp.py",
        "/../../../../../../etc/passwd",
        "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2f..%2fetc%2fpasswd",
        "/static/../app.py",
    ],
)
def test_no_address_leads_out_of_the_pages(served: Any, path: str) -> None:
    status, body = ask(served, path)
    text = body.decode("utf-8", "replace")
    assert "root:" not in text and "def create_app" not in text and "import" not in text.partition("<")[0], text[:300]
    assert status in (200, 400, 404)
    assert status != 200 or "<!doctype html>" in text.lower(), "an unknown address is the page"


@pytest.mark.parametrize(
    "rest",
    [
        "",
        "/curves",
        "/grids/0.png",
        "/grids/..%2f..%2frecipe.png",
        "/pictures/recipe.toml",
        "/pictures/..%2f..%2f..%2fetc%2fpasswd",
        "/pictures/%2fetc%2fpasswd",
        "/grids/99999999999999999999999.png",
        "/grids/-1.png",
    ],
)
def test_no_address_leads_out_of_a_run(served: Any, rest: str) -> None:
    key = served.rows()["tiny"]["id"]
    for known in (key, "..%2f..%2fetc", "0" * 12, "%2e%2e", key.upper() + "x"):
        status, body = ask(served, f"/api/runs/{known}{rest}")
        assert b"root:" not in body and b'family = "' not in body
        assert status in ((200,) if known == key and rest in ("", "/curves") else (404, 422)), body


def test_a_network_is_served_by_the_names_of_this_machine() -> None:
    assert set(names_of("127.0.0.1")) == {"127.0.0.1", "localhost", "::1"}
    assert "192.0.2.7" in names_of("192.0.2.7") and "evil.example" not in names_of("0.0.0.0")
    assert socket.gethostname() in names_of("0.0.0.0")


def test_websockets_are_closed() -> None:
    said: list[Any] = []

    async def send(message: Any) -> None:
        said.append(message)

    asyncio.run(Gate(swallow, token="t", hosts=[])({"type": "websocket"}, None, send))  # pyright: ignore
    assert said == [{"type": "websocket.close", "code": 1008}]
