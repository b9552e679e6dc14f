"""Where a report can come from: a file, standard input, an answer as JSON, a trace, its folder or its id."""

import io
import json
from pathlib import Path

import pytest

from graphs.events import Answered, Opened
from graphs.report_check import ReportError
from graphs.report_text import read_report
from graphs.trace import Trace

TEXT = "No pneumothorax."


def read(source: object, stdin: bytes = b"") -> str:
    return read_report(str(source), io.BytesIO(stdin))


@pytest.fixture
def conversation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kept conversation with two answers."""
    monkeypatch.setenv("CITRUS_HOME", str(tmp_path))
    folder = tmp_path / "conversations" / "some-talk"
    opened = Opened(
        conversation="some-talk", versions={}, reasoner={}, tools={}, backends={}, library=None, settings={}, seed=0
    )
    with Trace(folder) as trace:
        trace.append(opened)
        for turn, answer in enumerate(("The heart is large [E1].", "No effusion [E2]."), 1):
            trace.append(Answered(turn=turn, answer=answer, claims=(), withheld=()))
    return folder


def test_text_from_a_file_and_from_standard_input(tmp_path: Path) -> None:
    file = tmp_path / "report.txt"
    file.write_text("\ufeff" + TEXT, encoding="utf-8")
    assert read(file) == TEXT
    assert read("-", TEXT.encode()) == TEXT


def test_the_answer_out_of_json(tmp_path: Path) -> None:
    file = tmp_path / "answer.json"
    file.write_text(json.dumps({"answer": TEXT, "claims": []}, indent=2))
    assert read(file) == TEXT
    assert read("-", b"{findings} none") == "{findings} none"


def test_the_last_answer_of_a_trace_by_file_folder_and_id(conversation: Path) -> None:
    for source in (conversation / "trace.jsonl", conversation, "some-talk"):
        assert read(source) == "No effusion [E2]."


def test_a_changed_trace_is_not_believed(conversation: Path) -> None:
    file = conversation / "trace.jsonl"
    file.write_bytes(file.read_bytes().replace(b"large", b"small"))
    with pytest.raises(ReportError, match="line 3"):
        read(file)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b'{"score": 1}', "answer"),
        (b'{"answer": 3}', "answer"),
        (b"a" * 1_700_000, "bytes"),
        (b'{"event":1}\n', "trace event"),
    ],
)
def test_what_is_no_report_is_refused_by_name(tmp_path: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "report.txt"
    file.write_bytes(content)
    with pytest.raises(ReportError, match=reason) as refused:
        read(file)
    assert "report.txt" in str(refused.value)


def test_what_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITRUS_HOME", str(tmp_path))
    with pytest.raises(ReportError, match="nowhere"):
        read("nowhere")
    with pytest.raises(ReportError, match=r"x/\.\./y"):
        read("x/../y")
    with pytest.raises(ReportError, match="cannot be read"):
        read(tmp_path)
