"""Ontologies in the OBO flat file format 1.4: one excerpt for each term that is defined."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from knowledge.documents.files import as_text
from knowledge.documents.parsed import Block, DocumentError, Origin, Parsed, web, year_in

_TAG = re.compile(r"([\w-]+)\s*:\s*(.*)")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_COMMENT = re.compile(r"(?<!\\)\s!.*$")
_WEB = re.compile(r"https?(?:\\?:)//[^\s,\]\"]+")
_ESCAPE = re.compile(r"\\(.)")

_SYNONYMS = 20


@dataclass(frozen=True)
class _Stanza:
    kind: str
    tags: Mapping[str, Sequence[str]]

    def one(self, tag: str) -> str:
        return next(iter(self.tags.get(tag, ())), "")


def read_obo(data: bytes, name: str) -> Parsed:
    """Each term's definition, synonyms and parents, under its name and with its id as the place.

    Raises:
        DocumentError: It is no text, or defines no term.
    """
    stanzas = list(_stanzas(as_text(data, name)))
    header = stanzas[0]
    terms = [stanza for stanza in stanzas[1:] if stanza.kind == "Term" and stanza.one("is_obsolete") != "true"]
    names = {term.one("id"): _plain(_COMMENT.sub("", term.one("name"))) for term in terms}
    blocks = [block for term in terms if (block := _block(term, names))]
    if not blocks:
        raise DocumentError(f"{name}: it defines no [Term] as OBO files do")
    return Parsed(_origin(header), blocks)


def _stanzas(text: str) -> Iterator[_Stanza]:
    """The header, then every stanza."""
    kind, tags = "", defaultdict[str, list[str]](list)
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("[") and stripped.endswith("]"):
            yield _Stanza(kind, tags)
            kind, tags = stripped[1:-1], defaultdict(list)
        elif found := _TAG.fullmatch(stripped):
            tags[found[1]].append(found[2])
    yield _Stanza(kind, tags)


def _block(term: _Stanza, names: Mapping[str, str]) -> Block | None:
    identifier, name = _COMMENT.sub("", term.one("id")), names.get(term.one("id"), "")
    definition = _QUOTED.match(term.one("def"))
    if not identifier or not name:
        return None
    synonyms = [_plain(found[1]) for value in term.tags.get("synonym", ()) if (found := _QUOTED.match(value))]
    parents = [_COMMENT.sub("", value).strip() for value in term.tags.get("is_a", ())]
    known = [names[parent] for parent in parents if names.get(parent)]
    parts = [_plain(definition[1]) if definition else ""]
    if synonyms:
        parts.append(f"Also called: {'; '.join(dict.fromkeys(synonyms[:_SYNONYMS]))}.")
    if known:
        parts.append(f"Is a kind of: {'; '.join(known)}.")
    text = " ".join(filter(None, parts))
    if not text:
        return None
    link = _WEB.search(term.one("def")[definition.end() if definition else 0 :])
    origin = Origin(url=web(link[0].replace("\\:", ":")) if link else None)
    return Block(text, (name,), place=identifier, alone=True, origin=origin)


def _origin(header: _Stanza) -> Origin:
    told = [value for tag in ("property_value", "remark") for value in header.tags.get(tag, ())]
    licence = next((value for value in told if "licen" in value.lower()), "")
    link = _WEB.search(licence)
    title = next((found[1] for value in told if "title" in value and (found := _QUOTED.search(value))), None)
    return Origin(
        title=title or _plain(header.one("ontology")) or None,
        organisation=_plain(header.one("default-namespace")) or None,
        year=year_in(header.one("data-version")) or year_in(header.one("date")),
        licence=link[0].replace("\\:", ":") if link else _plain(licence) or None,
    )


def _plain(value: str) -> str:
    return _ESCAPE.sub(lambda found: {"n": "\n", "W": " ", "t": "\t"}.get(found[1], found[1]), value).strip()
