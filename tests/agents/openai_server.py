"""A chat-completions server for tests: real HTTP on a loopback port, strict about what it is sent.

It answers with what the test scripted, whole or as server-sent events, as the request asks.
"""

import asyncio
import base64
import io
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import PIL.Image
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route


@dataclass
class Scripted:
    """One reply.

    Attributes:
        message: The assistant's message as the protocol has it; streamed in `piece` characters.
        deltas: What is streamed instead, delta by delta.
        body: Raw bytes to answer with instead of a completion.
        cut: Whether a stream ends without its finish reason.
        delay: Seconds before the answer, and between events of a stream.
        choices: False for a completion without any choice.
    """

    message: dict[str, Any] = field(default_factory=dict)
    deltas: list[dict[str, Any]] | None = None
    finish: str = "stop"
    status: int = 200
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    piece: int = 3
    cut: bool = False
    delay: float = 0
    choices: bool = True


@dataclass
class Received:
    """One request as it arrived."""

    headers: dict[str, str]
    body: dict[str, Any]
    pictures: list[PIL.Image.Image]


class OpenAIServer:
    """The server; `base_url` is where it listens."""

    def __init__(self) -> None:
        self.script: list[Scripted] = []
        self.received: list[Received] = []
        self.base_url = ""

    def say(self, *replies: Scripted | str) -> None:
        """Add replies to the script; a string is a plain answer."""
        self.script += [Scripted({"content": reply}) if isinstance(reply, str) else reply for reply in replies]

    async def complete(self, request: Request) -> Response:
        """POST /v1/chat/completions."""
        body = await request.json()
        try:
            pictures = check(body)
        except (AssertionError, KeyError, ValueError) as error:
            return JSONResponse({"error": {"message": f"bad request: {error!r}"}}, status_code=400)
        self.received.append(Received(dict(request.headers), body, pictures))
        reply = self.script.pop(0)
        await asyncio.sleep(reply.delay)
        if reply.body is not None:
            return Response(reply.body, reply.status, reply.headers, media_type="application/json")
        if body.get("stream"):
            return StreamingResponse(_events(reply), media_type="text/event-stream")
        choice = {"index": 0, "message": {"role": "assistant", **reply.message}, "finish_reason": reply.finish}
        return JSONResponse(
            {
                "id": "chatcmpl-always-the-same",
                "object": "chat.completion",
                "created": 1,
                "model": body["model"],
                "choices": [choice] if reply.choices else [],
                "usage": {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12},
            }
        )


def check(body: dict[str, Any]) -> list[PIL.Image.Image]:
    """Refuse what strict servers refuse; return the pictures sent.

    Earlier calls must have an object as arguments (vLLM parses them), tool messages must answer
    one of them, and pictures are data URLs of a user's message.
    """
    assert isinstance(body["model"], str), "model"
    pictures: list[PIL.Image.Image] = []
    calls: set[str] = set()
    for message in body["messages"]:
        assert message["role"] in ("system", "user", "assistant", "tool"), message["role"]
        for call in message.get("tool_calls", []):
            assert call["type"] == "function" and call["id"] and call["id"] not in calls, call
            assert isinstance(json.loads(call["function"]["arguments"]), dict), call
            calls.add(call["id"])
        if message["role"] == "tool":
            assert message["tool_call_id"] in calls, message
        if isinstance(message["content"], list):
            for part in message["content"]:
                assert part["type"] in ("text", "image_url"), part
                if part["type"] == "image_url":
                    assert message["role"] == "user", "pictures are the user's"
                    head, _, data = part["image_url"]["url"].partition(";base64,")
                    assert head in ("data:image/png", "data:image/jpeg", "data:image/webp"), head
                    pictures.append(PIL.Image.open(io.BytesIO(base64.b64decode(data, validate=True))))
    for tool in body.get("tools", []):
        assert tool["type"] == "function" and tool["function"]["parameters"]["type"] == "object", tool
    return pictures


def deltas_of(message: dict[str, Any], piece: int) -> list[dict[str, Any]]:
    """A message cut as servers cut it: text in pieces, each call's name first, then its arguments."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None}]
    for name in ("reasoning_content", "reasoning", "content"):
        text = message.get(name) or ""
        deltas += [{name: text[start : start + piece]} for start in range(0, len(text), piece)]
    for index, call in enumerate(message.get("tool_calls") or []):
        arguments = call["function"]["arguments"]
        if not isinstance(arguments, str):
            deltas.append({"tool_calls": [{"index": index, **call}]})
            continue
        first = {**call, "function": {**call["function"], "arguments": ""}}
        deltas.append({"tool_calls": [{"index": index, **first}]})
        for start in range(0, len(arguments), piece):
            deltas.append(
                {"tool_calls": [{"index": index, "function": {"arguments": arguments[start : start + piece]}}]}
            )
    return deltas


async def _events(reply: Scripted) -> AsyncIterator[bytes]:
    def event(delta: dict[str, Any], finish: str | None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        chunk = {"id": "chatcmpl-always-the-same", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        return f"data: {json.dumps({**chunk, 'choices': [choice]})}\n\n".encode()

    deltas = deltas_of(reply.message, reply.piece) if reply.deltas is None else reply.deltas
    for delta in deltas:
        yield event(delta, None)
        await asyncio.sleep(reply.delay)
    if not reply.cut:
        yield event({}, reply.finish)
        yield b"data: [DONE]\n\n"


@contextmanager
def serving() -> Iterator[OpenAIServer]:
    """A running server on a free loopback port."""
    served = OpenAIServer()
    app = Starlette(routes=[Route("/v1/chat/completions", served.complete, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    served.base_url = f"http://127.0.0.1:{port}/v1"
    try:
        yield served
    finally:
        server.should_exit = True
        thread.join(timeout=10)
