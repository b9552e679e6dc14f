"""`citrus serve`: the page, on this machine, with nothing sent from it."""

import asyncio
import ipaddress
import os
import socket
from collections.abc import Callable

LOCAL = "127.0.0.1"
_MESSAGE_BYTES = 1 << 20
"""Largest message of a page; files come by another way."""
_GRACE = 5
"""Seconds that open connections have to end."""


class ServeError(Exception):
    """The page cannot be served; the message says why."""


def serve(
    host: str = LOCAL, port: int = 8000, reasoner: str = "protocol", announce: Callable[[str], None] = print
) -> None:
    """Serve the page until interrupted; this ends the process.

    Args:
        host: Address to listen on. There is no login, so whoever reaches it may use it.
        port: 0 for any free one.
        reasoner: The one that sessions begin with.
        announce: Told the address once it is open, and what to know about it.

    Raises:
        ServeError: The address cannot be had, or the reasoner is not there.
    """
    from graphs.equipment import EquipmentError
    from ui.chat_house import HOUSE
    from ui.chat_root import SESSION_MB, UPLOAD_MB, Root

    listening = _listen(host, port)
    port = listening.getsockname()[1]
    HOUSE.reasoner = reasoner
    try:
        HOUSE.equipment(reasoner)
    except EquipmentError as error:
        listening.close()
        raise ServeError(str(error)) from None

    root = Root(HOUSE.home.home / "served")
    HOUSE.leave = root.remove
    try:
        root.furnish([f"http://{name}:{port}" for name in dict.fromkeys((_shown(host), LOCAL, "localhost"))])
        root.point(os.environ)

        # Chainlit reads its settings when it is imported, so only now.
        import uvicorn
        from chainlit.config import config
        from chainlit.server import app

        from ui import chat as _page  # noqa: F401 - its import hands the page's events to Chainlit
        from ui import chat_visits
        from ui.access import LOCAL_USER, Access
        from ui.chat_guard import Guard
        from ui.chat_pages import Beside, pages

        config.run.headless, config.run.host, config.run.port = True, host, port
        access = Access(HOUSE.home, lambda _: LOCAL_USER)
        beside = Beside(app, pages(HOUSE, access))
        guard = Guard(beside, host, chat_visits.stored, upload=UPLOAD_MB << 20, session=SESSION_MB << 20)
        server = uvicorn.Server(
            uvicorn.Config(
                guard,
                log_level="warning",
                access_log=False,  # addresses hold the ids of sessions
                server_header=False,
                ws_max_size=_MESSAGE_BYTES,
                timeout_graceful_shutdown=_GRACE,
            )
        )
        announce(f"Citrus-V is at http://{_shown(host)}:{port} (Ctrl+C ends it)")
        if not _is_loopback(host):
            announce("It is open to other machines and has no login: whoever reaches this address may use it.")
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
