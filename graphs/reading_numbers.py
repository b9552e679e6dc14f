"""Figures in a sentence: value, printed precision, unit, relation, and how they belong together."""

import re
from dataclasses import dataclass, replace
from typing import Literal

from graphs.lexicon import NUMBER_WORDS
from knowledge.quantity import Unit

Relation = Literal["<", "<=", ">", ">="]
Role = Literal["value", "low", "high", "spread"]

_LENGTH, _AREA, _VOLUME = "length", "area", "volume"

_UNITS: dict[str, tuple[str, float]] = {
    "nm": (_LENGTH, 1e-6), "μm": (_LENGTH, 1e-3), "um": (_LENGTH, 1e-3), "micrometer": (_LENGTH, 1e-3),
    "mm": (_LENGTH, 1.0), "millimeter": (_LENGTH, 1.0), "cm": (_LENGTH, 10.0), "centimeter": (_LENGTH, 10.0),
    "m": (_LENGTH, 1000.0), "meter": (_LENGTH, 1000.0), "inch": (_LENGTH, 25.4), "inches": (_LENGTH, 25.4),
    "mm2": (_AREA, 1.0), "sq mm": (_AREA, 1.0), "square millimeter": (_AREA, 1.0),
    "cm2": (_AREA, 100.0), "sq cm": (_AREA, 100.0), "square centimeter": (_AREA, 100.0), "m2": (_AREA, 1e6),
    "mm3": (_VOLUME, 1e-3), "cubic millimeter": (_VOLUME, 1e-3), "μl": (_VOLUME, 1e-3), "ul": (_VOLUME, 1e-3),
    "ml": (_VOLUME, 1.0), "milliliter": (_VOLUME, 1.0), "cc": (_VOLUME, 1.0), "ccm": (_VOLUME, 1.0),
    "cm3": (_VOLUME, 1.0), "cubic centimeter": (_VOLUME, 1.0), "dl": (_VOLUME, 100.0), "deciliter": (_VOLUME, 100.0),
    "l": (_VOLUME, 1000.0), "liter": (_VOLUME, 1000.0), "dm3": (_VOLUME, 1000.0), "m3": (_VOLUME, 1e6),
    "hu": ("HU", 1.0), "hounsfield unit": ("HU", 1.0), "%": ("%", 1.0), "percent": ("%", 1.0), "per cent": ("%", 1.0),
    "px": ("px", 1.0), "pixel": ("px", 1.0), "px2": ("px2", 1.0), "square px": ("px2", 1.0),
    "square pixel": ("px2", 1.0), "px3": ("px3", 1.0), "voxel": ("px3", 1.0), "cubic pixel": ("px3", 1.0),
    "signal unit": ("signal", 1.0), "slice": ("slices", 1.0), "year": ("years", 1.0), "yr": ("years", 1.0),
    "month": ("months", 1.0), "week": ("weeks", 1.0), "day": ("days", 1.0), "hour": ("hours", 1.0),
    "minute": ("minutes", 1.0), "second": ("seconds", 1.0), "ms": ("ms", 1.0), "kg": ("mass", 1000.0),
    "g": ("mass", 1.0), "mg": ("mass", 1e-3), "mgy": ("mGy", 1.0), "gy": ("Gy", 1.0), "mmhg": ("mmHg", 1.0),
    "kvp": ("kV", 1.0), "kv": ("kV", 1.0), "mas": ("mAs", 1.0), "°": ("°", 1.0), "degree": ("°", 1.0),
}  # fmt: skip
"""Unit as written, in lower case and singular, to its dimension and its factor to that dimension's base."""

QUANTITY_UNITS: dict[Unit, tuple[str | None, float]] = {
    Unit.MM: (_LENGTH, 1.0), Unit.MM2: (_AREA, 1.0), Unit.ML: (_VOLUME, 1.0), Unit.HU: ("HU", 1.0),
    Unit.SIGNAL: ("signal", 1.0), Unit.ONE: (None, 1.0), Unit.COUNT: (None, 1.0), Unit.SLICE: ("slice", 1.0),
    Unit.PERCENT: ("%", 1.0), Unit.PX: ("px", 1.0), Unit.PX2: ("px2", 1.0), Unit.PX3: ("px3", 1.0),
}  # fmt: skip
"""A recorded unit as a dimension of `Figure` and its factor; no pixel unit shares one with millimetres."""

_UNIT_WORDS = sorted(_UNITS, key=len, reverse=True)
_SUPERSCRIPT = re.compile(r"(?<=[mMxX])[²³]")


def _spelt(word: str) -> str:
    """The pattern of a unit: "mm2" also as "mm^2", longer words also in the plural."""
    power = r"\^?" + word[-1] if word[-1] in "23" else word[-1]
    pattern = re.escape(word[:-1]) + power + ("s?" if word[-1].isalpha() and len(word) > 3 else "")
    return pattern.replace("meter", "met(?:er|re)").replace("liter", "lit(?:er|re)")


