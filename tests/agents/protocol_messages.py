"""Tools, cases and evidence by hand, to hold a conversation with the protocol reasoner."""

import json
from collections.abc import Callable, Iterable
from typing import Any, Literal

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.tools import StructuredTool
from pydantic import BaseModel, create_model

from agents.protocol import ProtocolReasoner
from graphs.verify import verify
from knowledge.briefing import opening, tool_result
from knowledge.case import Case, Image, Modality, Origin
from knowledge.evidence import (
    EVIDENCE,
    NO_SPACING,
    TRUNCATED,
    Absence,
    Evidence,
    ImageFacts,
    Limitation,
    Mask,
    Measurement,
    Passage,
    Region,
    Side,
    Source,
    View,
)
from knowledge.quantity import Quantity, SpacingSource, Unit
from knowledge.threshold import Threshold

SHA = "0" * 64

CT_TARGETS = [
    {"name": "body", "synonyms": ["body outline", "whole body"]},
    {"name": "left lung", "synonyms": ["left pulmonary", "left lung field"]},
    {"name": "right lung", "synonyms": ["right pulmonary", "right lung field"]},
    {
        "name": "lungs",
        "synonyms": ["lung", "both lungs", "left and right lung", "lung fields", "pulmonary"],
        "parts": ["left lung", "right lung"],
    },
    {"name": "lung parenchyma", "synonyms": ["lung tissue", "aerated lung", "pulmonary parenchyma"]},
    {"name": "air", "synonyms": ["gas", "air inside the body"]},
    {"name": "bone", "synonyms": ["skeleton", "osseous structures", "bone tissue"]},
    {"name": "fat", "synonyms": ["adipose tissue", "fatty tissue", "body fat"]},
    {"name": "soft tissue", "synonyms": ["lean tissue"]},
]
for _target in CT_TARGETS:
    _target |= {"modalities": ["CT"], "body_parts": [], "dimensions": [3]}

QUANTITIES = (
    "volume", "area", "long axis", "short axis", "3-D diameter", "width", "height", "first slice", "last slice",
    "components", "count", "mean", "standard deviation", "minimum", "maximum", "cardiothoracic ratio",
)  # fmt: skip


def tool(name: str, fields: dict[str, Any], returns: Iterable[str], **metadata: Any) -> StructuredTool:
    """A tool as it is bound: schema and metadata, not callable."""

    def uncallable(**_: Any) -> None:
        raise RuntimeError("never called by a reasoner")

    schema: type[BaseModel] = create_model(f"{name}_arguments", **fields)
    return StructuredTool.from_function(
        func=uncallable,
        name=name,
        description=name,
        args_schema=schema,
        metadata={"returns": list(returns), "intents": [], "targets": [], "modalities": [], "dimensions": [2, 3]}
        | metadata,
    )


def standard_tools() -> list[StructuredTool]:
    """The five first tools by their contracts."""
    quantity = Literal[QUANTITIES]  # type: ignore[valid-type]
    image: Any = (str, ...)
    return [
        tool("inspect_image", {"image": image, "window": (str | None, None), "overlay": (list[str], [])},
             ["image_facts", "view"], intents=["What is this image?"]),
        tool("segment", {"image": image, "targets": (list[str], ...)}, ["mask", "absence"], targets=CT_TARGETS,
             intents=["Outline the left lung."]),
        tool("ground", {"image": image, "targets": (list[str], ...)}, ["region", "absence"], targets=CT_TARGETS,
             intents=["Where is the left lung?"]),
        tool("measure", {"image": image, "of": (list[str], []), "heart": (str | None, None),
                         "chest": (str | None, None), "quantities": (list[quantity], [])}, ["measurement"]),
        tool("retrieve", {"query": (str, ...), "k": (int, 5)}, ["passage"]),
    ]  # fmt: skip


