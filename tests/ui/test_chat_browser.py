"""The page in a real browser, where there is one: from signing in to the record, over a restart of the server."""

import json
import os
import time
from pathlib import Path

import httpx2
import pytest

from graphs.diagnose import NOTICE
from graphs.home import Home
from graphs.trace import read_trace, verify_trace
from tests.ui.browser import Browser, browser
from tests.ui.cases import archive, cube, slices
from tests.ui.conftest import HOUSE
from tests.ui.server import Server, serving
from ui.access_users import Users

CONNECTED = "document.querySelector('#chat-settings-open-modal')"
"""The settings come over the connection; before it stands a file is refused, saying that there is no session."""

HOSTILE = "<img src=x onerror=window.broken=1> **b**.txt"
PASSWORD = "correct horse battery"  # noqa: S105 - of nobody
UNNAMED = """
[...document.querySelectorAll('button, a[href], textarea, select, [role=button]')].filter((one) => one.offsetParent
  && ![one.getAttribute('aria-label'), one.innerText, one.title, one.placeholder, one.querySelector('img')?.alt]
    .some((name) => name?.trim()))
  .map((one) => one.outerHTML)
"""
LAST_ANSWER = "[...document.querySelectorAll('.message-content')].at(-1).innerText"


def keep(page: Browser, name: str) -> None:
    """A picture of the window for a person to look at, where CITRUS_PICTURES names a folder."""
    if folder := os.environ.get("CITRUS_PICTURES"):
        page.run("return new Promise(done => setTimeout(done, 600))")
        page.picture(Path(folder) / f"{name}.png")


def severe(page: Browser) -> list[str]:
    return [entry["message"] for entry in page.log() if entry["level"] == "SEVERE"]


def unnamed(page: Browser) -> list[str]:
    """Buttons and fields without a name for who cannot see them, once the page has had time to give them one."""
    for _ in range(100):
        if not (found := page.run(f"return ({UNNAMED})")):
            break
        time.sleep(0.1)
    return [str(one) for one in found]


def sign_in(page: Browser, address: str) -> None:
    page.go(address)
    page.wait("location.pathname === '/login' && document.querySelector('#password')")
    keep(page, "signing-in")
    page.type("#email", "alice")
    page.type("#password", "wrong wrong wrong")
    page.click("button[type=submit]")
    page.wait("document.body.innerText.includes('That is not your name')")
    page.run("document.querySelector('#password').select()")
    page.type("#password", PASSWORD)
    page.click("button[type=submit]")
    page.wait(CONNECTED)


def ask(page: Browser, question: str) -> None:
    page.type("#chat-input", question)
    page.wait("!document.querySelector('#chat-submit').disabled")
    page.click("#chat-submit")


