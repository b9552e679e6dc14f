"""The protocol reasoner as a chat model: one step for each call, decided from the messages alone."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from pydantic import ConfigDict

from agents.protocol.compose import answer
from agents.protocol.conversation import Conversation
from agents.protocol.intents import TALK, Intent
from agents.protocol.kit import BoundTool, Kit, remembered
from agents.protocol.plan import Step, next_step
from agents.protocol.request import Request
from agents.protocol.understanding import Understanding

NAME = "protocol"
VERSION = "5"
"""Changes whenever the same messages may lead to another step."""


class ProtocolReasoner(BaseChatModel):
    """A reasoner without weights of its own.

    It understands a question by the declared targets and intents of the bound tools, follows a
    reading protocol, and composes its answer from evidence only. It keeps nothing between calls: the same
    messages and tools give the same step.

    Attributes:
        bound: The tools that are bound; `bind_tools` returns a reasoner with others.
    """

    model_config = ConfigDict(ignored_types=(cached_property,))

    bound: tuple[BoundTool, ...] = ()

    @property
    def version(self) -> str:
        """For the trace: changes whenever the same messages may lead to another step."""
        return VERSION

    @property
    def _llm_type(self) -> str:
        return NAME

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """A reasoner that calls `tools`; their metadata is kept. `tool_choice` has no effect."""
        return type(self)(bound=tuple(BoundTool.of(tool) for tool in tools))

    @cached_property
    def understanding(self) -> Understanding:
        """Built once for each set of bound tools."""
        return _understanding(self.bound)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self.step(messages))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for piece in _pieces(self.step(messages)):
            chunk = ChatGenerationChunk(message=piece)
            if run_manager:
                run_manager.on_llm_new_token(str(piece.text), chunk=chunk)
            yield chunk

    def step(self, messages: Sequence[BaseMessage]) -> AIMessage:
        """One tool call, or the draft answer.

        Raises:
            ValueError: The messages are not those of a conversation (see `knowledge.briefing`).
        """
        conversation = Conversation.read(messages)
        understanding = self.understanding if self.bound else Understanding(Kit(remembered(conversation.calls())))
        before, request = requests(conversation, understanding)
        if self.bound and not conversation.turn.must_answer and not conversation.turn.objected:
            step = next_step(conversation, request, understanding.kit)
            if step is not None:
                return _call(step, conversation)
        return AIMessage(answer(conversation, request, before, understanding.kit))


_KITS: dict[str, Understanding] = {}


def _understanding(tools: tuple[BoundTool, ...]) -> Understanding:
    """One understanding for each set of tools; a tool set holds nothing of any conversation."""
    key = json.dumps([_declared(tool) for tool in tools], sort_keys=True)
    if key not in _KITS:
        if len(_KITS) >= 8:
            _KITS.pop(next(iter(_KITS)))
        _KITS[key] = Understanding(Kit(tools))
    return _KITS[key]


def _declared(tool: BoundTool) -> list[Any]:
    targets = [list(vars(target).values()) for target in tool.targets]
    return [*[value for name, value in vars(tool).items() if name != "targets"], targets]


def requests(conversation: Conversation, understanding: Understanding) -> tuple[Request | None, Request]:
    """The last question understood, and the one before it that it may point back to."""
    last: Request | None = None
    focus: Request | None = None
    request = understanding.read(conversation.turns[0].question, None, conversation.images)
    for turn in conversation.turns[1:]:
        if request.wanted or request.measured:
            # What was spoken of stays in mind over a question that names nothing.
            kept = focus.wanted if focus else ()
            focus = request if request.wanted else replace(request, wanted=kept)
        if not request.asks(Intent.WHY, *TALK):
            last = request
        request = understanding.read(turn.question, focus, conversation.images)
    return last, request


def _call(step: Step, conversation: Conversation) -> AIMessage:
    turn = conversation.turn
    identifier = f"step_{turn.number}_{len(turn.calls) + 1}"
    call = {"name": step.tool, "args": step.arguments, "id": identifier, "type": "tool_call"}
    return AIMessage(step.purpose, tool_calls=[call])


def _pieces(message: AIMessage) -> Iterator[AIMessageChunk]:
    """The message word by word, its tool call last."""
    words = re.findall(r"\s*\S+", str(message.text))
    calls = [
        tool_call_chunk(name=call["name"], args=json.dumps(call["args"]), id=call["id"], index=at)
        for at, call in enumerate(message.tool_calls)
    ]
    for at, word in enumerate(words):
        last = at == len(words) - 1 and not calls
        yield AIMessageChunk(content=word, chunk_position="last" if last else None)
    if calls:
        yield AIMessageChunk(content="", tool_call_chunks=calls, chunk_position="last")


__all__ = ["NAME", "VERSION", "ProtocolReasoner"]
