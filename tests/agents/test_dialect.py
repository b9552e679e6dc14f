"""A reply reads the same however it was cut into pieces."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.dialect import (
    ARGUMENTS_LIMIT,
    CALLS_LIMIT,
    UNREADABLE,
    CallCollector,
    DialectError,
    Splitter,
    WrittenCall,
    as_chunks,
    read_written,
    text_of,
)


def split(pieces: list[str], *, held: bool = True) -> tuple[str, str, list[str]]:
    splitter = Splitter(held=held)
    parts = [splitter.feed(piece) for piece in pieces]
    parts.append(splitter.close())
    return "".join(answer for answer, _ in parts), "".join(thinking for _, thinking in parts), splitter.calls


@pytest.mark.parametrize(
    ("text", "answer", "thinking", "calls"),
    [
        ("The lungs are clear [E1].", "The lungs are clear [E1].", "", []),
        ("<think>\nlook\n</think>\n\nClear [E1].\n", "Clear [E1].", "\nlook\n", []),
        ("look first</think>Clear [E1].", "Clear [E1].", "look first", []),
        ("<think>a</think><answer>Clear [E1].</answer>", "Clear [E1].", "a", []),
        ("<answer>\n1 < 2, a <b> c\n</answer>", "1 < 2, a <b> c", "", []),
        ("I measure.\n<tool_call>\n{}\n</tool_call>", "I measure.", "", ["\n{}\n"]),
        ("<tool_call>{1}</tool_call>\n<tool_call>{2}</tool_call>", "", "", ["{1}", "{2}"]),
        ("<tool_call>{1}", "", "", ["{1}"]),
        ("<tool_call>", "", "", []),
        ("<think>never ends", "", "never ends", []),
        ("a </think> b </think> c", "b  c", "a ", []),
        ("ends in <thi", "ends in <thi", "", []),
        ("<think>a <tool_call> b</think>c", "c", "a <tool_call> b", []),
        ("", "", "", []),
    ],
)
def test_split(text: str, answer: str, thinking: str, calls: list[str]) -> None:
    assert split([text]) == (answer, thinking, calls)
    assert split(list(text)) == (answer, thinking, calls)


@given(
    st.lists(st.sampled_from(["<think>", "</think>", "<tool_call>", "</tool_call>", "<answer>", "<", " ", "\n", "a"])),
    st.lists(st.integers(0, 60)),
)
def test_any_cut_reads_the_same(words: list[str], cuts: list[int]) -> None:
    text = "".join(words)
    at = sorted({cut for cut in cuts if cut < len(text)} | {0, len(text)})
    pieces = [text[start:stop] for start, stop in pairwise(at)]
    try:
        whole = split([text])
    except DialectError:
        with pytest.raises(DialectError):
            split(pieces)
    else:
        assert split(pieces) == whole


def test_words_given_out_are_not_taken_back() -> None:
    splitter = Splitter(held=False)
    assert splitter.feed("The answer") == ("The answer", "")
    with pytest.raises(DialectError, match="opens <think>"):
        splitter.feed("</think>")


def test_an_answer_streams_at_once_where_it_may() -> None:
    splitter = Splitter(held=False)
    assert splitter.feed("The lungs ") == ("The lungs", "")
    assert splitter.feed("are <") == (" are", "")
    assert splitter.feed("2 cm") == (" <2 cm", "")


def test_deltas_without_index_or_with_one_index_for_all() -> None:
    def collect(*deltas: list[dict[str, object]]) -> list[WrittenCall]:
        collector = CallCollector()
        for delta in deltas:
            collector.add(delta)
        return collector.calls

    def piece(arguments: str, name: str | None = None, **extra: object) -> list[dict[str, object]]:
        return [{"function": {"name": name, "arguments": arguments}, **extra}]

    expected = [WrittenCall("segment", '{"a":1}', "x"), WrittenCall("measure", "{}", "y")]
    no_index = (piece("", "segment", id="x"), piece('{"a":'), piece("1}"), piece("{}", "measure", id="y"))
    assert collect(*no_index) == expected
    index = (
        piece("", "segment", id="x", index=0),
        piece('{"a":', index=0),
        piece("{}", "measure", id="y", index=1),
        piece("1}", index=0),
    )
    assert collect(*index) == expected
    same_index = (piece('{"a":1}', "segment", id="x", index=0), piece("{}", "measure", id="y", index=0))
    assert collect(*same_index) == expected
    assert collect([{"function": {"name": "f", "arguments": {"a": 1}}}]) == [WrittenCall("f", '{"a": 1}', "")]
    assert collect("nonsense", [1, {"function": 2}, {}]) == []  # type: ignore[arg-type, list-item]


def test_limits() -> None:
    with pytest.raises(DialectError, match="tool calls"):
        split(["<tool_call>{}</tool_call>" * (CALLS_LIMIT + 1)])
    call = {"function": {"name": "f", "arguments": "{}"}}
    with pytest.raises(DialectError, match="tool calls"):
        CallCollector().add([call] * (CALLS_LIMIT + 1), whole=True)
    with pytest.raises(DialectError, match="characters"):
        CallCollector().add([{"function": {"name": "f", "arguments": "x" * (ARGUMENTS_LIMIT + 1)}}])


@pytest.mark.parametrize(
    "text",
    ['{"image": "I1', "[1]", '"text"', '{"x": NaN}', '{"x": Infinity}', "[" * 50_000, '{"x": "\\ud800"}', "1" * 5000],
)
def test_what_is_not_an_object_is_no_call(text: str) -> None:
    (chunk,) = as_chunks([WrittenCall("segment", text, "x")], set())
    assert chunk["args"] == UNREADABLE + text


def test_written_calls() -> None:
    assert read_written('{"name": "segment", "arguments": {"image": "I1"}}') == WrittenCall(
        "segment", '{"image": "I1"}'
    )
    assert read_written('{"name": "f", "parameters": {"a": 1}}').arguments == '{"a": 1}'
    assert read_written('{"name": "f", "arguments": "{\\"a\\": 1}"}').arguments == '{"a": 1}'
    assert json.loads(read_written('{"name": "f"}').arguments) == {}
    assert read_written(" segment(I1) ") == WrittenCall(arguments="segment(I1)")
    assert read_written('{"name": 3}') == WrittenCall(arguments='{"name": 3}')


def test_ids_are_new_and_repeatable() -> None:
    calls = [WrittenCall("f", "{}", ""), WrittenCall("f", "{}", "call_1"), WrittenCall("f", "{}", "z")]
    ids = [chunk["id"] for chunk in as_chunks(calls, {"z", "call_2"})]
    assert len({*ids, "z", "call_2"}) == 5
    assert ids == [chunk["id"] for chunk in as_chunks(calls, {"z", "call_2"})]


def test_text_of_anything() -> None:
    assert text_of([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}, 3, {"text": 4}]) == "ab"
    assert text_of(None) == text_of(5) == text_of({"text": "a"}) == ""
    assert text_of("\ud800x") == "?x"
