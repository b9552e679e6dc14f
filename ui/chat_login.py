"""Signing in on the page by name and password or by OAuth: what Chainlit asks, answered by the way that is set up.

Imported by `ui.serve` alone, after Chainlit's settings are furnished.
"""

# mypy: disable-error-code="untyped-decorator"
# Chainlit's own decorators have no types.

import asyncio
from collections import OrderedDict

import chainlit as cl

from ui import access_log
from ui.access_tokens import Bearer
from ui.access_ways import AnyWay, OAuth, Password

_FREE, _LONGEST = 5, 30.0
"""Wrong passwords in a row before each further try waits, and seconds that it waits at most."""
_REMEMBERED = 1000


class _Patience:
    """Lets tries of one name wait for each other, and longer with each wrong one."""

    def __init__(self) -> None:
        self._wrong: OrderedDict[str, int] = OrderedDict()
        self._turns: OrderedDict[str, asyncio.Lock] = OrderedDict()

    def turn(self, name: str) -> asyncio.Lock:
        lock = self._turns.setdefault(name, asyncio.Lock())
        self._turns.move_to_end(name)
        while len(self._turns) > _REMEMBERED:
            self._turns.popitem(last=False)
        return lock

    async def wait(self, name: str) -> None:
        wrong = self._wrong.get(name, 0)
        if wrong >= _FREE:
            await asyncio.sleep(min(2.0 ** (wrong - _FREE), _LONGEST))

    def told(self, name: str, right: bool) -> None:
        wrong = 0 if right else self._wrong.get(name, 0) + 1
        self._wrong[name] = wrong
        self._wrong.move_to_end(name)
        while len(self._wrong) > _REMEMBERED:
            self._wrong.popitem(last=False)


def _user(bearer: Bearer) -> cl.User:
    return cl.User(identifier=bearer.user, display_name=bearer.user, metadata=bearer.metadata())


def by_password(way: Password) -> None:
    """Let Chainlit's page for signing in ask for a name and a password."""
    patience = _Patience()

    @cl.password_auth_callback
    async def check(name: str, password: str) -> cl.User | None:
        async with patience.turn(name[:100]):
            await patience.wait(name[:100])
            bearer = await asyncio.to_thread(way.signed_in, name, password)
            patience.told(name[:100], bearer is not None)
        if bearer is None:
            # What was typed as the name may be a password.
            access_log.note("wrong name or password")
            return None
        access_log.note("signed in", user=bearer.user, way=bearer.way)
        return _user(bearer)


def by_oauth(way: OAuth) -> None:
    """Let Chainlit's page for signing in lead to the providers that are set up."""

    @cl.oauth_callback
    async def check(
        provider: str, _token: str, _raw: dict[str, str], user: cl.User, _id_token: str | None = None
    ) -> cl.User | None:
        if not way.allows(user.identifier):
            access_log.note("not on the list of CITRUS_OAUTH_ALLOW", provider=provider)
            return None
        bearer = Bearer(user.identifier.strip().lower(), way.name)
        access_log.note("signed in", user=bearer.user, way=bearer.way)
        return _user(bearer)


def offer(way: AnyWay) -> None:
    """Set Chainlit's page for signing in up for `way`; the others need none."""
    if isinstance(way, Password):
        by_password(way)
    elif isinstance(way, OAuth):
        by_oauth(way)
