"""A record reproduces its conversation without what produced it, and shows every difference."""

import base64
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage

from graphs.conversation import Conversation
from graphs.events import Consent
from graphs.export import export, read_export
from graphs.journal import Divergence
from graphs.replay import events_of, replay, rerun
from graphs.trace import Trace, TraceError, verify_trace
from graphs.transcript import transcript
from knowledge.blobs import BlobStore
from knowledge.case import BURNED_IN
from knowledge.evidence import View
from tests.graphs.scripted import Weigh, call, equipment, home, reader
from tools.imaging.read import Reading

VOLUME = "The volume of the body is 10.0 mL [E1]."
WRONG = "The volume of the body is 12.0 mL [E1]."
SCRIPT = [call("weigh", image="I1"), AIMessage(WRONG), AIMessage(VOLUME), call("secret", image="I1"), AIMessage(VOLUME)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    with Conversation.start(home(tmp_path), equipment(SCRIPT), reader(), {}) as conversation:
        conversation.ask("How large is the body? Mail me at a.person@example.org")
        conversation.ask("And the secret?", lambda subject, question: True)
        return conversation.trace.file


def test_replay_is_exact(file: Path) -> None:
    again = replay(file)
    assert again.transcript == transcript(events_of(file))
    assert not again.unfinished
    assert again.steps == len(events_of(file))


def test_replay_needs_no_pixels(file: Path) -> None:
    for blob in (file.parent / "blobs").rglob("*"):
        if blob.is_file():
            blob.unlink()
    assert "10.0 mL" in replay(file).transcript
    with pytest.raises(TraceError):
        verify_trace(file)


def test_changed_blob_is_found(file: Path) -> None:
    verify_trace(file)
    for blob in (path for path in (file.parent / "blobs").rglob("*") if path.is_file()):
        data = blob.read_bytes()
        blob.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        with pytest.raises(TraceError, match="was changed"):
            verify_trace(file)
        blob.write_bytes(data)


def forge(file: Path, folder: Path, old: str, new: str) -> Path:
    """A trace with a sound chain in which one thing was said differently."""
    with Trace(folder) as forged:
        for event in events_of(file):
            text = event.model_dump_json()
            forged.append(type(event).model_validate_json(text.replace(old, new)))
    return forged.file


def test_replay_finds_an_answer_that_does_not_follow(file: Path, tmp_path: Path) -> None:
    with pytest.raises(Divergence):
        replay(
            forge(
                file,
                tmp_path / "forged",
                '"answer":"The volume of the body is 10.0',
                '"answer":"The volume of the body is 99.0',
            )
        )


def test_replay_finds_evidence_that_changed(file: Path, tmp_path: Path) -> None:
    with pytest.raises(Divergence):
        replay(forge(file, tmp_path / "forged", '"value":10.0', '"value":12.0'))


def test_rerun_is_equal(file: Path) -> None:
    assert rerun(file, equipment(SCRIPT)).difference is None


def test_rerun_reports_the_first_difference_and_by_how_much(file: Path) -> None:
    class Heavier(Weigh):
        def run(self, arguments, context):
            found = super().run(arguments, context)[0]
            return [found.model_copy(update={"quantity": found.quantity.model_copy(update={"value": 11.5})})]

    joined = equipment(SCRIPT)
    joined.tools["weigh"] = Heavier()
    difference = rerun(file, joined).difference
    assert difference is not None
    assert difference.key[0] == "tool_finished"
    assert difference.quantities == ("E1 body volume: 10.0 mL, now +1.5",)


def test_export_is_one_redacted_file_that_verifies_and_replays(file: Path, tmp_path: Path) -> None:
    target = tmp_path / "case.jsonl"
    head = export(file, target, words=["secret?"])
    events, found = read_export(target)
    assert found.head == head
    assert len(events) == len(events_of(file))
    text = target.read_text()
    assert "example.org" not in text
    assert file.parent.name not in text
    assert replay(target).steps == len(events)
    pixels = next(event for event in events if event.type == "admitted").case.images[0].pixels
    assert pixels in json.loads(text.splitlines()[0])["export"]["omitted"]
    with pytest.raises(FileExistsError):
        export(file, target)


@pytest.mark.parametrize(("caveats", "kept"), [((), True), ((BURNED_IN,), False)])
def test_pictures_that_may_hold_a_name_are_not_handed_on(tmp_path: Path, caveats: tuple[str, ...], kept: bool) -> None:
    class Show(Weigh):
        name = "show"
        returns = ("view",)

        def run(self, arguments, context):
            return [View(image="I1", blob=context.blobs.put(b"PIXELS OF A FACE"), description="a picture")]

    def read(blobs: BlobStore) -> Reading:
        reading = reader()(blobs)
        image = reading.case.images[0].model_copy(update={"caveats": caveats})
        return Reading(reading.case.model_copy(update={"images": (image,)}), reading.identity, {})

    joined = equipment([call("show", image="I1"), AIMessage("What else?")])
    joined.tools["show"] = Show()
    with Conversation.start(home(tmp_path), joined, read, {}) as conversation:
        conversation.ask("Show it")
    export(conversation.trace.file, tmp_path / "case.jsonl")
    picture = base64.b64encode(b"PIXELS OF A FACE").decode()
    assert (picture in (tmp_path / "case.jsonl").read_text()) is kept
    assert replay(tmp_path / "case.jsonl").steps


def test_export_shows_every_change(file: Path, tmp_path: Path) -> None:
    target = tmp_path / "case.jsonl"
    export(file, target)
    lines = target.read_bytes().splitlines(keepends=True)
    for number in range(len(lines)):
        target.write_bytes(b"".join(lines[:number] + lines[number + 1 :]))
        with pytest.raises(TraceError):
            read_export(target)
        changed = bytearray(lines[number])
        changed[len(changed) // 2] ^= 1
        if number < len(lines) - 1:
            target.write_bytes(b"".join([*lines[:number], bytes(changed), *lines[number + 1 :]]))
            with pytest.raises(TraceError):
                read_export(target)


def test_a_broken_trace_is_not_exported(file: Path, tmp_path: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"10.0 mL", b"10.1 mL", 1))
    with pytest.raises(TraceError):
        export(file, tmp_path / "case.jsonl")


CHILD = """
import sys, time
from pathlib import Path
from langchain_core.messages import AIMessage
from graphs.conversation import Conversation
from tests.graphs.scripted import call, equipment, home, reader, Weigh
folder, mode = Path(sys.argv[1]), sys.argv[2]
fast = Weigh.run
def slow(self, arguments, context):
    time.sleep(0.01)
    return fast(self, arguments, context)
Weigh.run = slow
def script(messages):
    time.sleep(0.005)
    done = sum(message.type == "tool" for message in messages)
    return call("weigh", image="I1") if done < 5 else AIMessage("The volume of the body is 10.0 mL [E1].")
joined = equipment([script])
if mode == "start":
    with Conversation.start(home(folder), joined, reader(), {}) as conversation:
        print(conversation.identifier, flush=True)
        print(conversation.ask("How large?").answer, flush=True)
else:
    with Conversation.resume(home(folder), joined, mode) as conversation:
        if not conversation.turns:
            conversation.ask("How large?")
        conversation.catch_up()
        print(conversation.turns[-1][1].answer, flush=True)
"""


def child(folder: Path, mode: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder), mode],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


