"""`citrus serve`: the page, on this machine unless told otherwise, with nothing sent from it."""

import asyncio
import ipaddress
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

LOCAL = "127.0.0.1"
_MESSAGE_BYTES = 1 << 20
"""Largest message of a page; files come by another way."""
_GRACE = 5
"""Seconds that open connections have to end."""


class ServeError(Exception):
    """The page cannot be served; the message says why."""


def serve(
    host: str = LOCAL,
    port: int = 8000,
    reasoner: str = "protocol",
    announce: Callable[[str], None] = print,
    *,
    certificate: Path | None = None,
    key: Path | None = None,
) -> None:
    """Serve the page until interrupted; this ends the process.

    Args:
        host: Address to listen on.
        port: 0 for any free one.
        reasoner: The one that sessions begin with.
        announce: Told the address once it is open, and what to know about it.
        certificate: PEM file of a certificate chain, for TLS.
        key: PEM file of its private key.

    Raises:
        ServeError: The address cannot be had, the reasoner is not there, or whoever came would be let in.
    """
    from graphs.equipment import EquipmentError
    from ui import access_log
    from ui.access import Access
    from ui.access_tokens import Tokens
    from ui.access_users import Users
    from ui.access_ways import Local, Settings, WayError, choose
    from ui.chat_house import HOUSE
    from ui.chat_root import SESSION_MB, UPLOAD_MB, Root

    if (certificate is None) != (key is None):
        raise ServeError("TLS needs both a certificate and its key")
    home = HOUSE.home.home
    home.mkdir(parents=True, exist_ok=True)
    with suppress(PermissionError):
        # Cases, and what lets people in, are nobody else's on this machine.
        home.chmod(0o700)
    settings, tokens = Settings(), Tokens.of(HOUSE.home)
    try:
        way = choose(settings, tokens, Users(HOUSE.home))
    except WayError as error:
        raise ServeError(str(error)) from None
    if isinstance(way, Local) and not _is_loopback(host):
        raise ServeError(
            f"--host {host} is open to other machines, and nobody could sign in: add a user with "
            "citrus users add NAME, or set CITRUS_AUTH_HEADER or OAuth up"
        )
    listening = _listen(host, port)
    port = listening.getsockname()[1]
    HOUSE.reasoner = reasoner
    try:
        HOUSE.equipment(reasoner)
    except EquipmentError as error:
        listening.close()
        raise ServeError(str(error)) from None

    root = Root(home / "served")
    HOUSE.leave = root.remove
    scheme = "http" if certificate is None else "https"
    try:
        url = settings.url.rstrip("/")
        names = dict.fromkeys((_shown(host), LOCAL, "localhost"))
        root.furnish([f"{scheme}://{name}:{port}" for name in names] + ([url] if url else []))
        root.point(os.environ, tokens.secret, url)
        access_log.keep(home)

        # Chainlit reads its settings when it is imported, so only now.
        import uvicorn
        from chainlit.config import config
        from chainlit.server import app, build_dir

        from ui import chat as _page  # noqa: F401 - its import hands the page's events to Chainlit
        from ui import chat_login
        from ui.access_door import Door
        from ui.chat_assets import Assets
        from ui.chat_guard import Guard
        from ui.chat_pages import Beside, pages
        from ui.chat_receive import Arriving

        config.run.headless, config.run.host, config.run.port = True, host, port
        chat_login.offer(way)
        access = Access(HOUSE.home, lambda request: bearer.user if (bearer := way.bearer(request)) else None)
        HOUSE.access = access
        arriving = Arriving()
        beside = Beside(app, pages(HOUSE, access, arriving.router(access)), Assets(Path(build_dir) / "assets"))
        door = Door(beside, way, tokens)
        guard = Guard(
            door,
            host,
            arriving.stored,
            upload=UPLOAD_MB << 20,
            session=SESSION_MB << 20,
            way=way.name,
            url=url,
        )
        server = uvicorn.Server(
            uvicorn.Config(
                guard,
                log_level="warning",
                access_log=False,  # addresses hold the ids of sessions
                server_header=False,
                proxy_headers=False,  # a header would let anybody choose the address that they come from
                ws_max_size=_MESSAGE_BYTES,
                timeout_graceful_shutdown=_GRACE,
                ssl_certfile=certificate,
                ssl_keyfile=key,
            )
        )
        address = f"{scheme}://{_shown(host)}:{port}"
        if isinstance(way, Local):
            announce(f"Citrus-V is at {address}/?key={way.key} (Ctrl+C ends it)")
            announce("The key in this address lets a browser in. Keep it to yourself.")
        else:
            announce(f"Citrus-V is at {url or address} (Ctrl+C ends it)")
        if not _is_loopback(host) and certificate is None and not url.startswith("https://"):
            announce("What is sent to it is not encrypted: put TLS in front of it, or give --tls-cert and --tls-key.")
        asyncio.run(server.serve(sockets=[listening]))
    finally:
        root.remove()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise ServeError(f"--host {host} --port {port}: {getattr(error, 'strerror', None) or error}") from None


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
