"""A question on what a measurement means, from the pixels to the answer, its logic tree and its replay."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from langchain_core.messages import AIMessage

from agents.protocol import ProtocolReasoner
from graphs.conversation import Conversation, Equipment
from graphs.events import Differentiated, Revised
from graphs.journal import Divergence
from graphs.replay import events_of, replay
from graphs.setup import Bounds, Reasoner
from graphs.trace import Trace, verify_trace
from knowledge.blobs import BlobStore
from knowledge.case import Case, Image, Modality, Origin, Patient
from knowledge.evidence import Appraisal, Criterion, Measurement, Passage, Status
from knowledge.index import Library
from knowledge.quantity import SpacingSource
from tests.graphs.scripted import Scripted, call, home
from tools.backends import Segmentation, Target
from tools.guideline import Guideline
from tools.guideline_criteria import Criteria
from tools.imaging.identity import Identity
from tools.imaging.read import Reading
from tools.imaging.volume import Volume, as_affine, encode_pixels
from tools.measure import Measure
from tools.segment import Segment
from tools.tool import Services

LIBRARY = Library.open()
GRID = (30, 40, 40)
SPACING = (5.0, 4.0, 4.0)


class Spleens:
    """Finds the spleen as everything brighter than zero."""

    name = "spleens"
    version = "1"

    def targets(self) -> Sequence[Target]:
        return (Target(name="spleen", modalities=(Modality.CT,), dimensions=(3,)),)

    def segment(self, image: Image, volume: Volume, targets: Sequence[str]) -> Sequence[Segmentation]:
        return [Segmentation("spleen", volume.array > 0, "all voxels above 0") for _ in targets]


def reading(edge: int, blobs: BlobStore) -> Reading:
    """A CT with a block of `edge` voxels each way: (edge x 5) x (edge x 4) x (edge x 4) mm."""
    array = np.zeros(GRID, np.int16)
    array[5 : 5 + edge, 5 : 5 + edge, 5 : 5 + edge] = 50
    affine = np.diag([SPACING[2], SPACING[1], SPACING[0], 1.0])
    image = Image(
        id="I1", label="a block", format="nifti", modality=Modality.CT, modality_origin=Origin.USER, shape=GRID,
        affine=as_affine(affine), orientation_origin=Origin.HEADER, spacing=SPACING,
        spacing_source=SpacingSource.HEADER, intensity="HU", pixels=blobs.put(encode_pixels(array, affine)),
        content=f"{edge:064d}",
    )  # fmt: skip
    return Reading(Case(patient=Patient(age_years=50), images=(image,)), Identity(), {})


def equipment(model: object) -> Equipment:
    tools = {tool.name: tool for tool in (Segment(), Measure(), Guideline(), Criteria())}
    return Equipment(
        reasoner=lambda blobs: Reasoner("test", model, {}),  # type: ignore[arg-type]
        tools=tools, services=Services(segmenters=(Spleens(),), library=LIBRARY), backends={}, library=None,
        bounds=Bounds(seconds=3600),  # a busy machine must not change the answer
    )  # fmt: skip


def scripted(*replies: AIMessage) -> Equipment:
    return equipment(Scripted(script=list(replies)))


LOOK = (call("segment", image="I1", targets=["spleen"]), call("measure", image="I1", of=["E2"], quantities=["volume"]))


@pytest.fixture
def enlarged(tmp_path: Path) -> Conversation:
    answer = AIMessage("It is done.")
    joined = scripted(*LOOK, call("guideline", image="I1", measurement="E3"), call("criteria", image="I1"), answer)
    with Conversation.start(home(tmp_path), joined, lambda blobs: reading(20, blobs), {}) as conversation:
        conversation.ask("Is the spleen enlarged?")
        return conversation


def test_the_category_rests_on_the_measurement_and_the_passage(enlarged: Conversation) -> None:
    evidence = enlarged.evidence
    criterion = next(item for item in evidence.values() if isinstance(item, Criterion))
    measurement, passage = (evidence[name] for name in criterion.of)
    assert isinstance(measurement, Measurement) and isinstance(passage, Passage)
    assert measurement.quantity.value == pytest.approx(20**3 * 80 / 1000)
    assert passage.card == "spleen-volume-range-ct"
    assert criterion.status is Status.MET and criterion.category == "splenomegaly"
    assert "meets the limit of more than 314.5 mL for splenomegaly" in criterion.text


def test_the_report_has_the_differential_as_trees(enlarged: Conversation) -> None:
    answer = enlarged.turns[-1][1]
    assert answer is not None
    report = enlarged.report(answer)
    candidate = next(one for one in report["differential"] if one["disease"] == "splenomegaly" and one["not_assessed"])
    assert candidate["verdict"] == "met" and candidate["recall"] == 0.5 and candidate["sources"] == 2
    known = {item["id"] for item in report["evidence"]}
    assert set(candidate["necessary"]) <= known

    def leaves(node: object) -> list[str]:
        return [node] if isinstance(node, str) else [leaf for one in node["premises"] for leaf in leaves(one)]  # type: ignore[index]

    assert set(leaves(candidate["tree"])) <= known
    appraisal = next(item for item in enlarged.evidence.values() if isinstance(item, Appraisal))
    assert appraisal.recall == 0.5 and appraisal.verdict is Status.MET


def test_replay_reproduces_the_differential_and_finds_one_that_was_changed(
    enlarged: Conversation, tmp_path: Path
) -> None:
    file = enlarged.trace.file
    verify_trace(file)
    events = events_of(file)
    assert any(isinstance(event, Differentiated) for event in events)
    assert replay(file).steps == len(events)
    with Trace(tmp_path / "forged") as forged:
        for event in events:
            text = event.model_dump_json()
            if isinstance(event, Differentiated):
                text = text.replace('"verdict":"met"', '"verdict":"not met"')
            forged.append(type(event).model_validate_json(text))
    with pytest.raises(Divergence):
        replay(forged.file)


def test_a_conversation_without_criteria_has_no_such_event(tmp_path: Path) -> None:
    with Conversation.start(
        home(tmp_path), scripted(*LOOK, AIMessage("It is done.")), lambda blobs: reading(20, blobs), {}
    ) as conversation:
        report = conversation.report(conversation.ask("How large is it?"))
    assert report["differential"] == []
    assert not any(isinstance(event, Differentiated) for event in events_of(conversation.trace.file))
    assert replay(conversation.trace.file).steps == len(events_of(conversation.trace.file))


def test_a_corrected_measurement_takes_its_category_along(tmp_path: Path) -> None:
    joined = scripted(*LOOK, call("guideline", image="I1", measurement="E3"), AIMessage("It is done."))
    with Conversation.start(home(tmp_path), joined, lambda blobs: reading(20, blobs), {}) as conversation:
        conversation.ask("Is the spleen enlarged?")
        smaller = np.zeros(GRID, bool)
        smaller[5:15, 5:15, 5:15] = True
        conversation.correct("E2", smaller, by="a reader", key=home(tmp_path).signing_key)
        standing = conversation.standing
        old = next(item for item in standing.evidence.values() if isinstance(item, Criterion))
        new = standing.evidence[standing.now(old.id) or ""]
    assert isinstance(new, Criterion) and new.status is Status.NOT_MET
    assert standing.evidence[new.of[0]].quantity.value == pytest.approx(80)  # type: ignore[union-attr]
    # No sentence of the answer rested on it, yet the differential did: the one that stands is on record.
    (revised,) = (event for event in events_of(conversation.trace.file) if isinstance(event, Revised))
    assert not revised.answers
    assert revised.differential is not None
    assert [(one.disease, one.verdict) for one in revised.differential.candidates] == [("splenomegaly", Status.NOT_MET)]
    assert conversation.differential(1) == standing.differential == revised.differential
    assert replay(conversation.trace.file).steps == len(events_of(conversation.trace.file))


@pytest.mark.parametrize(
    ("edge", "question", "said"),
    [
        (20, "Is the spleen enlarged?", "meets the limit of more than 314.5 mL for splenomegaly"),
        (10, "Is that spleen enlarged?", "does not meet the limit of more than 314.5 mL for splenomegaly"),
        (20, "Does the patient have splenomegaly?", "The criteria for splenomegaly are met"),
        (20, "What is the differential diagnosis?", "The criteria for splenomegaly are met"),
    ],
)
def test_the_protocol_reasoner_leaves_the_limit_to_the_tool(
    tmp_path: Path, edge: int, question: str, said: str
) -> None:
    with Conversation.start(
        home(tmp_path), equipment(ProtocolReasoner()), lambda blobs: reading(edge, blobs), {}
    ) as conversation:
        answer = conversation.ask(question)
        report = conversation.report(answer)
    assert said in answer.answer, (answer.answer, answer.withheld)
    assert not answer.withheld
    assert report["differential"][0]["tree"]["holds"] is (edge == 20)
    assert {"guideline", "criteria"} & {step["tool"] for step in report["steps"]}
    assert replay(conversation.trace.file).steps == len(events_of(conversation.trace.file))
