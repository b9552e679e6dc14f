"""All passages of a library as its indexes see them, in memory or in a folder."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from knowledge.case import Modality
from knowledge.embedding import DIMENSIONS
from knowledge.facets import Facet
from knowledge.meaning import FLAT_UP_TO, Meaning
from knowledge.terms import VERSION
from knowledge.words import Words


@dataclass(frozen=True)
class Stock:
    """Rows are numbered from 0 in the order of the passages' ids.

    Attributes:
        ids: Of the passages.
        facets: Each once.
        facet_of: Which of them a row has, (n,).
    """

    ids: Sequence[str]
    facets: Sequence[Facet]
    facet_of: NDArray[np.int32]
    meaning: Meaning
    words: Words

    @classmethod
    def build(
        cls, entries: Sequence[tuple[str, Facet, str]], vectors: NDArray[np.float32], flat_up_to: int = FLAT_UP_TO
    ) -> Self:
        """Index passages.

        Args:
            entries: Id, facet and words of each, ordered by id.
            vectors: (n, 384), of length 1.
            flat_up_to: So many are searched exactly.
        """
        numbers: dict[Facet, int] = {}
        facet_of = np.array([numbers.setdefault(facet, len(numbers)) for _, facet, _ in entries], dtype=np.int32)
        return cls(
            ids=[name for name, _, _ in entries],
            facets=list(numbers),
            facet_of=facet_of,
            meaning=Meaning.build(vectors.reshape(len(entries), DIMENSIONS), flat_up_to),
            words=Words.build(words for _, _, words in entries),
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote.

        Raises:
            OSError: A file is not there.
            ValueError: The parts do not fit, or another version of this program wrote them.
        """
        told = json.loads((folder / "rows.json").read_text(encoding="utf-8"))
        if told["version"] != VERSION:
            raise ValueError(f"{folder}: of version {told['version']}")
        stock = cls(
            ids=told["ids"],
            facets=[Facet.read(row) for row in told["facets"]],
            facet_of=np.load(folder / "facets.npy", allow_pickle=False),
            meaning=Meaning.load(folder),
            words=Words.load(folder),
        )
        if not len(stock.ids) == len(stock.facet_of) == len(stock.words) == len(stock.meaning.vectors):
            raise ValueError(f"{folder}: its parts are of different length")
        return stock

    def save(self, folder: Path) -> None:
        """Write everything into `folder`."""
        rows = {
            "version": VERSION,
            "ids": list(self.ids),
            "facets": [[facet.modality, facet.body_part, facet.names] for facet in self.facets],
        }
        (folder / "rows.json").write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
        np.save(folder / "facets.npy", self.facet_of, allow_pickle=False)
        self.meaning.save(folder)
        self.words.save(folder)

    def __len__(self) -> int:
        return len(self.ids)

    def admitted(
        self, modality: Modality | None, body_part: str | None, source: str | None
    ) -> NDArray[np.bool_] | None:
        """Which rows pass the filter, (n,); None where all do."""
        if modality is None and body_part is None and source is None:
            return None
        fits = np.array([facet.fits(modality, body_part, source) for facet in self.facets], dtype=bool)
        return fits[self.facet_of] if len(fits) else np.zeros(0, dtype=bool)
