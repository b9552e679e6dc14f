"""What one question wants, once it is understood."""

from dataclasses import dataclass

from agents.protocol.intents import Intent


@dataclass(frozen=True)
class Wanted:
    """One structure to look for; `known` says whether a bound tool declares it."""

    name: str
    known: bool = True


@dataclass(frozen=True)
class Request:
    """What one question wants.

    Attributes:
        question: The question as it was asked.
        words: The question mended, with structures written "organ".
        intents: In the order they are asked.
        measured: The measurements meant, also where the question only points back at them.
        wanted: Structures, single ones, in the order they are named.
        images: Ids of the images meant.
        strange: What is asked of them in words that nothing here knows: "collapsed", "ejection fraction".
        diseases: Diseases that are named, as the appraising tool calls them.
        special: Name of the special tool that answers it, or None.
        only_special: Whether that tool answers all of it, and nothing is measured or placed beside.
        left: Which of several questions in one, counted from 1, nothing here answers.
        unclear: Whether a structure is needed and none is named.
    """

    question: str
    words: str
    intents: tuple[Intent, ...]
    measured: tuple[Intent, ...] = ()
    wanted: tuple[Wanted, ...] = ()
    images: tuple[str, ...] = ()
    strange: tuple[str, ...] = ()
    diseases: tuple[str, ...] = ()
    special: str | None = None
    only_special: bool = False
    left: tuple[int, ...] = ()
    unclear: bool = False

    def asks(self, *intents: Intent) -> bool:
        """Whether any of `intents` is asked for."""
        return any(intent in self.intents for intent in intents)
