"""What stands in a conversation after its corrections: evidence, what took its place, answers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from graphs.differential import Differential
from graphs.events import Admitted, Answered, Corrected, Differentiated, Event, Revised, Revision, ToolFinished
from knowledge.evidence import Evidence


@dataclass(frozen=True)
class Standing:
    """A conversation's record, read to its end.

    Attributes:
        evidence: Everything that was ever filed, by id, in order.
        fates: Evidence that no longer stands: the id of what took its place, or None.
        answers: Each turn's answer as it reads now.
        corrections: Those that were made, each with what followed, None where that was cut off.
        differential: The differential as it stands now; empty where nothing was held against criteria.
    """

    evidence: dict[str, Evidence]
    fates: dict[str, str | None]
    answers: dict[int, Answered | Revision]
    corrections: tuple[tuple[Corrected, Revised | None], ...]
    differential: Differential

    @classmethod
    def of(cls, events: Iterable[Event]) -> "Standing":
        """Read the events of one conversation."""
        evidence: dict[str, Evidence] = {}
        fates: dict[str, str | None] = {}
        answers: dict[int, Answered | Revision] = {}
        corrected: dict[int, Corrected] = {}
        revised: dict[int, Revised] = {}
        differential = Differential()
        for event in events:
            if isinstance(event, Admitted | ToolFinished | Corrected):
                evidence.update({item.id: item for item in event.evidence})
            if isinstance(event, Answered):
                answers[event.turn] = event
            elif isinstance(event, Differentiated):
                differential = event.differential
            elif isinstance(event, Corrected):
                corrected[event.number] = event
                fates[event.of] = event.evidence[0].id if event.evidence else None
            elif isinstance(event, Revised):
                revised[event.number] = event
                fates.update(dict.fromkeys(event.withdrawn) | event.replaced)
                differential = differential if event.differential is None else event.differential
                answers.update({revision.turn: revision for revision in event.answers})
        made = tuple((event, revised.get(number)) for number, event in corrected.items())
        return cls(evidence, fates, answers, made, differential)

    def now(self, identifier: str) -> str | None:
        """The id of what stands in place of `identifier` today; itself where it stands."""
        return latest(identifier, self.fates)


def latest(identifier: str, fates: Mapping[str, str | None]) -> str | None:
    """Follow `identifier` from replacement to replacement; None where the last one was withdrawn."""
    found: str | None = identifier
    while found is not None and found in fates:
        found = fates[found]
    return found
