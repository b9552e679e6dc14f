"""Five hundred drafts with one thing wrong are all caught, and five hundred sound ones are shown."""

import random
from collections import Counter

from hypothesis import HealthCheck, Phase, given, settings

from graphs.verify import verify
from tests.graphs.evidence_sets import CASE, Findings, findings, sound
from tests.graphs.mutations import (
    dangling,
    denial_flipped,
    quote_invented,
    quote_misattributed,
    wrong_number,
    wrong_side,
)

KINDS = (wrong_number, wrong_side, denial_flipped, quote_misattributed, quote_invented, dangling)
WORLDS, EACH = 10, 9
"""Made-up conversations, and drafts of each kind in each."""

_WORLDS = settings(
    max_examples=WORLDS,
    phases=(Phase.generate,),
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def drafts(established: Findings, chance: random.Random) -> list[list[str]]:
    """Three to five sentences each; a heading would lend its structure to the sentences after it."""
    sentences = [sentence for sentence in sound(established) if not sentence.startswith(("#", "-", "|"))]
    return [chance.sample(sentences, chance.randint(3, 5)) for _ in range(EACH * len(KINDS))]


def test_five_hundred_sound_drafts_are_shown() -> None:
    chance = random.Random(5)
    tally: Counter[str] = Counter()
    rejected: list[tuple[str, str]] = []

    @_WORLDS
    @given(findings())
    def write(established: Findings) -> None:
        for draft in drafts(established, chance):
            found = verify(" ".join(draft), established.evidence, CASE)
            tally["all"] += 1
            tally["rejected"] += not found.ok
            rejected.extend((claim.text, claim.reason) for claim in found.withheld)

    write()
    assert tally["all"] >= 500
    assert tally["rejected"] <= tally["all"] / 100, rejected


def test_five_hundred_spoilt_drafts_are_caught() -> None:
    chance = random.Random(6)
    caught: Counter[str] = Counter()
    missed: list[tuple[str, str]] = []

    @_WORLDS
    @given(findings())
    def write(established: Findings) -> None:
        sentences = [sentence for sentence in sound(established) if not sentence.startswith(("#", "-", "|"))]
        for kind in KINDS:
            spoilt = [
                (sentence, wrong)
                for sentence in sentences
                for wrong in kind(sentence, established)
                if wrong != sentence
            ]
            for draft in drafts(established, chance)[:EACH]:
                right, wrong = chance.choice(spoilt)
                mixed = [sentence for sentence in draft if sentence != right]
                mixed.insert(chance.randint(0, len(mixed)), wrong)
                found = verify(" ".join(mixed), established.evidence, CASE)
                caught[kind.__name__] += not found.ok
                if found.ok:
                    missed.append((kind.__name__, wrong))

    write()
    assert not missed
    assert sum(caught.values()) >= 500
    assert min(caught[kind.__name__] for kind in KINDS) >= 80, caught
