"""Which images of a case a question means."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agents.protocol.intents import Intent
from agents.protocol.kit import Kit
from agents.protocol.request import Request
from agents.protocol.words import stem

_ORDINALS = {"first": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4, "one": 0, "two": 1, "three": 2}
_MODALITY_WORDS = {
    "ct": ("CT",), "mr": ("MR",), "film": ("CR", "DX"), "ultrasound": ("US",), "mammogram": ("MG",), "pet": ("PT",),
    "fundus": ("OP",), "photograph": ("XC", "OP", "ES"), "photo": ("XC",), "endoscopy": ("ES",), "smear": ("SM",),
}  # fmt: skip
_ALL = re.compile(
    r"\b(both|all|each|every) (?:(?:of )?(?:the|these) )?(?:two |three )?(images?|scans?|stud(y|ies)|films?)\b"
)
_SEVERAL = re.compile(r"\b(images|scans|studies|films|pictures|files)\b")


def meant(
    request: Request, words: Sequence[str], before: Request | None, images: Sequence[Mapping[str, Any]], kit: Kit
) -> tuple[str, ...]:
    """Ids of the images that are meant: named ones, else those spoken of before, else the first that suits.

    What has changed is asked of all that suit.

    Args:
        request: What is wanted of them.
        words: The question's mended words.
        before: The question before it.
        images: The image briefs of the case.
    """
    ids = [str(image["id"]) for image in images]
    if len(ids) <= 1:
        return tuple(ids)
    named = [ids[at] for at in _numbered(request.question, words, len(ids))]
    change = request.asks(Intent.CHANGE)
    if named and not (change and len(set(named)) == 1):  # "the last scan" is held against another
        return tuple(dict.fromkeys(named))
    text = " ".join(words)
    if _ALL.search(text) or (request.asks(Intent.PICTURE) and _SEVERAL.search(text)):
        return tuple(ids)
    known = [wanted.name for wanted in request.wanted if wanted.known]
    suiting = [str(image["id"]) for image in images if all(kit.admits(name, image) for name in kit.shown(known, image))]
    if change:
        return tuple(suiting or ids[:1])
    for word, modalities in _MODALITY_WORDS.items():
        if word in map(stem, words):
            of_kind = [str(image["id"]) for image in images if image.get("modality") in modalities]
            if of_kind:
                return tuple(of_kind[:1])
    if before and before.images:
        return before.images
    if request.asks(Intent.PICTURE) and not request.wanted:
        return tuple(ids)
    return tuple((suiting or ids)[:1])


def _numbered(question: str, words: Sequence[str], count: int) -> Iterable[int]:
    """Positions of images that are named by id, number or order."""
    for match in re.finditer(r"\b[iI](\d{1,3})\b|\bimages? (?:no\.? ?)?(\d{1,3})\b", question):
        at = int(match.group(1) or match.group(2)) - 1
        if 0 <= at < count:
            yield at
    for place, word in enumerate(words):
        after = {stem(other) for other in words[place + 1 : place + 3]}
        if after & {"image", "scan", "film", "study", "picture", "series", "one"}:
            if word in _ORDINALS and _ORDINALS[word] < count and word not in ("one", "two", "three"):
                yield _ORDINALS[word]
            elif word == "last":
                yield count - 1
    for place, word in enumerate(words[:-1]):
        if stem(word) == "image" and words[place + 1] in ("one", "two", "three"):
            at = _ORDINALS[words[place + 1]]
            if at < count:
                yield at
