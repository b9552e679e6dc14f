"""A report as sentences of words: sections, spans and one form for each word."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_TOKEN = re.compile(r"[A-Za-z]+|\d+(?:[.,]\d+)*|[^\sA-Za-z\d]")
_SECTION = re.compile(
    r"(?:^|(?<=\n))[ \t#*_]*([A-Z][A-Za-z/&' ]{2,40}?)[ \t*_]*(?::[ \t*_]*|(?=\n))"
    r"|(?<=[\s.])([A-Z][A-Z ]{4,40}):\s*"
)
_IGNORED = frozenset(
    heading.strip()
    for heading in """indication; indications; history; technique; comparison; comparisons; exam; examination;
    procedure; reason; reason for exam; reason for examination; clinical history; clinical information;
    clinical indication;
    type of examination; history of present illness; views; study; date; signed by""".split(";")
)
_HEADINGS = _IGNORED | frozenset(
    """findings finding impression impressions conclusion conclusions summary report result results lungs heart
    mediastinum pleura bones lines tubes chest abdomen pelvis head brain""".split()
)
_END = re.compile(
    r"(?<=[A-Za-z)\]%\"',])\s*[.!?]+(?=\s|$)|(?<=\d)[.!?]+(?=\s+[A-Z]|\s*$|\s*\n)|;|\.(?=[A-Z][a-z])"
    # A line break ends a sentence where the next line begins anew, not where a line is wrapped.
    r"|\n+(?=\s*(?:\n|$|[-*•–]\s|\(?\d{1,2}[.)]\s|[A-Z#*]))"
)
_ENUMERATION = re.compile(r"\s*(?:\(?\d{1,2}[.)]|[-*•–])(?=\s)")
_CITATION = re.compile(r"\[E\d+(?:\s*[,;]\s*E\d+)*\]")
_ABBREVIATION = re.compile(r"\b(?:dr|mr|mrs|ms|vs|e\.g|i\.e|approx|fig|cf)\.$", re.IGNORECASE)
MOST_WORDS = 250
"""A longer run of words without an end is cut there, so that time grows with the text and no faster."""
_BLANK = re.compile(r"x{3,}")
_FILLERS = frozenset({"area", "focus", "region", "zone"})
_REDACTED = re.compile(r"X{3,}|_{3,}|\[\*\*.*?\*\*\]")

_IRREGULAR = {
    "apices": "apex", "apexes": "apex", "vertebrae": "vertebra", "hila": "hilum", "hilar": "hilum",
    "hili": "hilum", "bullae": "bulla", "atelectases": "atelectasis", "atelectatic": "atelectasis",
    "pneumothoraces": "pneumothorax", "metastases": "metastasis", "metastatic": "metastasis",
    "diagnoses": "diagnosis", "scolioses": "scoliosis", "calculi": "calculus", "thrombi": "thrombus",
    "emboli": "embolus", "nuclei": "nucleus", "bronchi": "bronchus", "ventricles": "ventricles",
    "stenoses": "stenosis", "fibroses": "fibrosis", "scapulae": "scapula", "pleurae": "pleura",
    "osseus": "osseous", "boney": "bony", "lungs": "lung", "lobes": "lobe", "bases": "base",
    "hemidiaphragms": "hemidiaphragm", "sulci": "sulcus", "indices": "index", "axillae": "axilla",
    "sequelae": "sequela", "foci": "focus", "isn": "not", "aren": "not", "wasn": "not", "doesn": "not",
    "cm": "cm", "yes": "yes", "was": "was", "has": "has", "is": "is", "as": "as", "this": "this", "its": "its",
    "us": "us", "thus": "thus", "always": "always", "perhaps": "perhaps", "versus": "versus", "vs": "versus",
    "opacification": "opacity", "opacifications": "opacity", "lens": "lens", "pus": "pus", "gas": "gas",
    "wt": "with", "w": "with", "wo": "without", "does": "does",
}  # fmt: skip
_BRITISH = tuple(
    tuple(pair.split("/"))
    for pair in """oedema/edema haem/hem aemia/emia oesoph/esoph tumour/tumor centre/center colour/color fibre/fiber
    paed/ped diarrhoea/diarrhea""".split()
)


@lru_cache(maxsize=65536)
def lemma(word: str) -> str:
    """The form under which a word is looked up: lower case, singular, American."""
    word = word.lower()
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    for british, american in _BRITISH:
        word = word.replace(british, american)
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("xes", "ches", "shes", "sses")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


@dataclass(frozen=True)
class Token:
    """One word, number or mark with its offsets in the report."""

    text: str
    lemma: str
    start: int
    end: int


@dataclass(frozen=True)
class Sentence:
    """One sentence: its offsets, its words, and the heading it stands under."""

    start: int
    end: int
    text: str
    tokens: tuple[Token, ...]
    section: str


def _blank(match: re.Match[str]) -> str:
    return " " * len(match.group())


def _redacted(match: re.Match[str]) -> str:
    # Still a word for where sentences end, but none that is read.
    return "x" * len(match.group())


def _tokens(text: str, offset: int) -> tuple[Token, ...]:
    found = []
    for match in _TOKEN.finditer(text):
        # A hyphen joins what the vocabulary writes as two words; a dash between spaces parts clauses.
        if match.group() in "-–—" and not text[max(0, match.start() - 1) : match.end() + 1].startswith(" "):
            continue
        if _BLANK.fullmatch(match.group()):
            continue
        found.append(Token(match.group(), _lemma_in(text, match), offset + match.start(), offset + match.end()))
    return tuple(_without_fillers(found))


def _lemma_in(text: str, match: re.Match[str]) -> str:
    """The lemma of a word where it stands: L and R are sides, save for the L of "L4"."""
    word = match.group()
    if word in ("L", "R") and not text[match.end() : match.end() + 1].isdigit():
        return "left" if word == "L" else "right"
    return lemma(word)


def _without_fillers(tokens: list[Token]) -> Iterator[Token]:
    """Tokens without "areas of" and "foci of", which say nothing."""
    skip = False
    for number, token in enumerate(tokens):
        following = tokens[number + 1].lemma if number + 1 < len(tokens) else ""
        if skip:
            skip = False
        elif token.lemma in _FILLERS and following == "of":
            skip = True
        else:
            yield token


def _abbreviated(text: str) -> str:
    """w/ and w/o spelled out, at the same length."""
    text = re.sub(r"\b([Ww])/[Oo]\b", r"\1o ", text)
    text = re.sub(r"\b[Cc]/[Ww]\b", "cw ", text)
    text = re.sub(r"\b[Ss]/[Pp]\b", "sp ", text)
    return re.sub(r"\b([Ww])/(?=\s)", r"\1 ", text)


def _sections(text: str) -> Iterator[tuple[str, int, int]]:
    name, start = "", 0
    for match in _SECTION.finditer(text):
        heading = " ".join((match.group(1) or match.group(2)).lower().split())
        if heading not in _HEADINGS:
            continue
        yield name, start, match.start()
        # "Lungs: clear" is a sentence about the lungs, so such a heading is read along.
        own = heading in _IGNORED or heading.rstrip("s") in ("finding", "impression", "conclusion", "summary", "result")
        name, start = heading, match.end() if own or heading in ("report", "summary") else match.start()
    yield name, start, len(text)


def _sentences(report: str, tokens: tuple[Token, ...], section: str) -> Iterator[Sentence]:
    for begin in range(0, len(tokens), MOST_WORDS):
        part = tokens[begin : begin + MOST_WORDS]
        if any(token.text[0].isalpha() for token in part):
            yield Sentence(part[0].start, part[-1].end, report[part[0].start : part[-1].end], part, section)


def sentences(report: str) -> list[Sentence]:
    """The sentences that say what is seen; indication, history, technique and comparison are left out.

    Citation marks such as [E1], list numbers and the blanks of de-identified reports are no words.
    """
    text = _abbreviated(_REDACTED.sub(_redacted, _CITATION.sub(_blank, report)))
    found: list[Sentence] = []
    for section, begin, end in _sections(text):
        if section in _IGNORED:
            continue
        start = begin
        cuts = [*((match.start(), match.end()) for match in _END.finditer(text, begin, end)), (end, end)]
        for stop, after in cuts:
            if after < end and _ABBREVIATION.search(text, max(start, after - 12), after):
                continue
            number = _ENUMERATION.match(text, start, stop)
            first = number.end() if number else start
            found.extend(_sentences(report, _tokens(text[first:stop], first), section))
            start = after
    return found
