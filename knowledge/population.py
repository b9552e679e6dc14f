"""For whom a limit holds, held against what is known of the patient."""

import re
from collections.abc import Callable, Sequence

from knowledge.case import Patient
from knowledge.evidence import Status

_ADULT = frozenset("adult adults".split())
_CHILD = frozenset("child children paediatric pediatric infant infants neonate neonates".split())
_FEMALE = frozenset("woman women female females".split())
_MALE = frozenset("man men male males".split())
_IDLE = frozenset(
    "a all an and any are at for from in is not of on or patient patients people person persons the to who with".split()
)
_WORD = re.compile(r"[a-z][a-z-]*")
_AGE = re.compile(r"(?:aged |ages? )?(\d{1,3}) to (\d{1,3})(?: years)?(?: old)?")
_YOUNGER = re.compile(r"(?:below|under|younger than) (\d{1,3})(?: years)?")
_OLDER = re.compile(
    r"(?:of |aged )?(?:(?:from|over|above|older than) )?(\d{1,3})(?: years)?(?: or older| and older| or more)"
)

GROWN_UP = 18.0
"""Age in years from which a patient is an adult."""


def belongs(population: str, patient: Patient, said: Sequence[str] = ()) -> tuple[Status, str]:
    """Whether the patient is one of a population: met, not met, or open where that is not known.

    Sex and age are the patient's; any other word, as in "adults with lymphoma", must stand in the history,
    the complaint or what was said. Nothing known of the age counts as grown up, with a word that says so.

    Args:
        said: What the clinician or the chart said, in sentences.

    Returns:
        The status, and a reason or a caveat for a reader; empty where there is nothing to say.
    """
    text = population.lower()
    age = patient.age_years
    for pattern, fits in _AGES:
        for match in pattern.finditer(text):
            if age is None:
                return Status.OPEN, f"the limit is for {population}, and the patient's age is not known"
            if not fits(age, [float(number) for number in match.groups()]):
                return Status.NOT_MET, f"the limit is for {population}, and the patient is {age:g} years old"
        text = pattern.sub(" ", text)
    words = set(_WORD.findall(text)) - _IDLE
    if words & _CHILD and not words & _ADULT:
        if age is None:
            return Status.OPEN, f"the limit is for {population}, and the patient's age is not known"
        if age >= GROWN_UP:
            return Status.NOT_MET, f"the limit is for {population}, and the patient is {age:g} years old"
    elif age is not None and age < GROWN_UP and not words & _CHILD:
        return Status.NOT_MET, f"the limit is for {population}, and the patient is {age:g} years old"
    if bool(words & _FEMALE) != bool(words & _MALE):
        wanted = "female" if words & _FEMALE else "male"
        if patient.sex is None:
            return Status.OPEN, f"the limit is for {population}, and the patient's sex is not known"
        if patient.sex != wanted:
            return Status.NOT_MET, f"the limit is for {population}, and the patient is {patient.sex}"
    known = set(_WORD.findall(" ".join([patient.history or "", patient.complaint or "", *said]).lower()))
    missing = words - _ADULT - _CHILD - _FEMALE - _MALE - known
    if missing:
        return Status.OPEN, f"the limit is for {population}, and nothing on record says that the patient is one of them"
    if age is None and words & _ADULT:
        return Status.MET, f"the limit is for {population}; the patient's age is not known"
    return Status.MET, ""


_AGES: tuple[tuple[re.Pattern[str], Callable[[float, list[float]], bool]], ...] = (
    (_AGE, lambda age, ends: ends[0] <= age < ends[1] + 1),
    (_YOUNGER, lambda age, ends: age < ends[0]),
    (_OLDER, lambda age, ends: age >= ends[0]),
)