_ANY_UNIT = "|".join(_spelt(word) for word in _UNIT_WORDS)
_UNIT = re.compile(rf"[ -]?({_ANY_UNIT})(?![^\W_])", re.IGNORECASE)
_DIGITS = str.maketrans("²³µ", "23μ")
_RATE = re.compile(r"\s?(?:/|per )\s?(m2|m²|min|kg|s|year|day|beat|dl|ml|l)(?![^\W_])", re.IGNORECASE)
_LOOSE_UNIT = re.compile(rf"(?:\(|\bin )({_ANY_UNIT})(?:\)|:| is| are)", re.IGNORECASE)

_SUPER = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_SUPER_DIGITS = str.maketrans(_SUPER + "⁻⁺", "0123456789-+")
_NUMBER = re.compile(
    r"(?P<sign>(?<![^\W_])(?<![)%²³])[+-])?"
    r"(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,])|\d+(?:\.\d+)?|\.\d+)"
    r"(?:(?P<e>[eE][+-]?\d{1,3})(?![^\W_])|\s?[×x*]\s?10(?:\^(?P<caret>[+-]?\d{1,3})|(?P<super>[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3})))?"
)
_CODE = re.compile(
    r"10\.\d{4,9}/[^\s\]\[,;]+|\d{4}-\d\d-\d\d|\d+(?:/\d+)+|\d+(?:\.\d+){2,}|\d+,\d{1,2}(?!\d)|\d+,\d{4,}|0\d+(?![\d.])"
    r"|\d-[A-Z](?![^\W_])"
)
_WORDS = re.compile(r"(?<![^\W_])(?:" + "|".join(NUMBER_WORDS) + r")(?![^\W_])", re.IGNORECASE)
_NOT_A_COUNT_BEFORE = frozenset(
    "this that which each no any the another either every only along left right larger smaller".split()
)
_NOT_A_COUNT_AFTER = frozenset("of side another or who axis can should hand that which is end".split())

_LESS = r"less than|below|under|smaller than|lower than|fewer than|shorter than|short of|<"
_MORE = (
    r"more than|greater than|above|over|larger than|bigger than|longer than|higher than|beyond|exceed(?:s|ed|ing)?|>"
)
_AT_MOST = r"less than or equal to|at most|no more than|not more than|up to|no larger than|maximum of|≤|<="
_AT_LEAST = r"greater than or equal to|more than or equal to|at least|no less than|not less than|minimum of|≥|>="
_FILLER = (
    r"(?:(?:the|a|an|of|limit|threshold|value|cutoff|cut-off|upper|lower|normal|reference|about|published|usual|adult|"
    r"commonly|used|approximately|is|criterion|size|recommended|diagnostic|cited|end,?) )"
)
_RELATION = re.compile(
    rf"(?P<no>(?:\bnot|n't|\bnever) (?:\w+ )?)?"
    rf"(?:(?P<le>{_AT_MOST})|(?P<ge>{_AT_LEAST})|(?P<lt>{_LESS})|(?P<gt>{_MORE}))"
    rf"\s?{_FILLER}{{0,6}}$",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"\bbetween (?:about )?$", re.IGNORECASE)
_RESTATED = re.compile(r"\s*\(\s*")
_OR_MORE = re.compile(
    r"\s?(?:or|and) (?:(more|larger|greater|above|over|longer|higher)|(less|smaller|below|under|lower|fewer))\b"
)
_OPPOSITE: dict[str, Relation] = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_BESIDE_RANGE = re.compile(
    r"\s?[(\[,]\s?(?:(?:with|an|a|uncertainty|interval|range|from|between|of|95|%|ci)[:,]? ?)*$", re.IGNORECASE
)
_LINK = re.compile(r"\s?(to|-|–|—|through|±|\+/-|\+-|x|×|by|,|and|or|, and|/)\s?", re.IGNORECASE)
_SLICE_WORD = re.compile(r"\bslice\s$", re.IGNORECASE)
"""Stands between the ends of "slice 3 to slice 9", which is one range."""


