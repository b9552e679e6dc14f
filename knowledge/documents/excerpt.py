"""An excerpt: words of a user's document, short enough to be found and quoted whole."""

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from knowledge.card import Prose, Term
from knowledge.case import Modality, Record
from knowledge.evidence import Source
from knowledge.threshold import Threshold


class Excerpt(Record):
    """One passage of a document, as a `Card` is one of the library.

    Attributes:
        id: The document's id and the excerpt's place in it, such as "doc-0123456789ab-00042".
        document: Id of the document.
        file: Its file's own name.
        title: The document's title and the heading it stands under.
        text: Verbatim but for white space, superscripts and characters that cannot be seen.
        locator: File and page, figure, entry or section.
    """

    thresholds: ClassVar[tuple[Threshold, ...]] = ()
    """None: limits that a program compares with come from checked cards only."""

    id: Annotated[str, StringConstraints(pattern=r"^doc-[0-9a-f]{12}-[0-9]{5,7}$")]
    document: str
    file: Prose
    title: Annotated[Prose, StringConstraints(max_length=300)]
    text: Annotated[Prose, StringConstraints(max_length=1200)]
    source: Source
    locator: Prose
    modality: tuple[Modality, ...] = ()
    body_part: tuple[Term, ...] = Field(default=())

    @property
    def words(self) -> str:
        """What is searched: title and text."""
        return f"{self.title}. {self.text}"
