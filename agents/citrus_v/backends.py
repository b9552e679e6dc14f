"""Citrus-V as those who see: outlines and boxes of offered targets.

The classes fulfil the tools' `Segmenter` and `Grounder` by their shape alone.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from agents.citrus_v.abilities import Abilities, Ability
from agents.citrus_v.boxes import read_boxes
from agents.citrus_v.doubt import DoubtedMask, doubt, spread, sure, variants
from agents.citrus_v.files import fingerprint
from agents.citrus_v.instances import told_apart
from agents.citrus_v.masks import DrawnMask
from agents.citrus_v.offered import OFFERED, Offer, display_for, reliability
from agents.citrus_v.reader import CannotRead, Reader, Reply, Turn
from agents.citrus_v.slices import SliceView, Values, coarse, neighbours
from knowledge.case import Image
from knowledge.evidence import Confidence, Side

SEGMENT = "Please help segment the {target} in this scan."
GROUND = "Please locate the {target} in this image and give its bounding box as bbox_2d in JSON."

_MASK_TOKENS = 64
_BOX_TOKENS = 256

_MARK = "mean probability of its outline times that of the mark in its middle; not calibrated"
_DISC = "mean probability of its outline times the share of a disc of the usual size that it fills; not calibrated"
_RIGHT = "share of right boxes to expect at such a score, from held-out pictures"


class Answering(Protocol):
    """Who is asked: `Reader` in this process, or `ServerReader`."""

    def read(self, turns: Sequence[Turn], max_new_tokens: int) -> list[Reply]:
        """Answer every turn, none knowing of another."""

    def resized(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) of the grid on which boxes are written."""


@dataclass(frozen=True)
class Outline:
    """One target's mask on the grid of the volume, or the word that it is not there.

    Attributes:
        mask: (slices, rows, columns), or None where the target was not found.
        searched: Where and by what rule it was looked for.
        scores: "iou", "object_score" and "stability": the lowest over the slices of the mask. In a
            volume also of each slice, such as "iou@12".
    """

    target: str
    mask: NDArray[np.bool_] | None
    searched: str
    side: Side | None = None
    confidence: Confidence | None = None
    scores: dict[str, float] = field(default_factory=dict)
    caveats: tuple[str, ...] = ()


@dataclass(frozen=True)
class LocatedBox:
    """One box, (x0, y0, x1, y1) half open in the image's own pixels, on slices [start, stop)."""

    target: str
    box: tuple[float, float, float, float]
    slices: tuple[int, int] = (0, 1)
    side: Side | None = None
    confidence: Confidence | None = None
    caveats: tuple[str, ...] = ()


def open_backends(folder: str | os.PathLike[str], **kwargs: Any) -> tuple["CitrusVSegmenter", "CitrusVGrounder"]:
    """Open a checkpoint once for both; `kwargs` are those of `Reader.from_pretrained`.

    Their version is the fingerprint of the weights, which takes seconds to read at 8B.
    """
    reader = Reader.from_pretrained(folder, **kwargs)
    version = fingerprint(Path(folder))[:12]
    return CitrusVSegmenter(reader, version), CitrusVGrounder(reader, version)


