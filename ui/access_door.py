"""The door of the server: nothing behind it is reached by anybody who has not signed in."""

import html
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from contextvars import ContextVar
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import HTTPConnection

from ui import access_log
from ui.access_log import USER_KEY
from ui.access_tokens import COOKIE, HOURS, Bearer, Tokens
from ui.access_ways import AnyWay, Header, Local, Password

USER: ContextVar[str | None] = ContextVar("user", default=None)
"""The user of the request that is being answered."""

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]

_SHOWN = ("/login", "/auth/config", "/project/translations", "/favicon", "/logo", "/health", "/logout")
_SHOWN_FOLDERS = ("/assets/", "/public/", "/login/", "/avatars/")
"""What the page for signing in is made of; nothing of a case is among it."""
_OAUTH = "/auth/oauth/"
_TRIES, _WINDOW = 20, 60.0
"""Passwords that one address may try in so many seconds."""
_WORDS = {
    "local": "Open the address that citrus serve printed: it holds the key to this page.",
    "header": "The server in front of this one has not said who you are.",
}


class Door:
    """An ASGI application before another: asks who it is, and lets them in or not."""

    def __init__(self, app: App, way: AnyWay, tokens: Tokens) -> None:
        self._app, self._way, self._tokens = app, way, tokens
        self._tries: dict[str, deque[float]] = {}
        self._issued: dict[str, tuple[float, str]] = {}

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Let through, refuse, or take a key."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request = HTTPConnection(scope)
        bearer = self._way.bearer(request)
        scope[USER_KEY] = bearer.user if bearer else None
        USER.set(scope[USER_KEY])
        # Another way of saying who one is, which Chainlit would believe as well.
        scope["headers"] = [pair for pair in scope["headers"] if pair[0] != b"authorization"]
        if isinstance(self._way, Header):
            self._vouch(scope, bearer)
        if isinstance(self._way, Local) and scope["path"] == "/" and (key := _key(scope)):
            await self._take(key, scope, send)
        elif bearer is None and not self._shown(scope):
            await self._turn_away(scope, send)
        elif scope["path"] == "/login" and scope.get("method") == "POST" and self._too_many(scope):
            await _answer(scope, send, 429, _json("Too many tries; wait a minute."))
        else:
            if scope["path"] == "/logout":
                self._tokens.end(request.cookies.get(COOKIE, ""))
            await self._app(scope, receive, send)

    def _shown(self, scope: Scope) -> bool:
        path = scope["path"]
        if scope["type"] != "http" or self._way.name in _WORDS:
            return bool(path == "/health")
        if path in _SHOWN or path.startswith(_SHOWN_FOLDERS):
            return True
        return self._way.name == "oauth" and path.startswith(_OAUTH)

    def _vouch(self, scope: Scope, bearer: Bearer | None) -> None:
        """Put the proxy's word in place of any cookie, in the form that Chainlit reads."""
        headers = [pair for pair in scope["headers"] if pair[0] != b"cookie"]
        if bearer is not None:
            made, token = self._issued.get(bearer.user, (0.0, ""))
            if time.monotonic() - made > HOURS * 1800 or not token:
                token = self._tokens.issue(bearer)
                self._issued[bearer.user] = (time.monotonic(), token)
            headers.append((b"cookie", f"{COOKIE}={token}".encode()))
        scope["headers"] = headers

    async def _take(self, key: str, scope: Scope, send: Any) -> None:
        bearer = self._way.opens(key) if isinstance(self._way, Local) else None
        if bearer is None:
            await self._turn_away(scope, send)
            return
        access_log.note("signed in", user=bearer.user, way=bearer.way, address=_address(scope))
        cookie = f"{COOKIE}={self._tokens.issue(bearer)}; Path=/; HttpOnly; SameSite=Lax; Max-Age={HOURS * 3600}"
        await _answer(scope, send, 303, b"", (b"location", b"/"), (b"set-cookie", cookie.encode()))

    async def _turn_away(self, scope: Scope, send: Any) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "Sign in first."})
        elif not _is_visit(scope):
            await _answer(scope, send, 401, _json("Sign in first."))
        elif self._way.name in _WORDS:
            await _answer(scope, send, 401, _page(_WORDS[self._way.name]), (b"content-type", b"text/html"))
        else:
            await _answer(scope, send, 303, b"", (b"location", b"/login"))

    def _too_many(self, scope: Scope) -> bool:
        if not isinstance(self._way, Password):
            return False
        now = time.monotonic()
        if len(self._tries) > 10_000:
            self._tries = {at: tries for at, tries in self._tries.items() if now - tries[-1] < _WINDOW}
        tries = self._tries.setdefault(_address(scope) or "", deque(maxlen=_TRIES))
        full = len(tries) == _TRIES and now - tries[0] < _WINDOW
        if not full:
            tries.append(now)
        return full


def _key(scope: Scope) -> str:
    return parse_qs(scope["query_string"].decode("latin-1")).get("key", [""])[0] if scope["type"] == "http" else ""


def _address(scope: Scope) -> str | None:
    return scope["client"][0] if scope.get("client") else None


def _is_visit(scope: Scope) -> bool:
    """Whether a person goes to the address, rather than a script of a page."""
    accept = next((value for name, value in scope["headers"] if name == b"accept"), b"")
    return scope.get("method") == "GET" and b"text/html" in accept


def _json(words: str) -> bytes:
    return json.dumps({"detail": words}).encode()


def _page(words: str) -> bytes:
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        "<title>Citrus-V</title><style>body{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:20vh auto;"
        "padding:0 1rem;color-scheme:light dark}</style>"
        f"<h1>Citrus-V</h1><p>{html.escape(words)}</p></html>"
    ).encode()


async def _answer(scope: Scope, send: Any, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    kind = () if any(name == b"content-type" for name, _ in headers) else ((b"content-type", b"application/json"),)
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *kind, length]})
    await send({"type": "http.response.body", "body": body})