@dataclass(frozen=True)
class Figure:
    """A number as it stands in a text.

    Attributes:
        value: As printed, in `unit`.
        decimals: Decimals printed, after any power of ten.
        dimension: "length", "HU", "slice" (a slice's number) ...; None for a bare number.
        factor: From the printed unit to its dimension's base (mm, mm2, mL).
        start, end: Where it stands, unit included.
        relation: What the words beside it say of it ("below 6 mm" is "<").
        role: Whether it is a value or an end of a range or a spread after a plus-minus sign.
        group: Figures of one group are one statement: a value with its interval.
        place: Position in a product such as 12 x 8 mm, or None.
        word: Whether it was written as a word.
    """

    value: float
    decimals: int
    dimension: str | None
    factor: float
    start: int
    end: int
    text: str
    relation: Relation | None = None
    role: Role = "value"
    group: int = 0
    place: int | None = None
    word: bool = False

    def prints(self, true: float, factor: float = 1.0, decimals: int | None = None) -> bool:
        """Whether rounding `true` (times `factor` to the base) to the printed decimals prints this.

        A change of unit may not lose more than 5 %, and a value that is not 0 prints as 0 only
        with the `decimals` that its record is printed with.
        """
        exact = true * factor / self.factor
        step = 10.0**-self.decimals
        if abs(exact - self.value) > 0.5 * step * (1 + 1e-9) + 1e-12 * abs(exact):
            return False
        if self.value == 0:
            return exact == 0 or (decimals is not None and factor == self.factor and self.decimals >= decimals)
        return factor == self.factor or abs(exact - self.value) <= 0.05 * abs(exact)

    def same(self, other: "Figure") -> bool:
        """Whether both say the same value in the same dimension, whatever the unit."""
        mine, theirs = self.value * self.factor, other.value * other.factor
        return self.dimension == other.dimension and abs(mine - theirs) <= 1e-9 * max(1.0, abs(mine))


def unit_of(text: str) -> tuple[str | None, float] | None:
    """Dimension and factor of a unit as a library writes it, or None where it is unknown."""
    plain = text.strip()
    if plain in ("", "1", "{count}", "ratio"):
        return None, 1.0
    for unit in Unit:
        if plain == unit.value:
            return QUANTITY_UNITS[unit]
    return _UNITS.get(_key(plain))


def figures(text: str) -> tuple[tuple[Figure, ...], tuple[tuple[int, int], ...]]:
    """Figures of `text` in order, and the spans of codes: digits that are no readable number."""
    text = _SUPERSCRIPT.sub(lambda match: match[0].translate(_DIGITS), text)
    found: list[Figure] = []
    codes: list[tuple[int, int]] = []
    position = 0
    while True:
        number = _NUMBER.search(text, position)
        if number is None:
            break
        start, end = number.start("digits"), number.end()
        code = _CODE.match(text, start)
        before = text[start - 1] if start else " "
        if before.isalpha() or before == "_" or (code and code.end() >= end):
            word = _whole_word(text, start, code.end() if code else end)
            position = word[1]
            if _key(text[word[0] : word[1]]) not in _UNITS:
                codes.append(word)
            continue
        figure = _read(text, number)
        if figure is None:
            codes.append(_whole_word(text, start, end))
            position = codes[-1][1]
            continue
        found.append(figure)
        position = figure.end
    found.extend(_words(text, codes))
    found.sort(key=lambda figure: figure.start)
    return tuple(_related(text, _grouped(text, _with_units(text, found)))), tuple(codes)


def _read(text: str, number: re.Match[str]) -> Figure | None:
    digits = number["digits"].replace(",", "")
    exponent = number["e"] or number["caret"] or (number["super"] or "").translate(_SUPER_DIGITS)
    power = int(exponent.lstrip("eE")) if exponent else 0
    if abs(power) > 30 or len(digits) > 24:
        return None
    start = number.start()
    minus = number["sign"] == "-"
    if text[max(0, start - 6) : start].lower() == "minus ":
        start, minus = start - 6, True
    value = float(digits) * 10.0**power * (-1.0 if minus else 1.0)
    decimals = len(digits.partition(".")[2]) - power
    unit = _UNIT.match(text, number.end())
    if unit is None and (
        text[number.end() : number.end() + 1].isalpha() or text[number.end() : number.end() + 1] == "_"
    ):
        return None
    dimension, factor, end = _unit_at(text, unit, number.end())
    return Figure(value, decimals, dimension, factor, start, end, text[start:end])


def _unit_at(text: str, unit: re.Match[str] | None, end: int) -> tuple[str | None, float, int]:
    if unit is None:
        return None, 1.0, end
    dimension, factor = _UNITS[_key(unit[1])]
    rate = _RATE.match(text, unit.end())
    if rate is not None:
        return f"{_key(unit[1])}/{_key(rate[1])}", 1.0, rate.end()
    return dimension, factor, unit.end()


def _key(unit: str) -> str:
    word = unit.replace("^", "").translate(_DIGITS).lower().replace("metre", "meter").replace("litre", "liter")
    return word if word in _UNITS else word.removesuffix("s")


def _whole_word(text: str, start: int, end: int) -> tuple[int, int]:
    while start and (text[start - 1].isalnum() or text[start - 1] == "_"):
        start -= 1
    while end < len(text) and (text[end].isalnum() or text[end] == "_"):
        end += 1
    return start, end


