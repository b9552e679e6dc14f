"""Made-up evidence with sound logic trees over it, and every way to spoil one."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from graphs.differential import Rule, Step, Tree
from graphs.differential_build import tree_of
from graphs.differential_check import FaultKind
from knowledge.evidence import (
    Absence,
    Appraisal,
    Criterion,
    Evidence,
    Mask,
    Measurement,
    Passage,
    Side,
    Status,
)
from knowledge.quantity import Unit
from knowledge.threshold import Threshold
from tests.graphs.evidence_sets import BLOB, measured, passage, quantity

WORDS = (
    "amber basalt cobalt dahlia ember fennel garnet hazel indigo juniper kelp lupin maple nettle ochre poppy".split()
)
PARTS = "gland duct lobe node cyst nodule".split()
HOLDS = {Status.MET: True, Status.NOT_MET: False}
SIDED = (Side.LEFT, Side.RIGHT)


@dataclass
class World:
    """Evidence made one by one, with the truth of each criterion as the maker knows it."""

    chance: random.Random
    evidence: dict[str, Evidence] = field(default_factory=dict)
    truth: dict[str, bool | None] = field(default_factory=dict)

    def file(self, item: Evidence) -> str:
        name = f"E{len(self.evidence) + 1}"
        self.evidence[name] = item.model_copy(update={"id": name})
        return name

    def target(self) -> str:
        used = {getattr(item, "target", "") for item in self.evidence.values()}
        names = [f"{word} {part}" for word in WORDS for part in PARTS]
        return self.chance.choice([name for name in names if not any(name in other for other in used)])

    def criterion(self, side: Side | None) -> str:
        """A criterion of any kind, on evidence of its own."""
        target = f"{side.value} {self.target()}" if side in SIDED else self.target()
        kind = self.chance.choice(("limit", "limit", "beyond", "seen", "not seen", "unassessed"))
        if kind == "unassessed":
            source = self.file(passage("", f"The {target} is looked at by a reader."))
            return self.judged(target, None, Status.NOT_ASSESSED, (source,), kind)
        if kind in ("seen", "not seen"):
            there = self.chance.random() < 0.5
            found: Evidence = Absence(image="I1", target=target, side=side, searched="all slices")
            if there:
                found = Mask(image="I1", target=target, side=side, blob=BLOB, voxels=9, box=(0, 0, 3, 3))
            of = (self.file(found), self.file(passage("", f"The {target} may be seen.")))
            status = Status.MET if there is (kind == "seen") else Status.NOT_MET
            return self.judged(target, side, status, of, kind)
        value, truth = self.chance.uniform(10, 90), self.chance.choice((True, False, True, False, None))
        return self.held(target, side, kind, value, truth)

    def held(self, target: str, side: Side | None, kind: str, value: float, truth: bool | None) -> str:
        """A measurement of `value` against a limit that it meets (True), misses, or spans (None)."""
        above = self.chance.random() < 0.5
        away = 0.0 if truth is None else 5.0 if truth is above else -5.0
        comparison = self.chance.choice((">", ">=") if above else ("<", "<="))
        limit = Threshold(
            name=f"{target}, {kind}", comparison=comparison, value=round(value - away, 2), unit="mm",
            target=(target,), quantity=("long axis",),
        )  # fmt: skip
        of = (
            self.file(measured("", target, quantity("long axis", value, Unit.MM, value - 1, value + 1), side)),
            self.file(passage("", f"The {target} has a limit.", limit)),
        )
        met = {True: Status.MET, False: Status.NOT_MET}.get(truth if kind == "limit" else _turned(truth), Status.OPEN)
        return self.judged(target, side, met, of, kind, limit)

    def judged(
        self,
        target: str,
        side: Side | None,
        status: Status,
        of: tuple[str, ...],
        kind: str,
        limit: Threshold | None = None,
    ) -> str:
        measurement = self.evidence[of[0]]
        name = self.file(
            Criterion(
                image="I1", name=f"{kind} of the {target}", category=f"disease of the {target}", target=target,
                side=side, status=status, limit=limit, beyond=kind in ("beyond", "not seen"), of=of,
                quantity=measurement.quantity if isinstance(measurement, Measurement) else None,
                reason="" if status in HOLDS else "it is open",
            )
        )  # fmt: skip
        self.truth[name] = HOLDS.get(status)
        return name

    def appraisal(self, depth: int, side: Side | None) -> str:
        """Two to four criteria or appraisals joined by a rule."""
        parts = [
            self.appraisal(depth - 1, side)
            if depth and self.chance.random() < 0.4
            else self.criterion(self._side(side))
            for _ in range(self.chance.randint(2, 4))
        ]
        if side is not None and not any(self._sided(part) for part in parts):
            parts.append(self.criterion(self.chance.choice(SIDED) if side is Side.BOTH else side))
        needs = self.chance.choice(("any", "all", self.chance.randint(1, len(parts))))
        holds = [self.truth[part] for part in parts]
        sides = {item.side for part in parts if isinstance(item := self.evidence[part], Criterion | Appraisal)} - {None}
        statuses = [item.status for part in parts if isinstance(item := self.evidence[part], Criterion)]
        name = self.file(
            Appraisal(
                image="I1", disease=f"syndrome {len(self.evidence)}", needs=needs, of=tuple(parts),
                side=Side.BOTH if len(sides) > 1 else next(iter(sides), None),
                met=holds.count(True), not_met=holds.count(False),
                not_assessed=statuses.count(Status.NOT_ASSESSED),
                open=holds.count(None) - statuses.count(Status.NOT_ASSESSED), sources=1,
            )
        )  # fmt: skip
        enough = {"any": 1, "all": len(parts)}.get(str(needs)) or int(needs)
        decided = holds.count(True) >= enough, len(parts) - holds.count(False) < enough
        self.truth[name] = True if decided[0] else False if decided[1] else None
        return name

    def _side(self, side: Side | None) -> Side | None:
        own = self.chance.choice(SIDED) if side is Side.BOTH else side
        return own if self.chance.random() < 0.8 else None

    def _sided(self, name: str) -> bool:
        return getattr(self.evidence[name], "side", None) is not None

    def tree(self, name: str) -> Tree:
        item = self.evidence[name]
        assert isinstance(item, Criterion | Appraisal)
        made = tree_of(item, self.evidence)
        assert made is not None
        return made


def _turned(truth: bool | None) -> bool | None:
    return None if truth is None else not truth


def world(seed: int) -> tuple[World, Tree, bool | None]:
    """A world with one sound tree, and the truth of its conclusion."""
    made = World(random.Random(seed))
    side = made.chance.choice((None, Side.LEFT, Side.RIGHT, Side.BOTH))
    root = made.appraisal(2, side)
    return made, made.tree(root), made.truth[root]


@dataclass(frozen=True)
class Spoilt:
    """A tree that is wrong in one way, over evidence that may have been added to."""

    way: str
    kind: FaultKind
    tree: Tree
    evidence: dict[str, Evidence]


def spoilt(made: World, tree: Tree) -> Iterator[Spoilt]:
    """The tree with one fault, for each kind and each way that it allows."""
    for kind, ways in _WAYS.items():
        for way in ways:
            for wrong, evidence in way(made, tree):
                yield Spoilt(way.__name__, kind, wrong, evidence)


def _with(tree: Tree, step: Step, **changes: object) -> Tree:
    changed = step.model_copy(update=changes)
    return tree.model_copy(update={"steps": tuple(changed if one.id == step.id else one for one in tree.steps)})


def _joins(tree: Tree) -> list[Step]:
    return [step for step in tree.steps if step.rule.of_steps]


def _grounded(tree: Tree, *rules: Rule) -> list[Step]:
    wanted = rules or (Rule.LIMIT, Rule.BEYOND, Rule.SEEN, Rule.NOT_SEEN)
    return [step for step in tree.steps if step.rule in wanted]


Made = Iterator[tuple[Tree, dict[str, Evidence]]]


def rests_on_itself(made: World, tree: Tree) -> Made:
    step = made.chance.choice(_joins(tree))
    yield _with(tree, step, premises=(*step.premises[:-1], step.id)), made.evidence


def rests_on_what_rests_on_it(made: World, tree: Tree) -> Made:
    for step in _joins(tree)[1:2]:
        yield _with(tree, step, premises=(*step.premises[:-1], tree.root)), made.evidence


def two_prove_each_other(made: World, tree: Tree) -> Made:
    claim = tree.conclusion
    pair = (
        Step(id="S901", rule=Rule.ANY, claim=claim, premises=("S902",)),
        Step(id="S902", rule=Rule.ANY, claim=claim, premises=("S901",)),
    )
    yield tree.model_copy(update={"steps": (*tree.steps, *pair)}), made.evidence


def measured_twice(made: World, tree: Tree) -> Made:
    """A second measurement of the same thing meets what the first one misses."""
    for step in _grounded(tree, Rule.LIMIT)[:1]:
        first = made.evidence[step.premises[0]]
        if step.claim.holds is None or not isinstance(first, Measurement) or step.limit is None:
            continue
        above = step.limit.comparison in (">", ">=")
        value = step.limit.value + (9 if above is not step.claim.holds else -9)
        added = replace(made, evidence=dict(made.evidence), truth=dict(made.truth))
        other = added.file(first.model_copy(update={"quantity": quantity("long axis", value, Unit.MM)}))
        status = Status.NOT_MET if step.claim.holds else Status.MET
        yield _joined(added, tree, step, status, (other, step.premises[1]), step.limit)


def shown_and_denied(made: World, tree: Tree) -> Made:
    """A search that found nothing beside the mask that it should have found."""
    for step in _grounded(tree, Rule.SEEN)[:1]:
        found = made.evidence[step.premises[0]]
        if not isinstance(found, Mask):
            continue
        added = replace(made, evidence=dict(made.evidence), truth=dict(made.truth))
        none = added.file(Absence(image="I1", target=found.target, side=found.side, searched="all slices"))
        yield _joined(added, tree, step, Status.NOT_MET, (none, step.premises[1]), None)


def _joined(
    made: World, tree: Tree, step: Step, status: Status, of: tuple[str, ...], limit: Threshold | None
) -> tuple[Tree, dict[str, Evidence]]:
    """An appraisal of a step and of another on other evidence: sound, but for what the two say together."""
    parts = []
    for name, stands, premises in (("first", HOLDS_BACK[step.claim.holds], step.premises), ("second", status, of)):
        kind = "limit" if limit else "seen"
        part = made.judged(step.claim.subject, step.claim.side, stands, premises, f"{name} {kind}", limit)
        parts.append(part)
    name = made.file(
        Appraisal(
            image="I1", disease="quarrel", side=step.claim.side, needs="any", of=tuple(parts), met=1, not_met=1, open=0,
            not_assessed=0, sources=1,
        )
    )  # fmt: skip
    return made.tree(name), made.evidence


HOLDS_BACK = {True: Status.MET, False: Status.NOT_MET, None: Status.OPEN}


def concludes_otherwise(made: World, tree: Tree) -> Made:
    step = made.chance.choice(tree.steps)
    other = made.chance.choice([truth for truth in (True, False, None) if truth is not step.claim.holds])
    yield _with(tree, step, claim=step.claim.model_copy(update={"holds": other})), made.evidence


def another_passage(made: World, tree: Tree) -> Made:
    for step in _grounded(tree, Rule.LIMIT, Rule.BEYOND)[:1]:
        added = dict(made.evidence)
        added["E900"] = passage("E900", "It says nothing of this.")
        yield _with(tree, step, premises=(step.premises[0], "E900")), added


def another_limit(made: World, tree: Tree) -> Made:
    for step in _grounded(tree, Rule.LIMIT, Rule.BEYOND)[:1]:
        assert step.limit is not None
        moved = step.limit.model_copy(update={"value": step.limit.value + 0.5})
        yield _with(tree, step, limit=moved), made.evidence


def another_structure(made: World, tree: Tree) -> Made:
    steps = _grounded(tree, Rule.LIMIT, Rule.BEYOND)
    if len(steps) > 1:
        yield _with(tree, steps[0], premises=(steps[1].premises[0], steps[0].premises[1])), made.evidence


def a_criterion_left_out(made: World, tree: Tree) -> Made:
    for step in _joins(tree):
        leaf = [name for name in step.premises[1:] if not tree.step(name).rule.of_steps]
        if leaf:
            fewer = tuple(name for name in step.premises if name != leaf[0])
            left = tuple(one for one in tree.steps if one.id != leaf[0])
            yield _with(tree.model_copy(update={"steps": left}), step, premises=fewer), made.evidence
            return


def another_rule(made: World, tree: Tree) -> Made:
    step = made.chance.choice(_joins(tree))
    yield _with(tree, step, rule=Rule.ALL if step.rule is Rule.ANY else Rule.ANY, count=None), made.evidence


def no_premise(made: World, tree: Tree) -> Made:
    for step in _grounded(tree)[:1]:
        yield _with(tree, step, premises=()), made.evidence


def known_though_not_assessed(made: World, tree: Tree) -> Made:
    for step in _grounded(tree, Rule.NOT_ASSESSED)[:1]:
        yield _with(tree, step, claim=step.claim.model_copy(update={"holds": True})), made.evidence


def other_image(made: World, tree: Tree) -> Made:
    for step in _grounded(tree)[:1]:
        added = dict(made.evidence)
        added[step.premises[0]] = added[step.premises[0]].model_copy(update={"image": "I2"})
        yield tree, added


OTHER = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT, Side.BOTH: Side.LEFT}


def side_claimed_otherwise(made: World, tree: Tree) -> Made:
    sided = [step for step in tree.steps if step.claim.side is not None]
    if sided:
        step = made.chance.choice(sided)
        assert step.claim.side is not None
        yield _with(tree, step, claim=step.claim.model_copy(update={"side": OTHER[step.claim.side]})), made.evidence


def side_named_otherwise(made: World, tree: Tree) -> Made:
    for step in [step for step in _grounded(tree) if step.claim.side in SIDED][:1]:
        left = step.claim.subject.startswith("left ")
        name = step.claim.subject.removeprefix("left " if left else "right ")
        other = f"{'right' if left else 'left'} {name}"
        yield _with(tree, step, claim=step.claim.model_copy(update={"subject": other})), made.evidence


def other_side_measured(made: World, tree: Tree) -> Made:
    """The other side's mask or measurement in the place of this side's."""
    for step in [step for step in _grounded(tree) if step.claim.side in SIDED][:1]:
        item = made.evidence[step.premises[0]]
        side = OTHER[step.claim.side]  # type: ignore[index]
        name = f"{side.value} {step.claim.subject.split(' ', 1)[1]}"
        added = made.evidence | {"E901": item.model_copy(update={"id": "E901", "side": side, "target": name})}
        yield _with(tree, step, premises=("E901", step.premises[1])), added


def side_made_up(made: World, tree: Tree) -> Made:
    plain = [step for step in tree.steps if step.claim.side is None and step.rule is not Rule.NOT_ASSESSED]
    if plain:
        step = made.chance.choice(plain)
        yield _with(tree, step, claim=step.claim.model_copy(update={"side": Side.LEFT})), made.evidence


def leaf_that_is_not_there(made: World, tree: Tree) -> Made:
    step = made.chance.choice(tree.steps)
    yield _with(tree, step, premises=("E999", *step.premises[1:])), made.evidence


def step_that_is_not_there(made: World, tree: Tree) -> Made:
    step = made.chance.choice(_joins(tree))
    yield _with(tree, step, premises=(*step.premises[:-1], "S999")), made.evidence


def root_that_is_not_there(made: World, tree: Tree) -> Made:
    yield tree.model_copy(update={"root": "S999"}), made.evidence


def evidence_that_was_withdrawn(made: World, tree: Tree) -> Made:
    leaf = made.chance.choice(tree.leaves)
    yield tree, {name: item for name, item in made.evidence.items() if name != leaf}


_WAYS = {
    FaultKind.CIRCULAR: (rests_on_itself, rests_on_what_rests_on_it, two_prove_each_other),
    FaultKind.CONTRADICTORY: (measured_twice, shown_and_denied),
    FaultKind.UNSUPPORTED: (
        concludes_otherwise, another_passage, another_limit, another_structure, a_criterion_left_out, another_rule,
        no_premise, known_though_not_assessed, other_image,
    ),
    FaultKind.SIDE_SWAPPED: (side_claimed_otherwise, side_named_otherwise, other_side_measured, side_made_up),
    FaultKind.DANGLING: (
        leaf_that_is_not_there, step_that_is_not_there, root_that_is_not_there, evidence_that_was_withdrawn,
    ),
}  # fmt: skip


def passages_of(made: World) -> list[Passage]:
    return [item for item in made.evidence.values() if isinstance(item, Passage)]
