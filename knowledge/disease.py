"""Criteria of diseases as data: which limit of which card, held against what, and how many are needed."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError, model_validator

from knowledge.card import Card, CardError, Prose, Term
from knowledge.case import Modality, Record
from knowledge.threshold import Threshold

DISEASES = Path(__file__).parent / "diseases"
"""The criteria that come with the system."""

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 '/-]*$", max_length=80)]


class DiseaseCriterion(Record):
    """One criterion, as a card states it.

    Attributes:
        name: In words, such as "abdominal aorta of 30 mm or more".
        card: Id of the card that states it.
        limit: Name of the card's limit; where it is there for several populations, the patient's is taken.
        finding: For a criterion without a limit: whether its target is to be there or not. With neither, the
            criterion is one that only a reader can assess.
        target: Names of the structures or findings it is about.
        quantity: Names of the quantities that the limit may be held against.
        beyond: Whether it is met where the limit does not hold, as beyond a normal range.
        category: What follows where it is met; the disease, where nothing is said.
        caveat: What a reader must know before trusting it.
    """

    name: Prose
    card: str
    limit: str | None = None
    finding: Literal["present", "absent"] | None = None
    target: tuple[Term, ...] = ()
    quantity: tuple[Prose, ...] = ()
    beyond: bool = False
    category: Prose | None = None
    caveat: Prose | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.limit is not None and self.finding is not None:
            raise ValueError(f"{self.name!r}: a limit or a finding, not both")
        if self.limit is not None and not (self.target and self.quantity):
            raise ValueError(f"{self.name!r}: a limit needs the targets and quantities it may be held against")
        if self.finding is not None and not self.target:
            raise ValueError(f"{self.name!r}: a finding needs its target")
        return self

    def limits(self, card: Card, disease: str) -> tuple[Threshold, ...]:
        """The card's limits of this name, with what they may be held against and what they mean."""
        return tuple(
            limit.model_copy(
                update={"target": self.target, "quantity": self.quantity, "category": self.category or disease}
            )
            for limit in card.thresholds
            if limit.name == self.limit
        )


class Disease(Record):
    """A disease or a finding with its criteria.

    Attributes:
        modality: Where it can be looked for; empty means any.
        needs: How many criteria must be met: any one, all, or a number.
    """

    name: Name
    synonyms: tuple[Name, ...] = ()
    modality: tuple[Modality, ...] = ()
    needs: Literal["any", "all"] | Annotated[int, Field(ge=1)] = "any"
    criteria: Annotated[tuple[DiseaseCriterion, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [criterion.name for criterion in self.criteria]
        if len(set(names)) < len(names):
            raise ValueError(f"{self.name}: two criteria have one name")
        if isinstance(self.needs, int) and self.needs > len(self.criteria):
            raise ValueError(f"{self.name}: needs {self.needs} of {len(self.criteria)} criteria")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Every name of it, in lower case."""
        return tuple(name.lower() for name in (self.name, *self.synonyms))


_ROWS = TypeAdapter(Annotated[list[Disease], Field(min_length=1)])


def load_diseases(folder: Path = DISEASES) -> tuple[Disease, ...]:
    """The diseases of every `*.json` file in `folder`, ordered by name.

    Raises:
        CardError: A file is not as it should be, or a name is there twice; every fault is named.
    """
    found: dict[str, Disease] = {}
    faults: list[str] = []
    for path in sorted(folder.glob("*.json")):
        try:
            rows = _ROWS.validate_python(json.loads(path.read_text(encoding="utf-8")))
        except ValidationError as error:
            faults += [
                f"{path.name}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}"
                for fault in error.errors(include_url=False)
            ]
            continue
        except (OSError, ValueError, RecursionError) as error:
            faults.append(f"{path.name}: not a list of diseases: {error}")
            continue
        for disease in rows:
            taken = [name for name in disease.names if name in found]
            faults += [f"{path.name}: {disease.name}: the name {name!r} is there already" for name in taken]
            found.update(dict.fromkeys(disease.names, disease))
    if faults:
        raise CardError(faults)
    return tuple(sorted(set(found.values()), key=lambda disease: disease.name.lower()))


def faults_of(diseases: Sequence[Disease], cards: Mapping[str, Card]) -> list[str]:
    """What criteria name and the library does not have: a card, or a limit of it."""
    faults = []
    for disease in diseases:
        for criterion in disease.criteria:
            card = cards.get(criterion.card)
            if card is None:
                faults.append(f"{disease.name}: {criterion.name}: there is no card {criterion.card!r}")
            elif criterion.limit is not None and not criterion.limits(card, disease.name):
                faults.append(f"{disease.name}: {criterion.name}: {card.id} has no limit {criterion.limit!r}")
    return faults
