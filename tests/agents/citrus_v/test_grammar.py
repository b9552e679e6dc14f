"""No reply of any model, however lost, holds a call that is broken or of a tool that is not there."""

import json
import os
from collections import Counter

import jsonschema
import pytest
import torch
from langchain_core.messages import HumanMessage
from langchain_core.utils.function_calling import convert_to_openai_tool

from agents.citrus_v import grammar
from agents.citrus_v.chat import CitrusVReasoner, NoReply
from agents.citrus_v.grammar import GrammarError, Grammars, bounded, reply_grammar
from agents.citrus_v.model import CitrusV
from tests.agents.citrus_v import tiny
from tools.registry import load_tools
from tools.tool import Services

GENERATIONS = int(os.environ.get("CITRUS_GENERATIONS", "1000"))
"""Random generations of `test_random_generations_hold_whole_calls_only`; 10,000 take some minutes."""


def tool(name: str, **properties: object) -> dict:
    required = [key for key, value in properties.items() if "default" not in value]
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": "",
            "parameters": {"type": "object", "properties": properties, "required": required},
        },
    }


SMALL = [
    tool("look", image={"type": "string", "maxLength": 4}, slice={"type": "integer", "minimum": 0, "maximum": 40}),
    tool("mark", plane={"enum": ["axial", "coronal", None]}, deep={"type": "boolean", "default": False}),
    tool(
        "box_2",
        corners={"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": 1},
        width={"anyOf": [{"type": "number", "exclusiveMinimum": 0, "maximum": 900}, {"type": "null"}], "default": None},
    ),
    tool('odd "name" é', type={"const": 'a "b"\n{}'}, **{"ä/\n": {"type": "string", "pattern": "^[a-c]{1,3}$"}}),
    tool("nothing"),
    tool("tree", node={"$ref": "#/$defs/node"}),
]
SMALL[-1]["function"]["parameters"]["$defs"] = {
    "node": {
        "type": "object",
        "properties": {"of": {"type": "array", "items": {"$ref": "#/$defs/node"}, "maxItems": 1}},
        "required": ["of"],
        "additionalProperties": False,
    }
}
SCHEMAS = {each["function"]["name"]: each["function"]["parameters"] for each in SMALL}


@pytest.fixture(scope="module")
def small_model() -> CitrusV:
    """One layer: the grammar is on trial, and the model has nothing to say."""
    torch.manual_seed(1)
    config = tiny.config()
    text = config.mllm_config.text_config
    text.num_hidden_layers = text.max_window_layers = 1
    text.layer_types = text.layer_types[:1]
    return CitrusV(config).eval()


class Brief(CitrusVReasoner):
    """Is not told of the tools, which shortens the prompt: the grammar knows them all the same."""

    def _written(self, messages, tools):
        return super()._written(messages, ())


@pytest.fixture(scope="module")
def reasoner(small_model: CitrusV) -> CitrusVReasoner:
    reader = tiny.reader(small_model)
    grammars = Grammars(reader.processor, small_model.config)
    return Brief(reader=reader, grammars=grammars, max_new_tokens=4, temperature=1.0)


def generate(reasoner: CitrusVReasoner, tools: list[dict], choice: str, seed: int):
    reasoner.seed = seed
    try:
        return reasoner.bind_tools(tools, tool_choice=choice).invoke([HumanMessage("?")])
    except NoReply:
        return None


def test_random_generations_hold_whole_calls_only(reasoner: CitrusVReasoner) -> None:
    seen: Counter[str] = Counter()
    for seed in range(GENERATIONS):
        choice = "auto" if seed % 4 == 0 else "any"
        reply = generate(reasoner, SMALL, choice, seed)
        if reply is None:
            seen["none"] += 1
            continue
        assert not reply.invalid_tool_calls
        assert len(reply.tool_calls) <= 1
        assert not reply.tool_calls or reply.response_metadata["finish_reason"] == "stop"
        assert choice == "auto" or len(reply.tool_calls) == 1
        for call in reply.tool_calls:
            jsonschema.validate(call["args"], SCHEMAS[call["name"]] | {"additionalProperties": False})
            assert json.loads(json.dumps(call["args"], allow_nan=False)) == call["args"]
            seen[call["name"]] += 1
    assert all(seen[name] for name in SCHEMAS), seen
    # A number can be written without end, and so run out of tokens; most replies are whole.
    assert seen["none"] < GENERATIONS / 10, seen


