"""The trace page as one HTML document: style, script and data inside, nothing loaded from elsewhere.

The record stands in it byte for byte, as one JSON string in a data block, so that the browser can
hash exactly the lines that were written. Everything in it is data: the script makes text nodes of
it and never markup.
"""

import base64
import hashlib
import json
import tempfile
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from graphs.closing import NOTICE
from graphs.export import export
from knowledge.evidence import CAVEATS
from knowledge.quantity import Unit
from ui.trace_page.record import Record
from ui.trace_page.thumbnails import Thumbnails

_SCRIPTS = ("sha256.js", "record.js", "words.js", "parts.js", "detail.js", "compare.js", "page.js")


def served(identifier: str, links: dict[str, str]) -> tuple[str, str]:
    """The page of a conversation on this server, which fetches the record itself.

    Args:
        links: Further pages of the conversation, name to address.

    Returns:
        The document and the policy that its response must carry.
    """
    data = {"mode": "served", "base": f"/trace/{identifier}", "links": links}
    policy = _policy("img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'")
    return _document(f"Trace {identifier}", data, policy), policy


def write_html(file: Path, target: Path, *, pixels: bool = False, words: Sequence[str] = ()) -> str:
    """Write the trace at `file` as a page that needs nothing else, redacted as any export is.

    Returns:
        The hash of the last line of the export inside it.

    Raises:
        TraceError: The trace is not intact; nothing is written.
        FileExistsError: `target` is already there.
    """
    with tempfile.TemporaryDirectory() as scratch:
        exported = Path(scratch) / "export.jsonl"
        head = export(file, exported, pixels=pixels, words=words)
        record = Record.open(exported)
        # Drawn from the record itself: the export lacks the pixels that a mark is seen on.
        thumbnails = Thumbnails(Record.open(file), hidden=lambda image: image.may_name_patient and not pixels)
        pictures = {name: _address(png) for name in thumbnails.names if (png := thumbnails.png(name)) is not None}
        data = {"mode": "file", "text": record.data.decode(), "pictures": pictures}
        policy = _policy("img-src data:; connect-src 'none'")
        document = _document(f"Trace {head[:12]}", data, policy)
    with target.open("x", encoding="utf-8") as out:
        out.write(document)
    return head


def _address(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _script() -> str:
    folder = files("ui.trace_page")
    parts = [folder.joinpath(name).read_text(encoding="utf-8") for name in _SCRIPTS]
    return '"use strict";\n(() => {\n' + "\n".join(parts) + "\n})();\n"


def _style() -> str:
    return files("ui.trace_page").joinpath("page.css").read_text(encoding="utf-8")


def _policy(more: str) -> str:
    script, style = _source(_script()), _source(_style())
    return f"default-src 'none'; script-src {script}; style-src {style}; base-uri 'none'; form-action 'none'; {more}"


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _document(title: str, data: dict[str, Any], policy: str) -> str:
    words = {
        "notice": NOTICE,
        "caveats": CAVEATS,
        "units": {unit.value: unit.label for unit in Unit},
        "whole": [Unit.COUNT.value, Unit.SLICE.value, Unit.PX3.value],
    }
    # In JSON a "<" can stand inside strings only, where its escape means the same.
    island = json.dumps(data | {"words": words}, ensure_ascii=False).replace("<", "\\u003c")
    frame = files("ui.trace_page").joinpath("page.html").read_text(encoding="utf-8")
    # A policy in the document cannot speak of frames; the response's header does.
    inner = policy.replace("; frame-ancestors 'none'", "")
    filled = {
        "POLICY": escape(inner), "TITLE": escape(title), "STYLE": _style(), "DATA": island, "SCRIPT": _script(),
    }  # fmt: skip
    parts = frame.split("@@")
    return "".join(filled[part] if at % 2 else part for at, part in enumerate(parts))
