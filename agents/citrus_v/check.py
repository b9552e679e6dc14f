"""What a checkpoint is, turning it into our own layout, and proving it equal to recorded outputs."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from agents.citrus_v.checkpoint import parameter_count, plan, stored_tensors
from agents.citrus_v.configuration import CitrusVConfig
from agents.citrus_v.files import CheckpointError
from agents.citrus_v.generation import Prompt, generate
from agents.citrus_v.masks import resize
from agents.citrus_v.model import CitrusV
from agents.citrus_v.pictures import Picture
from agents.citrus_v.processor import CitrusVProcessor

MASK_AGREEMENT = 0.999
"""Share of pixels on which a mask must agree with the recorded one."""

# Half precision in the recording rounds by up to 2**-11 of the value.
_HALF = 2**-11

_BOUNDS = {
    "image_embeds": 1e-4,
    "logits": 1e-4,
    "last_hidden_state": 1e-4,
    "seg_prompt_embeds": 1e-3,
    "sam_pixel_values_corner": 1e-4,
    "sam_image_embedding": 1e-3,
    "iou_scores": 1e-3,
    "object_score_logits": 1e-3,
    "low_res_mask_logits": 1e-3,
    "multimask_logits_corner": 1e-3,
}


@dataclass(frozen=True)
class Info:
    """A checkpoint without its values.

    Attributes:
        layout: "published" or "own".
        tensors: How many are stored; `left_out` of them are SAM 2's video memory.
        parameters: Values stored, the video memory included.
        precisions: Tensors by stored precision, such as {"BF16": 1633}.
        sizes: The main sizes by name.
    """

    folder: Path
    layout: str
    files: tuple[str, ...]
    tensors: int
    left_out: tuple[str, ...]
    parameters: int
    precisions: dict[str, int]
    sizes: dict[str, Any]


@dataclass(frozen=True)
class Comparison:
    """One recorded tensor against ours.

    Attributes:
        difference: The largest, beyond what half precision in the recording rounds away; for
            masks and tokens the share that disagrees.
        bound: What is allowed.
    """

    name: str
    difference: float
    bound: float

    @property
    def passed(self) -> bool:
        """Whether the difference is within the bound; NaN is not."""
        return self.difference <= self.bound


@dataclass(frozen=True)
class Report:
    """All comparisons, and what could not be compared."""

    comparisons: tuple[Comparison, ...]
    not_compared: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether everything recorded was compared and is equal within its bound."""
        return not self.not_compared and all(comparison.passed for comparison in self.comparisons)


def info(folder: Path) -> Info:
    """Describe a checkpoint from its headers, after checking that it is complete.

    Raises:
        CheckpointError: It is not.
    """
    config = CitrusVConfig.from_folder(folder)
    stored = stored_tensors(folder)
    layout = plan(stored, config, str(folder))
    text, vision = config.mllm_config.text_config, config.mllm_config.vision_config
    backbone = config.segmenter_config.vision_config.backbone_config
    return Info(
        folder=folder,
        layout=str(layout.layout),
        files=tuple(sorted({tensor.file.name for tensor in stored.values()})),
        tensors=len(stored),
        left_out=layout.left_out,
        parameters=parameter_count(stored),
        precisions=dict(Counter(tensor.dtype for tensor in stored.values())),
        sizes={
            "layers": text.num_hidden_layers,
            "hidden": text.hidden_size,
            "vocabulary": text.vocab_size,
            "vision_layers": vision.depth,
            "segmenter_blocks": sum(backbone.blocks_per_stage),
            "segmenter_input": config.image_size,
            "prompt": config.prompt_size,
            "seg_token": config.seg_token_id,
            "residual_projector": config.residual_projector,
        },
    )


