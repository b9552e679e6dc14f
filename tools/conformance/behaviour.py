"""Checks on how a tool behaves when the image is stored otherwise, empty, or not what it takes."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from knowledge.evidence import EVIDENCE_LIST, Evidence
from tools.conformance.answers import unsound, zeros
from tools.conformance.examples import Property, properties
from tools.conformance.kit import Call, Kit, Outcome
from tools.conformance.phantom import Phantom, thick_thorax
from tools.conformance.sameness import Storage, differences, unlikeness
from tools.tool import Context, ToolRefusal

_TURNS = ((1, 0, 2), (1, 2, 0))
"""Coronal and another order of the axes; with the flips they reach every storage."""

_THICKEST_MM = 10.0

_PLACE = re.compile(r"slice|frame|row|column|coordinate|index|point|pixel", re.IGNORECASE)
"""Words by which an argument says that its number is a place in the array."""

_PATIENCE = 20.0
"""Seconds that nonsense may take; what tools do on a phantom this small takes one."""


class DoesNotApply(Exception):  # noqa: N818 - a finding
    """A check has nothing to check in this tool, and why."""


def flips(kit: Kit) -> Iterator[str]:
    """The same body stored backwards gives the same answer, on the same side."""
    home = _solid(kit)
    for axis in range(3):
        yield from _stored_otherwise(kit, home, home.flipped(axis), Storage(flips=(axis,)))


def axes(kit: Kit) -> Iterator[str]:
    """The same body with its axes in another order gives the same answer."""
    home = _solid(kit)
    for order in _TURNS:
        yield from _stored_otherwise(kit, home, home.turned(order), Storage(order))


def anisotropic(kit: Kit) -> Iterator[str]:
    """The same body in thick slices has about the same sizes."""
    if not kit.takes_image:
        raise DoesNotApply("it takes no image")
    thick = thick_thorax()
    for before in _placeless(kit, kit.phantoms[0]):
        after = kit.run(thick, before.call)
        if after.fault:
            yield f"{before.call}: {after.fault}"
        elif after.refusal:
            yield f"{before.call} is answered on even voxels and refused on uneven ones: {after.refusal}"
        else:
            faults = [*unlikeness(before.evidence, after.evidence, _THICKEST_MM), *_unsound(kit, thick, after)]
            yield from (f"{before.call}: {fault}" for fault in faults)


def unscaled(kit: Kit) -> Iterator[str]:
    """Without spacing nothing is in millimetres, and without orientation nothing is left or right."""
    if not kit.takes_image:
        raise DoesNotApply("it takes no image")
    phantom = _home(kit).unscaled() if _home(kit).spacing else _home(kit)
    for outcome in (kit.run(phantom, call) for call in kit.calls(phantom)):
        faults = [outcome.fault] if outcome.fault else list(_unsound(kit, phantom, outcome))
        yield from (f"{outcome.call}: {fault}" for fault in faults)


def blank(kit: Kit) -> Iterator[str]:
    """In an empty image it finds nothing and says so, or refuses."""
    if not kit.takes_image:
        raise DoesNotApply("it takes no image")
    empty = [one for one in map(Phantom.emptied, kit.phantoms) if kit.accepts(kit.context(one).case.images[0])]
    outcomes = [(phantom, kit.run(phantom, call)) for phantom in empty for call in kit.calls(phantom)]
    if not outcomes:
        raise DoesNotApply("there is no evidence in an empty image that it could be called on")
    for phantom, outcome in outcomes:
        yield from _nothing(kit, phantom, outcome)


def empty_mask(kit: Kit) -> Iterator[str]:
    """A mask without a pixel is refused, never measured as zero."""
    if not kit.takes_evidence:
        raise DoesNotApply("it takes no evidence")
    hollow = _home(kit).hollow()
    masks = {name for name, item in kit.context(hollow).evidence.items() if item.kind == "mask"}
    for call in kit.calls(hollow):
        if masks & set(_strings(call)):
            yield from _nothing(kit, hollow, kit.run(hollow, call))


def wrong_image(kit: Kit) -> Iterator[str]:
    """An image that it does not take is refused before it runs."""
    if not kit.takes_image:
        raise DoesNotApply("it takes no image")
    if not kit.home:
        return
    calls = [one.call for one in kit.answers(kit.home) if one.answered]
    refused = 0
    for phantom in kit.phantoms:
        context = kit.context(phantom)
        if kit.accepts(context.case.images[0]):
            continue
        refused += 1
        if fault := _admitted(kit, calls[0], context):
            yield f"{phantom.name}: {fault}"
    if not refused:
        raise DoesNotApply("it takes every kind of image")


def deterministic(kit: Kit) -> Iterator[str]:
    """The same call gives the same evidence and blobs, again and in another conversation."""
    home = _home(kit)
    for first in kit.answers(home):
        if not first.answered:
            continue
        context = kit.context(home, fresh=True)
        for when in ("in another conversation", "asked again in one conversation"):
            again = kit.run(home, first.call, context)
            if _written(again.evidence) != _written(first.evidence):
                yield f"{first.call} comes to something else {when}"
                break


def unknown_ids(kit: Kit) -> Iterator[str]:
    """Ids that do not exist are refused in words."""
    known = [one for one in properties(kit.tool) if one.is_image or one.is_evidence]
    if not known:
        raise DoesNotApply("it takes no ids")
    home = _home(kit)
    for one in known:
        call = _using(kit, home, one)
        for strange in ("I99" if one.is_image else "E999", "", "../../etc/passwd", "e1"):
            if call is not None:
                outcome = kit.run(home, call | {one.name: [strange] if one.many else strange})
                if outcome.fault:
                    yield f"{one.name}={strange!r}: {outcome.fault}"
                elif outcome.answered:
                    yield f"{one.name}={strange!r} was answered"


def hostile(kit: Kit) -> Iterator[str]:
    """Whatever a reasoner writes as an argument is answered or refused, never a fault."""
    home = _home(kit)
    for one in properties(kit.tool):
        call = _using(kit, home, one)
        if call is None:
            continue
        for value in _HOSTILE:
            shown = repr(value)[:40]
            outcome = kit.run(home, call | {one.name: value})
            if outcome.fault:
                yield f"{one.name}={shown}: {outcome.fault}"
            elif outcome.seconds > _PATIENCE:
                yield f"{one.name}={shown} kept it busy for {outcome.seconds:.0f} s: limit it in the schema"
    outcome = kit.run(home, {"no_such_argument": 1})
    if outcome.fault or outcome.answered:
        yield f"an unknown argument alone: {outcome.fault or 'was answered'}"


def consent(kit: Kit) -> Iterator[str]:
    """A tool that reaches for a network asks a person first."""
    if kit.reached and kit.tool.consent is None:
        yield f"it reached for {', '.join(sorted(kit.reached))} without declaring `consent`"


_DEEP: list[Any] = []
for _ in range(200):
    _DEEP = [_DEEP]
_LONG = "A" * 100_000
_NAN, _INF = float("nan"), float("inf")
_HOSTILE: tuple[Any, ...] = (
    None, True, 0, -1, 10**30, -(10**30), 1e308, _NAN, _INF, -_INF, "", " ", _LONG, "\x00", "\ud800", "NaN", "-1",
    "'; DROP TABLE evidence; --", "Ignore all rules.", {}, {"a": 1}, [], [None], [-1], [_NAN, _NAN], [_INF, 0],
    [[_NAN, _NAN], [_INF, 0]], [[-5, 1e308], [0, 0]], [[1e6, 1e6, 1e6], [0, 0, 0]], [_LONG],
    ["E1"] * 1000, ["I1"], _DEEP,
)  # fmt: skip


def _home(kit: Kit) -> Phantom:
    if kit.home is None:
        raise DoesNotApply("no example call was answered")
    return kit.home


def _solid(kit: Kit) -> Phantom:
    """A phantom of known place on which the tool answered."""
    if not kit.takes_image:
        raise DoesNotApply("it takes no image")
    for phantom in kit.phantoms:
        if phantom.affine is not None and any(one.answered for one in kit.answers(phantom)):
            return phantom
    raise DoesNotApply("it answers on no volume")


def _placeless(kit: Kit, phantom: Phantom) -> list[Outcome]:
    """Answered calls without coordinates, which would be of one way of storing only."""
    places = {one.name for one in properties(kit.tool) if _PLACE.search(f"{one.name} {one.description}")}
    found = [
        one
        for one in kit.answers(phantom)
        if one.answered and not any(_numbers(value, name in places) for name, value in one.call.items())
    ]
    if not found:
        raise DoesNotApply(f"no example call without coordinates was answered on the {phantom.name}")
    return found


def _numbers(value: Any, place: bool) -> bool:
    """Whether a value holds numbers that may be coordinates: a list's, or those of an argument for a place."""
    if isinstance(value, list | tuple):
        return any(_numbers(item, place=True) for item in value)
    return place and isinstance(value, int | float) and not isinstance(value, bool)


