"""Rules on sentences that rest on criteria: the criterion must follow, and means what it means of its own target."""

from collections.abc import Iterator

from graphs.assertion import Assertion, Finding, contradicted, unsupported
from graphs.differential_build import tree_of
from graphs.differential_check import check
from graphs.grounds import Ground
from graphs.mentions import Mention
from graphs.reading_words import Word
from knowledge.evidence import Appraisal, Criterion, Passage, Status


def standing_findings(assertion: Assertion) -> Iterator[Finding]:
    """Every cited criterion and appraisal follows, by its logic tree, from the evidence it rests on."""
    evidence = {name: ground.evidence for name, ground in assertion.known.items()}
    for ground in assertion.of(Criterion, Appraisal):
        if not isinstance(ground.evidence, Criterion | Appraisal):
            continue
        tree = tree_of(ground.evidence, evidence)
        faults = ["something it rests on no longer stands"] if tree is None else check(tree, evidence, assertion.case)
        if faults:
            yield contradicted(f"{ground.id} does not follow from what it rests on: {faults[0]}")


def criterion_findings(assertion: Assertion) -> Iterator[Finding]:
    """What may be said in other words: a limit's outcome, with its measurement and its passage cited beside it."""
    for ground in assertion.of(Criterion, Appraisal):
        item = ground.evidence
        if not isinstance(item, Criterion) or item.limit is None or item.status is Status.NOT_ASSESSED:
            text = item.text if isinstance(item, Criterion | Appraisal) else ""
            yield unsupported(f"write {ground.id} word for word: {text}")
            continue
        missing = [name for name in item.of if name not in assertion.sentence.citations]
        if missing:
            yield unsupported(f"cite {', '.join(missing)} beside {ground.id}, which rests on it")
    yield from _attributed(assertion)


def _attributed(assertion: Assertion) -> Iterator[Finding]:
    """What a criterion means is said of the structure that the criterion is about."""
    criteria = [ground for ground in assertion.of(Criterion) if ground.target]
    others = [ground for ground in assertion.grounds if ground not in criteria]
    for word, polarity in assertion.paired():
        bearers = [ground for ground in criteria if word.stem in ground.meaning]
        own = [ground for ground in others if not isinstance(ground.evidence, Passage)]
        if not bearers or any(ground.carries(word.stem, polarity) for ground in own):
            continue
        mention = _nearest(assertion, word)
        about = [ground for ground in bearers if mention is None or ground.speaks_of(mention)]
        if not any(ground.carries(word.stem, polarity) for ground in about):
            yield contradicted(_otherwise(word, about or bearers))


def _nearest(assertion: Assertion, word: Word) -> Mention | None:
    """The structure that a word is said of: the last one named before it, else the first after it."""
    named = [mention for mention in assertion.mentions if mention.subject]
    before = [mention for mention in named if mention.start <= word.start]
    return before[-1] if before else next(iter(named), None)


def _otherwise(word: Word, bearers: list[Ground]) -> str:
    item = bearers[0].evidence
    told = item.text if isinstance(item, Criterion) else ""
    return f"{word.text!r} is not what {bearers[0].id} says: {told}"
