"""How open models write thoughts and tool calls into their text, and how to read them back.

Qwen and Hermes templates write a call as `<tool_call>{"name": ..., "arguments": {...}}</tool_call>`,
thoughts as `<think>...</think>`, and some models wrap the answer as `<answer>...</answer>`.
Everything read here is a model's word: it is measured and parsed, never trusted.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.tool import ToolCallChunk, tool_call_chunk

ANSWER, THINKING, CALL = "answer", "thinking", "call"

_OPENS = {"<think>": THINKING, "<tool_call>": CALL, "<answer>": ANSWER, "</answer>": ANSWER, "</think>": ANSWER}
_TAGS = {ANSWER: tuple(_OPENS), THINKING: ("</think>",), CALL: ("</tool_call>",)}
_PATTERNS = {channel: re.compile("|".join(map(re.escape, tags))) for channel, tags in _TAGS.items()}

CALLS_LIMIT = 32
"""Calls that one reply may hold; a reply with more is cut there, by a model that has lost its way."""

ARGUMENTS_LIMIT = 100_000
"""Characters of one call's arguments; more are not parsed."""

NAME_LIMIT = 128
"""Characters of a tool's name and of a call's id; the rest is cut."""

UNREADABLE = "not valid JSON: "
"""Begins the `args` of an invalid tool call. It also keeps LangChain, which completes JSON that was
cut off, from turning half a call into a whole one."""


class DialectError(ValueError):
    """A reply that cannot be read as an answer or as calls."""


@dataclass
class WrittenCall:
    """A tool call as the server or the model wrote it; `arguments` is JSON text, not yet checked."""

    name: str = ""
    arguments: str = ""
    id: str = ""


class Splitter:
    """Splits a reply's text, in pieces of any length, into answer, thoughts and written calls.

    Some chat templates open `<think>` in the prompt, so that the reply holds only `</think>`. A
    splitter that is `held` therefore keeps the answer back until a tag or the end says that it is
    one; one that is not cannot take its words back, and raises.

    Attributes:
        held: Whether the answer is still kept back.
        opened: Whether the template had opened `<think>`.
        calls: Written calls read so far, as JSON text.
    """

    def __init__(self, *, held: bool) -> None:
        self.held = held
        self.opened = False
        self.calls: list[str] = []
        self._channel = ANSWER
        self._pending = ""
        self._kept = ""
        self._space = ""
        self._begun = False
        self._thought = False
        self._out: dict[str, list[str]] = {ANSWER: [], THINKING: []}

    def feed(self, text: str) -> tuple[str, str]:
        """Take the next piece; return what it adds to the answer and to the thoughts.

        Raises:
            DialectError: `</think>` came after words that were given out as the answer, or there
                are too many calls.
        """
        self._pending += text
        while match := _PATTERNS[self._channel].search(self._pending):
            before, self._pending = self._pending[: match.start()], self._pending[match.end() :]
            self._take(before)
            self._turn(match.group())
        cut = len(self._pending) - _tail(self._pending, _TAGS[self._channel])
        before, self._pending = self._pending[:cut], self._pending[cut:]
        self._take(before)
        return self._flush()

    def close(self) -> tuple[str, str]:
        """End the reply: what was kept back comes out."""
        self._take(self._pending)
        self._pending = ""
        if self.held:
            self.held = False
            self._answer(self._kept)
            self._kept = ""
        if self._channel == CALL and not self.calls[-1].strip():
            self.calls.pop()
        return self._flush()

    def _take(self, text: str) -> None:
        if self._channel == CALL:
            self.calls[-1] += text
        elif self._channel == THINKING:
            self._out[THINKING].append(text)
        elif self.held:
            self._kept += text
        else:
            self._answer(text)

    def _answer(self, text: str) -> None:
        # Space at either end is the template's; space inside is given out once more text follows.
        text = self._space + text
        words = text.rstrip()
        self._space = text[len(words) :]
        if not self._begun:
            words = words.lstrip()
        if words:
            self._begun = True
            self._out[ANSWER].append(words)
        elif not self._begun:
            self._space = ""

    def _turn(self, tag: str) -> None:
        if self._channel == ANSWER and tag == "</think>" and not self._thought:
            if self._begun:
                raise DialectError("its chat template opens <think> by itself in some replies but not in others")
            self._out[THINKING].append(self._kept)
            self._kept, self.held = "", False
            self.opened = True
        elif tag in ("<think>", "<answer>") and not self._kept.strip():
            self._kept, self.held = "", False
        elif tag == "<tool_call>":
            if len(self.calls) >= CALLS_LIMIT:
                raise DialectError(f"it wrote more than {CALLS_LIMIT} tool calls in one reply")
            self.calls.append("")
        self._channel = _OPENS.get(tag, ANSWER)
        self._thought = self._thought or "think" in tag

    def _flush(self) -> tuple[str, str]:
        answer, thinking = ("".join(self._out[channel]) for channel in (ANSWER, THINKING))
        self._out = {ANSWER: [], THINKING: []}
        return answer, thinking


def _tail(text: str, tags: Iterable[str]) -> int:
    """How many last characters of `text` may be the beginning of a tag."""
    for start in range(max(0, len(text) - max(map(len, tags)) + 1), len(text)):
        if text[start] == "<" and any(tag.startswith(text[start:]) for tag in tags):
            return len(text) - start
    return 0


