"""A reasoner behind any server that speaks OpenAI's chat completions: vLLM, ms-swift, llama.cpp, OpenAI."""

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

import openai
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    ToolCall,
    message_chunk_to_message,
)
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableBinding
from pydantic import Field, PrivateAttr, ValidationError

from agents.completions import RAW, RESPONSE_LIMIT, Completions, RemoteSettings, TooMuch
from agents.dialect import DialectError, ReplyReader, text_of

WITHHELD = "[A picture was withheld: this reasoner takes no pictures.]"
"""Stands in a message for a picture that the model would not see."""

_PICTURES = ("image/png", "image/jpeg", "image/webp")

_MALFORMED = (LookupError, TypeError, ValueError, AttributeError, RecursionError)
"""What the client's parsers raise on a body that is no chat completion."""


class ReasonerUnavailable(Exception):  # noqa: N818 - a state of the world, told to the person
    """The reasoner did not answer; the message names the server and says what to do."""


def remote_reasoner(
    settings: RemoteSettings | None = None, *, resolve: Callable[[str], bytes] | None = None
) -> "RemoteReasoner":
    """A reasoner for one conversation.

    Args:
        settings: Read from the environment where not given.
        resolve: Gives the bytes of this conversation's blob by SHA-256, for the pictures in messages.

    Raises:
        ReasonerUnavailable: The environment does not say where the server is or what to ask for.
    """
    if settings is None:
        try:
            settings = RemoteSettings()
        except ValidationError as error:
            faults = "; ".join(
                f"CITRUS_REMOTE_{str(fault['loc'][0]).upper()}: {fault['msg']}"
                for fault in error.errors(include_url=False, include_input=False)
            )
            raise ReasonerUnavailable(f"The remote reasoner is not set up: {faults}.") from None
    return RemoteReasoner(settings=settings, resolve=resolve)


