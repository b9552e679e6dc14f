"""The viewer in a real browser: what a reader sees, and what the keyboard and the pointer do."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from graphs.events import Revised
from graphs.home import Home
from graphs.replay import events_of, replay
from tests.ui.browser import Browser, browser
from tests.ui.viewer_case import SHAPE, asked, blobs_equipment
from tests.ui.viewer_server import house, serving_viewer

PANE = "#panes .pane:first-child canvas"
LOADED = "document.documentElement.dataset.loaded === 'true'"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(home=tmp_path_factory.mktemp("viewer"), checkpoints="")


@pytest.fixture(scope="module")
def address(home: Home) -> Iterator[str]:
    host = house(home)
    host._equipment["protocol"] = blobs_equipment()
    with serving_viewer(host, user="local") as at:
        yield at


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with browser(1280, 900) as opened:
        yield opened


def show(window: Browser, address: str, case: str, rest: str = "") -> None:
    window.go("about:blank")
    window.go(f"{address}/viewer/{case}{rest}")
    window.wait(LOADED)


def press(window: Browser, *keys: str) -> None:
    actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
    window._call("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})
    settle(window)


def settle(window: Browser) -> None:
    """Until the next frame was drawn."""
    script = "const [done] = arguments; requestAnimationFrame(() => requestAnimationFrame(done))"
    window._call("POST", "/execute/async", {"script": script, "args": []})


def drag(window: Browser, places: list[tuple[float, float]], button: int = 0) -> None:
    """Drag over places of the large pane, given in image coordinates of its plane."""
    points = [on_screen(window, *place) for place in places]
    moves: list[dict[str, Any]] = [{"type": "pointerMove", "x": x, "y": y, "duration": 0} for x, y in points]
    actions = [moves[0], {"type": "pointerDown", "button": button}, *moves[1:], {"type": "pointerUp", "button": button}]
    pointer = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": actions}
    window._call("POST", "/actions", {"actions": [pointer]})
    settle(window)


def wheel(window: Browser, notches: int) -> None:
    x, y = on_screen(window, 24, 20)
    scroll = {"type": "scroll", "x": x, "y": y, "deltaX": 0, "deltaY": 120 * notches, "duration": 0}
    window._call("POST", "/actions", {"actions": [{"type": "wheel", "id": "wheel", "actions": [scroll]}]})
    settle(window)


def on_screen(window: Browser, column: float, row: float) -> tuple[int, int]:
    """Where a place of the axial plane lies in the window, while it is as large as the pane."""
    left, top, width, height = window.run(
        f"const box = document.querySelector('{PANE}').getBoundingClientRect();"
        "return [box.left, box.top, box.width, box.height]"
    )
    scale = min(width / SHAPE[2], height / SHAPE[1])
    x = left + (width - SHAPE[2] * scale) / 2 + column * scale
    y = top + (height - SHAPE[1] * scale) / 2 + row * scale
    return round(x), round(y)


def colour(window: Browser, column: float, row: float) -> tuple[int, int, int]:
    """What is drawn at a place of the large pane."""
    x, y = on_screen(window, column, row)
    script = (
        f"const canvas = document.querySelector('{PANE}'); const box = canvas.getBoundingClientRect();"
        "const ratio = canvas.width / box.width; const [x, y] = arguments; const brush = canvas.getContext('2d');"
        "return Array.from(brush.getImageData((x - box.left) * ratio, (y - box.top) * ratio, 1, 1).data)"
    )
    red, green, blue, _ = window.run(script, x, y)
    return red, green, blue


def corner(window: Browser) -> str:
    return str(window.run("return document.querySelector('#panes .pane:first-child .corner').textContent"))


def value(window: Browser, column: float, row: float) -> str:
    x, y = on_screen(window, column, row)
    move = {"type": "pointerMove", "x": x, "y": y, "duration": 0}
    pointer = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": [move]}
    window._call("POST", "/actions", {"actions": [pointer]})
    return str(window.run("return document.querySelector('#value').textContent"))


def test_keys_wheel_and_sliders_move_through_slices(window: Browser, address: str, home: Home) -> None:
    show(window, address, asked(home.home))
    assert corner(window) == "axial 7/12"
    window.click(PANE)
    press(window, "\ue015")  # arrow down
    assert corner(window) == "axial 8/12"
    press(window, "\ue00e")  # page up
    assert corner(window) == "axial 1/12"
    press(window, "\ue010")  # end
    assert corner(window) == "axial 12/12"
    wheel(window, -1)
    assert corner(window) == "axial 11/12"
    press(window, "c")
    assert corner(window) == "coronal 21/40"
    press(window, "s", "\ue011")
    assert corner(window) == "sagittal 1/48"
    press(window, "a")
    assert corner(window) == "axial 11/12"
    assert not [entry for entry in window.log() if entry["level"] == "SEVERE"]


def test_the_value_under_the_pointer_is_that_of_the_voxel(window: Browser, address: str, home: Home) -> None:
    show(window, address, asked(home.home))
    # Slice index 6, row 4: 10 * 6 + 4 - 500, outside the blocks.
    assert value(window, 20.5, 4.5).startswith("-436 HU · x 20 y 4 slice 7 · L 30 P 6 H 30 mm")
    assert value(window, 8.5, 20.5).startswith("180 HU · x 8 y 20 slice 7")


def test_window_presets_and_drag(window: Browser, address: str, home: Home) -> None:
    show(window, address, asked(home.home))
    press(window, "o")
    window.click(PANE)
    press(window, "2")
    assert window.run("return document.querySelector('#tools select').selectedOptions[0].text") == "2 soft tissue"
    before = colour(window, 8.5, 20.5)
    # 180 HU under centre 50 and width 400: (180 - -150) * 255 / 400.
    assert before == (210, 210, 210)
    assert colour(window, 20.5, 4.5) == (0, 0, 0)
    drag(window, [(20, 20), (20, 30)])
    assert colour(window, 8.5, 20.5)[0] < 210
    assert window.run("return document.querySelector('#tools select').selectedOptions[0].text").startswith("C ")
    press(window, "0")
    assert colour(window, 8.5, 20.5) == before
    press(window, "i")
    assert colour(window, 8.5, 20.5) == (45, 45, 45)


def test_evidence_is_reached_by_its_address(window: Browser, address: str, home: Home) -> None:
    case = asked(home.home)
    for rest in ("#E2", "?evidence=E2", "?evidence=E2&image=I1"):
        show(window, address, case, rest)
        window.wait("document.querySelector('.item[aria-current=true]')?.dataset.id === 'E2'")
        window.wait("document.querySelector('#panes .corner').textContent === 'axial 4/12'")
    plain = colour(window, 24.5, 20.5)
    assert plain[0] == plain[1] == plain[2]
    red, green, _ = colour(window, 36.5, 20.5)
    assert red > green  # laid over in its colour
    window.run("location.hash = 'E4'")
    window.wait("document.querySelector('#detail').innerText.includes('long axis')")
    press(window, "n")
    window.wait("document.querySelector('#detail').innerText.includes('E5')")


def test_a_name_from_outside_stays_text(window: Browser, address: str, home: Home) -> None:
    show(window, address, asked(home.home))
    assert window.run("return document.title") == "Citrus-V viewer"
    assert window.run("return document.querySelectorAll('img').length") == 0
    assert "<img" in window.run("return document.querySelector('#images').innerText")


def test_lengths_are_in_pixels_where_the_spacing_is_unknown(window: Browser, address: str, home: Home) -> None:
    show(window, address, asked(home.home, spacing=False))
    assert corner(window) == "as stored 7/12"
    assert len(window.run("return [...document.querySelectorAll('.pane')]")) == 1
    window.click(PANE)
    press(window, "r")
    drag(window, [(10.5, 10.5), (30.5, 10.5)])
    marks = window.run("return document.querySelector('#evidence').innerText")
    assert "px" in marks
    assert "mm" not in marks


def test_an_outline_is_corrected_and_the_answer_changes(window: Browser, address: str, home: Home) -> None:
    case = asked(home.home)
    show(window, address, case, "#E1")
    window.wait("document.querySelector('#panes .corner').textContent === 'axial 4/12'")
    before = window.run("return document.querySelector('#answers').innerText")
    press(window, "e", "t")
    window.wait("!document.querySelector('#edit').hidden")
    window.run("document.querySelector('#edit input[type=range]').value = 60")
    window.run("document.querySelector('#edit input[type=range]').dispatchEvent(new Event('input'))")
    pink = colour(window, 12.5, 12.5)
    drag(window, [(12, 12), (12, 26)])
    assert colour(window, 12.5, 12.5) != pink
    window.run("document.querySelector('#edit button[title=\"Ctrl + Z\"]').click()")
    settle(window)
    assert colour(window, 12.5, 12.5) == pink
    window.run("document.querySelector('#edit button[title=\"Ctrl + Y\"]').click()")
    window.type("#edit textarea", "not in this slice")
    window.click("#edit button.main")
    window.wait("document.querySelector('#history li')")
    after = window.run("return document.querySelector('#answers').innerText")
    assert "revised after a correction" in after
    assert after != before
    assert "E1 became E7 by local" in window.run("return document.querySelector('#history').innerText")
    window.wait("document.querySelector('.item[aria-current=true]')?.dataset.id === 'E7'")
    file = home.conversation(case) / "trace.jsonl"
    (revised,) = [event for event in events_of(file) if isinstance(event, Revised)]
    assert revised.replaced == {"E1": "E7", "E3": "E8", "E4": "E9"}
    assert not replay(file).unfinished


def test_a_finding_is_rejected_with_a_reason(window: Browser, address: str, home: Home) -> None:
    show(window, address, asked(home.home), "#E2")
    window.wait("document.querySelector('#detail button.danger')")
    window.click("#detail button.danger")
    window.wait("document.querySelector('#reject').open")
    assert "E5, E6 rest on it" in window.run("return document.querySelector('#reject p').innerText")
    window.type("#reject textarea", "an artefact")
    window.click("#reject button.danger")
    window.wait("document.querySelector('#history li')")
    text = window.run("return document.querySelector('#panel').innerText")
    assert "an artefact" in text
    assert "No longer standing (3)" in text
    assert "left blob is" not in window.run("return document.querySelector('#answers .text').innerText")


def test_help_names_every_key(window: Browser, address: str, home: Home) -> None:
    show(window, address, asked(home.home))
    press(window, "?")
    window.wait("document.querySelector('#help').open")
    help_text = window.run("return document.querySelector('#help').innerText")
    for words in ("Page Up", "window presets", "ruler", "correct the selected outline", "undo"):
        assert words in help_text


@pytest.mark.parametrize("size", [(1280, 900), (1024, 768), (768, 1024), (420, 900)])
def test_nothing_is_cut_off(window: Browser, address: str, home: Home, size: tuple[int, int], tmp_path: Path) -> None:
    window.size(*size)
    show(window, address, asked(home.home), "#E3")
    window.wait("!document.querySelector('#detail').hidden")
    cut = window.run(
        "return [...document.querySelectorAll('button, h1, h2, p, label, li, select, #value')].filter((one) =>"
        "one.offsetParent && !one.closest('dialog') && one.scrollWidth > one.clientWidth + 1 && one.clientWidth)"
        ".map((one) => one.outerHTML.slice(0, 80))"
    )
    assert cut == []
    assert window.run("return document.documentElement.scrollWidth <= innerWidth")
    if folder := os.environ.get("CITRUS_PICTURES"):
        window.picture(Path(folder) / f"viewer-{size[0]}.png")
    window.size(1280, 900)
