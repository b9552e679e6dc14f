"""The tools that are bound, told apart by what they declare, never by name."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from agents.protocol.conversation import Call, Piece

COUNT = "count"
"""The quantity of several boxes that says how many they are."""


@dataclass(frozen=True)
class KnownTarget:
    """Something a bound tool can look for; the names are in lower case.

    Attributes:
        parts: Names of the targets it stands for; empty for a single structure.
        modalities, dimensions: Where it can be seen; empty means any.
        several: Whether its instances are told apart, so that they can be counted.
    """

    name: str
    synonyms: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()
    dimensions: tuple[int, ...] = ()
    several: bool = False

    @property
    def side(self) -> str | None:
        """The side its name states."""
        first = self.name.split(" ", 1)[0]
        return first if first in ("left", "right") else None

    def admits(self, image: Mapping[str, Any]) -> bool:
        """Whether its declaration allows this image."""
        modality = image.get("modality")
        if self.modalities and modality not in self.modalities:
            return False
        return not self.dimensions or image.get("dimensions") in self.dimensions


@dataclass(frozen=True)
class BoundTool:
    """One bound tool: its arguments by JSON schema and what its metadata declares."""

    name: str
    description: str
    properties: dict[str, Any] = field(hash=False)
    required: tuple[str, ...] = ()
    definitions: dict[str, Any] = field(default_factory=dict, hash=False)
    intents: tuple[str, ...] = ()
    targets: tuple[KnownTarget, ...] = ()
    modalities: tuple[str, ...] = ()
    dimensions: tuple[int, ...] = ()
    returns: tuple[str, ...] = ()

    @classmethod
    def of(cls, tool: Any) -> "BoundTool":
        """Read a LangChain tool, a schema or a function."""
        schema = convert_to_openai_tool(tool)["function"]
        metadata: Mapping[str, Any] = (tool.metadata or {}) if isinstance(tool, BaseTool) else {}
        parameters = schema.get("parameters") or {}
        return cls(
            name=schema["name"],
            description=schema.get("description") or "",
            properties=dict(parameters.get("properties") or {}),
            required=tuple(parameters.get("required") or ()),
            definitions=dict(parameters.get("$defs") or {}),
            intents=tuple(metadata.get("intents") or ()),
            targets=tuple(_target(raw) for raw in metadata.get("targets") or ()),
            modalities=tuple(str(modality) for modality in metadata.get("modalities") or ()),
            dimensions=tuple(metadata.get("dimensions") or ()),
            returns=tuple(metadata.get("returns") or ()),
        )

    def takes(self, argument: str) -> bool:
        """Whether its schema has this argument."""
        return argument in self.properties

    def choices(self, argument: str) -> tuple[str, ...] | None:
        """The words an argument is limited to, or None where it is free."""
        found = tuple(_enums(self.properties.get(argument), self.definitions))
        return found or None

    def admits(self, image: Mapping[str, Any]) -> bool:
        """Whether it accepts this image's modality and dimensions."""
        if self.modalities and image.get("modality") not in self.modalities:
            return False
        return not self.dimensions or image.get("dimensions") in self.dimensions

    def knows(self, target: str) -> bool:
        """Whether it declares this target."""
        return any(known.name == target for known in self.targets)


def remembered(calls: Iterable[Call]) -> tuple[BoundTool, ...]:
    """The tools that earlier calls show, for a step at which none is bound and only an answer is wanted."""
    arguments: dict[str, set[str]] = {}
    pieces: dict[str, list[Piece]] = {}
    for call in calls:
        arguments.setdefault(call.tool, set()).update(call.arguments)
        pieces.setdefault(call.tool, []).extend(call.pieces)
    tools = []
    for name, taken in arguments.items():
        kinds = {piece.kind for piece in pieces[name]}
        if taken & {"target", "targets"} and "region" not in kinds:
            kinds.add("mask")
        targets = dict.fromkeys(piece.target for piece in pieces[name] if piece.target and piece.kind != "limitation")
        tools.append(
            BoundTool(
                name=name,
                description="",
                properties={argument: {} for argument in sorted(taken)},
                targets=tuple(KnownTarget(target) for target in targets if target),
                returns=tuple(sorted(kinds)),
            )
        )
    return tuple(tools)


