"""Turns over a real graph, trace and SQLite store, led by a script."""

import json
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage

from graphs.conversation import Conversation
from graphs.diagnose import NOTICE
from graphs.events import ReasonerStarted, Stopped, ToolFinished, ToolStarted, Verified
from graphs.setup import Bounds
from graphs.trace import TraceError, verify_trace
from knowledge.claim import Verdict
from tests.graphs.scripted import Reply, Weigh, call, equipment, home, reader

VOLUME = "The volume of the body is 10.0 mL [E1]."


def start(folder: Path, *script: Reply, **options: object):
    return Conversation.start(home(folder), equipment(script, **options), reader(), {})  # type: ignore[arg-type]


def test_a_turn_calls_a_tool_and_answers_with_evidence(tmp_path: Path) -> None:
    with start(tmp_path, call("weigh", image="I1"), AIMessage(VOLUME)) as conversation:
        answer = conversation.ask("How large is the body?")
        report = conversation.report(answer)
    assert answer.answer == f"{VOLUME}\n\n{NOTICE}"
    assert [claim["verdict"] for claim in report["claims"]] == ["supported"]
    assert report["evidence"][0]["id"] == "E1"
    assert report["evidence"][0]["produced_by"] == "call_1_1_1"
    assert report["steps"][0]["tool"] == "weigh"
    assert report["steps"][0]["evidence"] == ["E1"]
    assert verify_trace(Path(report["trace"]), report["head"]).events == len(conversation.trace.entries)
    json.dumps(report)


def test_started_is_on_disk_before_the_tool_runs(tmp_path: Path) -> None:
    seen: list[str] = []

    class Watching(Weigh):
        def run(self, arguments, context):
            seen.extend(next(tmp_path.rglob("trace.jsonl")).read_text().splitlines())
            return super().run(arguments, context)

    joined = equipment([call("weigh", image="I1"), AIMessage(VOLUME)])
    joined.tools["weigh"] = Watching()
    with Conversation.start(home(tmp_path), joined, reader(), {}) as conversation:
        conversation.ask("How large is the body?")
    assert json.loads(seen[-1])["event"]["type"] == "tool_started"


def test_wrong_number_goes_back_and_is_mended(tmp_path: Path) -> None:
    wrong = AIMessage("The volume of the body is 12.0 mL [E1].")
    with start(tmp_path, call("weigh", image="I1"), wrong, AIMessage(VOLUME)) as conversation:
        answer = conversation.ask("How large is the body?")
        verdicts = [event for event in conversation.trace if isinstance(event, Verified)]
    assert answer.answer.startswith(VOLUME)
    assert [len(event.withheld) for event in verdicts] == [1, 0]
    assert verdicts[0].withheld[0].verdict is Verdict.CONTRADICTED or verdicts[0].withheld[0].reason


def test_what_stays_wrong_is_withheld_and_forgotten(tmp_path: Path) -> None:
    wrong = AIMessage("The volume of the body is 12.0 mL [E1]. " + VOLUME)
    script = [call("weigh", image="I1"), wrong, wrong, wrong, AIMessage(VOLUME)]
    with start(tmp_path, *script) as conversation:
        answer = conversation.ask("How large is the body?")
        assert "12.0" not in answer.answer
        assert [claim.text for claim in answer.withheld] == ["The volume of the body is 12.0 mL."]
        conversation.ask("Again?")
        remembered = str(conversation._state()["messages"])
    assert "12.0" not in remembered


def test_uncited_fact_never_reaches_the_answer(tmp_path: Path) -> None:
    with start(tmp_path, AIMessage("There is a malignant mass in the left lung.")) as conversation:
        answer = conversation.ask("What is there?")
    assert "mass" not in answer.answer
    assert not answer.claims
    assert len(answer.withheld) == 1


def test_refusals_and_faults_become_limitations(tmp_path: Path) -> None:
    calls = [call("weigh", image="I7"), call("weigh", picture="I1"), call("fly"), call("broken", image="I1")]
    with start(tmp_path, *calls, AIMessage("What would you like to see?")) as conversation:
        conversation.ask("How large?")
        finished = [event for event in conversation.trace if isinstance(event, ToolFinished)]
    assert [event.evidence[0].kind for event in finished] == ["limitation"] * 4
    assert "I7" in (finished[0].refused or "")
    assert finished[2].refused
    assert finished[3].fault == "RuntimeError: a fault"
    assert [event.evidence[0].id for event in finished] == ["E1", "E2", "E3", "E4"]


