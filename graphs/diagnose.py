"""The state machine of a turn: admit, reason, act, verify, answer.

The state holds words, numbers and hashes only; pixels stay in the blob store. Every node does its
work through the journal, so each may be run again after an interruption without doing it twice.
"""

import json
from functools import partial
from typing import Annotated, Any, Literal, TypedDict

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from graphs.act import consented, run_tool
from graphs.closing import NOTICE, closed, opened
from graphs.correction import correct
from graphs.differential import Differential
from graphs.differential_build import differentiate
from graphs.events import (
    Answered,
    Asked,
    Differentiated,
    ReasonerFinished,
    ReasonerStarted,
    Stopped,
    ToolStarted,
    Verified,
)
from graphs.journal import timed
from graphs.setup import Bounds, Setup
from graphs.trace import canonical
from graphs.verify import verify
from knowledge.briefing import VERIFIER, answer_now, objection, opening, tool_result
from knowledge.case import Case
from knowledge.claim import Claim
from knowledge.evidence import EVIDENCE
from tools.tool import Context

__all__ = ["NOTICE", "State", "build"]


def _grown(before: list[Any], after: list[Any] | dict[str, list[Any]]) -> list[Any]:
    """What a node adds goes behind what was there; a correction alone puts all in its place (`instead`)."""
    return after["instead"] if isinstance(after, dict) else before + after


class State(TypedDict, total=False):
    """One conversation between steps.

    `evidence` holds JSON objects in the order of filing. `messages` is what later turns remember;
    `working` is this turn so far, with drafts and objections that nobody should remember.
    `correction` is one to be made now, in place of a turn; `corrected` counts those that were.
    """

    case: dict[str, Any]
    evidence: Annotated[list[dict[str, Any]], _grown]
    messages: Annotated[list[BaseMessage], _grown]
    working: list[BaseMessage]
    turn: int
    question: str
    step: int
    objections: int
    seconds: float
    draft: str
    failure: str | None
    bound: str | None
    answered: int
    correction: dict[str, Any] | None
    corrected: int


Update = dict[str, Any]


def _admit(state: State, runtime: Runtime[Setup]) -> Update:
    """Open the case on the first turn, and take the question."""
    setup, turn = runtime.context, state["turn"]
    update: Update = {"step": 0, "objections": 0, "seconds": 0.0, "draft": "", "failure": None, "bound": None}
    content: str | list[str | dict[str, Any]] = state["question"]
    if "case" not in state:
        admitted = setup.journal.perform(None, ("admitted",), setup.admit)
        update["case"] = admitted.case.model_dump(mode="json")
        update["evidence"] = [item.model_dump(mode="json") for item in admitted.evidence]
        update["messages"] = [opening(admitted.case, admitted.evidence)]
        if admitted.pictures:
            pictures: list[str | dict[str, Any]] = [
                {"type": "image", "blob": blob, "mime_type": "image/png"} for blob in admitted.pictures
            ]
            content = [*pictures, {"type": "text", "text": state["question"]}]
    setup.journal.note(Asked(turn=turn, question=state["question"]))
    return update | {"working": [HumanMessage(content)]}


def _plain(message: BaseMessage) -> dict[str, Any]:
    """A message as the trace keeps it: what the reasoner reads, without run ids."""
    kept: dict[str, Any] = {"role": message.type, "content": message.content}
    for name in ("name", "tool_calls", "tool_call_id"):
        value = getattr(message, name, None)
        if value:
            kept[name] = value
    return kept


def _bound_reached(state: State, bounds: Bounds) -> str | None:
    if state["step"] >= bounds.steps:
        return f"{bounds.steps} steps"
    if state["seconds"] >= bounds.seconds:
        return f"{bounds.seconds:.0f} seconds"
    return None


