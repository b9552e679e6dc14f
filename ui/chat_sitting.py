"""One browser session's conversation, in a thread of its own.

The graph blocks and its trace is locked by one owner, so each sitting has one worker thread in which
its conversation is opened, asked and closed. What happens there is handed to the event loop in order.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, TypeVar

from graphs.conversation import Chart, Consent, Conversation, Equipment, Progress, Read, empty
from graphs.events import Answered, Revised
from graphs.home import Home
from tools.imaging.identity import Identity

Result = TypeVar("Result")
Show = Callable[[dict[str, Any]], Awaitable[None]]
Ask = Callable[[str, str], Awaitable[bool | None]]
"""Asks a person (subject, question); None where nobody answered."""


Corrected = Callable[[Revised], Awaitable[None]]


async def _nobody(revised: Revised) -> None:
    """Nobody is told of a correction."""


class _TurnStopped(Exception):  # noqa: N818
    """The person stopped the turn instead of answering what was asked."""


@dataclass(frozen=True)
class _Wish:
    """A question to the person on which the worker waits."""

    subject: str
    question: str
    granted: Future[bool] = field(default_factory=Future)


@dataclass(frozen=True)
class _Paused:
    """A conversation that was closed for a while, and what only memory holds of it."""

    identifier: str
    equipment: Equipment
    identity: Identity
    names: dict[str, str]
    knows_whom: bool


class Sitting:
    """A session's place at the table: at most one conversation at a time, never another session's.

    Attributes:
        conversation: The open one, or None.
        corrected: Awaited with what followed from a correction that another page made.
    """

    def __init__(self, home: Home) -> None:
        self.conversation: Conversation | None = None
        self.corrected: Corrected = _nobody
        self._home = home
        self._equipment: Equipment | None = None
        self._paused: _Paused | None = None
        self._stack = ExitStack()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="sitting")
        self._table = asyncio.Lock()
        self._running = threading.Event()
        self._dialog: asyncio.Task[bool | None] | None = None

    @property
    def busy(self) -> bool:
        """Whether a turn is running."""
        return self._running.is_set()

    @property
    def identifier(self) -> str | None:
        """The id of the conversation that is open or paused."""
        if self.conversation is not None:
            return self.conversation.identifier
        return self._paused.identifier if self._paused is not None else None

    async def do(self, work: Callable[[], Result]) -> Result:
        """Run `work` in the worker thread, after whatever runs there."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)

    async def open(
        self, equipment: Equipment, read: Read, settings: dict[str, Any], chart: Chart = empty
    ) -> Conversation:
        """Begin a conversation, after any running turn; the one that was open is closed."""
        return await self._enter(equipment, lambda: Conversation.start(self._home, equipment, read, settings, chart))

    async def resume(self, equipment: Equipment, identifier: str) -> Conversation:
        """Take up a conversation by its id, after any running turn; the one that was open is closed.

        Raises:
            HomeError, TraceError: There is no such conversation, it is open elsewhere, or not intact.
        """
        return await self._enter(equipment, lambda: Conversation.resume(self._home, equipment, identifier))

    async def pause(self) -> None:
        """Give up the lock of the conversation, after any running turn, until `wake`."""
        async with self._table:
            conversation, equipment = self.conversation, self._equipment
            if conversation is not None and equipment is not None:
                await self.do(self._leave)
                self._paused = _Paused(
                    conversation.identifier,
                    equipment,
                    conversation.identity,
                    conversation.names,
                    conversation.knows_whom,
                )

    async def wake(self) -> None:
        """Open a paused conversation again, with the names that it knew.

        Raises:
            TraceError: It was opened elsewhere meanwhile, or is no longer intact.
        """
        paused = self._paused
        if paused is not None and self.conversation is None:
            conversation = await self.resume(paused.equipment, paused.identifier)
            conversation.identity, conversation.names = paused.identity, paused.names
            conversation.knows_whom = paused.knows_whom

    async def _enter(self, equipment: Equipment, enter: Callable[[], Any]) -> Conversation:
        def work() -> Conversation:
            self._leave()
            self.conversation = self._stack.enter_context(enter())
            self._paused, self._equipment = None, equipment
            return self.conversation

        async with self._table:
            return await self.do(work)

    async def ask(self, question: str, show: Show, ask: Ask) -> Answered:
        """Run one turn, after any that is running.

        Args:
            show: Awaited with each step as it happens, in order.
            ask: Awaited when something needs a person's yes.

        Raises:
            ValueError: The question is empty or too long.
        """
        async with self._table:
            conversation = self._opened()
            answer = await self._turn(
                conversation, lambda consent, progress: conversation.ask(question, consent, progress), show, ask
            )
        if answer is None:
            raise RuntimeError("a turn ended without an answer")
        return answer

    async def catch_up(self, show: Show, ask: Ask) -> Answered | None:
        """Finish a turn that another process left unfinished; None where there is none."""
        async with self._table:
            conversation = self._opened()
            return await self._turn(conversation, conversation.catch_up, show, ask)

    async def work_on(self, work: Callable[[Conversation], Result]) -> Result:
        """Run `work` on the open conversation in the worker thread, after any running turn.

        What that corrected is told to `corrected` afterwards.
        """
        async with self._table:
            conversation = self._opened()
            before = len(conversation.standing.corrections)
            result = await self.do(lambda: work(conversation))
            made = conversation.standing.corrections[before:]
        for _, revised in made:
            if revised is not None:
                await self.corrected(revised)
        return result

    def _opened(self) -> Conversation:
        if self.conversation is None:
            raise RuntimeError("no conversation is open in this sitting")
        return self.conversation

    async def _turn(
        self,
        conversation: Conversation,
        turn: Callable[[Consent, Progress], Answered | None],
        show: Show,
        ask: Ask,
    ) -> Answered | None:
        loop = asyncio.get_running_loop()
        items: asyncio.Queue[dict[str, Any] | _Wish | None] = asyncio.Queue()

        def tell(item: dict[str, Any] | _Wish) -> None:
            loop.call_soon_threadsafe(items.put_nowait, item)

        def consent(subject: str, question: str) -> bool:
            wish = _Wish(subject, question)
            tell(wish)
            return wish.granted.result()

        def work() -> Answered | None:
            try:
                return turn(consent, tell)
            except _TurnStopped:
                # Neither yes nor no was said, so neither is recorded: the turn ends as stopped.
                conversation.stop()
                return conversation.catch_up(progress=tell)

        failure: Exception | None = None
        self._running.set()
        try:
            done = loop.run_in_executor(self._worker, work)
            done.add_done_callback(lambda _: items.put_nowait(None))
            while (item := await items.get()) is not None:
                try:
                    await (self._answer(item, ask) if isinstance(item, _Wish) else show(item))
                except Exception as error:  # noqa: BLE001 - a page that cannot show must not leave the worker waiting
                    conversation.stop()
                    failure = failure or error
            answer = await done
        finally:
            self._running.clear()
        if failure is not None:
            raise failure
        return answer

    async def _answer(self, wish: _Wish, ask: Ask) -> None:
        self._dialog = asyncio.ensure_future(ask(wish.subject, wish.question))
        granted = None
        try:
            granted = await self._dialog
        except asyncio.CancelledError:
            pass
        finally:
            self._dialog = None
            if granted is None:
                wish.granted.set_exception(_TurnStopped())
            else:
                wish.granted.set_result(granted)

    def stop(self) -> None:
        """End the running turn at its next step, and whatever it asks of the person."""
        if self.busy and self.conversation is not None:
            self.conversation.stop()
            if self._dialog is not None:
                self._dialog.cancel()

    async def leave(self) -> None:
        """Stop, close the conversation and give up its lock."""
        self.stop()
        await self.do(self._leave)

    async def close(self) -> None:
        """Leave for good."""
        await self.leave()
        self._worker.shutdown(wait=False)

    def _leave(self) -> None:
        self.conversation = None
        self._stack.close()