def image(identifier: str = "I1", modality: Modality = Modality.CT, slices: int = 40, **changes: Any) -> Image:
    """An image's facts; a CT volume of 3 mm by default."""
    known = {
        "id": identifier, "label": f"image {identifier[1:]}", "format": "nifti", "modality": modality,
        "modality_origin": Origin.INFERRED, "shape": (slices, 64, 64), "spacing": (3.0, 1.5, 1.5),
        "spacing_source": SpacingSource.HEADER, "intensity": "HU" if modality is Modality.CT else "signal",
        "pixels": SHA, "content": SHA,
    }  # fmt: skip
    return Image(**(known | changes))


def case(*images: Image, **changes: Any) -> Case:
    """A case of these images, one CT by default."""
    return Case(images=images or (image(),), **changes)


class World:
    """Stands in for graph and tools: files the evidence that a call establishes.

    Attributes:
        absent: Targets that are not there.
        truncated: Whether what is found is cut off.
        passages: What the library answers.
        sizes: Value of a quantity by (target, name).
    """

    def __init__(self, subject: Case | None = None, tools: Iterable[StructuredTool] | None = None) -> None:
        self.case = subject or case()
        self.tools = list(tools or standard_tools())
        self.model = ProtocolReasoner().bind_tools(self.tools)
        self.messages: list[BaseMessage] = [opening(self.case)]
        self.evidence: dict[str, Evidence] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.absent: set[str] = set()
        self.truncated = False
        self.passages: list[Passage] = [lung_passage()]
        self.sizes: dict[tuple[str, str], float] = {}
        self.special: dict[str, Callable[[dict[str, Any]], list[Evidence]]] = {}

    def ask(self, question: str, steps: int = 16) -> str:
        """Run one turn; the answer."""
        self.messages.append(HumanMessage(question))
        self.calls = []
        for _ in range(steps):
            reply = self.model.invoke(self.messages)
            assert isinstance(reply, AIMessage)
            self.messages.append(reply)
            if not reply.tool_calls:
                return str(reply.text)
            assert len(reply.tool_calls) == 1
            call = reply.tool_calls[0]
            assert reply.text, "a step says what it is for"
            self.calls.append((call["name"], call["args"]))
            found = self._file(self.run(call["name"], call["args"]))
            self.messages.append(tool_result(str(call["id"]), call["name"], found))
        raise AssertionError(f"no answer in {steps} steps: {self.calls}")

    def _file(self, found: list[Evidence]) -> list[Evidence]:
        filed = []
        for item in found:
            numbered = item.model_copy(update={"id": f"E{len(self.evidence) + 1}"})
            self.evidence[numbered.id] = numbered
            filed.append(numbered)
        return filed

    def run(self, name: str, arguments: dict[str, Any]) -> list[Evidence]:
        """What a tool establishes."""
        if name in self.special:
            return self.special[name](arguments)
        if name == "retrieve":
            return [EVIDENCE.validate_python(passage) for passage in self.passages]
        subject = self.case.image(arguments["image"])
        if name == "inspect_image":
            return self._inspect(subject, arguments)
        if name == "measure":
            return self._measure(subject, arguments)
        return [item for target in arguments["targets"] for item in self._look(name, subject, target)]

    def _inspect(self, subject: Image, arguments: dict[str, Any]) -> list[Evidence]:
        facts: list[Evidence] = [
            ImageFacts(
                image=subject.id,
                modality=subject.modality,
                facts={"modality": (subject.modality.value, subject.modality_origin.value)},
            ),
            View(image=subject.id, blob=SHA, description="axial slice, lung window", slice_index=3),
        ]
        return (
            facts[1:]
            if any(i.kind == "image_facts" and i.image == subject.id for i in self.evidence.values())
            else facts
        )

    def _look(self, name: str, subject: Image, target: str) -> list[Evidence]:
        targets = next((one.metadata or {} for one in self.tools if one.name == name), {}).get("targets") or CT_TARGETS
        known = [str(known["name"]) for known in targets]
        if targets is CT_TARGETS and target in known and subject.modality is not Modality.CT:
            reason = f"{target} can be segmented on CT volumes only; {subject.id} is {subject.modality.value}."
            reason += f" Nothing can be segmented in {subject.id}."
            return [Limitation(image=subject.id, tool=name, target=target, reason=reason)]
        if target not in known:
            reason = f'"{target}" cannot be segmented here. In {subject.id} these can be segmented: {", ".join(known)}.'
            return [Limitation(image=subject.id, tool=name, target=target, reason=reason, known=tuple(known))]
        side = Side(target.split(maxsplit=1)[0]) if target.startswith(("left", "right")) else None
        if target in self.absent:
            return [
                Absence(image=subject.id, target=target, side=side, searched="all slices: no air-filled space inside")
            ]
        if name == "ground":
            return [Region(image=subject.id, target=target, side=side, box=(4, 5, 30, 40), slices=(2, 20))]
        return [
            Mask(image=subject.id, target=target, side=side, blob=SHA, voxels=500, box=(4, 5, 30, 40), slices=(2, 20))
        ]

    def _measure(self, subject: Image, arguments: dict[str, Any]) -> list[Evidence]:
        found: list[Evidence] = []
        for of in arguments.get("of") or [arguments["heart"]]:
            mask = self.evidence[of]
            assert isinstance(mask, Mask | Region)
            for name in arguments["quantities"]:
                found.append(self._measured(subject, mask, name))
        return found

    def _measured(self, subject: Image, mask: Mask | Region, name: str) -> Measurement:
        value = self.sizes.get((mask.target, name), 512.4)
        physical = {"volume": (Unit.ML, Unit.PX3), "area": (Unit.MM2, Unit.PX2)}.get(name, (Unit.MM, Unit.PX))
        unit = physical[0] if subject.spacing else physical[1]
        if name in ("mean", "minimum", "maximum", "standard deviation"):
            unit = Unit.HU
        unit = {"components": Unit.COUNT, "first slice": Unit.SLICE, "last slice": Unit.SLICE}.get(name, unit)
        unit = Unit.ONE if name == "cardiothoracic ratio" else unit
        spread = unit not in (Unit.COUNT, Unit.SLICE)
        return Measurement(
            image=subject.id,
            target=mask.target,
            side=mask.side,
            quantity=Quantity(
                name=name, value=value, unit=unit,
                low=value - 10 if spread else None, high=value + 10 if spread else None,
                spacing=subject.spacing_source if unit.physical else SpacingSource.NONE,
            ),
            of=(mask.id,),
            caveats=((TRUNCATED,) if self.truncated else ()) + ((NO_SPACING,) if unit.grid else ()),
        )  # fmt: skip


def said(world: World, question: str) -> str:
    """The answer, of which the verifier must accept every sentence."""
    answer = world.ask(question)
    verification = verify(answer, world.evidence, world.case)
    assert verification.ok, [(claim.text, claim.reason) for claim in verification.withheld]
    return answer


def lung_passage(**changes: Any) -> Passage:
    """A passage on normal lung volume."""
    known: dict[str, Any] = {
        "card": "lung-volume", "title": "Normal lung volume of adults on CT",
        "text": "In 564 adults the mean total lung volume on CT was 4468 mL with a standard deviation of 1271 mL. "
        "These are volumes of both whole lungs together on inspiratory CT.",
        "source": Source(title="Lung volume", organisation="A Journal", year=2019, doi="10.1/x"),
        "thresholds": (Threshold(name="total volume of both lungs, mean", comparison="=", value=4468, unit="mL"),),
        "relevance": 0.7,
    }  # fmt: skip
    return Passage(**(known | changes))


def dumps(value: Any) -> str:
    """Sorted JSON, to compare."""
    return json.dumps(value, sort_keys=True)
