"""The page in a real browser, where there is one."""

from pathlib import Path

import pytest

from graphs.diagnose import NOTICE
from tests.ui.browser import browser
from tests.ui.cases import cube
from tests.ui.server import Server

HOSTILE = "<img src=x onerror=window.broken=1> **b**.txt"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_person_drops_a_file_asks_and_opens_the_evidence(server: Server, tmp_path: Path, theme: str) -> None:
    (tmp_path / "cube.nii.gz").write_bytes(cube(100))
    (tmp_path / HOSTILE).write_text("no image")
    with browser() as page:
        page.go(server.address)
        page.run(f"localStorage.setItem('vite-ui-theme', '{theme}')")
        page.go(server.address)
        page.wait("document.querySelector('#chat-input')")
        page.wait(f"document.documentElement.classList.contains('{theme}')")
        page.type("input[type=file]", f"{tmp_path / 'cube.nii.gz'}\n{tmp_path / HOSTILE}")
        page.wait("document.body.innerText.includes('cube.nii.gz')")
        page.type("#chat-input", "outline it")
        page.wait("!document.querySelector('#chat-submit').disabled")
        page.click("#chat-submit")
        page.wait("document.body.innerText.includes('citrus trace verify')")
        text = page.text()
        assert HOSTILE in text
        assert NOTICE in text
        assert "Done:\nOutlining" in text
        # The mask on its slice lies beside the answer, and a press on the mark shows it alone.
        page.wait("document.querySelector('.side-text img')?.naturalWidth > 500")
        page.wait("document.querySelector('.message-content a.element-link')")
        page.run("document.querySelector('.message-content a.element-link').click()")
        page.wait("document.querySelector('#side-view-title').innerText.includes('E1')")
        assert page.run("return document.querySelectorAll('.side-text').length") == 1
        assert not page.run("return window.broken")
        assert [entry["message"] for entry in page.log() if entry["level"] == "SEVERE"] == []
        assert page.run(
            "return performance.getEntriesByType('resource').map(one => new URL(one.name).origin)"
            ".filter(one => one !== location.origin)"
        ) == []  # fmt: skip
        assert page.run("return document.documentElement.scrollWidth <= window.innerWidth")