def text_of(content: Any) -> str:
    """A reply's content as text: a string, a list of text parts, or nothing.

    Half a surrogate pair, which JSON can carry and UTF-8 cannot, becomes a question mark.
    """
    if isinstance(content, list):
        content = "".join(text_of(part.get("text")) for part in content if isinstance(part, dict))
    return content.encode(errors="replace").decode() if isinstance(content, str) else ""


class CallCollector:
    """Joins tool calls from the pieces in which servers send them, with or without index and id."""

    def __init__(self) -> None:
        self.calls: list[WrittenCall] = []
        self._at: dict[int, int] = {}

    def add(self, raw: Any, *, whole: bool = False) -> None:
        """Take a `tool_calls` list; `whole` calls are each complete, others may go on later.

        Raises:
            DialectError: There are too many calls or arguments.
        """
        for item in raw if isinstance(raw, list) else []:
            if not isinstance(item, dict) or not isinstance(item.get("function"), dict):
                continue
            function = item["function"]
            given_id = text_of(item.get("id"))[:NAME_LIMIT]
            call = self._call(item.get("index"), given_id, bool(function.get("name")), whole)
            call.id = call.id or given_id
            call.name = call.name or text_of(function.get("name"))[:NAME_LIMIT]
            arguments = function.get("arguments")
            if isinstance(arguments, dict):
                arguments = json.dumps(arguments)
            call.arguments += text_of(arguments)
            if len(call.arguments) > ARGUMENTS_LIMIT:
                raise DialectError(f"it wrote a tool call of more than {ARGUMENTS_LIMIT} characters")

    def _call(self, index: Any, given_id: str, named: bool, whole: bool) -> WrittenCall:
        """The call that a piece belongs to, which may be a new one."""
        if not whole:
            at = self._at.get(index) if isinstance(index, int) else len(self.calls) - 1
            if at is not None and at >= 0:
                call = self.calls[at]
                another = given_id and call.id and given_id != call.id
                if not another and (isinstance(index, int) or not named):
                    return call
        if len(self.calls) >= CALLS_LIMIT:
            raise DialectError(f"it wrote more than {CALLS_LIMIT} tool calls in one reply")
        if isinstance(index, int):
            self._at[index] = len(self.calls)
        self.calls.append(WrittenCall())
        return self.calls[-1]


class ReplyReader:
    """Reads one reply, whole or delta by delta, into LangChain's chunks.

    Calls come out at the end only, when it is known what they say.
    """

    def __init__(self, *, held: bool) -> None:
        self._splitter = Splitter(held=held)
        self._calls = CallCollector()

    @property
    def opened(self) -> bool:
        """Whether the chat template had opened `<think>`."""
        return self._splitter.opened

    def take(self, raw: dict[str, Any], *, whole: bool) -> AIMessageChunk:
        """The message or delta `raw`, as the server sent it, as answer and thoughts.

        Raises:
            DialectError: See `Splitter.feed` and `CallCollector.add`.
        """
        self._calls.add(raw.get("tool_calls"), whole=whole)
        if not raw.get("tool_calls") and isinstance(raw.get("function_call"), dict):
            self._calls.add([{"index": 0, "function": raw["function_call"]}])
        # Servers with a reasoning parser send thoughts beside the content, under either name.
        beside = text_of(raw.get("reasoning_content") or raw.get("reasoning"))
        answer, thinking = self._splitter.feed(text_of(raw.get("content")))
        return AIMessageChunk(content=answer, additional_kwargs=_thoughts(beside + thinking))

    def end(self, taken: set[str]) -> AIMessageChunk:
        """What was kept back, and every call; `taken` are the ids of earlier calls."""
        answer, thinking = self._splitter.close()
        written = [read_written(text) for text in self._splitter.calls]
        return AIMessageChunk(
            content=answer,
            additional_kwargs=_thoughts(thinking),
            tool_call_chunks=as_chunks([*self._calls.calls, *written], taken),
        )


def _thoughts(text: str) -> dict[str, str]:
    return {"thinking": text} if text else {}


def read_written(text: str) -> WrittenCall:
    """A call from the text between `<tool_call>` and `</tool_call>`; unreadable text stays as it is."""
    written = _object(text)
    if written is None or not isinstance(written.get("name"), str):
        return WrittenCall(arguments=text.strip())
    arguments = written.get("arguments", written.get("parameters", {}))
    return WrittenCall(written["name"][:NAME_LIMIT], arguments if isinstance(arguments, str) else json.dumps(arguments))


def as_chunks(calls: Iterable[WrittenCall], taken: set[str]) -> list[ToolCallChunk]:
    """The calls as LangChain reads them, each with an id that is in no earlier message.

    Args:
        taken: Ids used before in the conversation; new ones are added. Missing and repeated ids
            are replaced by the first free "call_N", so that the same replies get the same ids.
    """
    chunks = []
    for index, call in enumerate(calls):
        given = call.id
        number = len(taken)
        while not given or given in taken:
            number += 1
            given = f"call_{number}"
        taken.add(given)
        arguments = call.arguments.strip() or "{}"
        if not call.name or _object(arguments) is None:
            arguments = UNREADABLE + call.arguments
        chunks.append(tool_call_chunk(name=call.name or None, args=arguments, id=given, index=index))
    return chunks


def _object(text: str) -> dict[str, Any] | None:
    """The JSON object that `text` is, or None; NaN, Infinity and half surrogates are not JSON."""
    if len(text) > ARGUMENTS_LIMIT:
        return None
    try:
        value = json.loads(text, parse_constant=_refuse)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