class CitrusVSegmenter:
    """Outlines by mask; a volume slice by slice, after the slices that show the target were found.

    Args:
        reader: Who is asked.
        version: Names the weights.
        batch: Slices asked about at once.
        candidates: Slices of a volume that are asked about first; around those that show the
            target the rest follow.
        progress: Told (slices done, slices known to need asking) after each batch.
        abilities: What the checkpoint was measured to do; without them it is offered for what the
            published model knows, and its confidence is not calibrated.
    """

    def __init__(
        self,
        reader: Answering,
        version: str,
        *,
        batch: int = 8,
        candidates: int = 32,
        progress: Callable[[int, int], None] | None = None,
        abilities: Abilities | None = None,
    ) -> None:
        self.name = abilities.name if abilities else "citrus-v"
        self.version = version
        self.reader = reader
        self.abilities = abilities
        self.batch = batch
        self.candidates = candidates
        self.progress = progress

    def targets(self) -> Sequence[Offer]:
        """What it is offered for."""
        return self.abilities.offers if self.abilities else OFFERED

    def segment(self, image: Image, volume: Values, targets: Sequence[str]) -> Sequence[Outline]:
        """One result for each of `targets`, in order; each slice is a short conversation of its own.

        Raises:
            CannotRead: The picture's sides differ too much for the model, or it is not sure enough of a mask.
        """
        return [self._segment(image, volume, target) for target in targets]

    def _segment(self, image: Image, volume: Values, target: str) -> Outline:
        view = SliceView(image, volume, display_for(target))
        asked = coarse(len(view), self.candidates)
        drawn = self._draw(view, asked, target, done=0)
        hits = [index for index in asked if drawn[index]]
        # Nothing is called absent from a sample: without a hit every slice is asked.
        rest = neighbours(hits, asked, len(view)) if hits else sorted(set(range(len(view))) - set(asked))
        drawn |= self._draw(view, rest, target, done=len(asked))
        searched = f"{_extent(image, len(drawn), len(view))}, by {self.name} {self.version}: {SEGMENT}"
        searched = searched.format(target=target)
        ability = self.abilities.find(target) if self.abilities else None
        caveats: tuple[str, ...] = (ability.measured if ability else reliability(image.modality),)
        if len(drawn) < len(view):
            caveats += (f"only {len(drawn)} of {len(view)} slices were asked about; a part on another is not outlined",)
        kept = {index: masks for index, masks in sorted(drawn.items()) if masks}
        if not kept:
            return Outline(target, None, searched, caveats=caveats)
        joined = np.zeros((len(view), *view.plane), dtype=np.bool_)
        for index, masks in kept.items():
            for mask in masks:
                joined[index] |= mask.mask
        scores = _scores({index: [mask.scores for mask in masks] for index, masks in kept.items()}, len(view))
        confidence = None
        if ability is not None:
            doubted = [mask for masks in kept.values() for mask in masks if isinstance(mask, DoubtedMask)]
            confidence = sure(ability, doubted)
            scores |= spread(doubted)
        return Outline(target, joined, searched, confidence=confidence, scores=scores, caveats=caveats)

    def _draw(self, view: SliceView, indices: Sequence[int], target: str, done: int) -> dict[int, list[DrawnMask]]:
        """Masks of each slice, without those that say absent."""
        drawn: dict[int, list[DrawnMask]] = {}
        for start in range(0, len(indices), self.batch):
            some = indices[start : start + self.batch]
            # In a volume most slices show nothing: there SAM 2 waits for the first [SEG].
            words, draws = SEGMENT.format(target=target), len(view) == 1
            turns = [Turn.ask(words, view[index], draws=draws) for index in some]
            replies = _read(self.reader, turns, _MASK_TOKENS, target)
            for index, reply in zip(some, replies, strict=True):
                drawn[index] = [mask for mask in self._masks(reply, view, index, target) if not mask.absent]
            if self.progress is not None:
                self.progress(done + start + len(some), done + len(indices))
        return drawn

    def _masks(self, reply: Reply, view: SliceView, index: int, target: str) -> Sequence[DrawnMask]:
        """The masks of an answer; where the checkpoint was measured, held against changed pictures."""
        ability = self.abilities.find(target) if self.abilities else None
        if ability is None or reply.segments is None or not isinstance(self.reader, Reader):
            return reply.masks
        seen = variants(view[index])
        # A volume has neighbours to be held against; two looks at each slice are enough.
        few = seen if len(view) == 1 else seen[:2]
        return doubt(
            self.reader,
            few,
            reply.segments,
            ability.present_above,
            tiles=ability.tiles,
            room=ability.room,
            convex=ability.convex,
            joined_looks=ability.joined_looks,
        )


