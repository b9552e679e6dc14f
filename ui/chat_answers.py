"""The answers of a conversation as the page words them: each as it was given, and as corrections left it.

One reading of the record serves both the page that is open and one that is opened later, so the two
cannot tell different things.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from uuid import NAMESPACE_URL, uuid5

from graphs.differential import Differential
from graphs.events import Answered, Differentiated, Revised, Revision
from graphs.standing import Standing
from graphs.trace import Entry
from ui import chat_words as words

NOTHING = Differential()


def message_id(conversation: str, what: str, number: int) -> str:
    """The id of something shown, the same whenever it is shown: so a thumb finds its answer after a restart."""
    return str(uuid5(NAMESPACE_URL, f"citrus:{conversation}/{what}/{number}"))


@dataclass(frozen=True)
class Said:
    """An answer, or how it reads after a correction, or a differential that a correction alone changed.

    Attributes:
        at: The line of the record that holds it.
        turn: Its question; 0 where it is a differential alone.
        answer: What was said, or None where it is a differential alone.
        tree: The differential shown with it.
        correction: The correction that it follows from, or None.
        outdated: The correction that put another in its place, or None.
        moved: The correction that changed the differential shown with it, or None.
    """

    conversation: str
    at: Entry
    turn: int
    answer: Answered | Revision | None
    tree: Differential = NOTHING
    correction: int | None = None
    outdated: int | None = None
    moved: int | None = None

    @property
    def run(self) -> str:
        """The id of the answer as a whole, to which a thumb belongs."""
        what = "answer" if self.correction is None else f"revision {self.correction}"
        return message_id(self.conversation, what, self.turn)

    @property
    def stands(self) -> bool:
        """Whether it is not what another was put in place of."""
        return self.outdated is None and (self.answer is not None or self.moved is None)

    @property
    def message(self) -> str:
        """The id of its words on the page."""
        return message_id(self.run, "words", 0)

    @property
    def rests_on(self) -> list[str]:
        """Ids of the evidence that it and its differential rest on, in order."""
        claims = self.answer.claims if self.answer is not None else ()
        of_claims = [one for claim in claims for one in claim.evidence]
        of_trees = [leaf for candidate in self.tree.candidates for leaf in candidate.tree.leaves]
        return list(dict.fromkeys([*of_claims, *of_trees]))


def said(conversation: str, entries: Iterable[Entry]) -> list[Said]:
    """Everything of this kind that a record holds, in order, each as it stands at the record's end."""
    found: list[Said] = []
    tree = NOTHING
    given: dict[int, Differential] = {}
    for at in entries:
        match event := at.event:
            case Differentiated():
                tree = given[event.turn] = event.differential
            case Answered():
                found.append(Said(conversation, at, event.turn, event, given.get(event.turn, NOTHING)))
            case Revised():
                changed = event.differential is not None
                tree = tree if event.differential is None else event.differential
                turns = {revision.turn for revision in event.answers}
                found = [_after(one, event.number, one.turn in turns, changed) for one in found]
                found += _following(conversation, at, event, tree)
            case _:
                pass
    return found


def _after(one: Said, number: int, replaced: bool, changed: bool) -> Said:
    """An answer as a later correction leaves it: what no longer stands is said to, and no old tree is shown."""
    if one.outdated is not None:
        return one
    if replaced:
        return replace(one, outdated=number, tree=NOTHING, moved=None)
    shows_it = one.tree != NOTHING or one.answer is None
    return replace(one, moved=number, tree=NOTHING) if changed and shows_it and one.moved is None else one


def _following(conversation: str, at: Entry, event: Revised, tree: Differential) -> list[Said]:
    """What a correction brings: its answers, the differential with the last of them, or by itself."""
    new = [Said(conversation, at, revision.turn, revision, correction=event.number) for revision in event.answers]
    if new:
        return [*new[:-1], replace(new[-1], tree=tree)]
    alone = Said(conversation, at, 0, None, tree, correction=event.number)
    return [alone] if event.differential is not None else []


def content(one: Said, standing: Standing) -> str:
    """Its words, as Markdown."""
    record = words.Record(one.conversation, one.at.hash, one.correction)
    if one.answer is None:
        return words.differential_alone(one.tree, standing.evidence, record, moved=one.moved)
    return words.answer(standing.evidence, one.answer, record, one.tree, outdated=one.outdated, moved=one.moved)