def test_calls_of_the_real_tools_fit_their_schemas(reasoner: CitrusVReasoner, monkeypatch) -> None:
    monkeypatch.setattr(grammar, "MAX_STRING", 6)  # so that a random model comes to an end
    tools = load_tools().tools
    offered = [convert_to_openai_tool(each.as_langchain(Services())) for each in tools.values()]
    schemas = {each["function"]["name"]: each["function"]["parameters"] for each in offered}
    for each in offered:
        each["function"]["description"] = ""
        each["function"]["parameters"] = _brief(each["function"]["parameters"])
    seen: Counter[str] = Counter()
    for name in tools:
        for seed in range(6):
            reply = generate(reasoner, offered, name, seed)
            if reply is None:
                continue
            assert [call["name"] for call in reply.tool_calls] == [name]
            jsonschema.validate(reply.tool_calls[0]["args"], schemas[name])
            # The tool's own model may ask for more than a schema can say; nothing else is wrong with it.
            try:
                tools[name].arguments.model_validate(reply.tool_calls[0]["args"])
            except ValueError as error:
                assert {fault["type"] for fault in error.errors()} == {"value_error"}
            seen[name] += 1
    assert all(seen[name] for name in tools), seen


def _brief(schema):
    """The same schema for shorter texts, and without words about it."""
    if isinstance(schema, list):
        return [_brief(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    brief = {key: _brief(value) for key, value in schema.items() if key != "description" or isinstance(value, dict)}
    for bound in ("maxLength", "maxItems"):
        if bound in brief:
            brief[bound] = min(brief[bound], 6)
    return brief


def test_the_real_tools_leave_nothing_to_chance(reasoner: CitrusVReasoner) -> None:
    """Every keyword of their schemas is understood: none would be passed over."""
    from llguidance import LLMatcher

    offered = [convert_to_openai_tool(each.as_langchain(Services())) for each in load_tools().tools.values()]
    strict = reply_grammar(offered).replace('"lenient": true', '"lenient": false')
    error, warnings = LLMatcher.validate_grammar_with_warnings(
        LLMatcher.grammar_from_lark(strict), reasoner.grammars.tokenizer
    )
    assert (error, warnings) == (False, [])


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("It is 3 < 4 and a > b.", True),
        ("<answer>It is.</answer>", True),
        ("<think>hm <answer> hm</think>It is.", True),
        ("<think>hm</think>", False),
        ("<think>hm</think>\n\n" + '<tool_call>\n{"name": "nothing", "arguments": {}}\n</tool_call>', True),
        ('I look.\n<tool_call>\n{"name": "look", "arguments": {"image": "I1", "slice": 7}}\n</tool_call>', True),
    ],
)
def test_what_may_be_said(reasoner: CitrusVReasoner, text: str, whole: bool) -> None:
    constraint = reasoner.grammars.reply(SMALL)
    follow(constraint, text)
    assert constraint.whole is whole


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("It is</think>", "</think>"),
        ("It is <think>", "<think>"),
        ("<think>a</think>b<think>", "<think>"),
        ("</tool_call>", "</tool_call>"),
        ('<tool_call>\n{"name": "x', "x"),
        ('<tool_call>\n{"name": "look", "arguments": {"image": "I1", "slice": 41', "1"),
        ('<tool_call>\n{"name": "look", "arguments": {"image": "I1"}', "}"),
        ('<tool_call>\n{"name": "mark", "arguments": {"plane": "axial", "x', "x"),
        ('<tool_call>\n{"name": "nothing", "arguments": {}}\n</tool_call>\n', "\n"),
        ("[SEG]", "[SEG]"),
        ("<|image_pad|>", "<|image_pad|>"),
        ("<|im_start|>", "<|im_start|>"),
    ],
)
def test_what_may_not_be_said(reasoner: CitrusVReasoner, text: str, wrong: str) -> None:
    constraint = reasoner.grammars.reply(SMALL)
    assert text.endswith(wrong)
    follow(constraint, text.removesuffix(wrong))
    token = tokens(wrong)[0]
    assert not constraint.allowed()[token]