class InstanceGrounder:
    """A box for each instance, cut out of the outline of all.

    Args:
        reader: Who is asked.
        version: Names the weights.
        abilities: Say which targets come as instances.
    """

    def __init__(self, reader: Reader, version: str, abilities: Abilities) -> None:
        self.name = f"{abilities.name} instances"
        self.version = version
        self.reader = reader
        self.abilities = abilities

    def targets(self) -> Sequence[Offer]:
        """Single pictures of what comes as instances."""
        return self.abilities.instances

    def ground(self, image: Image, volume: Values, target: str) -> Sequence[LocatedBox]:
        """Every instance of `target`, the surest first; empty where there is none.

        Raises:
            CannotRead: The picture's sides differ too much for the model.
        """
        ability = self.abilities.find(target)
        if ability is None or not ability.comes_as_instances:
            raise CannotRead(f"{target} does not come as instances here.", target=target)
        boxing = ability.boxing
        caveats = () if boxing is None else (boxing.measured,)
        view = SliceView(image, volume, display_for(target))
        found: list[LocatedBox] = []
        for index in range(len(view)):
            picture = view[index]
            names = [name for name in (target, ability.centre) if name is not None]
            turns = [Turn.ask(SEGMENT.format(target=name), picture) for name in names]
            replies = _read(self.reader, turns, _MASK_TOKENS, target)
            segments = [reply.segments[:1] for reply in replies if reply.segments is not None and len(reply.segments)]
            if len(segments) < len(turns):
                continue
            for box, score in told_apart(self.reader, variants(picture), segments, ability.tiles, ability.radius):
                if boxing is None or score >= boxing.above:
                    confidence = _trusted(ability, score)
                    found.append(LocatedBox(target, box, (index, index + 1), confidence=confidence, caveats=caveats))
        return found


def _trusted(ability: Ability, score: float) -> Confidence:
    """How sure a box of that score is, calibrated where the ability can."""
    if ability.boxing is not None and ability.boxing.confidence is not None:
        return Confidence(value=ability.boxing.confidence(score), method=_RIGHT)
    return Confidence(value=min(1.0, score), method=_MARK if ability.radius is None else _DISC)


class CitrusVGrounder:
    """Boxes on single pictures, as the model writes them.

    Args:
        reader: Who is asked.
        version: Names the weights.
    """

    def __init__(self, reader: Answering, version: str) -> None:
        self.name = "citrus-v boxes"
        self.version = version
        self.reader = reader

    def targets(self) -> Sequence[Offer]:
        """What it is offered for: single pictures only."""
        return [offer.model_copy(update={"dimensions": (2,)}) for offer in OFFERED if 2 in offer.dimensions]

    def ground(self, image: Image, volume: Values, target: str) -> Sequence[LocatedBox]:
        """Every box of `target`; empty where the model writes none.

        Raises:
            CannotRead: The model's answer holds boxes, but none that makes sense, or the picture's
                sides differ too much.
        """
        view = SliceView(image, volume, display_for(target))
        boxes: list[LocatedBox] = []
        for index in range(len(view)):
            picture = view[index]
            turn = Turn.ask(GROUND.format(target=target), picture)
            reply = _read(self.reader, [turn], _BOX_TOKENS, target)[0]
            size = picture.height, picture.width
            read = read_boxes(reply.text, self.reader.resized(*size), size)
            if read.refused and not read.found:
                raise CannotRead(f"The model's boxes make no sense: {'; '.join(read.refused)}.", target=target)
            boxes += [LocatedBox(target, found.box, (index, index + 1)) for found in read.found]
        return boxes


def _read(reader: Answering, turns: Sequence[Turn], tokens: int, target: str) -> list[Reply]:
    try:
        return reader.read(turns, tokens)
    except CannotRead as error:
        raise CannotRead(error.reason, target=target) from error
    except ValueError as error:
        raise CannotRead(f"The picture cannot be read: {error}.", target=target) from error


def _extent(image: Image, asked: int, count: int) -> str:
    if count == 1:
        return "the whole image"
    kind = "slices" if image.dimensions == 3 else "frames"
    return f"{asked} of {count} {kind}" if asked < count else f"all {count} {kind}"


def _scores(kept: dict[int, list[dict[str, float]]], count: int) -> dict[str, float]:
    each = [(index, scores) for index, masks in kept.items() for scores in masks]
    names = each[0][1]  # one source draws all masks: they have the same scores
    scores = {name: min(found[name] for _, found in each) for name in names}
    if count > 1:
        for index, found in each:
            for name, value in found.items():
                key = f"{name}@{index}"
                scores[key] = min(value, scores.get(key, 1.0))
    return scores