def _reason(state: State, runtime: Runtime[Setup]) -> Update:
    """Ask the reasoner for one step: a tool call, or a draft."""
    setup, turn, step = runtime.context, state["turn"], state["step"] + 1
    reasoner = setup.reasoner
    if setup.stop.is_set() or setup.journal.find(("stopped", turn, step)):
        setup.journal.note(Stopped(turn=turn, step=step))
        return {"step": step, "failure": "You stopped this turn, so the question is not answered."}
    if reasoner.leaves_machine and not consented(setup, "reasoner", reasoner.leaves_machine):
        return {"step": step, "failure": "Nothing was sent to the reasoner, since that was declined."}
    working = state["working"]
    messages = [*state["messages"], *working]
    bound = _bound_reached(state, setup.bounds)
    if bound:
        messages.append(answer_now(f"The turn's limit of {bound} is reached; answer from the evidence that there is."))
    names = () if bound else tuple(sorted(setup.tools))
    prompt = setup.blobs.put(canonical([_plain(message) for message in messages]))
    finished = setup.journal.perform(
        ReasonerStarted(turn=turn, step=step, prompt=prompt, tools=names),
        ("reasoner_finished", turn, step),
        lambda: _think(setup, messages, turn, step, names),
    )
    update: Update = {"step": step, "seconds": state["seconds"] + finished.seconds, "bound": bound}
    if finished.fault:
        return update | {"failure": f"The reasoner failed: {finished.fault}"}
    calls = [] if bound else list(finished.tool_calls)
    if calls:
        return update | {"working": [*working, AIMessage(finished.content, tool_calls=calls)]}
    if finished.invalid_tool_calls and not bound:
        words = {"unreadable_tool_calls": [dict(call) for call in finished.invalid_tool_calls]}
        complaint = HumanMessage(json.dumps(words, ensure_ascii=False), name=VERIFIER)
        return update | {"working": [*working, AIMessage(finished.content), complaint]}
    return update | {"draft": finished.content, "working": [*working, AIMessage(finished.content)]}


def _think(setup: Setup, messages: list[BaseMessage], turn: int, step: int, names: tuple[str, ...]) -> ReasonerFinished:
    writer = get_stream_writer()
    writer({"type": "reasoning", "turn": turn, "step": step})
    bound = [setup.tools[name].as_langchain(setup.services) for name in names]
    model = setup.reasoner.model.bind_tools(bound) if bound else setup.reasoner.model

    def ask() -> AIMessage:
        whole: AIMessage | None = None
        for chunk in model.stream(messages):
            if not isinstance(chunk, AIMessage):
                raise TypeError(f"a reasoner answers with an AIMessage, not {type(chunk).__name__}")
            if chunk.text:
                writer({"type": "token", "turn": turn, "step": step, "text": str(chunk.text)})
            # A model that cannot stream gives one whole message, which needs no joining.
            whole = whole + chunk if isinstance(whole, AIMessageChunk) else chunk  # type: ignore[assignment]
        return whole or AIMessage("")

    try:
        reply, seconds = timed(ask)
    except Exception as error:  # noqa: BLE001 - whatever a reasoner does, the turn ends in an answer
        fault = f"{type(error).__name__}: {error}"[:500]
        return ReasonerFinished(turn=turn, step=step, content="", fault=fault, seconds=0.0)
    # Ids of our own: a server's are random, and two servers' may collide.
    calls = tuple(
        {"name": call["name"], "args": call["args"], "id": f"call_{turn}_{step}_{number}", "type": "tool_call"}
        for number, call in enumerate(reply.tool_calls, 1)
    )
    invalid = tuple(
        {"name": call.get("name"), "args": call.get("args"), "error": call.get("error")}
        for call in reply.invalid_tool_calls
    )
    return ReasonerFinished(
        turn=turn,
        step=step,
        content=str(reply.text),
        tool_calls=calls,
        invalid_tool_calls=invalid,
        thinking=reply.additional_kwargs.get("thinking"),
        usage=dict(reply.usage_metadata) if reply.usage_metadata else None,
        seconds=seconds,
    )


def _act(state: State, runtime: Runtime[Setup]) -> Update:
    """Run the tool calls of the last message, each checked, filed and traced on its own."""
    setup, turn, step = runtime.context, state["turn"], state["step"]
    case = Case.model_validate(state["case"])
    filed = {item.id: item for item in map(EVIDENCE.validate_python, state["evidence"])}
    context = Context(case, setup.blobs, filed, setup.services)
    before = len(filed)
    seconds = state["seconds"]
    messages: list[BaseMessage] = []
    call_message = state["working"][-1]
    if not isinstance(call_message, AIMessage):
        raise TypeError(f"tool calls come in an AIMessage, not {type(call_message).__name__}")
    for call in call_message.tool_calls:
        identifier, name, arguments = str(call["id"]), call["name"], call["args"]
        consent = setup.journal.find(("consent", f"tool {name}"))
        if consent is not None:
            setup.journal.note(consent)
        started = ToolStarted(turn=turn, step=step, call=identifier, tool=name, arguments=arguments)
        finished = setup.journal.perform(
            started, ("tool_finished", turn, step, identifier), partial(run_tool, setup, started, context)
        )
        seconds += finished.seconds
        filed.update({item.id: item for item in finished.evidence})
        messages.append(tool_result(identifier, name, finished.evidence))
    added = [item.model_dump(mode="json") for item in list(filed.values())[before:]]
    return {"working": [*state["working"], *messages], "evidence": added, "seconds": seconds}


