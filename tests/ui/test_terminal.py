"""What a person at a terminal sees of a turn as it runs."""

from io import StringIO

from rich.console import Console

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
