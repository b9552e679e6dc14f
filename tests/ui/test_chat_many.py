"""Twenty users at once, each with a case of their own: nothing of one reaches another, and nothing is lost."""

import asyncio
import re
import time
from pathlib import Path

import pytest

from graphs.events import Answered, ToolFinished
from graphs.trace import read_trace, verify_trace
from tests.ui.cases import cube
from tests.ui.client import Client
from tests.ui.server import Server
from tests.ui.test_chat_attacks import member

USERS = 20
MARKS = [45 + 40 * number for number in range(USERS)]
"""Millilitres of each user's image; every sentence and picture of a case goes back to its own."""


def memory(server: Server, what: str) -> int:
    """MiB that the server holds (VmRSS), or held at most (VmHWM)."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(rf"{what}:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) // 1024


async def turns(client: Client, millilitres: int) -> bytes:
    """A whole visit; the picture of the outline."""
    file = client.upload("cube.nii.gz", cube(millilitres))
    await client.talk("weigh it", [file])
    await client.talk("outline it")
    await client.until(lambda: len(client.exhibits) == 2)
    picture = client.http.get(f"/cases/{client.case}/pictures/E2.png")
    picture.raise_for_status()
    return picture.content


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_twenty_users_at_once(ward: Server) -> None:
    before = memory(ward, "VmRSS")
    clients = [member(ward, f"user{number}") for number in range(USERS)]

    async def scene() -> list[bytes]:
        for client in clients:
            await client.__aenter__()
        try:
            return list(await asyncio.gather(*map(turns, clients, MARKS)))
        finally:
            for client in clients:
                await client.__aexit__()

    begun = time.monotonic()
    pictures = asyncio.run(scene())
    held = f"{before} MiB before, {memory(ward, 'VmRSS')} MiB after, {memory(ward, 'VmHWM')} at most"
    print(f"\n{USERS} users, {2 * USERS} turns in {time.monotonic() - begun:.1f} s: {held}")

    # Each picture shows how far its own mask reaches, so no two are the same.
    assert len(set(pictures)) == USERS
    assert len({client.case for client in clients}) == USERS
    for client, mark in zip(clients, MARKS, strict=True):
        everything = "\n".join(step["output"] for step in client.steps.values())
        assert {int(found) for found in re.findall(r"(\d+)(?:\\?\.\d)? mL", everything)} == {mark}
        assert {int(found) for found in re.findall(r"mask of the body\\*, (\d+) pixels", everything)} == {mark}
        trace = ward.home / "conversations" / client.case / "trace.jsonl"
        verify_trace(trace)
        events = [entry.event for entry in read_trace(trace)]
        finished = [event for event in events if isinstance(event, ToolFinished)]
        answers = [event for event in events if isinstance(event, Answered)]
        assert (len(finished), len(answers)) == (2, 2)
        # Everything on record was shown: reading, two tools, two checks, the panel, two answers.
        shown = [step for step in client.tools() if "Reading" not in step["name"]]
        assert [step["name"].partition(" ")[0] for step in shown] == ["Weighing", "Checking", "Outlining", "Checking"]
        assert len(client.said()) == 3
        assert (trace.parent / "owner").read_text().strip() == client.headers["X-Remote-User"]
