"""Reports said otherwise, and reports that say something else: made by rules that know nothing of the extractor's.

The first kind keeps the meaning (paraphrase, shuffle, telegraphic style), the second changes one thing in it. Every
maker takes a report and a random source; it returns None where the report has nothing that it could change.
"""

import random
import re
from collections.abc import Callable

from tests.iu_reports import IuReport

Maker = Callable[[IuReport, random.Random], str | None]

_SENTENCE = re.compile(r"(?<=[a-z)X\d])[.]+\s+(?=\S)|(?<=[a-z)X])[.](?=[A-Z][a-z])|[.]\s*$")
_DENIAL = re.compile(
    r"\b(no|not|without|negative for|free of|clear of|absent|absence|none|neither|nor|unlikely|resolved|never|rather"
    r"|clear|normal|unremarkable|within normal|intact|exclude[ds]?|evaluat\w+|recommend\w*|correlat\w+)\b",
    re.IGNORECASE,
)


def sentences(text: str) -> list[str]:
    """Sentences without their full stop."""
    return [part.strip() for part in _SENTENCE.split(text) if part.strip(" .")]


def _join(findings: list[str], impression: list[str]) -> str:
    parts = []
    for name, lines in (("FINDINGS", findings), ("IMPRESSION", impression)):
        if lines:
            parts.append(f"{name}: " + " ".join(f"{line[:1].upper()}{line[1:]}." for line in lines))
    return "\n".join(parts)


def _each(report: IuReport, change: Callable[[str], str | None]) -> str:
    """Every sentence changed; one that becomes None is left out."""
    found = []
    for text in (report.findings, report.impression):
        lines = [change(line) for line in sentences(text)]
        found.append([line for line in lines if line])
    return _join(*found)


# The same meaning ----------------------------------------------------------------------------------------------------

_WORDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"within normal limits", ("normal", "unremarkable", "within normal limits")),
    (r"(?<=is |re )unremarkable", ("normal", "within normal limits")),
    (r"(?<=is |re )normal(?= in size| size|$)", ("unremarkable", "within normal limits")),
    (r"\bpleural effusions?\b", ("pleural fluid", "pleural effusion")),
    (r"\bcardiomegaly\b", ("enlargement of the heart", "cardiac enlargement", "cardiomegaly")),
    (r"\bcardiac silhouette\b", ("heart", "cardiac silhouette", "heart shadow")),
    (r"\bheart size\b", ("cardiac size", "size of the heart", "heart size")),
    (r"\bhyperexpanded\b", ("hyperinflated", "overinflated")),
    (r"\bhyperexpansion\b", ("hyperinflation",)),
    (r"\bhyperinflated\b", ("hyperexpanded",)),
    (r"\bhyperinflation\b", ("hyperexpansion", "overinflation")),
    (r"\bopacities\b", ("opacities", "areas of opacification")),
    (r"\bbibasilar\b", ("bilateral basal", "bibasal")),
    (r"\bbasilar\b", ("basal",)),
    (r"\bscarring\b", ("scar formation", "scars", "cicatricial scarring")),
    (r"\bdegenerative changes?\b", ("degenerative disease", "degenerative change")),
    (r"\btortuous\b", ("ectatic and tortuous", "tortuous")),
    (r"\bthoracic spine\b", ("T-spine", "dorsal spine", "thoracic vertebral column")),
    (r"\bbony structures\b", ("osseous structures", "bones")),
    (r"\bosseous structures\b", ("bony structures", "skeletal structures")),
    (r"\bpulmonary vasculature\b", ("pulmonary vessels", "pulmonary vascularity")),
    (r"\bpulmonary vascularity\b", ("pulmonary vasculature",)),
    (r"\bconsistent with\b", ("compatible with", "in keeping with")),
    (r"\bcompatible with\b", ("consistent with",)),
    (r"\bmay represent\b", ("might represent", "could represent", "possibly represents")),
    (r"\bsuggest(?:s|ive of|ing)\b", ("suspicious for", "suggestive of")),
    (r"\bbilateral\b(?= [a-z]+ effusion| [a-z]+ fluid)", ("bilateral",)),
    (r"\bleft lower lobe\b", ("lower lobe of the left lung", "LLL", "left lower lobe")),
    (r"\bright lower lobe\b", ("lower lobe of the right lung", "RLL", "right lower lobe")),
    (r"\bright upper lobe\b", ("upper lobe of the right lung", "RUL", "right upper lobe")),
    (r"\bleft upper lobe\b", ("upper lobe of the left lung", "LUL", "left upper lobe")),
    (r"\bleft(?:-| )sided\b", ("left",)),
    (r"\bright(?:-| )sided\b", ("right",)),
    (r"\bmild\b", ("slight", "minor", "mild")),
    (r"\bmildly\b", ("slightly", "mildly")),
    (r"\bminimal\b", ("slight", "mild")),
    (r"\bsmall\b(?= \w* ?effusion)", ("minimal", "tiny", "small")),
    (r"\bsevere\b", ("marked", "advanced")),
    (r"\bmoderate-sized\b", ("moderate",)),
    (r"\bunchanged\b", ("stable", "without change")),
    (r"\bstable\b(?=$| from| since| compared)", ("unchanged",)),
    (r"\bairspace disease\b", ("air-space disease", "airspace process")),
    (r"\bairspace consolidation\b", ("air-space consolidation",)),
    (r"\bedema\b", ("oedema",)),
    (r"\bhemidiaphragms?\b", ("diaphragm",)),
    (r"\b(identified|visualized|appreciated|demonstrated)\b", ("seen", "noted", "detected")),
    (r"\b(seen|noted)\b", ("identified", "visualised", "observed")),
    (r"\bacute cardiopulmonary (?:abnormality|abnormalities|process|findings?|disease)\b",
     ("acute cardiopulmonary process", "acute cardiopulmonary disease", "acute abnormality of the heart or lungs")),
    (r"\bevidence of\b", ("sign of", "radiographic evidence of", "evidence of")),
    (r"\bprior\b", ("previous",)),
    (r"\bcalcified granulomas\b", ("calcified granulomata",)),
    (r"\bcentral venous catheter\b", ("central line",)),
    (r"\belevation of the (left|right) diaphragm\b", (r"raised \1 diaphragm",)),
    (r"\bflattening of the diaphragms?\b", ("flattened diaphragm",)),
)  # fmt: skip
_SHAPES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"there (?:is|are) no (?:evidence of |sign of )?(.+?)(?: (?:seen|identified|noted|observed))?$",
     ("no {0} is seen", "no evidence of {0}", "there is no {0}", "no {0}")),
    (r"no (?:evidence of )?((?:(?!\b(?:is|are|seen|identified|noted|observed|but|with)\b).)+)$",
     ("there is no {0}", "no {0} is identified", "no {0} can be seen")),
    (r"there (?:is|are) ((?!no\b|been\b|again\b)(?:(?!\b(?:is|are|which|may|and|but|however|with|without)\b|,).)+)$",
     ("{0} is present", "{0} is seen", "note is made of {0}", "{0}")),
    (r"(?:the )?lungs are clear$",
     ("clear lungs", "both lungs are clear", "the lung fields are clear", "lungs appear clear")),
    (r"(?:the )?heart size is normal$",
     ("the heart is normal in size", "normal heart size", "the heart is not enlarged")),
    (r"(?:the )?heart is normal in size$",
     ("heart size is normal", "the heart is of normal size", "no enlargement of the heart")),
    (r"(?:the )?(.{4,40}?) (?:is|are) unremarkable$", ("unremarkable {0}", "the {0} shows no abnormality")),
    (r"no pneumothorax or pleural (?:effusion|fluid)$",
     ("neither pneumothorax nor pleural effusion", "no pleural effusion and no pneumothorax")),
)  # fmt: skip


def _figure(match: re.Match[str]) -> str:
    return f"{round(float(match.group(1)) * 10)} mm"


