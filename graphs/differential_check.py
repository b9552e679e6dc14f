"""Whether a logic tree is sound: a deterministic checker, step by step, against the evidence.

Each step is held against its own premises only, so that a fault is told where it stands. Truth has three
values (Kleene): an open premise leaves open what it could decide.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from graphs.differential import Claim, Rule, Step, Tree
from graphs.mentions import sides_of, subject_of
from knowledge.case import Case
from knowledge.evidence import (
    Absence,
    Appraisal,
    Criterion,
    Evidence,
    Mask,
    Measurement,
    Passage,
    Region,
    Side,
    Statement,
    Status,
)
from knowledge.holding import hold

Seen = Mask | Region | Measurement
_SIDED = (Side.LEFT, Side.RIGHT)
_TRUTH = {Status.MET: True, Status.NOT_MET: False}


class FaultKind(StrEnum):
    """What is wrong with a step."""

    CIRCULAR = "circular"
    CONTRADICTORY = "contradictory"
    UNSUPPORTED = "unsupported"
    SIDE_SWAPPED = "side-swapped"
    DANGLING = "dangling"
    MALFORMED = "malformed"


@dataclass(frozen=True)
class Fault:
    """One fault of a tree."""

    kind: FaultKind
    step: str
    reason: str

    def __str__(self) -> str:
        return f"{self.step} is {self.kind.value}: {self.reason}"


Fail = Callable[..., Fault]
"""Makes a fault of a step from a reason and, unless it is unsupported, a kind."""


def check(tree: Tree, evidence: Mapping[str, Evidence], case: Case) -> list[Fault]:
    """Every fault of a tree; empty for a sound one.

    Args:
        evidence: Everything that stands, by id.
        case: Whose limits for men, women or an age apply.
    """
    faults = [*_shape(tree, evidence)]
    if faults:
        return faults
    checker = _Checker(tree, evidence, case)
    for step in tree.steps:
        faults += checker.step(step)
    return [*faults, *_contradictions(tree, evidence)]


def outcome(tree: Tree, evidence: Mapping[str, Evidence], case: Case) -> bool | None:
    """What the root comes to from `evidence` alone, whatever the steps claim; None where it stays open.

    Raises:
        KeyError: A premise is neither a step nor evidence that was there when the tree was checked; a leaf
            that no longer stands leaves open what rests on it.
    """
    return _Checker(tree, evidence, case).outcome(tree.root)


def necessary(tree: Tree, evidence: Mapping[str, Evidence], case: Case) -> tuple[str, ...]:
    """Leaves without which the conclusion of a sound tree is withdrawn; none where it concludes nothing."""
    concluded = tree.conclusion.holds
    if concluded is None:
        return ()
    return tuple(
        leaf
        for leaf in tree.leaves
        if outcome(tree, {name: item for name, item in evidence.items() if name != leaf}, case) is not concluded
    )


def _shape(tree: Tree, evidence: Mapping[str, Evidence]) -> Iterator[Fault]:
    """Faults by which it is no tree at all: those that make the others unreadable."""
    counted = Counter(step.id for step in tree.steps)
    for name, times in counted.items():
        if times > 1 or name in evidence:
            yield Fault(FaultKind.MALFORMED, name, "its name is taken")
    if tree.root not in counted:
        yield Fault(FaultKind.DANGLING, tree.root, "there is no such step")
        return
    steps = {step.id: step for step in tree.steps}
    for step in tree.steps:
        for name in step.premises:
            if name not in steps and name not in evidence:
                yield Fault(FaultKind.DANGLING, step.id, f"it rests on {name}, which is neither a step nor evidence")
    reached, circle = _walk(steps, tree.root)
    if circle:
        yield Fault(FaultKind.CIRCULAR, circle, "it rests on itself")
        return
    for name, times in reached.items():
        if times > 1:
            yield Fault(FaultKind.MALFORMED, name, "it is used more than once")
    for name in steps:
        if name not in reached:
            kind = FaultKind.CIRCULAR if _walk(steps, name)[1] else FaultKind.MALFORMED
            yield Fault(kind, name, "it does not lead to the conclusion")


def _walk(steps: Mapping[str, Step], root: str) -> tuple[Counter[str], str]:
    """How often each step is come to from the root, and a step that rests on itself, if one does."""
    reached: Counter[str] = Counter()
    stack: list[tuple[str, tuple[str, ...]]] = [(root, ())]
    while stack:
        name, above = stack.pop()
        if name in above:
            return reached, name
        reached[name] += 1
        if reached[name] == 1:
            stack += [(premise, (*above, name)) for premise in steps[name].premises if premise in steps]
        elif any(premise in steps for premise in steps[name].premises) and _on_circle(steps, name):
            return reached, name
    return reached, ""


def _on_circle(steps: Mapping[str, Step], start: str) -> bool:
    seen: set[str] = set()
    stack = [name for name in steps[start].premises if name in steps]
    while stack:
        name = stack.pop()
        if name == start:
            return True
        if name not in seen:
            seen.add(name)
            stack += [premise for premise in steps[name].premises if premise in steps]
    return False


class _Checker:
    """Steps of one tree held against one set of evidence."""

    def __init__(self, tree: Tree, evidence: Mapping[str, Evidence], case: Case) -> None:
        self.tree = tree
        self.evidence = evidence
        self.patient = case.patient
        self.steps = {step.id: step for step in tree.steps}
        self.said = tuple(item.text for item in evidence.values() if isinstance(item, Statement))

    def step(self, step: Step) -> Iterator[Fault]:
        """Faults of one step."""

        def fault(reason: str, kind: FaultKind = FaultKind.UNSUPPORTED) -> Fault:
            return Fault(kind, step.id, reason)

        steps = [self.steps[name] for name in step.premises if name in self.steps]
        leaves = [self.evidence[name] for name in step.premises if name in self.evidence]
        for leaf in leaves:
            if leaf.image not in (None, self.tree.image):
                yield fault(f"{leaf.id} is of image {leaf.image}, the tree of {self.tree.image}")
        if len(set(step.premises)) < len(step.premises):
            yield fault("it names a premise twice")
        if bool(steps) != step.rule.of_steps:
            yield fault(f"the rule {step.rule.value!r} rests on {'steps' if step.rule.of_steps else 'evidence'}")
            return
        if steps:
            yield from self._joined(step, steps, leaves, fault)
        elif step.rule is not Rule.NOT_ASSESSED:
            yield from self._grounded(step, leaves, fault)
        came = self._from(step, [other.claim.holds for other in steps], leaves)
        if step.claim.holds is not came:
            yield fault(f"it claims {_TOLD[step.claim.holds]}, and from its premises it is {_TOLD[came]}")

    def _grounded(self, step: Step, leaves: Sequence[Evidence], fault: Fail) -> Iterator[Fault]:
        """A step on evidence: what it is about, which side, and that a passage states it."""
        about = [leaf for leaf in leaves if isinstance(leaf, Seen | Absence)]
        passages = [leaf for leaf in leaves if isinstance(leaf, Passage)]
        if len(about) != 1 or len(passages) != 1 or len(leaves) != 2:
            yield fault("it needs one finding or measurement, and one passage")
            return
        leaf, passage = about[0], passages[0]
        yield from _same_subject(step.claim, leaf, fault)
        if step.rule in (Rule.LIMIT, Rule.BEYOND):
            if not isinstance(leaf, Measurement) or step.limit is None:
                yield fault("a limit needs a measurement")
            elif not any(step.limit.same_limit(stated) for stated in passage.thresholds):
                yield fault(f"{passage.id} does not state the limit {step.limit.name!r} of {step.limit.text()}")
        elif step.limit is not None:
            yield fault("what is seen or not has no limit")

    def _joined(self, step: Step, steps: Sequence[Step], leaves: Sequence[Evidence], fault: Fail) -> Iterator[Fault]:
        """A step on steps: its side is theirs, and it joins what its appraisal lists, as many as that needs."""
        sides = {other.claim.side for other in steps if other.claim.side in (*_SIDED, Side.BOTH)}
        expected = Side.BOTH if len(sides) > 1 else next(iter(sides), None)
        if step.claim.side is not expected:
            yield fault(f"its side is {step.claim.side}, that of its premises {expected}", FaultKind.SIDE_SWAPPED)
        appraisal = leaves[0] if len(leaves) == 1 else None
        if not isinstance(appraisal, Appraisal):
            yield fault("it needs the appraisal that lists its criteria, and no other evidence")
            return
        if appraisal.side is not expected:
            yield fault(f"{appraisal.id} is of the side {appraisal.side}, not {expected}", FaultKind.SIDE_SWAPPED)
        if (step.rule, step.count) != rule_of(appraisal) or step.claim.predicate != appraisal.disease:
            yield fault(f"{appraisal.id} is of {appraisal.disease} and needs {appraisal.needs}")
        listed = Counter(name for place in appraisal.of if (name := _listed(self.evidence.get(place))))
        if listed != Counter((other.claim.subject, other.claim.predicate) for other in steps):
            yield fault(f"it does not join what {appraisal.id} lists")
        holds = [other.claim.holds for other in steps]
        if (appraisal.met, appraisal.not_met) != (holds.count(True), holds.count(False)):
            yield fault(f"{appraisal.id} counts {appraisal.met} met and {appraisal.not_met} not met")
        if appraisal.sources != max(1, len(self._sources(step))):
            yield fault(f"{appraisal.id} counts {appraisal.sources} sources")

    def _sources(self, step: Step) -> set[str]:
        """The publications under a step."""
        found: set[str] = set()
        for name in step.premises:
            item = self.evidence.get(name)
            if name in self.steps:
                found |= self._sources(self.steps[name])
            elif isinstance(item, Passage):
                found.add(item.source.doi or item.source.url or item.card)
        return found

    def _from(self, step: Step, holds: Sequence[bool | None], leaves: Sequence[Evidence]) -> bool | None:
        """What a step comes to from its premises."""
        match step.rule:
            case Rule.ANY:
                return _at_least(1, holds)
            case Rule.ALL:
                return _at_least(len(holds), holds)
            case Rule.AT_LEAST:
                return _at_least(step.count or len(holds), holds)
            case Rule.NOT_ASSESSED:
                return None
        leaf = next((leaf for leaf in leaves if isinstance(leaf, Seen | Absence)), None)
        if leaf is None or not any(isinstance(other, Passage) for other in leaves):
            return None
        if step.rule in (Rule.SEEN, Rule.NOT_SEEN):
            return isinstance(leaf, Absence) is (step.rule is Rule.NOT_SEEN)
        if not isinstance(leaf, Measurement) or step.limit is None:
            return None
        held = _TRUTH.get(hold(leaf, step.limit, self.patient, self.said).status)
        return held if step.rule is Rule.LIMIT else _not(held)

    def outcome(self, name: str) -> bool | None:
        """What a step comes to from the evidence; what no longer stands leaves it open."""
        step = self.steps[name]
        leaves = [self.evidence[premise] for premise in step.premises if premise in self.evidence]
        lost = [premise for premise in step.premises if premise not in self.steps and premise not in self.evidence]
        if lost:
            return None
        if step.rule.of_steps and any(not isinstance(leaf, Appraisal) for leaf in leaves):
            return None
        holds = [self.outcome(premise) for premise in step.premises if premise in self.steps]
        return self._from(step, holds, leaves)


def rule_of(appraisal: Appraisal) -> tuple[Rule, int | None]:
    """The rule that joins an appraisal's criteria, with its number."""
    if isinstance(appraisal.needs, int):
        return Rule.AT_LEAST, appraisal.needs
    return (Rule.ANY if appraisal.needs == "any" else Rule.ALL), None