def _words(text: str, codes: list[tuple[int, int]]) -> list[Figure]:
    found = []
    for match in _WORDS.finditer(text):
        before = re.findall(r"[a-z]+", text[max(0, match.start() - 12) : match.start()].lower())[-1:]
        after = re.findall(r"[a-z]+", text[match.end() : match.end() + 12].lower())[:1]
        if match[0].lower() == "one" and (
            set(before) & _NOT_A_COUNT_BEFORE or set(after) & _NOT_A_COUNT_AFTER or not after
        ):
            continue
        dimension, factor, end = _unit_at(text, _UNIT.match(text, match.end()), match.end())
        value = float(NUMBER_WORDS[match[0].lower()])
        found.append(Figure(value, 0, dimension, factor, match.start(), end, text[match.start() : end], word=True))
    return found


def _with_units(text: str, found: list[Figure]) -> list[Figure]:
    """Give bare numbers the unit that the words around them lend: "12 x 8 mm", "slice 12", "volume (mL): 5"."""
    read = list(found)
    for index in range(len(read) - 2, -1, -1):
        figure, following = read[index], read[index + 1]
        link = _LINK.fullmatch(text[figure.end : following.start])
        ranged = _BETWEEN.search(text[max(0, figure.start - 16) : figure.start])
        year = (
            not ranged
            and figure.decimals == 0
            and 1800 <= figure.value <= 2200
            and link
            and link[1].lower() in (",", "and", "or")
        )
        if figure.dimension is None and following.dimension not in (None, "slice") and link and not year:
            read[index] = replace(figure, dimension=following.dimension, factor=following.factor)
    lent: set[int] = set()
    for index, figure in enumerate(read):
        if figure.dimension is not None:
            continue
        before = text[max(0, figure.start - 60) : figure.start]
        previous = read[index - 1] if index else None
        between = text[previous.end : figure.start] if previous else before
        if re.search(r"\bslices?(?: (?:number|numbers|from|index))? ?$", before, re.IGNORECASE):
            read[index] = replace(figure, dimension="slice")
        elif (
            previous
            and previous.dimension
            and (
                _BESIDE_RANGE.fullmatch(between)
                or ((previous.dimension == "slice" or index - 1 in lent) and _LINK.fullmatch(between))
            )
        ):
            lent.add(index)
            read[index] = replace(figure, dimension=previous.dimension, factor=previous.factor)
        else:
            units = _LOOSE_UNIT.findall(between)
            if units:
                dimension, factor = _UNITS[_key(units[-1])]
                read[index] = replace(figure, dimension=dimension, factor=factor)
    return read


def _grouped(text: str, found: list[Figure]) -> list[Figure]:
    """Join a value with its interval, two ends of a range, a spread, and the sides of a product."""
    read = [replace(figure, group=index) for index, figure in enumerate(found)]
    for index in range(1, len(read)):
        first, second = read[index - 1], read[index]
        between = _SLICE_WORD.sub("", text[first.end : second.start])
        link = _LINK.fullmatch(between)
        word = link[1].lower() if link else ""
        ends = word in ("to", "-", "–", "—", "through") or (
            word == "and" and _BETWEEN.search(text[max(0, first.start - 16) : first.start])
        )
        if ends and first.role == "value":
            group = first.group
            if index > 1 and _BESIDE_RANGE.fullmatch(text[read[index - 2].end : first.start]):
                group = read[index - 2].group
            read[index - 1] = replace(first, role="low", group=group)
            read[index] = replace(second, role="high", group=group)
        elif word in ("±", "+/-", "+-"):
            read[index] = replace(second, role="spread", group=first.group)
        elif word in ("x", "×", "by"):
            place = first.place or 0
            read[index - 1] = replace(first, place=place)
            read[index] = replace(second, place=place + 1, group=first.group)
    return read


def _related(text: str, found: list[Figure]) -> list[Figure]:
    read: list[Figure] = []
    for figure in found:
        relation: Relation | None = None
        match = _RELATION.search(text[max(0, figure.start - 80) : figure.start].rstrip() + " ")
        if match:
            relation = "<=" if match["le"] else ">=" if match["ge"] else "<" if match["lt"] else ">"
            if match["no"]:
                relation = _OPPOSITE[relation]
        following = _OR_MORE.match(text, figure.end)
        if following:
            relation = ">=" if following[1] else "<="
        if figure.role in ("high", "spread"):
            relation = None
        if relation is None and read and read[-1].relation and _RESTATED.fullmatch(text[read[-1].end : figure.start]):
            relation = read[-1].relation  # "above 50 percent (0.5)" says one limit twice
        read.append(replace(figure, relation=relation))
    return read
