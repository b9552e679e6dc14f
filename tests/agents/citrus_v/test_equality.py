"""Our model computes what the published code recorded, in float32 on the CPU."""

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from agents.citrus_v.check import check, compare
from agents.citrus_v.files import CheckpointError
from agents.citrus_v.model import CitrusV
from agents.citrus_v.pictures import Picture
from agents.citrus_v.processor import MAX_PIXELS, MIN_PIXELS
from tests.shared import shared


@pytest.fixture(scope="module")
def golden():
    return shared("reference", "citrus_v", "golden_tiny")


@pytest.fixture(scope="module")
def report(golden):
    return check(golden, golden / "golden.safetensors")


def test_everything_recorded_is_equal(report):
    differences = {comparison.name: comparison.difference for comparison in report.comparisons}
    assert len(differences) == 12
    assert not report.not_compared
    for name in ("image_embeds", "logits", "last_hidden_state", "sam_pixel_values_corner"):
        assert differences[name] <= 1e-4, name
    for name in (
        "seg_prompt_embeds",
        "iou_scores",
        "object_score_logits",
        "sam_image_embedding",
        "low_res_mask_logits",
        "multimask_logits_corner",
    ):
        assert differences[name] <= 1e-3, name
    assert differences["mask_disagreement"] <= 0.001
    assert differences["greedy_ids"] == 0
    assert report.passed


def test_the_processor_makes_the_recorded_patches(golden):

    recorded = load_file(golden / "golden.safetensors")
    picture = Picture.from_array(np.asarray(Image.open(golden / "image.png").convert("RGB")))
    patcher = Qwen2VLImageProcessorPil(min_pixels=MIN_PIXELS, max_pixels=MAX_PIXELS)
    cut = patcher(picture.pixels, return_tensors="pt", input_data_format="channels_last")
    assert torch.equal(cut["image_grid_thw"], recorded["image_grid_thw"])
    torch.testing.assert_close(cut["pixel_values"], recorded["pixel_values"], atol=1e-5, rtol=0)


def test_another_model_does_not_pass(golden):
    """The comparison can fail: one weight changed by a hundredth is seen."""
    model = CitrusV.from_pretrained(golden)
    with torch.no_grad():
        model.mllm.model.visual.merger.ln_q.weight.add_(0.01)
    changed = compare(model, load_file(golden / "golden.safetensors"), None)
    assert not changed.passed
    failed = {comparison.name for comparison in changed.comparisons if not comparison.passed}
    assert {"image_embeds", "logits", "last_hidden_state"} <= failed
    assert "iou_scores" in changed.not_compared


def test_an_incomplete_recording_does_not_pass(golden, tmp_path):
    recorded = load_file(golden / "golden.safetensors")
    del recorded["logits"]
    save_file(recorded, tmp_path / "golden.safetensors")
    partial = check(golden, tmp_path / "golden.safetensors")
    assert "logits" in partial.not_compared
    assert not partial.passed
    del recorded["prompt_ids"]
    save_file(recorded, tmp_path / "golden.safetensors")
    with pytest.raises(CheckpointError, match="prompt_ids"):
        check(golden, tmp_path / "golden.safetensors")
