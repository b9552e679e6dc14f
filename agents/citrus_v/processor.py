"""From messages and pictures to token ids and patches, and back to text."""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from torch import Tensor
from transformers import AutoTokenizer, PreTrainedTokenizerBase
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil, smart_resize

from agents.citrus_v.configuration import CitrusVConfig
from agents.citrus_v.pictures import Picture

MIN_PIXELS = 56 * 56
MAX_PIXELS = 1003520
"""Bounds of the resized picture's area, as the published model was trained and is demonstrated."""

SYSTEM = "You are a helpful assistant."
"""Qwen's own default, under which the published model was trained."""

_SETTINGS = "processor_config.json"


@dataclass(frozen=True)
class Message:
    """One message of a conversation, its pictures before its words."""

    role: Literal["system", "user", "assistant"]
    text: str
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class Patches:
    """A picture for Qwen's vision encoder.

    Attributes:
        values: (patches, channels x time x patch x patch).
        grid: Patches in time, height and width.
    """

    values: Tensor
    grid: tuple[int, int, int]


class CitrusVProcessor:
    """Tokenizer and picture sizes of one checkpoint.

    Words are never special tokens: "<|im_end|>" or "[SEG]" in a text are spelled out in ordinary
    tokens, so no document can end a message or ask for a mask.

    Args:
        tokenizer: Qwen's, with `[SEG]` added.
        config: Of the model it serves.
        min_pixels, max_pixels: Bounds of a picture's area after the resize, which keeps the aspect
            and makes both sides multiples of 28 (Qwen2-VL's smart resize).

    Raises:
        ValueError: The tokenizer is not that of the model.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        config: CitrusVConfig,
        *,
        min_pixels: int = MIN_PIXELS,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        if not 0 < min_pixels <= max_pixels:
            raise ValueError(f"pixel bounds {min_pixels} to {max_pixels} are not an interval")
        vision = config.mllm_config.vision_config
        self.tokenizer = tokenizer
        self.min_pixels, self.max_pixels = min_pixels, max_pixels
        self.merge = int(vision.spatial_merge_size)
        self.factor = int(vision.patch_size) * self.merge
        self.image_size = config.image_size
        self._patcher = Qwen2VLImageProcessorPil(
            min_pixels=min_pixels,
            max_pixels=max_pixels,
            patch_size=vision.patch_size,
            temporal_patch_size=vision.temporal_patch_size,
            merge_size=vision.spatial_merge_size,
        )
        self._start = self._special("<|im_start|>")
        self._end = self._special("<|im_end|>")
        self._ends = config.end_token_ids | {self._end}
        self._vision_start = self._special("<|vision_start|>", config.mllm_config.vision_start_token_id)
        self._vision_end = self._special("<|vision_end|>", config.mllm_config.vision_end_token_id)
        self._image = self._special("<|image_pad|>", config.mllm_config.image_token_id)
        if not 0 <= config.seg_token_id < len(tokenizer):
            raise ValueError(f"[SEG] is token {config.seg_token_id}; this tokenizer ends at {len(tokenizer) - 1}")

    @classmethod
    def from_pretrained(
        cls, folder: str | os.PathLike[str], *, min_pixels: int | None = None, max_pixels: int | None = None
    ) -> Self:
        """Read tokenizer, config.json and, where there is one, our own processor_config.json.

        The published preprocessor_config.json is Qwen's, not Citrus-V's training, and is not used.
        """
        folder = Path(folder)
        settings: dict[str, Any] = {}
        if (folder / _SETTINGS).is_file():
            settings = json.loads((folder / _SETTINGS).read_text(encoding="utf-8"))
        config = CitrusVConfig.from_folder(folder)
        # Told what the language model is: transformers does not know the kind in config.json and would warn.
        tokenizer = AutoTokenizer.from_pretrained(
            folder, config=config.mllm_config, local_files_only=True, trust_remote_code=False
        )
        return cls(
            tokenizer,
            config,
            min_pixels=min_pixels or int(settings.get("min_pixels", MIN_PIXELS)),
            max_pixels=max_pixels or int(settings.get("max_pixels", MAX_PIXELS)),
        )

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write the tokenizer's files and processor_config.json."""
        self.tokenizer.save_pretrained(folder)
        settings = {"min_pixels": self.min_pixels, "max_pixels": self.max_pixels}
        (Path(folder) / _SETTINGS).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")

    def resized(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) of a picture of that size as Qwen sees it; boxes in answers are on this grid.

        Raises:
            ValueError: One side is more than 200 times the other.
        """
        rows, columns = smart_resize(height, width, self.factor, min_pixels=self.min_pixels, max_pixels=self.max_pixels)
        return int(rows), int(columns)

    def patches(self, picture: Picture) -> Patches:
        """The picture cut up for Qwen's vision encoder.

        Raises:
            ValueError: One side is more than 200 times the other.
        """
        cut = self._patcher(picture.pixels, return_tensors="pt", input_data_format="channels_last")
        time, rows, columns = (int(count) for count in cut["image_grid_thw"][0])
        return Patches(cut["pixel_values"], (time, rows, columns))

    def grid(self, picture: Picture) -> tuple[int, int, int]:
        """The grid that `patches` will cut the picture into, without cutting it.

        Raises:
            ValueError: One side is more than 200 times the other.
        """
        rows, columns = self.resized(picture.height, picture.width)
        patch = self.factor // self.merge
        return 1, rows // patch, columns // patch

    def encode(self, messages: Sequence[Message], grids: Sequence[tuple[int, int, int]]) -> list[int]:
        """Token ids of a conversation up to where the assistant answers.

        Args:
            messages: In order; the default system message goes before where none is first.
            grids: Of every picture in the messages, in order.
        """
        if sum(len(message.pictures) for message in messages) != len(grids):
            raise ValueError(f"{len(grids)} grids for another number of pictures")
        if not messages or messages[0].role != "system":
            messages = [Message("system", SYSTEM), *messages]
        remaining = iter(grids)
        ids: list[int] = []
        for message in messages:
            ids += [self._start, *self.words(message.role + "\n")]
            for _ in message.pictures:
                time, rows, columns = next(remaining)
                count = time * rows * columns // self.merge**2
                ids += [self._vision_start, *[self._image] * count, self._vision_end]
            ids += [*self.words(message.text), self._end, *self.words("\n")]
        return [*ids, self._start, *self.words("assistant\n")]

    def decode(self, ids: Iterable[int]) -> str:
        """The answer as text, with `[SEG]` and box markers, without its end."""
        return str(self.tokenizer.decode([token for token in ids if token not in self._ends]))

    def words(self, text: str) -> list[int]:
        """Token ids of a text in which nothing is a special token."""
        encoded = self.tokenizer(text, add_special_tokens=False, split_special_tokens=True)
        ids: list[int] = encoded["input_ids"]
        return ids

    def _special(self, token: str, expected: int | None = None) -> int:
        found = self.tokenizer.convert_tokens_to_ids(token)
        if found is None or found == self.tokenizer.unk_token_id:
            raise ValueError(f"this tokenizer has no {token}")
        if expected is not None and found != expected:
            raise ValueError(f"{token} is token {found}; the model expects {expected}")
        return int(found)
