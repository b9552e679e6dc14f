"""Words that the report has of its own, and text from the record made safe to print."""

import re

from graphs.closing import NOTICE

INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
"""Control characters, and those that hide or reorder what is read."""

NO_FINDING = "The answers hold no finding on the images."
NO_IMPRESSION = "The record draws no conclusion beyond the findings above."
NO_DIFFERENTIAL = "The record holds no differential."
DRAFT = "Draft for review. Not a diagnosis."
HOW_SORTED = (
    "Every sentence below is one of the record's answers, held against the evidence in brackets before it was shown. "
    "None was written for this report."
)


def visible(text: str) -> str:
    """The text with every invisible or reordering character shown by its code."""
    return INVISIBLE.sub(lambda found: f"[U+{ord(found[0]):04X}]", text.replace("\r\n", "\n"))


def without_notice(answer: str) -> str:
    """An answer without the sentence that ends every one: a report says it on every page."""
    return answer.replace(NOTICE, "").strip()
