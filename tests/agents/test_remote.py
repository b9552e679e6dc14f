"""The remote reasoner against a real server that keeps and breaks the protocol."""

import gzip
import hashlib
import io
import json
import logging
import socket
import traceback
from collections.abc import Iterator
from typing import Any

import PIL.Image
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import StructuredTool
from pydantic import BaseModel, Field, ValidationError

from agents.dialect import UNREADABLE
from agents.remote import WITHHELD, ReasonerUnavailable, RemoteReasoner, RemoteSettings, remote_reasoner
from knowledge.briefing import opening, tool_result
from knowledge.case import Case, Patient
from knowledge.claim import Claim, Verdict
from knowledge.evidence import Absence
from tests.agents.openai_server import OpenAIServer, Scripted, serving

KEY = "sk-very-secret-0123456789"
QUESTION = [HumanMessage("How large are the lungs?")]


@pytest.fixture(scope="module")
def running() -> Iterator[OpenAIServer]:
    with serving() as server:
        yield server


@pytest.fixture
def server(running: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> OpenAIServer:
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "not-for-this-server")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    running.script.clear()
    running.received.clear()
    return running


def reasoner(server: OpenAIServer, resolve: Any = None, **settings: Any) -> RemoteReasoner:
    settings = {"base_url": server.base_url, "model": "citrus-v-8b", "max_retries": 0, "timeout": 20} | settings
    return remote_reasoner(RemoteSettings(**settings), resolve=resolve)


def ask(model: Any, messages: list[Any], *, stream: bool) -> AIMessage:
    """One reply, whole or merged from its stream, as a plain message."""
    if not stream:
        reply = model.invoke(messages)
    else:
        reply = AIMessageChunk(content="")
        for chunk in model.stream(messages):
            reply += chunk
    assert isinstance(reply, AIMessage)
    return reply


def call(name: str, arguments: Any, call_id: str | None = "c1") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


class SegmentArguments(BaseModel):
    image: str = Field(description="Id of the image.")
    target: str = Field(description="What to segment.")


SEGMENT = StructuredTool.from_function(
    func=lambda **_: None, name="segment", description="Segments.", args_schema=SegmentArguments
)

both = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@both
def test_answers(server: OpenAIServer, stream: bool) -> None:
    model = reasoner(server, api_key=KEY, seed=7, max_tokens=99)
    server.say("The lungs are cut off [E1].")
    reply = ask(model, [opening(Case(patient=Patient(age_years=60))), *QUESTION], stream=stream)
    assert reply.content == "The lungs are cut off [E1]."
    assert reply.response_metadata["finish_reason"] == "stop"
    assert reply.id is None or "always-the-same" not in reply.id
    (received,) = server.received
    assert [message["role"] for message in received.body["messages"]] == ["system", "user"]
    assert received.body["model"] == "citrus-v-8b"
    assert (received.body["temperature"], received.body["seed"], received.body["max_tokens"]) == (0, 7, 99)
    assert received.headers["authorization"] == f"Bearer {KEY}"
    if not stream:
        assert reply.usage_metadata is not None and reply.usage_metadata["total_tokens"] == 12


def test_sends_nothing_of_openais_environment(server: OpenAIServer) -> None:
    server.say("Yes.")
    reasoner(server).invoke(QUESTION)
    headers = server.received[0].headers
    assert "authorization" not in headers
    assert "not-for-this-server" not in json.dumps(headers)
    told = [name for name in headers if name.startswith(("x-stainless", "openai"))]
    assert told == ["x-stainless-raw-response"]


@both
def test_whole_turn_with_tools(server: OpenAIServer, stream: bool) -> None:
    model = reasoner(server).bind_tools([SEGMENT])
    arguments = {"image": "I1", "target": "left lung"}
    server.say(Scripted({"tool_calls": [call("segment", json.dumps(arguments))]}, finish="tool_calls"))
    messages: list[BaseMessage] = list(QUESTION)
    messages.append(ask(model, messages, stream=stream))
    assert isinstance(messages[-1], AIMessage)
    (made,) = messages[-1].tool_calls
    assert (made["name"], made["args"], made["id"]) == ("segment", arguments, "c1")
    absence = Absence(id="E1", image="I1", target="left lung", searched="All of it.")
    messages.append(tool_result("c1", "segment", [absence]))
    server.say("The left lung is not in this image [E1].")
    assert ask(model, messages, stream=stream).content == "The left lung is not in this image [E1]."
    first, second = (received.body for received in server.received)
    assert first["tools"][0]["function"]["name"] == "segment"
    assert first["tools"][0]["function"]["parameters"]["required"] == ["image", "target"]
    assert [message["role"] for message in second["messages"]] == ["user", "assistant", "tool"]


