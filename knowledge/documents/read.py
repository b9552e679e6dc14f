"""Which reader a file is for."""

from collections.abc import Callable, Mapping
from pathlib import Path

from knowledge.documents.parsed import DocumentError, Parsed

Reader = Callable[[bytes, str], Parsed]


def _pdf(data: bytes, name: str) -> Parsed:
    from knowledge.documents.pdf import read_pdf

    return read_pdf(data, name)


def _html(data: bytes, name: str) -> Parsed:
    from knowledge.documents.html import read_html

    return read_html(data, name)


def _jats(data: bytes, name: str) -> Parsed:
    from knowledge.documents.jats import read_jats

    return read_jats(data, name)


def _markdown(data: bytes, name: str) -> Parsed:
    from knowledge.documents.markdown import read_markdown

    return read_markdown(data, name)


def _json_lines(data: bytes, name: str) -> Parsed:
    from knowledge.documents.jsonlines import read_json_lines

    return read_json_lines(data, name)


def _obo(data: bytes, name: str) -> Parsed:
    from knowledge.documents.obo import read_obo

    return read_obo(data, name)


def _plain(data: bytes, name: str) -> Parsed:
    from knowledge.documents.plain import read_plain

    return read_plain(data, name)


# The readers' libraries are imported when a file needs them.
_READERS: Mapping[str, Reader] = {
    ".pdf": _pdf,
    ".html": _html,
    ".htm": _html,
    ".xhtml": _html,
    ".xml": _jats,
    ".nxml": _jats,
    ".md": _markdown,
    ".markdown": _markdown,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".obo": _obo,
    ".txt": _plain,
    ".text": _plain,
}


def suffix_of(path: Path) -> str:
    """The ending that tells the format, in lower case; of x.jsonl.gz it is .jsonl."""
    inner = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    return inner.suffix.lower()


def is_known(path: Path) -> bool:
    """Whether files of this name are read."""
    return suffix_of(path) in _READERS


def parse(data: bytes, path: Path) -> Parsed:
    """Read `data`, the content of the file at `path`.

    Raises:
        DocumentError: Files of this name are not read, or this one is not what its name says.
    """
    if data.startswith(b"%PDF-"):
        return _pdf(data, path.name)
    reader = _READERS.get(suffix_of(path))
    if reader is None:
        raise DocumentError(f"{path.name}: not a kind of file that is read here; known: {' '.join(_READERS)}")
    return reader(data, path.name)
