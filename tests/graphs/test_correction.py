"""A reader's correction: recorded first, followed exactly, and nothing else is touched."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.messages import AIMessage

from graphs.closing import NOTICE, REVISED
from graphs.conversation import Conversation
from graphs.correction import CORRECTED, CorrectionError
from graphs.events import Corrected, Event, Revised, ToolFinished, ToolStarted
from graphs.replay import events_of, replay, rerun
from graphs.trace import Trace, TraceError, verify_trace
from knowledge.evidence import Evidence, Mask, Measurement, Region
from knowledge.quantity import Quantity, Unit
from tests.graphs.scripted import Reply, Weigh, call, equipment, home, reader
from tools.imaging.volume import decode_mask, store_mask
from tools.measure import Measure, MeasureArguments
from tools.tool import Context, ImageArguments

READER = "dr.adams"


class Outline(Weigh):
    """Outlines the left and the right half of the cube."""

    name = "outline"
    returns = ("mask",)

    def run(self, arguments: ImageArguments, context: Context) -> list[Evidence]:
        volume = context.volume(arguments.image)
        found: list[Evidence] = []
        for target, columns in (("right half", slice(0, 5)), ("left half", slice(5, 10))):
            mask = np.zeros(volume.shape, np.bool_)
            mask[2:8, 2:8, columns] = True
            blob = store_mask(mask, volume, context.blobs)
            box = (columns.start, 2, columns.stop, 8)
            found.append(Mask(image="I1", target=target, blob=blob, voxels=int(mask.sum()), box=box, slices=(2, 8)))
        return found


RIGHT = "The volume of the right half is {E3} [E3]."
LEFT = "The volume of the left half is {E4} [E4]."
SEEN = "The right half is seen in this image [E1]."


def answer(*sentences: str) -> Reply:
    """Says the sentences with the figures of the evidence that it was given."""

    def say(messages: Any) -> AIMessage:
        from knowledge.briefing import read_evidence

        told = {
            item["id"]: item.get("text", "")
            for message in messages
            if message.type == "tool"
            for item in read_evidence(message)
        }
        return AIMessage(" ".join(sentence.format(**told) for sentence in sentences))

    return say


SCRIPT = [
    call("outline", image="I1"),
    call("measure", image="I1", of=["E1", "E2"]),
    answer(SEEN, RIGHT, LEFT),
]


def start(folder: Path, *script: Reply) -> Any:
    joined = equipment(script or SCRIPT)
    joined.tools.update({"outline": Outline(), "measure": Measure()})
    return Conversation.start(home(folder), joined, reader(), {})


def smaller(conversation: Conversation, of: str = "E1") -> np.ndarray:
    item = conversation.evidence[of]
    assert isinstance(item, Mask)
    mask = decode_mask(conversation.trace.blobs.get(item.blob)).copy()
    mask[2] = False
    return mask


def kinds(events: list[Event]) -> list[str]:
    return [event.type for event in events]


def test_only_what_rests_on_the_mask_is_measured_again(tmp_path: Path) -> None:
    with start(tmp_path) as conversation:
        before = conversation.ask("How large?")
        length = len(conversation.trace.entries)
        revised = conversation.correct(
            "E1", smaller(conversation), by=READER, key=conversation.trace.folder / "key", reason="spills over"
        )
        events = [entry.event for entry in conversation.trace.entries][length:]
        evidence = conversation.evidence
    assert kinds(events) == ["corrected", "tool_started", "tool_finished", "revised"]
    started, finished = events[1], events[2]
    assert isinstance(started, ToolStarted)
    assert isinstance(finished, ToolFinished)
    assert started.arguments == {"image": "I1", "of": ["E5"]}
    assert [item.id for item in finished.evidence] == ["E6"]
    assert revised.replaced == {"E1": "E5", "E3": "E6"}
    assert revised.differential is None
    assert not revised.withdrawn
    old, new = evidence["E3"], evidence["E6"]
    assert isinstance(old, Measurement)
    assert isinstance(new, Measurement)
    assert new.quantity.value == pytest.approx(old.quantity.value * 5 / 6)
    assert CORRECTED in new.caveats
    (revision,) = revised.answers
    left = before.answer.split("[E3]. ")[1].split("\n")[0]
    assert revision.answer == (
        f"The right half is seen in this image [E5]. The volume of the right half is {new.quantity.text()} [E6]. "
        f"{left}\n\n{REVISED}\n\n{NOTICE}"
    )
    assert not revision.withheld


def test_it_is_recorded_before_what_follows_from_it(tmp_path: Path) -> None:
    seen: list[list[str]] = []

    class Watching(Measure):
        def run(self, arguments: Any, context: Context) -> list[Evidence]:
            seen.append(kinds(events_of(next(tmp_path.rglob("trace.jsonl")))))
            return super().run(arguments, context)

    joined = equipment(SCRIPT)
    joined.tools.update({"outline": Outline(), "measure": Watching()})
    with Conversation.start(home(tmp_path), joined, reader(), {}) as conversation:
        conversation.ask("How large?")
        conversation.correct("E1", smaller(conversation), by=READER, key=conversation.trace.folder / "key")
    assert seen[-1][-2:] == ["corrected", "tool_started"]


def test_a_rejected_mask_takes_its_sentences_with_it_and_no_other(tmp_path: Path) -> None:
    with start(tmp_path) as conversation:
        conversation.ask("How large?")
        revised = conversation.correct(
            "E1", None, by=READER, key=conversation.trace.folder / "key", reason="not an organ"
        )
        standing = conversation.standing
    assert revised.replaced == {}
    assert revised.withdrawn == ("E1", "E3")
    (revision,) = revised.answers
    assert "[E4]" in revision.answer
    assert "right half" not in revision.answer
    assert [claim.evidence for claim in revision.withheld] == [("E1",), ("E3",)]
    assert all("no longer stands" in claim.reason for claim in revision.withheld)
    assert standing.answers[1] == revision
    assert standing.now("E3") is None
    assert standing.now("E4") == "E4"


def test_a_rejected_measurement_leaves_its_mask(tmp_path: Path) -> None:
    with start(tmp_path) as conversation:
        conversation.ask("How large?")
        revised = conversation.correct("E3", None, by=READER, key=conversation.trace.folder / "key")
    assert revised.withdrawn == ("E3",)
    assert "The right half is seen in this image [E1]." in revised.answers[0].answer
    assert "[E3]" not in revised.answers[0].answer


def test_nothing_left_is_said_to_be_so(tmp_path: Path) -> None:
    with start(tmp_path, *SCRIPT[:2], answer(RIGHT)) as conversation:
        conversation.ask("How large?")
        revised = conversation.correct("E1", None, by=READER, key=conversation.trace.folder / "key")
    assert revised.answers[0].answer.startswith("Nothing of this answer is left")
    assert revised.answers[0].answer.endswith(NOTICE)


def test_a_sentence_that_turns_false_is_withdrawn(tmp_path: Path) -> None:
    """Figures are put in; words that no longer hold are not mended but withheld."""
    with start(tmp_path, *SCRIPT[:2], answer("The right half is on slices 3 to 8 [E1].", LEFT)) as opened:
        said = opened.ask("How large?")
        assert not said.withheld
        revised = opened.correct("E1", smaller(opened), by=READER, key=opened.trace.folder / "key")
    assert [claim.evidence for claim in revised.answers[0].claims] == [("E4",)]
    assert [claim.text for claim in revised.answers[0].withheld] == ["The right half is on slices 3 to 8."]
    assert "does not hold after the correction" in revised.answers[0].withheld[0].reason


def test_corrections_follow_each_other(tmp_path: Path) -> None:
    with start(tmp_path) as conversation:
        conversation.ask("How large?")
        conversation.correct("E1", smaller(conversation), by=READER, key=conversation.trace.folder / "key")
        again = smaller(conversation, "E5")
        again[3] = False
        second = conversation.correct("E5", again, by=READER, key=conversation.trace.folder / "key")
        with pytest.raises(CorrectionError, match="what stands now is E7"):
            conversation.correct("E1", again, by=READER, key=conversation.trace.folder / "key")
        third = conversation.correct("E7", None, by=READER, key=conversation.trace.folder / "key")
        standing = conversation.standing
        file = conversation.trace.file
    assert second.replaced == {"E5": "E7", "E6": "E8"}
    assert third.withdrawn == ("E7", "E8")
    assert standing.now("E1") is None
    assert len(standing.answers[1].withheld) == 2
    assert standing.answers[1].answer.count(REVISED) == 1
    verify_trace(file)
    assert not replay(file).unfinished


def test_the_next_turn_reasons_from_what_stands(tmp_path: Path) -> None:
    with start(tmp_path, *SCRIPT, answer(LEFT), *[AIMessage("The right half is seen [E1].")] * 3) as conversation:
        conversation.ask("How large?")
        revised = conversation.correct("E1", smaller(conversation), by=READER, key=conversation.trace.folder / "key")
        conversation.ask("And the left?")
        prompt = conversation.reasoner.model.seen[-1]  # type: ignore[attr-defined]
        calls = [one for message in prompt if message.type == "ai" for one in message.tool_calls]
        assert calls[1]["args"]["of"] == ["E5", "E2"]
        texts = [str(message.content) for message in prompt]
        assert '"E6"' in texts[5]
        assert '"E1"' not in texts[3]
        assert texts[6] == revised.answers[0].answer.removesuffix(f"\n\n{NOTICE}")
        late = conversation.ask("And the right?")
        assert "[E1]" not in late.answer
        assert [claim.evidence for claim in late.withheld] == [("E1",)]


def test_replay_is_exact_and_needs_no_pixels(tmp_path: Path) -> None:
    with start(tmp_path, *SCRIPT, answer(LEFT)) as conversation:
        conversation.ask("How large?")
        conversation.correct(
            "E1",
            smaller(conversation),
            by=READER,
            key=conversation.trace.folder / "key",
            reason="mail a.person@example.org",
        )
        conversation.ask("And the left?")
        file = conversation.trace.file
    for blob in (file.parent / "blobs").rglob("*"):
        if blob.is_file():
            blob.rename(blob.with_suffix(".away"))
    again = replay(file)
    assert again.steps == len(events_of(file))
    assert "Correction 1: E1 replaced by E5 by dr.adams." in again.transcript
    assert "example.org" not in file.read_text()


class Chained(Weigh):
    """Tells of each mask, and of its own piece on it."""

    name = "chained"
    arguments = MeasureArguments

    def run(self, arguments: MeasureArguments, context: Context) -> list[Evidence]:
        found: list[Evidence] = []
        for at, name in enumerate(arguments.of):
            mask = context.find(name)
            assert isinstance(mask, Mask)
            for what, of in (("volume", name), ("share", f"#{2 * at + 1}")):
                size = Quantity(name=what, value=mask.voxels, unit=Unit.COUNT)
                found.append(Measurement(image="I1", target=mask.target, quantity=size, of=(of,)))
        return found


@pytest.mark.parametrize("rejected", [False, True])
def test_what_rests_on_a_piece_of_the_same_call_follows_it(tmp_path: Path, rejected: bool) -> None:
    joined = equipment([SCRIPT[0], call("chained", image="I1", of=["E1", "E2"]), AIMessage(SEEN)])
    joined.tools.update({"outline": Outline(), "chained": Chained()})
    with Conversation.start(home(tmp_path), joined, reader(), {}) as conversation:
        conversation.ask("How large?")
        mask = None if rejected else smaller(conversation)
        revised = conversation.correct("E1", mask, by=READER, key=tmp_path / "key")
        assert not replay(conversation.trace.file).unfinished
    if rejected:
        assert revised.withdrawn == ("E1", "E3", "E4")
    else:
        assert revised.replaced == {"E1": "E7", "E3": "E8", "E4": "E9"}
        assert conversation.evidence["E9"].of == ("E8",)  # type: ignore[union-attr]


class Cells(Weigh):
    """Boxes three cells."""

    name = "cells"
    returns = ("region",)

    def run(self, arguments: ImageArguments, context: Context) -> list[Evidence]:
        return [Region(image="I1", target="cell", box=(at, 2, at + 2, 4), slices=(4, 5)) for at in (1, 4, 7)]


@pytest.mark.parametrize(("rejected", "left"), [(("E2",), 2), (("E1", "E2"), 1)])
def test_a_count_goes_on_without_a_rejected_box(tmp_path: Path, rejected: tuple[str, ...], left: int) -> None:
    counting = call("measure", image="I1", of=["E1", "E2", "E3"], quantities=["count"])
    joined = equipment([call("cells", image="I1"), counting, answer("The number of cells is {E4} [E4].")])
    joined.tools.update({"cells": Cells(), "measure": Measure()})
    with Conversation.start(home(tmp_path), joined, reader(), {}) as conversation:
        assert "The number of cells is 3" in conversation.ask("How many cells are there?").answer
        for box in rejected:
            revised = conversation.correct(box, None, by=READER, key=tmp_path / "key")
        count = conversation.evidence[list(revised.replaced.values())[-1]]
        assert isinstance(count, Measurement)
        assert (count.quantity.value, len(count.of)) == (left, left)
        assert not replay(conversation.trace.file).unfinished


def test_nothing_is_left_of_a_count_without_boxes(tmp_path: Path) -> None:
    counting = call("measure", image="I1", of=["E1"], quantities=["count"])
    joined = equipment([call("cells", image="I1"), counting, answer("The number of cells is {E4} [E4].")])
    joined.tools.update({"cells": Cells(), "measure": Measure()})
    with Conversation.start(home(tmp_path), joined, reader(), {}) as conversation:
        conversation.ask("How many cells are there?")
        assert "E4" in conversation.correct("E1", None, by=READER, key=tmp_path / "key").withdrawn


def test_a_signature_holds_its_words(tmp_path: Path) -> None:
    with start(tmp_path) as conversation:
        conversation.ask("How large?")
        conversation.correct("E1", None, by=READER, key=tmp_path / "key", reason="not an organ")
        file = conversation.trace.file
    verify_trace(file)
    folder = tmp_path / "forged"
    with Trace(folder) as forged:
        for event in events_of(file):
            text = event.model_dump_json().replace("dr.adams", "dr.evans")
            forged.append(type(event).model_validate_json(text))
    with pytest.raises(TraceError, match="signature"):
        verify_trace(forged.file)


def test_rerun_makes_the_same_corrections(tmp_path: Path) -> None:
    with start(tmp_path) as conversation:
        conversation.ask("How large?")
        conversation.correct("E1", smaller(conversation), by=READER, key=conversation.trace.folder / "key")
        file = conversation.trace.file
    joined = equipment(SCRIPT)
    joined.tools.update({"outline": Outline(), "measure": Measure()})
    assert rerun(file, joined).difference is None


@pytest.mark.parametrize("kept", [-1, -2, -3, -4])
def test_cut_off_at_any_event_it_goes_on(tmp_path: Path, kept: int) -> None:
    with start(tmp_path) as conversation:
        conversation.ask("How large?")
        whole = conversation.correct("E1", smaller(conversation), by=READER, key=conversation.trace.folder / "key")
        file, identifier = conversation.trace.file, conversation.identifier
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:kept]))
    (file.parent / "head").write_text(hashlib.sha256(lines[kept - 1].rstrip(b"\n")).hexdigest())
    (tmp_path / "checkpoints.sqlite").unlink()
    if kept > -4:
        assert replay(file).unfinished
    joined = equipment([answer(LEFT)])
    joined.tools.update({"outline": Outline(), "measure": Measure()})
    with Conversation.resume(home(tmp_path), joined, identifier) as conversation:
        conversation.ask("And the left?")
        outcomes = [event for event in conversation.trace if isinstance(event, Revised)]
        made = [event for event in conversation.trace if isinstance(event, Corrected)]
    assert outcomes == [whole] * len(made)
    assert len(made) == (kept > -4)
    verify_trace(file)
    assert not replay(file).unfinished


def test_what_cannot_be_corrected_is_refused_and_not_recorded(tmp_path: Path) -> None:
    with start(tmp_path) as conversation:
        conversation.ask("How large?")
        length = len(conversation.trace.entries)
        mask = smaller(conversation)
        same = decode_mask(conversation.trace.blobs.get(conversation.evidence["E1"].blob))  # type: ignore[union-attr]
        for of, drawn, words in (
            ("E99", None, "no evidence E99"),
            ("E3", mask, "cannot be drawn"),
            ("E1", mask[:5], "not on the grid"),
            ("E1", np.zeros_like(mask), "empty"),
            ("E1", same, "the same"),
        ):
            with pytest.raises(CorrectionError, match=words):
                conversation.correct(of, drawn, by=READER, key=conversation.trace.folder / "key")
        assert len(conversation.trace.entries) == length
