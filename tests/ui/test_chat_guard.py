"""Who may speak to the page's server, how much they may send, and what the page may load."""

import asyncio
import http.client
import re
import socket
import uuid
from pathlib import Path
from typing import Any

import httpx2
import pytest
import socketio

from graphs.diagnose import NOTICE
from graphs.home import Home
from tests.ui.client import Client
from tests.ui.server import Server
from ui.chat_guard import Guard
from ui.serve import ServeError, serve

# The page itself


def test_the_page_loads_nothing_from_elsewhere(server: Server) -> None:
    browser = server.sign_in()
    answer = browser.get("/")
    assert answer.status_code == 200
    assert re.findall(r"https?://[^\"'\s]+", answer.text) == []
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    assert re.search(r"script-src 'self' 'sha256-", policy)
    assert set(re.findall(r"wss?://[^\s;]+", policy)) == {f"{way}://{server.address[7:]}" for way in ("ws", "wss")}
    assert answer.headers["x-frame-options"] == "DENY"
    for path in re.findall(r'(?:href|src)="(/[^"]+)"', answer.text):
        assert browser.get(path).status_code == 200, path


def test_the_words_of_the_page_are_ours(server: Server) -> None:
    browser = server.sign_in()
    words = browser.get("/project/translations?language=fr-FR").json()["translation"]["chat"]
    assert words["watermark"] == NOTICE
    settings = browser.get("/project/settings?language=en-US").json()
    assert settings["features"]["unsafe_allow_html"] is False
    assert settings["features"]["edit_message"] is False
    assert settings["threadResumable"] is True
    assert NOTICE in settings["markdown"]
    assert NOTICE in browser.get("/public/chat.css").text
    # What is shown first, before any script has run, says it too.
    assert NOTICE in browser.get("/").text
    assert len(settings["starters"]) >= 2


# Who may speak to it


@pytest.mark.parametrize(
    ("bound", "host", "status"),
    [
        ("127.0.0.1", "localhost:8000", 200),
        ("127.0.0.1", "127.0.0.1:8000", 200),
        ("127.0.0.1", "[::1]:8000", 200),
        ("127.0.0.1", "example.org:8000", 403),
        ("127.0.0.1", "localhost.example.org", 403),
        ("0.0.0.0", "192.168.7.7:8000", 200),  # noqa: S104
        ("0.0.0.0", "example.org:8000", 403),  # noqa: S104
        ("ward.example.org", "ward.example.org", 200),
        ("127.0.0.1", "", 403),
    ],
)
def test_only_own_names_are_answered(bound: str, host: str, status: int) -> None:
    statuses: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def send(message: Any) -> None:
        statuses.extend([message["status"]] if "status" in message else [])

    guard = Guard(app, bound, lambda _: None, upload=1, session=1)
    headers = [(b"host", host.encode())]
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": headers}
    asyncio.run(guard(scope, send, send))
    assert statuses == [status]


def test_what_cannot_be_served_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.chat_house.HOUSE.home", Home(home=tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ServeError, match="in use"):
        serve(port=taken.getsockname()[1])
    with pytest.raises(ServeError, match="nobody"):
        serve(port=0, reasoner="nobody")


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://example.org"}, {"Origin": "null"}, {"Host": "rebound.example.org"}],
)
def test_other_pages_are_refused(server: Server, headers: dict[str, str]) -> None:
    url = f"/project/file?session_id={uuid.uuid4()}"
    assert server.sign_in().post(url, files={"file": ("a.png", b"x")}, headers=headers).status_code == 403

    async def scene() -> None:
        with pytest.raises(socketio.exceptions.ConnectionError):
            async with Client(server, headers=headers):
                pass

    asyncio.run(scene())


@pytest.mark.parametrize("path", ["/mcp", "/copilot/index.js", "/login", "/auth/jwt", "/auth/header", "/auth/oauth/x"])
def test_what_is_not_used_is_closed(server: Server, path: str) -> None:
    assert httpx2.post(server.address + path, json={}).status_code == 404


@pytest.mark.parametrize("session", ["../../../working", "/tmp", "x", "", "86CE0899-E9AE-4914-8B30-524BDB0B5F43"])  # noqa: S108
def test_a_session_id_is_no_path(server: Server, session: str) -> None:
    kept = server.folder / "kept"
    kept.write_text("mine")
    cookies = {"Cookie": "; ".join(f"{name}={value}" for name, value in server.sign_in().cookies.items())}

    async def scene() -> None:
        page = socketio.AsyncClient(reconnection=False)
        auth = {"sessionId": session, "clientType": "webapp", "threadId": "", "userEnv": "{}", "chatProfile": ""}
        with pytest.raises(socketio.exceptions.ConnectionError):
            await page.connect(
                server.address, cookies, auth, transports=["websocket"], socketio_path="/ws/socket.io", wait_timeout=30
            )

    asyncio.run(scene())
    assert kept.read_text() == "mine"
    kept.unlink()


def test_uploads_are_bounded_before_they_are_read(server: Server) -> None:
    async def scene() -> None:
        async with Client(server) as client:
            path = f"/project/file?session_id={client.session}"
            for extra, status in [({"Content-Length": str(3 << 30)}, 413), ({"Transfer-Encoding": "chunked"}, 411)]:
                connection = http.client.HTTPConnection(server.address.removeprefix("http://"), timeout=10)
                connection.putrequest("POST", path)
                for name, value in ({"Content-Type": "multipart/form-data; boundary=x"} | extra).items():
                    connection.putheader(name, value)
                connection.endheaders()
                assert connection.getresponse().status == status
                connection.close()

    asyncio.run(scene())
    url = f"/project/file?session_id={uuid.uuid4()}"
    assert server.sign_in().post(url, files={"file": ("a.png", b"x")}).status_code == 404
