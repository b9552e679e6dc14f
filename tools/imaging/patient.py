"""Whom a DICOM header speaks of: what may be known, and what only hides in an `Identity`."""

from typing import Literal

from tools.imaging.facts import Facts, items
from tools.imaging.identity import Identity
from tools.imaging.vocabulary import plain

Sex = Literal["female", "male", "other"]

_NAMES = ("PatientName", "OtherPatientNames", "PatientBirthName", "PatientMotherBirthName", "ReferringPhysicianName",
          "PerformingPhysicianName", "PhysiciansOfRecord", "NameOfPhysiciansReadingStudy", "OperatorsName",
          "RequestingPhysician", "ResponsiblePerson")  # fmt: skip
_PHRASES = ("InstitutionName", "InstitutionAddress", "PatientAddress", "InstitutionalDepartmentName",
            "PatientTelephoneNumbers", "MilitaryRank", "StationName")  # fmt: skip
_IDS = ("PatientID", "OtherPatientIDs", "AccessionNumber", "StudyID", "MedicalRecordLocator", "StudyInstanceUID",
        "AdmissionID", "DeviceSerialNumber", "RequestedProcedureID")  # fmt: skip
_AGE_UNITS = {"Y": 1.0, "M": 12.0, "W": 365.25 / 7, "D": 365.25}
_SEXES: dict[str, Sex] = {"F": "female", "M": "male", "O": "other"}


def identify(facts: Facts, identity: Identity) -> None:
    """Hand over what names the patient and those who cared for them."""
    for keyword in _NAMES:
        for item in items(facts.raw(keyword)):
            identity.add_name(str(item))
    for keyword in _PHRASES:
        for item in items(facts.raw(keyword)):
            identity.add_phrase(str(item))
    for keyword in _IDS:
        for item in items(facts.raw(keyword)):
            identity.add_id(str(item))
    for item in items(facts.raw("OtherPatientIDsSequence")):
        identity.add_id(Facts(item).text("PatientID"))
    identity.add_birth_date(facts.text("PatientBirthDate"))


def sex(facts: Facts) -> Sex | None:
    """Patient's Sex, or None."""
    return _SEXES.get(plain(facts.text("PatientSex")))


def age_years(facts: Facts) -> float | None:
    """Years; above 89 given as 90, as the HIPAA safe harbor asks (45 CFR 164.514(b)(2)(i)(C))."""
    text = plain(facts.text("PatientAge"))
    born, seen = facts.text("PatientBirthDate"), facts.text("StudyDate")
    years = None
    if len(text) == 4 and text[:3].isdigit() and text[3] in _AGE_UNITS:
        years = int(text[:3]) / _AGE_UNITS[text[3]]
    elif len(born) == len(seen) == 8 and (born + seen).isdigit():
        years = int(seen[:4]) - int(born[:4]) - (seen[4:] < born[4:])
    if years is None or not 0 <= years <= 130:
        return None
    return 90.0 if years > 89 else float(years) if years >= 2 and years == int(years) else round(years, 2)
