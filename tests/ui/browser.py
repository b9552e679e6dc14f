"""A headless Chromium, driven over the WebDriver protocol; tests that need it skip, saying so, without it."""

import base64
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.ui.server import free_port

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    """One window."""

    def __init__(self, driver: str, session: str) -> None:
        self._base = f"{driver}/session/{session}"

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = httpx2.request(method, f"{self._base}{path}", json=None if method == "GET" else body or {}, timeout=60)
        answer.raise_for_status()
        return answer.json()["value"]

    def go(self, address: str) -> None:
        self._call("POST", "/url", {"url": address})

    def run(self, script: str, *arguments: Any) -> Any:
        """The value of JavaScript run in the page."""
        return self._call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def _act(self, selector: str, action: str, **body: Any) -> None:
        for attempt in range(5):
            found = self._call("POST", "/element", {"using": "css selector", "value": selector})[ELEMENT]
            try:
                self._call("POST", f"/element/{found}/{action}", body)
            except httpx2.HTTPStatusError:
                # The page put another in its place meanwhile.
                if attempt == 4:
                    raise
                time.sleep(0.2)
            else:
                return

    def type(self, selector: str, text: str) -> None:
        self._act(selector, "value", text=text)

    def click(self, selector: str) -> None:
        self._act(selector, "click")

    def wait(self, condition: str, seconds: float = 60) -> Any:
        """Wait until a JavaScript expression is true, and return it; one that asks what is not there yet is not."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with suppress(httpx2.HTTPStatusError):
                if value := self.run(f"return {condition}"):
                    return value
            time.sleep(0.1)
        raise TimeoutError(f"{condition}\n{self.text()}")

    def text(self) -> str:
        return str(self.run("return document.body.innerText"))

    def size(self, width: int, height: int) -> None:
        self._call("POST", "/window/rect", {"width": width, "height": height})

    def picture(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self._call("GET", "/screenshot")))

    def log(self) -> list[dict[str, Any]]:
        """What the console said: refused loads, failed scripts."""
        return list(self._call("POST", "/se/log", {"type": "browser"}))


@contextmanager
def browser(width: int = 1280, height: int = 900) -> Iterator[Browser]:
    """A fresh window, or a skip where there is no Chromium."""
    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or chromedriver is None:
        pytest.skip("Chromium and its driver are not installed")
    port = free_port()
    process = subprocess.Popen([chromedriver, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    driver = f"http://127.0.0.1:{port}"
    try:
        options = {
            "binary": chromium,
            "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     f"--window-size={width},{height}"],
        }  # fmt: skip
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        session = _session(driver, {"capabilities": {"alwaysMatch": wanted}})
        window = Browser(driver, session)
        try:
            yield window
        finally:
            window._call("DELETE", "")
    finally:
        process.terminate()
        process.wait(10)


def _session(driver: str, wanted: dict[str, Any]) -> str:
    for _ in range(100):
        try:
            answer = httpx2.post(f"{driver}/session", json=wanted, timeout=60)
        except httpx2.ConnectError:
            time.sleep(0.1)
        else:
            answer.raise_for_status()
            return str(answer.json()["value"]["sessionId"])
    raise TimeoutError("the driver of Chromium did not start")
