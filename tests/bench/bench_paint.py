"""Milliseconds until each page shows something, and until it can be used, in headless Chromium.

    python -m tests.bench.bench_paint [--times 5]

A real server and a case with outlines, measurements and an answer. First with an empty cache, as on the first
visit, then with what the browser kept. `first paint` and `content` are the browser's own paint entries, counted from
the beginning of the navigation; `usable` is until what the page is for stands on it.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from tests.ui.browser import Browser, browser
from tests.ui.conftest import HOUSE
from tests.ui.server import serving
from tests.ui.viewer_case import asked

_PAINTS = """
const [name] = arguments;
return performance.getEntriesByName(name)[0]?.startTime ?? null;
"""


def pages(case: str) -> list[tuple[str, str, str]]:
    """Name, address and, as JavaScript, when it can be used."""
    return [
        ("chat", "/", "document.querySelector('#chat-input')"),
        ("a case in the chat", f"/thread/{case}", "document.body.innerText.includes('The case is open again')"),
        ("viewer", f"/viewer/{case}", "Number(document.documentElement.dataset.milliseconds) > 0"),
        ("record", f"/trace/{case}", "document.body.innerText.includes('The chain is intact')"),
    ]


def measured(page: Browser, address: str, usable: str) -> tuple[float, float, float]:
    """First paint, first content, and usable, in ms from the navigation's beginning."""
    page.go("about:blank")
    page.go(address)
    page.wait(usable)
    now = float(page.run("return performance.now()"))
    for _ in range(50):
        paints = [page.run(_PAINTS, name) for name in ("first-paint", "first-contentful-paint")]
        if all(paint is not None for paint in paints):
            return float(paints[0]), float(paints[1]), now
        time.sleep(0.1)
    raise TimeoutError(f"{address}: the browser tells no paint")


def main() -> None:
    """Open each page again and again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    times = parser.parse_args().times
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        case = asked(home)
        with serving(home, Path(folder) / "working", HOUSE) as server, browser(1920, 1080) as page:
            page.go(server.entrance)
            print(f"{'median (longest) of ' + str(times):32} {'first paint':>16} {'content':>16} {'usable':>18}  ms")
            for name, path, usable in pages(case):
                for cached in (False, True):
                    rows = []
                    for _ in range(times):
                        if not cached:
                            body = {"cmd": "Network.clearBrowserCache", "params": {}}
                            page._call("POST", "/goog/cdp/execute", body)
                        rows.append(measured(page, f"{server.address}{path}", usable))
                    told = [f"{statistics.median(kind):7.0f} ({max(kind):6.0f})" for kind in zip(*rows, strict=True)]
                    print(f"{name + (', seen before' if cached else ', first visit'):32} {'  '.join(told)}")


if __name__ == "__main__":
    main()