@both
def test_parallel_calls_get_ids_of_their_own(server: OpenAIServer, stream: bool) -> None:
    model = reasoner(server).bind_tools([SEGMENT])
    calls = [
        call("segment", '{"image": "I1", "target": "left lung"}', None),
        call("segment", {"image": "I1", "target": "right lung"}, "same"),
        call("segment", "", "same"),
    ]
    server.say(Scripted({"tool_calls": calls[:1]}), Scripted({"tool_calls": calls}))
    first = ask(model, QUESTION, stream=stream)
    second = ask(model, [*QUESTION, first], stream=stream)
    made = first.tool_calls + second.tool_calls
    assert len(made) == 4 and len({item["id"] for item in made}) == 4
    assert [item["args"].get("target") for item in made] == ["left lung", "left lung", "right lung", None]


@both
def test_calls_written_as_text_and_thoughts(server: OpenAIServer, stream: bool) -> None:
    model = reasoner(server).bind_tools([SEGMENT])
    text = (
        "<think>The lungs first.</think>\nI segment both.\n"
        '<tool_call>\n{"name": "segment", "arguments": {"image": "I1", "target": "left lung"}}\n</tool_call>\n'
        '<tool_call>\n{"name": "segment", "arguments": {"image": "I1", "target": "right lung"}}\n</tool_call>'
    )
    server.say(text, Scripted({"reasoning_content": "One more.", "content": "<answer>Done [E1].</answer>"}))
    reply = ask(model, QUESTION, stream=stream)
    assert reply.content == "I segment both."
    assert [made["args"]["target"] for made in reply.tool_calls] == ["left lung", "right lung"]
    assert reply.additional_kwargs == {"thinking": "The lungs first."}
    results = [ToolMessage("{}", tool_call_id=made["id"]) for made in reply.tool_calls]
    last = ask(model, [*QUESTION, reply, *results], stream=stream)
    assert (last.content, last.additional_kwargs) == ("Done [E1].", {"thinking": "One more."})
    sent = server.received[1].body["messages"][1]
    assert "The lungs first." not in json.dumps(sent) and len(sent["tool_calls"]) == 2


@both
@pytest.mark.parametrize("arguments", ['{"image": "I1", "target": "left lu', "[1, 2]", "I1, left lung", '{"a": NaN}'])
def test_unreadable_arguments_are_handed_back(server: OpenAIServer, stream: bool, arguments: str) -> None:
    model = reasoner(server).bind_tools([SEGMENT])
    server.say(Scripted({"tool_calls": [call("segment", arguments, None)]}), "I see.")
    reply = ask(model, QUESTION, stream=stream)
    assert reply.tool_calls == []
    (bad,) = reply.invalid_tool_calls
    assert (bad["name"], bad["args"]) == ("segment", UNREADABLE + arguments)
    assert bad["id"]
    fault = ToolMessage("The arguments are not valid JSON.", tool_call_id=bad["id"])
    assert ask(model, [*QUESTION, reply, fault], stream=stream).content == "I see."


@both
def test_old_function_call_and_content_parts(server: OpenAIServer, stream: bool) -> None:
    model = reasoner(server)
    function = {"name": "segment", "arguments": '{"image": "I1"}'}
    message = {"function_call": function, "content": [{"type": "text", "text": "So."}]}
    server.say(Scripted(message, deltas=[message]))
    reply = ask(model, QUESTION, stream=stream)
    assert (reply.content, reply.tool_calls[0]["args"]) == ("So.", {"image": "I1"})


