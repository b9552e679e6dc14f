"""The reasoner: replies as LangChain reads them, streamed or whole, with nothing read twice."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from pydantic import BaseModel

from agents.citrus_v.chat import CALL_GRACE, CitrusVReasoner, NoReply
from agents.citrus_v.grammar import Grammars
from agents.citrus_v.memory import Shelf
from tests.agents.citrus_v import tiny
from tests.agents.citrus_v.test_transcript import block, png


class Look(BaseModel):
    """Look at an image."""

    image: str
    slice: int | None = None


class Scripted(CitrusVReasoner):
    """Says what it is told, where the grammar lets it."""

    script: str = ""

    def _steps(self, memory, written, constraint):
        self.waiting = tiny.tokenizer()(self.script, add_special_tokens=False)["input_ids"]
        for step in super()._steps(memory, written, constraint):
            del self.waiting[: len(step.tokens) - 1]
            yield step

    def _next(self, logits, allowed, draw):
        if not self.waiting:
            return tiny.END
        token = self.waiting.pop(0)
        assert allowed[token], f"{tiny.tokenizer().decode([token])!r} before {len(self.waiting)} more"
        return token

    model_config = CitrusVReasoner.model_config | {"extra": "allow"}


@pytest.fixture(scope="module")
def reader():
    return tiny.reader()


@pytest.fixture(scope="module")
def grammars(reader):
    return Grammars(reader.processor, reader.model.config)


@pytest.fixture
def make(reader, grammars):
    def made(script: str | None = None, **fields):
        kind = CitrusVReasoner if script is None else Scripted
        extra = {} if script is None else {"script": script}
        return kind(reader=reader, grammars=grammars, **extra, **fields)

    return made


CALL = '<tool_call>\n{"name": "Look", "arguments": {"image": "I1", "slice": 3}}\n</tool_call>'


def test_a_call_is_a_call(make) -> None:
    reply = make(f"<think>Let me see.</think>I look.\n{CALL}").bind_tools([Look]).invoke("What is it?")
    assert reply.content == "I look."
    assert [(call["name"], call["args"]) for call in reply.tool_calls] == [("Look", {"image": "I1", "slice": 3})]
    assert reply.additional_kwargs["thinking"] == "Let me see."
    assert reply.response_metadata["finish_reason"] == "stop"
    assert not reply.invalid_tool_calls


def test_an_answer_is_an_answer(make) -> None:
    reply = make("<think>Hm.</think>\n\n<answer>\nA lung é.\n</answer>").invoke("What is it?")
    assert reply.content == "A lung é."
    assert reply.additional_kwargs == {"thinking": "Hm."}
    usage = reply.usage_metadata
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


def test_calls_have_ids_of_their_own(make) -> None:
    earlier = AIMessage("", tool_calls=[{"name": "Look", "args": {}, "id": "call_1", "type": "tool_call"}])
    messages = [HumanMessage("?"), earlier, ToolMessage("{}", tool_call_id="call_1")]
    reply = make(CALL).bind_tools([Look]).invoke(messages)
    assert reply.tool_calls[0]["id"] == "call_2"


@pytest.mark.parametrize("choice", ["auto", "any", "none"])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_streamed_is_whole(make, choice, temperature) -> None:
    messages = [SystemMessage("Rules."), HumanMessage("What is it?")]
    for seed in range(3 if temperature else 1):
        options = {"temperature": temperature, "seed": seed, "max_new_tokens": 40}
        try:
            whole = make(**options).bind_tools([Look], tool_choice=choice).invoke(messages)
        except NoReply:
            with pytest.raises(NoReply):
                list(make(**options).bind_tools([Look], tool_choice=choice).stream(messages))
            continue
        chunks = list(make(**options).bind_tools([Look], tool_choice=choice).stream(messages))
        joined = chunks[0]
        for chunk in chunks[1:]:
            joined = joined + chunk
        for name in ("content", "additional_kwargs", "tool_calls", "usage_metadata", "response_metadata"):
            assert getattr(joined, name) == getattr(whole, name)


def test_words_come_as_they_are_said(make) -> None:
    chunks = [chunk.text for chunk in make("A lung — é.").stream("?")]
    assert "".join(chunks) == "A lung — é."
    assert len(chunks) > 8
    assert not any("\ufffd" in chunk for chunk in chunks)


def test_a_conversation_says_the_same_with_and_without_what_it_kept(make, monkeypatch) -> None:
    """Steps and turns with pictures: one reasoner that remembers, and a new one each time."""
    data = {hashlib.sha256(png(seed)).hexdigest(): png(seed) for seed in (1, 2)}
    remembering = make(resolve=data.__getitem__, max_new_tokens=24)
    messages = [SystemMessage("Rules."), HumanMessage([*map(block, data.values()), {"type": "text", "text": "What?"}])]
    kept = []
    for turn in range(4):
        choice = "any" if turn % 2 == 0 else "none"
        try:
            mine, theirs = (
                each.bind_tools([Look], tool_choice=choice).invoke(messages)
                for each in (remembering, make(resolve=data.__getitem__, max_new_tokens=24))
            )
        except NoReply:
            mine = theirs = AIMessage("Nothing.", response_metadata={"kept_tokens": 0})
        assert (mine.content, mine.tool_calls) == (theirs.content, theirs.tool_calls)
        assert theirs.response_metadata["kept_tokens"] == 0
        kept.append(mine.response_metadata["kept_tokens"])
        messages.append(mine)
        messages.append(
            ToolMessage('{"evidence": []}', tool_call_id=mine.tool_calls[0]["id"])
            if mine.tool_calls
            else HumanMessage("Go on.")
        )
    assert kept[-1] > 100


def test_a_step_reads_only_what_the_tool_said(make, reader) -> None:
    data = png(5)
    reasoner = make(CALL, resolve=lambda digest: data)
    messages = [HumanMessage([block(data), {"type": "text", "text": "What?"}])]
    bound = reasoner.bind_tools([Look])
    first = bound.invoke(messages)
    encoded = reader.seen.encoded
    result = ToolMessage('{"evidence": []}', tool_call_id="call_1")
    second = bound.invoke([*messages, first, result])
    new = second.usage_metadata["input_tokens"] - second.response_metadata["kept_tokens"]
    written = len("\n</tool_call>") + len('user\n<tool_response>\n{"evidence": []}\n</tool_response>\nassistant\n')
    assert new <= written + 30  # and the markers between
    assert reader.seen.encoded == encoded
    third = bound.invoke([*messages, first, result, second, result, HumanMessage("And?")])
    assert third.response_metadata["kept_tokens"] > second.usage_metadata["input_tokens"]


def test_conversations_share_a_shelf_but_nothing_they_read(make) -> None:
    shelf = Shelf(2)
    one, other, third = (make("A.", shelf=shelf) for _ in range(3))

    def kept(reasoner: CitrusVReasoner) -> int:
        return reasoner.invoke("the first patient").response_metadata["kept_tokens"]

    assert kept(one) == kept(other) == 0
    assert kept(one) > 0
    assert kept(third) == 0  # and the one silent for longest is forgotten
    assert kept(one) > 0
    assert kept(other) == 0


def test_two_replies_at_once_do_not_meet(make) -> None:
    reasoner = make(max_new_tokens=16)
    questions = [f"question {number}" for number in range(4)]
    alone = [make(max_new_tokens=16).invoke(question).content for question in questions]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda question: reasoner.invoke(question).content, questions)) == alone


def test_a_stream_that_nobody_hears_out_leaves_the_memory_sound(make) -> None:
    reasoner = make(max_new_tokens=16)
    stream = reasoner.stream("What is it?")
    next(stream)
    stream.close()
    again = reasoner.invoke("What is it?")
    assert again.response_metadata["kept_tokens"] > 0
    assert again.content == make(max_new_tokens=16).invoke("What is it?").content


def test_a_fault_while_reading_forgets_what_was_read(make, reader, monkeypatch) -> None:
    reasoner = make(max_new_tokens=4)
    reasoner.invoke("What is it?")
    with monkeypatch.context() as patch:
        patch.setattr(reader.model, "read", lambda *_, **__: (_ for _ in ()).throw(MemoryError("no room")))
        with pytest.raises(MemoryError):
            reasoner.invoke("What is it?")
    assert reasoner.invoke("What is it?").response_metadata["kept_tokens"] == 0


def test_half_a_call_is_no_call(make, monkeypatch) -> None:
    assert make("I look. " + CALL, max_new_tokens=3).bind_tools([Look]).invoke("?").content == "I l"
    with pytest.raises(NoReply, match=r"no whole call within 5\d\d tokens"):
        make("<think>" + "a" * 2 * CALL_GRACE, max_new_tokens=3).invoke("?")
    monkeypatch.setattr("agents.citrus_v.chat.CALL_GRACE", 4)
    with pytest.raises(NoReply):
        make(CALL, max_new_tokens=3).bind_tools([Look]).invoke("?")
    cut = make("I look. " + CALL, max_new_tokens=9).bind_tools([Look]).invoke("?")
    assert (cut.content, cut.tool_calls, cut.invalid_tool_calls) == ("I look.", [], [])
    assert cut.response_metadata["finish_reason"] == "length"


def test_a_call_that_has_begun_may_end(make) -> None:
    reply = make(CALL, max_new_tokens=3).bind_tools([Look]).invoke("?")
    assert reply.tool_calls[0]["args"] == {"image": "I1", "slice": 3}


def test_a_conversation_too_long_for_the_model_says_so(make) -> None:
    with pytest.raises(NoReply, match="too long for a model of 32768"):
        make("A.").invoke("a" * 32768)


def test_what_it_is_stands_in_its_parameters(make) -> None:
    reasoner = make("A.", weights="abc", max_new_tokens=7)
    assert reasoner._identifying_params == {"weights": "abc", "max_new_tokens": 7, "temperature": 0.0, "seed": 0}
    assert "reader" not in reasoner.model_dump()
    with pytest.raises(ValueError, match="no stop sequences"):
        reasoner.invoke("?", stop=["."])
