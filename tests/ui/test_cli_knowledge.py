"""`citrus knowledge` as a person types it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.knowledge.documents.files import JATS, MARKDOWN, medquad
from ui.cli import app


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CITRUS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")

    def call(*words: object) -> Result:
        return CliRunner().invoke(app, ["knowledge", *map(str, words)])

    return call


def test_documents_are_added_found_listed_and_removed(tmp_path: Path, run) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "spleen.md").write_text(MARKDOWN)
    (folder / "zebra.nxml").write_text(JATS)
    (folder / "broken.xml").write_text("<article>")

    added = run("add", folder, "--modality", "ct")
    assert added.exit_code == 2 and "broken.xml: not well-formed" in added.stderr
    assert "spleen.md: added; 2 excerpts; Local spleen guide, County Radiology 2022; internal use" in added.stderr
    again = run("add", folder / "spleen.md", "--modality", "CT")
    assert again.exit_code == 0 and "there already" in again.stderr

    found = run("search", "when is the splenic index reported", "-k", "1", "--json")
    (row,) = json.loads(found.stdout)
    assert row["text"] == "Report the splenic index." and row["locator"] == "spleen.md, section Reporting"
    shown = run("search", "nodules of the zebra lung", "--source", "Striped Lungs")
    assert "Journal of Striped Lungs 2020, zebra.nxml" in " ".join(shown.stdout.split())

    listed = run("list")
    assert "Local spleen guide" in listed.stdout and "internal use" in listed.stdout
    rows = json.loads(run("list", "--json").stdout)
    assert [(row["name"], row["searchable"] == row["excerpts"], row["modality"]) for row in rows] == [
        ("spleen.md", True, ["CT"]),
        ("zebra.nxml", True, ["CT"]),
    ]

    assert run("remove", "spleen.md").exit_code == 0
    assert run("remove", rows[1]["id"]).exit_code == 0
    assert "No documents yet" in run("list").stdout
    assert json.loads(run("search", "splenic index", "--source", "documents", "--json").stdout) == []


def test_two_documents_of_one_name_are_told_apart_by_id(tmp_path: Path, run) -> None:
    for folder, rows in (("a", [{"question": "q", "answer": "one"}]), ("b", [{"question": "q", "answer": "two"}])):
        (tmp_path / folder).mkdir()
        medquad(tmp_path / folder / "m.jsonl", rows)
        assert run("add", tmp_path / folder).exit_code == 0
    refused = run("remove", "m.jsonl")
    assert refused.exit_code == 2 and "say which by its id" in refused.stderr
    assert len(json.loads(run("list", "--json").stdout)) == 2


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("add", "absent.pdf"), "no such file"),
        (("add", "a.md", "--modality", "XRAY"), "not a DICOM modality"),
        (("add", "a.md", "--doi", "nonsense"), "not a DOI"),
        (("add", "a.md", "--url", "javascript:alert(1)"), "not an address"),
        (("add", "a.md", "b.md", "--title", "Both"), "of one document"),
        (("remove", "nothing"), "no document of this id or name"),
        (("search", "lung", "--modality", "XRAY"), "not a DICOM modality"),
        (("check", "absent"), "no such folder"),
    ],
)
def test_what_is_wrong_is_said(
    tmp_path: Path, run, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.md", "b.md"):
        (tmp_path / name).write_text("words")
    result = run(*words)
    assert result.exit_code == 2 and reason in result.stderr
    assert not (tmp_path / "home" / "documents.sqlite").exists()


def test_check_names_every_fault(tmp_path: Path, run) -> None:
    sound = run("check")
    assert sound.exit_code == 0 and "all sound" in sound.stdout
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / "a.json").write_text(json.dumps([{"id": "Bad Id"}, {"id": "other"}]))
    faulty = run("check", tmp_path / "cards")
    assert faulty.exit_code == 1
    assert "a.json: Bad Id: id:" in faulty.stderr and "a.json: other: text: Field required" in faulty.stderr


def test_a_file_that_is_no_store_is_named(tmp_path: Path, run) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "documents.sqlite").write_bytes(b"not a database")
    result = run("list")
    assert result.exit_code == 2 and "documents.sqlite" in result.stderr
