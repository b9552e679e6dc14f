"""What kind of picture something is, where no header says: by the model's words and by what it sees."""

from dataclasses import dataclass

import torch

from agents.citrus_v.abilities import Abilities, Family
from agents.citrus_v.backends import SEGMENT
from agents.citrus_v.offered import SOFT_TISSUE
from agents.citrus_v.pictures import Picture
from agents.citrus_v.processor import Message
from agents.citrus_v.reader import Reader, Turn
from agents.citrus_v.slices import SliceView, Values
from knowledge.case import Image, Modality

_TOKENS = 16


@dataclass(frozen=True)
class Recognised:
    """What the model takes an image for.

    Attributes:
        probability: Among the families it knows; it knows no others.
    """

    modality: Modality
    body_part: str | None
    probability: float


class Recogniser:
    """Tells an image's modality and body part, or says nothing.

    It speaks only where the model's words are sure and at least one of the family's targets is
    seen: a picture of something else rarely has both.

    Args:
        reader: Who is asked.
        version: Names the weights.
        abilities: The families it knows.
    """

    def __init__(self, reader: Reader, version: str, abilities: Abilities) -> None:
        self.name = abilities.name
        self.version = version
        self.reader = reader
        self.abilities = abilities

    def recognise(self, image: Image, volume: Values) -> Recognised | None:
        """What the image is; None where that is not clear or its sides differ too much for the model."""
        view = SliceView(image, volume, SOFT_TISSUE)
        picture = view[len(view) // 2]
        try:
            family, probability = self.family(picture)
            if probability < self.abilities.recognised_above or not self._shows(picture, family):
                return None
        except ValueError:
            return None
        return Recognised(family.modality, family.body_part, probability)

    @torch.inference_mode()
    def family(self, picture: Picture) -> tuple[Family, float]:
        """The family whose sentence the model would sooner say than the others', and its share of all.

        Raises:
            ValueError: The picture's sides differ too much.
        """
        model, processor = self.reader.model, self.reader.processor
        features, grid = self.reader.features(picture)
        asked = processor.encode([Message("user", self.abilities.question, (picture,))], [grid])
        said = [processor.words(family.sentence) for family in self.abilities.families]
        longest = max(len(words) for words in said)
        ids = torch.zeros((len(said), len(asked) + longest), dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, words in enumerate(said):
            line = [*asked, *words]
            ids[row, : len(line)] = torch.tensor(line)
            mask[row, : len(line)] = 1
        device = model.mllm.device
        ids, mask = ids.to(device), mask.to(device)
        grids = torch.tensor([grid] * len(said), device=device)
        positions, _ = model.positions(ids, mask, grids)
        hidden = model.read(model.embed(ids, [features] * len(said)), positions, mask)
        chances = torch.log_softmax(model.predict(hidden[:, len(asked) - 1 : -1]).float(), dim=-1)
        told = chances.gather(2, ids[:, len(asked) :, None])[..., 0] * mask[:, len(asked) :]
        shares = torch.softmax(told.sum(dim=1), dim=0)
        best = int(shares.argmax())
        return self.abilities.families[best], float(shares[best])

    def _shows(self, picture: Picture, family: Family) -> bool:
        """Whether at least one of the family's targets is seen."""
        turns = [Turn.ask(SEGMENT.format(target=target), picture) for target in family.targets]
        for target, reply in zip(family.targets, self.reader.read(turns, _TOKENS), strict=True):
            ability = self.abilities.find(target)
            least = ability.present_above if ability else 0.5
            if any((mask.object_score or 0.0) >= least for mask in reply.masks):
                return True
        return False
