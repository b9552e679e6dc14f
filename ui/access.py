"""Who is asking, and which conversations they may open: asked by every route that shows something of a case.

Whoever opened a case owns its conversation; the owner's name lies beside the trace. A conversation
without one was opened on the command line, by the person who owns the files: it is opened by the
user of the local way of signing in alone.
"""

import os
import re
from collections.abc import Callable

from fastapi import HTTPException
from starlette.requests import HTTPConnection

from graphs.home import Home, HomeError
from graphs.trace import TRACE_FILE

LOCAL_USER = "local"
"""The one user where nobody signs in by name."""
OWNER_FILE = "owner"

Known = Callable[[HTTPConnection], str | None]
"""Tells the user of a request from what it carries, or None where nobody has signed in."""

_NAME = re.compile(r"[^\s\x00-\x1f\x7f/\\](?:[^\x00-\x1f\x7f/\\]{0,198}[^\s\x00-\x1f\x7f/\\])?")


class AccessError(Exception):
    """A conversation cannot be given to a user; the message says why."""


class Access:
    """The one place that decides.

    Attributes:
        known: How a request's user is told.
    """

    def __init__(self, home: Home, known: Known) -> None:
        self._home = home
        self.known = known

    def user(self, request: HTTPConnection) -> str:
        """The user of a request.

        Raises:
            HTTPException: 401; nobody has signed in.
        """
        user = self.known(request)
        if user is None:
            raise HTTPException(401, "Sign in first.")
        return user

    def may_open(self, user: str, conversation: str) -> bool:
        """Whether `user` may see a conversation; False also where there is none of that id."""
        try:
            folder = self._home.conversation(conversation)
        except HomeError:
            return False
        return (folder / TRACE_FILE).is_file() and (self.owner(conversation) or LOCAL_USER) == user

    def owner(self, conversation: str) -> str | None:
        """Who opened a conversation, or None where that was on the command line.

        Raises:
            HomeError: It is no conversation's id.
        """
        try:
            return (self._home.conversation(conversation) / OWNER_FILE).read_text(encoding="utf-8").strip() or None
        except FileNotFoundError:
            return None

    def own(self, user: str, conversation: str) -> None:
        """Record that `user` opened a conversation, before it is shown to anybody.

        Raises:
            AccessError: It has another owner, or the name cannot be kept.
            HomeError: It is no conversation's id.
        """
        if not is_name(user):
            raise AccessError(f"{user!r} cannot be the name of a user")
        file = self._home.conversation(conversation) / OWNER_FILE
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            if self.owner(conversation) != user:
                raise AccessError(f"{conversation} was opened by another user") from None
            return
        with os.fdopen(descriptor, "w", encoding="utf-8") as written:
            written.write(f"{user}\n")


def is_name(text: str) -> bool:
    """Whether `text` may name a user: one line of 1 to 200 characters that leads into no folder."""
    return _NAME.fullmatch(text) is not None
