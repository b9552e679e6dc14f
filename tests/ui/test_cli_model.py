"""`citrus model`: what it prints is what is so, and its exit says whether the checkpoint is good."""

import json
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from agents.citrus_v.files import fingerprint
from tests.agents.citrus_v import tiny
from tests.shared import shared
from ui.cli import app

RUN = CliRunner()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random checkpoint in the published layout, with its tokenizer."""
    path = tmp_path_factory.mktemp("checkpoint")
    tiny.write_published(tiny.model(), path)
    tiny.tokenizer().save_pretrained(path)
    return path


def run(*arguments: object) -> tuple[int, str]:
    result = RUN.invoke(app, ["model", *map(str, arguments)])
    # Progress bars go to standard error, beside the one JSON object.
    return result.exit_code, result.stdout if "--json" in arguments else result.output


def test_info_tells_what_is_there(folder: Path) -> None:
    code, output = run("info", folder, "--json")
    facts = json.loads(output)
    assert code == 0
    assert (facts["layout"], facts["layers"], facts["seg_token"]) == ("published", 2, tiny.SEG)
    assert facts["left_out"] == 2
    assert facts["precisions"] == {"F32": facts["tensors"]}
    code, words = run("info", folder)
    assert code == 0
    assert f"{facts['parameters']:,}" in words


def test_convert_writes_our_own_layout_which_is_the_same_model(folder: Path, tmp_path: Path) -> None:
    code, output = run("convert", folder, tmp_path / "own", "--json")
    facts = json.loads(output)
    assert code == 0
    assert (facts["layout"], facts["left_out"]) == ("own", 0)
    assert run("check", tmp_path / "own")[0] == 0
    code, output = run("convert", folder, tmp_path / "own")
    assert code == 2
    assert "is there already" in output


def test_check_without_a_recording_says_that_nothing_was_compared(folder: Path) -> None:
    code, output = run("check", folder)
    assert code == 0
    assert "nothing was compared" in output
    assert json.loads(run("check", folder, "--json")[1])["weights"] == fingerprint(folder)


def test_check_against_a_recording_passes_and_fails(tmp_path: Path) -> None:
    golden = shared("reference", "citrus_v", "golden_tiny")
    code, output = run("check", golden, "--golden", golden / "golden.safetensors", "--json")
    report = json.loads(output)
    assert code == 0
    assert report["passed"] is True
    assert {"logits", "mask_disagreement", "greedy_ids"} <= {each["name"] for each in report["comparisons"]}

    changed = load_file(golden / "golden.safetensors")
    changed["logits"] = changed["logits"] + 0.01
    save_file(changed, tmp_path / "golden.safetensors")
    code, output = run("check", golden, "--golden", tmp_path / "golden.safetensors")
    assert code == 1
    assert "FAIL  logits" in output
    assert re.search(r"FAIL  iou_scores +could not be compared", output)  # there is no image.png
    assert "pass  image_embeds" in output
    assert output.rstrip().endswith("FAIL: not equal to the recording")


def test_what_is_no_checkpoint_is_said(tmp_path: Path) -> None:
    for command in ("info", "check", "bench"):
        code, output = run(command, tmp_path)
        assert code == 2
        assert "config.json" in output or "processor" in output or "tokenizer" in output.lower()
        assert "Traceback" not in output


def test_bench_measures(folder: Path) -> None:
    code, output = run("bench", folder, "--device", "cpu", "--tokens", 4, "--json")
    assert code == 0
    speed = json.loads(output)
    numbers = {name: value for name, value in speed.items() if isinstance(value, int | float)}
    assert all(value > 0 for value in numbers.values())
    model = tiny.model()
    assert speed["weight_bytes"] == sum(
        weight.numel() * 4
        for name, weight in model.named_parameters()
        if name.startswith(("mllm.model.language_model.layers", "mllm.model.language_model.norm", "mllm.lm_head"))
    )
    limit = speed["copy_bandwidth"] / speed["weight_bytes"]
    assert speed["bandwidth_ratio"] == pytest.approx(speed["decode_tokens_per_second"] / limit)
    assert speed["new_tokens"] < speed["prompt_tokens"]
    assert speed["precision"] == str(torch.float32).removeprefix("torch.")
    assert "tokens/s" in run("bench", folder, "--device", "cpu", "--tokens", 4)[1]