def paraphrase(report: IuReport, rng: random.Random) -> str:
    """Other words and another shape for each sentence."""

    def change(line: str) -> str:
        for pattern, choices in _WORDS:
            if rng.random() < 0.7:
                line = re.sub(pattern, rng.choice(choices), line, flags=re.IGNORECASE)
        line = re.sub(r"\b(\d\.\d) ?cm\b", _figure, line)
        shapes = [(re.match(pattern, line, re.IGNORECASE), choices) for pattern, choices in _SHAPES]
        fitting = [(match, choices) for match, choices in shapes if match]
        if fitting and rng.random() < 0.8:
            match, choices = rng.choice(fitting)
            line = rng.choice(choices).format(*match.groups())
        return line

    return _each(report, change)


def shuffle(report: IuReport, rng: random.Random) -> str:
    """The sentences of each part in another order."""
    parts = [sentences(report.findings), sentences(report.impression)]
    for part in parts:
        rng.shuffle(part)
    return _join(*parts)


_DROPPED = re.compile(
    r"\b(there (?:is|are|has been)|the|a|an|is|are|was|were|has been|have been|appears?|evidence of|of the|seen|noted"
    r"|identified|demonstrated|visualized|again)\b\s*",
    re.IGNORECASE,
)
_SHORT = (
    (r"\bwithout\b", "w/o"),
    (r"\bwith\b", "w/"),
    (r"\bbilateral\b", "bilat"),
    (r"\bleft\b", "L"),
    (r"\bright\b", "R"),
    (r"\bconsistent w/", "c/w"),
)


def telegraphic(report: IuReport, rng: random.Random) -> str:
    """Notes instead of sentences: no articles, no verbs, abbreviations."""
    short = rng.random() < 0.5

    def change(line: str) -> str:
        # "has been" and "not" carry meaning together with what stands beside them.
        if re.search(r"\b(?:is|are|was|were|has|have) (?:not|no longer)\b", line):
            return line
        line = _DROPPED.sub("", line)
        if short:
            for pattern, choice in _SHORT:
                line = re.sub(pattern, choice, line, flags=re.IGNORECASE)
        return " ".join(line.split())

    return _each(report, change)


# Another meaning -----------------------------------------------------------------------------------------------------

_NO_SIDE = re.compile(
    r"\b(views?|radiographs?|images?|examination|compared?|comparison|technique|recommend|consider)\b", re.I
)


def _sided(line: str) -> bool:
    sides = {side.lower() for side in re.findall(r"\b(left|right)\b", line, re.IGNORECASE)}
    return len(sides) == 1 and not _NO_SIDE.search(line)


def _swapped(line: str) -> str:
    other = {"left": "right", "right": "left", "Left": "Right", "Right": "Left"}
    return re.sub(r"\b([Ll]eft|[Rr]ight)\b", lambda match: other[match.group()], line)


def swap_sides(report: IuReport, rng: random.Random) -> str | None:
    """Left for right and right for left, everywhere."""
    lines = [*sentences(report.findings), *sentences(report.impression)]
    return _each(report, _swapped) if any(_sided(line) for line in lines) else None


def _one(report: IuReport, rng: random.Random, fits: Callable[[str], bool], change: Callable[[str], str]) -> str | None:
    """One sentence that fits, changed."""
    lines = [*sentences(report.findings), *sentences(report.impression)]
    fitting = [line for line in lines if fits(line)]
    if not fitting:
        return None
    chosen = rng.choice(fitting)
    done = []

    def once(line: str) -> str:
        if line == chosen and not done:
            done.append(line)
            return change(line)
        return line

    return _each(report, once)


def swap_one_side(report: IuReport, rng: random.Random) -> str | None:
    """Left for right or right for left in one sentence."""
    return _one(report, rng, _sided, _swapped)


