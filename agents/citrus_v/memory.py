"""What the model has read of one conversation, so that no token is read twice.

A conversation grows at its end. Keys and values of the longest beginning that is still the same are
kept, and only what is new is read. Pictures are told apart by their content, not by their tokens,
which are all alike; a picture that is in the kept beginning is not even encoded again.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock

import torch
from torch import Tensor
from transformers import DynamicCache

from agents.citrus_v.model import CitrusV
from agents.citrus_v.pictures import Picture
from agents.citrus_v.processor import CitrusVProcessor, Message
from agents.citrus_v.steps import StaticSteps

STEPPED = 4
"""Words that are read one by one where the step is recorded; more are read faster together."""

KEPT_CONVERSATIONS = 4
"""Conversations whose keys and values are kept at once."""

Features = Callable[[Picture], Tensor]
"""What the language model sees of a picture, (image tokens, hidden)."""


@dataclass(frozen=True)
class Written:
    """A conversation as tokens, up to where the assistant answers.

    Attributes:
        keys: As `ids`, but with the digest of its picture at each image token.
        pictures: In order.
        grids: (pictures, 3), patches in time, height and width.
    """

    ids: list[int]
    keys: list[int | str]
    pictures: tuple[Picture, ...]
    grids: Tensor

    @classmethod
    def of(cls, messages: Sequence[Message], processor: CitrusVProcessor, image_token: int) -> "Written":
        """Write out a conversation; pictures are measured, not encoded.

        Raises:
            ValueError: A picture's sides differ too much for the model.
        """
        pictures = tuple(picture for message in messages for picture in message.pictures)
        grids = [processor.grid(picture) for picture in pictures]
        ids = processor.encode(messages, grids)
        slots = (
            picture.digest
            for picture, (time, rows, columns) in zip(pictures, grids, strict=True)
            for _ in range(time * rows * columns // processor.merge**2)
        )
        keys = [next(slots) if token == image_token else token for token in ids]
        return cls(ids, keys, pictures, torch.tensor(grids, dtype=torch.long).reshape(-1, 3))


class ReadSoFar:
    """Keys and values of what was read, for one conversation at batch 1.

    Args:
        model: Ready to answer.
        steps: Read the words of answers, where they are read in fixed buffers.

    Attributes:
        kept: Tokens of the last prompt that were not read again.
    """

    def __init__(self, model: CitrusV, steps: StaticSteps | None = None) -> None:
        self.model = model
        self.steps = steps
        self.kept = 0
        self._cache = DynamicCache(config=model.config.mllm_config.text_config)
        self._keys: list[int | str] = []
        self._next = 0

    def __len__(self) -> int:
        """Tokens read and kept."""
        return len(self._keys)

    @torch.inference_mode()
    def read(self, written: Written, features: Features) -> Tensor:
        """Read what is new of a conversation; the next token's logits, (vocabulary,) float32.

        Args:
            features: Asked only for pictures of which something is new.
        """
        if self.steps is not None:
            self.steps.settle(self._cache)
        # The last token is always read: its state says what comes next.
        start = min(_common(self._keys, written.keys), len(written.ids) - 1)
        if len(self._keys) > start:
            self._cache.crop(start - len(self._keys))
            del self._keys[start:]
        self.kept = start
        device = self.model.mllm.device
        ids = torch.tensor([written.ids], device=device)
        positions, _ = self.model.positions(ids, None, written.grids.to(device))
        embeddings = self.model.embed(ids[:, start:], self._new_features(written, start, features))
        hidden = self.model.read(embeddings, positions[..., start:], cache=self._cache)[:, -1]
        self._keys += written.keys[start:]
        self._next = int(positions.max()) + 1
        return self.model.predict(hidden)[0].float()

    @torch.inference_mode()
    def go_on(self, tokens: Sequence[int]) -> Tensor:
        """Read words of the answer; the next token's logits, (vocabulary,) float32."""
        if self.steps is not None and len(tokens) <= STEPPED:
            _, logits = self.steps.read(self._cache, tokens, self._next)
        else:
            logits = self.model.predict(self._together(tokens))
        self._keys += tokens
        self._next += len(tokens)
        return logits[0].float()

    def _together(self, tokens: Sequence[int]) -> Tensor:
        """Read words in one pass; the state of the last, (1, hidden)."""
        if self.steps is not None:
            self.steps.settle(self._cache)
        device = self.model.mllm.device
        ids = torch.tensor([list(tokens)], device=device)
        positions = torch.arange(self._next, self._next + len(tokens), device=device).expand(3, 1, -1)
        return self.model.read(self.model.embed(ids, ()), positions, cache=self._cache)[:, -1]

    def _new_features(self, written: Written, start: int, features: Features) -> list[Tensor]:
        """Features at the image tokens from `start` on."""
        image_token = self.model.config.mllm_config.image_token_id
        before = written.ids[:start].count(image_token)
        new = []
        for picture, grid in zip(written.pictures, written.grids.tolist(), strict=True):
            count = grid[0] * grid[1] * grid[2] // self.model.config.mllm_config.vision_config.spatial_merge_size**2
            if before < count:
                new.append(features(picture)[before:])
            before = max(0, before - count)
        return new


class Shelf:
    """What a few conversations have read, each taken out by its own key only.

    Keys and values of a long conversation with the 8B fill hundreds of megabytes. So the conversation
    that was silent for longest is forgotten first, and read again if it goes on.
    """

    def __init__(self, capacity: int = KEPT_CONVERSATIONS) -> None:
        self.capacity = capacity
        self._kept: OrderedDict[object, ReadSoFar] = OrderedDict()
        self._lock = Lock()

    def take(self, key: object) -> ReadSoFar | None:
        """What that conversation has read, now the caller's alone, or None."""
        with self._lock:
            return self._kept.pop(key, None)

    def put(self, key: object, memory: ReadSoFar) -> None:
        """Keep what that conversation has read."""
        with self._lock:
            self._kept[key] = memory
            self._kept.move_to_end(key)
            while len(self._kept) > self.capacity:
                self._kept.popitem(last=False)


def _common(one: Sequence[int | str], other: Sequence[int | str]) -> int:
    """How many first keys are the same."""
    for index, (mine, theirs) in enumerate(zip(one, other, strict=False)):
        if mine != theirs:
            return index
    return min(len(one), len(other))
