"""The reading protocol: inspect, locate, segment, measure, retrieve, conclude; one step at a time."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.protocol.conversation import Conversation, Piece
from agents.protocol.intents import TALK, Intent
from agents.protocol.kit import COUNT, BoundTool, Kit
from agents.protocol.ledger import Ledger
from agents.protocol.request import Request, Wanted
from agents.protocol.structures import is_kind_of
from knowledge.evidence import TRUNCATED

ANYTHING = "anything"
"""No structure's name: a segmenting tool that is asked for it refuses, and lists what it knows."""

TOLD_ONE_BY_ONE = 3
"""Boxes of a structure that are told in a sentence each; more are counted and pointed at together."""

PASSAGES = 4
"""How many passages are asked for: enough to choose from, few enough to read."""

_WORDED = {
    Intent.DENSITY: {
        "maximum": ("maximum",), "minimum": ("minimum",), "standard deviation": ("standard deviation",),
        "median": ("50th percentile",), "percentile": ("percentiles",), "mean": ("mean",), "average": ("mean",),
    },
    Intent.DIAMETER: {
        "width": ("width",), "wide": ("width",), "tall": ("height",), "height": ("height",), "3-d": ("3-D diameter",),
        "3d": ("3-D diameter",),
    },
}  # fmt: skip
"""Words of a question that choose a quantity other than the usual one."""

_USUAL = {
    Intent.DIAMETER: ("long axis", "short axis"),
    Intent.DENSITY: ("mean",),
    Intent.COUNT: ("components",),
    Intent.RATIO: ("cardiothoracic ratio",),
}


@dataclass(frozen=True)
class Step:
    """One tool call and its purpose in plain words."""

    tool: str
    arguments: dict[str, Any]
    purpose: str


def next_step(conversation: Conversation, request: Request, kit: Kit) -> Step | None:
    """The next thing to do for a request, or None where it is time to answer.

    Nothing is done whose outcome the conversation already holds, and no call is made twice.
    """
    ledger = Ledger(conversation, kit)
    images = {str(image["id"]): image for image in conversation.images}
    for step in _steps(ledger, request, kit, [images[name] for name in request.images]):
        if ledger.called(step.tool, step.arguments) is None:
            return step
    return None


def _steps(ledger: Ledger, request: Request, kit: Kit, images: Sequence[Mapping[str, Any]]) -> Iterator[Step]:
    if request.asks(Intent.ABILITIES) or request.unclear:
        yield from _offer(ledger, kit, images)
    if set(request.intents) <= TALK:
        return
    looks = not set(request.intents) <= TALK | {Intent.KNOWLEDGE, Intent.WHY}
    for image in images if looks else ():
        if kit.inspector and not ledger.inspected(str(image["id"])):
            yield Step(kit.inspector.name, {"image": image["id"]}, f"Reading what {_name(image, images)} is")
    if request.special:
        for image in images or ({},):
            yield from _special(request, kit, image)
    if looks and not request.unclear and not request.only_special:
        for image in images:
            yield from _find(ledger, request, kit, image)
            yield from _measure(ledger, request, kit, image)
            yield from _judge(ledger, request, kit, image)
            yield from _appraise(request, kit, image)
            yield from _show(ledger, request, kit, image)
    judged = any(ledger.judged(piece.id) for image in images for piece in measurements(ledger, request, kit, image))
    if kit.retriever and (request.asks(Intent.KNOWLEDGE) or (_comparable(ledger, request, kit, images) and not judged)):
        query = library_query(request, images)
        if ledger.retrieved(query) is None:
            yield Step(kit.retriever.name, _retrieve(kit.retriever, query), "Looking it up in the library")


def _offer(ledger: Ledger, kit: Kit, images: Sequence[Mapping[str, Any]]) -> Iterator[Step]:
    """Ask for anything at all: the refusal says what can be asked for in this image."""
    for tool in kit.segmenters[:1] if images else ():
        if tool.takes("targets") and not any(
            piece.target == ANYTHING for piece in ledger.conversation.pieces("limitation")
        ):
            yield Step(tool.name, {"image": images[0]["id"], "targets": [ANYTHING]}, "Asking what can be segmented")


