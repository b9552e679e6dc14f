"""Replay a conversation from its record, or run it again and say where it differs."""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from langsmith import tracing_context

from graphs.conversation import Equipment
from graphs.diagnose import build
from graphs.events import ASIDE, Admitted, Answered, Asked, Consent, Corrected, Event, Opened, Revised, ToolFinished
from graphs.export import is_export, read_export
from graphs.journal import Divergence, Journal, LiveJournal, ReplayJournal, require_equal
from graphs.opening import opened
from graphs.setup import Bounds, Reasoner, Setup
from graphs.trace import Trace, TraceError, read_trace
from graphs.transcript import transcript
from knowledge.blobs import BlobStore
from knowledge.evidence import Evidence, Measurement
from tools.tool import Services, Tool


@dataclass(frozen=True)
class Replayed:
    """A conversation that its record reproduced.

    Attributes:
        transcript: As its readers saw it.
        steps: Events that the graph came past again.
        unfinished: Whether the record ends inside a turn or a correction.
    """

    transcript: str
    steps: int
    unfinished: bool


def events_of(file: Path) -> list[Event]:
    """The events of a trace or an export, without those that tell of something beside the graph's run.

    Raises:
        TraceError: The trace is not intact.
    """
    events = read_export(file)[0] if is_export(file) else [entry.event for entry in read_trace(file)]
    if not events or not isinstance(events[0], Opened):
        raise TraceError(f"{file}: does not begin with the opening of a conversation")
    return [event for event in events if not isinstance(event, ASIDE)]


def replay(file: Path) -> Replayed:
    """Run the graph on recorded outputs: no model, no tool, no network, no pixels.

    Raises:
        TraceError: The trace is not intact.
        Divergence: The graph, as it is now, does something that was not recorded.
    """
    events = events_of(file)
    journal = ReplayJournal(events)
    journal.note(events[0])
    begun = [event for event in events if isinstance(event, Asked | Corrected)]
    ended = [event for event in events if isinstance(event, Answered | Revised)]
    with tempfile.TemporaryDirectory() as scratch:
        setup = _recorded_setup(cast(Opened, events[0]), journal, BlobStore(Path(scratch)))
        try:
            _run(setup, begun, {})
        except Divergence as divergence:
            # A record that ends inside a turn is reproduced as far as it goes.
            if len(ended) == len(begun) or not journal.complete or divergence.key in journal.index:
                raise
    if not begun:
        for event in events[1:]:
            journal.note(event)
    journal.finish()
    seen, again = transcript(events), transcript(journal.events)
    if seen.encode() != again.encode():
        raise Divergence(("transcript",), "the conversation comes out in other words or another order")
    return Replayed(again, len(journal.events), unfinished=len(ended) < len(begun))


def _recorded_setup(first: Opened, journal: ReplayJournal, blobs: BlobStore) -> Setup:
    recorded = first.reasoner
    reasoner = Reasoner(
        name=recorded["name"],
        model=FakeListChatModel(responses=[]),  # a journal that only looks up never calls it
        describe={},
        pictures=recorded["pictures"],
        leaves_machine=recorded["leaves_machine"],
    )
    return Setup(
        journal=journal,
        blobs=blobs,
        reasoner=reasoner,
        tools=cast(dict[str, Tool], dict.fromkeys(first.tools)),
        services=Services(),
        admit=_never,
        bounds=Bounds(**first.settings["bounds"]),
    )


def _never() -> Admitted:
    raise TraceError("the trace does not hold the case")


def _run(setup: Setup, begun: Iterable[Asked | Corrected], consents: dict[str, bool]) -> None:
    graph = build(InMemorySaver())
    config: RunnableConfig = {"configurable": {"thread_id": "replay"}, "recursion_limit": 10_000}
    for event in begun:
        payload: Any = {"correction": event.model_dump(mode="json")}
        if isinstance(event, Asked):
            payload = {"turn": event.turn, "question": event.question, "correction": None}
        while True:
            with tracing_context(enabled=False):
                graph.invoke(payload, config, context=setup)
            waiting = graph.get_state(config).interrupts
            if not waiting:
                break
            payload = Command(resume=consents.get(waiting[0].value["subject"], False))


@dataclass(frozen=True)
class Difference:
    """The first event of a rerun that is not as recorded."""

    key: tuple[str | int, ...]
    message: str
    quantities: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rerun:
    """A conversation that was run again; `difference` is None where all is as recorded."""

    transcript: str
    difference: Difference | None


def rerun(file: Path, equipment: Equipment) -> Rerun:
    """Ask the same questions of the same pixels again, really executing every step.

    Raises:
        TraceError: The trace is not intact, or its pixels are gone.
        BlobError: Likewise.
    """
    events = events_of(file)
    admitted = next((event for event in events if isinstance(event, Admitted)), None)
    if admitted is None:
        raise TraceError(f"{file}: the case was never read")
    pixels = BlobStore(file.parent / "blobs")
    consents = {event.subject: event.granted for event in events if isinstance(event, Consent)}
    with tempfile.TemporaryDirectory() as scratch, Trace(Path(scratch) / "rerun") as trace:
        corrections = [event for event in events if isinstance(event, Corrected)]
        for digest in (digest for event in (admitted, *corrections) for digest in event.blobs):
            trace.blobs.put(pixels.get(digest))
        journal, reasoner = LiveJournal(trace), equipment.reasoner(trace.blobs)
        journal.note(opened(cast(Opened, events[0]).conversation, equipment, reasoner, {}))
        journal.note(admitted)
        setup = Setup(
            journal=journal,
            blobs=trace.blobs,
            reasoner=reasoner,
            tools=equipment.tools,
            services=equipment.services,
            admit=_never,
            bounds=equipment.bounds,
        )
        _run(setup, [event for event in events if isinstance(event, Asked | Corrected)], consents)
        again = [entry.event for entry in trace.entries]
    return Rerun(transcript(again), _first_difference(events[1:], again[1:], journal))


def _first_difference(before: list[Event], after: list[Event], journal: Journal) -> Difference | None:
    for recorded in before:
        repeated = journal.find(recorded.key)
        if repeated is None:
            return Difference(recorded.key, "this step was recorded, but did not happen again")
        try:
            require_equal(recorded, repeated)
        except Divergence as divergence:
            return Difference(recorded.key, str(divergence), _quantities(recorded, repeated))
    known = {event.key for event in before}
    extra = next((event for event in after if event.key not in known), None)
    return Difference(extra.key, "this step happened, but was not recorded") if extra else None


def _quantities(recorded: Event, repeated: Event) -> tuple[str, ...]:
    """By how much measurements differ, one line each."""
    if not isinstance(recorded, ToolFinished) or not isinstance(repeated, ToolFinished):
        return ()
    after: dict[str, Evidence] = {item.id: item for item in repeated.evidence}
    lines: list[str] = []
    for item in recorded.evidence:
        other = after.get(item.id)
        if isinstance(item, Measurement) and isinstance(other, Measurement):
            change = other.quantity.value - item.quantity.value
            if change:
                lines.append(f"{item.id} {item.target} {item.quantity.name}: {item.quantity.text()}, now {change:+.6g}")
    return tuple(lines)
