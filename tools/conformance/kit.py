"""Runs one tool on phantoms, without a network, and keeps what came out."""

import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from knowledge.blobs import BlobStore
from knowledge.case import Case, Image
from knowledge.evidence import Evidence
from tools.conformance.examples import example_calls, properties
from tools.conformance.phantom import Phantom, everything
from tools.tool import Context, Services, Tool, ToolRefusal

Call = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What one call came to: evidence, or a refusal, or a fault, each in words for the report."""

    call: Call
    blobs: BlobStore
    evidence: list[Evidence] = field(default_factory=list)
    refusal: str | None = None
    fault: str | None = None
    seconds: float = 0.0

    @property
    def answered(self) -> bool:
        """Whether it came to evidence."""
        return self.refusal is None and self.fault is None


class Kit:
    """One tool under test.

    Attributes:
        home: The phantom on which the tool answered most calls, or None.
        reached: Addresses that the tool tried to reach.
    """

    def __init__(self, tool: Tool, services: Services) -> None:
        self.tool = tool
        self.services = services
        self.count = 0
        self.reached: set[str] = set()
        self._stored: dict[str, tuple[Case, BlobStore, dict[str, Evidence]]] = {}
        self._answers: dict[str, list[Outcome]] = {}
        self.phantoms = everything() if self.takes_image else everything()[:1]
        answers = [(sum(one.answered for one in self.answers(phantom)), phantom) for phantom in self.phantoms]
        most = max(count for count, _ in answers)
        self.home = next(phantom for count, phantom in answers if count == most) if most else None

    @property
    def takes_image(self) -> bool:
        """Whether the tool has an argument for an image."""
        return any(one.is_image for one in properties(self.tool))

    @property
    def takes_evidence(self) -> bool:
        """Whether the tool has an argument for ids of evidence."""
        return any(one.is_evidence for one in properties(self.tool))

    def accepts(self, image: Image) -> bool:
        """Whether the tool declares that it takes such an image."""
        tool = self.tool
        return (not tool.modalities or image.modality in tool.modalities) and image.dimensions in tool.dimensions

    def context(self, phantom: Phantom, *, fresh: bool = False) -> Context:
        """A conversation about the phantom; `fresh` gives it a store of its own."""
        if fresh or phantom.name not in self._stored:
            stored = phantom.store()
            if fresh:
                return self._context(*stored)
            self._stored[phantom.name] = stored
        return self._context(*self._stored[phantom.name])

    def _context(self, case: Case, blobs: BlobStore, evidence: Mapping[str, Evidence]) -> Context:
        return Context(case, blobs, evidence, self.services)

    def calls(self, phantom: Phantom) -> list[Call]:
        """Example calls for the phantom's image."""
        context = self.context(phantom)
        return example_calls(self.tool, self.services, context.case.images[0], context.evidence)

    def answers(self, phantom: Phantom) -> list[Outcome]:
        """What the example calls come to; the calls of an image it does not accept are not made."""
        if phantom.name not in self._answers:
            context = self.context(phantom)
            fits = not self.takes_image or self.accepts(context.case.images[0])
            self._answers[phantom.name] = [self.run(phantom, call) for call in self.calls(phantom)] if fits else []
        return self._answers[phantom.name]

    def run(self, phantom: Phantom, call: Call, context: Context | None = None) -> Outcome:
        """Make one call as the graph makes it: admitted first, then run."""
        context = context or self.context(phantom)
        self.count += 1
        begun = time.perf_counter()
        try:
            with _unplugged(self.reached):
                evidence = self.tool.run(self.tool.admit(call, context), context)
        except ToolRefusal as refusal:
            return Outcome(call, context.blobs, refusal=refusal.reason, seconds=time.perf_counter() - begun)
        except Exception as error:  # noqa: BLE001 - whatever a tool raises is a finding
            return Outcome(call, context.blobs, fault=f"{type(error).__name__}: {str(error)[:200]}")
        if not isinstance(evidence, list):
            return Outcome(call, context.blobs, fault=f"run returned {type(evidence).__name__}, not a list")
        return Outcome(call, context.blobs, evidence, seconds=time.perf_counter() - begun)

    def cost(self) -> tuple[float, int]:
        """Seconds of the slowest answered call, and the bytes it allocated at most."""
        answered = [one for one in self.answers(self.home) if one.answered] if self.home else []
        if self.home is None or not answered:
            return 0.0, 0
        slowest = max(answered, key=lambda one: one.seconds)
        # Pixels that no cache of the tool has seen.
        unseen = replace(self.home, name="moved", array=np.roll(self.home.array, 1, axis=1))
        self.context(unseen)
        tracemalloc.start()
        try:
            self.run(unseen, slowest.call)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        return slowest.seconds, peak


_PLUG = threading.Lock()


@contextmanager
def _unplugged(reached: set[str]) -> Iterator[None]:
    """No connection leaves the process from Python's sockets; who is called is noted."""
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def refuse(self: socket.socket, address: Any, /) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            reached.add(str(address[0]))
            raise OSError("tools run without a network here")
        connect(self, address)

    def forget(host: Any, *_: Any, **__: Any) -> Any:
        reached.add(str(host))
        raise socket.gaierror("tools run without a network here")

    with _PLUG:
        socket.socket.connect, socket.getaddrinfo = refuse, forget  # type: ignore[assignment, method-assign]
        try:
            yield
        finally:
            socket.socket.connect, socket.getaddrinfo = connect, look_up  # type: ignore[method-assign]
