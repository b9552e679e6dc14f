"""The trace page's document, its addresses and who may open them, and the page as a file."""

import base64
import hashlib
import io
import json
import re
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image
from typer.testing import CliRunner

from graphs.export import read_export
from graphs.replay import replay
from graphs.trace import TraceError, read_trace, verify_trace
from tests.ui.records import HOSTILE, Doors, OneHouse, conversation
from ui.cli import app as command
from ui.trace_page import router
from ui.trace_page.page import served, write_html
from ui.trace_page.record import Record
from ui.trace_page.thumbnails import Thumbnails

ME, YOU = {"x-user": "me"}, {"x-user": "you"}


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return conversation(tmp_path / "home", "survey it", "lie to me")


@pytest.fixture
def client(tmp_path: Path, trace: Path) -> TestClient:
    house = OneHouse(tmp_path / "home")
    doors = Doors(house)
    doors.owners[trace.parent.name] = "me"
    app = FastAPI()
    app.include_router(router(house, doors))
    return TestClient(app, base_url="http://127.0.0.1")


def island(document: str) -> dict:  # type: ignore[type-arg]
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', document, re.DOTALL)
    assert found
    return dict(json.loads(found[1]))


def inside(document: str, tmp_path: Path) -> Path:
    """The export that a page carries, as a file of its own."""
    file = tmp_path / "inside.jsonl"
    file.write_text(island(document)["text"], encoding="utf-8", newline="")
    return file


def test_each_address_asks_who_is_there_and_whether_it_is_theirs(client: TestClient, trace: Path) -> None:
    own = trace.parent.name
    digest = Record.open(trace).blobs[0]
    for path in ("", "/lines", "/others", "/replay", f"/blob/{digest}", "/picture/I1.png"):
        assert client.get(f"/trace/{own}{path}").status_code == 401, path
        assert client.get(f"/trace/{own}{path}", headers=YOU).status_code == 404, path
        assert client.get(f"/trace/{own}{path}", headers=ME).status_code == 200, path
    wanted = {"format": "jsonl"}
    assert client.post(f"/trace/{own}/export", json=wanted).status_code == 401
    assert client.post(f"/trace/{own}/export", json=wanted, headers=YOU).status_code == 404
    for name in ("..", "%2e%2e", "..%2f..%2fetc", "x" * 80, "no-such"):
        assert client.get(f"/trace/{name}/lines", headers=ME).status_code == 404, name


def test_a_blob_or_picture_of_another_conversation_is_not_given(
    client: TestClient, trace: Path, tmp_path: Path
) -> None:
    other = conversation(tmp_path / "home", "weigh it", side=3)
    own = trace.parent.name
    theirs = set(Record.open(other).blobs) - set(Record.open(trace).blobs)
    assert theirs
    for digest in theirs:
        assert client.get(f"/trace/{own}/blob/{digest}", headers=ME).status_code == 404
        assert client.get(f"/trace/{other.parent.name}/blob/{digest}", headers=ME).status_code == 404
    for odd in ("0" * 64, "A" * 64, "x"):
        assert client.get(f"/trace/{own}/blob/{odd}", headers=ME).status_code == 404
    for odd in ("E999", "I2", "..%2fE1", "E1%00"):
        assert client.get(f"/trace/{own}/picture/{odd}.png", headers=ME).status_code == 404
    assert client.get(f"/trace/{own}/others", headers=ME).json() == []


def test_the_lines_come_as_they_are_with_the_head_noted_beside_them(client: TestClient, trace: Path) -> None:
    answer = client.get(f"/trace/{trace.parent.name}/lines", headers=ME)
    assert answer.content == trace.read_bytes()
    assert answer.headers["x-citrus-head"] == verify_trace(trace).head
    for digest in Record.open(trace).blobs:
        data = client.get(f"/trace/{trace.parent.name}/blob/{digest}", headers=ME).content
        assert hashlib.sha256(data).hexdigest() == digest


def test_a_changed_record_still_opens_and_is_neither_exported_nor_reproduced(client: TestClient, trace: Path) -> None:
    trace.write_bytes(trace.read_bytes().replace(b"five", b"FIVE").replace(b"survey it", b"Survey it", 1))
    own = f"/trace/{trace.parent.name}"
    assert client.get(f"{own}/lines", headers=ME).content == trace.read_bytes()
    assert client.get(f"{own}/picture/E1.png", headers=ME).status_code in (200, 404)
    found = client.get(f"{own}/replay", headers=ME).json()
    assert found["reproduced"] is False
    assert "line 4" in found["message"]
    assert str(trace.parent) not in found["message"]
    for kind in ("html", "jsonl"):
        refused = client.post(f"{own}/export", json={"format": kind}, headers=ME)
        assert refused.status_code == 409
        assert str(trace.parent) not in refused.text
    trace.write_bytes(b"\xff\xfe not json\n" + trace.read_bytes())
    assert client.get(own, headers=ME).status_code == 200
    assert client.get(f"{own}/lines", headers=ME).content.startswith(b"\xff\xfe")


def test_replay_and_export_over_the_server(client: TestClient, trace: Path, tmp_path: Path) -> None:
    own = f"/trace/{trace.parent.name}"
    assert client.get(f"{own}/replay", headers=ME).json()["message"].startswith("Reproduced exactly")
    for kind in ("jsonl", "html"):
        wanted = {"format": kind, "words": ["sphere"], "pixels": False}
        answer = client.post(f"{own}/export", json=wanted, headers=ME)
        assert answer.status_code == 200
        assert "attachment" in answer.headers["content-disposition"]
        file = tmp_path / f"got.{kind}"
        file.write_bytes(answer.content)
        _, found = read_export(inside(answer.text, tmp_path) if kind == "html" else file)
        assert found.head == answer.headers["x-citrus-head"]
        assert "sphere" not in answer.text
    for wrong in ({"format": "pdf"}, {"format": "html", "words": [""]}, {"format": "html", "words": ["x"] * 999}, {}):
        assert client.post(f"{own}/export", json=wrong, headers=ME).status_code == 422