def convert(source: Path, target: Path, *, dtype: str = "auto", max_shard_size: str = "5GB") -> Info:
    """Write the checkpoint in `source` to `target` in our own layout, with its processor.

    SAM 2's video memory is not carried over: still images never use it.

    Raises:
        CheckpointError: The source is not complete.
        FileExistsError: `target` is there already and not an empty folder.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise FileExistsError(f"{target} is there already")
    model = CitrusV.from_pretrained(source, dtype=dtype)
    model.save_pretrained(target, max_shard_size=max_shard_size)
    if any(source.glob("tokenizer*")):
        CitrusVProcessor.from_pretrained(source).save_pretrained(target)
    return info(target)


@torch.inference_mode()
def compare(model: CitrusV, golden: dict[str, Tensor], picture: Picture | None) -> Report:
    """Hold a model against recorded outputs.

    Args:
        model: In float32, or the bounds will not hold.
        golden: `prompt_ids`, `full_ids`, `pixel_values`, `image_grid_thw`, `seg_positions` and
            the outputs named in `_BOUNDS`, besides `greedy_ids`.
        picture: The image that was recorded; without it nothing of the segmenter is compared.

    Raises:
        KeyError: An input is not in the recording.
    """
    images = model.encode_vision(golden["pixel_values"], golden["image_grid_thw"])
    logits, hidden = model(golden["full_ids"], golden["pixel_values"], golden["image_grid_thw"])
    prompts = model.prompt(hidden[0, golden["seg_positions"]])
    ours = {
        "image_embeds": torch.cat(images),
        "logits": logits,
        "last_hidden_state": hidden,
        "seg_prompt_embeds": prompts,
    }
    extra = []
    if picture is not None:
        square = picture.square(model.config.image_size)
        embedding = model.encode_image(square)
        decoded = model.decode_masks(embedding, prompts)
        best, _ = decoded.best()
        rows, columns = golden["sam_pixel_values_corner"].shape[-2:]
        ours |= {
            "sam_pixel_values_corner": square[..., :rows, :columns],
            "sam_image_embedding": embedding.coarse,
            "iou_scores": decoded.iou,
            "object_score_logits": decoded.object_logit.unsqueeze(-1),
            "low_res_mask_logits": best.unsqueeze(1),
            "multimask_logits_corner": decoded.logits[..., 96:160, 96:160],
        }
        recorded = golden["low_res_mask_logits"][:, 0].float()
        extra.append(_mask_disagreement(best.cpu(), recorded, picture))
    comparisons = [_compared(name, golden[name], tensor) for name, tensor in ours.items() if name in golden]
    if "greedy_ids" in golden:
        extra.append(_token_disagreement(model, golden, images))
    compared = {*ours, "greedy_ids"}
    absent = [name for name in (*_BOUNDS, "greedy_ids") if name not in golden or name not in compared]
    return Report((*comparisons, *extra), tuple(absent))


def check(folder: Path, golden: Path, *, device_map: str = "cpu", attn_implementation: str = "sdpa") -> Report:
    """Load the checkpoint in float32 and hold it against a recording; image.png lies beside that.

    Raises:
        CheckpointError: The checkpoint or the recording cannot be read.
    """
    try:
        recorded = load_file(golden)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{golden} is damaged or not safetensors: {error}") from None
    model = CitrusV.from_pretrained(
        folder, dtype="float32", device_map=device_map, attn_implementation=attn_implementation
    )
    image = golden.parent / "image.png"
    picture = None
    if image.is_file():
        with PIL.Image.open(image) as opened:
            picture = Picture.from_array(np.asarray(opened.convert("RGB")))
    try:
        return compare(model, recorded, picture)
    except KeyError as error:
        raise CheckpointError(f"{golden} does not record {error}") from None


def _compared(name: str, recorded: Tensor, ours: Tensor) -> Comparison:
    if recorded.shape != ours.shape:
        return Comparison(name, float("inf"), _BOUNDS[name])
    difference = (ours.cpu().float() - recorded.float()).abs()
    if recorded.dtype == torch.float16:
        difference = (difference - recorded.float().abs() * _HALF).clamp(min=0)
    return Comparison(name, float(difference.max()), _BOUNDS[name])


def _mask_disagreement(ours: Tensor, recorded: Tensor, picture: Picture) -> Comparison:
    worst = 0.0
    for mine, theirs in zip(ours, recorded, strict=True):
        for size in (mine.shape, (picture.height, picture.width)):
            differs = (resize(mine, *size) > 0) != (resize(theirs, *size) > 0)
            worst = max(worst, float(differs.float().mean()))
    return Comparison("mask_disagreement", worst, 1 - MASK_AGREEMENT)


def _token_disagreement(model: CitrusV, golden: dict[str, Tensor], images: tuple[Tensor, ...]) -> Comparison:
    wanted = golden["greedy_ids"][0].tolist()
    prompt = Prompt(golden["prompt_ids"][0].tolist(), golden["image_grid_thw"], images)
    found = generate(model, [prompt], len(wanted))[0].ids
    same = sum(mine == theirs for mine, theirs in zip(found, wanted, strict=False))
    return Comparison("greedy_ids", 1 - same / len(wanted), 0.0)
