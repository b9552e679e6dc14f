"""What a checkpoint was measured to be able to do: `abilities.json` beside its weights.

A checkpoint without the file is offered for what the published model was trained on, without
calibrated confidence.
"""

import json
from collections.abc import Sequence, Set
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Self

import numpy as np
from pydantic import Field, ValidationError, model_validator

from agents.citrus_v.offered import Offer
from knowledge.case import Modality, Record

FILE = "abilities.json"

ANSWERS_ABOVE = 0.8
"""Share of right answers below which a checkpoint's words about pictures are not asked for."""

Share = Annotated[float, Field(ge=0, le=1)]


class Calibration(Record):
    """A monotone map from the model's own score to what was measured, linear between knots."""

    scores: tuple[float, ...] = Field(min_length=1)
    values: tuple[Share, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if len(self.scores) != len(self.values):
            raise ValueError("a calibration has as many values as scores")
        if any(a > b for column in (self.scores, self.values) for a, b in pairwise(column)):
            raise ValueError("a calibration rises")
        return self

    def __call__(self, score: float) -> float:
        """The measured value for a score; at the ends that of the outermost knot."""
        return float(np.interp(score, self.scores, self.values))


class Boxing(Record):
    """How good the boxes around single instances were on held-out pictures.

    Attributes:
        above: Score from which on a box is given: where precision and recall balance best (highest F1).
        precision: Share of the given boxes that were right, overlapping a true one by half or more.
        recall: Share of the true boxes that were found.
        pictures: How many were looked at.
        confidence: From a box's score to how often such boxes were right.
    """

    above: Share
    precision: Share
    recall: Share
    pictures: int = Field(ge=1)
    confidence: Calibration | None = None

    @property
    def measured(self) -> str:
        """A sentence for the reader."""
        return (
            f"boxed by a small research model; on {self.pictures} held-out pictures {self.precision:.0%} of such boxes "
            f"matched a marked one, and {self.recall:.0%} of those marked were found"
        )


class Ability(Record):
    """One target that the checkpoint was measured on.

    Attributes:
        offer: The target, and where it can be looked for.
        dice: Mean over held-out pictures on which it is.
        pictures: How many those were.
        present_above: Object score above which the target is said to be there.
        confidence: From the score of a mask to the Dice to expect; None where none was measured.
        abstain_below: A mask whose confidence is lower is not given.
        tiles: Parts a side that a picture is looked at in, for things too small for one look.
        room: Side of a second, closer look over the longer side of what the first found; None for one look.
        convex: Whether it is one thing without dents, whose hull is taken.
        centre: Name of the target whose masks mark the middle of each instance, where instances are told apart.
        joined_looks: How many looks, from the first on, make the outline; all where None. The others only doubt it.
        radius: Usual radius of an instance over the longer side of a picture, where instances are round, of one size
            and in heaps: they are told apart by it, without marks.
        boxing: Which of the boxes around instances are given; all where None.
    """

    offer: Offer
    dice: Share
    pictures: int = Field(ge=1)
    present_above: Share = 0.5
    confidence: Calibration | None = None
    abstain_below: Share = 0.0
    tiles: int = Field(default=1, ge=1, le=4)
    room: float | None = Field(default=None, gt=1)
    convex: bool = False
    joined_looks: int | None = Field(default=None, ge=1)
    centre: str | None = None
    radius: float | None = Field(default=None, gt=0, lt=0.5)
    boxing: Boxing | None = None

    @property
    def comes_as_instances(self) -> bool:
        """Whether it is told apart one by one."""
        return self.centre is not None or self.radius is not None

    @property
    def measured(self) -> str:
        """A sentence for the reader."""
        return (
            f"outlined by a small research model; on {self.pictures} held-out pictures its outlines of the "
            f"{self.offer.name} overlap the truth by a mean Dice of {self.dice:.2f}"
        )


class Family(Record):
    """A kind of picture that the checkpoint recognises.

    Attributes:
        sentence: What the model answers about such a picture.
        targets: Of which at least one is on such a picture.
    """

    sentence: str
    modality: Modality
    body_part: str | None
    targets: tuple[str, ...]


class Option(Record):
    """One answer of a choice, and what is seen where it is right."""

    answer: str
    targets: tuple[str, ...] = Field(min_length=1)


class Choice(Record):
    """A question with a few answers, told apart by which of their targets the checkpoint sees.

    Attributes:
        words: Groups of words; whoever uses one of each group asks this question.
        modalities, body_parts: Of the images that it is answered on; all where empty.
        present_above: Score of what is seen below which there is no answer.
        confidence: From the share of an answer among all to how often it was right.
        right: Share of right answers on held-out pictures.
        pictures: How many those were.
    """

    question: str
    words: tuple[tuple[str, ...], ...]
    options: tuple[Option, ...] = Field(min_length=2)
    modalities: tuple[Modality, ...] = ()
    body_parts: tuple[str, ...] = ()
    present_above: Share = 0.5
    confidence: Calibration
    right: Share
    pictures: int = Field(ge=1)

    def is_asked(self, words: Set[str]) -> bool:
        """Whether a question in these words, in lower case, is this one."""
        return all(words & set(group) for group in self.words)


class Abilities(Record):
    """All of them.

    Attributes:
        name: Of the checkpoint, for traces and readers.
        answers: Share of questions about held-out pictures that its words answer right.
        choices: Questions that it answers by what it sees instead.
        question: To which a family's sentence is the answer.
        recognised_above: Share of a kind among all above which a picture is said to be of it.
    """

    name: str
    targets: tuple[Ability, ...]
    families: tuple[Family, ...] = ()
    answers: Share = 0.0
    choices: tuple[Choice, ...] = ()
    question: str = "What kind of image is this?"
    recognised_above: Share = 0.97

    @classmethod
    def of(cls, folder: Path) -> "Abilities | None":
        """Read a checkpoint's; None where it has none.

        Raises:
            ValueError: The file is not what it should be.
        """
        file = folder / FILE
        if not file.is_file():
            return None
        try:
            return cls.model_validate_json(file.read_bytes())
        except ValidationError as error:
            raise ValueError(f"{file}: {error}") from None

    def write(self, folder: Path) -> None:
        """Write it beside the weights."""
        content = json.dumps(self.model_dump(mode="json"), indent=1, ensure_ascii=False)
        (folder / FILE).write_text(content + "\n", encoding="utf-8")

    def find(self, target: str) -> Ability | None:
        """The ability for a target by its name."""
        return next((one for one in self.targets if one.offer.name == target), None)

    @property
    def speaks(self) -> bool:
        """Whether its words about pictures are right often enough to be asked for."""
        return self.answers >= ANSWERS_ABOVE

    @property
    def offers(self) -> Sequence[Offer]:
        """What it is offered for."""
        return tuple(one.offer for one in self.targets)

    @property
    def instances(self) -> Sequence[Offer]:
        """Of those, what is told apart one by one."""
        return tuple(one.offer.model_copy(update={"several": True}) for one in self.targets if one.comes_as_instances)
