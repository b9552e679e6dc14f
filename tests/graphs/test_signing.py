"""What a person files about an answer is signed, and changes nothing of the conversation."""

import json
import stat
from pathlib import Path

import pytest

from graphs.conversation import Conversation
from graphs.events import Judged
from graphs.export import export, read_export
from graphs.home import Home
from graphs.replay import replay
from graphs.signing import check_signatures
from graphs.trace import TraceError, canonical, line_hash, read_trace, verify_trace
from tests.graphs.scripted import Reply, equipment, reader
from tests.graphs.test_replay import SCRIPT


def judged(home: Home, script: list[Reply] = SCRIPT) -> Path:
    with Conversation.start(home, equipment(script), reader(), {}) as conversation:
        conversation.identity.add_name("Quillfeather")
        conversation.ask("weigh it")
        conversation.judge(1, "not helpful", "Quillfeather weighs more.", "alice", home.signing_key)
        conversation.ask("and again")
        conversation.judge(1, "withdrawn", "", "alice", home.signing_key)
        return conversation.trace.file


def forged(file: Path, **changed: str) -> None:
    """Change every judgement, and write the chain anew, as one could who has the file but not the key."""
    prev, lines = "0" * 64, []
    for entry in read_trace(file):
        event = entry.event.model_dump(mode="json") | (changed if isinstance(entry.event, Judged) else {})
        if isinstance(entry.event, Judged):
            event["head"] = prev
        lines.append(canonical({"seq": entry.seq, "time": entry.time.isoformat(), "prev": prev, "event": event}))
        prev = line_hash(lines[-1])
    file.write_bytes(b"".join(line + b"\n" for line in lines))
    (file.parent / "head").write_text(prev)


def test_a_judgement_is_on_record_with_who_filed_it_and_without_who_the_patient_is(tmp_path: Path) -> None:
    home = Home(home=tmp_path)
    file = judged(home)
    events = [entry.event for entry in read_trace(file) if isinstance(entry.event, Judged)]
    assert [(event.number, event.turn, event.opinion, event.by) for event in events] == [
        (1, 1, "not helpful", "alice"),
        (2, 1, "withdrawn", "alice"),
    ]
    assert events[0].comment == "[name] weighs more."
    assert check_signatures(read_trace(file), "trace") == 2
    assert verify_trace(file).events == len(read_trace(file))
    assert stat.S_IMODE(home.signing_key.stat().st_mode) == 0o600


def test_a_replay_does_not_see_it(tmp_path: Path) -> None:
    home = Home(home=tmp_path)
    file = judged(home)
    replayed = replay(file)
    assert not replayed.unfinished
    assert "weighs more" not in replayed.transcript
    exported = tmp_path / "export.jsonl"
    export(file, exported)
    assert any(isinstance(event, Judged) for event in read_export(exported)[0])
    assert replay(exported).transcript == replayed.transcript


def test_a_conversation_that_ends_with_one_is_taken_up_without_an_interruption(tmp_path: Path) -> None:
    home = Home(home=tmp_path)
    file = judged(home)
    with Conversation.resume(home, equipment(SCRIPT), file.parent.name) as conversation:
        assert not any(event.type == "resumed" for event in conversation.trace)
        conversation.judge(2, "helpful", "", "bob", home.signing_key)
    assert check_signatures(read_trace(file), "trace") == 3


@pytest.mark.parametrize("changed", [{"comment": "All well."}, {"by": "bob"}, {"opinion": "helpful"}])
def test_one_who_can_rewrite_the_chain_cannot_change_it(tmp_path: Path, changed: dict[str, str]) -> None:
    file = judged(Home(home=tmp_path))
    forged(file, **changed)
    with pytest.raises(TraceError, match="signature"):
        verify_trace(file)


def test_it_cannot_be_moved_to_another_conversation(tmp_path: Path) -> None:
    home = Home(home=tmp_path)
    first, second = judged(home), judged(home)
    line = next(line for line in first.read_text().splitlines() if '"judged"' in line)
    moved = json.loads(line)["event"]
    entries = [
        entry if not isinstance(entry.event, Judged) else type(entry)(
            entry.seq, entry.time, moved["head"], entry.hash, Judged.model_validate(moved)
        )
        for entry in read_trace(second)
    ]  # fmt: skip
    with pytest.raises(TraceError, match="signature"):
        check_signatures(entries, "trace")


def test_what_cannot_be_judged_is_said(tmp_path: Path) -> None:
    home = Home(home=tmp_path)
    with Conversation.start(home, equipment(SCRIPT), reader(), {}) as conversation:
        with pytest.raises(ValueError, match="turn 1 has no answer"):
            conversation.judge(1, "helpful", "", "alice", home.signing_key)
        conversation.ask("weigh it")
        with pytest.raises(ValueError, match="8000"):
            conversation.judge(1, "helpful", "x" * 8001, "alice", home.signing_key)
        home.signing_key.write_text("nonsense")
        with pytest.raises(TraceError, match="no key to sign with"):
            conversation.judge(1, "helpful", "", "alice", home.signing_key)
        assert not any(event.type == "judged" for event in conversation.trace)


def test_the_chart_is_read_when_it_is_known_whom_to_take_out(tmp_path: Path) -> None:
    with Conversation.start(
        Home(home=tmp_path),
        equipment(SCRIPT),
        reader(),
        {},
        lambda identity: (
            identity.add_name("Quillfeather") or ["Laboratory: CRP 5 mg/L", "Ottoline Quillfeather coughs."]
        ),
    ) as conversation:
        said = [item.text for item in conversation.evidence.values() if item.kind == "statement"]
        assert said == ["Laboratory: CRP 5 mg/L", "Ottoline [name] coughs."]
