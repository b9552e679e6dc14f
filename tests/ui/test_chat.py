"""The page, spoken to as a browser speaks to it: a real server process, its real socket."""

import asyncio
import re
import signal
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx2
import pytest

from graphs.diagnose import NOTICE
from graphs.events import Consent, Stopped
from graphs.trace import Trace, TraceError, read_trace, verify_trace
from tests.ui.cases import NAME, archive, cube, slices
from tests.ui.client import Client, Event
from tests.ui.conftest import HOUSE
from tests.ui.house import LEAVES
from tests.ui.server import Server, serving

HOSTILE = "<img src=x onerror=alert(1)> **bold** [E1] ![x](x.png).txt"


def play(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(scene())


def identifier(client: Client) -> str:
    """The id of the conversation that is open."""
    return client.case


def trace_of(server: Server, client: Client) -> Path:
    return server.home / "conversations" / identifier(client) / "trace.jsonl"


def last(client: Client) -> Event:
    return [step for step in client.steps.values() if step["type"] == "assistant_message"][-1]


async def opened(client: Client, millilitres: int = 100) -> None:
    file = client.upload("cube.nii.gz", cube(millilitres), "application/gzip")
    await client.talk("", [file])


# A conversation


@pytest.mark.parametrize("zipped", [False, True])
def test_slices_become_one_series_and_what_does_not_open_is_named(server: Server, zipped: bool) -> None:
    async def scene() -> None:
        async with Client(server) as client:
            sent = {f"IM{at}": data for at, data in enumerate(slices(6))}
            if zipped:
                # As some browsers name it, so that the ending is all that tells.
                files = [client.upload("study.zip", archive(sent), "application/octet-stream")]
            else:
                files = [client.upload(name, data) for name, data in sent.items()]
            files.append(client.upload(HOSTILE, b"no image", "text/html"))
            await client.talk("", files)
            panel = last(client)["output"]
            assert "**I1** CT series 1\\, 6 slices" in panel
            assert "**I2**" not in panel
            assert "32 × 32 × 6 pixels" in panel
            assert "It is none of DICOM" in panel
            # The hostile name is shown, and none of its marks is one of the page.
            assert "\\<img src\\=x onerror\\=alert\\(1\\)\\>" in panel
            assert not re.search(r"(?<!\\)[<>]|(?<!\\)!\[", panel)
            reading = client.tools()[-1]
            assert re.fullmatch(rf"Reading {len(files)} files · \d+\.\d s", reading["name"])
            offered = [action for action in client.actions if action["name"] == "ask"]
            assert offered[0]["label"] == "What is this image?"
            # Pages of the same origin cannot be made of what was sent.
            kept = client.http.get(f"/project/file/{files[-1]}?session_id={client.session}")
            assert "sandbox" in kept.headers["content-security-policy"]

    play(scene)


def test_a_turn_shows_its_steps_its_verdicts_its_evidence_and_its_record(server: Server) -> None:
    async def scene() -> None:
        async with Client(server) as client:
            await opened(client, 137)
            shown = await client.talk("weigh it")
            weighing, checking = client.tools(shown)
            assert re.fullmatch(r"Weighing · \d+\.\d s", weighing["name"])
            assert '"tool": "weigh"' in weighing["input"]
            assert '"image": "I1"' in weighing["input"]
            assert "137 mL" in weighing["output"]
            assert weighing["start"]
            assert weighing["end"]
            assert "**supported**" in checking["output"]
            answer = client.said(shown)[-1]
            assert "The volume of the body is 137 mL E1\u2060" in answer
            assert NOTICE.rstrip(".").replace(",", "\\,").replace(":", "\\:") in answer
            head = re.search(r"--head ([0-9a-f]{64})`", answer)
            assert head is not None
            trace = trace_of(server, client)
            assert verify_trace(trace, head[1]).head == head[1]
            for page in ("viewer", "report", "trace"):
                assert f"](/{page}/{client.case})" in answer
            element = client.exhibits[0]
            assert (element["name"], element["display"], element["forId"]) == ("E1\u2060", "side", last(client)["id"])
            assert "137 mL" in client.read(element)
            await client.until(lambda: client.panels)
            assert [one["id"] for one in client.panels[-1]["elements"]] == [element["id"]]

    play(scene)


def test_an_outline_is_opened_as_a_picture(server: Server) -> None:
    async def scene() -> None:
        async with Client(server) as client:
            await opened(client)
            await client.talk("outline it")
            words = client.read(client.exhibits[0])
            address = re.search(r"\]\((/cases/[^)]+)\)", words)
            assert address is not None
            picture = client.http.get(address[1])
            assert picture.content.startswith(b"\x89PNG")
            assert picture.headers["cache-control"] == "no-store"
            # Who has not signed in cannot have it.
            assert httpx2.get(f"{server.address}{address[1]}").status_code == 401

    play(scene)


def test_what_the_evidence_does_not_carry_is_withheld_and_said_to_be(server: Server) -> None:
    async def scene() -> None:
        async with Client(server) as client:
            await opened(client)
            await client.talk("weigh it")
            answer = client.said(await client.talk("lie to me"))[-1]
            before, _, withheld = answer.partition("**Withheld, because the evidence does not carry it**")
            assert "999" not in before
            assert "999 mL" in withheld
            assert "contradicted" in withheld or "unsupported" in withheld

    play(scene)


def test_text_of_an_answer_is_text(server: Server) -> None:
    async def scene() -> None:
        async with Client(server) as client:
            await opened(client)
            for shown in client.said(await client.talk("markup please")):
                assert not re.search(r"(?<!\\)[<>]|(?<!\\)!\[", shown), shown

    play(scene)


def test_nothing_is_asked_before_a_case_is_open(server: Server) -> None:
    async def scene() -> None:
        async with Client(server) as client:
            assert "Drop the images of one patient" in client.said(await client.talk("weigh it"))[-1]
            file = client.upload("empty.png", b"\x89PNG\r\n\x1a\n", "image/png")
            panel = client.said(await client.talk("weigh it", [file]))[-1]
            assert "These files did not open" in panel
            assert "empty\\.png" in panel
            assert "nothing to ask about" in panel

    play(scene)


def test_settings_are_used_for_the_next_files_and_bad_ones_are_said(server: Server) -> None:
    async def scene() -> None:
        async with Client(server) as client:
            await client.until(lambda: client.settings)
            assert {widget["id"] for widget in client.settings} == {"patient", "files"}
            await client.set(reasoner="protocol", modality="as the files say", spacing="wide")
            await client.until(lambda: "two sizes in mm" in "\n".join(client.said()))
            await client.set(reasoner="protocol", modality="MR", spacing="")
            await opened(client)
            assert "MR \\(user\\)" in last(client)["output"]
            await client.set(reasoner="protocol", modality="CT", spacing="")
            again = await client.until(lambda: [one for one in client.actions if one["name"] == "again"])
            client.press(again[-1])
            await client.until(lambda: "CT \\(user\\)" in last(client)["output"])

    play(scene)


def test_files_for_an_open_case_are_read_with_it_or_apart_as_the_person_says(server: Server) -> None:
    async def scene() -> None:
        async with Client(server) as client:
            await opened(client, 10)
            for choice, images in [("same", 2), ("new", 1)]:

                async def reply(data: Event, choice: str = choice) -> str:
                    return choice

                client.reply = reply
                await opened(client, 20 if choice == "same" else 30)
                panel = last(client)["output"]
                assert panel.count("**I") == images
            assert "volume of the body is 30\\.0 mL" in client.said(await client.talk("weigh it"))[-1]

    play(scene)


# Consent and stopping


@pytest.mark.parametrize("choice", ["yes", "no", "stop"])
def test_what_needs_consent_asks_for_it(server: Server, choice: str) -> None:
    async def scene() -> None:
        async with Client(server) as client:

            async def reply(data: Event) -> str:
                assert "May the image be weighed" in data["msg"]["output"]
                return choice

            client.reply = reply
            await opened(client, 55)
            answer = client.said(await client.talk("secret weight"))[-1]
            assert len(client.asked) == 1
            assert ("55.0 mL" in answer.replace("\\", "")) == (choice == "yes")
            consents = [entry.event for entry in read_trace(trace_of(server, client)) if entry.event.type == "consent"]
            assert [event.granted for event in consents if isinstance(event, Consent)] == (
                [] if choice == "stop" else [choice == "yes"]
            )
            if choice == "stop":
                assert "You stopped this turn" in answer

    play(scene)


def test_a_reasoner_elsewhere_is_sent_nothing_without_a_yes(server: Server) -> None:
    async def scene() -> None:
        async with Client(server) as client:

            async def reply(data: Event) -> str:
                assert LEAVES.rstrip("?").replace(".", "\\.") in data["msg"]["output"]
                return "no"

            client.reply = reply
            await client.set(reasoner="remote", modality="as the files say", spacing="")
            await opened(client)
            answer = client.said(await client.talk("weigh it"))[-1]
            assert "Nothing was sent to the reasoner" in answer
            kinds = [entry.event.type for entry in read_trace(trace_of(server, client))]
            assert "reasoner_started" not in kinds

    play(scene)


@pytest.mark.parametrize("dialog", [False, True])
def test_the_stop_button_ends_a_turn_and_the_conversation_goes_on(server: Server, dialog: bool) -> None:
    async def scene() -> None:
        async with Client(server) as client:
            await opened(client, 41)
            await client.send("secret weight" if dialog else "slow weight")
            await client.until(lambda: client.asked if dialog else len(client.tools()) > 1)
            await client.stop()
            await client.until(lambda: "You stopped this turn" in "\n".join(client.said()))
            events = [entry.event for entry in read_trace(trace_of(server, client))]
            assert any(isinstance(event, Stopped) for event in events)
            assert all(step["end"] for step in client.tools())
            assert "41\\.0 mL" in client.said(await client.talk("weigh it"))[-1]

    play(scene)


# Sessions


def test_sessions_at_once_see_their_own_case_only(server: Server) -> None:
    async def session(millilitres: int) -> None:
        async with Client(server) as client:
            await opened(client, millilitres)
            for _ in range(2):
                await client.talk("weigh it")
            everything = "\n".join([*(str(step) for step in client.steps.values()), *map(client.read, client.exhibits)])
            assert set(re.findall(r"(\d{3}) mL", everything)) == {str(millilitres)}

    async def scene() -> None:
        await asyncio.gather(*(session(100 + 11 * number) for number in range(8)))

    play(scene)


def test_a_session_that_ends_gives_up_its_conversation(server: Server) -> None:
    async def scene() -> None:
        async with Client(server) as client:
            await opened(client, 63)
            folder = trace_of(server, client).parent
            taken = identifier(client)
            with pytest.raises(TraceError, match="open in another process"):
                Trace(folder)
            async with Client(server) as other:
                await other.talk(f"resume {taken}")
                assert "open in another window" in other.said()[-1]
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                with Trace(folder):
                    break
            except TraceError:
                await asyncio.sleep(0.1)
        else:
            raise AssertionError("its lock was not given up")
        async with Client(server) as later:
            await later.talk(f"resume {taken}")
            assert "63\\.0 mL" in later.said(await later.talk("weigh it"))[-1]

    play(scene)


@pytest.mark.parametrize("pause", [0, 1.5])
def test_a_window_that_is_gone_is_taken_over_with_the_names_it_knew(server: Server, pause: float) -> None:
    async def scene() -> None:
        async with Client(server) as client:
            await client.talk("", [client.upload(f"IM{at}", data) for at, data in enumerate(slices(3))])
            taken = identifier(client)
        await asyncio.sleep(pause)
        async with Client(server) as later:
            await later.talk(f"resume {taken}")
            await later.talk("weigh what Ottoline Quillfeather has")
            text = (server.home / "conversations" / taken / "trace.jsonl").read_text()
            assert "weigh what [name] has" in text
            assert "Quillfeather" not in text

    play(scene)


def test_a_connection_that_comes_back_goes_on(server: Server) -> None:
    async def scene() -> None:
        async with Client(server) as client:
            await opened(client, 81)
        await asyncio.sleep(1.5)
        async with Client(server, client.session) as again:
            assert "81\\.0 mL" in again.said(await again.talk("weigh it"))[-1]

    play(scene)


@pytest.mark.parametrize("wanted", ["20200101-000000-0123456789abcdef", "../../etc", "x" * 90])
def test_an_id_that_is_none_is_refused(server: Server, wanted: str) -> None:
    async def scene() -> None:
        async with Client(server) as client:
            await client.talk(f"resume {wanted}")
            assert last(client)["isError"]

    play(scene)


def test_a_killed_server_loses_no_conversation_and_leaves_no_upload(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "working"
    found: list[str] = []

    async def before(server: Server) -> None:
        async with Client(server) as client:
            await opened(client, 77)
            await client.talk("weigh it")
            await client.send("slow weight")
            await client.until(lambda: any("Waiting" in step["name"] for step in client.tools()))
            found.append(identifier(client))
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()

    async def after(server: Server) -> None:
        async with Client(server) as client:
            await client.talk(f"resume {found[0]}")
            said = client.said()
            assert any("77\\.0 mL E1\u2060" in answer for answer in said)
            questions = [step["output"] for step in client.steps.values() if step["type"] == "user_message"]
            assert questions == ["weigh it", "slow weight"]
            # The turn that was cut off was finished.
            assert NOTICE.split(",", maxsplit=1)[0] in said[-1]
            verify_trace(trace_of(server, client))

    with serving(home, folder, HOUSE) as server:
        asyncio.run(before(server))
        left = list((home / "served").iterdir())
        assert len(left) == 1
    with serving(home, folder, HOUSE) as server:
        assert left[0] not in (home / "served").iterdir()
        asyncio.run(after(server))
        server.process.terminate()
        server.process.wait(15)
        assert list((home / "served").iterdir()) == []


# What is left behind


def test_the_working_folder_stays_clean_nobody_else_is_reached_and_no_name_is_printed(server: Server) -> None:
    async def scene() -> None:
        async with Client(server) as client:
            await client.talk("", [client.upload(f"{NAME} {at}", data) for at, data in enumerate(slices(3))])
            await client.talk("weigh what Quillfeather has")

    play(scene)
    assert list(server.folder.iterdir()) == []
    assert "REACHED" not in server.said
    assert "quillfeather" not in server.said.lower()
    for file in server.home.glob("conversations/*/trace.jsonl"):
        assert "quillfeather" not in file.read_text().lower()