def test_the_whole_path(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "working"
    Users(Home(home=home)).add("alice", PASSWORD)
    (tmp_path / "study.zip").write_bytes(archive({f"IM{at}": data for at, data in enumerate(slices(6))}))
    with browser() as page:
        with serving(home, folder, HOUSE) as server:
            sign_in(page, server.address)
            assert page.run("return document.cookie") == ""
            case = open_and_ask(page, tmp_path)
            see_the_evidence(page)

            correct(page, server, case)
        with serving(home, folder, HOUSE) as server:
            # Still signed in, and the case is in the list.
            page.go(server.address)
            page.wait(f"document.querySelector('#thread-{case}')")
            keep(page, "cases")
            page.click(f"#thread-{case} a")
            page.wait("document.body.innerText.includes('The case is open again')")
            text = page.text()
            assert "as it reads after correction 1" in text
            assert "Done:\nOutlining" in text
            ask(page, "weigh it")
            page.wait(f"{LAST_ANSWER}.includes('7.7 L') || {LAST_ANSWER}.includes('mL')")
            see_the_record(page, server, home, case)
    assert verify_trace(home / "conversations" / case / "trace.jsonl").events > 10


def open_and_ask(page: Browser, tmp_path: Path) -> str:
    page.type("input[type=file]", str(tmp_path / "study.zip"))
    page.wait("document.body.innerText.includes('study.zip')")
    ask(page, "outline it")
    page.wait("document.body.innerText.includes('citrus trace verify')")
    text = page.text()
    assert NOTICE in text
    assert "CT series 1, 6 slices" in text
    # Each step that ran is there, with what it is for and its seconds.
    assert "Done:\nReading 1 file" in text
    assert "Done:\nOutlining" in text
    assert "Done:\nChecking 1 sentence" in text
    # The address of the case is the page's own from now on.
    return str(page.wait("location.pathname.startsWith('/thread/') && location.pathname.split('/')[2]"))


def see_the_evidence(page: Browser) -> None:
    page.wait("document.querySelector('.side-text img')?.naturalWidth > 500")
    page.wait("document.querySelector('.message-content a.element-link')")
    page.run("document.querySelector('.message-content a.element-link').click()")
    page.wait("document.querySelector('#side-view-title').innerText.includes('E1')")
    assert page.run("return document.querySelectorAll('.side-text').length") == 1
    keep(page, "answer")
    assert severe(page) == [] or all("401" in line for line in severe(page))
    chat = page.run("return location.href")
    # A press leads on to the mask on its slice.
    page.go(page.run("return document.querySelector('.side-text a[href^=\"/viewer/\"]').href"))
    page.wait("document.documentElement.dataset.loaded === 'true'")
    assert page.wait("document.querySelector('#evidence').innerText.includes('E1')")
    keep(page, "mask")
    page.go(chat)
    page.wait("document.body.innerText.includes('The case is open again')")


def correct(page: Browser, server: Server, case: str) -> None:
    """What is put right in the viewer shows at once where the case is open."""
    cookies = {one["name"]: one["value"] for one in page._call("GET", "/cookie")}
    assert all(
        one["httpOnly"] and one["sameSite"] == "Lax" for one in page._call("GET", "/cookie") if "token" in one["name"]
    )
    with httpx2.Client(base_url=server.address, cookies=cookies, timeout=120) as viewer:
        body = {"action": "reject", "evidence": "E1", "reason": "Not the body."}
        viewer.post(f"/viewer/{case}/corrections", json=body).raise_for_status()
    page.wait("document.body.innerText.includes('as it reads after correction 1')")


def see_the_record(page: Browser, server: Server, home: Path, case: str) -> None:
    page.go(f"{server.address}/trace/{case}")
    page.wait("document.body.innerText.includes('The chain is intact')")
    keep(page, "record")
    exported = page.run(
        "const [where] = arguments; return fetch(where, {method: 'POST', headers: {'content-type': 'application/json'},"
        "body: JSON.stringify({format: 'jsonl'})}).then(answer => answer.text())",
        f"/trace/{case}/export",
    )
    head = read_trace(home / "conversations" / case / "trace.jsonl")[-1].hash
    assert json.loads(exported.split("\n")[0])["export"]["original_head"] == head


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_is_shown_at_once_and_loads_nothing_from_elsewhere(server: Server, tmp_path: Path, theme: str) -> None:
    (tmp_path / "cube.nii.gz").write_bytes(cube(100))
    (tmp_path / HOSTILE).write_text("no image")
    with browser() as page:
        page.go(server.entrance)
        page.run(f"localStorage.setItem('vite-ui-theme', '{theme}')")
        page.go(server.address)
        page.wait(CONNECTED)
        page.wait(f"document.documentElement.classList.contains('{theme}')")
        # Something to read comes with the page itself, before any script has run, however long they take.
        served = "return fetch('/').then(answer => answer.text()).then(text => new DOMParser()"
        first = page.run(f"{served}.parseFromString(text, 'text/html').querySelector('#root').innerText)")
        assert "Citrus-V" in first
        page.type("input[type=file]", f"{tmp_path / 'cube.nii.gz'}\n{tmp_path / HOSTILE}")
        page.wait("document.body.innerText.includes('cube.nii.gz')")
        ask(page, "outline it")
        page.wait("document.body.innerText.includes('citrus trace verify')")
        text = page.text()
        assert HOSTILE in text
        assert NOTICE in text
        page.wait("document.querySelector('.side-text img')?.naturalWidth > 500")
        keep(page, f"chat-{theme}")
        assert unnamed(page) == []
        assert not page.run("return window.broken")
        assert severe(page) == []
        assert page.run(
            "return performance.getEntriesByType('resource').map(one => new URL(one.name).origin)"
            ".filter(one => one !== location.origin)"
        ) == []  # fmt: skip
        assert page.run("return document.documentElement.scrollWidth <= window.innerWidth")


def test_the_patient_panel_becomes_evidence(server: Server, tmp_path: Path) -> None:
    (tmp_path / "cube.nii.gz").write_bytes(cube(100))
    with browser(900, 1100) as page:
        page.go(server.entrance)
        page.wait("document.querySelector('#chat-settings-open-modal')")
        page.click("#chat-settings-open-modal")
        page.wait("document.querySelector('#age')")
        page.type("#age", "61")
        page.type("#complaint", "Cough for three weeks")
        page.type("#labs", "CRP, 48, mg/L")
        keep(page, "patient")
        page.run("document.querySelector('#confirm').click()")
        page.wait("!document.querySelector('#age')")
        page.type("input[type=file]", str(tmp_path / "cube.nii.gz"))
        page.wait("document.body.innerText.includes('cube.nii.gz')")
        ask(page, "weigh it")
        page.wait("document.body.innerText.includes('citrus trace verify')")
        text = page.text()
        assert "The chart says" in text
        assert "E1 Age: 61 years" in text
        assert "E2 Complaint: Cough for three weeks" in text
        assert "E3 Laboratory: CRP 48 mg/L" in text
        assert page.run("return document.documentElement.scrollWidth <= window.innerWidth")


def press_thumb(page: Browser, thumb: str, comment: str) -> None:
    page.wait(f"document.querySelector('.{thumb}:not([disabled])')")
    page.run(f"document.querySelector('.{thumb}').click()")
    page.wait("document.querySelector('#submit-feedback')")
    page.type("[role=dialog] textarea", comment)
    page.click("#submit-feedback")


def judged(home: Path, case: str) -> list[tuple[int, str, str, str]]:
    entries = read_trace(home / "conversations" / case / "trace.jsonl")
    return [
        (one.event.turn, one.event.opinion, one.event.comment, one.event.by)
        for one in entries
        if one.event.type == "judged"
    ]


def test_a_thumb_and_a_comment_are_signed_on_record_at_once_and_after_the_case_is_opened_again(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "cube.nii.gz").write_bytes(cube(100))
    with browser() as page:
        page.go(server.entrance)
        page.wait(CONNECTED)
        page.type("input[type=file]", str(tmp_path / "cube.nii.gz"))
        page.wait("document.body.innerText.includes('cube.nii.gz')")
        ask(page, "weigh it")
        page.wait("document.body.innerText.includes('citrus trace verify')")
        page.wait("document.querySelector('.positive-feedback-off')")
        case = str(page.wait("location.pathname.startsWith('/thread/') && location.pathname.split('/')[2]"))
        # The panel of the case is no answer, so nothing is asked about it.
        page.wait("!document.querySelector('#stop-button')")
        assert page.run("return document.querySelectorAll('.positive-feedback-off').length") == 1
        press_thumb(page, "positive-feedback-off", "Agrees with the tape.")
        page.wait("document.querySelector('.positive-feedback-on')")
        keep(page, "thumb")
        assert judged(server.home, case) == [(1, "helpful", "Agrees with the tape.", "local")]

        # Opened again, the thumb is as it was left, and a second thought is filed after the first.
        page.go(f"{server.address}/thread/{case}")
        page.wait("document.body.innerText.includes('The case is open again')")
        page.wait("document.querySelector('.positive-feedback-on:not([disabled])')")
        press_thumb(page, "negative-feedback-off", "Too large after all.")
        page.wait("document.querySelector('.negative-feedback-on')")
        ask(page, "outline it")
        page.wait("document.querySelectorAll('.positive-feedback-off:not([disabled])').length === 2")
        page.run("[...document.querySelectorAll('.positive-feedback-off')].at(-1).click()")
        page.wait("document.querySelector('#submit-feedback')")
        page.click("#submit-feedback")
        page.wait("document.querySelector('.positive-feedback-on')")
        # Pressed once more, it is taken back; what was filed stays on record.
        page.run("document.querySelector('.positive-feedback-on').click()")
        page.wait("!document.querySelector('.positive-feedback-on')")
        assert judged(server.home, case)[1:] == [
            (1, "not helpful", "Too large after all.", "local"),
            (2, "helpful", "", "local"),
            (2, "withdrawn", "", "local"),
        ]
        assert severe(page) == []

        page.go(f"{server.address}/trace/{case}")
        page.wait("document.body.innerText.includes('The chain is intact')")
        assert "answer 1: not helpful, Too large after all." in page.text()
    # The chain holds only if every signature does.
    assert verify_trace(server.home / "conversations" / case / "trace.jsonl").events > 10


def test_a_person_is_asked_for_consent_and_can_stop_a_turn(server: Server, tmp_path: Path) -> None:
    (tmp_path / "cube.nii.gz").write_bytes(cube(100))
    with browser() as page:
        page.go(server.entrance)
        page.wait(CONNECTED)
        page.type("input[type=file]", str(tmp_path / "cube.nii.gz"))
        page.wait("document.body.innerText.includes('cube.nii.gz')")
        ask(page, "secret weight")
        page.wait("document.body.innerText.includes('May the image be weighed?')")
        keep(page, "consent")
        page.run("[...document.querySelectorAll('button')].find(one => one.innerText === 'Yes, I agree').click()")
        page.wait("document.body.innerText.includes('citrus trace verify')")
        assert "100 mL" in page.run(f"return {LAST_ANSWER}")
        page.wait("!document.querySelector('#stop-button') && document.querySelector('#chat-submit')")
        # Pressed as soon as it is there: the turn takes but two seconds.
        page.run(
            "const seen = new MutationObserver(() => { const stop = document.querySelector('#stop-button');"
            "if (stop) { seen.disconnect(); stop.click(); } });"
            "seen.observe(document.body, {childList: true, subtree: true})"
        )
        ask(page, "slow weight")
        page.wait(f"{LAST_ANSWER}.includes('You stopped this turn')")
        # A turn that was stopped has an answer too, and ends as others do.
        assert NOTICE in page.run(f"return {LAST_ANSWER}")
        page.wait("!document.querySelector('#stop-button')")
        case = page.run("return location.pathname.split('/')[2]")
    kinds = [entry.event.type for entry in read_trace(server.home / "conversations" / case / "trace.jsonl")]
    assert kinds.count("consent") == kinds.count("stopped") == 1
