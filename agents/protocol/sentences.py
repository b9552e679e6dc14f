"""Sentences a clinician reads, each made from the evidence it cites and nothing else."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.protocol.conversation import Piece
from agents.protocol.kit import COUNT
from agents.protocol.plan import listed
from agents.protocol.words import is_plural
from knowledge.briefing import cite
from knowledge.evidence import ANISOTROPIC, NO_SPACING, TRUNCATED

_BARE = ('"', "other ")


@dataclass(frozen=True)
class Sentence:
    """One sentence and the ids it cites; a question cites none.

    Attributes:
        plain: A barer sentence with the same citation, for when this one is not accepted.
    """

    text: str
    evidence: tuple[str, ...] = ()
    plain: str = ""

    @property
    def marked(self) -> str:
        """The sentence with its citation mark before the full stop."""
        if not self.evidence:
            return self.text
        return f"{self.text.rstrip('.')} {cite(*dict.fromkeys(self.evidence))}."


def about(*pieces: Piece, text: str, plain: str = "") -> Sentence:
    """A sentence that cites `pieces`."""
    return Sentence(text, tuple(dict.fromkeys(piece.id for piece in pieces)), plain)


def one_sentence(text: str) -> str:
    """Words from evidence as part of a sentence: no full stop inside, no citation marks, no quotes."""
    plain = re.sub(r"[\[\]]", "", " ".join(text.split())).replace('"', "")
    parts = re.split(r"[.!?]+\s+", plain.strip().rstrip(".;!? "))
    return "; ".join([parts[0], *(lower_first(part) for part in parts[1:])])


def lower_first(text: str) -> str:
    """`text` with a small first letter, unless its first word is an abbreviation."""
    return text[:1].lower() + text[1:] if re.match(r"[A-Z][a-z]*\b", text) else text


def upper_first(text: str) -> str:
    """`text` with a capital first letter."""
    return text[:1].upper() + text[1:]


def names(targets: Iterable[str]) -> str:
    """Structures as the subject of a sentence: "the left lung and the trachea".

    What is quoted, and what may not be there ("other lesions"), has no article.
    """
    return listed([target if target.startswith(_BARE) else f"the {target}" for target in dict.fromkeys(targets)])


def both(targets: Sequence[str]) -> str | None:
    """ "both lungs" for a left and a right one, else None."""
    bases = {target.split(" ", 1)[-1] for target in targets}
    sides = {target.split(" ", 1)[0] for target in targets}
    return f"both {plural(bases.pop())}" if len(bases) == 1 and sides == {"left", "right"} else None


def plural(noun: str) -> str:
    """The plural of a structure's name; "nuclei" and the like are plural already."""
    if noun.endswith("ss"):
        return f"{noun}es"
    if noun.endswith("ity"):
        return f"{noun.removesuffix('y')}ies"
    return noun if noun.endswith(("s", "i")) else f"{noun}s"


def _verb(noun: str, singular: str) -> str:
    """A verb of the third person for a noun: "measures" for the spleen, "measure" for the lungs."""
    if not is_plural(noun):
        return singular
    return {"is": "are", "was": "were", "lies": "lie"}.get(singular, singular.removesuffix("s"))


def be(nouns: Sequence[str]) -> str:
    """ "is" or "are", for one structure or several."""
    return "are" if len(nouns) > 1 else _verb(nouns[0], "is")


def printed(piece: Piece) -> str:
    """A measurement as its evidence prints it."""
    return piece.text("text")


def without_interval(piece: Piece) -> str:
    """The printed value and unit alone."""
    return printed(piece).partition(" (")[0]


def measurement(piece: Piece, where: str = "") -> Sentence:
    """What a quantity of a structure is."""
    name, target = str(piece.quantity.get("name", "value")), piece.target or "structure"
    unit = str(piece.quantity.get("unit", ""))
    tail = where
    if TRUNCATED in piece.caveats and name.lower() in ("volume", "area"):
        tail = f" in the part that is in the field of view{where}"
    if name == COUNT:
        return about(piece, text=f"The number of {plural(target)} is {printed(piece)}{tail}")
    plain = f"The {name} of the {target} is {printed(piece)}"
    if name.lower() in ("volume", "area"):
        return about(piece, text=f"The {target} {_verb(target, 'measures')} {printed(piece)}{tail}", plain=plain)
    return about(
        piece, text=f"The {_quantity_words(name, unit)} of the {target} is {printed(piece)}{tail}", plain=plain
    )


def quantity_words(piece: Piece) -> str:
    """What a quantity is called in a sentence."""
    return _quantity_words(str(piece.quantity.get("name", "value")), str(piece.quantity.get("unit", "")))


def _quantity_words(name: str, unit: str) -> str:
    if name.lower() in ("mean", "minimum", "maximum", "median", "standard deviation"):
        return f"{name} {'attenuation' if unit.startswith('[hnsf') else 'signal'}"
    if name.lower() in ("components", "component count"):
        return "number of components"
    return name


