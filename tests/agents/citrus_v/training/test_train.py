"""Training from a recipe to a checkpoint: what is frozen stays, a kill costs little, the result opens."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from agents.citrus_v.pictures import Picture
from agents.citrus_v.reader import Reader, Turn
from agents.citrus_v.training.engine import Engine, freeze, metrics, rate_at
from agents.citrus_v.training.folders import FolderError, read
from agents.citrus_v.training.leaks import refuse_leaks
from agents.citrus_v.training.objectives import Learner
from agents.citrus_v.training.recipe import Recipe, RecipeError, Stage
from agents.citrus_v.training.train import Feed, begin, train
from tests.agents.citrus_v.training.small import RECIPE, folders
from ui.cli import app


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return folders(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> Recipe:
    file = tmp_path_factory.mktemp("recipe") / "small.toml"
    file.write_text(RECIPE, encoding="utf-8")
    return Recipe.read(file)


@pytest.fixture(scope="module")
def trained(recipe, data, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("out")
    assert train(recipe, data, out) == out / "checkpoint"
    return out


def test_the_checkpoint_opens_and_answers_like_any_other(trained) -> None:
    reader = Reader.from_pretrained(trained / "checkpoint")
    picture = Picture.from_array(torch.zeros(64, 80, 3, dtype=torch.uint8).numpy())
    reply = reader.read([Turn.ask("Segment the brain tumour.", picture)], 8)[0]
    assert reply.ids


def test_every_stage_tells_its_losses(trained, recipe) -> None:
    told = {line["stage"]: line for line in metrics(trained)}
    assert list(told) == [stage.name for stage in recipe.stages]
    assert {"mask", "dice", "iou", "presence", "dense"} <= set(told["segmenter"])
    assert {"language", "prompt"} <= set(told["instruction"])
    assert {"mask", "dice", "language"} <= set(told["segmentation"])


def test_a_stage_changes_what_it_trains_and_nothing_else(trained) -> None:
    before = load_file(trained / "words" / "average.safetensors")
    after = load_file(trained / "instruction" / "average.safetensors")
    changed = {name.split(".")[1] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"mllm", "projector"}
    last = load_file(trained / "segmentation" / "average.safetensors")
    changed = {".".join(name.split(".")[1:3]) for name in after if not torch.equal(after[name], last[name])}
    assert changed <= {"projector.linear1", "projector.linear2", "segmenter.mask_decoder"}
    assert "segmenter.mask_decoder" in changed


class Killed(Exception):  # noqa: N818 - as a signal would
    pass


def test_a_killed_stage_goes_on_to_the_same_weights(recipe, data, trained, tmp_path) -> None:
    torch.manual_seed(recipe.seed)
    stage = recipe.stages[0]

    def engine() -> tuple[Engine, Feed]:
        torch.manual_seed(recipe.seed)
        model, processor = begin(recipe.model, data / "text", tmp_path)
        return Engine(Learner(model), recipe, tmp_path), Feed(recipe, processor, model.config, data)

    first, feed = engine()
    batch = feed.of(stage)

    def dying(step: int, size: int):
        if step == 3:
            raise Killed
        return batch(step, size)

    with pytest.raises(Killed):
        first.run(stage, dying)
    assert not first.done(stage)
    second, feed = engine()
    asked = []
    batch = feed.of(stage)
    second.run(stage, lambda step, size: asked.append(step) or batch(step, size))
    assert asked == [2, 3]  # save_every is 2
    whole, resumed = (load_file(folder / stage.name / "average.safetensors") for folder in (trained, tmp_path))
    assert all(torch.allclose(whole[name], resumed[name], atol=1e-5) for name in whole)


def test_stages_that_have_ended_are_not_run_again(recipe, data, trained) -> None:
    before = (trained / "metrics.jsonl").read_text()
    train(recipe, data, trained)
    assert (trained / "metrics.jsonl").read_text() == before


def test_a_stage_alone_needs_those_before_it(recipe, data, tmp_path) -> None:
    with pytest.raises(ValueError, match="comes after segmenter"):
        train(recipe, data, tmp_path, only="words")
    with pytest.raises(RecipeError, match="there is no stage polish; stages are segmenter, words"):
        train(recipe, data, tmp_path, only="polish")


def test_a_stage_that_trains_what_is_not_there_is_refused(recipe, data, tmp_path) -> None:
    model, _ = begin(recipe.model, data / "text", tmp_path)
    stage = recipe.stages[0].model_copy(update={"trains": ("model.segmenter", "model.memory")})
    with pytest.raises(ValueError, match=r"trains model\.memory, which the model does not have"):
        freeze(Learner(model), stage)


def test_the_rate_rises_and_falls() -> None:
    stage = Stage(name="s", objective="masks", trains=("a",), phases=({"steps": 100, "batch": 1},), rate=1.0, warmup=10)
    rates = [rate_at(stage, step) for step in range(100)]
    assert rates.index(max(rates)) in (9, 10)
    assert rates[0] == pytest.approx(0.1, rel=1e-2)
    assert rates[-1] == pytest.approx(0.02, abs=2e-3)


def test_a_picture_in_two_splits_is_refused(data) -> None:
    examples = list(read(data, "train"))
    refuse_leaks(examples, read(data, "dev"))
    with pytest.raises(ValueError, match="held-out pictures are in the training split"):
        refuse_leaks(examples, examples[:2])


def test_a_broken_row_names_file_and_line(data, tmp_path) -> None:
    broken = tmp_path / "cardiac_mri"
    broken.mkdir()
    (broken / "index.jsonl").write_text('{"id": "a", "split": "train", "image": "i.png", "mask": "../../m.png"}\n')
    with pytest.raises(FolderError, match=r"index.jsonl line 1: .*leads out of "):
        list(read(tmp_path))
    (broken / "index.jsonl").write_text("[]\n")
    with pytest.raises(FolderError, match="line 1: not an object"):
        list(read(tmp_path))


def test_the_command_says_what_is_wrong(tmp_path) -> None:
    run = CliRunner().invoke(app, ["train", "giant", "--data", str(tmp_path), "--out", str(tmp_path / "out")])
    assert run.exit_code == 2
    assert "there is no recipe" in run.output
    assert "nano" in run.output


def test_the_command_trains_measures_and_tells_how_to_use_it(recipe, data, tmp_path) -> None:
    file = tmp_path / "small.toml"
    file.write_text(RECIPE, encoding="utf-8")
    run = CliRunner().invoke(app, ["train", str(file), "--data", str(data), "--out", str(tmp_path / "out")])
    assert run.exit_code == 0, run.output
    assert "CITRUS_MODEL=" in run.output
    assert (tmp_path / "out" / "metrics.png").is_file()
    assert (tmp_path / "out" / "checkpoint" / "abilities.json").is_file()


def test_the_baseline_trains_on_the_same_pictures_and_is_measured_beside(recipe, data, trained, tmp_path) -> None:
    file = tmp_path / "small.toml"
    file.write_text(RECIPE, encoding="utf-8")
    unet = tmp_path / "unet.safetensors"
    run = CliRunner().invoke(
        app, ["train", str(file), "--data", str(data), "--out", str(tmp_path / "out"), "--baseline", str(unet)]
    )
    assert run.exit_code == 0, run.output
    measured = ["evaluate", "--data", str(data), "--split", "dev", "--model", str(trained / "checkpoint")]
    run = CliRunner().invoke(app, [*measured, "--baseline", str(unet)])
    assert run.exit_code == 0, run.output
    assert "MONAI U-Net" in run.output
    run = CliRunner().invoke(app, [*measured, "--json"])
    assert set(json.loads(run.output)["brain_mri"]["dice"]) == {"value", "low", "high", "n"}


def test_several_processes_train_on_parts_of_each_batch(data, tmp_path) -> None:
    file = tmp_path / "small.toml"
    file.write_text(RECIPE, encoding="utf-8")
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "ui.cli"]
    command = [*launch, "train", str(file), "--data", str(data), "--out", str(tmp_path / "out"), "--no-calibrate"]
    run = subprocess.run(
        command, check=False, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    assert run.returncode == 0, run.stderr[-3000:]
    told = [(line["stage"], line["step"]) for line in metrics(tmp_path / "out")]
    assert len(told) == len(set(told)), "one process alone writes the losses"
    assert (tmp_path / "out" / "checkpoint" / "config.json").is_file()
