"""Browser sessions and what this server keeps of each: how they begin, drop, come back and end."""

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import chainlit as cl
from chainlit.context import init_ws_context
from chainlit.server import sio
from chainlit.session import WebsocketSession

from graphs.events import Revised
from graphs.trace import TraceError
from ui import access_log
from ui.access_door import USER
from ui.chat_guard import is_session_id
from ui.chat_house import HOUSE
from ui.chat_root import LINGER, PAUSE
from ui.chat_sitting import Sitting
from ui.chat_turn import show_corrected
from ui.chat_uploads import Upload

_CLOSING = 5
"""Seconds that running turns have to end when the server does; a cut-off turn is taken up later."""


@dataclass
class Visit:
    """What this server keeps of one browser session.

    Attributes:
        user: Who it is.
        uploads: The files of the open case, where they are still here.
        settings: As the page last sent them.
        cases: How many were opened, for the names of folders.
        running: How many tasks run for it.
    """

    sitting: Sitting
    user: str
    uploads: list[Upload] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    cases: int = 0
    running: int = 0


_visits: dict[str, Visit] = {}
_tasks: set[asyncio.Task[None]] = set()


def here() -> Visit:
    """The visit of the session whose event is handled."""
    session_id = cl.context.session.id
    if session_id not in _visits:
        user = cl.context.session.user
        if user is None:
            raise TraceError("nobody has signed in to this session")
        sitting = Sitting(HOUSE.home)
        sitting.corrected = partial(_show_corrected, sitting)
        HOUSE.sittings.add(sitting)
        _visits[session_id] = Visit(sitting, user.identifier)
    return _visits[session_id]


async def _show_corrected(sitting: Sitting, revised: Revised) -> None:
    """Show what a correction on another page changed to the session that has the case open."""
    session_id = next((one for one, visit in _visits.items() if visit.sitting is sitting), None)
    session = WebsocketSession.get_by_id(session_id) if session_id is not None and _connected(session_id) else None
    if session is None or sitting.conversation is None:
        return
    init_ws_context(session)
    await show_corrected(sitting.conversation, revised.number)


def kept(task: asyncio.Task[None]) -> asyncio.Task[None]:
    """Hold a task until it ends; the loop alone would let it go."""
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
    return task


async def part(session_id: str) -> None:
    """End a visit: its conversation is closed, and what only memory held is forgotten."""
    visit = _visits.pop(session_id, None)
    if visit is not None:
        await visit.sitting.close()


async def linger(session_id: str) -> None:
    """Of a session that lost its connection, give up the lock soon and the rest after a while."""

    async def wait() -> None:
        await asyncio.sleep(PAUSE)
        visit = _visits.get(session_id)
        if visit is not None and not _connected(session_id):
            await visit.sitting.pause()
        await asyncio.sleep(LINGER)
        if WebsocketSession.get_by_id(session_id) is None:
            await part(session_id)

    kept(asyncio.create_task(wait()))


async def close() -> None:
    """End every visit."""
    closing = [asyncio.ensure_future(visit.sitting.close()) for visit in _visits.values()]
    if closing:
        await asyncio.wait(closing, timeout=_CLOSING)


def adopt(visit: Visit, identifier: str) -> None:
    """Take over the sitting of a window that is gone but not yet forgotten.

    Raises:
        TraceError: The conversation is open in another window.
    """
    for session_id, other in list(_visits.items()):
        if other is visit or other.sitting.identifier != identifier:
            continue
        if other.user != visit.user:
            raise TraceError(f"{identifier} is not yours")
        if _connected(session_id):
            raise TraceError(f"{identifier} is open in another window; close it there first")
        visit.sitting, other.sitting = other.sitting, visit.sitting
        # The files stay the other session's, and go with it.
        visit.uploads, other.uploads = [], []


def _connected(session_id: str) -> bool:
    session = WebsocketSession.get_by_id(session_id)
    return session is not None and bool(sio.manager.is_connected(session.socket_id, "/"))


def _guard_connect() -> None:
    """Refuse session ids that are no UUID: Chainlit makes folders of them, and deletes these."""
    connect = sio.handlers["/"]["connect"]

    async def checked(sid: str, environ: dict[str, Any], auth: Any) -> Any:
        if not isinstance(auth, dict) or not is_session_id(auth.get("sessionId")):
            access_log.note("refused", why="a session id that is no UUID")
            raise ConnectionRefusedError("a session id is a UUID")
        thread, user = auth.get("threadId"), USER.get()
        if thread and not (isinstance(thread, str) and user and HOUSE.access.may_open(user, thread)):
            access_log.note("refused", user=user, why="another's case, or none")
            raise ConnectionRefusedError("there is no such case")
        return await connect(sid, environ, auth)

    sio.on("connect", checked)


_guard_connect()