def caveats(pieces: Sequence[Piece], told: Sequence[str] = ()) -> list[Sentence]:
    """Each caveat once, citing every piece that carries it; those `told` elsewhere are left out."""
    carried: dict[str, list[Piece]] = {}
    for piece in pieces:
        for caveat in piece.caveats:
            if caveat not in told:
                carried.setdefault(caveat, []).append(piece)
    return [about(*bearers, text=_caveat(caveat, bearers)) for caveat, bearers in carried.items()]


def _caveat(caveat: str, bearers: Sequence[Piece]) -> str:
    targets = list(dict.fromkeys(piece.target or "structure" for piece in bearers))
    measured = [piece for piece in bearers if piece.kind == "measurement"]
    several = len(targets) > 1
    if caveat == TRUNCATED:
        subject = both(targets) or names(targets)
        cut = f"{upper_first(subject)} {be(targets)} cut off by the edge of the field of view"
        kinds = list(dict.fromkeys(str(piece.quantity.get("name", "value")) for piece in measured))
        if not measured:
            return cut
        if len(measured) == 1 and not kinds[0].endswith("s"):
            return f"{cut}, so this {kinds[0]} is that of the imaged part only"
        what = _plural_quantity(kinds[0]) if len(kinds) == 1 else "values"
        return f"{cut}, so these {what} are those of the imaged {'parts' if several else 'part'} only"
    if caveat == ANISOTROPIC:
        return "The voxels are longer along one axis, so sizes along that axis are less certain"
    if caveat == NO_SPACING:
        return "The physical size of a pixel is unknown in this image, so sizes are in pixels"
    return upper_first(one_sentence(caveat))


def _plural_quantity(name: str) -> str:
    return name if name.endswith("s") else f"{name}s"


def absences(pieces: Sequence[Piece], where: str = "") -> list[Sentence]:
    """What was looked for and is not there; a left and a right one that one search missed together."""
    searches: dict[tuple[str, str], list[Piece]] = {}
    for piece in pieces:
        base = re.sub(r"^(left|right) ", "", piece.target or "structure")
        searches.setdefault((base, one_sentence(piece.text("searched"))), []).append(piece)
    found = []
    for (base, searched), group in searches.items():
        targets = [piece.target or "structure" for piece in group]
        what = base if both(targets) else targets[0]
        how = f": {lower_first(searched)}" if searched else ""
        text = f"No {what} is in the field of view{where}{how}"
        found.append(about(*group, text=text, plain=f"No {what} is seen in this image{how}"))
    return found


def limitations(refused: Sequence[tuple[Piece, list[str]]]) -> list[Sentence]:
    """What could not be done, why, and what can be done instead; what one reason stopped together.

    Args:
        refused: Each limitation with the structures that were asked for when it was met; in quotes what is none, and
            with "other" the rest of what a general name means.
    """
    reasons: dict[str, list[tuple[Piece, str]]] = {}
    for piece, asked in refused:
        one = asked[0] if len(asked) == 1 else ""
        target = one if one.startswith(_BARE) else piece.target or one
        reasons.setdefault(_why(piece), []).append((piece, target))
    found = []
    for reason, met in reasons.items():
        pieces, targets = [piece for piece, _ in met], [target for _, target in met if target]
        # A reason that names what it is about stands for itself.
        said = not targets or reason.lower().startswith(f"{names(targets)} cannot be ".lower())
        text = reason if said else f"{upper_first(names(targets))} cannot be assessed here: {lower_first(reason)}"
        found.append(about(*pieces, text=upper_first(text), plain=upper_first(one_sentence(pieces[0].text("reason")))))
    return found


def _why(piece: Piece) -> str:
    """The reason of a limitation, without repeating what was asked, and what is known instead."""
    reason = piece.text("reason")
    repeated = re.match(r"\"[^\"]*\"(?:, \"[^\"]*\")* cannot be \w+ here\.\s+", reason)
    words = one_sentence(reason[repeated.end() :] if repeated else reason)
    known = [str(word) for word in piece.data.get("known") or ()]
    if known and not all(word.lower() in reason.lower() for word in known):
        words += f"; what can be asked for instead: {one_sentence(', '.join(known))}"
    return words


def offer(piece: Piece) -> Sentence:
    """What can be done, from a limitation that lists it."""
    known = [str(word) for word in piece.data.get("known") or ()]
    where = f"In {piece.image} these" if piece.image else "These"
    if not known:
        return limitations([(piece, [])])[0]
    return about(piece, text=f"{where} can be segmented: {one_sentence(', '.join(known))}")


def present(pieces: Sequence[Piece], where: str = "") -> Sentence:
    """That structures were found."""
    targets = list(dict.fromkeys(piece.target or "structure" for piece in pieces))
    subject = both(targets) or names(targets)
    return about(*pieces, text=f"{upper_first(subject)} {be(targets)} seen{where or ' in this image'}")


