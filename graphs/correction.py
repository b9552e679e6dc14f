"""A reader puts evidence right: the correction is recorded, and what rests on it, and only that, is done again.

A mask is redrawn, or a finding rejected. The old evidence stays on record; what takes its place gets
an id of its own. Then, in the order of the conversation: each tool call that used it runs again on what
stands now; sentences of answers that rested on it are put on the new evidence and verified, or go. The
conversation's memory is rewritten to match, so later turns reason from what stands.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from numpy.typing import NDArray

from graphs.act import run_tool
from graphs.closing import opened
from graphs.dependents import CORRECTION, Call, again, bereft, dependents, remembered, rewritten, taken_from
from graphs.differential import Differential
from graphs.differential_build import differentiate
from graphs.events import Answered, Corrected, Revised, Revision, ToolStarted, Verified
from graphs.revise import revised
from graphs.setup import Setup
from graphs.standing import Standing
from graphs.trace import GENESIS
from knowledge.blobs import BlobStore
from knowledge.briefing import tool_result
from knowledge.case import Case
from knowledge.evidence import EVIDENCE, TRUNCATED, Absence, Evidence, Limitation, Mask, Measurement, Region
from tools.imaging.volume import encode_mask
from tools.tool import Context

CORRECTED = "the outline was corrected by a reader"
"""Caveat of a mask that a person drew, and of whatever is measured on it."""

REJECTABLE = Mask | Region | Measurement | Absence
DRAWABLE = Mask | Absence


class CorrectionError(ValueError):
    """A correction cannot be made; the message is for the person who asked for it."""


def propose(
    standing: Standing,
    case: Case,
    blobs: BlobStore,
    *,
    of: str,
    mask: NDArray[np.bool_] | None,
    by: str,
    reason: str = "",
) -> Corrected:
    """A correction as it will be recorded, but for its place and signature; the drawn mask is put into `blobs`.

    Args:
        of: Id of a mask, box, measurement or absence that stands.
        mask: (slices, rows, columns) on the grid of its image, in place of a mask or an absence; None rejects.
        by: The account of the person.
        reason: The person's words, without identity.

    Raises:
        CorrectionError: There is no such evidence, it no longer stands or is of another kind, or the mask
            is empty, unchanged or on another grid.
    """
    item = standing.evidence.get(of)
    if item is None:
        raise CorrectionError(f"there is no evidence {of} in this conversation")
    if of in standing.fates:
        raise CorrectionError(f"{of} was corrected before; what stands now is {standing.now(of) or 'nothing'}")
    if not isinstance(item, REJECTABLE):
        raise CorrectionError(f"{of} is a {item.kind}: a mask, box, measurement or absence can be corrected")
    new = () if mask is None else (_drawn(item, mask, case, blobs, f"E{len(standing.evidence) + 1}"),)
    return Corrected(number=len(standing.corrections) + 1, of=of, evidence=new, by=by, reason=reason, head=GENESIS)


def _drawn(item: Evidence, mask: NDArray[np.bool_], case: Case, blobs: BlobStore, identifier: str) -> Mask:
    if not isinstance(item, DRAWABLE) or item.image is None:
        raise CorrectionError(f"{item.id} is a {item.kind}, which cannot be drawn; it can be rejected")
    image = case.image(item.image)
    if mask.shape != image.shape or mask.dtype != np.bool_:
        raise CorrectionError(f"a mask of shape {mask.shape} is not on the grid {image.shape} of {image.id}")
    if not mask.any():
        raise CorrectionError("the outline is empty; to say that nothing is there, reject it")
    data = encode_mask(mask, None if image.affine is None else np.array(image.affine))
    digest = blobs.put(data)
    if isinstance(item, Mask) and digest == item.blob:
        raise CorrectionError(f"the outline is the same as {item.id}")
    # What the search said of itself holds on where the reader changed nothing; where it was cut off is found anew.
    kept = [caveat for caveat in item.caveats if caveat not in (TRUNCATED, CORRECTED)] if isinstance(item, Mask) else []
    z, y, x = (np.flatnonzero(mask.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1)))
    return Mask(
        id=identifier,
        image=item.image,
        produced_by="clinician",
        target=item.target,
        side=item.side,
        blob=digest,
        voxels=int(np.count_nonzero(mask)),
        box=(int(x[0]), int(y[0]), int(x[-1]) + 1, int(y[-1]) + 1),
        slices=(int(z[0]), int(z[-1]) + 1),
        caveats=(CORRECTED, *kept),
    )


def correct(state: Mapping[str, Any], setup: Setup) -> dict[str, Any]:
    """Record the correction that `state` holds, do again what rests on it, revise the answers.

    Returns:
        The update of the graph's state.
    """
    event = Corrected.model_validate(state["correction"])
    setup.journal.note(event)
    work = _Consequences(state, setup, event)
    for call in remembered(state["messages"]):
        work.follow(call)
    answers = tuple(
        revision for turn in range(1, state["answered"] + 1) if (revision := work.revision(turn)) is not None
    )
    setup.journal.note(
        Revised(
            number=event.number,
            replaced={old: new for old, new in work.fates.items() if new is not None},
            withdrawn=tuple(old for old, new in work.fates.items() if new is None),
            answers=answers,
            differential=work.differential(),
        )
    )
    return {
        "evidence": {"instead": [item.model_dump(mode="json") for item in work.standing.values()]},
        "messages": {"instead": work.memory(answers)},
        "correction": None,
        "corrected": event.number,
    }


class _Consequences:
    """One correction being followed through the conversation.

    Attributes:
        filed: Everything on record, by id, as it was filed.
        standing: The same ids; in place of what no longer stands, a note that says so.
        fates: What this correction took away, and what took its place.
    """

    def __init__(self, state: Mapping[str, Any], setup: Setup, event: Corrected) -> None:
        self.setup, self.event = setup, event
        self.turn, self.step = state["turn"], state["step"]
        self.messages: list[BaseMessage] = state["messages"]
        self.case = Case.model_validate(state["case"])
        self._before: dict[str, Evidence] = {item.id: item for item in map(EVIDENCE.validate_python, state["evidence"])}
        self.filed = self._before | {item.id: item for item in event.evidence}
        self.standing = dict(self.filed)
        self.fates: dict[str, str | None] = {}
        self._added: dict[str, list[str]] = {}
        self._runs = 0
        if event.of in self.filed:
            self._take_away(event.of, event.evidence[0].id if event.evidence else None, "")

    def _take_away(self, old: str, new: str | None, why: str) -> None:
        self.fates[old] = new
        item = self.filed[old]
        verb = "replaced" if new else "rejected" if old == self.event.of else "withdrawn"
        said = [f"{old} was {verb} after a reader's correction", why, f"{new} takes its place" if new else ""]
        self.standing[old] = Limitation(
            id=old,
            image=item.image,
            produced_by=item.produced_by,
            tool=CORRECTION,
            target=getattr(item, "target", None),
            reason="; ".join(words for words in said if words) + ".",
            known=(new,) if new else (),
        )

    def follow(self, call: Call) -> None:
        """Do again what of `call` rests on what was taken away so far."""
        items = dependents(call, self.filed, self.fates)
        for item in items:
            if bereft(item, self.fates):
                self._take_away(item.id, None, f"it rested on {', '.join(taken_from(item))}")
        items = [item for item in items if item.id not in self.fates]
        arguments = again(call, items, self.filed, self.fates) if items else None
        if arguments is None:
            for item in items:
                self._take_away(item.id, None, "what it rested on no longer stands")
            return
        found = list(self._run(call, arguments))
        for item in items:
            new = next((other for other in found if _same(item, other)), None)
            if new is not None:
                found.remove(new)
            self._take_away(item.id, new.id if new else None, "" if new else "it could not be established again")
        self._added[call.id] = [item.id for item in found]

    def _run(self, call: Call, arguments: dict[str, Any]) -> tuple[Evidence, ...]:
        self._runs += 1
        name = f"correction_{self.event.number}_{self._runs}"
        started = ToolStarted(turn=self.turn, step=self.step, call=name, tool=call.tool, arguments=arguments)
        consent = self.setup.journal.find(("consent", f"tool {call.tool}"))
        if consent is not None:
            self.setup.journal.note(consent)
        context = Context(self.case, self.setup.blobs, self.standing, self.setup.services)
        finished = self.setup.journal.perform(
            started, ("tool_finished", self.turn, self.step, name), partial(run_tool, self.setup, started, context)
        )
        for item in finished.evidence:
            self.filed[item.id] = self.standing[item.id] = item
        return finished.evidence

    def revision(self, turn: int) -> Revision | None:
        """The answer of `turn` as it reads now, or None where nothing in it changed."""
        answered = self.setup.journal.find(("answered", turn))
        said = self._said(turn)
        if not isinstance(answered, Answered) or said is None or not said.claims:
            return None
        text = said.verified if isinstance(said, Revision) else self._verified(turn)
        return revised(turn, text, said.withheld, answered.bound, self.filed, self.fates, self.case)

    def _said(self, turn: int) -> Answered | Revision | None:
        """The answer of `turn` as it read before this correction."""
        for number in range(self.event.number - 1, 0, -1):
            earlier = self.setup.journal.find(("revised", number))
            for revision in earlier.answers if isinstance(earlier, Revised) else ():
                if revision.turn == turn:
                    return revision
        answered = self.setup.journal.find(("answered", turn))
        return answered if isinstance(answered, Answered) else None

    def _verified(self, turn: int) -> str:
        text, attempt = "", 1
        while isinstance(event := self.setup.journal.find(("verified", turn, attempt)), Verified):
            text, attempt = event.answer.strip(), attempt + 1
        return text

    def differential(self) -> Differential | None:
        """The differential as it stands now, or None where it is as it was."""
        now = differentiate(self.standing, self.case)
        return None if now == differentiate(self._before, self.case) else now

    def memory(self, answers: tuple[Revision, ...]) -> list[BaseMessage]:
        """The conversation's messages as if what stands now had been found at first."""
        texts: dict[str, str] = {}
        for revision in answers:
            said = self._said(revision.turn)
            if said is not None:
                texts[opened(said.answer)] = opened(revision.answer)
        calls = {call.id: call for call in remembered(self.messages)}
        return [self._remembered(message, texts, calls) for message in self.messages]

    def _remembered(self, message: BaseMessage, texts: Mapping[str, str], calls: Mapping[str, Call]) -> BaseMessage:
        if isinstance(message, AIMessage):
            if message.tool_calls:
                again = [{**call, "args": rewritten(call["args"], self.fates)} for call in message.tool_calls]
                return AIMessage(message.content, tool_calls=again)
            new = texts.get(str(message.text))
            return message if new is None else AIMessage(new)
        if isinstance(message, ToolMessage) and message.tool_call_id in calls:
            call = calls[message.tool_call_id]
            ids = [self.fates.get(name) or name for name in call.evidence] + self._added.get(call.id, [])
            return tool_result(call.id, call.tool, [self.standing[name] for name in ids])
        return message


def _same(old: Evidence, new: Evidence) -> bool:
    """Whether `new` tells of the same thing as `old`."""
    return old.kind == new.kind and _told_of(old) == _told_of(new)


def _told_of(item: Evidence) -> tuple[str | None, ...]:
    quantity = item.quantity.name if isinstance(item, Measurement) else None
    return (quantity, *(getattr(item, name, None) for name in ("target", "name", "disease", "card")))
