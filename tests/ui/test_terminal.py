"""What a person at a terminal sees of a turn as it runs."""

from io import StringIO
from types import SimpleNamespace

from rich.console import Console

from knowledge.evidence import Region
from ui.terminal import Terminal


def shown(*updates: dict, terminal: bool = True) -> str:
    person = Terminal()
    person.err = Console(file=StringIO(), force_terminal=terminal, width=100, color_system=None, highlight=False)
    for update in updates:
        person.progress(update)
    return person.err.file.getvalue()


def slices(done: int, known: int) -> dict:
    return {"type": "slices", "done": done, "known": known}


def test_slices_are_a_bar_that_grows_in_place() -> None:
    first, second, rest = shown(slices(8, 32), slices(32, 32)).replace("\n", "\r").split("\r")
    assert first.split() == ["━" * 10 + "·" * 30, "8", "of", "32", "slices"]
    assert second.split() == ["━" * 40, "32", "of", "32", "slices"]
    assert not rest


def test_a_log_has_no_bars() -> None:
    assert not shown(slices(8, 32), terminal=False)


def test_many_boxes_are_told_by_their_number() -> None:
    boxes = [Region(id=f"E{at}", image="I1", target="platelet", box=(at, 0, at + 9, 9)) for at in range(1, 6)]
    one = Region(id="E9", image="I1", target="white blood cell", box=(1, 2, 3, 4))

    ended = SimpleNamespace(refused=None, fault=None, evidence=[*boxes, one], seconds=0.1)
    said = shown({"type": "tool_finished", "event": ended})
    assert "5 boxes of the platelet; box of the white blood cell at 1, 2, 3, 4" in said
    assert said.count("platelet") == 1
