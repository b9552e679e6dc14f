"""Marked-up text in reading order: what HTML and XML have in common."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from knowledge.documents.parsed import Block

_RAISED = str.maketrans("0123456789+-−n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻ⁿ")
_LOWERED = str.maketrans("0123456789+-−", "₀₁₂₃₄₅₆₇₈₉₊₋₋")


class Flow:
    """Gathers text into blocks, under the headings it stands under.

    Attributes:
        blocks: Those that are complete.
    """

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._headings: list[tuple[int, str]] = []
        self._words: list[str] = []
        self._place: str | None = None

    def add(self, words: str | None) -> None:
        """More of the present paragraph."""
        if words:
            self._words.append(words)

    def cell(self) -> None:
        """A cell of a table begins."""
        if "".join(self._words).strip():
            self._words.append(" | ")

    def row(self) -> None:
        """A row of a table ends."""
        if "".join(self._words).strip():
            self._words.append(";")
        self.flush()

    def flush(self, begin: str = "") -> None:
        """The paragraph ends; the next one begins with `begin`."""
        text = "".join(self._words)
        if text.strip(" \t\r\n|;-"):
            self.blocks.append(Block(text, self.headings, place=self._place))
        self._words = [begin]

    def heading(self, level: int) -> None:
        """What was gathered since the last flush is a heading of this level, 1 being the highest."""
        words = " ".join("".join(self._words).split())
        self._words = []
        self.leave(level)
        if words:
            self._headings.append((level, words))

    def leave(self, level: int) -> None:
        """Headings of this level and below no longer hold."""
        self._headings = [(depth, words) for depth, words in self._headings if depth < level]

    def within(self, place: str | None) -> None:
        """What follows stands in `place`, such as "Table 1"."""
        self._place = place

    @property
    def headings(self) -> tuple[str, ...]:
        """Those that hold, outermost first."""
        return tuple(words for _, words in self._headings)


def walk(root: Any, skip: Callable[[Any], bool]) -> Iterator[tuple[str, Any]]:
    """("start", e), ("end", e) or ("skip", e) for the elements under `root` in order, without recursion,
    so that no depth of nesting can exhaust the stack."""
    stack = [(root, False)]
    while stack:
        element, done = stack.pop()
        if done:
            yield "end", element
        elif skip(element):
            yield "skip", element
        else:
            yield "start", element
            stack.append((element, True))
            stack.extend((child, False) for child in reversed(element))


def raised(text: str | None) -> str:
    """A superscript in one line: 10 to the 9th must not become 109."""
    words = text or ""
    return words.translate(_RAISED) if words and all(ord(letter) in _RAISED for letter in words) else words


def lowered(text: str | None) -> str:
    """A subscript in one line."""
    words = text or ""
    return words.translate(_LOWERED) if words and all(ord(letter) in _LOWERED for letter in words) else words


def first(values: Sequence[str | None]) -> str | None:
    """The first that says something."""
    return next((value for value in values if value and value.strip()), None)
