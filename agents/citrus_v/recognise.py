"""What kind of picture something is, where no header says: by what the model sees on it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import torch

from agents.citrus_v.abilities import Abilities, Family
from agents.citrus_v.backends import SEGMENT
from agents.citrus_v.offered import SOFT_TISSUE
from agents.citrus_v.pictures import Picture
from agents.citrus_v.processor import Message
from agents.citrus_v.reader import Reader, Turn
from agents.citrus_v.slices import SliceView, Values
from knowledge.case import Image, Modality

OBJECTS_ABOVE = 0.9
"""Probability of the model's words above which they may object to what was seen."""

_TOKENS = 16

_K = TypeVar("_K")


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

    What counts is what is seen: the family whose targets are there stands out from the others by
    their object scores. The model's words only object: where they are sure of another modality,
    nothing is said.

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
        try:
            return self.kind(view[len(view) // 2])
        except ValueError:
            return None

    def kind(self, picture: Picture) -> Recognised | None:
        """What one picture is; None where that is not clear.

        Raises:
            ValueError: The picture's sides differ too much.
        """
        least = self.abilities.recognised_above
        modalities: dict[Modality, float] = {}
        parts: dict[Modality, dict[str | None, float]] = {}
        for family, height in zip(self.abilities.families, self.heights(picture), strict=True):
            modalities[family.modality] = max(height, modalities.get(family.modality, height))
            of = parts.setdefault(family.modality, {})
            of[family.body_part] = max(height, of.get(family.body_part, height))
        modality, probability = _clearest(modalities)
        if probability < least or modalities[modality] < 0:
            return None
        said, sure = self.family(picture)
        if said.modality is not modality and sure >= OBJECTS_ABOVE:
            return None
        part, share = _clearest(parts[modality])
        return Recognised(modality, part if share >= least else None, probability)

    def heights(self, picture: Picture) -> list[float]:
        """For each family the highest object logit among its targets.

        Raises:
            ValueError: The picture's sides differ too much.
        """
        targets = [target for family in self.abilities.families for target in family.targets]
        turns = [Turn.ask(SEGMENT.format(target=target), picture) for target in targets]
        seen: dict[str, float] = {}
        for target, reply in zip(targets, self.reader.read(turns, _TOKENS), strict=True):
            scores = [mask.object_score or 0.0 for mask in reply.masks] or [0.0]
            share = min(max(1e-4, *scores), 1 - 1e-4)
            seen[target] = math.log(share / (1 - share))
        return [max(seen[target] for target in family.targets) for family in self.abilities.families]

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


def _clearest(heights: Mapping[_K, float]) -> tuple[_K, float]:
    """The highest, and its share of all (softmax)."""
    best = max(heights, key=lambda key: heights[key])
    return best, 1 / sum(math.exp(height - heights[best]) for height in heights.values())