_DEGREES = {
    "mild": "severe", "mildly": "severely", "minimal": "extensive", "minimally": "markedly", "slight": "marked",
    "slightly": "markedly", "small": "large", "tiny": "large", "moderate": "minimal", "moderately": "minimally",
    "severe": "mild", "large": "small", "marked": "slight", "markedly": "slightly", "extensive": "minimal",
}  # fmt: skip
_DEGREE = re.compile(r"\b(" + "|".join(_DEGREES) + r")\b", re.IGNORECASE)


def flip_severity(report: IuReport, rng: random.Random) -> str | None:
    """Mild for severe, large for small, in one sentence that asserts something."""
    return _one(
        report,
        rng,
        lambda line: bool(_DEGREE.search(line)) and not _DENIAL.search(line),
        lambda line: _DEGREE.sub(lambda match: _DEGREES[match.group().lower()], line),
    )


_TO_DENY = re.compile(
    r"^(?:there (?:is|are) )((?!no\b|been\b).+)$|^((?:(?!\b(?:is|are|was|were|has|have|may|there|which)\b).)+)$",
    re.IGNORECASE,
)


def flip_negation(report: IuReport, rng: random.Random) -> str | None:
    """A finding denied that was there, or there that was denied, in one sentence."""

    def fits(line: str) -> bool:
        if _NO_SIDE.search(line) or len(line.split()) > 14 or "XXXX" in line:
            return False
        if re.match(
            r"(?:there (?:is|are) )?no (?!change|interval|significant|new|longer|comparison|other|XXXX)", line, re.I
        ):
            return True
        return bool(_TO_DENY.match(line)) and not _DENIAL.search(line) and any(r.search(line) for r in _TERMS.values())

    def change(line: str) -> str:
        if re.match(r"(?:there (?:is|are) )?no ", line, re.IGNORECASE):
            return re.sub(
                r"\bno (?:evidence (?:of|for) |sign of |definite |convincing )?", "", line, count=1, flags=re.I
            )
        match = _TO_DENY.match(line)
        assert match
        return f"there is no {match.group(1) or match.group(2)}"

    return _one(report, rng, fits, change)


_TERMS = {
    "Opacity": re.compile(r"\bopacit|\bopacif", re.I),
    "Cardiomegaly": re.compile(
        r"cardiomegaly|heart.*enlarged|enlarged.*heart|cardiac.*enlarged|enlarged.*cardiac|enlargement", re.I
    ),
    "Pulmonary Atelectasis": re.compile(r"atelecta", re.I),
    "Calcified Granuloma": re.compile(r"granuloma", re.I),
    "Cicatrix": re.compile(r"\bscar", re.I),
    "Pleural Effusion": re.compile(r"effusion", re.I),
    "Airspace Disease": re.compile(r"air ?-?space", re.I),
    "Nodule": re.compile(r"nodul", re.I),
    "Scoliosis": re.compile(r"scolio", re.I),
    "Emphysema": re.compile(r"emphysem", re.I),
    "Hernia, Hiatal": re.compile(r"hernia", re.I),
    "Pneumothorax": re.compile(r"pneumothora", re.I),
    "Pulmonary Congestion": re.compile(r"congestion|engorge", re.I),
    "Fractures, Bone": re.compile(r"fracture", re.I),
    "Osteophyte": re.compile(r"osteophyt", re.I),
    "Atherosclerosis": re.compile(r"atheroscl", re.I),
    "Infiltrate": re.compile(r"infiltrat", re.I),
    "Catheters, Indwelling": re.compile(r"catheter|\bport\b|picc", re.I),
    "Aorta": re.compile(r"tortuo|ectasia|ectatic", re.I),
    "Thoracic Vertebrae": re.compile(r"degenerative", re.I),
    "Lung": re.compile(r"low (?:lung )?volume|hypoinfl|hyperinfl|hyperexp|low volumes", re.I),
    "Diaphragm": re.compile(r"diaphragm", re.I),
    "Pneumonia": re.compile(r"pneumonia", re.I),
    "Mass": re.compile(r"\bmass\b", re.I),
    "Pulmonary Edema": re.compile(r"edema", re.I),
}
"""Words by which a labelled finding can be found in the text."""


