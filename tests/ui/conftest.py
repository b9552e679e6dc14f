"""One real server for all tests of the page in this process."""

from collections.abc import Iterator

import pytest

from tests.ui.server import Server, serving

HOUSE = "from tests.ui.house import install; install()"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose reasoner does as it is told."""
    base = tmp_path_factory.mktemp("served")
    with serving(base / "home", base / "working", HOUSE) as running:
        yield running