@pytest.mark.timeout(1800)
def test_killed_at_random_moments_it_verifies_and_resumes(tmp_path: Path) -> None:
    rounds = int(os.environ.get("CITRUS_KILLS", "5"))
    chance = random.Random(7)
    whole = child(tmp_path / "whole", "start")
    assert whole.stdout is not None
    whole.stdout.readline()
    begun = time.monotonic()
    whole.wait()
    span = time.monotonic() - begun
    expected = transcript(events_of(next((tmp_path / "whole").rglob("trace.jsonl"))))
    killed = 0
    for number in range(rounds):
        folder = tmp_path / str(number)
        process = child(folder, "start")
        assert process.stdout is not None
        identifier = process.stdout.readline().strip()
        time.sleep(chance.uniform(0, span))
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
        file = folder / "conversations" / identifier / "trace.jsonl"
        verify_trace(file)
        again = child(folder, identifier)
        out, _ = again.communicate(timeout=60)
        assert again.returncode == 0
        assert "10.0 mL" in out
        verify_trace(file)
        assert transcript(events_of(file)) == expected
        assert not replay(file).unfinished
    assert killed


def test_consent_is_part_of_the_record(file: Path) -> None:
    assert [event.granted for event in events_of(file) if isinstance(event, Consent)] == [True]