def place(piece: Piece, where: str = "") -> Sentence:
    """Where a structure lies, in the image's own pixels and slices."""
    ends = [f"{float(end):g}" for end in piece.data.get("box") or ()]
    if len(ends) != 4:
        return present([piece], where)
    box = f"in the box from ({ends[0]}, {ends[1]}) to ({ends[2]}, {ends[3]}) px"
    on = slices(piece)
    target = str(piece.target)
    text = f"The {target} {_verb(target, 'lies')} {box}{f', {on}' if on else ''}{where}"
    plain = f"The {target} {_verb(target, 'extends')} {on}" if on else f"The {target} {_verb(target, 'is')} seen"
    return about(piece, text=text, plain=plain)


def places(count: Piece, where: str = "") -> Sentence:
    """How many of a structure are seen; the count rests on the boxes, so it shows them."""
    text = f"The number of {plural(count.target or 'structure')} seen{where or ' in this image'} is {printed(count)}"
    return about(count, text=text, plain=measurement(count, where).text)


def extent(piece: Piece, where: str = "") -> Sentence:
    """On which slices a structure lies."""
    on = slices(piece)
    target = str(piece.target)
    return about(piece, text=f"The {target} {_verb(target, 'extends')} {on}{where}") if on else place(piece, where)


def slices(piece: Piece) -> str:
    """The first and last slice of a mask or box, counted from 1; empty for planes."""
    span = piece.data.get("slices") or (0, 1)
    if len(span) != 2 or tuple(span) == (0, 1):
        return ""
    first, last = int(span[0]) + 1, int(span[1])
    return f"on slice {first}" if first == last else f"from slice {first} to slice {last}"


def facts(piece: Piece, where: str = "") -> list[Sentence]:
    """What an image is, and where each fact comes from."""
    known = [fact for fact in image_facts(piece) if fact[2] != "unknown" and not fact[1].startswith("unknown")]
    unknown = [name for name, value, origin in image_facts(piece) if (name, value, origin) not in known]
    found = []
    if known:
        words = [
            f"the {name} {'are' if name.endswith('s') else 'is'} {value}{_origin(origin)}"
            for name, value, origin in known
        ]
        plain = upper_first(f"{words[0]}{where}")
        found.append(about(piece, text=upper_first(f"{'; '.join(words)}{where}"), plain=plain))
    if unknown:
        verb = "are" if len(unknown) > 1 else "is"
        found.append(about(piece, text=f"The {listed(unknown)} {verb} unknown{where}"))
    return found


def image_facts(piece: Piece) -> list[tuple[str, str, str]]:
    """Name, value in words and origin of each fact."""
    raw = piece.data.get("facts")
    rows: Mapping[str, Any] = raw if isinstance(raw, dict) else {}
    return [
        (one_sentence(str(name)).replace("_", " "), one_sentence(str(fact[0])), str(fact[1]))
        for name, fact in rows.items()
        if isinstance(fact, list | tuple) and len(fact) == 2
    ]


def _origin(origin: str) -> str:
    return "" if origin == "header" else f", {origin}"


def taken_to_be(piece: Piece, where: str = "") -> Sentence | None:
    """That an image's modality is not stated but inferred or assumed; None where it is known."""
    for name, value, origin in image_facts(piece):
        if name == "modality" and origin in ("inferred", "assumed"):
            how = f"{origin} from its values" if origin == "inferred" else origin
            return about(
                piece, text=f"The modality is {value}, {how}{where}", plain=f"The modality is {value}, {origin}"
            )
    return None


def generic(piece: Piece) -> list[Sentence]:
    """Any evidence in words, for tools of other makers."""
    match piece.kind:
        case "measurement":
            return [measurement(piece)]
        case "absence":
            return absences([piece])
        case "limitation":
            return limitations([(piece, [])])
        case "mask":
            return [about(piece, text=f"The {piece.target} {_verb(str(piece.target), 'was')} segmented")]
        case "region":
            return [place(piece)]
        case "image_facts":
            return facts(piece)
        case "view":
            return [about(piece, text=f"The picture shows {lower_first(one_sentence(piece.text('description')))}")]
        case "statement":
            words = piece.text("text").replace('"', "'")
            return [about(piece, text=f'The {piece.text("speaker") or "chart"} says "{words.rstrip(".")}"')]
        case "passage":
            return [quote(piece, [piece.text("text")])]
    return []


def quote(piece: Piece, words: Sequence[str]) -> Sentence:
    """Sentences of a passage, word for word, with who says so."""
    source = piece.data.get("source")
    organisation = source.get("organisation") if isinstance(source, dict) else None
    said = " ".join(words).strip().rstrip(".")
    title = one_sentence(piece.text("title"))
    by = f" ({one_sentence(str(organisation))})" if organisation else ""
    return about(piece, text=f'On "{title}", the library says{by}: "{said}"', plain=f'The library says: "{said}"')
