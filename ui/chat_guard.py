"""What stands before Chainlit's server: who may speak to it, how much they may send, what a page may load.

Chainlit's own server answers any origin, takes a session id as a path, and its page asks other
machines for fonts and styles. Here only pages of this server may call it, uploads are bounded
before they are read, and the page is told to load nothing from elsewhere.
"""

import base64
import hashlib
import ipaddress
import json
import re
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs

from graphs.diagnose import NOTICE
from ui import access_log

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Stored = Callable[[str], int | None]
"""Bytes that a session has stored, or None where there is no such session."""

_CLOSED = ("/mcp", "/copilot", "/slack", "/teams", "/auth/jwt", "/auth/header", "/project/share")
_SIGNING_IN = {"password": ("/auth/oauth",), "oauth": ()}
"""What stays closed of Chainlit's own ways to sign in; all of it where no page asks for a name."""
_NO_SIGNING_IN = ("/login", "/auth/oauth")
_UNCHANGED = ("/project/thread", "/project/thread/share")
"""Records that nobody renames, shares or deletes by the page."""
_SMALL = 4 << 20
"""Bytes of any request but an upload."""
_ENVELOPE = 64 << 10
"""What a multipart form adds around a file."""
_SESSION_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ROOT = b'<div id="root"></div>'
_FIRST = (
    b"<script>if (localStorage.getItem('vite-ui-theme') === 'dark') document.documentElement.classList.add('dark')"
    b"</script>" + files("ui").joinpath("assets", "first.html").read_bytes().replace(b"NOTICE", NOTICE.encode())
)
"""What is shown at once, until Chainlit's five megabytes of script have put their page in its place."""
_OUTSIDE = re.compile(rb"<link\b[^>]*https?://[^>]*>\s*")
_INLINE = re.compile(rb"<script>(.*?)</script>", re.DOTALL)

_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)


def is_session_id(text: object) -> bool:
    """Whether a client's session id is a plain UUID: it becomes the name of a folder."""
    return isinstance(text, str) and _SESSION_ID.fullmatch(text) is not None


