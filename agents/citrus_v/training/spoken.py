"""Batches of words: plain text cut to length, and conversations about pictures."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from agents.citrus_v.pictures import Picture
from agents.citrus_v.processor import CitrusVProcessor, Message
from agents.citrus_v.training.augment import photometry
from agents.citrus_v.training.conversations import OUTLINED, SEG, SEGMENT, Conversation, Kind, converse, phrased
from agents.citrus_v.training.examples import Example
from agents.citrus_v.training.objectives import IGNORED, Spoken
from agents.citrus_v.training.targets import TARGETS

_Row = tuple[Picture | None, str, str, tuple[int, ...]]
"""A picture, a question about it, the answer, and the target of each `[SEG]` in it."""


class Speaker:
    """Turns texts and conversations into token ids; the same seed and step give the same batch.

    Args:
        length: Tokens of a piece of plain text.
        targets: The learner's.
    """

    def __init__(
        self,
        processor: CitrusVProcessor,
        seg: int,
        end: int,
        seed: int,
        length: int = 96,
        targets: Sequence[str] = TARGETS,
    ) -> None:
        self.processor, self.seg, self.end = processor, seg, end
        self.seed, self.length, self.targets = seed, length, list(targets)

    def words(self, text: str) -> list[int]:
        """Token ids; `[SEG]` becomes the token that draws."""
        pieces = text.split(SEG)
        ids = self.processor.words(pieces[0])
        for piece in pieces[1:]:
            ids += [self.seg, *self.processor.words(piece)]
        return ids

    def text(self, stream: np.ndarray, step: int, size: int) -> Spoken:
        """Pieces of one long stream of token ids."""
        random = np.random.default_rng([self.seed, step])
        starts = random.integers(0, max(1, len(stream) - self.length), size=size)
        ids = torch.from_numpy(np.stack([stream[start : start + self.length] for start in starts]).astype(np.int64))
        nothing = torch.zeros((0, 2), dtype=torch.long)
        return Spoken(
            ids, torch.ones_like(ids), ids.clone(), None, torch.zeros((0, 3), dtype=torch.long), nothing, nothing[:, 0]
        )

    def about(
        self, by_folder: dict[str, list[Example]], kinds: Sequence[Kind], step: int, size: int, *, pictures: bool = True
    ) -> Spoken:
        """Conversations of the kinds, about pictures of every folder alike, with or without showing them."""
        random = np.random.default_rng([self.seed, step])
        folders = list(by_folder)
        said: list[Conversation] = []
        while len(said) < size:
            examples = by_folder[folders[int(random.integers(len(folders)))]]
            example = examples[int(random.integers(len(examples)))]
            kind = kinds[int(random.integers(len(kinds)))]
            grid = self.processor.resized(*example.pixels.shape[:2])
            conversation = converse(example, kind, random, grid)
            if conversation is not None:
                said.append(conversation)
        if not pictures:
            return self._padded([self._row(one, None) for one in said])
        return self.join(said, random, change=0.5)

    def outlines(self, targets: Tensor, pictures: Sequence[Picture], step: int) -> Spoken:
        """A conversation of one `[SEG]` for each picture and target, (b, k), in their order.

        Targets that no one asks for by name are asked for as the segmenter's backend does.
        """
        random = np.random.default_rng([self.seed, step])
        rows = []
        for picture, wanted in zip(pictures, targets.tolist(), strict=True):
            for index in wanted:
                rows.append((picture, phrased(SEGMENT, self.targets[index], random), OUTLINED, (index,)))
        return self._padded(rows)

    def join(self, conversations: Sequence[Conversation], random: Generator, change: float = 0.0) -> Spoken:
        """Conversations side by side, their pictures changed by `change`."""
        rows = []
        for one in conversations:
            if one.kind == "call":
                rows.append(self._row(one, None))
                continue
            pixels = one.example.pixels
            if change:
                moved = photometry(torch.from_numpy(pixels.copy()).permute(2, 0, 1).float(), random, change)
                pixels = moved.permute(1, 2, 0).byte().numpy()
            rows.append(self._row(one, Picture.from_array(pixels)))
        return self._padded(rows)

    def _row(self, one: Conversation, picture: Picture | None) -> _Row:
        question, answer = one.turns[0]
        return picture, question, answer, tuple(self.targets.index(name) for name in one.targets)

    def _padded(self, rows: Sequence[_Row]) -> Spoken:
        shown = [picture for picture, *_ in rows if picture is not None]
        cut = {id(picture): self.processor.patches(picture) for picture in shown}
        ids, labels, segments = [], [], []
        targets: list[int] = []
        for row, (picture, question, answer, wanted) in enumerate(rows):
            seen, grids = ((picture,), [cut[id(picture)].grid]) if picture is not None else ((), [])
            asked = self.processor.encode([Message("user", question, seen)], grids)
            told = [*self.words(answer), self.end]
            segments += [(row, len(asked) + at) for at, token in enumerate(told) if token == self.seg]
            targets += wanted
            ids.append([*asked, *told])
            labels.append([IGNORED] * len(asked) + told)
        longest = max(len(one) for one in ids)
        padded = torch.zeros((len(ids), longest), dtype=torch.long)
        mask, wanted_labels = torch.zeros_like(padded), torch.full_like(padded, IGNORED)
        for row, (one, label) in enumerate(zip(ids, labels, strict=True)):
            padded[row, : len(one)] = torch.tensor(one)
            wanted_labels[row, : len(one)] = torch.tensor(label)
            mask[row, : len(one)] = 1
        return Spoken(
            padded,
            mask,
            wanted_labels,
            torch.cat([cut[id(picture)].values for picture in shown]) if shown else None,
            torch.tensor([cut[id(picture)].grid for picture in shown], dtype=torch.long).reshape(-1, 3),
            torch.tensor(segments, dtype=torch.long).reshape(-1, 2),
            torch.tensor(targets, dtype=torch.long),
        )