def test_the_policy_allows_this_script_and_style_and_nothing_else(client: TestClient, trace: Path) -> None:
    answer = client.get(f"/trace/{trace.parent.name}", headers=ME)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for tag in ("script", "style"):
        text = re.search(rf"<{tag}>(.*?)</{tag}>", answer.text, re.DOTALL)
        assert text
        allowed = base64.b64encode(hashlib.sha256(text[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{allowed}';" in policy
    assert "frame-ancestors 'none'" in policy
    assert not re.search(r'(?:src|href)="?(?:https?:)?//', answer.text)


def test_no_script_of_the_page_makes_markup_of_text() -> None:
    scripts = [one.read_text() for one in files("ui.trace_page").iterdir() if one.name.endswith(".js")]
    assert len(scripts) == 7
    for script in scripts:
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "srcdoc"):
            assert word not in script


def test_the_page_as_a_file_carries_an_export_that_verifies_and_replays(trace: Path, tmp_path: Path) -> None:
    page = tmp_path / "trace.html"
    head = write_html(trace, page)
    document = page.read_text(encoding="utf-8")
    carried = inside(document, tmp_path)
    events, found = read_export(carried)
    assert found.head == head
    assert len(events) == len(read_trace(trace))
    assert replay(carried).transcript
    assert "connect-src &#x27;none&#x27;" in document
    with pytest.raises(FileExistsError):
        write_html(trace, page)
    trace.write_bytes(trace.read_bytes().replace(b"survey it", b"Survey it", 1))
    with pytest.raises(TraceError):
        write_html(trace, tmp_path / "other.html")
    assert not (tmp_path / "other.html").exists()


def test_hostile_words_stay_inside_the_data_block(tmp_path: Path) -> None:
    file = conversation(tmp_path / "home", f"survey {HOSTILE}", hostile=True)
    page = tmp_path / "trace.html"
    write_html(file, page)
    document = page.read_text(encoding="utf-8")
    assert document.count("<script") == 2
    assert document.count("</script") == 2
    assert "<img" not in document
    assert "<!--" not in document
    assert HOSTILE in inside(document, tmp_path).read_text(encoding="utf-8")
    assert "<" not in served("x", {})[0].partition('id="data">')[2].partition("</script>")[0]


def first_of(record: Record, kind: str) -> str:
    return next(item.id for item in record.evidence.values() if item.kind == kind)


def bright(png: bytes) -> float:
    """How bright the middle of a picture is, its marks and words aside."""
    with Image.open(io.BytesIO(png)) as picture:
        grey = np.asarray(picture.convert("L")).astype(float)
    wide = grey.shape[1]
    return float(grey[int(0.35 * wide) : int(0.5 * wide), int(0.35 * wide) : int(0.5 * wide)].mean())


def test_pictures_of_an_image_that_may_hold_a_name_show_marks_alone(tmp_path: Path) -> None:
    for may_name, pixels, seen in ((False, False, True), (True, False, False), (True, True, True)):
        file = conversation(tmp_path / "home", "survey it", may_name=may_name)
        page = tmp_path / f"{may_name}{pixels}.html"
        write_html(file, page, pixels=pixels)
        pictures = island(page.read_text(encoding="utf-8"))["pictures"]
        assert ("I1" in pictures) is seen
        drawn = first_of(Record.open(file), "mask")
        mask = base64.b64decode(pictures[drawn].partition(",")[2])
        assert (bright(mask) > 120) is seen


def test_a_mark_is_drawn_on_the_slice_that_shows_it(trace: Path) -> None:
    drawn = Thumbnails(Record.open(trace))
    for kind in ("mask", "region", "measurement", "view"):
        assert drawn.png(first_of(drawn.record, kind)), kind
    for kind in ("passage", "absence", "statement"):
        assert drawn.png(first_of(drawn.record, kind)) is None, kind
    assert drawn.png("E999") is None


def test_an_export_opens_as_a_record_and_shows_marks_without_pixels(trace: Path, tmp_path: Path) -> None:
    page = tmp_path / "trace.html"
    write_html(trace, page)
    record = Record.open(inside(page.read_text(encoding="utf-8"), tmp_path))
    assert record.head is None
    assert record.case.images
    drawn = Thumbnails(record)
    assert drawn.png("I1") is None
    png = drawn.png(first_of(record, "mask"))
    assert png
    assert bright(png) < 100


def test_the_command_writes_the_page(trace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITRUS_HOME", str(tmp_path / "home"))
    out = tmp_path / "trace.html"
    arguments = ["trace", "export", trace.parent.name, "--html", "-o", str(out), "--redact", "sphere"]
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == 0, done.output
    document = out.read_text(encoding="utf-8")
    assert "sphere" not in document
    assert read_export(inside(document, tmp_path))[1].head in done.stdout
    assert CliRunner().invoke(command, arguments).exit_code == 2
    lost = CliRunner().invoke(command, [*arguments[:5], str(tmp_path / "no" / "where.html")])
    assert lost.exit_code == 2
    assert "cannot be written" in lost.stderr
