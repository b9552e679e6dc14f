"""What a passage can be filtered by."""

from dataclasses import dataclass
from typing import Any, Self

from knowledge.card import Card
from knowledge.case import Modality
from knowledge.documents.excerpt import Excerpt

CARDS = "cards"
DOCUMENTS = "documents"


@dataclass(frozen=True)
class Facet:
    """Many passages share one.

    Attributes:
        modality: Codes it speaks of; empty means any.
        body_part: The same for DICOM body parts, in lower case.
        names: Of its source in lower case: title, organisation, file; and whether it is of the cards.
    """

    modality: tuple[str, ...]
    body_part: tuple[str, ...]
    names: tuple[str, ...]

    @classmethod
    def of(cls, passage: Card | Excerpt) -> Self:
        """The facet of a passage."""
        source = passage.source
        file = (passage.file,) if isinstance(passage, Excerpt) else ()
        kind = DOCUMENTS if isinstance(passage, Excerpt) else CARDS
        names = (kind, *(name.lower() for name in (source.title, source.organisation, *file)))
        return cls(tuple(code.value for code in passage.modality), passage.body_part, names)

    @classmethod
    def read(cls, row: Any) -> Self:
        """A facet as `row` has it in JSON.

        Raises:
            ValueError: It is none.
        """
        modality, body_part, names = row
        return cls(tuple(map(str, modality)), tuple(map(str, body_part)), tuple(map(str, names)))

    def fits(self, modality: Modality | None, body_part: str | None, source: str | None) -> bool:
        """Whether the passage speaks of these; None leaves it open."""
        return (
            (modality is None or not self.modality or modality.value in self.modality)
            and (body_part is None or not self.body_part or body_part.strip().lower() in self.body_part)
            and (source is None or self._is_from(source.strip().lower()))
        )

    def _is_from(self, source: str) -> bool:
        if source in (CARDS, DOCUMENTS):
            return self.names[0] == source
        return any(source in name for name in self.names[1:])