def test_streams_word_by_word(server: OpenAIServer) -> None:
    model = reasoner(server)
    server.say("The first answer.", "The second answer.")
    first = [str(chunk.content) for chunk in model.stream(QUESTION) if chunk.content]
    assert first == ["The first answer."], "held until it is known not to be thoughts"
    second = [str(chunk.content) for chunk in model.stream(QUESTION) if chunk.content]
    assert len(second) > 3 and "".join(second) == "The second answer."


@both
def test_a_template_that_opens_the_thoughts(server: OpenAIServer, stream: bool) -> None:
    model = reasoner(server)
    for _ in range(2):
        server.say("Look at both lungs.</think>\n\nClear [E1].")
        reply = ask(model, QUESTION, stream=stream)
        assert (reply.content, reply.additional_kwargs["thinking"]) == ("Clear [E1].", "Look at both lungs.")


def picture() -> tuple[bytes, str, dict[str, Any]]:
    buffer = io.BytesIO()
    PIL.Image.new("L", (5, 3), 77).save(buffer, "PNG")
    data = buffer.getvalue()
    digest = hashlib.sha256(data).hexdigest()
    return data, digest, {"type": "image", "blob": digest, "mime_type": "image/png"}


def test_pictures_are_resolved_when_sent(server: OpenAIServer) -> None:
    data, digest, block = picture()
    server.say("A grey film.")
    message = HumanMessage([{"type": "text", "text": "View E2"}, block])
    reasoner(server, {digest: data}.__getitem__).invoke([message])
    (received,) = server.received
    assert received.pictures[0].size == (5, 3) and received.pictures[0].getpixel((0, 0)) == 77
    assert received.body["messages"][0]["content"][0] == {"type": "text", "text": "View E2"}
    assert message.content[1] == block, "the conversation itself holds no pixels"


def test_pictures_are_withheld_and_said_so(server: OpenAIServer) -> None:
    def resolve(digest: str) -> bytes:
        raise AssertionError("pixels were read")

    _, _, block = picture()
    server.say("No picture.", "No picture.")
    messages = [HumanMessage([{"type": "text", "text": "View E2"}, block])]
    reasoner(server, resolve, images=False).invoke(messages)
    assert server.received[0].body["messages"][0]["content"] == f"View E2\n{WITHHELD}"
    # Only a user's message may hold pictures by the protocol.
    reasoner(server, resolve).invoke([SystemMessage([block]), HumanMessage("?")])
    assert server.received[1].body["messages"][0]["content"] == WITHHELD


def test_pictures_that_cannot_be_what_they_say(server: OpenAIServer) -> None:
    data, _, block = picture()
    with pytest.raises(ValueError, match="other bytes"):
        reasoner(server, lambda _: data + b"x").invoke([HumanMessage([block])])
    with pytest.raises(ValueError, match="no way to resolve"):
        reasoner(server).invoke([HumanMessage([block])])
    with pytest.raises(ValueError, match="not 'text/html'"):
        reasoner(server, lambda _: data).invoke([HumanMessage([{**block, "mime_type": "text/html"}])])
    assert server.received == []


ERROR = {"error": {"message": f"Incorrect key {KEY}\x1b[2J or\nmodel", "type": "x", "code": "y"}}