PATIENT = "the patient"
"""Subject of what is claimed of a disease."""


def _listed(item: Evidence | None) -> tuple[str, str] | None:
    """Subject and predicate of the step for what an appraisal lists."""
    if isinstance(item, Criterion):
        return item.target, item.name
    return (PATIENT, item.disease) if isinstance(item, Appraisal) else None


def _same_subject(claim: Claim, leaf: Mask | Region | Measurement | Absence, fault: Fail) -> Iterator[Fault]:
    own, other = sides_of(claim.side, claim.subject), sides_of(leaf.side, leaf.target)
    named = sides_of(None, claim.subject)
    if own != other or named not in (None, own):
        yield fault(f"it is of the side {own or named}, {leaf.id} of {other}", FaultKind.SIDE_SWAPPED)
    elif claim.side is not leaf.side:
        yield fault(f"its side is {claim.side}, that of {leaf.id} is {leaf.side}", FaultKind.SIDE_SWAPPED)
    if subject_of(claim.subject) != subject_of(leaf.target):
        yield fault(f"it is of the {claim.subject}, {leaf.id} of the {leaf.target}")


def _contradictions(tree: Tree, evidence: Mapping[str, Evidence]) -> Iterator[Fault]:
    """Two steps of which one claims what the other denies, or evidence that denies what other evidence shows."""
    claimed: dict[tuple[object, ...], tuple[str, bool]] = {}
    for step in tree.steps:
        claim = step.claim
        if claim.holds is None:
            continue
        keys: list[tuple[tuple[object, ...], bool]] = [((claim.subject, claim.side, claim.predicate), claim.holds)]
        if step.limit is not None:
            meets = claim.holds is (step.rule is Rule.LIMIT)
            keys.append(((claim.subject, claim.side, step.limit.model_dump_json()), meets))
        for key, holds in keys:
            other = claimed.setdefault(key, (step.id, holds))
            if other[1] is not holds:
                yield Fault(FaultKind.CONTRADICTORY, step.id, f"{other[0]} says the opposite")
    leaves = [evidence[name] for name in tree.leaves]
    for leaf in leaves:
        for other_leaf in leaves:
            if not isinstance(leaf, Absence) or not isinstance(other_leaf, Seen):
                continue
            same = (leaf.target, leaf.side, leaf.image) == (other_leaf.target, other_leaf.side, other_leaf.image)
            if same:
                yield Fault(FaultKind.CONTRADICTORY, tree.root, f"{leaf.id} denies what {other_leaf.id} shows")


def _at_least(count: int, holds: Sequence[bool | None]) -> bool | None:
    if holds.count(True) >= count:
        return True
    return False if len(holds) - holds.count(False) < count else None


def _not(holds: bool | None) -> bool | None:
    return None if holds is None else not holds


_TOLD = {True: "true", False: "false", None: "open"}