def _comparable(ledger: Ledger, request: Request, kit: Kit, images: Sequence[Mapping[str, Any]]) -> bool:
    """Whether anything was measured that a normal value could be held against."""
    return request.asks(Intent.NORMALITY) and any(
        ledger.measured(piece.id, (*quantities(request, kit, image), COUNT))
        for image in images
        for wanted in structures(request, kit, image)
        for find in (ledger.measurable, ledger.boxes)  # what is counted is the boxes, where masks are there too
        for piece in find(str(image["id"]), wanted.name)
    )


def structures(request: Request, kit: Kit, image: Mapping[str, Any]) -> tuple[Wanted, ...]:
    """The structures a request needs on this image."""
    if Intent.RATIO in request.measured:
        heart_and_chest = [
            next((name for name in names if name in kit.targets), names[0])
            for names in (("heart",), ("chest", "thorax"))
        ]
        return tuple(Wanted(name, name in kit.targets) for name in heart_and_chest)
    strange = tuple(Wanted(name, known=False) for name in request.strange)
    if set(request.intents) == {Intent.QUALITY}:
        return strange
    if request.wanted or not request.asks(Intent.REPORT, Intent.DIAGNOSIS):
        particular = [one for wanted in request.wanted for one in kinds(wanted, kit, image)]
        known = {wanted.name: wanted for wanted in (*particular, *request.wanted)}
        return tuple(known.get(name, Wanted(name)) for name in kit.shown(tuple(known), image)) + strange
    return tuple(
        Wanted(name)
        for name in kit.declared
        if kit.admits(name, image, whole=True) and _finder(request, kit, name) is not None
    )


def kinds(general: Wanted, kit: Kit, image: Mapping[str, Any]) -> tuple[Wanted, ...]:
    """What can be looked for on this image of a finding of no kind, such as "a mass"."""
    if general.known:
        return ()
    return tuple(
        Wanted(name)
        for name in kit.declared
        if is_kind_of(name, general.name) and kit.segmenter(name) and kit.admits(name, image, whole=True)
    )