class RemoteReasoner(BaseChatModel):
    """A chat model on a server, with this system's message format and the server's quirks mended.

    Pictures arrive as content blocks `{"type": "image", "blob": <sha256>, "mime_type": "image/png"}` and
    become data URLs only here. Replies have thoughts in `additional_kwargs["thinking"]`; calls whose
    arguments are not a JSON object are in `invalid_tool_calls`; every call has an id of its own.

    Every call may raise `ReasonerUnavailable`.
    """

    settings: RemoteSettings
    resolve: Callable[[str], bytes] | None = Field(default=None, exclude=True, repr=False)

    _model: Completions = PrivateAttr()
    _live: bool = PrivateAttr(default=False)
    """Whether an answer was seen that its template had not begun with `<think>`: it may be streamed."""

    def model_post_init(self, context: Any, /) -> None:
        """Join the client to the settings; nothing is sent."""
        super().model_post_init(context)
        self._model = Completions.of(self.settings)

    @property
    def _llm_type(self) -> str:
        return "citrus-remote"

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        return self.settings.model_dump(mode="json", exclude={"api_key"})

    @property
    def leaves_machine(self) -> str | None:
        """What a person must agree to before the first call, or None where all stays on this machine."""
        if self.settings.loopback:
            return None
        what = "The text and the pictures" if self.settings.images else "The text, without its pictures,"
        how = "" if self.settings.base_url.startswith("https:") else ", unencrypted"
        return f"{what} of this conversation would be sent to {self.settings.host}{how}."

    def bind_tools(
        self, tools: Sequence[Any], *, tool_choice: str | None = None, **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Offer `tools` with every call; with none, the model itself."""
        if not tools:
            return self
        bound = cast("RunnableBinding[Any, Any]", self._model.bind_tools(tools, tool_choice=tool_choice, **kwargs))
        return cast("Runnable[LanguageModelInput, AIMessage]", self.bind(**bound.kwargs))

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        result = self._completed(messages, stop, kwargs)
        answer = cast(AIMessage, result.generations[0].message)
        finish = _finish({**(result.llm_output or {}), **(result.generations[0].generation_info or {})})
        reader = ReplyReader(held=True)
        reply = self._read(reader, answer.additional_kwargs[RAW], whole=True) + reader.end(_ids(messages))
        reply = reply.model_copy(update={"response_metadata": finish, "usage_metadata": answer.usage_metadata})
        if not reply.content and not reply.tool_call_chunks:
            raise ReasonerUnavailable(self._empty(finish))
        return ChatResult(generations=[ChatGeneration(message=message_chunk_to_message(reply))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        reader = ReplyReader(held=not self._live)
        answered = False
        finish: dict[str, str] = {}
        for received in self._received(messages, stop, kwargs):
            finish |= _finish(received.generation_info or {})
            message = cast(AIMessageChunk, received.message)
            piece = self._read(reader, message.additional_kwargs[RAW], whole=False)
            piece = piece.model_copy(update={"usage_metadata": message.usage_metadata})
            if piece.content or piece.additional_kwargs or piece.usage_metadata:
                answered = answered or bool(piece.content)
                yield ChatGenerationChunk(message=piece)
        if "finish_reason" not in finish:
            raise ReasonerUnavailable(f"{self._named} broke off in the middle of its reply. Ask again.")
        last = reader.end(_ids(messages)).model_copy(update={"response_metadata": finish})
        answered = answered or bool(last.content)
        if not answered and not last.tool_call_chunks:
            raise ReasonerUnavailable(self._empty(finish))
        self._live = self._live or (answered and not reader.opened)
        yield ChatGenerationChunk(message=last)

    def _completed(self, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any]) -> ChatResult:
        sent = [self._mended(message) for message in messages]
        try:
            return self._model._generate(sent, stop=stop, **kwargs)
        except openai.OpenAIError as error:
            fault = self._explain(error)
        except _MALFORMED:
            fault = self._strange
        # Raised outside, so that the error does not carry the request and its key along.
        raise ReasonerUnavailable(fault)

    def _received(
        self, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any]
    ) -> Iterator[ChatGenerationChunk]:
        sent = [self._mended(message) for message in messages]
        try:
            yield from self._model._stream(sent, stop=stop, **kwargs)
        except openai.OpenAIError as error:
            fault = self._explain(error)
        except _MALFORMED:
            fault = self._strange
        else:
            return
        raise ReasonerUnavailable(fault)

    def _mended(self, message: BaseMessage) -> BaseMessage:
        """The message as a server takes it: pictures resolved, unreadable calls readable."""
        if isinstance(message, AIMessage) and message.invalid_tool_calls:
            # Servers parse the arguments of earlier calls and fail on those that are not JSON.
            calls = [
                ToolCall(name=call["name"] or "unreadable", args={"unreadable": call["args"] or ""}, id=call["id"])
                for call in message.invalid_tool_calls
            ]
            return AIMessage(content=message.content, tool_calls=[*message.tool_calls, *calls])
        if not isinstance(message.content, list):
            return message
        sees = self.settings.images and isinstance(message, HumanMessage)
        blocks = [self._block(block, sees) for block in message.content]
        if all(isinstance(block, str) or block.get("type") == "text" for block in blocks):
            # Servers of text models often take plain strings only.
            text = "\n".join(block if isinstance(block, str) else str(block["text"]) for block in blocks)
            return message.model_copy(update={"content": text})
        return message.model_copy(update={"content": blocks})

    def _block(self, block: str | dict[Any, Any], sees: bool) -> str | dict[Any, Any]:
        if isinstance(block, str) or block.get("type") != "image" or "blob" not in block:
            return block
        if not sees:
            return {"type": "text", "text": WITHHELD}
        mime_type, digest = block.get("mime_type"), block["blob"]
        if mime_type not in _PICTURES:
            raise ValueError(f"a picture is {' or '.join(_PICTURES)}, not {mime_type!r}")
        if self.resolve is None:
            raise ValueError(f"this reasoner was given no way to resolve the picture {digest}")
        data = self.resolve(digest)
        if hashlib.sha256(data).hexdigest() != digest:
            raise ValueError(f"the picture {digest} resolved to other bytes")
        url = f"data:{mime_type};base64,{base64.b64encode(data).decode('ascii')}"
        return {"type": "image_url", "image_url": {"url": url}}

    def _read(self, reader: ReplyReader, raw: dict[str, Any], *, whole: bool) -> AIMessageChunk:
        try:
            return reader.take(raw, whole=whole)
        except DialectError as error:
            fault = f"{self._named} cannot be read: {error}. Use another chat template or model."
        raise ReasonerUnavailable(fault)

    def _empty(self, finish: Mapping[str, str]) -> str:
        reason = finish.get("finish_reason")
        remedy = "Raise CITRUS_REMOTE_MAX_TOKENS" if reason == "length" else "Ask again, or use another model"
        return f"{self._named} answered with nothing (finish reason {reason}). {remedy}."

    @property
    def _named(self) -> str:
        return f"The reasoner {self.settings.model!r} at {self.settings.base_url}"

    @property
    def _strange(self) -> str:
        return (
            f"{self._named} did not answer with a chat completion. Check that CITRUS_REMOTE_BASE_URL is the "
            "address of an OpenAI-compatible API, usually ending in /v1."
        )

    def _explain(self, error: openai.OpenAIError) -> str:
        """What happened and what to do, in one or two sentences."""
        named, cause = self._named, _root(error)
        if isinstance(cause, TooMuch):
            return f"{named} sent more than {RESPONSE_LIMIT} bytes, or compressed ones. Check what runs there."
        if isinstance(error, openai.APITimeoutError):
            return f"{named} did not answer within {self.settings.timeout:g} s. Raise CITRUS_REMOTE_TIMEOUT."
        if isinstance(error, openai.APIConnectionError):
            why = self._quoted(str(cause))
            return f"{named} cannot be reached{why}. Is the server running, and is CITRUS_REMOTE_BASE_URL right?"
        if isinstance(error, openai.APIStatusError):
            return f"{named} {self._explain_status(error.status_code, self._quoted(error.message))}"
        return f"{named} failed{self._quoted(str(error))}. See the server's log."

    def _explain_status(self, code: int, why: str) -> str:
        if code in (401, 403):
            # Nothing is quoted here: servers repeat a part of the key.
            return f"refused access ({code}). Set CITRUS_REMOTE_API_KEY to a key that it accepts."
        if code == 404:
            return f"was not found (404){why}. Check CITRUS_REMOTE_MODEL and CITRUS_REMOTE_BASE_URL."
        if code == 429:
            return f"takes no more requests now (429){why}. Wait, or check the account's limits."
        if code >= 500:
            return f"failed ({code}){why}. See the server's log."
        if code < 400:
            return f"redirects elsewhere ({code}), which is not followed. Set CITRUS_REMOTE_BASE_URL to its goal."
        return (
            f"did not accept the request ({code}){why}. If the model takes no pictures, set CITRUS_REMOTE_IMAGES=no; "
            "if the conversation is too long for it, begin a new one."
        )

    def _quoted(self, words: str) -> str:
        """The server's words as one short printable line without the key, or nothing."""
        key = self.settings.api_key.get_secret_value() if self.settings.api_key else ""
        line = words.replace(key, "[key]") if key else words
        line = " ".join("".join(letter if letter.isprintable() else " " for letter in line).split())
        return f": {line[:300].rstrip('.')}" if line else ""


def _root(error: BaseException) -> BaseException:
    """The first error of the chain that led to `error`."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _finish(info: Mapping[str, Any]) -> dict[str, str]:
    """What is kept of the server's word on how it finished."""
    found = {name: text_of(info.get(name))[:200] for name in ("finish_reason", "model_name")}
    return {name: value for name, value in found.items() if value}


def _ids(messages: Sequence[BaseMessage]) -> set[str]:
    """Ids of every call in the conversation so far."""
    return {
        call["id"]
        for message in messages
        if isinstance(message, AIMessage)
        for call in (*message.tool_calls, *message.invalid_tool_calls)
        if call["id"]
    }
