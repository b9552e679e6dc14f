"""Citrus-V at its real size on a GPU, with random weights: tokens, first tokens, masks, memory.

The weights are noise, but the work is that of the published 8B: the same shapes, bfloat16, the same code
path as `citrus model bench`, and a vocabulary as large. Run: python -m tests.bench.bench_citrus_v_gpu
Keys and values that grow come first, and those at fixed places with a compiled step after, in one run. On a
machine without a GPU, --tiny --device cpu goes the same way with a small model, best with --decoding growing static.
"""

import argparse
import json
from dataclasses import asdict

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast
from transformers.initialization import no_init_weights

from agents.citrus_v.configuration import CitrusVConfig
from agents.citrus_v.grammar import Grammars
from agents.citrus_v.model import CitrusV
from agents.citrus_v.processor import CitrusVProcessor
from agents.citrus_v.reader import Reader
from agents.citrus_v.speed import measure
from agents.citrus_v.steps import Decoding
from tests.agents.citrus_v import tiny

# Ids of Qwen2.5's own vocabulary, as config.json of the published 8B gives them, and [SEG] after it.
_SPECIAL = {
    151643: "<|endoftext|>",
    151644: "<|im_start|>",
    151645: "<|im_end|>",
    151652: "<|vision_start|>",
    151653: "<|vision_end|>",
    151655: "<|image_pad|>",
    151656: "<|video_pad|>",
    151657: "<tool_call>",
    151658: "</tool_call>",
    151665: "[SEG]",
}


def tokenizer() -> PreTrainedTokenizerFast:
    """As many tokens as Qwen2.5 has, each special one in its place; text is split into bytes."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    names = alphabet + [f"t{index}" for index in range(len(alphabet), max(_SPECIAL) + 1)]
    for index, name in _SPECIAL.items():
        names[index] = name
    raw = Tokenizer(models.BPE(vocab={name: index for index, name in enumerate(names)}, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    raw.add_special_tokens([name for name in _SPECIAL.values() if "tool_call" not in name])
    raw.add_tokens([name for name in _SPECIAL.values() if "tool_call" in name])
    return PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<|im_end|>", pad_token="<|endoftext|>")  # noqa: S106


@torch.no_grad()
def published_size(device: str) -> CitrusV:
    """The published 8B in bfloat16, made on `device`; every weight is drawn, none is loaded."""
    config = CitrusVConfig()
    config.dtype = config.mllm_config.dtype = config.segmenter_config.dtype = torch.bfloat16
    config._attn_implementation = "sdpa"
    with no_init_weights():
        model = CitrusV(config, devices=dict.fromkeys(CitrusV.PARTS, device))
    model.tie_weights()
    for name, weight in model.named_parameters():
        # Norms near one and small weights keep the states of a random model finite.
        if "norm" in name and name.endswith("weight"):
            weight.fill_(1.0)
        else:
            weight.normal_(std=0.02)
    return model.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiny", action="store_true", help="a small model, to try the way")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tokens", type=int, default=128, help="tokens of the answer")
    parser.add_argument("--side", type=int, default=1000, help="of the square picture; 1000 is the most Qwen sees")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--decoding", nargs="+", type=Decoding, default=[Decoding.GROWING, Decoding.COMPILED])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    if arguments.tiny:
        model = tiny.model().to(arguments.device)
        processor = tiny.processor(model)
    else:
        model = published_size(arguments.device)
        processor = CitrusVProcessor(tokenizer(), model.config)
    runs = [
        measure(
            Reader(model, processor, decoding=decoding),
            Grammars(processor, model.config),
            tokens=arguments.tokens,
            side=arguments.side,
            repeats=arguments.repeats,
        )
        for decoding in arguments.decoding
    ]
    report = {
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "runs": [asdict(speed) for speed in runs],
        "times_as_fast_as_the_first": [
            round(speed.decode_tokens_per_second / runs[0].decode_tokens_per_second, 2) for speed in runs
        ],
        "aims": {
            "decode_at_least_60_percent_of_bandwidth": runs[-1].bandwidth_ratio >= 0.6,
            "mask_under_0.15_s": runs[-1].mask_s < 0.15,
        },
    }
    print(json.dumps(report, indent=None if arguments.json else 2))


if __name__ == "__main__":
    main()