class Kit:
    """All bound tools, each in its role.

    A role is a contract: the segmenter returns masks for `targets`, the measurer returns measurements
    `of` evidence, and so on. A tool that fits no role is `special`, to be called when its declared
    intents match a question.
    """

    def __init__(self, tools: Sequence[BoundTool]) -> None:
        self.tools = tuple(tools)
        self.inspector = self._first(lambda tool: "image_facts" in tool.returns and tool.takes("image"))
        self.measurer = self._first(lambda tool: "measurement" in tool.returns and tool.takes("of"))
        self.retriever = self._first(lambda tool: "passage" in tool.returns and tool.takes("query"))
        self.segmenters = tuple(tool for tool in tools if "mask" in tool.returns and _takes_targets(tool))
        self.grounders = tuple(
            tool for tool in tools if "region" in tool.returns and _takes_targets(tool) and tool not in self.segmenters
        )
        self.judge = self._first(lambda tool: "criterion" in tool.returns and tool.takes("measurement"))
        self.appraiser = self._first(lambda tool: "appraisal" in tool.returns and tool.takes("disease"))
        self.looker = self._first(lambda tool: tool.returns == ("statement",) and tool.takes("question"))
        judges = (self.judge, self.appraiser)
        roles = (self.inspector, self.measurer, self.retriever, *judges, *self.segmenters, *self.grounders)
        self.special = tuple(tool for tool in tools if tool not in roles and tool.intents)
        self.declared = self._declared()
        self.targets = self._known_targets()
        known = self.appraiser.targets if self.appraiser else ()
        self.diseases = tuple((disease.name, *disease.synonyms) for disease in known)

    def _first(self, fits: Any) -> BoundTool | None:
        return next((tool for tool in self.tools if fits(tool)), None)

    def _declared(self) -> dict[str, tuple[KnownTarget, ...]]:
        """Each target's declarations by its name: one may stand for parts on CT and be whole on films."""
        found: dict[str, tuple[KnownTarget, ...]] = {}
        for tool in (*self.segmenters, *self.grounders, *self.special):
            for target in tool.targets:
                found[target.name] = (*found.get(target.name, ()), target)
        return found

    def _known_targets(self) -> dict[str, KnownTarget]:
        """Every target by name as it is declared first, and "lung" for a left and a right one where nobody says so."""
        known = {name: declarations[0] for name, declarations in self.declared.items()}
        grouped = {part for target in known.values() for part in target.parts}
        for target in list(known.values()):
            base = target.name.removeprefix("left ")
            other = known.get(f"right {base}")
            if target.side == "left" and other and target.name not in grouped:
                both = KnownTarget(base, (f"{base}s",), (target.name, other.name), target.modalities, target.dimensions)
                known.setdefault(base, both)
        return known

    def admits(self, target: str, image: Mapping[str, Any], whole: bool = False) -> bool:
        """Whether any declaration of a target allows this image; where `whole`, one that has no parts."""
        return any(one.admits(image) and not (whole and one.parts) for one in self.declared.get(target, ()))

    def shown(self, names: Sequence[str], image: Mapping[str, Any]) -> tuple[str, ...]:
        """Structures as an image can show them: a whole in place of its parts where only the whole is told there."""
        shown = list(names)
        for group in self.targets:
            parts = [part for part in self.leaves(group) if part != group]
            together = bool(parts) and set(parts) <= set(shown) and self.admits(group, image, whole=True)
            if together and not any(self.admits(part, image) for part in parts):
                shown = [group if name in parts else name for name in shown]
        return tuple(dict.fromkeys(shown))

    def judges(self, target: str, quantity: str) -> bool:
        """Whether the judge has limits for a quantity of a structure, on whichever side it lies."""
        bare = target.removeprefix("left ").removeprefix("right ")
        known = [one for one in (self.judge.targets if self.judge else ()) if one.name in (target, bare)]
        # Without a word on quantities every one may be asked about.
        return any(not one.synonyms or f"{one.name} {quantity.lower()}" in one.synonyms for one in known)

    def leaves(self, target: str) -> tuple[str, ...]:
        """The single structures a target stands for; itself where it is one."""
        seen: list[str] = []
        for part in self.targets[target].parts if target in self.targets else ():
            seen += [leaf for leaf in (self.leaves(part) if part != target else (part,)) if leaf not in seen]
        return tuple(seen) or (target,)

    def group_of(self, names: Sequence[str]) -> str | None:
        """A declared group that stands for several of these structures and for no other."""
        for target in self.targets.values():
            leaves = self.leaves(target.name)
            declared = any(tool.knows(target.name) for tool in self.tools)
            if declared and len(leaves) > 1 and set(leaves) <= set(names):
                return target.name
        return None

    def segmenter(self, target: str) -> BoundTool | None:
        """Who finds the pixels of a target: one that declares it, else the first, which will refuse."""
        for tool in self.segmenters:
            if tool.knows(target):
                return tool
        return self.segmenters[0] if self.segmenters else None

    def grounder(self, target: str) -> BoundTool | None:
        """Who finds boxes of a target; None where nobody declares it."""
        return next((tool for tool in self.grounders if tool.knows(target)), None)

    def counter(self, target: str) -> BoundTool | None:
        """Who boxes each instance of a target, where those boxes can be counted."""
        countable = self.measurer is not None and COUNT in (self.measurer.choices("quantities") or ())
        if not countable:
            return None
        return next(
            (t for t in self.grounders if any(known.name == target and known.several for known in t.targets)), None
        )


def _takes_targets(tool: BoundTool) -> bool:
    return tool.takes("targets") or tool.takes("target")


def _target(raw: Mapping[str, Any]) -> KnownTarget:
    return KnownTarget(
        name=str(raw["name"]).lower(),
        synonyms=tuple(str(word).lower() for word in raw.get("synonyms") or ()),
        parts=tuple(str(word).lower() for word in raw.get("parts") or ()),
        modalities=tuple(str(word) for word in raw.get("modalities") or ()),
        dimensions=tuple(raw.get("dimensions") or ()),
        several=bool(raw.get("several")),
    )


def _enums(schema: Any, definitions: Mapping[str, Any]) -> list[str]:
    """Every allowed word of a schema, through arrays, alternatives and references."""
    if not isinstance(schema, dict):
        return []
    if "$ref" in schema:
        return _enums(definitions.get(str(schema["$ref"]).rpartition("/")[2]), definitions)
    if "const" in schema:
        return [str(schema["const"])]
    if "enum" in schema:
        return [str(word) for word in schema["enum"]]
    nested = [schema.get("items"), *schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]
    return [word for part in nested for word in _enums(part, definitions)]
