"""Checks on what a tool declares, and on its schema against what it takes."""

import json
from collections.abc import Iterator
from typing import get_args

from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ValidationError

from knowledge.case import Modality
from knowledge.evidence import Evidence
from tools.conformance.examples import properties
from tools.conformance.kit import Kit
from tools.registry import TOOL_NAME
from tools.tool import Arguments, ImageArguments

KINDS = frozenset(member.model_fields["kind"].default for member in get_args(get_args(Evidence)[0]))
"""Kinds of evidence that there are."""


def declaration(kit: Kit) -> Iterator[str]:
    """Name, words, images, kinds and consent are such as a reasoner and a person can use."""
    tool = kit.tool
    if not TOOL_NAME.fullmatch(tool.name):
        yield f"the name {tool.name!r} is not of lower-case letters, digits and underscores"
    if len(tool.description.split()) < 4:
        yield f"the description {tool.description!r} does not say what it does and when to use it"
    for name in ("purpose", "version"):
        if not str(getattr(tool, name)).strip():
            yield f"the {name} is empty"
    if strange := [repr(one) for one in tool.modalities if not isinstance(one, Modality)]:
        yield f"modalities {', '.join(strange)} are not of knowledge.case.Modality"
    if not tool.dimensions or not set(tool.dimensions) <= {2, 3}:
        yield f"dimensions {sorted(tool.dimensions)} are not of 2 and 3"
    if not tool.returns or not set(tool.returns) <= KINDS:
        yield f"returns {tool.returns!r} are not kinds of evidence ({', '.join(sorted(KINDS))})"
    if tool.may_be_absent != ("absence" in tool.returns):
        yield f"may_be_absent is {tool.may_be_absent}, but returns are {', '.join(tool.returns)}"
    if tool.consent is not None and not tool.consent.strip().endswith("?"):
        yield f"consent {tool.consent!r} is not a question to a person"
    # One name may mean something else where it is seen otherwise: parts on CT, the whole on films.
    targets = tool.targets(kit.services)
    declared = [one.declared_for for one in targets]
    if twice := sorted({one.name for one in targets if declared.count(one.declared_for) > 1}):
        yield f"targets are declared twice: {', '.join(twice)}"


def schema(kit: Kit) -> Iterator[str]:
    """The schema is whole, travels as JSON and as an OpenAI function, and allows what `run` takes."""
    tool, known = kit.tool, properties(kit.tool)
    if not issubclass(tool.arguments, Arguments):
        yield "arguments are not a subclass of tools.tool.Arguments"
        return
    if kit.takes_image and not issubclass(tool.arguments, ImageArguments):
        yield "it takes an image, but arguments are no ImageArguments, so calls are not checked against the image"
    if tool.arguments.model_config.get("extra") != "forbid":
        yield "unknown arguments are not refused"
    for one in known:
        if not one.description.strip():
            yield f"argument {one.name} has no description"
    written = tool.arguments.model_json_schema()
    if json.loads(json.dumps(written, allow_nan=False)) != written:
        yield "the schema changes when it is written as JSON"
    function = convert_to_openai_tool(tool.as_langchain(kit.services))["function"]
    if (function["name"], function["description"]) != (tool.name, tool.description):
        yield "as an OpenAI function it has another name or description"
    fields = {field.alias or name for name, field in tool.arguments.model_fields.items()}
    for offered in (set(written.get("properties", {})), set(function["parameters"]["properties"])):
        if offered != fields:
            yield f"the schema offers {', '.join(sorted(offered)) or 'nothing'}; it takes {', '.join(sorted(fields))}"
    needed = {field.alias or name for name, field in tool.arguments.model_fields.items() if field.is_required()}
    if needed != set(written.get("required", ())):
        yield f"the schema requires {sorted(written.get('required', ()))}; it needs {sorted(needed)}"
    yield from _round_trips(kit)


def _round_trips(kit: Kit) -> Iterator[str]:
    calls = [call for phantom in kit.phantoms for call in kit.calls(phantom)]
    if not calls:
        yield "no call could be made from the schema: does validation refuse what it allows? Else declare `examples`"
    for call in calls:
        try:
            once = kit.tool.arguments.model_validate(call)
            twice = kit.tool.arguments.model_validate_json(once.model_dump_json())
        except ValidationError as error:
            yield f"{call} is refused: {error.errors(include_url=False)[0]['msg']}"
            return
        if once != twice:
            yield f"{call} changes when it is written as JSON and read again"
            return
