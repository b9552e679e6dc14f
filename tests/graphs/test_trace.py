"""A trace shows every change: each test makes one and expects it to be found."""

import json
from pathlib import Path

import pytest

from graphs.events import Asked
from graphs.trace import GENESIS, Trace, TraceError, read_trace, verify_trace


@pytest.fixture
def file(tmp_path: Path) -> Path:
    with Trace(tmp_path) as trace:
        for turn in range(1, 8):
            trace.append(Asked(turn=turn, question=f"question {turn}"))
        return trace.file


def rewrite(file: Path, lines: list[bytes]) -> None:
    file.write_bytes(b"".join(line + b"\n" for line in lines))


def test_intact(file: Path) -> None:
    found = verify_trace(file)
    assert (found.events, found.interrupted) == (7, False)
    assert verify_trace(file, found.head) == found


@pytest.mark.parametrize("line", range(7))
def test_every_changed_byte_is_found(file: Path, line: int) -> None:
    lines = file.read_bytes().splitlines()
    original = lines[line]
    for at in range(len(original)):
        changed = bytearray(original)
        changed[at] ^= 1
        rewrite(file, [*lines[:line], bytes(changed), *lines[line + 1 :]])
        with pytest.raises(TraceError):
            verify_trace(file)


@pytest.mark.parametrize("line", range(7))
def test_deleted_line(file: Path, line: int) -> None:
    lines = file.read_bytes().splitlines()
    rewrite(file, lines[:line] + lines[line + 1 :])
    with pytest.raises(TraceError):
        verify_trace(file)


@pytest.mark.parametrize("line", range(6))
def test_swapped_pair(file: Path, line: int) -> None:
    lines = file.read_bytes().splitlines()
    lines[line], lines[line + 1] = lines[line + 1], lines[line]
    rewrite(file, lines)
    with pytest.raises(TraceError):
        verify_trace(file)


def test_every_cut_tail_is_found(file: Path) -> None:
    data = file.read_bytes()
    head = verify_trace(file).head
    for size in range(len(data)):
        file.write_bytes(data[:size])
        with pytest.raises(TraceError):
            verify_trace(file)
        with pytest.raises(TraceError):
            verify_trace(file, head)


def test_added_line(file: Path) -> None:
    head = verify_trace(file).head
    with Trace(file.parent) as trace:
        trace.append(Asked(turn=8, question="late"))
    with pytest.raises(TraceError):
        verify_trace(file, head)


def test_rewritten_chain_is_found_by_the_printed_head(file: Path, tmp_path: Path) -> None:
    head = verify_trace(file).head
    with Trace(tmp_path / "forged") as forged:
        for turn in range(1, 8):
            forged.append(Asked(turn=turn, question="another question"))
    file.write_bytes(forged.file.read_bytes())
    (file.parent / "head").write_bytes((tmp_path / "forged" / "head").read_bytes())
    assert verify_trace(file).events == 7
    with pytest.raises(TraceError):
        verify_trace(file, head)


def test_torn_write_is_an_interruption_and_is_cut_off(file: Path) -> None:
    with file.open("ab") as out:
        out.write(b'{"event":{"type":"asked"')
    assert verify_trace(file).interrupted
    with Trace(file.parent) as trace:
        assert trace.torn == 24
        trace.append(Asked(turn=8, question="next"))
    assert len(read_trace(file)) == 8


def test_head_written_before_a_kill_lags_by_one(file: Path) -> None:
    hashes = [entry.hash for entry in read_trace(file)]
    (file.parent / "head").write_text(hashes[-2])
    assert verify_trace(file).events == 7
    (file.parent / "head").write_text(GENESIS)
    with pytest.raises(TraceError):
        verify_trace(file)


def test_one_process_at_a_time(file: Path) -> None:
    with Trace(file.parent), pytest.raises(TraceError, match="another process"):
        Trace(file.parent)


def test_cut_tail_is_not_continued(file: Path) -> None:
    lines = file.read_bytes().splitlines()
    rewrite(file, lines[:-1])
    with pytest.raises(TraceError, match="will not be continued"):
        Trace(file.parent)


def test_lines_are_json_with_the_hash_of_the_line_before(file: Path) -> None:
    import hashlib

    prev = GENESIS
    for line in file.read_bytes().splitlines():
        assert json.loads(line)["prev"] == prev
        prev = hashlib.sha256(line).hexdigest()
