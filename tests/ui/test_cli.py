"""The command as a person types it: what it prints, and how it exits."""

import json
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from ui.cli import BAD_INPUT, app

runner = CliRunner()


def citrus(*arguments: object) -> Result:
    return runner.invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CITRUS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def film(tmp_path: Path) -> Path:
    file = tmp_path / "film.png"
    Image.linear_gradient("L").save(file)
    return file


def test_ask_json_is_one_object_whose_trace_verifies_replays_and_exports(film: Path, tmp_path: Path) -> None:
    asked = citrus("ask", film, "-q", "What kind of image is this?", "--modality", "DX", "--json")
    assert asked.exit_code == 0, asked.output
    report = json.loads(asked.stdout)
    assert {"answer", "claims", "evidence", "steps", "withheld", "trace", "head"} <= report.keys()
    assert all(claim["verdict"] == "supported" for claim in report["claims"])
    ids = {item["id"] for item in report["evidence"]}
    assert all(identifier in ids for claim in report["claims"] for identifier in claim["evidence"])
    assert [step["tool"] for step in report["steps"]] == ["inspect_image"]
    trace, head = report["trace"], report["head"]
    assert citrus("trace", "verify", trace, "--head", head).exit_code == 0
    assert citrus("trace", "verify", trace, "--head", "0" * 64).exit_code == 1
    assert citrus("trace", "verify", report["conversation"]).exit_code == 0
    assert report["answer"].splitlines()[0] in citrus("trace", "replay", trace).stdout
    assert citrus("trace", "rerun", trace).exit_code == 0
    assert "inspect_image" in citrus("trace", "show", trace).stdout
    exported = tmp_path / "case.jsonl"
    assert citrus("trace", "export", trace, "-o", exported).exit_code == 0
    assert citrus("trace", "verify", exported).exit_code == 0
    assert citrus("trace", "replay", exported).exit_code == 0
    assert citrus("trace", "export", trace, "-o", exported).exit_code == BAD_INPUT
    Path(trace).write_bytes(Path(trace).read_bytes().replace(b"inspect", b"Inspect", 1))
    changed = citrus("trace", "verify", trace)
    assert changed.exit_code == 1
    assert "NOT INTACT" in changed.stderr


def test_spacing_from_the_person_is_said_to_be_theirs(film: Path) -> None:
    asked = citrus("ask", film, "-q", "What is the pixel spacing?", "--spacing", "0.2,0.2", "--json")
    assert asked.exit_code == 0
    report = json.loads(asked.stdout)
    facts = next(item for item in report["evidence"] if item["kind"] == "image_facts")["facts"]
    assert facts["spacing"][1] == "user"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--spacing", "0.2"), "--spacing"),
        (("--spacing", "0,0"), "between"),
        (("--spacing", "nan,1"), "between"),
        (("--modality", "XX"), "--modality XX"),
        (("--age", "400"), "--age"),
        (("--reasoner", "oracle"), "oracle"),
    ],
)
def test_bad_options_are_named(film: Path, options: tuple[str, str], words: str) -> None:
    asked = citrus("ask", film, "-q", "What is this?", *options)
    assert asked.exit_code == BAD_INPUT
    assert words in asked.stderr


@pytest.mark.parametrize("question", ["", "   ", "x" * 9000])
def test_a_question_has_words_and_an_end(film: Path, question: str) -> None:
    assert citrus("ask", film, "-q", question).exit_code == BAD_INPUT


def test_files_that_do_not_open_are_named_and_the_rest_opens(film: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(film.read_bytes()[:40])
    missing = tmp_path / "missing.nii.gz"
    asked = citrus("ask", film, broken, missing, "-q", "What is this?", "--json")
    assert asked.exit_code == 0
    for file in (broken, missing):
        assert file.name in asked.stderr
    report = json.loads(asked.stdout)
    assert len(report["problems"]) == 2
    assert "broken" not in json.dumps(report["problems"])
    nothing = citrus("ask", broken, "-q", "What is this?")
    assert nothing.exit_code == BAD_INPUT
    assert broken.name in nothing.stderr


def test_remote_without_settings_says_what_is_missing(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CITRUS_REMOTE_BASE_URL", "CITRUS_REMOTE_MODEL"):
        monkeypatch.delenv(name, raising=False)
    asked = citrus("ask", film, "-q", "What is this?", "--reasoner", "remote")
    assert asked.exit_code == BAD_INPUT
    assert "CITRUS_REMOTE_MODEL" in asked.stderr


def test_chat_goes_on_until_an_empty_line_and_resumes(film: Path) -> None:
    talked = runner.invoke(app, ["chat", str(film)], input="What kind of image is this?\nhow big is the liver?\n\n")
    assert talked.exit_code == 0, talked.output
    assert talked.stdout.count("This is decision support") == 2
    identifier = talked.stdout.split("citrus resume ")[-1].split()[0]
    again = runner.invoke(app, ["resume", identifier], input="What kind of image is this?\n\n")
    assert again.exit_code == 0, again.output
    assert again.stdout.count("This is decision support") == 1


@pytest.mark.parametrize("identifier", ["20200101-000000-00", "../../etc", "/etc/passwd"])
def test_resume_takes_ids_only(identifier: str) -> None:
    assert citrus("resume", identifier).exit_code == BAD_INPUT


def test_verify_of_what_is_no_trace(tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text("{}\n")
    for file in (other, tmp_path / "none", tmp_path):
        assert citrus("trace", "verify", file).exit_code == 1


def test_knowledge_search() -> None:
    found = citrus("knowledge", "search", "follow-up of a 7 mm solid nodule", "--json", "-k", "3")
    assert found.exit_code == 0
    cards = json.loads(found.stdout)
    assert len(cards) == 3
    assert any("nodule" in card["title"].lower() for card in cards)
    assert citrus("knowledge", "search", "x", "--modality", "nonsense").exit_code == BAD_INPUT


def test_tools_list_check_and_new(tmp_path: Path) -> None:
    listed = citrus("tools", "list")
    assert listed.exit_code == 0
    assert all(name in listed.stdout for name in ("inspect_image", "segment", "ground", "measure", "retrieve"))
    assert citrus("tools", "check", "no_such_tool").exit_code == BAD_INPUT
    assert citrus("tools", "check", "ground").exit_code == 0
    made = citrus("tools", "new", "count_stones", "--folder", tmp_path)
    assert made.exit_code == 0, made.output
    assert list(tmp_path.rglob("count_stones.py"))
    assert citrus("tools", "new", "count_stones", "--folder", tmp_path).exit_code == BAD_INPUT
    assert citrus("tools", "new", "../evil", "--folder", tmp_path).exit_code == BAD_INPUT
