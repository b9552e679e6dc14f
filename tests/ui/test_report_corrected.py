"""A report after a reader's correction: nothing in it rests on what no longer stands."""

from pathlib import Path

import numpy as np
from langchain_core.messages import AIMessage

from graphs.conversation import Conversation
from tests.graphs.scripted import call, home
from tests.graphs.test_guideline_turn import GRID, LOOK, reading, scripted
from ui.report.content import report
from ui.report.html import html


def test_measurements_and_differential_are_those_that_stand(tmp_path: Path) -> None:
    said = AIMessage("The spleen measures 640 mL (467 to 832) [E3].")
    joined = scripted(*LOOK, call("guideline", image="I1", measurement="E3"), said)
    with Conversation.start(home(tmp_path), joined, lambda blobs: reading(20, blobs), {}) as conversation:
        conversation.ask("Is the spleen enlarged?")
        before = report(conversation.trace.file)
        smaller = np.zeros(GRID, bool)
        smaller[5:15, 5:15, 5:15] = True
        conversation.correct("E2", smaller, by="a reader", key=home(tmp_path).signing_key, reason="drawn too wide")
        after = report(conversation.trace.file)
    assert [(one.name, one.verdict) for one in before.differential] == [("splenomegaly", "met")]
    assert [(one.name, one.verdict) for one in after.differential] == [("splenomegaly", "not met")]
    assert "640" in {row.value for row in before.measurements}
    assert "640" not in {row.value for row in after.measurements}
    assert "80.0" in {row.value for row in after.measurements}
    assert after.corrections[0].startswith("E2 was replaced by E")
    assert after.corrections[0].endswith("by a reader (drawn too wide).")
    assert [turn.revised for turn in after.turns] == [True]
    document = html(after)
    assert "640" not in document
    assert "revised after a correction" in document
    assert len(after.pictures) == len(before.pictures) == 1
    assert before.pictures[0].png != after.pictures[0].png
