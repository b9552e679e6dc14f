"""One step of the graph, its trace synced, against a bare LangGraph loop with the same checkpointer.

Both loops run the same number of steps (reason, then act) over SQLite with a checkpoint written
before each next step. Prints milliseconds a step and the ratio; asserts nothing on time.
"""

import operator
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, TypedDict

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph

from graphs.conversation import Conversation
from graphs.setup import Bounds
from tests.graphs.scripted import call, equipment, home, reader

STEPS = 20
ROUNDS = 5


class _State(TypedDict):
    messages: Annotated[list[BaseMessage], operator.add]


def bare(folder: Path) -> float:
    """Seconds of a step of a plain loop."""

    def reason(state: _State) -> dict[str, list[BaseMessage]]:
        done = sum(message.type == "tool" for message in state["messages"])
        return {"messages": [call("weigh", image="I1") if done < STEPS else AIMessage("done")]}

    def act(state: _State) -> dict[str, list[BaseMessage]]:
        return {"messages": [ToolMessage("10 mL", tool_call_id="x")]}

    graph = StateGraph(_State)
    graph.add_node("reason", reason)
    graph.add_node("act", act)
    graph.add_edge(START, "reason")
    graph.add_conditional_edges("reason", lambda state: "act" if state["messages"][-1].tool_calls else END)
    graph.add_edge("act", "reason")
    connection = sqlite3.connect(folder / "bare.sqlite", check_same_thread=False)
    compiled = graph.compile(checkpointer=SqliteSaver(connection))
    begun = time.perf_counter()
    compiled.invoke(
        {"messages": [HumanMessage("How large?")]},
        {"configurable": {"thread_id": "1"}, "recursion_limit": 1000},
        durability="sync",
    )
    seconds = time.perf_counter() - begun
    connection.close()
    return seconds / (2 * STEPS + 1)


def ours(folder: Path) -> float:
    """Seconds of a step of the diagnostic graph, tool runs included."""

    def script(messages: list[BaseMessage]) -> AIMessage:
        done = sum(message.type == "tool" for message in messages)
        return call("weigh", image="I1") if done < STEPS else AIMessage("What else?")

    joined = equipment([script], bounds=Bounds(steps=1000))
    with Conversation.start(home(folder), joined, reader(), {}) as conversation:
        begun = time.perf_counter()
        conversation.ask("How large?")
        return (time.perf_counter() - begun) / (2 * STEPS + 3)


def main() -> None:
    """Print both and the ratio."""
    times: dict[str, list[float]] = {"bare": [], "ours": []}
    for _ in range(ROUNDS):
        for name, run in (("bare", bare), ("ours", ours)):
            with tempfile.TemporaryDirectory() as folder:
                times[name].append(run(Path(folder)))
    low = {name: statistics.median(values) * 1000 for name, values in times.items()}
    print(f"bare LangGraph loop  {low['bare']:8.2f} ms a step")
    print(f"diagnostic graph     {low['ours']:8.2f} ms a step, every event synced")
    print(f"ratio                {low['ours'] / low['bare']:8.2f}")


if __name__ == "__main__":
    main()
