"""Reading an answer token by token over keys and values that stay where they are.

A large model that answers one conversation is bound by its weights' way through the memory, unless the
device waits for the host to launch a thousand small kernels for each token. Where shapes and addresses
never change, `torch.compile` fuses the step, a GPU records it once as a CUDA graph and then replays it.

The buffers belong to the model, not to a conversation: whichever conversation steps has its keys and
values laid out in them, and gets what it added back before another's are laid out. So one recording
serves all. Only single tokens are read here; prompts are read the ordinary way.
"""

import logging
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from typing import Any, Self

import torch
from torch import Tensor
from transformers import DynamicCache, StaticCache
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import apply_rotary_pos_emb

from agents.citrus_v.model import CitrusV

CAPACITY = 4096
"""Tokens of the first buffer: two pictures and some words. At 8B its 235 MB are 2 % of what a step reads."""

Step = Callable[[CitrusV, StaticCache, Tensor], tuple[Tensor, Tensor]]

_log = logging.getLogger(__name__)


class Decoding(StrEnum):
    """How the tokens of an answer are read.

    `GROWING` lets keys and values grow by a token at each step. `STATIC` keeps them in buffers of fixed
    size; `COMPILED` also compiles the step, which takes a minute at 8B, once for each size of buffer.
    `AUTO` is compiled on a GPU and growing elsewhere.
    """

    AUTO = "auto"
    GROWING = "growing"
    STATIC = "static"
    COMPILED = "compiled"