def quantities(request: Request, kit: Kit, image: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the quantities a request needs on this image, as the measuring tool spells them."""
    names: list[str] = []
    for intent in request.measured:
        if intent is Intent.SIZE:
            names.append("volume" if image.get("dimensions") == 3 else "area")
            continue
        worded = [name for word, names in _WORDED.get(intent, {}).items() if word in request.words for name in names]
        names += worded or _USUAL[intent]
    offered = (kit.measurer.choices("quantities") if kit.measurer else None) or ()
    spelt = {word.lower(): word for word in offered}
    return tuple(dict.fromkeys(spelt.get(name.lower(), name) for name in names))


def judged_quantities(request: Request, kit: Kit, image: Mapping[str, Any], target: str) -> tuple[str, ...]:
    """Quantities that limits of a structure may be about, where the question is what its size means."""
    if not request.asks(Intent.NORMALITY, Intent.DIAGNOSIS):
        return ()
    offered = (kit.measurer.choices("quantities") if kit.measurer else None) or ()
    wished = ("short axis", "long axis", "width", *(("3-D diameter",) if image.get("dimensions") == 3 else ()))
    return tuple(name for name in wished if name in offered and kit.judges(target, name))


def _judge(ledger: Ledger, request: Request, kit: Kit, image: Mapping[str, Any]) -> Iterator[Step]:
    """Hold what was measured against published limits, in code."""
    if kit.judge is None or not request.asks(Intent.NORMALITY):
        return
    for piece in measurements(ledger, request, kit, image):
        if TRUNCATED not in piece.caveats and not ledger.judging(piece.id):
            arguments = {"image": image["id"], "measurement": piece.id}
            what = f"the {piece.quantity.get('name')} of the {piece.target}"
            yield Step(kit.judge.name, arguments, f"Holding {what} against published limits")


def measurements(ledger: Ledger, request: Request, kit: Kit, image: Mapping[str, Any]) -> Iterator[Piece]:
    """What was measured of the structures that published limits are about."""
    for structure in structures(request, kit, image):
        names = (*quantities(request, kit, image), *judged_quantities(request, kit, image, structure.name))
        judged = tuple(name for name in dict.fromkeys(names) if kit.judges(structure.name, name))
        for found in ledger.measurable(str(image["id"]), structure.name):
            yield from ledger.measured(found.id, judged)


def _appraise(request: Request, kit: Kit, image: Mapping[str, Any]) -> Iterator[Step]:
    """Go through the criteria of the diseases asked about, or of every one that the evidence speaks to."""
    if kit.appraiser is None or not request.asks(Intent.DIAGNOSIS):
        return
    for disease in request.diseases or (None,):
        named = {"disease": disease} if disease else {}
        purpose = f"Going through the criteria for {disease}" if disease else "Going through the criteria of diseases"
        yield Step(kit.appraiser.name, {"image": image["id"]} | named, purpose)


def library_query(request: Request, images: Sequence[Mapping[str, Any]]) -> str:
    """What to ask the library: the question itself, or for the normal value of what was measured."""
    if not request.asks(Intent.NORMALITY):
        return request.question
    words = {
        Intent.SIZE: "volume" if any(image.get("dimensions") == 3 for image in images) else "size",
        Intent.DIAMETER: "diameter",
        Intent.DENSITY: "attenuation",
        Intent.COUNT: "number",
        Intent.RATIO: "cardiothoracic ratio",
    }
    names = dict.fromkeys(wanted.name.removeprefix("left ").removeprefix("right ") for wanted in request.wanted)
    what = " and ".join(dict.fromkeys(words[intent] for intent in request.measured))
    of = f" of the {' and '.join(names)}" if names and request.measured != (Intent.RATIO,) else ""
    known = [
        f"{image['modality']} {image.get('view') or ''}".strip()
        for image in images
        if image.get("modality") != "unknown"
    ]
    return f"normal {what}{of} in adults" + (f" on {known[0]}" if known else "")


def _finder(request: Request, kit: Kit, target: str) -> BoundTool | None:
    """The tool that looks for a target: boxes are enough where only its place is asked."""
    boxes = request.asks(Intent.PLACE) and not (request.measured or request.asks(Intent.OUTLINE, Intent.SHOW))

    grounder = kit.grounder(target)
    declared = next((tool for tool in kit.segmenters if tool.knows(target)), None)
    if boxes and grounder:
        return grounder
    return declared or grounder or kit.segmenter(target) or (kit.grounders[0] if kit.grounders else None)


def _finders(request: Request, kit: Kit, target: str) -> list[BoundTool]:
    """All who look for a target: to count it, who tells its instances apart; for the rest the usual one."""
    counter = kit.counter(target) if Intent.COUNT in request.measured else None
    if counter and request.measured == (Intent.COUNT,) and not request.asks(Intent.OUTLINE):
        return [counter]
    finder = _finder(request, kit, target)
    return list(dict.fromkeys(tool for tool in (finder, counter) if tool is not None))


def _find(ledger: Ledger, request: Request, kit: Kit, image: Mapping[str, Any]) -> Iterator[Step]:
    wanted = structures(request, kit, image)
    if not (
        request.measured
        or request.strange
        or request.asks(Intent.PLACE, Intent.PRESENCE, Intent.OUTLINE, Intent.SHOW, Intent.REPORT, Intent.DIAGNOSIS)
    ):
        return
    together: dict[str, list[str]] = {}
    looks = [(structure, finder) for structure in wanted for finder in _finders(request, kit, structure.name)]
    for structure, finder in looks:
        if ledger.searches(str(image["id"]), structure.name, [finder.name]):
            continue
        if finder.takes("targets") and finder.knows(structure.name) and kit.admits(structure.name, image):
            together.setdefault(finder.name, []).append(structure.name)
            continue
        group = kit.group_of([other.name for other in wanted])
        if group and structure.name in kit.leaves(group):
            yield Step(finder.name, _look(finder, image, group), f"Looking for the {group}")
            continue
        # Asked for on its own, so that its refusal takes nothing else with it.
        strange = structure.name in request.strange
        if strange and kit.looker:
            asked = {"image": image["id"], "question": request.question}
            yield Step(kit.looker.name, asked, "Asking a model what it sees")
            if ledger.seen(str(image["id"]), request.question):
                continue
        purpose = f'Asking about "{structure.name}"' if strange else f"Looking for the {structure.name}"
        yield Step(finder.name, _look(finder, image, structure.name), purpose)
    for name, targets in together.items():
        tool = next(tool for tool in kit.tools if tool.name == name)
        most = tool.properties["targets"].get("maxItems") or len(targets)
        for start in range(0, len(targets), most):
            some = targets[start : start + most]
            purpose = f"{'Outlining' if 'mask' in tool.returns else 'Locating'} {listed([f'the {t}' for t in some])}"
            yield Step(name, {"image": image["id"], "targets": some}, purpose)
    yield from _find_the_rest(ledger, kit, image, [structure.name for structure in wanted])


def _find_the_rest(ledger: Ledger, kit: Kit, image: Mapping[str, Any], wanted: Sequence[str]) -> Iterator[Step]:
    """Ask again for what a refusal of several structures at once lists as possible, so that one stops no other."""
    for tool in kit.segmenters:
        for call in ledger.refused(tool.name, str(image["id"])):
            possible = {str(name).lower() for piece in call.pieces for name in piece.data.get("known") or ()}
            rest = [name for name in call.targets if name in possible and name in wanted]
            if rest and len(rest) < len(call.targets):
                purpose = f"Outlining {listed([f'the {name}' for name in rest])}"
                yield Step(tool.name, {"image": image["id"], "targets": rest}, purpose)


def _look(finder: BoundTool, image: Mapping[str, Any], target: str) -> dict[str, Any]:
    named: dict[str, Any] = {"targets": [target]} if finder.takes("targets") else {"target": target}
    return {"image": image["id"]} | named


def _measure(ledger: Ledger, request: Request, kit: Kit, image: Mapping[str, Any]) -> Iterator[Step]:
    if kit.measurer is None:
        return
    identifier = str(image["id"])
    yield from _count(ledger, request, kit, image)
    names = quantities(request, kit, image)
    if not names:
        return
    missing: dict[str, list[str]] = {}
    labels: list[str] = []
    found = {wanted.name: ledger.measurable(identifier, wanted.name) for wanted in structures(request, kit, image)}
    if Intent.RATIO in request.measured:
        heart, chest = found.values()
        if heart and chest and not ledger.measured(heart[-1].id, names):
            yield _ratio_step(kit.measurer, identifier, heart[-1].id, chest[-1].id, names)
        return
    for label, pieces in found.items():
        # The pieces of an outline are no count of what is told apart.
        uncounted = [name for name in names if name not in _USUAL[Intent.COUNT]] if kit.counter(label) else names
        for piece in pieces:
            wished = dict.fromkeys((*uncounted, *judged_quantities(request, kit, image, label)))
            lacking = [n for n in wished if not ledger.measured(piece.id, [n]) and not ledger.measuring(piece.id, n)]
            if lacking:
                missing[piece.id] = lacking
                labels.append(label)
    if not missing:
        return
    lacking = list(dict.fromkeys(name for names in missing.values() for name in names))
    arguments: dict[str, Any] = {"image": image["id"], "of": list(missing), "quantities": lacking}
    arguments = {name: value for name, value in arguments.items() if kit.measurer.takes(name)}
    of = listed([f"the {label}" for label in dict.fromkeys(labels)])
    yield Step(kit.measurer.name, arguments, f"Measuring {listed(lacking)} of {of}")


def _count(ledger: Ledger, request: Request, kit: Kit, image: Mapping[str, Any]) -> Iterator[Step]:
    """Say how many boxes there are, where that was asked or there are too many to be told one by one."""
    if kit.measurer is None or not (Intent.COUNT in request.measured or request.asks(Intent.PLACE)):
        return
    for structure in structures(request, kit, image):
        boxes = [piece.id for piece in ledger.boxes(str(image["id"]), structure.name)]
        few = len(boxes) <= TOLD_ONE_BY_ONE and Intent.COUNT not in request.measured
        if few or not boxes or kit.counter(structure.name) is None:
            continue
        if not ledger.count(boxes[0]) and not ledger.measuring(boxes[0], COUNT):
            arguments = {"image": image["id"], "of": boxes, "quantities": [COUNT]}
            yield Step(kit.measurer.name, arguments, f"Counting {structure.name} boxes")


def _ratio_step(measurer: BoundTool, image: str, heart: str, chest: str, names: Sequence[str]) -> Step:
    arguments: dict[str, Any] = {"image": image, "quantities": list(names)}
    arguments |= {"heart": heart, "chest": chest} if measurer.takes("heart") else {"of": [heart, chest]}
    return Step(measurer.name, arguments, "Measuring the heart against the chest")


def _show(ledger: Ledger, request: Request, kit: Kit, image: Mapping[str, Any]) -> Iterator[Step]:
    """A rendered view, with what is spoken of marked on it."""
    if kit.inspector is None or not request.asks(Intent.SHOW):
        return
    arguments: dict[str, Any] = {"image": image["id"]}
    marks = [
        piece.id
        for wanted in structures(request, kit, image)
        for piece in ledger.measurable(str(image["id"]), wanted.name)
    ]
    for argument in ("marks", "overlay", "overlays", "masks"):
        if marks and kit.inspector.takes(argument):
            arguments[argument] = marks
            break
    words = request.question.lower()
    if kit.inspector.takes("window") and (window := re.search(r"\b(\w+(?: tissue)?) window", words)):
        arguments["window"] = window.group(1)
    if kit.inspector.takes("plane") and (plane := re.search(r"\b(axial|coronal|sagittal)\b", words)):
        arguments["plane"] = plane.group(1)
    if kit.inspector.takes("slice") and (number := re.search(r"\bslice (?:no\.? ?|number )?(\d{1,5})\b", words)):
        arguments["slice"] = int(number.group(1))
    yield Step(kit.inspector.name, arguments, "Drawing the view")


def _special(request: Request, kit: Kit, image: Mapping[str, Any]) -> Iterator[Step]:
    """A call of a special tool, where its required arguments can be filled from the question."""
    tool = next(tool for tool in kit.tools if tool.name == request.special)
    names = [wanted.name for wanted in request.wanted]
    known = [name for name in names if tool.knows(name)] or names
    offered: dict[str, Any] = {"query": request.question, "question": request.question, "text": request.question}
    if image:
        offered["image"] = image["id"]
    if known:
        offered |= {"targets": known, "target": known[0]}
    arguments = {name: offered[name] for name in tool.properties if name in offered}
    if all(name in arguments for name in tool.required):
        yield Step(tool.name, arguments, f"Asking {tool.name.replace('_', ' ')}")


def _retrieve(retriever: BoundTool, query: str) -> dict[str, Any]:
    return {"query": query} | ({"k": PASSAGES} if retriever.takes("k") else {})


def _name(image: Mapping[str, Any], images: Sequence[Mapping[str, Any]]) -> str:
    return f"image {image['id']}" if len(images) > 1 else "the image"


def listed(words: Sequence[str]) -> str:
    """Words as a list in a sentence: "a, b and c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
