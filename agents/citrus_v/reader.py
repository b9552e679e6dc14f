"""Questions about pictures in, words and masks out: the model, its processor and its memory joined."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Self

import torch
from torch import Tensor

from agents.citrus_v.features import FeatureCache
from agents.citrus_v.generation import Chooser, Finish, Prompt, generate, greedy
from agents.citrus_v.masks import DrawnMask, draw
from agents.citrus_v.model import CitrusV, ImageEmbedding, MaskLogits
from agents.citrus_v.pictures import Picture
from agents.citrus_v.processor import CitrusVProcessor, Message
from agents.citrus_v.steps import Decoding, StaticSteps

KEPT_PICTURES = 16
"""Pictures whose features are kept; with Hiera-L about 17 MB each in float32."""

MAX_NEW_TOKENS = 512


class CannotRead(ValueError):  # noqa: N818 - an answer for the reasoner, not a fault
    """The image does not allow it, in words for the reasoner.

    Attributes:
        reason: The words.
        target: What was asked for, or None.
    """

    def __init__(self, reason: str, *, target: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.target = target
        self.known: tuple[str, ...] = ()


@dataclass(frozen=True)
class Turn:
    """One conversation that waits for an answer.

    Attributes:
        messages: The last one is the user's.
        drawn_on: Index among all pictures of the one that masks are drawn on; the last by default.
        draws: Whether a mask is expected, so that SAM 2 may begin before the first `[SEG]`.
    """

    messages: tuple[Message, ...]
    drawn_on: int = -1
    draws: bool = False

    @classmethod
    def ask(cls, text: str, *pictures: Picture, drawn_on: int = -1, draws: bool = False) -> Self:
        """A short conversation of one question."""
        return cls((Message("user", text, pictures),), drawn_on, draws)

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """All pictures in the order in which the model sees them."""
        return tuple(picture for message in self.messages for picture in message.pictures)


@dataclass(frozen=True)
class Reply:
    """What the model answers.

    Attributes:
        ids: Its tokens; empty from a server, which sends none.
        masks: One for each `[SEG]` of the answer, on the pixels of `Turn.drawn_on`.
        segments: (k, hidden) of those `[SEG]`; None from a server, which sends none.
    """

    text: str
    ids: tuple[int, ...]
    masks: tuple[DrawnMask, ...]
    finish: Finish
    segments: Tensor | None = field(default=None, compare=False, repr=False)


class Reader:
    """Answers questions about pictures and draws masks, in one pass.

    A picture is encoded once for each encoder and kept by the content of its pixels; k masks on it
    cost one encoding and one pass of the mask decoder.

    Args:
        model: Ready to answer.
        processor: Of the same checkpoint.
        kept: How many pictures to remember.
        decoding: How the tokens of an answer are read; see `Decoding`.

    Raises:
        ValueError: The model cannot be decoded so.
    """

    def __init__(
        self,
        model: CitrusV,
        processor: CitrusVProcessor,
        *,
        kept: int = KEPT_PICTURES,
        decoding: Decoding = Decoding.AUTO,
    ) -> None:
        self.model = model
        self.processor = processor
        self.steps = StaticSteps.of(model, decoding)
        self.seen: FeatureCache[tuple[Tensor, tuple[int, int, int]]] = FeatureCache(kept)
        self.embedded: FeatureCache[ImageEmbedding] = FeatureCache(kept)
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="citrus-v-segmenter")

    @classmethod
    def from_pretrained(
        cls,
        folder: str | os.PathLike[str],
        *,
        min_pixels: int | None = None,
        max_pixels: int | None = None,
        kept: int = KEPT_PICTURES,
        decoding: Decoding = Decoding.AUTO,
        **kwargs: Any,
    ) -> Self:
        """Open a checkpoint folder; `kwargs` are those of `checkpoint.load`."""
        processor = CitrusVProcessor.from_pretrained(folder, min_pixels=min_pixels, max_pixels=max_pixels)
        return cls(CitrusV.from_pretrained(folder, **kwargs), processor, kept=kept, decoding=decoding)

    def read(
        self,
        turns: Sequence[Turn],
        max_new_tokens: int = MAX_NEW_TOKENS,
        choose: Chooser = greedy,
        on_token: Callable[[int, int], None] | None = None,
    ) -> list[Reply]:
        """Answer every turn, in one batch; turns cannot see one another.

        Raises:
            ValueError: A picture cannot be read, or `drawn_on` names none.
        """
        prompts = [self._prompt(turn) for turn in turns]
        for turn in turns:
            if turn.draws and turn.pictures:
                self._begin(turn)

        def heard(row: int, token: int) -> None:
            if token == self.model.config.seg_token_id and turns[row].pictures:
                self._begin(turns[row])
            if on_token is not None:
                on_token(row, token)

        generated = generate(self.model, prompts, max_new_tokens, choose, heard, self.steps)
        replies = []
        for turn, answer in zip(turns, generated, strict=True):
            masks: list[DrawnMask] = []
            if len(answer.segments) and turn.pictures:
                masks = self.draw(turn.pictures[turn.drawn_on], answer.segments)
            text = self.processor.decode(answer.ids)
            replies.append(Reply(text, answer.ids, tuple(masks), answer.finish, answer.segments))
        return replies

    def resized(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) on which boxes in answers are, for a picture of that size."""
        return self.processor.resized(height, width)

    def _begin(self, turn: Turn) -> None:
        """Let SAM 2 encode the picture while the language model goes on; `draw` waits for it."""
        self._beside.submit(self.embedding, turn.pictures[turn.drawn_on])

    @torch.inference_mode()
    def draw(self, picture: Picture, segments: Tensor) -> list[DrawnMask]:
        """Masks on `picture` for hidden states of `[SEG]`, (k, hidden)."""
        return draw(self.decode(picture, segments), picture.height, picture.width)

    @torch.inference_mode()
    def decode(self, picture: Picture, segments: Tensor) -> MaskLogits:
        """Mask logits on the model's own grid for hidden states of `[SEG]`, (k, hidden)."""
        return self.model.decode_masks(self.embedding(picture), self.model.prompt(segments))

    @torch.inference_mode()
    def embedding(self, picture: Picture) -> ImageEmbedding:
        """SAM 2's features of the original pixels, encoded once."""
        return self.embedded.get(
            picture.digest, lambda: self.model.encode_image(picture.square(self.processor.image_size))
        )

    @torch.inference_mode()
    def features(self, picture: Picture) -> tuple[Tensor, tuple[int, int, int]]:
        """What the language model sees of the picture, and its grid of patches; encoded once."""

        def encode() -> tuple[Tensor, tuple[int, int, int]]:
            cut = self.processor.patches(picture)
            return self.model.encode_vision(cut.values, torch.tensor([cut.grid]))[0], cut.grid

        return self.seen.get(picture.digest, encode)

    def _prompt(self, turn: Turn) -> Prompt:
        pictures = turn.pictures
        if pictures and not -len(pictures) <= turn.drawn_on < len(pictures):
            raise ValueError(f"masks cannot be drawn on picture {turn.drawn_on} of {len(pictures)}")
        seen = [self.features(picture) for picture in pictures]
        grids = [grid for _, grid in seen]
        ids = self.processor.encode(turn.messages, grids)
        return Prompt(ids, torch.tensor(grids, dtype=torch.long).reshape(-1, 3), tuple(image for image, _ in seen))
