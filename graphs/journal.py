"""How the graph records what it does, and how it finds again what it has already done.

`perform` is the one way to do anything that has an outcome: the start is synced before the work,
the finish before anything follows from it. A step that the journal already holds is not done
again. So a resumed turn continues where it stood, and a replay is the same graph over a journal
that can only look up.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

from graphs.events import ASIDE, Event, EventBase, Key, Resumed
from graphs.trace import Trace, canonical

Finished = TypeVar("Finished", bound=EventBase)


class Journal(Protocol):
    """What the graph sees of a trace."""

    def find(self, key: Key) -> Event | None:
        """The recorded event of that key."""

    def note(self, event: Event) -> None:
        """Record an event; one already recorded under its key must be equal to it."""

    def perform(self, started: Event | None, key: Key, work: Callable[[], Finished]) -> Finished:
        """Do `work` once and record its outcome under `key`, or return the recorded outcome."""


class Divergence(Exception):  # noqa: N818 - a finding, which need not be an error
    """A run differs from its record; `key` says where, the message how."""

    def __init__(self, key: Key, message: str) -> None:
        super().__init__(f"{' '.join(str(part) for part in key)}: {message}")
        self.key = key


def comparable(event: EventBase) -> dict[str, Any]:
    """The event without its wall-clock seconds, which no two runs share."""
    return event.model_dump(mode="json", exclude={"seconds"})


def require_equal(recorded: EventBase, event: EventBase) -> None:
    """Compare two events of one key.

    Raises:
        Divergence: They differ in more than their seconds; the message shows the first place.
    """
    before, after = canonical(comparable(recorded)).decode(), canonical(comparable(event)).decode()
    if before == after:
        return
    at = next(
        (at for at, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after))
    )
    start = max(0, at - 40)
    raise Divergence(recorded.key, f"recorded …{before[start : at + 80]}… but now …{after[start : at + 80]}…")


class LiveJournal:
    """A journal that writes to a trace."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self._index = {event.key: event for event in trace}
        if trace.torn or self._open_start():
            self.note(Resumed(torn_bytes=trace.torn, after=len(trace.entries)))

    def _open_start(self) -> bool:
        last = self.trace.entries[-1].event if self.trace.entries else None
        return last is not None and last.type not in ("answered", "admitted", "revised", "judged", "resumed")

    def find(self, key: Key) -> Event | None:
        """The recorded event of that key."""
        return self._index.get(key)

    def note(self, event: Event) -> None:
        """Append `event`, unless an equal one is already there.

        Raises:
            Divergence: Another event stands under its key.
        """
        recorded = self._index.get(event.key)
        if recorded is not None:
            require_equal(recorded, event)
            return
        self._index[event.key] = self.trace.append(event).event

    def perform(self, started: Event | None, key: Key, work: Callable[[], Finished]) -> Finished:
        """Record the start, do the work, record its outcome; or return the recorded outcome."""
        if started is not None:
            self.note(started)
        recorded = self._index.get(key)
        if recorded is not None:
            return recorded  # type: ignore[return-value]
        finished = work()
        if finished.key != key:
            raise ValueError(f"the outcome of {key} came back as {finished.key}")
        self.note(finished)  # type: ignore[arg-type]
        return self._index[key]  # type: ignore[return-value]


class ReplayJournal:
    """A journal that only looks up: no work is done, and everything must be as recorded."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.index = {event.key: event for event in events if not isinstance(event, ASIDE)}
        self._unseen = dict.fromkeys(self.index)
        self.events: list[Event] = []

    def find(self, key: Key) -> Event | None:
        """The recorded event of that key."""
        return self.index.get(key)

    def _look_up(self, key: Key) -> Event:
        recorded = self.index.get(key)
        if recorded is None:
            raise Divergence(key, "the replay came to a step that the trace does not hold")
        if key in self._unseen:
            del self._unseen[key]
            self.events.append(recorded)
        return recorded

    def note(self, event: Event) -> None:
        """Compare `event` with the recorded one.

        Raises:
            Divergence: They differ, or nothing was recorded under its key.
        """
        require_equal(self._look_up(event.key), event)

    def perform(self, started: Event | None, key: Key, work: Callable[[], Finished]) -> Finished:
        """Return the recorded outcome; `work` is never called."""
        if started is not None:
            self.note(started)
        return self._look_up(key)  # type: ignore[return-value]

    @property
    def complete(self) -> bool:
        """Whether the replay came past every recorded event."""
        return not self._unseen

    def finish(self) -> None:
        """Check that the replay came past every recorded event.

        Raises:
            Divergence: It did not.
        """
        for key in self._unseen:
            raise Divergence(key, "the trace holds a step that the replay did not come to")


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """The outcome of `work` and the seconds it took."""
    begun = time.perf_counter()
    outcome = work()
    return outcome, time.perf_counter() - begun
