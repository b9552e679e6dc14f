"""The small model as a reasoner: it chooses the tool that a turn begins with, and the protocol does the rest.

A model of a few million parameters writes no draft that a verifier would pass. It can learn which
question calls for which tool; its calls are held to the tools' grammar, like any model's.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict, Field
from torch import Tensor

from agents.citrus_v.grammar import Grammars, Tools
from agents.citrus_v.reader import Reader, Turn
from agents.citrus_v.training.calls import AS_ASKED
from agents.protocol import ProtocolReasoner
from agents.protocol.conversation import Conversation
from agents.protocol.intents import TALK
from agents.protocol.kit import BoundTool
from agents.protocol.reasoner import requests

NAME = "nano"

_TOKENS = 128


class ToolChooser:
    """One call for one question, by a model that learned its tools by heart: it is not told what they are.

    Args:
        reader: The model and its processor.
        grammars: Of the same checkpoint.
    """

    def __init__(self, reader: Reader, grammars: Grammars) -> None:
        self.reader, self.grammars = reader, grammars

    def choose(self, question: str, tools: Tools) -> dict[str, Any] | None:
        """The call {"name", "arguments"}; None where it did not come to an end.

        Args:
            tools: Those that may be called, as OpenAI writes them.
        """
        constraint = self.grammars.reply(tools, "any")
        end = min(self.reader.model.config.end_token_ids)
        ahead: list[int] = []

        def next_token(logits: Tensor, _: Sequence[Sequence[int]]) -> Tensor:
            if not ahead and constraint.done:
                ahead.append(end)
            if not ahead:
                likeliest = int(logits[0].masked_fill(~constraint.allowed().to(logits.device), float("-inf")).argmax())
                ends = likeliest in self.reader.model.config.end_token_ids
                ahead.extend([likeliest] if ends else [likeliest, *constraint.say(likeliest)])
            return torch.tensor([ahead.pop(0)], device=logits.device)

        text = self.reader.read([Turn.ask(question)], _TOKENS, next_token)[0].text
        if not constraint.whole:
            return None
        call: dict[str, Any] = json.loads(text.partition("<tool_call>")[2].partition("</tool_call>")[0])
        return call


class ChoosingReasoner(ProtocolReasoner):
    """The protocol reasoner, with the first tool of each turn chosen by a model.

    Attributes:
        chooser: Who chooses.
        weights: Fingerprint of its checkpoint.
        declared: The bound tools as the chooser's grammar needs them.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    chooser: ToolChooser = Field(exclude=True, repr=False)
    weights: str = ""
    declared: tuple[dict[str, Any], ...] = ()

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
        """A reasoner that calls `tools`; `tool_choice` has no effect."""
        return type(self)(
            bound=tuple(BoundTool.of(tool) for tool in tools),
            declared=tuple(convert_to_openai_tool(tool) for tool in tools),
            chooser=self.chooser,
            weights=self.weights,
        )

    def step(self, messages: Sequence[BaseMessage]) -> AIMessage:
        """The chosen call where a turn's question has had none but the inspection, else the protocol's step.

        Raises:
            ValueError: The messages are not those of a conversation (see `knowledge.briefing`).
        """
        usual = super().step(messages)
        conversation = Conversation.read(messages)
        turn = conversation.turn
        inspector = self.understanding.kit.inspector if self.bound else None
        begun = [call for call in turn.calls if inspector is None or call.tool != inspector.name]
        inspecting = any(call["name"] == inspector.name for call in usual.tool_calls) if inspector else False
        if not self.bound or begun or inspecting or turn.must_answer or turn.objected or not conversation.images:
            return usual
        _, request = requests(conversation, self.understanding)
        if set(request.intents) <= TALK:
            return usual
        free = [tool for tool in self.declared if inspector is None or tool["function"]["name"] != inspector.name]
        call = self.chooser.choose(turn.question, free)
        if call is None:
            return usual
        arguments = self._meant(call, turn.question, conversation.images)
        purpose = f"Beginning with {call['name'].replace('_', ' ')}, as the small model chose"
        chosen = {"name": call["name"], "args": arguments, "id": f"step_{turn.number}_{len(turn.calls) + 1}"}
        return AIMessage(purpose, tool_calls=[chosen | {"type": "tool_call"}])

    def _meant(self, call: Mapping[str, Any], question: str, images: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The call's arguments, on the image that its target can be seen on, with the person's words where meant."""
        arguments = {name: question if value == AS_ASKED else value for name, value in call["arguments"].items()}
        if "image" in arguments:
            kit = self.understanding.kit
            targets = [name for name in arguments.get("targets") or () if name in kit.declared]
            fits = [image for image in images if all(kit.admits(name, image) for name in targets)]
            arguments["image"] = str((fits or list(images))[0]["id"])
        return arguments
