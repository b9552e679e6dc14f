"""The viewer's routes on a server of their own, in a thread, with users who say who they are by a header or cookie."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from graphs.home import Home
from tests.ui.server import free_port
from ui.access import Access
from ui.chat_house import House
from ui.viewer import router

USER = "x-test-user"


def house(home: Home) -> House:
    """A house whose conversations lie in `home`."""
    made = House()
    made.home = home
    return made


@contextmanager
def serving_viewer(host: House, user: str | None = None) -> Iterator[str]:
    """The address of a server that shows the cases of `host`; everybody is `user`, or whom the header names."""
    access = Access(host.home, lambda request: user or request.headers.get(USER))
    app = FastAPI(docs_url=None, openapi_url=None)
    app.include_router(router(host, access))
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", server_header=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