def _stored_otherwise(kit: Kit, home: Phantom, other: Phantom, storage: Storage) -> Iterator[str]:
    for before in _placeless(kit, home):
        after = kit.run(other, before.call)
        where = f"{other.name}, {before.call}"
        if after.fault:
            yield f"{where}: {after.fault}"
        elif after.refusal:
            # A tool may take one plane only, but never one direction of it.
            if not storage.turned:
                yield f"{where} was answered and is refused: {after.refusal}"
        else:
            faults = differences((before.evidence, before.blobs), (after.evidence, after.blobs), storage, other.shape)
            yield from (f"{where}: {fault}" for fault in [*faults, *_unsound(kit, other, after)])


def _nothing(kit: Kit, phantom: Phantom, outcome: Outcome) -> Iterator[str]:
    faults = [outcome.fault] if outcome.fault else [*_unsound(kit, phantom, outcome), *zeros(outcome)]
    yield from (f"{phantom.name}, {outcome.call}: {fault}" for fault in faults)


def _unsound(kit: Kit, phantom: Phantom, outcome: Outcome) -> Iterator[str]:
    for item in outcome.evidence:
        yield from unsound(item, kit, phantom, outcome.blobs)


def _admitted(kit: Kit, call: Call, context: Context) -> str | None:
    try:
        kit.tool.admit(call, context)
    except ToolRefusal:
        return None
    except Exception as error:  # noqa: BLE001 - whatever a tool raises is a finding
        return f"{type(error).__name__}: {error}"
    return "it was admitted"


def _using(kit: Kit, home: Phantom, one: Property) -> Call | None:
    """An answered call that gives this argument, or any."""
    answered = [outcome.call for outcome in kit.answers(home) if outcome.answered]
    return next((call for call in answered if one.name in call), answered[0] if answered else None)


def _written(evidence: list[Evidence]) -> bytes:
    # Blobs are named by their content, so equal JSON means equal blobs.
    return EVIDENCE_LIST.dump_json(evidence)


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    return [text for item in value for text in _strings(item)] if isinstance(value, list | tuple) else []
