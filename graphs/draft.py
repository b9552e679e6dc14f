"""A draft made safe to show: what is read later is exactly what a person would see.

Order matters: first everything hidden is taken away (entities, invisible characters, thinking,
code, comments, tags, links), then the rest is laid out as blocks. Every step is linear in the
length of the draft.
"""

import html
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

REMOVED = "(link removed)"
"""Stands where a bare address stood."""

_KEPT = frozenset("²³¹⁰⁴⁵⁶⁷⁸⁹⁻⁺")
_PLAIN = {"−": "-", "‐": "-", "‑": "-", "﹣": "-", "⁄": "/", "∕": "/", "„": "“", "‟": "“", "«": "“", "»": "”", "″": '"'}
_LINES = re.compile("\r\n|[\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029]")
_GROUPED = re.compile("(?<=\\d)[\u00a0\u2009\u202f](?=\\d{3}(?!\\d))")
_THINKING = re.compile(r"<(/?)\s*(?:think|thinking|reasoning|thought)\s*>", re.IGNORECASE)
_FENCE = re.compile(r"^[\s>*+\-\d.)]{0,40}(?:```[^`]*$|~~~)")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_TAG = re.compile(r"<[A-Za-z/!?][^<>]*>")
_OPENER = re.compile(r"<(?=[A-Za-z/!?])")
_PICTURE = re.compile(r"!\[[^\[\]]*\]\([^()]*\)")
_LINK = re.compile(r"\[([^\[\]]*)\]\([^()]*\)")
_ADDRESS = re.compile(
    r"(?:\b(?:https?|ftp|file)://|\bwww\.|\b(?:javascript|vbscript|mailto):)[^\s\[\]<>\"”]*", re.IGNORECASE
)
_ENTITY = re.compile(r"&(?=#?\w{1,32};)")

Kind = Literal["prose", "item", "heading", "row", "divider", "blank"]


@dataclass(frozen=True)
class Block:
    """A paragraph, list item, heading or table row.

    Attributes:
        prefix: What stands before the words: indentation, list mark, "## ".
        text: The words; a paragraph keeps its line breaks.
    """

    kind: Kind
    prefix: str
    text: str


def plain(text: str) -> str:
    """One spelling for characters that look alike: compatibility forms, digits, dashes, spaces.

    Superscripts stay, since they are part of units; invisible and direction characters go.
    """
    text = _GROUPED.sub("", _LINES.sub("\n", text))
    letters = []
    for letter in text:
        if letter in _KEPT or letter == "\n" or " " <= letter <= "~":
            letters.append(letter)
        elif letter in _PLAIN:
            letters.append(_PLAIN[letter])
        elif letter == "\t" or unicodedata.category(letter) == "Zs":
            letters.append(" ")
        elif unicodedata.category(letter) == "Nd":
            letters.append(str(unicodedata.digit(letter)))
        elif unicodedata.category(letter) in ("No", "Nl"):
            letters.append(letter)
        elif unicodedata.category(letter)[0] != "C":
            letters.append(unicodedata.normalize("NFKC", letter))
    composed = unicodedata.normalize("NFC", "".join(letters))
    return "".join(letter for letter in composed if unicodedata.category(letter) not in ("Mn", "Me", "Cf"))


def clean(draft: str) -> str:
    """The draft without what is hidden or active: nothing in it can become HTML, a link or a picture."""
    text = draft
    for _ in range(5):
        unescaped = html.unescape(text)
        if unescaped == text:
            break
        text = unescaped
    text = _without_comments(_without_fences(_without_thinking(plain(text))))
    text = _OPENER.sub("‹", _TAG.sub("", _BREAK.sub(" ", text)))
    text = _LINK.sub(_link_text, _PICTURE.sub("", text))
    text = _ADDRESS.sub(_without_address, text)
    text = text.replace("![", "[").replace("](", "] (").replace("]:", "] :").replace("`", "").replace("~~", "")
    return _ENTITY.sub("& ", text).replace("\\", "")


