"""Citrus-V in one pass against the naive way: seconds, ratio, and equal output.

The naive way answers with `generate`, answers again keeping every hidden state to find those of
`[SEG]`, and encodes the picture for each mask. Both say the same forced words, on the same random
weights of a middle size, in one run on this machine. Run: python -m tests.bench.bench_citrus_v
"""

import argparse
import json
import resource
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from transformers import LogitsProcessor, LogitsProcessorList

from agents.citrus_v.configuration import CitrusVConfig
from agents.citrus_v.masks import DrawnMask, draw
from agents.citrus_v.model import CitrusV
from agents.citrus_v.pictures import Picture
from agents.citrus_v.processor import CitrusVProcessor
from agents.citrus_v.reader import Reader, Turn
from tests.agents.citrus_v import tiny


def middle_config() -> CitrusVConfig:
    """About 0.1 billion parameters, with SAM 2's real input of 1024 pixels."""
    return CitrusVConfig.from_published(
        tiny.PUBLISHED
        | {
            "hidden_size": 768,
            "intermediate_size": 2048,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "num_key_value_heads": 2,
            "rope_scaling": {"type": "mrope", "mrope_section": [8, 12, 12]},
            "vocab_size": 8192,
            "vision_config": {
                "depth": 8,
                "hidden_size": 320,
                "intermediate_size": 856,
                "num_heads": 4,
                "out_hidden_size": 768,
                "patch_size": 14,
                "spatial_merge_size": 2,
                "temporal_patch_size": 2,
                "window_size": 112,
                "fullatt_block_indexes": [3, 7],
                "tokens_per_second": 2,
            },
        },
        {
            "trunk": {
                "embed_dim": 24,
                "num_heads": 1,
                "stages": [1, 2, 3, 1],
                "global_att_blocks": [5],
                "window_spec": [8, 4, 14, 7],
                "window_pos_embed_bkg_spatial_size": [7, 7],
            },
            "neck": {"d_model": 128, "backbone_channel_list": [192, 96, 48, 24], "fpn_top_down_levels": [2, 3]},
            "prompt_embed_dim": 128,
            "image_size": 1024,
        },
    )


class Said(LogitsProcessor):
    """Makes `generate` say the words."""

    def __init__(self, prompt: int, words: list[int]) -> None:
        self.prompt, self.words = prompt, words

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        forced = torch.full_like(scores, float("-inf"))
        forced[:, self.words[input_ids.shape[1] - self.prompt]] = 0
        return forced


def question(picture: Picture) -> Turn:
    return Turn.ask("Please help segment the liver in this scan.", picture, draws=True)


def ours(model: CitrusV, picture: Picture, words: list[int]) -> tuple[list[int], list[DrawnMask]]:
    """One pass of a reader that has seen nothing yet."""
    reply = Reader(model, CitrusVProcessor(tiny.tokenizer(), model.config)).read(
        [question(picture)], len(words), lambda logits, said: torch.tensor([words[len(row)] for row in said])
    )[0]
    return list(reply.ids), list(reply.masks)


def naive(model: CitrusV, picture: Picture, words: list[int]) -> tuple[list[int], list[DrawnMask]]:
    """Two answers and an encoding for each mask."""
    processor = CitrusVProcessor(tiny.tokenizer(), model.config)
    cut = processor.patches(picture)
    ids = torch.tensor([processor.encode(question(picture).messages, [cut.grid])])
    inputs = {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "pixel_values": cut.values,
        "image_grid_thw": torch.tensor([cut.grid]),
        "mm_token_type_ids": (ids == model.config.mllm_config.image_token_id).int(),
        "max_new_tokens": len(words),
        "do_sample": False,
        "logits_processor": LogitsProcessorList([Said(ids.shape[1], words)]),
        "pad_token_id": tiny.ID["<|endoftext|>"],
    }
    with torch.inference_mode():
        answer = model.mllm.generate(**inputs)[0, ids.shape[1] :].tolist()
        again = model.mllm.generate(**inputs, return_dict_in_generate=True, output_hidden_states=True)
        # Step n reads token n - 1 of the answer.
        states = [step[-1][0, -1] for step in again.hidden_states[1:]]
        masks = []
        for state, token in zip(states, answer, strict=False):
            if token == tiny.SEG:
                embedding = model.encode_image(picture.square(model.config.image_size))
                masks += draw(
                    model.decode_masks(embedding, model.prompt(state.unsqueeze(0))), picture.height, picture.width
                )
        return answer, masks


def timed(*runs: Callable[[], object], repeats: int) -> list[list[float]]:
    """Seconds of each run, taken in turn so that other work on the machine falls on all alike."""
    seconds: list[list[float]] = [[] for _ in runs]
    for _ in range(repeats):
        for index, run in enumerate(runs):
            start = time.perf_counter()
            run()
            seconds[index].append(time.perf_counter() - start)
    return seconds


def spread(values: list[float]) -> float:
    """Half of highest less lowest."""
    return (max(values) - min(values)) / 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--words", type=int, default=32, help="tokens of the answer")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    model = CitrusV(middle_config()).eval()
    picture = Picture(np.random.default_rng(0).integers(0, 256, (280, 336, 3), dtype=np.uint8))
    results = []
    for count in (1, 3):
        words = [*range(31, 30 + arguments.words), tiny.END]
        for mask in range(count):
            words[5 + 4 * mask] = tiny.SEG
        mine, theirs = ours(model, picture, words), naive(model, picture, words)
        agreement = [float(np.mean(one.mask == other.mask)) for one, other in zip(mine[1], theirs[1], strict=True)]
        fast, slow = timed(
            lambda words=words: ours(model, picture, words),
            lambda words=words: naive(model, picture, words),
            repeats=arguments.repeats,
        )
        ratios = [second / first for first, second in zip(fast, slow, strict=True)]
        results.append(
            {
                "masks": count,
                "ours_s": round(statistics.median(fast), 3),
                "ours_spread_s": round(spread(fast), 3),
                "naive_s": round(statistics.median(slow), 3),
                "naive_spread_s": round(spread(slow), 3),
                "ratio": round(statistics.median(ratios), 2),
                "ratio_spread": round(spread(ratios), 2),
                "same_tokens": mine[0] == theirs[0],
                "mask_agreement": min(agreement),
            }
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report = {
        "parameters": sum(tensor.numel() for tensor in model.parameters()),
        "threads": torch.get_num_threads(),
        "results": results,
        "peak_mib": round(peak),
    }
    print(json.dumps(report, indent=None if arguments.json else 2))


if __name__ == "__main__":
    main()
