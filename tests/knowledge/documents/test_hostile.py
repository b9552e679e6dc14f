"""Files made to do harm: they are refused, or become harmless words."""

import gzip
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from knowledge.documents.chunk import cut
from knowledge.documents.files import read_bytes
from knowledge.documents.parsed import DocumentError
from knowledge.documents.read import parse

LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))


def text_of(path: Path) -> str:
    parsed = parse(read_bytes(path), path)
    return " ".join(piece.text for piece in cut(parsed.blocks, parsed.origin))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(
    "document",
    [
        f'<!DOCTYPE article [<!ENTITY a0 "ha">{LAUGHS}]><article><body><p>&a9;</p></body></article>',
        '<!DOCTYPE article [<!ENTITY x SYSTEM "file:///etc/passwd">]><article><body><p>&x;</p></body></article>',
        '<!DOCTYPE article [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p;]><article><body/></article>',
        '<!DOCTYPE article [<!ENTITY a "x">]><article><body><p class="&a;">y</p></body></article>',
    ],
)
def test_xml_with_entities_is_refused(tmp_path: Path, document: str, encoding: str) -> None:
    path = tmp_path / "a.xml"
    path.write_bytes(document.encode(encoding))
    with pytest.raises(DocumentError, match="entities"):
        text_of(path)


def test_no_reader_asks_the_network(tmp_path: Path) -> None:
    asked: list[str] = []

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

    server = HTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    there = f"http://127.0.0.1:{server.server_port}"
    try:
        (tmp_path / "a.xml").write_text(
            f'<!DOCTYPE article PUBLIC "x" "{there}/dtd"><article xmlns:xi="http://www.w3.org/2001/XInclude"><body>'
            f'<p>Words.</p><xi:include href="{there}/include"/></body></article>'
        )
        (tmp_path / "a.html").write_text(
            f'<html><head><base href="{there}"><link rel="stylesheet" href="{there}/css"></head><body><p>Words.</p>'
            f'<img src="{there}/img"><iframe src="{there}/frame"></iframe></body></html>'
        )
        (tmp_path / "a.md").write_text(f"Words. ![x]({there}/img) <img src='{there}/img2'>")
        for name in ("a.xml", "a.html", "a.md"):
            assert "Words." in text_of(tmp_path / name)
    finally:
        server.shutdown()
        server.server_close()
    assert asked == []


def test_deep_nesting_cannot_exhaust_the_stack(tmp_path: Path) -> None:
    deep = 20_000
    (tmp_path / "a.html").write_text(f"<html><body>{'<div>' * deep}x{'</div>' * deep}<p>end</p></body></html>")
    (tmp_path / "a.xml").write_text(f"<article><body>{'<sec>' * deep}<p>x</p>{'</sec>' * deep}</body></article>")
    (tmp_path / "a.md").write_text(">" * deep + " x\n\n" + "[" * deep)
    (tmp_path / "a.jsonl").write_text('{"question": "q", "answer": ' + "[" * deep)
    for name in ("a.html", "a.xml", "a.md", "a.jsonl"):
        try:
            text_of(tmp_path / name)
        except DocumentError as error:
            assert name in str(error)


def test_a_gzip_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("knowledge.documents.files.MAX_BYTES", 2**22)
    path = tmp_path / "a.txt.gz"
    with gzip.open(path, "wb") as file:
        for _ in range(16):
            file.write(bytes(2**20))
    assert path.stat().st_size < 2**16
    with pytest.raises(DocumentError, match="more than 4 MiB"):
        read_bytes(path)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("knowledge.documents.files.MAX_BYTES", 10)
    (tmp_path / "a.txt").write_text("x" * 11)
    with pytest.raises(DocumentError, match="at most"):
        read_bytes(tmp_path / "a.txt")


@pytest.mark.parametrize("seed", range(40))
def test_broken_pdfs_are_named_and_never_crash(tmp_path: Path, seed: int) -> None:
    import random

    from tests.knowledge.documents.files import pdf

    draw = random.Random(seed)
    data = bytearray(pdf(tmp_path / "a.pdf", [["One page of words."], ["Another page."]], [("H", 1)]).read_bytes())
    for _ in range(draw.randint(1, 40)):
        data[draw.randrange(8, len(data))] = draw.randrange(256)
    (tmp_path / "b.pdf").write_bytes(bytes(data[: draw.randrange(len(data) // 2, len(data) + 1)]))
    try:
        text_of(tmp_path / "b.pdf")
    except DocumentError as error:
        assert "b.pdf" in str(error)
