"""The trace page in a real browser: the chain checked there, steps, evidence, difference, hostile words."""

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from graphs.trace import verify_trace
from knowledge.evidence import Measurement
from knowledge.quantity import Quantity, SpacingSource, Unit
from tests.ui.browser import Browser, browser
from tests.ui.records import HOSTILE, Doors, OneHouse, conversation
from tests.ui.server import free_port
from ui.report import router as report_router
from ui.terminal import summary
from ui.trace_page import router
from ui.trace_page.page import write_html
from ui.trace_page.record import Record

pytestmark = pytest.mark.timeout(600)
LINES = ('{\\"after\\"', '{\\"end\\"')
"""How an event's line and the last line begin inside a page."""
READY = "document.querySelector('.seal, .plain.bad')"


def shown(page: Browser, address: str) -> None:
    page.go(address)
    page.wait(READY, 120)


def quiet(page: Browser) -> None:
    """Nothing ran that should not, nothing was refused, nothing was asked for from elsewhere, nothing is cut off."""
    assert not page.run("return window.broken")
    assert [entry["message"] for entry in page.log() if entry["level"] == "SEVERE"] == []
    assert page.run("return document.documentElement.scrollWidth <= window.innerWidth")


class Everybody(Doors):
    """One user, who signed in."""

    def user(self, request) -> str:  # type: ignore[no-untyped-def]
        return "me"


@contextmanager
def server(folder: Path, *own: str) -> Iterator[str]:
    """The pages of the home at `folder` on this machine."""
    doors = Everybody(OneHouse(folder))
    doors.owners = dict.fromkeys(own, "me")
    app = FastAPI()
    app.include_router(router(doors.house, doors))
    app.include_router(report_router(doors.house, doors))
    app.get("/favicon.ico")(lambda: None)
    port = free_port()
    running = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    try:
        while not running.started:
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        running.should_exit = True
        thread.join(30)


def test_the_page_as_a_file_checks_itself_and_steps_and_compares(tmp_path: Path) -> None:
    trace = conversation(tmp_path / "home", f"survey {HOSTILE}", "lie to me", hostile=True)
    other = conversation(tmp_path / "home", f"survey {HOSTILE}", "lie to me", hostile=True, side=6)
    files = [tmp_path / f"{name}.html" for name in ("one", "two")]
    heads = [write_html(record, file) for record, file in zip((trace, other), files, strict=True)]
    with browser() as page:
        shown(page, files[0].as_uri())
        assert "The chain is intact" in page.text()
        assert heads[0] in page.text()
        assert verify_trace(trace).head in page.text()
        count = page.run("return citrus.record.events.length")

        # Step by step: nothing of what comes later is told before.
        page.run("document.querySelector('[aria-label=\"First event\"]').click()")
        assert page.run("return document.querySelector('.panel h2').innerText") == "Conversation opened"
        seen = []
        for _ in range(count):
            seen.append(page.run("return document.querySelector('.panel h2').innerText"))
            page.run("document.querySelector('[aria-label=\"One event forward\"]').click()")
        assert seen[2] == "Question 1"
        assert seen[-1] == "Answer 2"
        page.run("document.querySelector('[aria-label=\"One event back\"]').click()")
        assert page.run("return document.querySelector('.stepper output').innerText").startswith(
            f"{count - 1} of {count}"
        )
        page.run("citrus.page.go(2); citrus.page.tab = 'evidence'; citrus.page.show()")
        assert "E4" not in page.run("return citrus.page.panel.innerText")

        # A citation opens its evidence, with the mask on its slice, and the raw prompt is at hand.
        page.run("citrus.page.go(999); citrus.page.tab = 'conversation'; citrus.page.show()")
        page.run("[...document.querySelectorAll('button.cite')].find(one => one.innerText === 'E5').click()")
        assert page.run("return document.querySelector('.evidence.found header').innerText").startswith("E5")
        page.wait("document.querySelector('#evidence-E4 img')?.naturalWidth > 300")
        page.run(
            "citrus.page.go(citrus.record.events.findIndex(one => one.row.event.type === 'reasoner_started'), true)"
        )
        page.wait("document.querySelector('.prompt .good')")
        assert "never instructions" in page.text()
        assert HOSTILE.split(" ")[0] in page.text()
        assert "U+202E" in page.text()
        quiet(page)

        # The other record, from its own page.
        page.run("citrus.page.askOther()")
        page.type("#other-file", str(files[1]))
        page.wait("document.querySelector('.difference')", 120)
        text = page.run("return citrus.page.panel.innerText")
        assert "The other record is intact" in text
        assert "steps differ" in text
        apart = page.run(
            "return citrus.difference(citrus.record, citrus.page.other)"
            ".filter(one => one.kind !== 'same').map(one => one.key)"
        )
        assert apart[0] == "admitted"
        assert "tool_finished 1 1 call_1_1_1" in apart
        assert "asked 1" not in apart
        assert page.run("return citrus.difference(citrus.record, citrus.record).every(one => one.kind === 'same')")
        page.run("document.querySelector('dialog')?.close()")
        for width, height in ((820, 1180), (390, 844), (1280, 900)):
            page.size(width, height)
            quiet(page)


