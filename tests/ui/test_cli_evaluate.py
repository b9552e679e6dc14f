"""`citrus evaluate report` as a person types it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ui.cli import BAD_INPUT, app

runner = CliRunner()


def evaluate(*arguments: object, stdin: str | None = None) -> Result:
    return runner.invoke(app, ["evaluate", "report", *map(str, arguments)], input=stdin)


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    file = tmp_path / "reference.txt"
    file.write_text("Small left pleural effusion. No pneumothorax [sic].")
    return file


def test_it_shows_criteria_evidence_steps_and_score(reference: Path, tmp_path: Path) -> None:
    candidate = tmp_path / "candidate.txt"
    candidate.write_text("Small right pleural effusion. No pneumothorax.")
    shown = evaluate(candidate, reference)
    assert shown.exit_code == 0, shown.output
    assert "the side is right, not left" in shown.stdout
    assert "Consistency 0.70" in shown.stdout
    assert "A qualified reader must" in shown.stdout
    assert "[sic]" in shown.stdout


def test_json_holds_the_whole_check(reference: Path) -> None:
    shown = evaluate("-", reference, "--json", stdin="No pneumothorax. Left effusion, small.")
    assert shown.exit_code == 0, shown.output
    check = json.loads(shown.stdout)
    assert check["score"] == 1
    assert {"reference", "candidate", "alignments", "coverage", "steps"} <= check.keys()
    assert check["reference"][0]["evidence"][0]["text"] == "Small left pleural effusion"


def test_an_answer_of_ours_can_be_the_candidate(reference: Path, tmp_path: Path) -> None:
    answer = tmp_path / "answer.json"
    answer.write_text(json.dumps({"answer": "A small left pleural effusion [E1]. No pneumothorax [E2]."}))
    assert "Consistency 1.00" in evaluate(answer, reference).stdout


def test_bad_input_names_the_file(reference: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.txt"
    empty.touch()
    for arguments, named in (
        ((tmp_path / "nowhere.txt", reference), "nowhere.txt"),
        ((empty, reference), "empty.txt"),
        (("-", "-"), "standard input"),
    ):
        refused = evaluate(*arguments, stdin="")
        assert refused.exit_code == BAD_INPUT
        assert named in refused.output
    greeting = tmp_path / "greeting.txt"
    greeting.write_text("Hello there")
    refused = evaluate(reference, greeting)
    assert refused.exit_code == BAD_INPUT
    assert "reference" in refused.output
