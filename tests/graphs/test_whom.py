"""Whom a conversation is about is known again by another process, and stands in none of its files."""

import stat
from collections.abc import Callable
from pathlib import Path

from langchain_core.messages import AIMessage

from graphs.conversation import Conversation
from graphs.export import export
from graphs.home import Home
from knowledge.blobs import BlobStore
from tests.graphs.scripted import call, equipment, home, reader
from tools.imaging.read import Reading

SCRIPT = [call("weigh", image="I1"), AIMessage("The volume of the body is 10.0 mL [E1].")]
SAID = "weigh what Quillfeather (Q-77120, born 3.2.1951) has"


def named() -> Callable[[BlobStore], Reading]:
    """Reads a cube whose files name a patient."""

    def read(blobs: BlobStore) -> Reading:
        reading = reader()(blobs)
        reading.identity.add_name("Quillfeather^Ottoline")
        reading.identity.add_id("Q-77120")
        reading.identity.add_birth_date("19510203")
        return reading

    return read


def begun(folder: Home) -> str:
    with Conversation.start(folder, equipment(SCRIPT), named(), {}) as conversation:
        return conversation.identifier


def test_a_name_that_is_typed_after_a_restart_is_taken_out(tmp_path: Path) -> None:
    folder = home(tmp_path)
    identifier = begun(folder)
    with Conversation.resume(folder, equipment(SCRIPT), identifier) as conversation:
        assert conversation.knows_whom
        conversation.ask(SAID)
        conversation.judge(1, "helpful", "Ottoline agrees.", "alice", folder.signing_key)
        assert conversation.turns[0][0].question == "weigh what [name] ([id], born [date]) has"
        exported = tmp_path / "case.jsonl"
        export(conversation.trace.file, exported)
    for file in tmp_path.rglob("*"):
        if file.is_file():
            content = file.read_bytes().lower()
            assert b"quillfeather" not in content, file
            assert b"ottoline" not in content, file
            assert b"77120" not in content, file
    assert (folder.conversation(identifier) / "identity").read_text()[2:30] not in exported.read_text()
    for file in (folder.identity_key, folder.conversation(identifier) / "identity"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert {file.name for file in folder.conversation(identifier).iterdir()} >= {"identity", "trace.jsonl"}


def test_without_the_key_or_what_was_kept_it_is_said_that_nobody_is_known(tmp_path: Path) -> None:
    folder = home(tmp_path)
    first, second = begun(folder), begun(folder)
    (folder.conversation(first) / "identity").write_text("{}")
    with Conversation.resume(folder, equipment(SCRIPT), first) as conversation:
        assert not conversation.knows_whom
    folder.identity_key.unlink()
    with Conversation.resume(folder, equipment(SCRIPT), second) as conversation:
        assert not conversation.knows_whom
