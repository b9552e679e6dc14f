"""What the model may say next: free words, or one whole call of a tool that exists.

A grammar, compiled by llguidance, masks every token that could not become such a reply. So a call with
an unknown name, broken JSON or arguments outside the tool's schema cannot be written at all.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from llguidance import LLMatcher, LLTokenizer
from llguidance.hf import from_tokenizer
from torch import Tensor

from agents.citrus_v.configuration import CitrusVConfig
from agents.citrus_v.processor import CitrusVProcessor

MAX_STRING = 200
"""Characters of a string, and `MAX_ITEMS` elements of an array, where the schema sets no bound."""

MAX_ITEMS = 16

MAX_NUMBER = 1_000_000
"""Largest number, either way, where the schema sets no bound: far beyond any pixel or HU value."""

# Qwen writes JSON as Python does; with one way to write it, most of a call is forced and costs no step.
_STYLE = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": ", "lenient": True}

_TAGS = ("<think>", "</think>", "<tool_call>", "</tool_call>")
_WORDS = r"""
ANY: /(?s:.+)/
WORDS: /(?s:.+)/ & ~/(?s:.*)<\/?(think|tool_call)>(?s:.*)/
"""
_KEPT_GRAMMARS = 8

Tools = Sequence[Mapping[str, Any]]
"""Tools as OpenAI writes them: {"type": "function", "function": {"name", "description", "parameters"}}."""


class GrammarError(ValueError):
    """Tools that no grammar can be made of, or a reply that left its grammar."""


def reply_grammar(tools: Tools, choice: str = "auto", marks: Mapping[str, int] | None = None) -> str:
    """The grammar of a reply, in llguidance's Lark.

    Args:
        tools: Those that may be called.
        choice: "auto" for words or a call, "none" for words, "any" for a call, or a tool's name.
        marks: Tags that are one token which no text can hold, with that token.

    Raises:
        GrammarError: `choice` names no tool.
    """
    marks = marks or {}
    named = {tool["function"]["name"]: tool["function"].get("parameters") or {} for tool in tools}
    if choice not in ("auto", "none", "any"):
        if choice not in named:
            raise GrammarError(f"the tool {choice!r} must be called, but those offered are {sorted(named)}")
        named = {choice: named[choice]}
    if choice == "any" and not named:
        raise GrammarError("a tool must be called, but none is offered")
    thought = [f"thought: {_tag('<think>', marks)} thoughts", *_until("thoughts", "ANY", "</think>", marks)]
    if choice == "none" or not named:
        return "\n".join(["start: thought? WORDS", *thought, _WORDS])
    # A call that was asked for comes at once; by its own choice the model may think and speak before.
    if choice == "auto":
        start = ["start: thought? (WORDS | call)", *thought, *_until("lead", "WORDS", "<tool_call>", marks)]
    else:
        start = ["start: call", f"lead: {_tag('<tool_call>', marks)}"]
    call = f'call: lead "\\n" tool "}}\\n" {_tag("</tool_call>", marks)}'
    rules = []
    for number, (name, parameters) in enumerate(named.items()):
        schema = bounded(parameters) | {"x-guidance": _STYLE}
        opening = json.dumps(f'{{"name": {json.dumps(name)}, "arguments": ', ensure_ascii=False)
        rules.append(f"tool_{number}: {opening} %json {json.dumps(schema)}")
    tool = "tool: " + " | ".join(f"tool_{number}" for number in range(len(rules)))
    return "\n".join([*start, _WORDS, call, tool, *rules])


def _tag(tag: str, marks: Mapping[str, int]) -> str:
    return f"<[{marks[tag]}]>" if tag in marks else json.dumps(tag)


def _until(rule: str, words: str, tag: str, marks: Mapping[str, int]) -> list[str]:
    """A rule for words, or none, up to the first `tag`."""
    if tag in marks:
        return [f"{rule}: {words}? {_tag(tag, marks)}"]
    # A terminal of its own, since only a single terminal can end as early as possible.
    return [f"{rule}[lazy]: UNTIL_{rule.upper()}", f"UNTIL_{rule.upper()}: {words}? {_tag(tag, marks)}"]


def bounded(schema: Any) -> Any:
    """The schema with an end to every string, array and number, and no arguments but its own.

    Without an end a model that has lost its way would write one string until its time is up.
    """
    if isinstance(schema, list):
        return [bounded(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: bounded(value) if key not in _VALUES else value for key, value in schema.items()}
    if "properties" in schema:
        # Here the keys are names, which may be any word of the schema language.
        inner["properties"] = {name: bounded(value) for name, value in schema["properties"].items()}
    fixed = "enum" in schema or "const" in schema
    kind = schema.get("type")
    if kind == "string" and not fixed and not {"pattern", "format"} & schema.keys():
        inner.setdefault("maxLength", MAX_STRING)
    elif kind == "array":
        inner.setdefault("maxItems", max(MAX_ITEMS, schema.get("minItems", 0)))
    elif kind in ("number", "integer") and not fixed:
        if not {"minimum", "exclusiveMinimum"} & schema.keys():
            inner["minimum"] = min(-MAX_NUMBER, schema.get("maximum", 0), schema.get("exclusiveMaximum", 0) - 1)
        if not {"maximum", "exclusiveMaximum"} & schema.keys():
            inner["maximum"] = max(MAX_NUMBER, schema.get("minimum", 0), schema.get("exclusiveMinimum", 0) + 1)
    elif kind == "object" or "properties" in schema:
        inner.setdefault("additionalProperties", False)
        inner["type"] = "object"
    return inner


_VALUES = frozenset({"enum", "const", "default", "examples", "description", "title", "required", "properties"})


class Grammars:
    """Compiles grammars for one tokenizer and keeps the last few.

    Args:
        processor: Its tokenizer is read once, which takes about a second at Qwen's size.
        config: Says how wide the logits are and which tokens end a reply.
    """

    def __init__(self, processor: CitrusVProcessor, config: CitrusVConfig) -> None:
        self.width = int(config.mllm_config.text_config.vocab_size)
        self.never = (config.seg_token_id, config.mllm_config.image_token_id, config.mllm_config.video_token_id)
        self.tokenizer: LLTokenizer = from_tokenizer(
            processor.tokenizer, n_vocab=self.width, eos_token=sorted(config.end_token_ids)
        )
        # Qwen's tokens for a call are marks to llguidance, and its thoughts are plain text.
        tokens = {tag: processor.tokenizer.convert_tokens_to_ids(tag) for tag in _TAGS}
        self.marks = {
            tag: token
            for tag, token in tokens.items()
            if isinstance(token, int) and token < self.width and self.tokenizer.is_special_token(token)
        }
        self._compiled: dict[str, LLMatcher] = {}

    def reply(self, tools: Tools, choice: str = "auto") -> "Constraint":
        """The constraint of a reply that has not begun.

        Raises:
            GrammarError: See `reply_grammar`; or a schema cannot be compiled.
        """
        grammar = reply_grammar(tools, choice, self.marks)
        matcher = self._compiled.get(grammar)
        if matcher is None:
            matcher = LLMatcher(self.tokenizer, LLMatcher.grammar_from_lark(grammar), log_level=0)
            if matcher.is_error():
                raise GrammarError(f"the tools' schemas cannot be followed: {matcher.get_error()[:500]}")
            while len(self._compiled) >= _KEPT_GRAMMARS:
                self._compiled.pop(next(iter(self._compiled)), None)
            self._compiled[grammar] = matcher
        return Constraint(matcher.deep_copy(), self.width, self.never)


class Constraint:
    """One reply as it is being said."""

    def __init__(self, matcher: LLMatcher, width: int, never: Sequence[int]) -> None:
        self._matcher = matcher
        self._width = width
        self._never = list(never)

    @property
    def done(self) -> bool:
        """Whether nothing more can be said."""
        return bool(self._matcher.is_stopped())

    @property
    def whole(self) -> bool:
        """Whether the reply could end here."""
        return bool(self._matcher.is_accepting())

    def allowed(self) -> Tensor:
        """(vocabulary,) bool: what may be said next, an end token where the reply may end.

        Raises:
            GrammarError: The grammar cannot go on.
        """
        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        self._check()
        allowed = torch.from_numpy(np.unpackbits(bits, count=self._width, bitorder="little").astype(np.bool_))
        allowed[self._never] = False
        return allowed

    def say(self, token: int) -> list[int]:
        """Take a token; return those that can only follow it, which are taken too."""
        self._matcher.consume_token(token)
        self._check()
        forced: list[int] = self._matcher.compute_ff_tokens()
        if forced and self._matcher.try_consume_tokens(forced) != len(forced):
            raise GrammarError(f"the reply cannot go on with the forced tokens {forced[:8]}")
        return forced

    def _check(self) -> None:
        if self._matcher.is_error():
            raise GrammarError(f"the reply left its grammar: {self._matcher.get_error()[:500]}")