def test_consent_is_asked_once_and_remembered(tmp_path: Path) -> None:
    asked: list[str] = []

    def agree(subject: str, question: str) -> bool:
        asked.append(question)
        return True

    script = [call("secret", image="I1"), call("secret", image="I1"), AIMessage(VOLUME)]
    with start(tmp_path, *script) as conversation:
        conversation.ask("How large?", agree)
        assert asked == ["May the image be weighed?"]
        assert list(conversation.evidence) == ["E1", "E2"]


def test_declined_consent_runs_nothing(tmp_path: Path) -> None:
    before = Weigh.runs
    with start(tmp_path, call("secret", image="I1"), AIMessage("What else?")) as conversation:
        conversation.ask("How large?")
        assert conversation.evidence["E1"].kind == "limitation"
    assert Weigh.runs == before


def test_nothing_leaves_the_machine_without_consent(tmp_path: Path) -> None:
    joined = equipment([AIMessage(VOLUME)], leaves="The text would be sent to example.org.")
    with Conversation.start(home(tmp_path), joined, reader(), {}) as conversation:
        answer = conversation.ask("How large?")
        assert not [event for event in conversation.trace if isinstance(event, ReasonerStarted)]
        assert conversation.reasoner.model.said == 0  # type: ignore[attr-defined]
    assert "declined" in answer.answer


def test_bound_of_steps(tmp_path: Path) -> None:
    with start(tmp_path, call("weigh", image="I1"), bounds=Bounds(steps=3)) as conversation:
        answer = conversation.ask("How large?")
        tools = [event for event in conversation.trace if isinstance(event, ToolStarted)]
    assert len(tools) == 3
    assert answer.bound == "3 steps"
    assert "limit of 3 steps" in answer.answer


def test_stop_ends_the_turn_at_the_next_step(tmp_path: Path) -> None:
    with start(tmp_path, call("weigh", image="I1"), AIMessage(VOLUME)) as conversation:
        answer = conversation.ask("How large?", progress=lambda _: conversation.stop())
        assert [event for event in conversation.trace if isinstance(event, Stopped)]
        assert "stopped" in answer.answer
        assert conversation.ask("And now?").turn == 2


def test_a_failing_reasoner_ends_in_an_honest_answer(tmp_path: Path) -> None:
    def fail(_: object) -> AIMessage:
        raise ConnectionError("refused")

    with start(tmp_path, fail, call("weigh", image="I1"), AIMessage(VOLUME)) as conversation:
        assert "ConnectionError: refused" in conversation.ask("How large?").answer
        assert conversation.ask("And now?").answer.startswith(VOLUME)


def test_resume_continues_numbering_and_memory(tmp_path: Path) -> None:
    with start(tmp_path, call("weigh", image="I1"), AIMessage(VOLUME)) as first:
        first.ask("How large?")
    joined = equipment([call("weigh", image="I1"), AIMessage(VOLUME.replace("E1", "E2"))])
    with Conversation.resume(home(tmp_path), joined, first.identifier) as second:
        answer = second.ask("And again?")
        assert answer.turn == 2
        assert list(second.evidence) == ["E1", "E2"]
        prompt = json.dumps([str(message.content) for message in second.reasoner.model.seen[0]])  # type: ignore[attr-defined]
        assert "How large?" in prompt


def test_lost_checkpoints_are_made_again_from_the_trace(tmp_path: Path) -> None:
    with start(tmp_path, call("weigh", image="I1"), AIMessage(VOLUME)) as first:
        first.ask("How large?")
    (tmp_path / "checkpoints.sqlite").unlink()
    joined = equipment([AIMessage(VOLUME)])
    with Conversation.resume(home(tmp_path), joined, first.identifier) as second:
        assert second.ask("And again?").answer.startswith(VOLUME)
        assert joined.reasoner(second.trace.blobs).model.said == 1  # type: ignore[attr-defined]


def test_conversations_cannot_reach_each_other(tmp_path: Path) -> None:
    with start(tmp_path, AIMessage("?")) as one, start(tmp_path, AIMessage("?")) as other:
        assert one.trace.folder != other.trace.folder
        blob = one.trace.blobs.put(b"secret of one")
        assert blob not in other.trace.blobs
    with pytest.raises(TraceError):
        verify_trace(tmp_path / "conversations" / "none" / "trace.jsonl")


def test_pixels_never_enter_state_or_checkpoints(tmp_path: Path) -> None:
    with start(tmp_path, call("weigh", image="I1"), AIMessage(VOLUME)) as conversation:
        conversation.ask("How large?")
    assert (tmp_path / "checkpoints.sqlite").stat().st_size < 500_000
    data = (tmp_path / "checkpoints.sqlite").read_bytes()
    pixels = conversation.trace.blobs.get(conversation.case.images[0].pixels)
    assert pixels[400:480] not in data