def _verify(state: State, runtime: Runtime[Setup]) -> Update:
    """Hold the draft against the evidence; send back what fails, or let the rest pass."""
    setup, attempt = runtime.context, state["objections"] + 1
    evidence = {item.id: item for item in map(EVIDENCE.validate_python, state["evidence"])}
    found = verify(state["draft"], evidence, Case.model_validate(state["case"]))
    setup.journal.note(
        Verified(
            turn=state["turn"],
            attempt=attempt,
            draft=state["draft"],
            claims=found.claims,
            answer=found.answer,
            withheld=found.withheld,
        )
    )
    update: Update = {"objections": attempt}
    if found.withheld and attempt <= setup.bounds.objections and not state["bound"]:
        update["working"] = [*state["working"], objection(found.withheld)]
    return update


def _answer(state: State, runtime: Runtime[Setup]) -> Update:
    """Say what stood up, what was withheld, and that a qualified reader must confirm."""
    setup, turn = runtime.context, state["turn"]
    failure = state.get("failure")
    text = failure or ""
    claims: tuple[Claim, ...] = ()
    withheld: tuple[Claim, ...] = ()
    if not failure:
        attempts = [setup.journal.find(("verified", turn, attempt + 1)) for attempt in range(state["objections"])]
        verified = [event for event in attempts if isinstance(event, Verified)]
        if not verified:
            raise TypeError(f"turn {turn} is answered before it was verified")
        text, withheld = verified[-1].answer.strip(), verified[-1].withheld
        claims = tuple(claim for claim in verified[-1].claims if claim not in withheld)
        if not claims and not withheld:
            # A reasoner that gave up its claims must not leave the impression that it had none.
            withheld = next((event.withheld for event in reversed(verified) if event.withheld), ())
        if withheld and not claims:
            text = f"Nothing that I could say here is supported by the evidence at hand.\n\n{text}".strip()
        text = text or "I have no answer to this."
    bound = state["bound"]
    answer = closed(text, bound)
    evidence = {item.id: item for item in map(EVIDENCE.validate_python, state["evidence"])}
    differential = differentiate(evidence, Case.model_validate(state["case"]))
    if differential != Differential():
        setup.journal.note(Differentiated(turn=turn, differential=differential))
    setup.journal.note(Answered(turn=turn, answer=answer, claims=claims, withheld=withheld, bound=bound))
    remembered = [message for message in state["working"] if not _passing(message)]
    return {"messages": [*remembered, AIMessage(opened(answer))], "working": [], "answered": turn}


def _correct(state: State, runtime: Runtime[Setup]) -> Update:
    """Make a correction and do again what rests on it."""
    return correct(state, runtime.context)


def _passing(message: BaseMessage) -> bool:
    """Whether a message is a draft or a word about one: the verified answer takes its place."""
    return (isinstance(message, AIMessage) and not message.tool_calls) or message.name == VERIFIER


def _begin(state: State) -> Literal["admit", "correct"]:
    return "correct" if state.get("correction") else "admit"


def _after_reason(state: State) -> Literal["act", "verify", "answer", "reason"]:
    if state.get("failure"):
        return "answer"
    last = state["working"][-1]
    if isinstance(last, AIMessage):
        return "act" if last.tool_calls else "verify"
    return "reason"


def _after_verify(state: State) -> Literal["reason", "answer"]:
    return "reason" if isinstance(state["working"][-1], HumanMessage) else "answer"


def build(checkpointer: BaseCheckpointSaver[Any]) -> CompiledStateGraph[State, Setup, State, State]:
    """The compiled graph; one thread of the checkpointer is one conversation."""
    graph = StateGraph(State, context_schema=Setup)
    graph.add_node("admit", _admit)
    graph.add_node("reason", _reason)
    graph.add_node("act", _act)
    graph.add_node("verify", _verify)
    graph.add_node("answer", _answer)
    graph.add_node("correct", _correct)
    graph.add_conditional_edges(START, _begin)
    graph.add_edge("admit", "reason")
    graph.add_conditional_edges("reason", _after_reason)
    graph.add_edge("act", "reason")
    graph.add_conditional_edges("verify", _after_verify)
    graph.add_edge("answer", END)
    graph.add_edge("correct", END)
    return graph.compile(checkpointer=checkpointer)
