"""Answering token by token in one pass, keeping the hidden state of each `[SEG]` as it is read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor
from transformers import DynamicCache

from agents.citrus_v.model import CitrusV
from agents.citrus_v.steps import StaticSteps

Chooser = Callable[[Tensor, Sequence[Sequence[int]]], Tensor]
"""From logits (batch, vocabulary) and the answers so far to the next tokens (batch,)."""


class Finish(StrEnum):
    """Why an answer ended."""

    END = "end"
    LENGTH = "length"


@dataclass(frozen=True)
class Prompt:
    """One conversation to answer.

    Attributes:
        ids: Its tokens, up to where the answer begins.
        grids: (images, 3), patches of each image in time, height and width.
        images: Each image's features, (patches / 4, hidden), from `CitrusV.encode_vision`.
    """

    ids: Sequence[int]
    grids: Tensor
    images: tuple[Tensor, ...] = ()


@dataclass(frozen=True)
class Generated:
    """One answer.

    Attributes:
        ids: Its tokens, the end token included where there is one.
        segments: (masks, hidden): the last hidden state at each `[SEG]` of the answer, in order,
            at the position that read the token. A `[SEG]` of the prompt is not among them.
    """

    ids: tuple[int, ...]
    segments: Tensor
    finish: Finish


def greedy(logits: Tensor, answers: Sequence[Sequence[int]]) -> Tensor:
    """The likeliest token."""
    return logits.argmax(dim=-1)


@torch.inference_mode()
def generate(
    model: CitrusV,
    prompts: Sequence[Prompt],
    max_new_tokens: int,
    choose: Chooser = greedy,
    on_token: Callable[[int, int], None] | None = None,
    steps: StaticSteps | None = None,
) -> list[Generated]:
    """Answer every prompt; rows of the batch cannot see one another.

    Each token is read once. The state of a `[SEG]` comes out of the step that reads it, so there
    is no second pass and no history of states.

    Args:
        model: Ready to answer.
        prompts: Any lengths; shorter ones are padded on the left and the padding is masked.
        max_new_tokens: At most this many for each, at least 1.
        choose: Greedy unless something constrains or samples.
        on_token: Told (prompt, token) as each is chosen.
        steps: Read the answer to a single prompt, where it is read in fixed buffers.

    Raises:
        ValueError: There is nothing to answer, or image tokens and features do not match.
    """
    if max_new_tokens < 1:
        raise ValueError(f"an answer has at least one token, not {max_new_tokens}")
    if not prompts or not all(prompt.ids for prompt in prompts):
        raise ValueError("there is nothing to answer")
    ends, seg = model.config.end_token_ids, model.config.seg_token_id
    cache = DynamicCache(config=model.config.mllm_config.text_config)
    hidden, mask, position = _prefill(model, prompts, cache)
    logits = model.predict(hidden)
    answers: list[list[int]] = [[] for _ in prompts]
    segments: list[list[Tensor]] = [[] for _ in prompts]
    finishes: list[Finish | None] = [None] * len(prompts)
    while True:
        chosen = choose(logits, answers)
        tokens = chosen.tolist()
        reading = []
        for row, token in enumerate(tokens):
            if finishes[row] is not None:
                continue
            answers[row].append(token)
            if on_token is not None:
                on_token(row, token)
            if token in ends:
                finishes[row] = Finish.END
            elif len(answers[row]) == max_new_tokens:
                finishes[row] = Finish.LENGTH
            if token == seg:
                reading.append(row)
        if None not in finishes and not reading:
            break
        if steps is not None and len(prompts) == 1:
            hidden, logits = steps.read(cache, tokens, int(position))
        else:
            if mask is not None:
                mask = torch.cat([mask, mask.new_ones((len(prompts), 1))], dim=1)
            embeddings = model.mllm.get_input_embeddings()(chosen.reshape(-1, 1))
            hidden = model.read(embeddings, position.expand(3, -1, -1), mask, cache)[:, -1]
            logits = model.predict(hidden)
        position = position + 1
        for row in reading:
            segments[row].append(hidden[row].clone())
        if None not in finishes:
            break
    return [
        Generated(tuple(answer), torch.stack(states) if states else hidden.new_zeros((0, hidden.shape[-1])), finish)
        for answer, states, finish in zip(answers, segments, finishes, strict=True)
        if finish is not None
    ]


def _prefill(model: CitrusV, prompts: Sequence[Prompt], cache: DynamicCache) -> tuple[Tensor, Tensor | None, Tensor]:
    """Read all prompts: last hidden states (batch, hidden), padding mask, next positions (batch, 1)."""
    device = model.mllm.device
    longest = max(len(prompt.ids) for prompt in prompts)
    pad = model.config.mllm_config.text_config.pad_token_id or 0
    ids = torch.full((len(prompts), longest), pad, dtype=torch.long, device=device)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, longest - len(prompt.ids) :] = torch.as_tensor(prompt.ids, device=device)
        mask[row, longest - len(prompt.ids) :] = 1
    padding = mask if not bool(mask.all()) else None
    grids = torch.cat([prompt.grids.reshape(-1, 3) for prompt in prompts]).to(device)
    positions, _ = model.positions(ids, padding, grids)
    images = [image for prompt in prompts for image in prompt.images]
    for row, prompt in enumerate(prompts):
        # Counted row by row: a total that fits by chance would pour one case's image into another.
        slots = int((ids[row] == model.config.mllm_config.image_token_id).sum())
        features = sum(len(image) for image in prompt.images)
        if slots != features:
            raise ValueError(f"prompt {row} has {slots} image tokens for {features} image features")
    hidden = model.read(model.embed(ids, images), positions, padding, cache)[:, -1]
    following = positions.amax(dim=(0, 2)).unsqueeze(-1) + 1
    return hidden, padding, following