class Guard:
    """An ASGI application around another.

    Attributes:
        upload: Largest file in bytes.
        session: Bytes that all files of one session may have.
    """

    def __init__(
        self, app: App, host: str, stored: Stored, upload: int, session: int, way: str = "local", url: str = ""
    ) -> None:
        """Guard `app`, which is bound to `host`, signed in to by `way`, and known to browsers as `url`."""
        self.app = app
        self.upload, self.session = upload, session
        self._stored = stored
        self._closed = _CLOSED + _SIGNING_IN.get(way, _NO_SIGNING_IN)
        self._origin = url.rstrip("/").lower()
        self._secure = self._origin.startswith("https://")
        # A name that resolves to this machine but is not its own is how a foreign page would get in.
        self._names = {"localhost", host.lower(), socket.gethostname().lower(), socket.getfqdn().lower()}
        if self._origin:
            self._names.add(_name(self._origin.partition("://")[2]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or let through with bounds and headers."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            access_log.refused(scope, *refusal)
            await _refuse(scope, send, *refusal)
            return
        if scope["type"] == "websocket":
            await self.app(scope, receive, _telling(send, scope))
            return
        if not scope["path"].startswith("/assets/"):
            # The page is read and changed on its way out, so it must not come compressed.
            scope["headers"] = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]
        secure = self._secure or scope.get("scheme") == "https"
        await self.app(scope, receive, _Dressed(_telling(send, scope), scope, secure))

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = _headers(scope)
        host = headers.get("host", "")
        if not self._own(host):
            return 403, "This server does not answer to that name."
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host and origin.lower() != self._origin:
            return 403, "This server answers its own pages only."
        method = scope.get("method", "GET")
        # A foreign page may lead a person here, but neither send nor fetch anything.
        if headers.get("sec-fetch-site") == "cross-site" and (
            method != "GET" or headers.get("sec-fetch-mode") != "navigate"
        ):
            return 403, "This server answers its own pages only."
        path = scope["path"]
        if ".." in path.split("/") or "\\" in path or "\0" in path:
            return 400, "An address does not lead upwards."
        if path in self._closed or path.startswith(tuple(f"{closed}/" for closed in self._closed)):
            return 404, "There is nothing here."
        if path in _UNCHANGED and method != "GET":
            return 403, "A record is neither renamed nor shared nor deleted here."
        if "transfer-encoding" in headers:
            # The server holds a body to its stated length; without one there is nothing to hold it to.
            return 411, "A request says how long it is."
        stated = headers.get("content-length", "0")
        if not (stated.isascii() and stated.isdecimal()):
            return 400, "A request says how long it is."
        length = int(stated)
        if not _is_upload(scope):
            return (413, "This request is too long.") if length > _SMALL else None
        session = parse_qs(scope["query_string"].decode("latin-1")).get("session_id", [""])[0]
        stored = self._stored(session) if is_session_id(session) else None
        if stored is None:
            return 404, "There is no such session."
        if length > self.upload + _ENVELOPE:
            return 413, f"A file may have {self.upload >> 20} MB."
        if stored + length > self.session:
            return 413, f"The files of one session may have {self.session >> 20} MB in all."
        return None

    def _own(self, host: str) -> bool:
        name = _name(host)
        if name in self._names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def _name(host: str) -> str:
    """The name in a Host header, without its port."""
    name = host.lower()
    return name[1:].partition("]")[0] if name.startswith("[") else name.rpartition(":")[0] or name


def _telling(send: Send, scope: Scope) -> Send:
    """`send`, with every refusal from behind the guard told to the log."""

    async def told(message: Message) -> None:
        status = message.get("status", 200)
        if message["type"] == "http.response.start" and status >= 400 and scope["path"] != "/user":
            access_log.refused(scope, status)
        elif message["type"] == "websocket.close" and message.get("code") == 1008:
            access_log.refused(scope, 403)
        await send(message)

    return told


class _Dressed:
    """Adds the headers to a response; a page is held back, cleared of foreign addresses, and sent whole."""

    def __init__(self, send: Send, scope: Scope, secure: bool) -> None:
        self._send, self._scope, self._secure = send, scope, secure
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [pair for pair in message["headers"] if not pair[0].startswith(b"access-control-")]
            message["headers"] = [*self._cookies(headers), *_HEADERS, *self._caching()]
            if any(name == b"content-type" and value.startswith(b"text/html") for name, value in headers) and (
                not self._scope["path"].startswith("/project/")
            ):
                self._start = message
                return
            if not any(name == b"content-security-policy" for name, _ in headers):
                message["headers"].append((b"content-security-policy", b"default-src 'none'; sandbox"))
        elif self._start is not None and message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if message.get("more_body"):
                return
            await self._send_page(self._start, self._body)
            return
        await self._send(message)

    def _cookies(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Cookies that travel over TLS only, where there is TLS."""
        if not self._secure:
            return headers
        kept = [(name, value + b"; Secure" if name == b"set-cookie" else value) for name, value in headers]
        return [*kept, (b"strict-transport-security", b"max-age=31536000")]

    def _caching(self) -> list[tuple[bytes, bytes]]:
        # Names of assets hold their hashes; nothing of a patient may stay in a cache.
        kept = self._scope["path"].startswith("/assets/")
        return [(b"cache-control", b"public, max-age=31536000, immutable" if kept else b"no-store")]

    async def _send_page(self, start: Message, body: bytes) -> None:
        body = _OUTSIDE.sub(b"", body).replace(_ROOT, _FIRST, 1)
        scripts = " ".join(f"'sha256-{_digest(script)}'" for script in _INLINE.findall(body))
        host = _headers(self._scope).get("host", "")
        policy = (
            f"default-src 'none'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; "
            "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; "
            f"connect-src 'self' ws://{host} wss://{host}; "
            "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        )
        headers = [pair for pair in start["headers"] if pair[0] != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode()))
        # A page that says itself what it may load knows better.
        if not any(name == b"content-security-policy" for name, _ in headers):
            headers.append((b"content-security-policy", policy.encode()))
        await self._send({**start, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


def _digest(script: bytes) -> str:
    return base64.b64encode(hashlib.sha256(script).digest()).decode()


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _is_upload(scope: Scope) -> bool:
    return bool(scope["path"] == "/project/file" and scope.get("method") == "POST")


async def _refuse(scope: Scope, send: Send, status: int, words: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": words})
        return
    body = json.dumps({"detail": words}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *_HEADERS]})
    await send({"type": "http.response.body", "body": body})
