"""Labelled folders small enough to train on in a test: bright blobs on dark pictures."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
from PIL import Image


def disc(size: int, x: float, y: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:size, :size]
    return (rows - y) ** 2 + (columns - x) ** 2 <= radius**2


def folders(root: Path, count: int = 6) -> Path:
    """Every known folder, `count` pictures each, the last of them in dev, and a text folder."""
    random = np.random.default_rng(7)
    kinds = ["meningioma", "glioma", "pituitary"]
    rows: dict[str, list[dict]] = {}

    def keep(folder: str, index: int, **row) -> None:
        split = "dev" if index == count - 1 else "train"
        rows.setdefault(folder, []).append({"id": f"{folder}/{index}", "split": split, **row})

    def write(folder: str, name: str, pixels: np.ndarray) -> str:
        path = root / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
        return name

    def picture(inside: np.ndarray) -> np.ndarray:
        noise = random.integers(0, 60, inside.shape)
        return np.where(inside, 200, noise).astype(np.uint8)

    for index in range(count):
        x, y = random.uniform(20, 44, 2)
        one = disc(64, x, y, 9)
        for folder, extra in (
            ("brain_mri", {"label": kinds[index % 3]}),
            ("cardiac_mri", {"patient": f"P{index}"}),
        ):
            shown = write(folder, f"images/{index}.png", picture(one))
            mask = write(folder, f"masks/{index}.png", one.astype(np.uint8) * 255)
            keep(folder, index, image=shown, mask=mask, modality="MR", **extra)
        two = disc(64, 20, 32, 8) * 1 + disc(64, 45, 32, 8) * 2
        keep(
            "nuclei",
            index,
            image=write("nuclei", f"images/{index}.png", picture(two > 0)),
            instances=write("nuclei", f"instances/{index}.png", two.astype(np.uint16)),
            count=2,
        )
        box = [x - 9, y - 9, x + 9, y + 9]
        keep(
            "blood_cells",
            index,
            image=write("blood_cells", f"images/{index}.png", picture(one)),
            boxes=[{"box": box, "label": "red blood cell"}],
        )
        lungs = disc(64, 18, 32, 10) | disc(64, 46, 32, 10)
        keep(
            "chest_xray",
            index,
            image=write("chest_xray", f"images/{index}.png", picture(lungs)),
            mask=write("chest_xray", f"masks/{index}.png", lungs.astype(np.uint8) * 255),
            boxes=[{"label": "Left Lung", "box": [34, 20, 58, 44]}, {"label": "Right Lung", "box": [6, 20, 30, 44]}],
            view="PA",
        )
        labels = np.zeros((24, 20, 6), np.uint8)
        labels[6:12, 5:10, 1:4] = 1
        labels[6:12, 10:15, 2:5] = 2
        values = np.where(labels > 0, 200, random.integers(0, 60, labels.shape)).astype(np.uint8)
        for kind, array in (("images", values), ("labels", labels)):
            path = root / "hippocampus_mri" / kind / f"{index}.nii.gz"
            path.parent.mkdir(parents=True, exist_ok=True)
            nib.save(nib.Nifti1Image(array, np.eye(4)), path)
        keep(
            "hippocampus_mri",
            index,
            image=f"images/{index}.nii.gz",
            labels=f"labels/{index}.nii.gz",
            label_values={"1": "anterior hippocampus", "2": "posterior hippocampus"},
        )
    for folder, lines in rows.items():
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (root / folder / "index.jsonl").write_text(text, encoding="utf-8")
    (root / "text").mkdir()
    said = [
        {"question": f"What is sign {n}?", "answer": f"Sign {n} is a finding of the chest and the brain."}
        for n in range(40)
    ]
    (root / "text" / "small.jsonl").write_text("".join(json.dumps(one) + "\n" for one in said), encoding="utf-8")
    return root


RECIPE = """
seed = 3
save_every = 2
[model]
vocabulary = 330
max_pixels = 3136
min_pixels = 3136
[model.config.mllm_config]
tie_word_embeddings = true
[model.config.mllm_config.text_config]
hidden_size = 32
intermediate_size = 48
num_hidden_layers = 1
num_attention_heads = 2
num_key_value_heads = 1
max_position_embeddings = 1024
rope_parameters = { rope_type = "default", rope_theta = 10000.0, mrope_section = [2, 3, 3] }
[model.config.mllm_config.vision_config]
depth = 1
hidden_size = 32
intermediate_size = 48
num_heads = 2
out_hidden_size = 32
patch_size = 14
spatial_merge_size = 2
temporal_patch_size = 2
window_size = 112
fullatt_block_indexes = [0]
[model.config.segmenter_config.vision_config]
backbone_channel_list = [64, 32, 16, 8]
backbone_feature_sizes = [[32, 32], [16, 16], [8, 8]]
fpn_hidden_size = 32
fpn_top_down_levels = [0, 1, 2, 3]
[model.config.segmenter_config.vision_config.backbone_config]
model_type = "sam2_hiera_det_model"
hidden_size = 8
num_attention_heads = 1
image_size = [128, 128]
blocks_per_stage = [1, 1, 2, 1]
embed_dim_per_stage = [8, 16, 32, 64]
num_attention_heads_per_stage = [1, 1, 2, 2]
window_size_per_stage = [8, 4, 4, 4]
global_attention_blocks = [3]
window_positional_embedding_background_size = [4, 4]
[model.config.segmenter_config.prompt_encoder_config]
hidden_size = 32
image_size = 128
[model.config.segmenter_config.mask_decoder_config]
hidden_size = 32
mlp_dim = 32
num_attention_heads = 2
iou_head_hidden_dim = 32
[[stages]]
name = "segmenter"
objective = "masks"
trains = ["model.segmenter", "table", "dense"]
warmup = 2
phases = [{ steps = 4, batch = 2, side = 128, prompts = 2 }]
[[stages]]
name = "words"
objective = "text"
trains = ["model.mllm.model.language_model", "model.mllm.lm_head"]
phases = [{ steps = 2, batch = 2 }]
[[stages]]
name = "instruction"
objective = "conversations"
kinds = ["question", "presence", "grounding", "segmentation", "report", "call"]
trains = ["model.mllm", "model.projector"]
phases = [{ steps = 3, batch = 4 }]
[[stages]]
name = "segmentation"
objective = "drawing"
kinds = ["segmentation"]
trains = ["model.projector", "model.segmenter.mask_decoder"]
phases = [{ steps = 2, batch = 2, side = 128, prompts = 2 }]
"""