@pytest.mark.parametrize("tag", ["<tool_call>", "</tool_call>", "<think>", "</think>"])
def test_a_tag_spelled_out_is_the_tag_or_nothing(reasoner: CitrusVReasoner, tag: str) -> None:
    """Where a tag is a token of its own, its letters one by one are no way around the grammar."""
    constraint = reasoner.grammars.reply(SMALL)
    for letter in ("a" + tag)[:-1].encode():
        assert constraint.say(tiny.byte(letter)) == []
    assert not constraint.allowed()[tiny.byte(ord(">"))]


def tokens(text: str) -> list[int]:
    return tiny.tokenizer()(text, add_special_tokens=False)["input_ids"]


def follow(constraint: grammar.Constraint, text: str) -> None:
    """Say `text` token by token, each of which must be allowed."""
    waiting = tokens(text)
    while waiting:
        token = waiting.pop(0)
        assert constraint.allowed()[token], f"{tiny.tokenizer().decode([token])!r} before {waiting}"
        forced = constraint.say(token)
        expected = waiting[: len(forced)]
        assert forced[: len(expected)] == expected
        del waiting[: len(forced)]


def test_most_of_a_call_costs_no_choice(reasoner: CitrusVReasoner) -> None:
    constraint = reasoner.grammars.reply([SMALL[0]], "any")
    forced = constraint.say(tiny.ID["<tool_call>"])
    said = bytes(reasoner.grammars.tokenizer.decode_bytes(forced)).decode()
    assert said == '\n{"name": "look", "arguments": {"image": "'


def test_choices_that_cannot_be_kept_are_said() -> None:
    with pytest.raises(GrammarError, match="'fly' must be called"):
        reply_grammar(SMALL, "fly")
    with pytest.raises(GrammarError, match="none is offered"):
        reply_grammar([], "any")


def test_a_schema_that_cannot_be_is_said(reasoner: CitrusVReasoner) -> None:
    impossible = tool("lost", a={"$ref": "#/$defs/nowhere"})
    with pytest.raises(GrammarError, match="schemas cannot be followed"):
        reasoner.grammars.reply([impossible])


def test_bounds_are_set_where_there_are_none_and_kept_where_there_are() -> None:
    schema = {
        "type": "object",
        "properties": {
            "maximum": {"type": "string"},
            "enum": {"type": "string", "maxLength": 9},
            "n": {"type": "number", "minimum": 5_000_000},
            "m": {"type": "integer", "enum": [1]},
            "default": {"type": "array", "items": {"type": "integer", "maximum": 3}, "minItems": 40},
        },
    }
    found = bounded(schema)
    assert found["additionalProperties"] is False
    properties = found["properties"]
    assert properties["maximum"]["maxLength"] == grammar.MAX_STRING
    assert properties["enum"]["maxLength"] == 9
    assert properties["n"]["maximum"] >= 5_000_000
    assert "minimum" not in properties["m"]
    assert properties["default"]["maxItems"] == 40
    assert properties["default"]["items"] == {"type": "integer", "maximum": 3, "minimum": -grammar.MAX_NUMBER}


def test_grammars_are_compiled_once_and_do_not_share_their_state(reasoner: CitrusVReasoner) -> None:
    first = reasoner.grammars.reply(SMALL)
    first.say(tiny.ID["<tool_call>"])
    second = reasoner.grammars.reply(SMALL)
    assert second.allowed()[tiny.byte(ord("a"))]
    assert not first.allowed()[tiny.byte(ord("a"))]
    count = len(reasoner.grammars._compiled)
    reasoner.grammars.reply(SMALL)
    assert len(reasoner.grammars._compiled) == count <= 8
