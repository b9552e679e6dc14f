"""Short answers about a picture: in the model's own words, or chosen among a few by what it sees there."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from agents.citrus_v.abilities import Choice, Option
from agents.citrus_v.backends import SEGMENT
from agents.citrus_v.doubt import variants
from agents.citrus_v.offered import display_for
from agents.citrus_v.pictures import Picture
from agents.citrus_v.reader import CannotRead, Reader, Turn
from agents.citrus_v.slices import SliceView, Values
from knowledge.case import Image
from knowledge.evidence import Confidence

_LOOK_TOKENS = 128
_MASK_TOKENS = 16

_OWN_ESTIMATE = "probability the model gives its own words, averaged over tokens; not calibrated"
_MEASURED = "share of right answers to expect where the model is as sure as here, from {pictures} held-out pictures"


@dataclass(frozen=True)
class Look:
    """The model's answer to a short question about an image."""

    answer: str
    confidence: Confidence


@dataclass(frozen=True)
class Chosen:
    """Which of a choice's answers the model sees, before it is known how often it is right.

    Attributes:
        share: Odds of that answer among all, in [0, 1]; not calibrated.
        presence: Score in [0, 1] of what is seen of it.
    """

    answer: str
    share: float
    presence: float


def shown(
    image: Image, volume: Values, question: str, slice_index: int | None, box: tuple[int, int, int, int] | None
) -> Picture:
    """One picture of an image, or a region of it.

    Args:
        slice_index: Of a volume; the middle one where None.
        box: (x0, y0, x1, y1) half open; the picture is cut to it. All of it where None.

    Raises:
        CannotRead: The slice or box is not in the image.
    """
    view = SliceView(image, volume, display_for(question))
    index = len(view) // 2 if slice_index is None else slice_index
    if not 0 <= index < len(view):
        raise CannotRead(f"{image.id} has slices 0 to {len(view) - 1}, not {index}.")
    picture = view[index]
    if box is None:
        return picture
    x0, y0, x1, y1 = box
    if not (0 <= x0 < x1 <= picture.width and 0 <= y0 < y1 <= picture.height):
        raise CannotRead(f"The box {list(box)} is not in the {picture.width} x {picture.height} pixels.")
    return Picture.from_array(picture.pixels[y0:y1, x0:x1])


def look(reader: Reader, picture: Picture, question: str, max_new_tokens: int = _LOOK_TOKENS) -> Look:
    """Ask the model in words.

    Raises:
        CannotRead: The picture's sides differ too much.
    """
    chances: list[float] = []

    def likeliest(logits: Tensor, _: Sequence[Sequence[int]]) -> Tensor:
        best, token = torch.log_softmax(logits.float(), dim=-1).max(dim=-1)
        chances.append(float(best[0]))
        return token

    try:
        reply = reader.read([Turn.ask(question, picture)], max_new_tokens, likeliest)[0]
    except ValueError as error:
        raise CannotRead(f"The picture cannot be read: {error}.") from error
    # The step that reads a last [SEG] chooses no word of the answer.
    said = chances[: len(reply.ids)]
    return Look(reply.text.strip(), Confidence(value=math.exp(sum(said) / len(said)), method=_OWN_ESTIMATE))


def choose(reader: Reader, picture: Picture, options: Sequence[Option]) -> Chosen:
    """The answer whose targets the model sees best, on the picture and its variants.

    A thing is seen the better the surer it is to be there and the better its outline is expected to be: on the
    training split that tells tumours apart better than its presence alone.

    Raises:
        CannotRead: The picture's sides differ too much.
    """
    targets = [target for option in options for target in option.targets]
    turns = [Turn.ask(SEGMENT.format(target=target), picture) for target in targets]
    try:
        replies = reader.read(turns, _MASK_TOKENS)
    except ValueError as error:
        raise CannotRead(f"The picture cannot be read: {error}.") from error
    segments = {
        target: reply.segments[:1]
        for target, reply in zip(targets, replies, strict=True)
        if reply.segments is not None and len(reply.segments)
    }
    there, seen = dict.fromkeys(targets, 0.0), dict.fromkeys(targets, 0.0)
    if segments:
        asked = torch.cat(list(segments.values()))
        looks = [reader.decode(variant.picture, asked) for variant in variants(picture)]
        present = torch.stack([look.object_logit.sigmoid() for look in looks])
        overlap = torch.stack([look.best()[1].clamp(0, 1) for look in looks])
        there |= dict(zip(segments, present.mean(dim=0).tolist(), strict=True))
        seen |= dict(zip(segments, (present * overlap).mean(dim=0).tolist(), strict=True))
    odds = [_odds(max(seen[target] for target in option.targets)) for option in options]
    best = max(range(len(odds)), key=lambda index: odds[index])
    chosen = options[best]
    return Chosen(chosen.answer, odds[best] / sum(odds), max(there[target] for target in chosen.targets))


def answer(reader: Reader, picture: Picture, image: Image, choices: Sequence[Choice], question: str) -> Look:
    """Answer one of the questions that the checkpoint was measured on.

    Raises:
        CannotRead: The question is none of them, the image is of another kind, or nothing of it is seen.
    """
    words = set(re.findall(r"[a-z]+", question.lower()))
    choice = next((one for one in choices if one.is_asked(words)), None)
    if choice is None:
        # A question mark would end the sentence in which a reader is told.
        known = " and ".join(f'"{one.question.rstrip("?")}"' for one in choices)
        measured = f"it was measured on {known} only" if known else "its words were wrong too often when measured"
        raise CannotRead(f"The small model does not answer that: {measured}.")
    part = (image.body_part or "").lower()
    fits = not choice.modalities or image.modality in choice.modalities
    if not fits or (choice.body_parts and not any(one in part for one in choice.body_parts)):
        wanted = " or ".join(modality.value for modality in choice.modalities)
        raise CannotRead(
            f"The small model answers that on {wanted} of the {' or '.join(choice.body_parts)} only; "
            f"{image.id} is {image.modality.value}{' of the ' + part if part else ', body part unknown'}."
        )
    found = choose(reader, picture, choice.options)
    if found.presence < choice.present_above:
        raise CannotRead(f"The small model sees nothing on {image.id} that would answer that.")
    confidence = Confidence(value=choice.confidence(found.share), method=_MEASURED.format(pictures=choice.pictures))
    return Look(found.answer, confidence)


def _odds(height: float) -> float:
    kept = min(max(height, 1e-4), 1 - 1e-4)
    return kept / (1 - kept)
