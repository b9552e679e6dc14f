"""A measurement is held against a limit only where unit, spacing, population and meaning fit."""

import pytest

from knowledge.case import Patient
from knowledge.evidence import TRUNCATED, Measurement, Status
from knowledge.holding import Misfit, hold
from knowledge.population import belongs
from knowledge.quantity import Quantity, SpacingSource, Unit
from knowledge.threshold import Threshold

ADULT = Patient(age_years=50, sex="female")


def measured(
    value: float, low: float | None = None, high: float | None = None, *, target: str = "spleen", name: str = "volume",
    unit: Unit = Unit.ML, caveats: tuple[str, ...] = (),
) -> Measurement:  # fmt: skip
    spacing = SpacingSource.HEADER if unit.physical else SpacingSource.NONE
    quantity = Quantity(name=name, value=value, unit=unit, low=low, high=high, spacing=spacing)
    return Measurement(id="E1", image="I1", target=target, quantity=quantity, caveats=caveats)


def limit(comparison: str = ">", value: float = 300, unit: str = "mL", **more: object) -> Threshold:
    named = {"name": "spleen volume, splenomegaly", "target": ("spleen",), "quantity": ("volume",)} | more
    return Threshold.model_validate({"comparison": comparison, "value": value, "unit": unit} | named)


@pytest.mark.parametrize(
    ("comparison", "value", "status"),
    [
        (">", 300.0, Status.NOT_MET), (">", 300.1, Status.MET), (">=", 300.0, Status.MET), ("<", 300.0, Status.NOT_MET),
        ("<=", 300.0, Status.MET), ("<", 299.0, Status.MET),
    ],
)  # fmt: skip
def test_the_limit_itself_is_on_the_side_that_its_comparison_says(
    comparison: str, value: float, status: Status
) -> None:
    assert hold(measured(value), limit(comparison), ADULT).status is status


@pytest.mark.parametrize(
    ("low", "high", "status"),
    [(290, 310, Status.OPEN), (301, 320, Status.MET), (200, 299, Status.NOT_MET)],
)
def test_an_interval_that_spans_the_limit_leaves_it_open(low: float, high: float, status: Status) -> None:
    held = hold(measured((low + high) / 2, low, high), limit(), ADULT)
    assert held.status is status
    assert bool(held.reason) is (status is Status.OPEN)


@pytest.mark.parametrize(
    ("value", "low", "high", "status"),
    [(5, 4, 6, Status.MET), (5, 1, 6, Status.OPEN), (5, 1, 12, Status.OPEN), (1, 0.5, 1.5, Status.NOT_MET)],
)
def test_a_range_has_two_ends(value: float, low: float, high: float, status: Status) -> None:
    between = limit("between", 3, high=10)
    assert hold(measured(value, low, high), between, ADULT).status is status
    both_outside = hold(measured(5, 1, 12), between, ADULT)
    assert both_outside.status is Status.OPEN


@pytest.mark.parametrize(
    ("measurement", "against", "misfit"),
    [
        (measured(400, target="liver"), limit(), "meaning"),
        (measured(400, name="area", unit=Unit.MM2), limit(), "meaning"),
        (measured(400), limit("=", 300), "meaning"),
        (measured(4000, unit=Unit.PX3), limit(), "spacing"),
        (measured(40, unit=Unit.HU), limit(), "unit"),
        (measured(400, unit=Unit.MM), limit(), "unit"),
        (measured(400, caveats=(TRUNCATED,)), limit(), "field of view"),
        (measured(400), limit(population="men"), "population"),
        (measured(400), limit(population="adults with lymphoma"), "population"),
        (measured(400), limit(population="children"), "population"),
        (measured(400), limit(population="women aged 60 to 79"), "population"),
    ],
)
def test_what_does_not_fit_is_not_assessed(measurement: Measurement, against: Threshold, misfit: Misfit) -> None:
    held = hold(measurement, against, ADULT)
    assert held.status is Status.NOT_ASSESSED
    assert held.misfit == misfit
    assert held.reason


@pytest.mark.parametrize(
    ("value", "unit", "text", "against"),
    [
        (0.31, Unit.ML, "mL", limit(">", 300, "mm3")), (310, Unit.ML, "mL", limit(">", 0.3, "L")),
        (310, Unit.MM, "mm", limit(">", 30, "cm")), (0.009, Unit.MM, "mm", limit(">", 8, "um")),
        (0.51, Unit.ONE, "1", limit(">", 50, "%")), (51, Unit.PERCENT, "%", limit(">", 0.5, "1")),
    ],
)  # fmt: skip
def test_units_of_one_dimension_are_converted(value: float, unit: Unit, text: str, against: Threshold) -> None:
    assert unit.value == text
    assert hold(measured(value, unit=unit), against, ADULT).status is Status.MET


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("spleen volume, splenomegaly", True),
        ("volume of the spleen", True),
        ("spleen length, splenomegaly", False),
        ("volume, large", False),
        ("accessory spleen volume, large", False),
    ],
)
def test_a_limit_that_does_not_say_what_it_is_about_must_be_named_so(name: str, fits: bool) -> None:
    bare = Threshold(name=name, comparison=">", value=300, unit="mL")
    assert (hold(measured(400), bare, ADULT).status is Status.MET) is fits


def test_sides_share_a_limit() -> None:
    kidney = limit(target=("kidney",))
    assert hold(measured(400, target="left kidney"), kidney, ADULT).status is Status.MET


@pytest.mark.parametrize(
    ("population", "patient", "said", "status"),
    [
        ("adults", Patient(age_years=18), (), Status.MET),
        ("adults", Patient(age_years=17.9), (), Status.NOT_MET),
        ("adults", Patient(), (), Status.MET),
        ("men", Patient(age_years=40, sex="male"), (), Status.MET),
        ("men", Patient(age_years=40, sex="female"), (), Status.NOT_MET),
        ("men", Patient(age_years=40), (), Status.OPEN),
        ("men and women", Patient(age_years=40), (), Status.MET),
        ("men aged 20 to 79", Patient(age_years=79.9, sex="male"), (), Status.MET),
        ("men aged 20 to 79", Patient(age_years=80, sex="male"), (), Status.NOT_MET),
        ("men aged 20 to 79", Patient(sex="male"), (), Status.OPEN),
        ("adults of 90 years or older", Patient(age_years=90), (), Status.MET),
        ("adults below 30 years", Patient(age_years=30), (), Status.NOT_MET),
        ("infants", Patient(age_years=0.5), (), Status.MET),
        ("infants", Patient(), (), Status.OPEN),
        ("adults with lymphoma", Patient(age_years=40), (), Status.OPEN),
        ("adults with lymphoma", Patient(age_years=40, history="Hodgkin lymphoma"), (), Status.MET),
        ("adults with lymphoma", Patient(age_years=40), ("The patient has a lymphoma.",), Status.MET),
    ],
)
def test_a_population_is_held_against_what_is_known(
    population: str, patient: Patient, said: tuple[str, ...], status: Status
) -> None:
    found, why = belongs(population, patient, said)
    assert found is status
    assert status is Status.MET or why
