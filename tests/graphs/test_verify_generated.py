"""Sound sentences about made-up evidence pass, and every way of being wrong about it is caught."""

from collections import Counter

from hypothesis import HealthCheck, Phase, given, settings

from graphs.verify import verify
from tests.graphs.evidence_sets import CASE, Findings, findings, sound
from tests.graphs.mutations import MUTATIONS

_FEW = settings(
    max_examples=6,
    phases=(Phase.generate,),
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


def test_sound_sentences_are_shown() -> None:
    tally: Counter[str] = Counter()
    rejected: list[tuple[str, str]] = []

    @_FEW
    @given(findings())
    def write(established: Findings) -> None:
        for sentence in sound(established):
            found = verify(sentence, established.evidence, CASE)
            tally["all"] += 1
            rejected.extend((sentence, claim.reason) for claim in found.withheld)

    write()
    assert tally["all"] >= 500
    assert len(rejected) <= tally["all"] / 100, rejected


def test_a_whole_answer_stands_when_it_is_read_again() -> None:
    changed: list[tuple[str, str]] = []

    @_FEW
    @given(findings())
    def write(established: Findings) -> None:
        # A heading would lend its structure to the sentences that name none.
        draft = "\n\n".join(sentence for sentence in sound(established) if not sentence.startswith("#"))
        first = verify(draft, established.evidence, CASE)
        again = verify(first.answer, established.evidence, CASE)
        changed.extend((claim.text, claim.reason) for claim in (*first.withheld, *again.withheld))
        if again.answer != first.answer or first.answer != draft:
            changed.append((draft, first.answer))

    write()
    assert not changed


def test_every_mutation_is_caught() -> None:
    caught: Counter[str] = Counter()
    missed: list[tuple[str, str]] = []

    @settings(_FEW, max_examples=3)
    @given(findings())
    def write(established: Findings) -> None:
        for sentence in sound(established):
            for mutation in MUTATIONS:
                for wrong in mutation(sentence, established):
                    if wrong == sentence:
                        continue
                    if verify(wrong, established.evidence, CASE).ok:
                        missed.append((mutation.__name__, wrong))
                    caught[mutation.__name__] += 1

    write()
    assert set(caught) == {mutation.__name__ for mutation in MUTATIONS}
    assert sum(caught.values()) >= 500
    assert not missed
