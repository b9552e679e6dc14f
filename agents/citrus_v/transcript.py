"""A LangChain conversation in the words that Qwen2.5 was trained on: roles, tools, calls and results.

The format is that of Qwen2.5's chat template: signatures of the tools stand in the system message
between `<tools>` tags, a call is JSON between `<tool_call>` tags, and results come as a user's message
between `<tool_response>` tags.
"""

import hashlib
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import PIL.Image
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from agents.citrus_v.pictures import Picture
from agents.citrus_v.processor import SYSTEM, Message

_FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}

_TOOLS = """\


# Tools

You may call one or more functions to assist with the user query.

You are provided with function signatures within <tools></tools> XML tags:
<tools>
{signatures}
</tools>

For each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:
<tool_call>
{{"name": <function-name>, "arguments": <args-json-object>}}
</tool_call>"""

_TAG = re.compile(r"<(?=/?(?:tools|tool_call|tool_response|think|answer)>)")

Open = Callable[[Mapping[str, Any]], Picture]
"""From an image block of a message to its picture."""


def transcript(messages: Sequence[BaseMessage], tools: Sequence[Mapping[str, Any]], picture: Open) -> list[Message]:
    """The conversation as the model reads it, the system message first.

    Args:
        messages: In the format of `knowledge.briefing`.
        tools: As OpenAI writes them: {"type": "function", "function": {...}}.
        picture: Opens the pictures.

    Raises:
        ValueError: A message has a role or a block that the model has no words for.
    """
    first = messages[0] if messages and isinstance(messages[0], SystemMessage) else None
    system = _as_data(_text(first)) if first else SYSTEM
    if tools:
        signatures = "\n".join(json.dumps(tool, ensure_ascii=False) for tool in tools)
        system += _TOOLS.format(signatures=signatures)
    written = [Message("system", system)]
    results: list[str] = []
    for message in messages[1:] if first else messages:
        if isinstance(message, ToolMessage):
            results.append(f"<tool_response>\n{_as_data(_text(message))}\n</tool_response>")
            continue
        if results:
            written.append(Message("user", "\n".join(results)))
            results = []
        written.append(_message(message, picture))
    if results:
        written.append(Message("user", "\n".join(results)))
    return written


def written_call(name: str, arguments: Mapping[str, Any]) -> str:
    """A call as the model writes it, so that its own words are found again in the next prompt."""
    said = f'{{"name": {_json(name)}, "arguments": {_json(arguments)}}}'
    return f"<tool_call>\n{said}\n</tool_call>"


def open_picture(block: Mapping[str, Any], resolve: Callable[[str], bytes] | None) -> Picture:
    """The picture of an image block {"type": "image", "blob": <sha256>, "mime_type": "image/png"}.

    Raises:
        ValueError: It is of no kind that is read here, or its bytes are not those of the hash.
    """
    digest, mime_type = str(block.get("blob")), block.get("mime_type")
    if mime_type not in _FORMATS:
        raise ValueError(f"a picture is {' or '.join(_FORMATS)}, not {mime_type!r}")
    if resolve is None:
        raise ValueError(f"this reasoner was given no way to resolve the picture {digest}")
    data = resolve(digest)
    if hashlib.sha256(data).hexdigest() != digest:
        raise ValueError(f"the picture {digest} resolved to other bytes")
    with PIL.Image.open(io.BytesIO(data), formats=(_FORMATS[mime_type],)) as opened:
        return Picture.from_array(np.asarray(opened.convert("RGB")))


def _message(message: BaseMessage, picture: Open) -> Message:
    if isinstance(message, AIMessage):
        calls = [written_call(call["name"], call["args"]) for call in message.tool_calls]
        return Message("assistant", "\n".join(part for part in (_text(message), *calls) if part))
    if isinstance(message, SystemMessage):
        return Message("system", _as_data(_text(message)))
    if isinstance(message, HumanMessage):
        blocks = message.content if isinstance(message.content, list) else []
        images = [block for block in blocks if isinstance(block, dict) and block.get("type") == "image"]
        return Message("user", _text(message), tuple(picture(block) for block in images))
    raise ValueError(f"the model has no words for a {message.type} message")


def _text(message: BaseMessage) -> str:
    if isinstance(message.content, str):
        return message.content
    texts = []
    for block in message.content:
        kind = "text" if isinstance(block, str) else block.get("type")
        if kind == "text":
            texts.append(block if isinstance(block, str) else str(block["text"]))
        elif kind != "image" or not isinstance(message, HumanMessage):
            raise ValueError(f"a {message.type} message cannot hold a block of type {kind!r}")
    return "\n".join(texts)


def _as_data(text: str) -> str:
    r"""JSON values with tags of this format spelled as \u003c, the same to a JSON parser: data can end no turn."""
    return _TAG.sub(r"\\u003c", text)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
