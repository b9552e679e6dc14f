"""Which words are known here: to be spelt right, to be asked for, or to say nothing of their own."""

import json
from collections.abc import Collection, Sequence
from functools import cache

from agents.protocol.examples import EXAMPLES
from agents.protocol.intents import CUES
from agents.protocol.kit import Kit
from agents.protocol.structures import ANATOMY, BOTH, FINDINGS, MASKED, MODIFIERS, OPPOSITE, SIDES, Structures
from agents.protocol.words import stem, tokens
from knowledge.embedding import model_folder

_STOP = frozenset(
    "a an the is are was were be been of in on at to for from with by and or but not no do does did can could would "
    "should i you we they it its this that these those there here he she his her their my our your me us them what "
    "which who whom whose how when where why if then than as so such please tell give let have has had will shall "
    "may might must about into over under between within one ones some any all more most much many few less least "
    "just only also too very quite really still now again same thing things structure structures organ organs "
    "region area side sides value values number numbers volume image images scan scans study film picture ct mr "
    "patient patients adult adults adult's age man men woman women male female males females person people case up "
    "out get got need want like look looking know think see seen say said help would that's ok okay yes no well "
    "first second third last both other left right hi hello dear doctor dr thanks thank millilitre milliliter litre "
    "liter ml mm cm cc unit units total overall whole entire part parts piece pieces amount approximately roughly "
    "exactly actually currently today finding findings report information detail details anything something "
    "everything nothing anyone else slice slices take takes taken come comes show shows shown go going way kind "
    "type sort cover covers hold holds stuff guess wonder wondering possible quick quickly sure right kindly "
    "whether check confirm verify ascertain determine identify assess evaluate examine calculate compute estimate "
    "gimme repeat redo slowly years year months month chance possibility doubt reason since before "
    "time times ago visit old trust getting worse change changes changed changing growing shrinking".split()
)
_CLINICAL = frozenset(
    "volume volumes diameter diameters density attenuation hounsfield intensity location position visible present "
    "absent normal abnormal enlarged modality spacing resolution segment outline contour delineate cardiothoracic "
    "guideline criteria threshold definition compare comparison symmetrical difference report summarise describe "
    "findings measure measurement average maximum minimum standard deviation percentile".split()
)
"""Words of the trade that are worth finding behind a misspelling."""


class Vocabulary:
    """The words of one set of bound tools and of the questions they answer.

    Attributes:
        wanted: Words worth finding behind a misspelling, structures first.
    """

    def __init__(self, kit: Kit, structures: Structures) -> None:
        said = {word for texts in EXAMPLES.values() for text in texts for word in tokens(text)}
        # A word of a disease's name is not yet that disease, and a ratio is known of heart and chest only.
        plain = (said | _STOP | _CLINICAL | MODIFIERS) - {"ratio"} - ANATOMY - FINDINGS
        silent = {*_STOP, *SIDES, *OPPOSITE, *BOTH}
        self._plain = frozenset(silent | (plain - structures.words))
        self._plain_or_named = self._plain | structures.words
        said |= {word for disease in kit.diseases for name in disease for word in tokens(name)}
        other = ({word for word in said if len(word) > 3} - _STOP) | _CLINICAL | ANATOMY | FINDINGS | MODIFIERS
        self.wanted = [*sorted(structures.words), *sorted(other - structures.words)]
        self._known = frozenset((*self.wanted, *said, *_STOP))

    def holds(self, word: str) -> bool:
        """Whether a word is spelt right: it is English, known here, or betrays an intent."""
        return word in self._known or stem(word) in self._known or word in _english() or _betrays(word)

    def unknown(self, words: Sequence[str]) -> list[list[str]]:
        """Runs of words that are neither function words nor words of an intent, longest first."""
        return _runs(words, self._plain)

    def strange(self, clause: str) -> str:
        """The longest run of words that nothing here knows, best after the structure that it is said of; else "".

        Args:
            clause: Mended, with structures written "organ".
        """
        for text in (clause.rpartition(MASKED)[2], clause.replace(MASKED, ",")):
            if runs := _runs(text.split(), self._plain_or_named):
                return " ".join(runs[0])
        return ""


def _runs(words: Sequence[str], known: Collection[str]) -> list[list[str]]:
    runs: list[list[str]] = [[]]
    for word in words:
        if word in known or stem(word) in known or not word[0].isalpha() or _betrays(word):
            runs.append([])
        else:
            runs[-1].append(word)
    return sorted((run for run in runs if run), key=len, reverse=True)


def _betrays(word: str) -> bool:
    """Whether a word alone betrays an intent."""
    return any(cue.search(word) for cue in CUES.values())


@cache
def _english() -> frozenset[str]:
    """Whole words of the embedding model's own vocabulary."""
    vocabulary = json.loads((model_folder() / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    return frozenset(word for word in vocabulary if word.isalpha() and len(word) > 3)
