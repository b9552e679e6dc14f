"""JATS, the XML of PubMed Central and most journals (ANSI/NISO Z39.96)."""

import re
from collections.abc import Iterator
from typing import Any

from knowledge.documents.figures import split_caption
from knowledge.documents.flow import Flow, first, lowered, raised, walk
from knowledge.documents.parsed import Block, DocumentError, Origin, Parsed, clean, doi_in, year_in
from knowledge.documents.xml import entity, parse_xml, tag_of

_UNREAD = frozenset(
    "ref-list back-matter fn-group ack glossary tex-math object-id journal-meta article-meta permissions label "
    "supplementary-material media graphic inline-graphic alternatives-id alt-text long-desc".split()
)
_BLOCKS = frozenset(
    "p list list-item def-item def disp-quote disp-formula boxed-text statement tr table thead tbody tfoot "
    "caption verse-group sec table-wrap-foot fn".split()
)
_LEFT = re.compile(r"[(\[]\s*(?:[,;–-]\s*)*[)\]]|\s+(?=[.,;:](?:\s|$))")
"""What is left where the numbers of references were taken out."""


def read_jats(data: bytes, name: str) -> Parsed:
    """The abstract, the sections, the tables and the figures; a compound figure panel by panel.

    Raises:
        DocumentError: It is not sound XML, or no JATS article.
    """
    root = parse_xml(data, name)
    articles = [root] if tag_of(root) == "article" else [item for item in root.iter() if tag_of(item) == "article"]
    if not articles:
        raise DocumentError(f"{name}: XML of the kind <{tag_of(root)}>; of XML only JATS articles are read")
    blocks: list[Block] = []
    several = len(articles) > 1
    for article in articles:
        origin = _origin(article)
        for block in _blocks(article):
            blocks.append(_with(block, origin) if several else block)
    return Parsed(Origin() if several else _origin(articles[0]), blocks)


def _with(block: Block, origin: Origin) -> Block:
    return Block(block.text, block.headings, block.page, block.place, block.alone, origin)


def _blocks(article: Any) -> Iterator[Block]:
    for abstract in _all(article, "abstract"):
        flow = Flow()
        flow.add(_text(_child(abstract, "title")) or "Abstract")
        flow.heading(1)
        yield from _gather(abstract, flow, 1)
    body = _child(article, "body")
    if body is not None:
        yield from _gather(body, Flow(), 0)
    for floats in _all(article, "floats-group"):
        yield from _gather(floats, Flow(), 0)


def _gather(root: Any, flow: Flow, level: int) -> list[Block]:
    """The blocks under `root`, whose own sections are of `level` + 1."""

    def apart(element: Any) -> bool:
        tag = tag_of(element)
        if tag in ("fig", "fig-group"):
            return True
        cited = tag == "xref" and element.get("ref-type") in ("bibr", "fn")
        return not tag or cited or tag in _UNREAD or (tag == "title" and element.getparent() is root)

    for step, element in walk(root, apart):
        tag = tag_of(element)
        if step == "skip":
            if tag in ("fig", "fig-group"):
                flow.flush()
                flow.blocks += _figures(element, flow.headings)
            flow.add(entity(element))
        elif step == "start":
            if tag == "title" and tag_of(element.getparent()) != "caption":
                flow.flush()
            elif tag in _BLOCKS:
                flow.flush("- " if tag == "list-item" else "")
            elif tag in ("td", "th"):
                flow.cell()
            elif tag == "table-wrap":
                flow.flush()
                flow.within(_text(_child(element, "label")) or "a table")
            level += tag == "sec" and element is not root
            flow.add(raised(element.text) if tag == "sup" else lowered(element.text) if tag == "sub" else element.text)
        else:
            if tag == "title" and tag_of(element.getparent()) != "caption":
                flow.heading(level or 1)
            elif tag == "tr":
                flow.row()
            elif tag in _BLOCKS:
                flow.flush()
            elif tag == "table-wrap":
                flow.flush()
                flow.within(None)
            if tag == "sec" and element is not root:
                flow.leave(level)
                level -= 1
        if element is not root and step != "start":
            flow.add(element.tail)
    flow.flush()
    return [Block(_LEFT.sub("", block.text), block.headings, place=block.place, alone=block.alone)
            for block in flow.blocks]  # fmt: skip


def _figures(element: Any, headings: tuple[str, ...]) -> Iterator[Block]:
    """A figure's caption, panel by panel; the caption of a group is set before each figure's own."""
    group = tag_of(element) == "fig-group"
    shared = _caption(element) if group else ""
    label = _text(_child(element, "label"))
    figures = [item for item in element if tag_of(item) == "fig"] if group else [element]
    for figure in figures:
        own = _text(_child(figure, "label"))
        place = own or label or "a figure"
        if group and label and own and len(own.strip("() .")) == 1:
            place = f"{label.rstrip('. ')}{own.strip('() .')}"
        for panel in split_caption(_caption(figure)):
            text = " ".join(filter(None, (shared, panel.text)))
            where = place.rstrip(". ") + panel.letters
            if text:
                yield Block(f"{where}. {text}", headings, place=where, alone=True)


def _caption(element: Any) -> str:
    caption = _child(element, "caption")
    if caption is None:
        return ""
    title = _text(_child(caption, "title"))
    rest = " ".join(_text(item) for item in caption if tag_of(item) == "p")
    if title and title[-1] not in ".:;?!":
        title += "."
    return f"{title} {rest}".strip()


def _origin(article: Any) -> Origin:
    front = _child(article, "front")
    meta = _child(front, "article-meta")
    journal = _child(front, "journal-meta")
    if meta is None:
        return Origin()
    years = [year_in(_text(_child(date, "year"))) for date in _all(meta, "pub-date")]
    identifiers = [_text(item) for item in _all(meta, "article-id") if item.get("pub-id-type") == "doi"]
    return Origin(
        title=_text(_first(meta, "article-title")) or None,
        organisation=first([_text(_first(journal, "journal-title")), _text(_first(journal, "publisher-name"))]),
        year=min((year for year in years if year), default=None),
        doi=doi_in(first(identifiers)),
        licence=_licence(meta),
    )


def _licence(meta: Any) -> str | None:
    reference = _text(_first(meta, "license_ref"))
    if reference:
        return reference
    licence = _first(meta, "license")
    if licence is None:
        return None
    link = first([value for key, value in licence.attrib.items() if key.endswith("href")])
    return link or _text(licence)[:200] or None


def _child(element: Any, tag: str) -> Any:
    return None if element is None else next((item for item in element if tag_of(item) == tag), None)


def _all(element: Any, tag: str) -> list[Any]:
    return [] if element is None else [item for item in element.iter() if tag_of(item) == tag]


def _first(element: Any, tag: str) -> Any:
    return next(iter(_all(element, tag)), None)


def _text(element: Any) -> str:
    """All its text on one line, without the numbers of references."""
    if element is None:
        return ""
    parts: list[str] = []

    def cited(item: Any) -> bool:
        return (
            not tag_of(item)
            or (tag_of(item) == "xref" and item.get("ref-type") == "bibr")
            or tag_of(item) == ("tex-math")
        )

    for step, item in walk(element, cited):
        if step == "start":
            tag = tag_of(item)
            parts.append(raised(item.text) if tag == "sup" else lowered(item.text) if tag == "sub" else item.text or "")
        elif step == "skip":
            parts.append(entity(item))
        if item is not element and step != "start":
            parts.append(item.tail or "")
    return _LEFT.sub("", clean("".join(parts))).strip()
