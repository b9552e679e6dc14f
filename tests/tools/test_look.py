"""A question about a picture: the model's words come through as words, and where it is unsure nothing does."""

from pathlib import Path

import pytest

from agents.protocol.conversation import Piece
from agents.protocol.sentences import generic
from graphs.verify import verify
from knowledge.blobs import BlobStore
from knowledge.briefing import evidence_brief
from knowledge.case import Case, Modality
from knowledge.claim import Verdict
from knowledge.evidence import Confidence, Statement
from tests.tools.ct_phantoms import thorax
from tools.backends import Look as Said
from tools.backends import Looker
from tools.look import Look, LookArguments
from tools.tool import Context, Services, ToolRefusal


class Parrot:
    """Says one thing, and remembers where it was to look."""

    name = "parrot"
    version = "1"

    def __init__(self, sure: float = 0.9) -> None:
        self.sure = sure
        self.asked: list[tuple] = []

    def look(self, image, volume, question, slice_index=None, box=None) -> Said:
        self.asked.append((image.id, question, slice_index, box))
        return Said("The tumour is a glioma.", Confidence(value=self.sure, method="its own"))


def context(tmp_path: Path, looker: Looker | None) -> Context:
    phantom = thorax((6.0, 4.0, 4.0))
    image = phantom.image(modality=Modality.CT)
    made = Context(Case(images=(image,)), BlobStore(tmp_path), services=Services(looker=looker))
    made._volumes[image.pixels] = phantom.volume()
    return made


def asked(**more) -> LookArguments:
    return LookArguments(image="I1", question="What kind of tumour is this?", **more)


def test_the_answer_is_a_statement_of_the_model_and_no_fact(tmp_path) -> None:
    parrot = Parrot()
    (said,) = Look().run(asked(slice=3, box=[0, 0, 4, 4]), context(tmp_path, parrot))
    assert isinstance(said, Statement)
    assert said.speaker == "model"
    assert said.text == "The tumour is a glioma."
    assert said.confidence is not None
    assert said.confidence.value == 0.9
    assert "verified by nothing" in said.caveats[0]
    assert said.caveats[1] == "confidence 0.90: its own"
    assert parrot.asked == [("I1", "What kind of tumour is this?", 2, (0, 0, 4, 4))]


def test_the_model_is_quoted_in_an_answer_as_one_who_says_so(tmp_path) -> None:
    made = context(tmp_path, Parrot())
    said = Look().run(asked(), made)[0].model_copy(update={"id": "E1"})
    (sentence,) = generic(Piece("E1", "statement", evidence_brief(said)))
    assert sentence.marked == 'The model says "The tumour is a glioma" [E1].'
    shown = verify(sentence.marked, {"E1": said}, made.case)
    assert not shown.withheld
    bare = verify("The tumour is a glioma [E1].", {"E1": said}, made.case)
    assert [claim.verdict for claim in bare.withheld] == [Verdict.UNSUPPORTED]


def test_an_unsure_answer_is_not_passed_on(tmp_path) -> None:
    with pytest.raises(ToolRefusal, match=r"not sure enough to answer that: its own confidence is 0\.40") as refusal:
        Look().run(asked(), context(tmp_path, Parrot(0.4)))
    assert "glioma" not in str(refusal.value)


def test_without_a_model_it_says_how_to_get_one(tmp_path) -> None:
    with pytest.raises(ToolRefusal, match="CITRUS_MODEL"):
        Look().run(asked(), context(tmp_path, None))


def test_a_slice_that_is_not_there_is_refused(tmp_path) -> None:
    with pytest.raises(ToolRefusal, match=r"I1 has slices 1 to \d+, not 9999"):
        Look().run(asked(slice=9999), context(tmp_path, Parrot()))
