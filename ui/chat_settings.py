"""What a person may choose on the page before files are opened."""

from dataclasses import dataclass, field
from typing import Any, Literal, cast

from pydantic import ValidationError

from knowledge.case import Modality, Patient

UNSTATED = "as the files say"
UNSAID = "not stated"
SEXES = (UNSAID, "female", "male", "other")
_MM = (1e-4, 1000.0)
_LONGEST = 4000


@dataclass(frozen=True)
class Choices:
    """How files are read and who reasons.

    Attributes:
        spacing: Pixel size (x, y) in mm where the files give none, or None.
        patient: What the patient panel says.
        labs: Laboratory values as they were typed there.
    """

    reasoner: str = "protocol"
    modality: Modality | None = None
    spacing: tuple[float, float] | None = None
    patient: Patient = field(default_factory=Patient)
    labs: str = ""

    @classmethod
    def of(cls, settings: dict[str, Any], reasoner: str) -> "Choices":
        """Read the page's settings.

        Raises:
            ValueError: One of them cannot be used; the message says which and why.
        """
        code = str(settings.get("modality") or UNSTATED)
        modality = None if code == UNSTATED else Modality(code)
        spacing = str(settings.get("spacing") or "").strip()
        labs = _words(settings, "labs")
        return cls(
            str(settings.get("reasoner") or reasoner),
            modality,
            _spacing(spacing) if spacing else None,
            _patient(settings),
            labs,
        )

    def recorded(self) -> dict[str, Any]:
        """As the trace keeps them."""
        return {"spacing": self.spacing, "modality": self.modality.value if self.modality else None}


def _words(settings: dict[str, Any], name: str) -> str:
    text = str(settings.get(name) or "").strip()
    if len(text) > _LONGEST:
        raise ValueError(f"{name} has at most {_LONGEST} characters, not {len(text)}.")
    return text


def _patient(settings: dict[str, Any]) -> Patient:
    sex = str(settings.get("sex") or UNSAID)
    try:
        return Patient(
            age_years=_age(settings.get("age")),
            sex=None if sex == UNSAID else cast(Literal["female", "male", "other"], sex),
            complaint=_words(settings, "complaint") or None,
            history=_words(settings, "history") or None,
        )
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        raise ValueError(f"{str(fault['loc'][0]).removesuffix('_years')}: {fault['msg']}.") from None


def _age(given: Any) -> float | None:
    text = str(given if given is not None else "").strip().lower().removesuffix("years").strip().replace(",", ".")
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"The age is a number of years such as 61, not {given!r}.") from None


def _spacing(text: str) -> tuple[float, float]:
    parts = text.replace(" ", "").split(",")
    try:
        sizes = [float(part) for part in parts]
    except ValueError:
        sizes = []
    if len(sizes) == 1:
        sizes *= 2
    if len(sizes) != 2 or not all(_MM[0] <= size <= _MM[1] for size in sizes):
        raise ValueError(f"The pixel spacing is two sizes in mm such as 0.2, 0.2, not {text!r}.")
    return sizes[0], sizes[1]


def modalities() -> list[str]:
    """What may be chosen as modality."""
    return [UNSTATED, *(code.value for code in Modality if code is not Modality.UNKNOWN)]
