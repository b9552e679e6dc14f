"""Plain medical text for a language model that starts from nothing, and the tokenizer made from it."""

import gzip
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "[SEG]",
)
"""Tokens that no text can spell, in Qwen's words."""

MARKERS = ("<tool_call>", "</tool_call>", "<think>", "</think>")
"""Whole tokens, but words like others, as Qwen has them."""


def texts(folder: Path) -> Iterator[str]:
    """Paragraphs of the text folder: questions with answers, definitions, abstracts.

    Raises:
        ValueError: It holds no JSON Lines.
    """
    files = sorted(folder.glob("*.jsonl.gz")) + sorted(folder.glob("*.jsonl"))
    if not files:
        raise ValueError(f"{folder} holds no .jsonl or .jsonl.gz")
    for file in files:
        with gzip.open(file, "rt", encoding="utf-8") if file.suffix == ".gz" else file.open(encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                said = [" ".join(value.split()) for value in row.values() if isinstance(value, str) and " " in value]
                if said:
                    yield "\n".join(said)


def train_tokenizer(said: Iterable[str], size: int) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer of `size` tokens: every text can be written, digits one by one."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size - len(SPECIAL) - len(MARKERS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(said, trainer)
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    tokenizer.add_tokens([AddedToken(token, special=False, normalized=False) for token in MARKERS])
    made = PreTrainedTokenizerFast(tokenizer_object=tokenizer, clean_up_tokenization_spaces=False)
    made.eos_token, made.pad_token = "<|im_end|>", "<|endoftext|>"
    return made
