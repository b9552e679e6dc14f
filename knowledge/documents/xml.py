"""XML, parsed so that a file can neither grow in memory nor reach for anything outside it."""

import html.entities
from typing import Any

from lxml import etree

from knowledge.documents.parsed import DocumentError


def parse_xml(data: bytes, name: str) -> Any:
    """The root element. A DOCTYPE is allowed, since JATS has one, and never loaded.

    Raises:
        DocumentError: It is not well formed, nests too deep, or declares entities of its own.
    """
    # Before anything is parsed, since libxml2 expands entities in attributes whatever it is told.
    if b"<!ENTITY" in data.replace(b"\x00", b"").upper():
        raise DocumentError(f"{name}: it declares XML entities, and such files are not read")
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.LxmlError, ValueError) as error:
        raise DocumentError(f"{name}: not well-formed XML ({error})") from None
    if root is None:
        raise DocumentError(f"{name}: it holds no element")
    return root


def tag_of(element: Any) -> str:
    """Its name without the namespace; empty for what is no element."""
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def entity(element: Any) -> str:
    """The character of an entity reference such as &alpha;, which the DTD would have told."""
    if element.tag is not etree.Entity:
        return ""
    return html.entities.html5.get(f"{element.name};", "")