def omit(report: IuReport, rng: random.Random) -> str | None:
    """Every sentence that asserts one of the labelled findings left out."""
    lines = [*sentences(report.findings), *sentences(report.impression)]
    heads = sorted({label.split("/")[0] for label in report.labels} & set(_TERMS))
    choices = []
    for head in heads:
        gone = {line for line in lines if _TERMS[head].search(line) and not _DENIAL.search(line)}
        still = any(_TERMS[head].search(line) for line in lines if line not in gone)
        if gone and not still and len(gone) < len(lines):
            choices.append(gone)
    if not choices:
        return None
    gone = rng.choice(choices)
    return _each(report, lambda line: None if line in gone else line)


def omit_denial(report: IuReport, rng: random.Random) -> str | None:
    """One sentence left out that says what is not there."""
    lines = [*sentences(report.findings), *sentences(report.impression)]
    denials = [line for line in lines if re.match(r"(?:there (?:is|are) )?no (?!change|interval)", line, re.IGNORECASE)]
    if not denials or len(set(lines)) < 2:
        return None
    chosen = rng.choice(denials)
    return _each(report, lambda line: None if line == chosen else line)


_FALSE = (
    ("Pneumothorax", r"pneumothora", "There is a large right pneumothorax"),
    ("Pneumothorax", r"pneumothora", "A small left apical pneumothorax is now seen"),
    ("Pleural Effusion", r"effusion", "Moderate left pleural effusion"),
    ("Pleural Effusion", r"effusion", "Fluid has collected in the right pleural space"),
    ("Mass", r"\bmass", "A 3.1 cm spiculated mass lies in the right upper lobe"),
    ("Fractures, Bone", r"fractur", "There is a displaced fracture of the left seventh rib"),
    ("Consolidation", r"consolidat|pneumonia", "Dense consolidation of the left lower lobe, in keeping with pneumonia"),
    ("Pneumoperitoneum", r"free air|peritone", "Free air is present beneath the right hemidiaphragm"),
    ("Pulmonary Edema", r"edema", "Diffuse pulmonary edema is present"),
    ("Aneurysm", r"aneurysm", "The descending aorta shows an aneurysm of 6 cm"),
    ("Lymph Nodes", r"adenopath|lymph", "Bulky mediastinal lymphadenopathy"),
    ("Cavity", r"cavit", "There is a thick-walled cavity in the left apex"),
    ("Nodule", r"nodul", "An 8 mm nodule is seen in the left mid lung"),
)


def add(report: IuReport, rng: random.Random) -> str | None:
    """A sentence that asserts what the report does not."""
    heads = {label.split("/")[0] for label in report.labels}
    text = f"{report.findings} {report.impression}"
    # Where the report denies it, the sentence contradicts; where it asserts it, the sentence is not false.
    asserted = [line for line in sentences(text) if not _DENIAL.search(line)]
    usable = [
        line
        for head, pattern, line in _FALSE
        if head not in heads and not any(re.search(pattern, other, re.IGNORECASE) for other in asserted)
    ]
    chosen = rng.choice(usable)
    lines = sentences(report.findings)
    lines.insert(rng.randint(0, len(lines)), chosen)
    return _join(lines, sentences(report.impression))


SAME: dict[str, Maker] = {"paraphrase": paraphrase, "sentence shuffle": shuffle, "telegraphic style": telegraphic}
OTHER: dict[str, Maker] = {
    "side swap": swap_sides,
    "side swap in one sentence": swap_one_side,
    "severity flip": flip_severity,
    "negation flip": flip_negation,
    "omission": omit,
    "false finding": add,
}
EXTRA: dict[str, Maker] = {"omission of a denial": omit_denial}


def changed(report: IuReport, name: str) -> str | None:
    """The report as `name` makes it: always the same for the same report."""
    maker = {**SAME, **OTHER, **EXTRA}[name]
    return maker(report, random.Random(f"{report.number} {name}"))
