"""A question as words: abbreviations written out, misspellings mended, plurals made comparable."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

_TOKEN = re.compile(r"[a-z0-9]+(?:[-'.][a-z0-9]+)*|[?,;.!]")

_ABBREVIATIONS = {
    "r": "right", "rt": "right", "l": "left", "lt": "left", "rhs": "right side", "lhs": "left side",
    "b/l": "both", "bilat": "both", "bilateral": "both", "vol": "volume", "vols": "volumes", "diam": "diameter",
    "ctr": "cardiothoracic ratio", "hu": "hounsfield", "hus": "hounsfield", "wnl": "within normal limits",
    "abn": "abnormal", "nl": "normal", "loc": "location", "pls": "please", "plz": "please", "img": "image",
    "im": "image", "seg": "segment", "meas": "measure", "avg": "average", "max": "maximum", "min": "minimum",
    "cxr": "chest film", "x-ray": "film", "xray": "film", "radiograph": "film", "mri": "mr", "1st": "first",
    "2nd": "second", "3rd": "third", "whats": "what is", "what's": "what is", "wheres": "where is",
    "where's": "where is", "it's": "it is", "isn't": "is not", "aren't": "are not", "don't": "do not",
    "doesn't": "does not", "there's": "there is", "hows": "how is", "how's": "how is", "thx": "thanks",
    "ratio's": "ratio", "vs": "versus", "v": "versus", "fu": "follow-up", "f/u": "follow-up", "dims": "dimensions",
    "attn": "attenuation", "std": "standard deviation", "sd": "standard deviation", "w/l": "window",
}  # fmt: skip
"""What doctors type, and what it stands for."""

_SLASHED = re.compile(r"\b(b/l|f/u|w/l)(?![a-z])")
_ARE = re.compile(r"\br(?= (?:the|they|these|those|there|we|you|both)\b)")
_BOTH_SIDES = re.compile(r"\b(l/r|r/l|left/right|right/left)\b")
_SPELLINGS = {
    "tumor": "tumour", "hemorrhage": "haemorrhage", "esophagus": "oesophagus", "edema": "oedema",
}  # fmt: skip
_PLURALS = {
    "vertebrae": "vertebra", "bronchi": "bronchus", "nuclei": "nucleus", "hippocampi": "hippocampus",
    "metastases": "metastasis", "masses": "mass", "foci": "focus", "haemorrhages": "haemorrhage", "arteries": "artery",
    "calculi": "calculus", "emboli": "embolus", "opacities": "opacity", "cavities": "cavity", "biopsies": "biopsy",
    "atria": "atrium", "pelves": "pelvis", "thrombi": "thrombus", "tumors": "tumour", "hemorrhages": "haemorrhage",
    "abnormalities": "abnormality",
}  # fmt: skip


def tokens(text: str) -> list[str]:
    """The words of `text` in lower case, abbreviations written out; punctuation stands alone."""
    plain = unicodedata.normalize("NFKC", text).lower().replace("’", "'")
    plain = _SLASHED.sub(lambda match: _ABBREVIATIONS[match.group(1)], plain)
    plain = plain.replace("r/o", "rule out").replace("ct number", "hounsfield")
    plain = plain.replace("stroke volume", "stroke-volume")  # no volume of a stroke
    plain = _ARE.sub("are", plain)
    plain = _BOTH_SIDES.sub("left versus right", plain)
    found: list[str] = []
    for token in _TOKEN.findall(plain):
        after_number = bool(found) and found[-1][:1].isdigit()
        if token in ("l", "r") and after_number:  # 1.2 l are litres
            found.append(token)
            continue
        base = token if token in _ABBREVIATIONS else token.removesuffix("'s")
        found += _ABBREVIATIONS.get(base, base).split()
    return found


def stem(word: str) -> str:
    """The singular of a noun, for comparing; British spelling where a word has two."""
    if is_plural(word):
        return _PLURALS.get(word, word[:-1])
    return _SPELLINGS.get(word, word)


def is_plural(noun: str) -> bool:
    """Whether the last word of a noun is a plural, as its ending shows."""
    word = noun.rsplit(" ", maxsplit=1)[-1]
    regular = len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is"))
    return word in _PLURALS or (regular and word not in _SPELLINGS)


def stems(phrase: str | Iterable[str]) -> tuple[str, ...]:
    """Every word of a phrase by its stem."""
    return tuple(stem(word) for word in (tokens(phrase) if isinstance(phrase, str) else phrase))


def mend(words: list[str], known: Callable[[str], bool], wanted: Sequence[str]) -> list[str]:
    """Replace misspelt words.

    A word nobody knows becomes the nearest wanted one: one slip in up to seven letters, two in more,
    and the first letter must be right or swapped with the second.

    Args:
        known: Whether a word is spelt right.
        wanted: Words worth finding; of two that are as near, the first is meant.
    """
    return [word if _short(word) or not word.isalpha() or known(word) else _nearest(word, wanted) for word in words]


def _short(word: str) -> bool:
    """Whether too few letters are left to tell what was meant; three without a vowel are an omission."""
    return len(word) < 3 or (len(word) == 3 and any(vowel in word for vowel in "aeiouy"))


def _nearest(word: str, wanted: Sequence[str]) -> str:
    limit = 1 if len(word) <= 7 else 2
    best = min(
        (
            (slips(word, candidate), place, candidate)
            for place, candidate in enumerate(wanted)
            if abs(len(candidate) - len(word)) <= limit
            and len(candidate) >= 4
            and (candidate[0] == word[0] or candidate[:2] == word[1::-1])
        ),
        default=(limit + 1, 0, word),
    )
    return best[2] if best[0] <= limit else word


def slips(a: str, b: str) -> int:
    """Letters inserted, dropped, changed or swapped with their neighbour (optimal string alignment)."""
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, letter in enumerate(a, start=1):
        row = [i]
        for j, other in enumerate(b, start=1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == other:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]
