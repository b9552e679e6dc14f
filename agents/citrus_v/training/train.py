"""From a recipe and data to a checkpoint folder that opens like any other."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch

from agents.citrus_v.configuration import CitrusVConfig
from agents.citrus_v.model import CitrusV
from agents.citrus_v.pictures import DEVIATION, MEAN, Picture
from agents.citrus_v.processor import CitrusVProcessor
from agents.citrus_v.training.batches import Sampler
from agents.citrus_v.training.corpus import texts, train_tokenizer
from agents.citrus_v.training.engine import Engine, Progress
from agents.citrus_v.training.examples import Example
from agents.citrus_v.training.folders import read
from agents.citrus_v.training.leaks import refuse_leaks
from agents.citrus_v.training.objectives import Learner
from agents.citrus_v.training.prepared import prepare
from agents.citrus_v.training.recipe import Beginning, Recipe, Stage
from agents.citrus_v.training.spoken import Speaker
from agents.citrus_v.training.targets import targets_of

SHARD = "15MB"


def train(recipe: Recipe, data: Path, folder: Path, only: str | None = None, progress: Progress | None = None) -> Path:
    """Run the stages of a recipe that have not ended yet; where all have, write the checkpoint.

    Args:
        data: Folders with labelled pictures, and one named "text".
        folder: Takes everything; an interrupted training goes on from it.
        only: A stage to run alone; those before it must have ended.

    Returns:
        The checkpoint folder, or the stage's own where `only` is not the last.

    Raises:
        RecipeError: The recipe has no such stage.
        ValueError: The data is broken, or leaks between the splits.
    """
    wanted = recipe.stages if only is None else (recipe.stage(only),)
    torch.manual_seed(recipe.seed)
    model, processor = begin(recipe.model, data / "text", folder)
    feed = Feed(recipe, processor, model.config, data)
    learner = Learner(model, feed.targets)
    engine = Engine(learner, recipe, folder, progress)
    for stage in recipe.stages:
        if engine.done(stage):
            engine.load(stage)
        elif stage in wanted:
            engine.run(stage, feed.of(stage))
        elif only is not None and recipe.stages.index(stage) < recipe.stages.index(wanted[0]):
            raise ValueError(f"stage {only} comes after {stage.name}, which has not ended in {folder}")
    if not all(engine.done(stage) for stage in recipe.stages):
        return folder / wanted[-1].name
    checkpoint = folder / "checkpoint"
    if engine.accelerator.is_main_process:
        write(model, processor, checkpoint)
    return checkpoint


def begin(start: Beginning, text: Path, folder: Path) -> tuple[CitrusV, CitrusVProcessor]:
    """The model and processor before the first stage.

    Raises:
        ValueError: A published part is missing or does not fit.
    """
    bounds = {"min_pixels": start.min_pixels, "max_pixels": start.max_pixels}
    if start.checkpoint is not None:
        return (
            CitrusV.from_pretrained(start.checkpoint),
            CitrusVProcessor.from_pretrained(start.checkpoint, **bounds),
        )
    if start.mllm is not None:
        return _from_parts(start, bounds)
    place = folder / "tokenizer"
    if (place / "tokenizer.json").is_file():
        from transformers import PreTrainedTokenizerFast

        tokenizer = PreTrainedTokenizerFast.from_pretrained(place)
    else:
        tokenizer = train_tokenizer(texts(text), start.vocabulary)
        place.mkdir(parents=True, exist_ok=True)
        tokenizer.save_pretrained(place)
    config = CitrusVConfig(**_with_ids(start.config, tokenizer))
    return CitrusV(config), CitrusVProcessor(tokenizer, config, **bounds)


def _with_ids(config: dict[str, Any], tokenizer: Any) -> dict[str, Any]:
    """The configuration with the token ids of the tokenizer."""
    config = deepcopy(config)
    find = tokenizer.convert_tokens_to_ids
    mllm = config.setdefault("mllm_config", {})
    mllm |= {
        "image_token_id": find("<|image_pad|>"),
        "video_token_id": find("<|video_pad|>"),
        "vision_start_token_id": find("<|vision_start|>"),
        "vision_end_token_id": find("<|vision_end|>"),
    }
    mllm.setdefault("text_config", {}).update(
        vocab_size=len(tokenizer),
        bos_token_id=find("<|endoftext|>"),
        eos_token_id=find("<|im_end|>"),
        pad_token_id=find("<|endoftext|>"),
    )
    return config | {"seg_token_id": find("[SEG]")}


def _from_parts(start: Beginning, bounds: dict[str, int]) -> tuple[CitrusV, CitrusVProcessor]:
    """A published Qwen2.5-VL and a published SAM 2, joined by a new projector."""
    from transformers import AutoTokenizer, Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration, Sam2Config, Sam2Model

    if start.segmenter is None:
        raise ValueError("a recipe that begins with a published language model names a segmenter too")
    tokenizer = AutoTokenizer.from_pretrained(start.mllm, local_files_only=True, trust_remote_code=False)
    tokenizer.add_special_tokens({"additional_special_tokens": ["[SEG]"]})
    mllm_config = Qwen2_5_VLConfig.from_pretrained(start.mllm, local_files_only=True)
    config = CitrusVConfig(
        mllm_config=mllm_config,
        segmenter_config=Sam2Config.from_pretrained(start.segmenter, local_files_only=True),
        seg_token_id=tokenizer.convert_tokens_to_ids("[SEG]"),
        residual_projector=bool(start.config.get("residual_projector", False)),
    )
    model = CitrusV(config)
    mllm = Qwen2_5_VLForConditionalGeneration.from_pretrained(start.mllm, local_files_only=True, use_safetensors=True)
    if len(tokenizer) > mllm.get_input_embeddings().num_embeddings:
        mllm.resize_token_embeddings(len(tokenizer))
    model.mllm.load_state_dict(mllm.state_dict())
    segmenter = Sam2Model.from_pretrained(start.segmenter, local_files_only=True, use_safetensors=True)
    model.segmenter.load_state_dict(segmenter.state_dict())
    return model, CitrusVProcessor(tokenizer, config, **bounds)


class Feed:
    """The batches of every stage.

    Attributes:
        targets: What the data is labelled for.
    """

    def __init__(self, recipe: Recipe, processor: CitrusVProcessor, config: CitrusVConfig, data: Path) -> None:
        self.recipe, self.processor, self.config, self.data = recipe, processor, config, data
        self.examples = list(read(data, "train"))
        refuse_leaks(self.examples, read(data, "dev"))
        self.targets = targets_of(self.examples)

    def of(self, stage: Stage) -> Callable[[int, int], Any]:
        """What gives the batch of a step for that stage."""
        speaker = Speaker(
            self.processor,
            self.config.seg_token_id,
            min(self.config.end_token_ids),
            self._seed(stage),
            targets=self.targets,
        )
        if stage.objective == "text":
            stream = np.array([token for text in texts(self.data / "text") for token in self._line(speaker, text)])
            return lambda step, size: speaker.text(stream, step, size)
        examples = self.examples
        if stage.objective == "conversations":
            by_folder: dict[str, list[Example]] = {}
            for example in examples:
                by_folder.setdefault(example.folder, []).append(example)
            return lambda step, size: speaker.about(by_folder, stage.kinds, step, size, pictures=stage.pictures)
        sampler = Sampler([prepare(example) for example in examples], self._seed(stage), self.targets)

        def pictures(step: int, size: int) -> Any:
            phase = stage.phase(step)
            drawn = sampler.batch(step, size, phase)
            if stage.objective == "masks":
                return drawn
            return speaker.outlines(drawn.targets, _shown(drawn.pixels), step), drawn

        return pictures

    def _seed(self, stage: Stage) -> int:
        return self.recipe.seed * 1000 + self.recipe.stages.index(stage)

    def _line(self, speaker: Speaker, text: str) -> list[int]:
        return [*self.processor.words(text), speaker.end]


def _shown(pixels: torch.Tensor) -> list[Picture]:
    """Normalised pictures (b, 3, side, side) as the language model gets them."""
    values = ((pixels.cpu() * DEVIATION + MEAN).clamp(0, 1) * 255).byte().permute(0, 2, 3, 1).numpy()
    return [Picture.from_array(one) for one in values]


def write(model: CitrusV, processor: CitrusVProcessor, folder: Path) -> None:
    """A checkpoint folder: sharded safetensors, configuration, tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    model.eval().save_pretrained(folder, max_shard_size=SHARD)
    processor.save_pretrained(folder)
