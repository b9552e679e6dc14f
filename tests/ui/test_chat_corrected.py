"""What a correction in the viewer changes on the page: answers, the differential, and what they say of themselves."""

import asyncio
import base64
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from langchain_core.messages import AIMessage

from graphs.conversation import Conversation
from graphs.differential import Differential
from graphs.trace import read_trace
from tests.graphs.scripted import call, home
from tests.graphs.test_guideline_turn import GRID, LOOK, reading, scripted
from tests.ui.client import Client
from tests.ui.server import Server, serving
from ui.chat_answers import content, said

SPLEENS = "from tests.ui.house import install_spleens; install_spleens()"
ENLARGED = "**splenomegaly**: ✓ volume above the range"
NORMAL = "**splenomegaly**: ✗ volume above the range"


@pytest.fixture(scope="module")
def spleens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose segmenter takes everything bright for the spleen, and which knows its criteria."""
    base = tmp_path_factory.mktemp("spleens")
    with serving(base / "home", base / "working", SPLEENS) as running:
        yield running


def scan(folder: Path) -> bytes:
    """A CT with a block of 640 mL."""
    array = np.full(GRID[::-1], -1000, np.int16)
    array[5:25, 5:25, 5:25] = 50
    file = folder / "scan.nii.gz"
    nib.save(nib.Nifti1Image(array, np.diag([4.0, 4.0, 5.0, 1.0])), file)
    return file.read_bytes()


def smaller() -> dict[str, Any]:
    """An outline of 80 mL, as the viewer sends it."""
    part = np.ones((10, 10, 10), np.bool_)
    return {"box": [5, 5, 5, 15, 15, 15], "mask": base64.b64encode(zlib.compress(np.packbits(part).tobytes())).decode()}


def shown(client: Client) -> list[str]:
    return [text.replace("\\", "") for text in client.said()]


@pytest.mark.parametrize("action", ["correct", "reject"])
def test_a_correction_revises_the_answer_and_its_differential_where_the_case_is_open(
    spleens: Server, tmp_path: Path, action: str
) -> None:
    async def scene() -> None:
        async with Client(spleens) as client:
            await client.set(reasoner="protocol", modality="CT", spacing="")
            await client.talk("Is the spleen enlarged?", [client.upload("scan.nii.gz", scan(tmp_path))])
            before = shown(client)
            assert ENLARGED in before[-1], before[-1]
            assert "No longer stands" not in before[-1]
            trace = spleens.home / "conversations" / client.case / "trace.jsonl"
            outlined = [
                item.id for entry in read_trace(trace) if entry.event.type == "tool_finished"
                for item in entry.event.evidence if item.kind == "mask"
            ]  # fmt: skip
            wish = {"action": action, "evidence": outlined[-1], **(smaller() if action == "correct" else {})}
            answer = await asyncio.to_thread(
                lambda: client.http.post(f"/viewer/{client.case}/corrections", json=wish, timeout=120)
            )
            answer.raise_for_status()
            await client.until(lambda: any("after correction 1" in text for text in client.said()[len(before) :]))
            now = shown(client)
            old, new = now[len(before) - 1], now[-1]
            assert old.startswith("⚠ **No longer stands.** After correction 1")
            # The tree that no longer stands is not shown as if it did, in one place or another.
            assert ENLARGED not in "".join(now)
            assert "640 mL" not in new.replace("Withheld", "\nWithheld").partition("\nWithheld")[0]
            if action == "correct":
                assert NORMAL in new
                assert "80.0 mL" in new
            else:
                assert "splenomegaly" not in new.partition("**Withheld")[0]
            # Whoever opens the case later reads the same.
            async with Client(spleens, case=client.case, http=spleens.sign_in()) as later:
                await later.until(lambda: later.case and len(shown(later)) > 1)
                again = shown(later)
                assert [text for text in again if "splen" in text or "correction 1" in text] == [
                    text for text in now if "splen" in text or "correction 1" in text
                ]

    asyncio.run(scene())


def test_a_differential_that_no_sentence_cites_is_shown_again_by_itself(tmp_path: Path) -> None:
    joined = scripted(*LOOK, call("guideline", image="I1", measurement="E3"), AIMessage("It is done."))
    key = home(tmp_path).signing_key
    with Conversation.start(home(tmp_path), joined, lambda blobs: reading(20, blobs), {}) as conversation:
        conversation.ask("Is the spleen enlarged?")
        mask = np.zeros(GRID, bool)
        mask[5:15, 5:15, 5:15] = True
        conversation.correct("E2", mask, by="a reader", key=key)
        once = said(conversation.identifier, conversation.trace.entries)
        conversation.correct(conversation.standing.now("E2") or "", None, by="a reader", key=key)
        twice = said(conversation.identifier, conversation.trace.entries)
        standing = conversation.standing
    answer, alone = once
    assert (answer.moved, answer.outdated, answer.tree) == (1, None, Differential())
    assert "Correction 1 changed the differential" in content(answer, standing)
    assert NORMAL in content(alone, standing).replace("\\", "")
    assert "a qualified reader must confirm" in content(alone, standing)
    # What is shown keeps its name, so that it is changed in place.
    assert [one.message for one in twice[:2]] == [one.message for one in once]
    assert [(one.stands, one.moved) for one in twice] == [(True, 1), (False, 2), (True, None)]
    assert "Correction 2 changed it again" in content(twice[1], standing)
    assert "Nothing of it is left" in content(twice[2], standing)
