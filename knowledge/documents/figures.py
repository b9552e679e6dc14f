"""Captions of compound figures, split at their panels."""

import re
from dataclasses import dataclass

_MARK = re.compile(r"[(\[]([A-Za-z](?:\s*(?:[,&–—-]|and|to)\s*[A-Za-z]){0,8})[)\]]\s*[:.,]?\s*")
_OPENS = re.compile(r"(?:^|[.;:,])\s*(?:and\s+)?$")
_LETTER = re.compile(r"\b[A-Za-z]\b")


@dataclass(frozen=True)
class Panel:
    """One panel, or several that share their words.

    Attributes:
        letters: As the caption marks it, such as "A" or "B-D"; empty for the whole figure.
    """

    letters: str
    text: str


def split_caption(caption: str) -> list[Panel]:
    """The panels of a caption whose marks, such as (A) or (B-D), lead the words on them.

    What stands before the first mark speaks of all panels and is set before the words of each. A
    caption whose marks are out of order, or follow their words, is not cut: one panel for the whole.

    Args:
        caption: On one line.
    """
    whole = [Panel("", caption)]
    marks = [mark for mark in _MARK.finditer(caption) if _OPENS.search(caption[: mark.start()])]
    letters = [_letters(mark[1]) for mark in marks]
    expected = 0
    leading = []
    for mark, panel in zip(marks, letters, strict=True):
        if panel and panel[0] == expected:
            leading.append(mark)
            expected = panel[-1] + 1
        elif not panel or panel[0] > expected:
            return whole
    if len(leading) < 2:
        return whole
    lead = caption[: leading[0].start()].strip()
    panels = []
    for mark, following in zip(leading, [*leading[1:], None], strict=True):
        words = caption[mark.end() : following.start() if following else None].strip()
        words = re.sub(r"[;,]?\s*(?:and)?$", "", words)
        if not words:
            return whole
        panels.append(Panel(mark[1], f"{lead} {mark[0].strip()} {words}".strip()))
    return panels


def _letters(mark: str) -> list[int]:
    """Places of a mark's letters in the alphabet from 0, a range filled; empty if they do not rise."""
    found = [ord(letter.lower()) - ord("a") for letter in _LETTER.findall(mark)]
    if not found or found != sorted(set(found)):
        return []
    if len(found) == 2 and re.search(r"[–—-]|to", mark):
        return list(range(found[0], found[1] + 1))
    return found if found == list(range(found[0], found[-1] + 1)) else []