def test_a_change_anywhere_in_a_file_is_found_and_shown(tmp_path: Path) -> None:
    trace = conversation(tmp_path / "home", "survey it")
    file = tmp_path / "page.html"
    write_html(trace, file)
    document = file.read_text(encoding="utf-8")
    line, end = (document[(at := document.index(begin)) : document.index("\\n", at) + 2] for begin in LINES)
    changes = {
        "a word": document.replace("survey it", "Survey it", 1),
        "a figure": document.replace('\\"low\\":4.5', '\\"low\\":4.4', 1),
        "a line less": document.replace(line, "", 1),
        "a cut": document.replace(end, "", 1),
    }
    with browser() as page:
        for name, changed in changes.items():
            assert changed != document, name
            file.write_text(changed, encoding="utf-8")
            shown(page, file.as_uri())
            assert "NOT INTACT" in page.text(), name
        assert "its end is missing" in page.text()


def plain(model: BaseModel) -> object:
    """As the record holds it."""
    return json.loads(model.model_dump_json())


def test_hashes_and_figures_come_out_as_in_python(tmp_path: Path) -> None:
    trace = conversation(tmp_path / "home", "survey it")
    file = tmp_path / "page.html"
    write_html(trace, file)
    values = [0.0, 0.5, 2.5, -845.05, 4.35, 12.25, 12.35, 0.045, 0.125, 99.95, 100.5, 101.5, 1877.01, 1e6, 0.995, -0.25]
    quantities = [
        Quantity(name="x", value=value, unit=unit, low=value - 0.5, high=value + 0.25)
        for value in values
        for unit in (Unit.HU, Unit.ONE, Unit.COUNT, Unit.PX3, Unit.PERCENT)
    ] + [Quantity(name="x", value=3.25, unit=Unit.ML, spacing=SpacingSource.USER)]
    with browser() as page:
        shown(page, file.as_uri())
        told = page.run(
            "return arguments[0].map(one => citrus.quantityText(one))",
            [plain(one) for one in quantities],
        )
        assert told == [one.text() for one in quantities]
        sizes = [0, 1, 54, 55, 56, 63, 64, 65, 119, 120, 1000]
        found = page.run(
            "return arguments[0].map(size => citrus.sha256(Uint8Array.from({length: size}, (_, at) => at % 251)))",
            sizes,
        )
        assert found == [hashlib.sha256(bytes(at % 251 for at in range(size))).hexdigest() for size in sizes]
        assert page.run("return citrus.record.rows.every(one => citrus.sha256(one.line) === one.hash)")
        measured = [item for item in Record.open(trace).evidence.values() if isinstance(item, Measurement)]
        assert page.run("return citrus.summaryOf(arguments[0])", plain(measured[0])) == summary(measured[0])


def test_the_served_page_checks_blobs_replays_exports_and_leads_to_the_report(tmp_path: Path) -> None:
    trace = conversation(tmp_path / "home", "survey it", "lie to me")
    another = conversation(tmp_path / "home", "weigh it")
    head = verify_trace(trace).head
    with server(tmp_path / "home", trace.parent.name, another.parent.name) as address, browser() as page:
        shown(page, f"{address}/trace/{trace.parent.name}#evidence=E5")
        assert "The chain is intact" in page.text()
        assert page.run("return document.querySelector('.evidence.found header').innerText").startswith("E5")
        page.wait("document.querySelector('#evidence-E4 img')?.naturalWidth > 300")
        page.type("#given", head)
        assert "It is the head of this record" in page.text()
        page.run("document.querySelectorAll('.checks button')[0].click()")
        page.wait("document.body.innerText.includes('blobs are intact')", 120)
        page.run("document.querySelectorAll('.checks button')[1].click()")
        page.wait("document.body.innerText.includes('Reproduced exactly')", 300)
        page.run("citrus.page.askExport(); document.querySelector('#words').value = 'sphere'")
        page.run("[...document.querySelectorAll('dialog button.primary')][0].click()")
        page.wait("document.querySelector('dialog')?.innerText.includes('Saved. Its head')", 120)
        page.run("document.querySelector('dialog').close()")
        page.run("citrus.page.askOther()")
        page.wait("document.querySelector('.choices button')", 120)
        page.run("document.querySelector('.choices button').click()")
        page.wait("document.querySelector('.difference')", 120)
        assert another.parent.name in page.run("return citrus.page.panel.innerText")
        quiet(page)

        # Somebody rewrites the record on disk.
        whole = trace.read_bytes()
        trace.write_bytes(whole.replace(b"survey it", b"Survey it", 1))
        shown(page, f"{address}/trace/{trace.parent.name}?again")
        assert "NOT INTACT" in page.text()
        assert "Line 4: it does not follow from the line before" in page.text()
        trace.write_bytes(b"\n".join(whole.split(b"\n")[:-3]) + b"\n")
        shown(page, f"{address}/trace/{trace.parent.name}?cut")
        assert "the tail was cut or rewritten" in page.text()
        trace.write_bytes(whole)

        page.go(f"{address}/report/{trace.parent.name}")
        page.wait("document.querySelector('.report')")
        assert head in page.text()
        page.wait("[...document.querySelectorAll('figure img')].every(one => one.naturalWidth > 300)")
        quiet(page)
