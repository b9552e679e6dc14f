"""The client of an OpenAI-compatible server: where it is, and a connection that keeps to that place.

Requests go to `base_url` and nowhere else: redirects are not followed, no proxy stands before a
loopback address, and OpenAI's own environment variables are not read. Responses are limited in size
and time before they are parsed.
"""

import ipaddress
import time
from collections.abc import Iterator
from typing import Annotated, Any, Self, cast
from urllib.parse import urlsplit

import httpx2
import openai
from langchain_core.language_models import LanguageModelInput
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_openai import ChatOpenAI
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

RESPONSE_LIMIT = 8 * 2**20
"""Bytes of one response; a chat completion is a thousand times smaller."""

RAW = "citrus_raw"
"""Key in `additional_kwargs` under which `Completions` leaves a message as the server sent it."""


class RemoteSettings(BaseSettings):
    """Where the server is and how to ask it, from `CITRUS_REMOTE_*` variables or arguments.

    Attributes:
        base_url: Ends before `/chat/completions`, usually in `/v1`; holds no user, password or query.
        model: As the server calls it.
        api_key: Sent as a bearer token; None sends none.
        timeout: Seconds for one whole response.
        max_retries: Tries again after a failed connection, 408, 409, 429 or 5xx.
        images: Whether the model sees pictures; without, they are withheld and the text says so.
        temperature: 0 for the same answer to the same question; None leaves it to the server.
        seed: None leaves it to the server.
        max_tokens: Of one reply, thoughts included.
    """

    model_config = SettingsConfigDict(
        env_prefix="CITRUS_REMOTE_", env_ignore_empty=True, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    base_url: str = "http://127.0.0.1:8000/v1"
    model: Annotated[str, Field(min_length=1)]
    api_key: SecretStr | None = None
    timeout: Annotated[float, Field(gt=0, le=3600)] = 300
    max_retries: Annotated[int, Field(ge=0, le=10)] = 2
    images: bool = True
    temperature: Annotated[float, Field(ge=0, le=2)] | None = 0
    seed: int | None = 0
    max_tokens: Annotated[int, Field(ge=1)] = 4096

    @field_validator("base_url")
    @classmethod
    def _check_url(cls, value: str) -> str:
        parts = urlsplit(value.strip())
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("give a URL such as http://127.0.0.1:8000/v1")
        if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
            raise ValueError("give a URL without user, password, query and fragment; a key goes into api_key")
        if parts.port == 0:
            raise ValueError("port 0 is no port")
        return value.strip().rstrip("/")

    @property
    def host(self) -> str:
        """The server's name or address, with its port where the URL gives one."""
        return urlsplit(self.base_url).netloc

    @property
    def loopback(self) -> bool:
        """Whether the server is on this machine, by its address or the name `localhost`."""
        name = urlsplit(self.base_url).hostname or ""
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return name == "localhost"


class Completions(ChatOpenAI):
    """Leaves each message under `RAW`, since `ChatOpenAI` drops what OpenAI itself does not send."""

    old_limit: bool = False
    """Whether the server knows `max_tokens` only."""

    @classmethod
    def of(cls, settings: RemoteSettings) -> Self:
        """The client for these settings; nothing is sent yet."""
        key = settings.api_key.get_secret_value() if settings.api_key else ""
        return cls(
            model=settings.model,
            base_url=settings.base_url,
            api_key=SecretStr(key or "none"),
            http_client=_http_client(settings, keyed=bool(key)),
            openai_proxy=None,
            timeout=settings.timeout,
            max_retries=settings.max_retries,
            temperature=settings.temperature,
            seed=settings.seed,
            max_tokens=settings.max_tokens,
            use_responses_api=False,
            stream_usage=False,
            # OpenAI's newer models refuse `max_tokens`; others' servers need not know what replaced it.
            old_limit=urlsplit(settings.base_url).hostname != "api.openai.com",
        )

    def _get_request_payload(
        self, input_: LanguageModelInput, *, stop: list[str] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        payload = super()._get_request_payload(input_, stop=stop, **kwargs)
        if self.old_limit and "max_completion_tokens" in payload:
            payload["max_tokens"] = payload.pop("max_completion_tokens")
        return payload

    def _create_chat_result(self, response: Any, generation_info: dict[str, Any] | None = None) -> ChatResult:
        if not isinstance(response, openai.BaseModel):
            raise TypeError("not a chat completion")
        answer = response.model_dump(warnings=False)
        choice = answer["choices"][0]
        raw = dict(choice["message"])
        answer["choices"] = [{**choice, "message": {"role": "assistant", "content": ""}}]
        result = super()._create_chat_result(answer, generation_info)
        result.generations[0].message.additional_kwargs[RAW] = raw
        return result

    def _convert_chunk_to_generation_chunk(
        self, chunk: dict[str, Any], default_chunk_class: type, base_generation_info: dict[str, Any] | None
    ) -> ChatGenerationChunk | None:
        raw: dict[str, Any] = {}
        if chunk.get("choices"):
            choice = chunk["choices"][0]
            raw = dict(choice.get("delta") or {})
            chunk = {**chunk, "choices": [{**choice, "delta": {"role": "assistant", "content": ""}}]}
        read = super()._convert_chunk_to_generation_chunk(chunk, default_chunk_class, base_generation_info)
        if read is not None:
            read.message.additional_kwargs[RAW] = raw
        return read


class TooMuch(httpx2.ReadError):
    """A response passed `RESPONSE_LIMIT`, or may unfold beyond it."""


class _Bounded(httpx2.SyncByteStream):
    """A response's bytes, up to a size and a moment; a server could otherwise drip for ever."""

    def __init__(self, stream: httpx2.SyncByteStream, seconds: float) -> None:
        self._stream = stream
        self._until = time.monotonic() + seconds

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for piece in self._stream:
            size += len(piece)
            if size > RESPONSE_LIMIT:
                raise TooMuch("the response is too large")
            if time.monotonic() > self._until:
                raise httpx2.ReadTimeout("the response takes too long")
            yield piece

    def close(self) -> None:
        self._stream.close()


def _http_client(settings: RemoteSettings, *, keyed: bool) -> httpx2.Client:
    def strip(request: httpx2.Request) -> None:
        # The SDK tells of this machine, and of the account named in OpenAI's variables. It reads one
        # of its headers back itself.
        for name in [name for name in request.headers if name.startswith(("x-stainless-", "openai-"))]:
            if name != "x-stainless-raw-response":
                del request.headers[name]
        if not keyed:
            request.headers.pop("authorization", None)
        request.headers["user-agent"] = "citrus-v"
        request.headers["accept-encoding"] = "identity"

    def bound(response: httpx2.Response) -> None:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise TooMuch("the response is compressed, though it was asked not to be")
        response.stream = _Bounded(cast(httpx2.SyncByteStream, response.stream), settings.timeout)

    return httpx2.Client(
        follow_redirects=False,
        # A proxy named in the environment must not see what is meant for this machine.
        trust_env=not settings.loopback,
        timeout=httpx2.Timeout(settings.timeout, connect=min(settings.timeout, 10)),
        event_hooks={"request": [strip], "response": [bound]},
    )
