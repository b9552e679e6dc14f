"""How fast a model is on this machine, beside what the memory of the machine allows.

At batch 1 every token reads every weight of the language model once, so that bytes of weights over
bandwidth of memory bounds the tokens in a second. The bandwidth is measured by copying.
"""

import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch

from agents.citrus_v.grammar import Grammars
from agents.citrus_v.memory import ReadSoFar, Written
from agents.citrus_v.model import CitrusV
from agents.citrus_v.pictures import Picture
from agents.citrus_v.processor import Message
from agents.citrus_v.reader import Reader
from agents.citrus_v.steps import Decoding

T = TypeVar("T")

_COPIED = {"cuda": 2**30, "cpu": 2**28}
"""Bytes that are copied to measure the bandwidth: far more than any cache of the device holds."""


@dataclass(frozen=True)
class Speed:
    """What was measured, in seconds, bytes and tokens.

    Attributes:
        device: Where the language model is.
        precision: Of its weights.
        decoding: How the tokens of the answer were read.
        weight_bytes: Read for each token: layers and head, neither the table of words nor the vision encoder.
        copy_bandwidth: Bytes read and written in a second.
        decode_tokens_per_second: One answer at a time, with the grammar's mask.
        bandwidth_ratio: The tokens in a second over those that the bandwidth allows.
        warm_up_s: The first question and words of an answer at all, with whatever is compiled for them.
        first_token_cold_s: A first question about one picture, whose features are not known.
        first_token_warm_s: A question later in the same conversation.
        prompt_tokens, new_tokens: Of the first and what the second added.
        image_encoding_s: SAM 2's, once for each picture.
        mask_s: One mask more on a picture that is encoded.
        peak_bytes: Memory of the GPU, or of the whole process on a CPU.
    """

    device: str
    precision: str
    decoding: str
    weight_bytes: int
    copy_bandwidth: float
    decode_tokens_per_second: float
    bandwidth_ratio: float
    warm_up_s: float
    first_token_cold_s: float
    first_token_warm_s: float
    prompt_tokens: int
    new_tokens: int
    image_encoding_s: float
    mask_s: float
    peak_bytes: int


def measure(reader: Reader, grammars: Grammars, *, tokens: int = 64, side: int = 512, repeats: int = 5) -> Speed:
    """Measure a model that is ready to answer.

    Args:
        reader: Answers as it decodes; nothing that it has seen is used.
        tokens: Of the answer.
        side: Of the square picture, in pixels.
        repeats: Of each measurement but the first token's; the median counts.
    """
    model, processor = reader.model, reader.processor
    device = model.mllm.device
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    picture = Picture(pixels)
    steps = reader.steps
    unseen = Reader(model, processor, decoding=Decoding.GROWING)  # its pictures are used, not its decoding
    opening = (Message("system", "You read medical images."), Message("user", "What do you see here?", (picture,)))
    warm_up, _ = _timed(lambda: _warm_up(reader, opening), device)
    memory = ReadSoFar(model, steps)
    cold, (written, logits) = _timed(lambda: _read(unseen, memory, opening), device)
    prompt_tokens = len(written.ids)
    seconds = []
    constraint = grammars.reply([])
    said: list[int] = []
    for _ in range(tokens):
        began = time.perf_counter()
        # The host finds what is allowed while the device still reads the token before.
        allowed = constraint.allowed().to(device)
        allowed[list(model.config.end_token_ids)] = False  # the answer must not end before it was measured
        token = int(logits.masked_fill(~allowed, float("-inf")).argmax())
        constraint.say(token)
        logits = memory.go_on([token])
        seconds.append(time.perf_counter() - began)
        said.append(token)
    answer = Message("assistant", processor.decode(said))
    later = (*opening, answer, Message("user", "Is there anything else of note?"))
    warm, (written, _) = _timed(lambda: _read(unseen, memory, later), device)
    encoding, mask = _masks(unseen, picture, repeats)
    weights = weight_bytes(model)
    bandwidth = copy_bandwidth(device, repeats)
    rate = 1 / statistics.median(seconds)
    return Speed(
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else str(device),
        precision=str(model.mllm.dtype).removeprefix("torch."),
        decoding=_decoding(reader),
        weight_bytes=weights,
        copy_bandwidth=bandwidth,
        decode_tokens_per_second=rate,
        bandwidth_ratio=rate * weights / bandwidth,
        warm_up_s=warm_up,
        first_token_cold_s=cold,
        first_token_warm_s=warm,
        prompt_tokens=prompt_tokens,
        new_tokens=len(written.ids) - memory.kept,
        image_encoding_s=encoding,
        mask_s=mask,
        peak_bytes=peak_bytes(device),
    )


def weight_bytes(model: CitrusV) -> int:
    """Bytes of weights that the language model reads for one token."""
    language = model.mllm.model.language_model
    parts = [*language.layers.parameters(), *language.norm.parameters(), *model.mllm.lm_head.parameters()]
    return sum(weight.numel() * weight.element_size() for weight in parts)


def copy_bandwidth(device: torch.device, repeats: int = 5) -> float:
    """Bytes read and written in a second when a large buffer is copied; the best of the repeats."""
    size = _COPIED.get(device.type, _COPIED["cpu"])
    source = torch.ones(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    target.copy_(source)
    return 2 * size / min(_timed(lambda: target.copy_(source), device)[0] for _ in range(repeats))


def peak_bytes(device: torch.device) -> int:
    """The most memory in use so far: of the GPU, or of the process."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage(2): bytes there, KiB on Linux
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _read(reader: Reader, memory: ReadSoFar, messages: tuple[Message, ...]) -> tuple[Written, torch.Tensor]:
    image_token = reader.model.config.mllm_config.image_token_id
    written = Written.of(messages, reader.processor, image_token)
    return written, memory.read(written, lambda picture: reader.features(picture)[0])


def _warm_up(reader: Reader, messages: tuple[Message, ...]) -> None:
    """Let the device, and what is compiled, come to rest; a GPU replays a step from its third time on."""
    memory = ReadSoFar(reader.model, reader.steps)
    _read(Reader(reader.model, reader.processor, decoding=Decoding.GROWING), memory, messages)
    for token in reader.processor.words("This is it."):
        memory.go_on([token])


def _decoding(reader: Reader) -> str:
    if reader.steps is None:
        return str(Decoding.GROWING)
    return str(Decoding.COMPILED if reader.steps.compiled else Decoding.STATIC)


def _masks(reader: Reader, picture: Picture, repeats: int) -> tuple[float, float]:
    """Seconds of one encoding of the picture, and of one mask on it."""
    model = reader.model
    device = model.segmenter.no_memory_embedding.device
    hidden = int(model.config.mllm_config.text_config.hidden_size)
    segments = torch.randn(1, hidden, device=model.projector.linear1.weight.device)
    Reader(model, reader.processor, decoding=Decoding.GROWING).draw(picture, segments)
    encoding, _ = _timed(lambda: reader.embedding(picture), device)
    return encoding, statistics.median(
        _timed(lambda: reader.draw(picture, segments), device)[0] for _ in range(repeats)
    )


def _timed(work: Callable[[], T], device: torch.device) -> tuple[float, T]:
    _wait(device)
    began = time.perf_counter()
    done = work()
    _wait(device)
    return time.perf_counter() - began, done


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