class StaticSteps:
    """Steps of one token, at batch 1, in buffers that all conversations of a model share in turn.

    Everything is done on one thread of its own: conversations of several threads wait for one another,
    and a recorded graph is only ever replayed where it was recorded.

    Args:
        model: Ready to answer; every layer attends to all that was read.
        compiled: Whether to compile the step.
        capacity: Tokens of the smallest buffer. One of twice the length is added whenever a conversation
            needs it, up to the length of the model.
    """

    def __init__(self, model: CitrusV, *, compiled: bool, capacity: int = CAPACITY) -> None:
        self.model = model
        self.compiled = compiled
        self.capacity = capacity
        self._buffers: dict[int, tuple[StaticCache, Step]] = {}
        self._laid_out: weakref.ref[DynamicCache] | None = None
        self._size = 0
        self._length = 0
        self._thread = ThreadPoolExecutor(1, "citrus-v-steps", _use, (model.mllm.device,))

    @classmethod
    def of(cls, model: CitrusV, decoding: Decoding) -> Self | None:
        """The steps that `decoding` asks for; None where keys and values shall grow.

        Raises:
            ValueError: It asks for fixed buffers, and the model has layers that attend to a window only.
        """
        windowed = set(model.config.mllm_config.text_config.layer_types) != {"full_attention"}
        if decoding is Decoding.AUTO:
            decoding = Decoding.COMPILED if model.mllm.device.type == "cuda" and not windowed else Decoding.GROWING
        if decoding is Decoding.GROWING:
            return None
        if windowed:
            raise ValueError(f"{decoding} decoding needs layers that attend to all that was read, not to a window")
        return cls(model, compiled=decoding is Decoding.COMPILED)

    def read(self, cache: DynamicCache, tokens: Sequence[int], position: int) -> tuple[Tensor, Tensor]:
        """Read tokens one after another, as a conversation's next.

        Args:
            cache: What that conversation has read, at batch 1, until `settle` without what is read here.
            tokens: At least one.
            position: Of the first token, the same in time, height and width.

        Returns:
            Of the last token: its state after the final norm (1, hidden), and the logits of the next
            (1, vocabulary).
        """
        return self._thread.submit(self._read, cache, tokens, position).result()

    def settle(self, cache: DynamicCache) -> None:
        """Give a conversation the keys and values of all that it read here."""
        self._thread.submit(self._settle, cache).result()

    @torch.no_grad()
    def _read(self, cache: DynamicCache, tokens: Sequence[int], position: int) -> tuple[Tensor, Tensor]:
        if self._owner() is not cache or self._length + len(tokens) > self._size:
            self._put_back()
            self._lay_out(cache, cache.get_seq_length() + len(tokens))
        laid_out, self._laid_out = self._laid_out, None  # a step that fails leaves nothing to give back
        for offset, token in enumerate(tokens):
            hidden, logits = self._step(torch.tensor([token, position + offset], device=self.model.mllm.device))
        self._laid_out = laid_out
        # A recorded graph writes its next results to the same place.
        return hidden.clone(), logits.clone()

    def _step(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        buffer, step = self._buffers[self._size]
        if self.compiled:
            torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        try:
            read = step(self.model, buffer, numbers)
        except RuntimeError as error:
            if not self.compiled or step is token_step:
                raise
            _log.warning("the step could not be compiled and goes on uncompiled, which is slower: %s", error)
            self._buffers[self._size] = (buffer, token_step)
            _set_length(buffer, self._length)
            read = token_step(self.model, buffer, numbers)
        self._length += 1
        return read

    @torch.no_grad()
    def _settle(self, cache: DynamicCache) -> None:
        if self._owner() is cache:
            self._put_back()

    def _owner(self) -> DynamicCache | None:
        return self._laid_out() if self._laid_out else None

    def _lay_out(self, cache: DynamicCache, needed: int) -> None:
        """Copy a conversation's keys and values into the smallest buffer that holds `needed` tokens."""
        size = self.capacity
        while size < needed:
            size *= 2
        if size not in self._buffers:
            self._buffers[size] = (self._buffer(size), compiled(token_step) if self.compiled else token_step)
        buffer, _ = self._buffers[size]
        length = cache.get_seq_length()
        for kept, layer in zip(cache.layers, buffer.layers, strict=True):
            for mine, theirs in ((kept.keys, layer.keys), (kept.values, layer.values)):
                theirs[:, :, :length] = mine
                # Nothing of another conversation stays, were it only a NaN that a weight of 0 would let through.
                theirs[:, :, length:] = 0
        _set_length(buffer, length)
        self._laid_out, self._size, self._length = weakref.ref(cache), size, length

    def _put_back(self) -> None:
        """Append what was read here to the keys and values of the conversation that is laid out."""
        cache = self._owner()
        self._laid_out = None
        if cache is None:
            return
        known = cache.get_seq_length()
        for index, layer in enumerate(self._buffers[self._size][0].layers):
            new = slice(known, self._length)
            cache.update(layer.keys[:, :, new], layer.values[:, :, new], index)

    def _buffer(self, size: int) -> StaticCache:
        config = self.model.config.mllm_config.text_config
        buffer = StaticCache(config=config, max_cache_len=size)
        heads, width = config.num_key_value_heads, config.hidden_size // config.num_attention_heads
        buffer.early_initialization(1, heads, width, self.model.mllm.dtype, self.model.mllm.device)
        return buffer


def token_step(model: CitrusV, buffer: StaticCache, numbers: Tensor) -> tuple[Tensor, Tensor]:
    """Read one token of one conversation: its state (1, hidden) and the next token's logits (1, vocabulary).

    The language model's own layers, in the one order that has no shape that changes.

    Args:
        buffer: Keys and values; the token's are written behind the others.
        numbers: (2,), the token and its position.
    """
    language = model.mllm.model.language_model
    token, position = numbers[:1], numbers[1:]
    states = language.embed_tokens(token).unsqueeze(0)
    rotary = language.rotary_emb(states, position.expand(3, 1, 1))
    seen = torch.arange(buffer.get_max_length(), device=numbers.device) <= buffer.get_seq_length()
    for layer, kept in zip(language.layers, buffer.layers, strict=True):
        states = states + _attend(layer.self_attn, layer.input_layernorm(states), rotary, kept, seen)
        states = states + layer.mlp(layer.post_attention_layernorm(states))
    hidden = language.norm(states)[:, -1]
    return hidden, model.predict(hidden)


def _attend(attention: Any, states: Tensor, rotary: Any, kept: Any, seen: Tensor) -> Tensor:
    """Qwen's attention for one token, (1, 1, hidden) to (1, 1, hidden)."""
    projections: Any = (attention.q_proj, attention.k_proj, attention.v_proj)
    query, key, value = (project(states).view(1, 1, -1, attention.head_dim).transpose(1, 2) for project in projections)
    query, key = apply_rotary_pos_emb(query, key, *rotary)
    keys, values = kept.update(key, value)
    # The queries that share a head of keys go together, so that keys are read once and never repeated.
    query = query.reshape(1, keys.shape[1], -1, query.shape[-1])
    scores = (query @ keys.transpose(2, 3)).float() * attention.scaling
    weights = scores.masked_fill(~seen, float("-inf")).softmax(dim=-1).to(values)
    attended: Tensor = attention.o_proj((weights @ values).reshape(1, 1, -1))
    return attended


def compiled(step: Step) -> Step:
    """The step fused into few kernels and, on a GPU, recorded as one CUDA graph."""
    # Each buffer has a shape and a recording of its own, so none may use up another's recompilations.
    compile_: Any = torch.compile  # its type lacks the last argument
    fused: Step = compile_(step, mode="reduce-overhead", fullgraph=True, dynamic=False, isolate_recompiles=True)
    return fused


def _set_length(buffer: StaticCache, length: int) -> None:
    for layer in buffer.layers:
        layer.cumulative_length.fill_(length)


def _use(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.set_device(device)