def blocks(text: str) -> tuple[Block, ...]:
    """Lay a clean draft out. Lines of one paragraph or item belong together."""
    laid: list[tuple[Block, list[str]]] = []
    for line in text.split("\n"):
        block = _block(line)
        open_block = bool(laid) and laid[-1][0].kind in ("prose", "item") and not _is_heading(laid[-1][1][-1])
        if block.kind == "prose" and open_block and not _is_heading(block.text):
            laid[-1][1].append(block.text)
        else:
            laid.append((block, [block.text]))
    return tuple(_joined(block, lines) for block, lines in laid)


def _joined(block: Block, lines: Sequence[str]) -> Block:
    text = "\n".join(lines)
    heading = block.kind in ("prose", "item") and _is_heading(lines[-1])
    return Block("heading" if heading else block.kind, block.prefix, text)


_DIVIDER = re.compile(r"\|?[\s|:\-+]*-[\s|:\-+]*\|[\s|:\-+]*")
_RULE = re.compile(r"\s*[-*_=](?:\s*[-*_=])+\s*")
_HEADING = re.compile(r"(\s{0,3}#{1,6}\s+)(.*)")
_ITEM = re.compile(r"(\s*(?:>\s?){0,8}(?:[-*+•–]\s+|\(?\d{1,2}[.)]\s+|\(?[a-z]\)\s+)(?:\[[ xX]\]\s+)?)(.*)")
_QUOTED = re.compile(r"(\s*(?:>\s?){0,8})(.*)")


def _block(line: str) -> Block:
    line = line.rstrip()
    if not line.strip("> "):
        return Block("blank", "", "")
    if line.lstrip().startswith("|"):
        kind: Kind = "divider" if _DIVIDER.fullmatch(line.strip()) else "row"
        return Block(kind, "", line.strip())
    if _RULE.fullmatch(line):
        return Block("blank", "", "")
    if heading := _HEADING.fullmatch(line):
        return Block("heading", heading[1], heading[2].strip().strip("#").strip())
    if item := _ITEM.fullmatch(line):
        return Block("item", item[1], item[2].strip())
    quoted = _QUOTED.fullmatch(line)
    return Block("prose", quoted[1] if quoted else "", quoted[2].strip() if quoted else line)


def _is_heading(text: str) -> bool:
    words = text.strip()
    bold = len(words) > 4 and words.startswith("**") and words.endswith("**") and "**" not in words[2:-2]
    return words.endswith(":") or words.endswith(":**") or (bold and not words.endswith((".**", "]**")))


def _without_thinking(text: str) -> str:
    shown: list[str] = []
    depth = position = 0
    for mark in _THINKING.finditer(text):
        if depth == 0:
            shown.append(text[position : mark.start()])
        if mark[1]:
            if depth == 0:
                shown.clear()  # a model that began inside its thinking
            depth = max(0, depth - 1)
        else:
            depth += 1
        position = mark.end()
    if depth == 0:
        shown.append(text[position:])
    return "".join(shown)


def _without_fences(text: str) -> str:
    shown: list[str] = []
    inside = False
    for line in text.split("\n"):
        if _FENCE.match(line):
            inside = not inside
        elif not inside:
            shown.append(line)
    return "\n".join(shown)


def _without_comments(text: str) -> str:
    shown: list[str] = []
    position = 0
    while (start := text.find("<!--", position)) >= 0:
        shown.append(text[position:start])
        end = text.find("-->", start)
        if end < 0:
            return "".join(shown)
        position = end + 3
    shown.append(text[position:])
    return "".join(shown)


def _link_text(match: re.Match[str]) -> str:
    return f"[{match[1]}]" if re.fullmatch(r"E\d+(?:\s*,\s*E\d+)*", match[1]) else match[1]


def _without_address(match: re.Match[str]) -> str:
    tail = match[0][len(match[0].rstrip(".,;:!?)")) :]
    return REMOVED + tail
