"""The differential as a logic tree: leaves are ids of evidence, steps are named rules.

A tree is written flat, so that what a wrong one says can be written too; `differential_check` tells
a sound tree from a wrong one, `differential_build` makes trees from what a conversation established.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from knowledge.case import Record
from knowledge.evidence import Score, Side, Status
from knowledge.threshold import Threshold


class Rule(StrEnum):
    """How a step follows from its premises.

    The first four rest on evidence: a measurement and a passage with its limit, or what was seen or not,
    with the passage that asks for it. The others rest on steps. `NOT_ASSESSED` concludes nothing.
    """

    LIMIT = "meets the limit"
    BEYOND = "lies beyond the limit"
    SEEN = "is seen"
    NOT_SEEN = "is not seen"
    ANY = "any of"
    ALL = "all of"
    AT_LEAST = "at least"
    NOT_ASSESSED = "not assessed"

    @property
    def of_steps(self) -> bool:
        """Whether its premises are steps."""
        return self in (Rule.ANY, Rule.ALL, Rule.AT_LEAST)


class Claim(Record):
    """What a step concludes: whether `predicate` holds of `subject`; None leaves it open."""

    subject: str
    predicate: str
    side: Side | None = None
    holds: bool | None = None


class Step(Record):
    """One step of a tree.

    Attributes:
        id: "S1", "S2", ... within its tree.
        premises: Ids of steps, or of evidence.
        limit: The limit that a measurement is held against.
        count: How many premises must hold, for `AT_LEAST`.
    """

    id: str
    rule: Rule
    claim: Claim
    premises: tuple[str, ...]
    limit: Threshold | None = None
    count: int | None = None


class Tree(Record):
    """Steps that lead to the claim of one of them, all about one image."""

    image: str | None
    root: str
    steps: tuple[Step, ...]

    @property
    def conclusion(self) -> Claim:
        """The claim of the root.

        Raises:
            KeyError: There is no such step.
        """
        return self.step(self.root).claim

    def step(self, identifier: str) -> Step:
        """The step called `identifier`.

        Raises:
            KeyError: There is none.
        """
        for step in self.steps:
            if step.id == identifier:
                return step
        raise KeyError(identifier)

    @property
    def leaves(self) -> tuple[str, ...]:
        """Ids of evidence that it rests on, each once, in order."""
        own = {step.id for step in self.steps}
        return tuple(dict.fromkeys(name for step in self.steps for name in step.premises if name not in own))


class Candidate(Record):
    """One disease or category, with how far its criteria are met and the tree that shows it.

    Attributes:
        evidence: Id of the appraisal or criterion it was made from.
        recall: Guideline recall: the share of its criteria that the evidence decides.
        necessary: Leaves without which the conclusion is withdrawn.
    """

    disease: str
    side: Side | None = None
    image: str | None
    verdict: Status
    evidence: str
    met: int
    not_met: int
    open: int
    not_assessed: int
    sources: int
    recall: Score
    necessary: tuple[str, ...]
    tree: Tree


class Differential(Record):
    """Candidates, the best supported first; `withheld` says which trees were rejected, and why."""

    candidates: tuple[Candidate, ...] = ()
    withheld: tuple[str, ...] = ()


def nested(tree: Tree, identifier: str | None = None) -> dict[str, Any]:
    """A sound tree as JSON objects within each other, for a reader; leaves are ids of evidence."""
    step = tree.step(identifier or tree.root)
    known = {other.id for other in tree.steps}
    found: dict[str, Any] = {
        "step": step.id,
        "rule": step.rule.value if step.count is None else f"{step.rule.value} {step.count}",
        **step.claim.model_dump(mode="json", exclude_none=True),
        "holds": step.claim.holds,
    }
    if step.limit is not None:
        found["limit"] = step.limit.model_dump(mode="json", exclude_none=True)
    found["premises"] = [nested(tree, name) if name in known else name for name in step.premises]
    return found


def told(differential: Differential) -> list[dict[str, Any]]:
    """The candidates as JSON objects, each with its tree nested."""
    return [
        candidate.model_dump(mode="json", exclude={"tree"}) | {"tree": nested(candidate.tree)}
        for candidate in differential.candidates
    ]


def lines(tree: Tree) -> Iterator[tuple[int, str]]:
    """A sound tree as lines for a reader, each with its depth."""
    yield from _lines(tree, tree.root, 0)


def _lines(tree: Tree, identifier: str, depth: int) -> Iterator[tuple[int, str]]:
    step = tree.step(identifier)
    known = {other.id for other in tree.steps}
    leaves = [name for name in step.premises if name not in known]
    resting = f" [{', '.join(leaves)}]" if leaves else ""
    yield depth, f"{_MARKS[step.claim.holds]} {words(step)}{resting}"
    for name in step.premises:
        if name in known:
            yield from _lines(tree, name, depth + 1)


def words(step: Step) -> str:
    """One step in words."""
    claim, limit = step.claim, "" if step.limit is None else f" of {step.limit.text()}"
    if step.rule.of_steps:
        rule = step.rule.value if step.count is None else f"{step.rule.value} {step.count} of"
        return f"{claim.predicate}: {rule}"
    if step.rule is Rule.NOT_ASSESSED:
        return f"{claim.predicate}: not assessed"
    return f"{claim.predicate}: {claim.subject} {step.rule.value}{limit}"


_MARKS = {True: "✓", False: "✗", None: "?"}
