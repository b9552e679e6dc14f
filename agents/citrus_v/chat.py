"""Citrus-V as a reasoner in this process: a chat model that calls tools and never writes a broken call."""

import codecs
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

import torch
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict, Field, PrivateAttr
from torch import Tensor

from agents.citrus_v.files import fingerprint
from agents.citrus_v.grammar import Constraint, Grammars
from agents.citrus_v.memory import ReadSoFar, Shelf, Written
from agents.citrus_v.pictures import Picture
from agents.citrus_v.reader import Reader
from agents.citrus_v.transcript import open_picture, transcript
from agents.dialect import ReplyReader

CALL_GRACE = 512
"""Tokens beyond the limit within which a call that has begun may be ended."""


class NoReply(Exception):  # noqa: N818 - a state of the world, told to the person
    """The model came to no answer and no call; the message says why and what to do."""


@dataclass(frozen=True)
class Step:
    """What one step of the model added to a reply: a chosen token and those that can only follow it."""

    tokens: tuple[int, ...]
    end: bool


class CitrusVReasoner(BaseChatModel):
    """The chat model of one conversation; several may share a reader, its grammars and a shelf.

    Pictures arrive as content blocks {"type": "image", "blob": <sha256>, "mime_type": "image/png"}. Thoughts
    are in `additional_kwargs["thinking"]`. A reply is words or one call, never a broken call. What was read
    in earlier steps and turns is not read again.

    Attributes:
        reader: The model, its processor and the pictures it has seen.
        grammars: Of the same checkpoint.
        shelf: Keeps what was read; under a key that no other conversation has.
        weights: Fingerprint of the checkpoint.
        resolve: Gives the bytes of this conversation's blob by SHA-256.
        max_new_tokens: Where words end; a call that has begun may end within `CALL_GRACE` more.
        temperature: 0 takes the likeliest token.
        seed: Of the draw where the temperature is above 0; the same prompt gets the same reply.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    reader: Reader = Field(exclude=True, repr=False)
    grammars: Grammars = Field(exclude=True, repr=False)
    shelf: Shelf = Field(default_factory=Shelf, exclude=True, repr=False)
    weights: str = ""
    resolve: Callable[[str], bytes] | None = Field(default=None, exclude=True, repr=False)
    max_new_tokens: int = Field(default=1024, ge=1)
    temperature: float = Field(default=0.0, ge=0.0)
    seed: int = 0

    _key: object = PrivateAttr(default_factory=object)
    _pictures: dict[str, Picture] = PrivateAttr(default_factory=dict)

    @classmethod
    def from_pretrained(
        cls,
        folder: str | os.PathLike[str],
        *,
        resolve: Callable[[str], bytes] | None = None,
        max_new_tokens: int = 1024,
        **kwargs: Any,
    ) -> Self:
        """Open a checkpoint folder; `kwargs` are those of `Reader.from_pretrained`."""
        reader = Reader.from_pretrained(folder, **kwargs)
        grammars = Grammars(reader.processor, reader.model.config)
        weights = fingerprint(Path(folder))
        return cls(reader=reader, grammars=grammars, weights=weights, resolve=resolve, max_new_tokens=max_new_tokens)

    @property
    def _llm_type(self) -> str:
        return "citrus-v"

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        return {
            "weights": self.weights,
            "max_new_tokens": self.max_new_tokens,
            "temperature": self.temperature,
            "seed": self.seed,
        }

    def bind_tools(
        self,
        tools: Sequence[Any],
        *,
        tool_choice: str | bool | dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Offer `tools` with every call.

        Args:
            tools: Anything that LangChain can turn into a function's signature.
            tool_choice: "auto" by default; "none", "any" (also "required", True), or a tool's name.
        """
        signatures = [convert_to_openai_tool(tool) for tool in tools]
        bound = self.bind(tools=signatures, tool_choice=_choice(tool_choice), **kwargs)
        return cast("Runnable[LanguageModelInput, AIMessage]", bound)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, None, **kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        *,
        tools: Sequence[Mapping[str, Any]] = (),
        tool_choice: str | bool | dict[str, Any] | None = None,
        **_: Any,
    ) -> Iterator[ChatGenerationChunk]:
        if stop:
            raise ValueError("this reasoner takes no stop sequences: a reply ends by its grammar")
        constraint = self.grammars.reply(tools, _choice(tool_choice))
        written = self._written(messages, tools)
        # Taken out while in use, so that a second reply at the same time begins from nothing.
        memory = self.shelf.take(self._key) or ReadSoFar(self.reader.model, self.reader.steps)
        sound = True
        text = codecs.getincrementaldecoder("utf-8")("replace")
        words = ReplyReader(held=False)
        count, ended, answered = 0, False, False
        try:
            for step in self._steps(memory, written, constraint):
                count += len(step.tokens)
                ended = step.end
                piece = words.take(
                    {"content": text.decode(self.grammars.tokenizer.decode_bytes(list(step.tokens)))}, whole=False
                )
                if piece.content or piece.additional_kwargs:
                    answered = answered or bool(piece.content)
                    yield ChatGenerationChunk(message=piece)
        except Exception:
            sound = False  # some layers may have read more than others
            raise
        finally:
            if sound:
                self.shelf.put(self._key, memory)
        last = words.end({str(call["id"]) for message in messages for call in getattr(message, "tool_calls", ())})
        if not constraint.whole:
            last = last.model_copy(update={"tool_call_chunks": [], "tool_calls": [], "invalid_tool_calls": []})
            if not (answered or last.content):
                raise NoReply(
                    f"The model came to no answer and no whole call within {count} tokens. Ask again in other words, "
                    "or let it answer at greater length."
                )
        yield ChatGenerationChunk(message=self._closed(last, written, count, memory.kept, ended or constraint.done))

    def _closed(self, last: AIMessageChunk, written: Written, count: int, kept: int, ended: bool) -> AIMessageChunk:
        asked = len(written.ids)
        return last.model_copy(
            update={
                "usage_metadata": {"input_tokens": asked, "output_tokens": count, "total_tokens": asked + count},
                "response_metadata": {"finish_reason": "stop" if ended else "length", "kept_tokens": kept},
                "chunk_position": "last",
            }
        )

    def _steps(self, memory: ReadSoFar, written: Written, constraint: Constraint) -> Iterator[Step]:
        """The reply, step by step; what was said is read, so that the next prompt finds it."""
        ends = self.reader.model.config.end_token_ids
        draw = torch.Generator().manual_seed(self.seed)
        logits = memory.read(written, lambda picture: self.reader.features(picture)[0])
        said = 0
        while not constraint.done:
            if said >= self.max_new_tokens + (0 if constraint.whole else CALL_GRACE):
                return
            token = self._next(logits, constraint.allowed(), draw)
            if token in ends:
                yield Step((), end=True)
                return
            tokens = [token, *constraint.say(token)]
            said += len(tokens)
            yield Step(tuple(tokens), end=False)
            if not constraint.done:
                logits = memory.go_on(tokens)

    def _next(self, logits: Tensor, allowed: Tensor, draw: torch.Generator) -> int:
        masked = logits.masked_fill(~allowed.to(logits.device), float("-inf"))
        if self.temperature == 0:
            return int(masked.argmax())
        chances = torch.softmax(masked.cpu() / self.temperature, dim=-1)
        return int(torch.multinomial(chances, 1, generator=draw))

    def _written(self, messages: Sequence[BaseMessage], tools: Sequence[Mapping[str, Any]]) -> Written:
        config = self.reader.model.config.mllm_config
        turns = transcript(messages, tools, self._picture)
        written = Written.of(turns, self.reader.processor, config.image_token_id)
        longest = config.text_config.max_position_embeddings
        if len(written.ids) + self.max_new_tokens + CALL_GRACE > longest:
            raise NoReply(
                f"The conversation has {len(written.ids)} tokens, too long for a model of {longest}. Begin a new one."
            )
        return written

    def _picture(self, block: Mapping[str, Any]) -> Picture:
        digest = str(block.get("blob"))
        if digest not in self._pictures:
            self._pictures[digest] = open_picture(block, self.resolve)
        return self._pictures[digest]


def _choice(tool_choice: str | bool | dict[str, Any] | None) -> str:
    if isinstance(tool_choice, dict):
        return str(tool_choice["function"]["name"])
    if isinstance(tool_choice, bool) or tool_choice is None:
        return "any" if tool_choice else "auto"
    return "any" if tool_choice == "required" else tool_choice
