"""Run one tool call: asked for, admitted, held against its declaration, filed."""

from collections.abc import Iterator, Sequence
from typing import Any

from langgraph.config import get_stream_writer
from langgraph.errors import GraphBubbleUp
from langgraph.types import interrupt

from graphs.events import Consent, ToolFinished, ToolStarted
from graphs.journal import timed
from graphs.setup import Setup
from knowledge.evidence import EVIDENCE, Evidence, Limitation, blobs_of
from tools.tool import Context, Tool, ToolRefusal


def consented(setup: Setup, subject: str, question: str) -> bool:
    """A person's recorded yes or no, asked for once in a conversation."""
    recorded = setup.journal.find(("consent", subject))
    if isinstance(recorded, Consent):
        granted = recorded.granted
    else:
        granted = interrupt({"subject": subject, "question": question}) is True
    setup.journal.note(Consent(subject=subject, question=question, granted=granted))
    return granted


def run_tool(setup: Setup, started: ToolStarted, context: Context) -> ToolFinished:
    """What the call established; a refusal or a fault becomes a limitation among the evidence."""
    writer = get_stream_writer()
    tool = setup.tools.get(started.tool)
    writer(
        {
            "type": "tool_started",
            "tool": started.tool,
            "purpose": tool.purpose if tool else "Looking for an unknown tool",
            "arguments": started.arguments,
            "call": started.call,
        }
    )
    refused: str | None = None
    fault: str | None = None
    found: list[Evidence] = []

    def work() -> list[Evidence]:
        if setup.stop.is_set():
            raise ToolRefusal(f"{started.tool} was not run, since the turn was stopped.")
        if tool is None:
            raise ToolRefusal(f"There is no tool called {started.tool!r}.", known=list(setup.tools))
        arguments = tool.admit(started.arguments, context)
        if tool.consent and not consented(setup, f"tool {tool.name}", tool.consent):
            raise ToolRefusal(f"{tool.name} was not run, since that was declined.")
        return _checked(tool, tool.run(arguments, context), context)

    seconds = 0.0
    try:
        found, seconds = timed(work)
    except ToolRefusal as refusal:
        refused = refusal.reason
        limit = Limitation(tool=started.tool, target=refusal.target, reason=refusal.reason, known=refusal.known)
        found = [_about_image(limit, started, context)]
    except GraphBubbleUp:
        raise
    except Exception as error:  # noqa: BLE001 - a tool's fault is recorded, and the turn goes on
        fault = f"{type(error).__name__}: {error}"[:500]
        limit = Limitation(tool=started.tool, reason=f"{started.tool} failed on these arguments.")
        found = [_about_image(limit, started, context)]
    evidence = tuple(_filed(found, len(context.evidence), started.call))
    finished = ToolFinished(
        turn=started.turn,
        step=started.step,
        call=started.call,
        tool=started.tool,
        version=tool.version if tool else None,
        evidence=evidence,
        refused=refused,
        fault=fault,
        seconds=seconds,
    )
    writer({"type": "tool_finished", "event": finished})
    return finished


def _filed(found: Sequence[Evidence], number: int, call: str) -> Iterator[Evidence]:
    """Give ids to what one call found, also where one piece names another by its place in the list ("#1")."""
    ids = {f"#{at}": f"E{number + at}" for at in range(1, len(found) + 1)}
    for at, item in enumerate(found, 1):
        update: dict[str, Any] = {"id": ids[f"#{at}"], "produced_by": call}
        if of := getattr(item, "of", ()):
            update["of"] = tuple(ids.get(name, name) for name in of)
        yield item.model_copy(update=update)


def _about_image(limit: Limitation, started: ToolStarted, context: Context) -> Limitation:
    image = started.arguments.get("image")
    known = {image.id for image in context.case.images}
    return limit.model_copy(update={"image": image}) if image in known else limit


def _checked(tool: Tool, found: list[Evidence], context: Context) -> list[Evidence]:
    """Hold what a tool returned against its declaration: a fault of the tool, not of the case."""
    images = {image.id for image in context.case.images}
    for item in found:
        EVIDENCE.validate_python(item.model_dump())
        if item.kind not in tool.returns and not (item.kind == "absence" and tool.may_be_absent):
            raise TypeError(f"{tool.name} does not declare that it returns {item.kind}")
        if item.image is not None and item.image not in images:
            raise ValueError(f"{tool.name} speaks of an image {item.image!r} that is not in this case")
        for blob in blobs_of(item):
            if blob not in context.blobs:
                raise ValueError(f"{tool.name} points at a blob that is not in this conversation's store")
    return found
