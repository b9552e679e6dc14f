"""HTML: what a reader would see, under its headings."""

from collections.abc import Sequence
from typing import Any

from lxml import etree
from lxml import html as markup

from knowledge.documents.flow import Flow, first, lowered, raised, walk
from knowledge.documents.parsed import DocumentError, Origin, Parsed, doi_in, web, year_in

_UNSEEN = frozenset(
    "script style template noscript nav aside footer form svg iframe object embed audio video canvas button select "
    "head datalist dialog math map".split()
)
_BLOCKS = frozenset(
    "address article blockquote body dd div dl dt fieldset figcaption figure header hr legend li main ol p pre section "
    "table tbody tfoot thead tr ul caption details summary br".split()
)
_HIDING = ("display:none", "visibility:hidden", "font-size:0", "opacity:0")


def read_html(data: bytes, name: str) -> Parsed:
    """Paragraphs, lists and table rows of the page's main part; nothing that a browser would not show.

    Raises:
        DocumentError: It cannot be read as HTML.
    """
    parser = markup.HTMLParser(
        encoding=_encoding(data), no_network=True, remove_comments=True, remove_pis=True, huge_tree=False
    )
    try:
        root = markup.document_fromstring(data, parser=parser)
    except (etree.LxmlError, ValueError, AssertionError) as error:
        raise DocumentError(f"{name}: cannot be read as HTML ({error})") from None
    if root is None:
        raise DocumentError(f"{name}: it holds no HTML")
    flow = Flow()
    _gather(_main(root), flow)
    heading = next((block.headings[0] for block in flow.blocks if block.headings), None)
    return Parsed(_origin(root).over(Origin(title=heading)), flow.blocks)


def _encoding(data: bytes) -> str | None:
    """UTF-8 if it is that; else what the page says, as libxml2 finds it."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return "utf-8"


def _main(root: Any) -> Any:
    """The page's main part, where it is marked."""
    for path in (".//main", ".//article"):
        found = root.findall(path)
        if len(found) == 1:
            return found[0]
    body = root.find("body")
    return root if body is None else body


def _gather(root: Any, flow: Flow) -> None:
    for step, element in walk(root, _unseen):
        tag = element.tag if isinstance(element.tag, str) else ""
        level = int(tag[1]) if len(tag) == 2 and tag[0] == "h" and tag[1] in "123456" else 0
        if step == "start":
            if level or tag in _BLOCKS:
                flow.flush("- " if tag == "li" else "")
            elif tag in ("td", "th"):
                flow.cell()
            match tag:
                case "sup":
                    flow.add(raised(element.text))
                case "sub":
                    flow.add(lowered(element.text))
                case _:
                    flow.add(element.text)
        elif step == "end" and level:
            flow.heading(level)
        elif step == "end" and tag == "tr":
            flow.row()
        elif step == "end" and tag in _BLOCKS:
            flow.flush()
        if element is not root and step != "start":
            flow.add(element.tail)
    flow.flush()


def _unseen(element: Any) -> bool:
    if not isinstance(element.tag, str) or element.tag in _UNSEEN:
        return True
    style = "".join((element.get("style") or "").lower().split())
    return (
        element.get("hidden") is not None
        or element.get("aria-hidden") == "true"
        or any(hiding in style.replace("0px", "0") for hiding in _HIDING)
    )


def _origin(root: Any) -> Origin:
    """What the head says of the page: Highwire, Dublin Core and Open Graph names."""
    told: dict[str, str] = {}
    for meta in root.iter("meta"):
        key = (meta.get("name") or meta.get("property") or "").lower()
        if key and meta.get("content"):
            told.setdefault(key, meta.get("content"))

    def says(*names: str) -> str | None:
        return first([told.get(name) for name in names])

    heading = root.find(".//title")
    return Origin(
        title=says("citation_title", "dc.title", "og:title")
        or (heading.text_content() if heading is not None else None),
        organisation=says("citation_journal_title", "citation_publisher", "dc.publisher", "og:site_name", "author"),
        year=year_in(
            says("citation_publication_date", "citation_date", "dc.date", "article:published_time", "dcterms.date")
        ),
        doi=doi_in(says("citation_doi", "dc.identifier")),
        url=web(first([_link(root, "canonical"), told.get("og:url")])),
        licence=first([_link(root, "license"), says("dc.rights", "dcterms.license")]),
    )


def _link(root: Any, relation: str) -> str | None:
    found: Sequence[Any] = root.xpath(".//*[(self::link or self::a) and @rel=$relation]/@href", relation=relation)
    return str(found[0]) if found else None
