"""Real servers for all tests of the page in this process: one of the local user, one of a ward's users."""

from collections.abc import Iterator

import pytest

from tests.ui.server import Server, serving

HOUSE = "from tests.ui.house import install; install()"
PROXY = {"CITRUS_AUTH_HEADER": "X-Remote-User"}
"""A proxy on this machine says who a person is; here the tests are the proxy."""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server under test, started in an empty folder."""
    base = tmp_path_factory.mktemp("server")
    with serving(base / "home", base / "working", HOUSE) as running:
        yield running


@pytest.fixture(scope="session")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with users, each of whom is who the header says."""
    base = tmp_path_factory.mktemp("ward")
    with serving(base / "home", base / "working", HOUSE, PROXY) as running:
        yield running
