"""What a conversation has established, looked up by image and structure, so that nothing is done twice."""

from collections.abc import Iterable, Sequence

from agents.protocol.conversation import Call, Conversation, Piece
from agents.protocol.kit import COUNT, Kit

_PARTS = ("5th percentile", "25th percentile", "50th percentile", "75th percentile", "95th percentile")
"""What "percentiles" stands for."""


class Ledger:
    """Evidence of a conversation, ready to be looked up."""

    def __init__(self, conversation: Conversation, kit: Kit) -> None:
        self.conversation = conversation
        self.kit = kit
        self._calls = list(conversation.calls())
        self._finders = {tool.name for tool in (*kit.segmenters, *kit.grounders, *kit.special)}

    def facts(self, image: str) -> Piece | None:
        """What was established about the image itself."""
        return next((piece for piece in self.conversation.pieces("image_facts") if piece.image == image), None)

    def inspected(self, image: str) -> bool:
        """Whether the inspector was asked about the image, with or without success."""
        inspector = self.kit.inspector
        return self.facts(image) is not None or any(
            inspector is not None and call.tool == inspector.name and call.image == image for call in self._calls
        )

    def called(self, tool: str, arguments: object) -> Call | None:
        """An earlier call with the very same arguments."""
        return next((call for call in self._calls if call.tool == tool and call.arguments == arguments), None)

    def seen(self, image: str, question: str) -> list[Piece]:
        """What a model that sees answered to a question about an image."""
        looker = self.kit.looker
        call = self.called(looker.name, {"image": image, "question": question}) if looker else None
        return [piece for piece in call.pieces if piece.kind == "statement"] if call else []

    def searches(self, image: str, target: str, tools: Iterable[str]) -> list[Call]:
        """Calls that looked for a structure on an image."""
        names = set(tools)
        return [
            call for call in self._calls if call.tool in names and call.image == image and self._covers(call, target)
        ]

    def refused(self, tool: str, image: str) -> list[Call]:
        """Calls for several structures of an image at once, of which nothing came but a refusal."""
        return [
            call
            for call in self._calls
            if call.tool == tool
            and call.image == image
            and len(call.targets) > 1
            and call.pieces
            and all(piece.kind == "limitation" for piece in call.pieces)
        ]

    def _covers(self, call: Call, target: str) -> bool:
        return any(target == asked or target in self.kit.leaves(asked) for asked in call.targets)

    def about(self, image: str, target: str, *kinds: str) -> list[Piece]:
        """Pieces of `kinds` that speak of a structure on an image, in the order of filing."""
        names = {target, *(known.name for known in self.kit.targets.values() if target in self.kit.leaves(known.name))}
        return [
            piece
            for piece in self.conversation.pieces()
            if piece.kind in kinds and piece.image in (image, None) and piece.target in names
        ]

    def measurable(self, image: str, target: str) -> list[Piece]:
        """The masks of a structure, else its boxes."""
        return self._newest("mask", image, target) or self.boxes(image, target)

    def boxes(self, image: str, target: str) -> list[Piece]:
        """The newest boxes of a structure."""
        return self._newest("region", image, target)

    def _newest(self, kind: str, image: str, target: str) -> list[Piece]:
        """What the last call that found any established; ids say nothing of it, for a correction gives new ones."""
        for call in reversed(self._calls):
            found = [
                piece
                for piece in call.pieces
                if piece.kind == kind and piece.target == target and piece.image in (image, None)
            ]
            if found:
                return found
        return []

    def count(self, box: str) -> Piece | None:
        """How many boxes there are, this one among them."""
        return next(iter(self.measured(box, [COUNT])), None)

    def refusals(self, image: str, target: str) -> list[Piece]:
        """Limitations that the last call for this structure on this image met."""
        met: dict[str, Piece] = {}
        for call in self.searches(image, target, self._finders)[-1:]:
            for piece in call.pieces:
                group = piece.target is not None and target in self.kit.leaves(piece.target)
                if piece.kind == "limitation" and (group or piece.target in (None, target)):
                    met[piece.id] = piece
        return list(met.values())

    def measured(self, of: str, names: Sequence[str]) -> list[Piece]:
        """Measurements of some quantities on one mask or box, in the order of `names`."""
        latest = {
            str(piece.quantity.get("name")): piece
            for piece in self.conversation.pieces("measurement")
            if of in piece.of and "name" in piece.quantity
        }
        wished = [name for asked in names for name in (_PARTS if asked == "percentiles" else (asked,))]
        return [latest[name] for name in wished if name in latest]

    def measuring(self, of: str, name: str) -> Call | None:
        """A call that was to measure this quantity on this mask or box."""
        measurer = self.kit.measurer
        for call in self._calls:
            asked = measurer and call.tool == measurer.name and of.lower() in call.names("of")
            if asked and name.lower() in call.names("quantities"):
                return call
        return None

    def judging(self, measurement: str) -> Call | None:
        """The call that held a measurement against published limits."""
        judge = self.kit.judge
        for call in self._calls:
            if judge and call.tool == judge.name and call.arguments.get("measurement") == measurement:
                return call
        return None

    def judged(self, measurement: str) -> list[Piece]:
        """What published limits say of a measurement."""
        call = self.judging(measurement)
        return [piece for piece in call.pieces if piece.kind == "criterion"] if call else []

    def retrieved(self, query: str) -> Call | None:
        """An earlier search of the library in the same words."""
        retriever = self.kit.retriever
        for call in self._calls:
            if retriever and call.tool == retriever.name and call.arguments.get("query") == query:
                return call
        return None
