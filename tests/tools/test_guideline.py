"""The guideline tool says what a measurement means, cites both, and refuses what does not fit."""

from typing import Any

import pytest

from knowledge.blobs import BlobStore
from knowledge.case import Case, Modality, Patient
from knowledge.evidence import (
    TRUNCATED,
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
from knowledge.index import Library
from knowledge.quantity import Quantity, SpacingSource, Unit
from tests.graphs.evidence_sets import BLOB, image
from tools.guideline import Guideline
from tools.guideline_criteria import Criteria
from tools.guideline_limits import passage_of
from tools.tool import Context, Services, ToolRefusal

LIBRARY = Library.open()
CARDS = {card.id: card for card in LIBRARY.cards}
MAN = Patient(age_years=60, sex="male")


def measured(
    target: str, name: str, value: float, unit: Unit, side: Side | None = None, caveats: tuple[str, ...] = ()
) -> Measurement:
    spacing = SpacingSource.HEADER if unit.physical else SpacingSource.NONE
    quantity = Quantity(name=name, value=value, unit=unit, low=value * 0.99, high=value * 1.01, spacing=spacing)
    return Measurement(image="I1", target=target, side=side, quantity=quantity, caveats=caveats)


def context(*items: Evidence, modality: Modality = Modality.CT, patient: Patient = MAN) -> Context:
    filed = {f"E{at}": item.model_copy(update={"id": f"E{at}"}) for at, item in enumerate(items, 1)}
    case = Case(patient=patient, images=(image(modality=modality), image("I2", modality)))
    return Context(case, BlobStore.__new__(BlobStore), filed, Services(library=LIBRARY))


def judge(here: Context, **arguments: Any) -> list[Evidence]:
    tool = Guideline()
    return tool.run(tool.admit({"image": "I1"} | arguments, here), here)


def appraise(here: Context, **arguments: Any) -> list[Evidence]:
    tool = Criteria()
    return tool.run(tool.admit({"image": "I1"} | arguments, here), here)


@pytest.mark.parametrize(
    ("measurement", "modality", "card", "category", "status"),
    [
        (measured("abdominal aorta", "short axis", 34, Unit.MM), Modality.CT, "abdominal-aortic-aneurysm-definition",
         "abdominal aortic aneurysm", Status.MET),
        (measured("abdominal aorta", "short axis", 21, Unit.MM), Modality.CT, "abdominal-aortic-aneurysm-definition",
         "abdominal aortic aneurysm", Status.NOT_MET),
        (measured("abdominal aorta", "short axis", 30.1, Unit.MM), Modality.CT, "abdominal-aortic-aneurysm-definition",
         "abdominal aortic aneurysm", Status.OPEN),
        (measured("spleen", "volume", 400, Unit.ML), Modality.CT, "spleen-volume-range-ct", "splenomegaly", Status.MET),
        (measured("heart", "cardiothoracic ratio", 0.58, Unit.ONE), Modality.DX, "cardiothoracic-ratio-limits",
         "enlarged heart", Status.MET),
        (measured("liver", "mean", 30, Unit.HU), Modality.CT, "hepatic-steatosis-48-hu",
         "moderate to severe hepatic steatosis", Status.MET),
        (measured("left kidney", "3-D diameter", 80, Unit.MM, Side.LEFT), Modality.CT, "kidney-length-normal",
         "abnormal kidney length", Status.MET),
        (measured("trachea", "width", 19, Unit.MM), Modality.CT, "trachea-diameter-normal", "abnormal tracheal width",
         Status.NOT_MET),
        (measured("lymph node", "short axis", 16, Unit.MM), Modality.CT, "recist-1-1-lymph-node", "enlarged lymph node",
         Status.MET),
        (measured("lung nodule", "long axis", 4, Unit.MM), Modality.CT, "fleischner-2017-solid-small",
         "a solid lung nodule that needs follow-up", Status.NOT_MET),
    ],
)  # fmt: skip
def test_a_measurement_falls_into_its_category(
    measurement: Measurement, modality: Modality, card: str, category: str, status: Status
) -> None:
    found = judge(context(measurement, modality=modality), measurement="E1")
    place = next(at for at, item in enumerate(found, 1) if isinstance(item, Passage) and item.card == card)
    criteria = [item for item in found if isinstance(item, Criterion) and item.of == ("E1", f"#{place}")]
    criterion = next(item for item in criteria if item.category == category)
    assert criterion.status is status
    assert criterion.quantity == measurement.quantity and criterion.side is measurement.side


@pytest.mark.parametrize(
    ("measurement", "patient", "reason"),
    [
        (measured("abdominal aorta", "short axis", 34, Unit.PX), MAN, "physical size of a pixel is not known"),
        (measured("spleen", "volume", 400, Unit.ML, None, (TRUNCATED,)), MAN, "cut off by the field of view"),
        (measured("spleen", "volume", 400, Unit.ML), Patient(age_years=4), "4 years old"),
        (measured("main pulmonary artery", "short axis", 31, Unit.MM), Patient(age_years=50), "sex is not known"),
        (measured("aorta", "short axis", 34, Unit.MM), MAN, "No limit of the library is about"),
        (measured("heart", "cardiothoracic ratio", 0.58, Unit.ONE), MAN, "No limit of the library is about"),
    ],
)
def test_what_does_not_fit_is_refused(measurement: Measurement, patient: Patient, reason: str) -> None:
    with pytest.raises(ToolRefusal, match=reason):
        judge(context(measurement, patient=patient), measurement="E1")


def test_a_limit_for_each_sex_is_that_of_the_patient() -> None:
    artery = measured("main pulmonary artery", "short axis", 28, Unit.MM)
    for sex, status in (("male", Status.NOT_MET), ("female", Status.MET)):
        found = judge(context(artery, patient=Patient(age_years=50, sex=sex)), measurement="E1")  # type: ignore[arg-type]
        (criterion,) = (item for item in found if isinstance(item, Criterion))
        assert criterion.status is status and criterion.limit is not None
        assert criterion.limit.population == ("men" if sex == "male" else "women")


def test_a_filed_passage_is_cited_and_not_filed_again() -> None:
    card = CARDS["abdominal-aortic-aneurysm-definition"]
    here = context(measured("abdominal aorta", "short axis", 34, Unit.MM), passage_of(card))
    (criterion,) = judge(here, measurement="E1", passage="E2")
    assert isinstance(criterion, Criterion) and criterion.of == ("E1", "E2")
    name = card.thresholds[0].name
    assert judge(here, measurement="E1", passage="E2", limit=name) == [criterion]
    with pytest.raises(ToolRefusal, match="no limit 'another'"):
        judge(here, measurement="E1", passage="E2", limit="another")


def test_a_passage_that_is_not_the_librarys_is_refused() -> None:
    card = CARDS["abdominal-aortic-aneurysm-definition"]
    limit = card.thresholds[0].model_copy(update={"value": 10.0})
    forged = passage_of(card).model_copy(update={"thresholds": (limit,)})
    here = context(measured("abdominal aorta", "short axis", 34, Unit.MM), forged)
    with pytest.raises(ToolRefusal, match="not those of the library"):
        judge(here, measurement="E1", passage="E2")


def test_only_measurements_of_the_image_are_judged() -> None:
    absence = Absence(image="I1", target="spleen", searched="all slices")
    here = context(measured("spleen", "volume", 400, Unit.ML), absence)
    with pytest.raises(ToolRefusal, match="no measurement"):
        judge(here, measurement="E2")
    with pytest.raises(ToolRefusal, match="not on I2"):
        judge(here, image="I2", measurement="E1")
    with pytest.raises(ToolRefusal, match="no evidence"):
        judge(here, measurement="E9")


def test_a_disease_is_appraised_by_criteria_of_several_sources() -> None:
    here = context(measured("spleen", "volume", 400, Unit.ML))
    found = appraise(here, disease="Enlarged  Spleen")
    passages = [item for item in found if isinstance(item, Passage)]
    criteria = [item for item in found if isinstance(item, Criterion)]
    (appraisal,) = (item for item in found if isinstance(item, Appraisal))
    assert [item.card for item in passages] == ["spleen-volume-range-ct", "splenomegaly-lugano"]
    assert [item.status for item in criteria] == [Status.MET, Status.NOT_ASSESSED]
    assert "was not measured on I1" in criteria[1].reason
    assert (appraisal.met, appraisal.not_assessed, appraisal.recall) == (1, 1, 0.5)
    assert appraisal.verdict is Status.MET and appraisal.sources == 2


def test_what_only_a_reader_sees_stays_open() -> None:
    tumour = Mask(image="I1", target="brain tumour", blob=BLOB, voxels=9, box=(0, 0, 3, 3))
    found = appraise(context(tumour, modality=Modality.MR), disease="meningioma")
    (appraisal,) = (item for item in found if isinstance(item, Appraisal))
    assert appraisal.verdict is Status.OPEN and (appraisal.met, appraisal.not_assessed) == (1, 2)
    none = Absence(image="I1", target="brain tumour", searched="all slices")
    found = appraise(context(none, modality=Modality.MR), disease="meningioma")
    (appraisal,) = (item for item in found if isinstance(item, Appraisal))
    assert appraisal.verdict is Status.NOT_MET


def test_sides_are_appraised_apart() -> None:
    kidneys = (
        measured("left kidney", "3-D diameter", 80, Unit.MM, Side.LEFT),
        measured("right kidney", "3-D diameter", 105, Unit.MM, Side.RIGHT),
    )
    found = appraise(context(*kidneys), disease="small kidney")
    verdicts = {item.side: item.verdict for item in found if isinstance(item, Appraisal)}
    assert verdicts == {Side.LEFT: Status.MET, Side.RIGHT: Status.NOT_MET}


def test_without_a_name_every_disease_is_appraised_that_the_evidence_speaks_to() -> None:
    here = context(measured("spleen", "volume", 400, Unit.ML), measured("liver", "mean", 60, Unit.HU))
    found = appraise(here)
    assert {item.disease: item.verdict for item in found if isinstance(item, Appraisal)} == {
        "splenomegaly": Status.MET,
        "hepatic steatosis": Status.NOT_MET,
    }
    with pytest.raises(ToolRefusal, match="Nothing on record") as told:
        appraise(context())
    assert "splenomegaly" in told.value.known
    with pytest.raises(ToolRefusal, match="no criteria of 'gout'"):
        appraise(here, disease="gout")


def test_a_criterion_cannot_be_made_to_say_otherwise() -> None:
    found = judge(context(measured("spleen", "volume", 400, Unit.ML)), measurement="E1")
    criterion = next(item for item in found if isinstance(item, Criterion))
    with pytest.raises(ValueError, match="the text of a criterion is"):
        Criterion.model_validate(criterion.model_dump() | {"status": "not met"})
