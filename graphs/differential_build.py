"""The differential of a conversation, made from the criteria and appraisals among its evidence alone."""

from collections.abc import Mapping, Sequence

from graphs.differential import Candidate, Claim, Differential, Rule, Step, Tree
from graphs.differential_check import PATIENT, check, necessary, rule_of
from knowledge.case import Case
from knowledge.evidence import Appraisal, Criterion, Evidence, Status

MOST_STEPS = 200
"""Steps of a tree; an appraisal that lists itself would grow without end."""

_HOLDS = {Status.MET: True, Status.NOT_MET: False}
_ORDER = {Status.MET: 0, Status.OPEN: 1, Status.NOT_ASSESSED: 1, Status.NOT_MET: 2}


def differentiate(evidence: Mapping[str, Evidence], case: Case) -> Differential:
    """Every candidate with a sound tree; of one disease, image and side appraised twice, the later.

    Args:
        evidence: Everything that stands, by id.
    """
    joined = {name for item in evidence.values() if isinstance(item, Appraisal) for name in item.of}
    appraisals = {
        (item.image, item.disease, item.side): item
        for item in evidence.values()
        if isinstance(item, Appraisal) and item.id not in joined
    }
    alone = {
        (item.image, item.target, item.side, item.name): item
        for item in evidence.values()
        if isinstance(item, Criterion) and item.id not in joined and item.status is not Status.NOT_ASSESSED
    }
    candidates: list[Candidate] = []
    withheld: list[str] = []
    found: list[Appraisal | Criterion] = [*appraisals.values(), *alone.values()]
    for item in found:
        candidate = _made(item, evidence)
        if candidate is None:
            continue
        faults = check(candidate.tree, evidence, case)
        if faults:
            withheld.append(f"{candidate.disease} ({candidate.evidence}): {'; '.join(map(str, faults))}")
            continue
        needed = necessary(candidate.tree, evidence, case)
        candidates.append(candidate.model_copy(update={"necessary": needed}))
    candidates.sort(key=lambda one: (_ORDER[one.verdict], -one.recall, one.disease, one.side or "", one.image or ""))
    return Differential(candidates=tuple(candidates), withheld=tuple(withheld))


def tree_of(item: Appraisal | Criterion, evidence: Mapping[str, Evidence]) -> Tree | None:
    """The logic tree of a criterion or an appraisal; None where what it rests on no longer stands."""
    candidate = _made(item, evidence)
    return None if candidate is None else candidate.tree


def _made(item: Appraisal | Criterion, evidence: Mapping[str, Evidence]) -> Candidate | None:
    """The candidate, its necessary leaves not yet known; None where what it rests on no longer stands."""
    steps: list[Step] = []
    if not _grow(item, evidence, steps):
        return None
    criteria = [step for step in steps if not step.rule.of_steps]
    disease = item.category if isinstance(item, Criterion) else item.disease
    return _candidate(item, disease, Tree(image=item.image, root="S1", steps=tuple(steps)), criteria)


def _grow(item: Appraisal | Criterion, evidence: Mapping[str, Evidence], steps: list[Step]) -> str | None:
    """Add the step of `item`, and those it rests on, and return its id; None where one no longer stands."""
    identifier = f"S{len(steps) + 1}"
    if isinstance(item, Criterion):
        steps.append(_step(identifier, item))
        return identifier
    if len(steps) >= MOST_STEPS:
        return None
    rule, count = rule_of(item)
    claim = Claim(subject=PATIENT, predicate=item.disease, side=item.side, holds=_HOLDS.get(item.verdict))
    place = len(steps)
    steps.append(Step(id=identifier, rule=rule, claim=claim, premises=(item.id,), count=count))
    below: list[str] = []
    for name in item.of:
        part = evidence.get(name)
        grown = _grow(part, evidence, steps) if isinstance(part, Criterion | Appraisal) else None
        if grown is None:
            return None
        below.append(grown)
    steps[place] = steps[place].model_copy(update={"premises": (item.id, *below)})
    return identifier


def _candidate(item: Appraisal | Criterion, disease: str, tree: Tree, criteria: Sequence[Step]) -> Candidate:
    holds = [step.claim.holds for step in criteria]
    unassessed = [step for step in criteria if step.rule is Rule.NOT_ASSESSED]
    decided = holds.count(True) + holds.count(False)
    return Candidate(
        disease=disease,
        side=item.side,
        image=item.image,
        verdict=item.verdict if isinstance(item, Appraisal) else item.status,
        evidence=item.id,
        met=holds.count(True),
        not_met=holds.count(False),
        open=holds.count(None) - len(unassessed),
        not_assessed=len(unassessed),
        sources=item.sources if isinstance(item, Appraisal) else 1,
        recall=decided / len(criteria),
        necessary=(),
        tree=tree,
    )


def _step(identifier: str, criterion: Criterion) -> Step:
    """A criterion as a step on what it rests on."""
    return Step(
        id=identifier,
        rule=_rule(criterion),
        claim=Claim(
            subject=criterion.target, predicate=criterion.name, side=criterion.side, holds=_HOLDS.get(criterion.status)
        ),
        premises=criterion.of,
        limit=None if criterion.status is Status.NOT_ASSESSED else criterion.limit,
    )


def _rule(criterion: Criterion) -> Rule:
    if criterion.status is Status.NOT_ASSESSED:
        return Rule.NOT_ASSESSED
    if criterion.limit is not None:
        return Rule.BEYOND if criterion.beyond else Rule.LIMIT
    return Rule.NOT_SEEN if criterion.beyond else Rule.SEEN
