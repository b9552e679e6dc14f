"""Example calls of a tool, from its own examples or from the schema of its arguments."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from pydantic import ValidationError

from knowledge.case import Image
from knowledge.evidence import Evidence
from tools.backends import Target
from tools.conformance.phantom import IMAGE
from tools.tool import Services, Tool

CALLS_LIMIT = 32
"""Example calls that are made of one tool on one image."""

_TARGETS_LIMIT = 6
_EVIDENCE = re.compile(
    r"\bE\d+\b|\b(evidence\b.*\bids?|ids?\b.*\b(evidence|masks?|regions?|box(es)?|measurements?))\b", re.I
)
_QUESTION = "normal volume of the lungs in adults"


@dataclass(frozen=True)
class Property:
    """One argument, as the schema has it.

    Attributes:
        schema: With references resolved and null left out.
        many: Whether it is a list; `schema` is then that of an item.
    """

    name: str
    schema: Mapping[str, Any]
    description: str
    required: bool
    many: bool

    @property
    def is_image(self) -> bool:
        """Whether it takes an image's id."""
        return self.name == "image"

    @property
    def is_evidence(self) -> bool:
        """Whether it takes ids of evidence, by its words."""
        return not self.is_image and self.schema.get("type") == "string" and bool(_EVIDENCE.search(self.description))

    @property
    def is_target(self) -> bool:
        """Whether it takes names of targets, by its words."""
        words = f"{self.name} {self.description}".lower()
        return self.schema.get("type") == "string" and any(word in words for word in ("target", "structure", "organ"))


def properties(tool: Tool) -> list[Property]:
    """The arguments of a tool, in order."""
    schema = tool.arguments.model_json_schema()
    definitions = schema.get("$defs", {})
    found = []
    for name, raw in schema.get("properties", {}).items():
        own = _resolved(raw, definitions)
        many = own.get("type") == "array"
        item = _resolved(own.get("items", {}), definitions) if many else own
        words = str(raw.get("description", ""))
        found.append(Property(name, item, words, name in schema.get("required", ()), many))
    return found


def example_calls(
    tool: Tool, services: Services, image: Image, evidence: Mapping[str, Evidence]
) -> list[dict[str, Any]]:
    """Calls that the tool's schema allows for this image; its own examples, where it has some.

    An example of the tool may name evidence of the phantom: E1 is the mask of the right lung (or
    the only one), E2 of the left, E3 of the heart, E4 of the chest; the last is a box.
    """
    if tool.examples:
        known = [call for call in tool.examples if _ids(call) <= set(evidence)]
        return [{**call, "image": IMAGE} if "image" in call else dict(call) for call in known]
    calls: list[dict[str, Any]] = []
    for call in _varied(tool, services, image, evidence):
        if call not in calls and _valid(tool, call):
            calls.append(call)
        if len(calls) == CALLS_LIMIT:
            break
    return calls


def admissible(targets: tuple[Target, ...], image: Image) -> list[Target]:
    """The targets that an image may show, sided ones first, since they are the easiest to get wrong."""
    fitting = [
        target
        for target in targets
        if (not target.modalities or image.modality in target.modalities)
        and image.dimensions in target.dimensions
        and (not target.body_parts or image.body_part is None or image.body_part in target.body_parts)
    ]
    return sorted(fitting, key=lambda target: not target.name.startswith(("left ", "right ")))


def _varied(tool: Tool, services: Services, image: Image, evidence: Mapping[str, Evidence]) -> Iterator[dict[str, Any]]:
    """Required arguments alone, then with optional ones, each value that can be told apart once."""
    known = properties(tool)
    options = {one.name: list(_values(one, tool, services, image, evidence)) for one in known}
    required = [one for one in known if one.required]
    if any(not options[one.name] for one in required):
        return
    base = {one.name: options[one.name][0] for one in required}
    optional = [one for one in known if not one.required and options[one.name]]
    starts = [base]
    for count in (1, 2):
        for chosen in combinations(optional, count):
            starts.append(base | {one.name: options[one.name][0] for one in chosen})
    yield from starts
    for start in [start for start in starts if _valid(tool, start)]:
        for one in known:
            if len(options[one.name]) > 1:
                yield from (start | {one.name: value} for value in options[one.name])


def _values(
    one: Property, tool: Tool, services: Services, image: Image, evidence: Mapping[str, Evidence]
) -> Iterator[Any]:
    if one.is_image:
        yield IMAGE
        return
    for value in _items(one, tool, services, image, evidence):
        yield [value] if one.many else value


def _items(
    one: Property, tool: Tool, services: Services, image: Image, evidence: Mapping[str, Evidence]
) -> Iterator[Any]:
    schema, targets = one.schema, tool.targets(services)
    if "enum" in schema:
        yield from schema["enum"]
    elif "const" in schema:
        yield schema["const"]
    elif one.is_evidence:
        yield from _fitting(one, evidence)
    elif targets and one.is_target:
        yield from (target.name for target in admissible(targets, image)[:_TARGETS_LIMIT])
    elif one.required and schema.get("type") == "string":
        yield _QUESTION
    elif one.required and schema.get("type") in ("integer", "number"):
        least = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        yield least + 1 if "exclusiveMinimum" in schema else least
    elif schema.get("type") == "boolean":
        yield from (True, False)


def _fitting(one: Property, evidence: Mapping[str, Evidence]) -> Iterator[str]:
    """Ids of the evidence whose target the argument speaks of, or of each kind and side once."""
    words = f"{one.name} {one.description}".lower().replace("chest", "thorax")
    named = [item.id for item in evidence.values() if getattr(item, "target", "") in words.split()]
    if named and not one.many:
        yield named[0]
        return
    seen = set()
    for item in evidence.values():
        if (kind := (item.kind, getattr(item, "side", None))) not in seen:
            seen.add(kind)
            yield item.id


def _resolved(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" in schema:
        return _resolved(definitions.get(str(schema["$ref"]).rpartition("/")[2], {}), definitions)
    for word in ("anyOf", "oneOf", "allOf"):
        for option in schema.get(word, ()):
            if option.get("type") != "null":
                return _resolved(option, definitions)
    return schema


def _valid(tool: Tool, call: Mapping[str, Any]) -> bool:
    try:
        tool.arguments.model_validate(dict(call))
    except ValidationError:
        return False
    return True


def _ids(value: Any) -> set[str]:
    """Everything in a call that reads as the id of evidence."""
    if isinstance(value, str):
        return {value} if value[:1] == "E" and value[1:].isdigit() else set()
    if isinstance(value, dict):
        value = list(value.values())
    return set().union(*map(_ids, value)) if isinstance(value, list | tuple) else set()