@both
@pytest.mark.parametrize(
    ("status", "words"),
    [
        (307, "redirects elsewhere"),
        (400, "CITRUS_REMOTE_IMAGES=no"),
        (401, "CITRUS_REMOTE_API_KEY"),
        (403, "CITRUS_REMOTE_API_KEY"),
        (404, "CITRUS_REMOTE_MODEL"),
        (413, "did not accept"),
        (422, "did not accept"),
        (429, "Wait"),
        (500, "server's log"),
        (503, "server's log"),
    ],
)
def test_refusals_say_what_to_do(
    server: OpenAIServer, stream: bool, status: int, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    elsewhere = {"location": "http://192.0.2.1/v1/chat/completions"} if status == 307 else {}
    server.say(Scripted(body=json.dumps(ERROR).encode(), status=status, headers=elsewhere))
    model = reasoner(server, api_key=KEY)
    with pytest.raises(ReasonerUnavailable) as caught:
        ask(model, QUESTION, stream=stream)
    assert words in str(caught.value) and server.base_url in str(caught.value) and str(status) in str(caught.value)
    assert str(caught.value).isprintable()
    assert caught.value.__cause__ is None and caught.value.__context__ is None
    told = "".join(traceback.format_exception(caught.value)) + caplog.text + repr(model) + str(model.to_json())
    assert KEY not in told


@both
@pytest.mark.parametrize(
    "body",
    [
        b"<html>It works!</html>",
        b"",
        b"[]",
        b"null",
        b'{"choices": null}',
        b'{"choices": [{}]}',
        b'{"choices": [{"message": 5}]}',
        b'{"object": "error", "message": "no such model"}',
        b"[" * 100_000,
    ],
)
def test_no_chat_completion(server: OpenAIServer, stream: bool, body: bytes) -> None:
    server.say(Scripted(body=body))
    with pytest.raises(ReasonerUnavailable, match=r"CITRUS_REMOTE_BASE_URL|broke off"):
        ask(reasoner(server), QUESTION, stream=stream)


def test_an_error_within_a_stream(server: OpenAIServer) -> None:
    server.say(Scripted(body=b'data: {"error": {"message": "out of memory"}}\n\n'))
    with pytest.raises(ReasonerUnavailable, match="failed: out of memory"):
        ask(reasoner(server), QUESTION, stream=True)


@both
def test_too_much(server: OpenAIServer, stream: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.completions.RESPONSE_LIMIT", 40_000)
    server.say(Scripted({"content": "x" * 100_000}, piece=1000))
    with pytest.raises(ReasonerUnavailable, match="bytes"):
        ask(reasoner(server), QUESTION, stream=stream)
    bomb = gzip.compress(b" " * 10_000_000)
    server.say(Scripted(body=bomb, headers={"content-encoding": "gzip"}))
    with pytest.raises(ReasonerUnavailable, match="compressed"):
        ask(reasoner(server), QUESTION, stream=stream)
    calls = [call("segment", "{}", f"c{number}") for number in range(40)]
    server.say(Scripted({"tool_calls": calls}))
    with pytest.raises(ReasonerUnavailable, match="tool calls"):
        ask(reasoner(server), QUESTION, stream=stream)


@both
def test_too_late(server: OpenAIServer, stream: bool) -> None:
    server.say(Scripted({"content": "late"}, delay=5))
    with pytest.raises(ReasonerUnavailable, match="CITRUS_REMOTE_TIMEOUT"):
        ask(reasoner(server, timeout=0.2), QUESTION, stream=stream)


def test_a_dripping_stream_ends(server: OpenAIServer) -> None:
    server.say(Scripted({"content": "drip " * 100}, piece=1, delay=0.05))
    with pytest.raises(ReasonerUnavailable, match="CITRUS_REMOTE_TIMEOUT"):
        ask(reasoner(server, timeout=0.5), QUESTION, stream=True)


def test_a_stream_that_breaks_off(server: OpenAIServer) -> None:
    server.say(Scripted({"content": "The lungs measure 12"}, cut=True))
    with pytest.raises(ReasonerUnavailable, match="broke off"):
        ask(reasoner(server), QUESTION, stream=True)


@both
@pytest.mark.parametrize(("finish", "words"), [("length", "CITRUS_REMOTE_MAX_TOKENS"), ("stop", "Ask again")])
def test_an_empty_answer(server: OpenAIServer, stream: bool, finish: str, words: str) -> None:
    server.say(Scripted({"content": "<think>so many thoughts"}, finish=finish))
    with pytest.raises(ReasonerUnavailable, match=words):
        ask(reasoner(server), QUESTION, stream=stream)


@both
def test_nobody_listens(stream: bool) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
    model = remote_reasoner(RemoteSettings(base_url=url, model="m", max_retries=0))
    with pytest.raises(ReasonerUnavailable, match="cannot be reached") as caught:
        ask(model, QUESTION, stream=stream)
    assert url in str(caught.value)


def test_tries_again(server: OpenAIServer) -> None:
    server.say(Scripted(body=b"{}", status=503, headers={"retry-after-ms": "1"}), "Now.")
    assert reasoner(server, max_retries=1).invoke(QUESTION).content == "Now."
    assert len(server.received) == 2


async def _stream_async(model: BaseChatModel) -> str:
    return "".join([str(chunk.content) async for chunk in model.astream(QUESTION)])


def test_async(server: OpenAIServer) -> None:
    import asyncio

    server.say("One.", "Two.")
    model = reasoner(server)
    assert asyncio.run(model.ainvoke(QUESTION)).content == "One."
    assert asyncio.run(_stream_async(model)) == "Two."


def test_the_verifiers_objection_arrives(server: OpenAIServer) -> None:
    from knowledge.briefing import objection

    server.say("Mended [E1].")
    claim = Claim(text="It is 5 mm.", evidence=(), verdict=Verdict.UNSUPPORTED, reason="no evidence")
    reasoner(server).invoke([*QUESTION, AIMessage("It is 5 mm."), objection([claim])])
    assert server.received[0].body["messages"][2]["name"] == "verifier"


def test_unbound_and_without_tools_is_itself(server: OpenAIServer) -> None:
    model = reasoner(server)
    assert model.bind_tools([]) is model
    server.say(Scripted({"tool_calls": [call("segment", "{}")]}))
    reply = model.bind_tools([SEGMENT], tool_choice="any").invoke(QUESTION)
    assert isinstance(reply, AIMessage) and server.received[0].body["tool_choice"] == "required"


def test_settings_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ReasonerUnavailable, match="CITRUS_REMOTE_MODEL: Field required"):
        remote_reasoner()
    monkeypatch.setenv("CITRUS_REMOTE_MODEL", "qwen")
    monkeypatch.setenv("CITRUS_REMOTE_API_KEY", KEY)
    monkeypatch.setenv("CITRUS_REMOTE_IMAGES", "no")
    monkeypatch.setenv("CITRUS_REMOTE_SEED", "")
    model = remote_reasoner()
    assert model.settings.images is False and model.settings.seed == 0
    assert KEY not in repr(model) + str(model) + repr(model.settings) + model.model_dump_json()
    monkeypatch.setenv("CITRUS_REMOTE_BASE_URL", "https://user:hunter2@host/v1")
    with pytest.raises(ReasonerUnavailable, match="CITRUS_REMOTE_BASE_URL") as caught:
        remote_reasoner()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "leaves"),
    [
        ("http://127.0.0.1:8000/v1", None),
        ("http://localhost:8000/v1", None),
        ("http://[::1]:8000/v1", None),
        ("http://127.9.9.9/v1", None),
        ("http://0.0.0.0:8000/v1", "0.0.0.0:8000, unencrypted"),
        ("http://localhost.example.org/v1", "localhost.example.org, unencrypted"),
        ("http://127.0.0.1.example.org/v1", "127.0.0.1.example.org, unencrypted"),
        ("http://10.0.0.5:8000/v1", "10.0.0.5:8000, unencrypted"),
        ("https://api.openai.com/v1/", "api.openai.com."),
    ],
)
def test_says_what_leaves_the_machine(url: str, leaves: str | None) -> None:
    said = remote_reasoner(RemoteSettings(base_url=url, model="m")).leaves_machine
    if leaves is None:
        assert said is None
    else:
        assert said is not None and leaves in said and "pictures" in said
        text_only = remote_reasoner(RemoteSettings(base_url=url, model="m", images=False)).leaves_machine
        assert text_only is not None and "without its pictures" in text_only


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8000", "ftp://host/v1", "http://", "http://h/v1?key=1", "http://u@h/v1", "http://h:99999/"]
)
def test_refuses_what_is_no_url(url: str) -> None:
    with pytest.raises(ValidationError):
        RemoteSettings(base_url=url, model="m")


def test_openai_itself_takes_the_new_limit() -> None:
    def payload(url: str) -> dict[str, Any]:
        model = remote_reasoner(RemoteSettings(base_url=url, model="m", max_tokens=5))
        return model._model._get_request_payload(QUESTION)

    assert payload("https://api.openai.com/v1")["max_completion_tokens"] == 5
    assert payload("http://127.0.0.1:8000/v1")["max_tokens"] == 5
