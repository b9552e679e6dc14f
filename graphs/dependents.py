"""What rests on a piece of evidence: the calls that used it, and of what they established, that part only.

A call uses evidence by naming its id in an argument. Where the id stands alone (a midline, the
heart of a ratio) everything the call established rests on it. Where it stands in a list, an item
rests on it if the item says so (`of`), or says nothing of what it was taken from.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from graphs.standing import latest
from knowledge.briefing import read_evidence
from knowledge.evidence import Evidence, Limitation, Measurement
from knowledge.quantity import Unit

CORRECTION = "correction"
"""Stands as the tool of the note that takes the place of evidence which no longer stands."""

Fates = Mapping[str, str | None]


@dataclass(frozen=True)
class Call:
    """A tool call as the conversation remembers it, with the ids of what it established."""

    id: str
    tool: str
    arguments: dict[str, Any]
    evidence: tuple[str, ...]


def remembered(messages: Sequence[BaseMessage]) -> list[Call]:
    """Every tool call of a conversation's memory that has a result, oldest first."""
    results = {message.tool_call_id: message for message in messages if isinstance(message, ToolMessage)}
    return [
        Call(identifier, call["name"], call["args"], tuple(item["id"] for item in read_evidence(results[identifier])))
        for message in messages
        if isinstance(message, AIMessage)
        for call in message.tool_calls
        if (identifier := str(call["id"])) in results
    ]


def dependents(call: Call, filed: Mapping[str, Evidence], fates: Fates) -> list[Evidence]:
    """Of what `call` established, what rests on evidence in `fates` and is not itself there, in order."""
    alone = {name for name, listed in _names(call.arguments) if not listed}
    named = {name for name, _ in _names(call.arguments)}
    found: dict[str, Evidence] = {}
    for identifier in call.evidence:
        item = filed[identifier]
        if identifier in fates or (isinstance(item, Limitation) and item.tool == CORRECTION):
            continue
        # One piece of a call may rest on another, which comes before it.
        rests_on = alone | set(taken_from(item) or named)
        if rests_on & (fates.keys() | found.keys()):
            found[identifier] = item
    return list(found.values())


def taken_from(item: Evidence) -> tuple[str, ...]:
    """Ids of the evidence that `item` says it was taken from."""
    of: tuple[str, ...] = getattr(item, "of", ())
    return of


def bereft(item: Evidence, fates: Fates) -> bool:
    """Whether nothing took the place of something that `item` needs; a count goes on while any of its boxes is left."""
    lost = [_is_lost(name, fates) for name in taken_from(item)]
    return all(lost) and bool(lost) if _counts(item) else any(lost)


def again(call: Call, items: Sequence[Evidence], filed: Mapping[str, Evidence], fates: Fates) -> dict[str, Any] | None:
    """The arguments with which `call` gives `items` anew, and nothing that still stands beside them.

    Returns:
        None where nothing took the place of something that the call needs.
    """
    alone = {name for name, listed in _names(call.arguments) if not listed}
    if all(taken_from(item) for item in items):
        wanted = alone | {name for item in items for name in taken_from(item)}
    else:
        wanted = {name for name, _ in _names(call.arguments)}
    lost = {name for name in wanted if _is_lost(name, fates)}
    if lost & alone or (lost and not all(_counts(item) for item in items)):
        return None
    wanted -= lost
    narrowed = _replaced(call.arguments, fates, {name for name in filed if name not in wanted})
    return narrowed if isinstance(narrowed, dict) else None


def _is_lost(name: str, fates: Fates) -> bool:
    return name in fates and latest(name, fates) is None


def _counts(item: Evidence) -> bool:
    return isinstance(item, Measurement) and item.quantity.unit is Unit.COUNT and len(item.of) > 1


def rewritten(arguments: dict[str, Any], fates: Fates) -> dict[str, Any]:
    """The arguments with every id replaced that has something in its place."""
    changed = _replaced(arguments, fates, set())
    return dict(changed)


def _names(value: Any, listed: bool = False) -> Iterator[tuple[str, bool]]:
    """Every string among the arguments, and whether it stands in a list."""
    if isinstance(value, str):
        yield value, listed
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _names(item, True)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _names(item, listed)


def _replaced(value: Any, fates: Fates, without: set[str]) -> Any:
    """`value` with ids replaced; list items in `without` are left out."""
    if isinstance(value, str):
        return latest(value, fates) or value
    if isinstance(value, list | tuple):
        return [_replaced(item, fates, without) for item in value if not (isinstance(item, str) and item in without)]
    if isinstance(value, dict):
        return {key: _replaced(item, fates, without) for key, item in value.items()}
    return value
