"""The real server in a process of its own, with a record of whom it tried to reach."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import httpx2

ROOT = Path(__file__).resolve().parents[2]

_PROGRAM = """
import functools, sys

def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        address = arguments[1] if event == "socket.connect" else arguments[:2]
        host = address[0] if isinstance(address, tuple) else address
        if host not in ("127.0.0.1", "::1", "localhost", "0.0.0.0"):
            print("REACHED", event, address, flush=True)

sys.addaudithook(watch)
SETUP
from ui.serve import serve
serve(port=0, announce=functools.partial(print, flush=True), **OPTIONS)
"""


class Server:
    """A running server.

    Attributes:
        entrance: The address as it was printed, with the key of the local way in it.
    """

    def __init__(self, process: subprocess.Popen[str], home: Path, folder: Path) -> None:
        self.process, self.home, self.folder = process, home, folder
        self.lines: list[str] = []
        self.address = self.entrance = ""

    @property
    def said(self) -> str:
        """Everything it printed, its errors included."""
        return "\n".join(self.lines)

    def refusals(self) -> list[str]:
        """What the log says was refused."""
        lines = (self.home / "access.log").read_text().splitlines()
        return [line for line in lines if " refused " in line]

    def sign_in(self) -> httpx2.Client:
        """A browser's requests, signed in by the printed address."""
        client = httpx2.Client(base_url=self.address, timeout=30)
        assert client.get(self.entrance).status_code == 303
        return client

    def _listen(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        for line in stream:
            self.lines.append(line.rstrip())

    def wait_until_open(self, seconds: float = 120) -> None:
        stream = self.process.stdout
        assert stream is not None
        for line in stream:
            self.lines.append(line.rstrip())
            if line.startswith("Citrus-V is at "):
                self.entrance = line.split()[3]
                self.address = self.entrance.partition("/?")[0]
                Thread(target=self._listen, daemon=True).start()
                return
        raise RuntimeError(f"the server ended: {self.said}")


@contextmanager
def serving(
    home: Path, folder: Path, setup: str = "", variables: dict[str, str] | None = None, **options: object
) -> Iterator[Server]:
    """A server whose home is `home`, started in the empty folder `folder`, with `variables` in its environment."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "CITRUS_HOME": str(home), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    environment |= variables or {}
    program = _PROGRAM.replace("SETUP", setup).replace("OPTIONS", repr(options))
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    server = Server(process, home, folder)
    try:
        server.wait_until_open()
        yield server
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
