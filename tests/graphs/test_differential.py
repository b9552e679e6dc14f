"""Sound logic trees stand, spoilt ones are rejected, and a conclusion goes with a leaf that it needs."""

from collections import Counter

import pytest

from graphs.differential import Tree, lines, nested
from graphs.differential_build import differentiate, tree_of
from graphs.differential_check import FaultKind, check, necessary, outcome
from knowledge.evidence import Appraisal, Evidence, Status
from tests.graphs.evidence_sets import CASE
from tests.graphs.logic_trees import spoilt, world

SEEDS = range(200)


def test_sound_trees_stand_and_conclude_what_is_true() -> None:
    rejected = []
    for seed in SEEDS:
        made, tree, truth = world(seed)
        if faults := check(tree, made.evidence, CASE):
            rejected.append((seed, faults))
        assert tree.conclusion.holds is truth
        assert outcome(tree, made.evidence, CASE) is truth
    assert len(rejected) <= len(SEEDS) / 100, rejected
    assert not rejected


def test_every_fault_is_caught_for_what_it_is() -> None:
    caught: Counter[FaultKind] = Counter()
    ways: Counter[str] = Counter()
    missed = []
    for seed in SEEDS:
        made, tree, _ = world(seed)
        for wrong in spoilt(made, tree):
            faults = check(wrong.tree, wrong.evidence, CASE)
            caught[wrong.kind] += 1
            ways[wrong.way] += 1
            if wrong.kind not in {fault.kind for fault in faults}:
                missed.append((seed, wrong.way, list(map(str, faults))))
    assert not missed, missed[:5]
    assert all(caught[kind] >= 50 for kind in FaultKind if kind is not FaultKind.MALFORMED), caught
    assert all(count >= 10 for count in ways.values()), ways


def _possible(tree: Tree, name: str, leaf: str) -> set[bool]:
    """Every value a step may have, however what is open and what rests on `leaf` turns out; each step is used once."""
    step = tree.step(name)
    if leaf in step.premises:
        return {True, False}  # an appraisal says how its criteria are joined; without it nobody does
    if not step.rule.of_steps:
        return {True, False} if step.claim.holds is None else {step.claim.holds}
    below = [_possible(tree, one, leaf) for one in step.premises if one.startswith("S")]
    needs = {"any of": 1, "all of": len(below)}.get(step.rule.value, step.count or 0)
    least, most = below.count({True}), sum(True in values for values in below)
    return {truth for truth, can in ((True, most >= needs), (False, least < needs)) if can}


def test_a_conclusion_goes_with_each_leaf_that_it_needs_and_with_no_other() -> None:
    needed = spared = 0
    for seed in range(100):
        made, tree, truth = world(seed)
        if truth is None:
            assert necessary(tree, made.evidence, CASE) == ()
            continue
        needs = necessary(tree, made.evidence, CASE)
        for leaf in tree.leaves:
            without: dict[str, Evidence] = {name: item for name, item in made.evidence.items() if name != leaf}
            stands = outcome(tree, without, CASE)
            assert stands is (truth if _possible(tree, tree.root, leaf) == {truth} else None), (seed, leaf)
            assert (leaf in needs) is (stands is None)
            needed, spared = needed + (stands is None), spared + (stands is not None)
    assert needed > 200 and spared > 200


def test_the_differential_is_made_of_what_stands() -> None:
    made, tree, truth = world(3)
    differential = differentiate(made.evidence, CASE)
    (candidate,) = differential.candidates
    assert candidate.tree == tree and not differential.withheld
    assert candidate.verdict is {True: Status.MET, False: Status.NOT_MET, None: Status.OPEN}[truth]
    assert candidate.necessary == necessary(tree, made.evidence, CASE)
    assert candidate.met + candidate.not_met + candidate.open + candidate.not_assessed == len(
        [step for step in tree.steps if not step.rule.of_steps]
    )
    assert differentiate(dict(list(made.evidence.items())[:-1]), CASE) != differential


def test_a_false_appraisal_makes_no_candidate() -> None:
    made, tree, _ = world(3)
    root = made.evidence[tree.step(tree.root).premises[0]]
    assert isinstance(root, Appraisal)
    told = root.model_dump() | {"met": root.met + root.not_met + root.open + root.not_assessed, "text": ""}
    lie = Appraisal.model_validate(told | {"not_met": 0, "open": 0, "not_assessed": 0})
    found = differentiate(made.evidence | {lie.id: lie}, CASE)
    assert not found.candidates
    assert lie.id in found.withheld[0]


def test_an_appraisal_that_lists_itself_has_no_tree() -> None:
    made, tree, _ = world(3)
    root = made.evidence[tree.step(tree.root).premises[0]]
    assert isinstance(root, Appraisal)
    circle = root.model_copy(update={"of": (root.id, *root.of[1:])})
    assert tree_of(circle, made.evidence | {root.id: circle}) is None


def test_a_tree_is_told_nested_and_in_lines() -> None:
    _, tree, _ = world(3)
    told = nested(tree)
    assert told["step"] == tree.root and told["holds"] is tree.conclusion.holds
    leaves: list[str] = []

    def gather(node: object) -> None:
        if isinstance(node, str):
            leaves.append(node)
        elif isinstance(node, dict):
            for premise in node["premises"]:
                gather(premise)

    gather(told)
    assert sorted(set(leaves)) == sorted(tree.leaves)
    written = list(lines(tree))
    assert len(written) == len(tree.steps) and written[0][0] == 0
    assert all(any(leaf in line for _, line in written) for leaf in tree.leaves)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_tree_is_the_same_when_it_is_written_and_read_again(seed: int) -> None:
    _, tree, _ = world(seed)
    assert Tree.model_validate_json(tree.model_dump_json()) == tree
