"""What a stage makes better: modules whose forward takes a batch and gives named losses.

Each holds the whole model, so that one call passes through whatever wraps it for several devices.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from agents.citrus_v.model import CitrusV
from agents.citrus_v.training.batches import Batch
from agents.citrus_v.training.drawing import dense_loss, draw, losses
from agents.citrus_v.training.targets import TARGETS

PROMPT_SPREAD = 0.5
"""Standard deviation of new prompts in the table."""

IGNORED = -100


class Learner(nn.Module):
    """The model and, beside it, what helps it to learn and is no part of a checkpoint.

    Attributes:
        table: One prompt a target, from which SAM 2 learns without words, and which then teaches the projector.
        dense: Reads every target off the finest features at once: the image encoder learns from all
            targets of a picture, not only from those that are asked for.
    """

    def __init__(self, model: CitrusV, targets: Sequence[str] = TARGETS) -> None:
        super().__init__()
        self.model = model
        width = model.config.segmenter_config.vision_config.fpn_hidden_size
        self.table = nn.Embedding(len(targets), model.config.prompt_size)
        self.dense = nn.Conv2d(width, len(targets), kernel_size=1)
        nn.init.normal_(self.table.weight, std=PROMPT_SPREAD)


@dataclass(frozen=True)
class Spoken:
    """Conversations as token ids, and what goes with them.

    Attributes:
        ids: (b, length), padded at the right.
        mask: (b, length), 0 at padding.
        labels: (b, length), the token itself where it is to be learned, else -100.
        patches: Of all pictures, one after the other; None without pictures.
        grids: (pictures, 3).
        segments: (k, 2), row and position of each `[SEG]`.
        targets: (k,), rows of the learner's targets.
    """

    ids: Tensor
    mask: Tensor
    labels: Tensor
    patches: Tensor | None
    grids: Tensor
    segments: Tensor
    targets: Tensor


class Masks(nn.Module):
    """SAM 2 from the table of targets."""

    def __init__(self, learner: Learner) -> None:
        super().__init__()
        self.learner = learner

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Losses of masks and scores."""
        drawn = draw(self.learner.model.segmenter, batch.pixels, self.learner.table(batch.targets))
        found = _named(losses(drawn, batch.truth, batch.has_mask, batch.present))
        everywhere = dense_loss(self.learner.dense(drawn.finest), batch.dense, batch.told)
        return found | {"dense": everywhere, "total": found["total"] + everywhere}


class Conversations(nn.Module):
    """The language model on text or on questions with pictures; `[SEG]` learns the table's prompts."""

    def __init__(self, learner: Learner) -> None:
        super().__init__()
        self.learner = learner

    def forward(self, batch: Spoken) -> dict[str, Tensor]:
        """The mean cross-entropy of what is to be learned, and the distance to the prompts."""
        hidden = read(self.learner.model, batch)
        found = {"language": language(self.learner.model, hidden, batch)}
        if len(batch.segments):
            prompts = self.learner.model.prompt(hidden[batch.segments[:, 0], batch.segments[:, 1]])
            found["prompt"] = mse_loss(prompts, self.learner.table(batch.targets).detach()) / PROMPT_SPREAD**2
        return found | {"total": torch.stack(list(found.values())).sum()}


class Drawing(nn.Module):
    """Masks through `[SEG]`: the hidden state, the projector and the segmenter, with the language loss."""

    def __init__(self, learner: Learner) -> None:
        super().__init__()
        self.learner = learner

    def forward(self, batch: tuple[Spoken, Batch]) -> dict[str, Tensor]:
        """One conversation with one `[SEG]` for each picture and target of the batch, in their order."""
        spoken, pictures = batch
        model = self.learner.model
        hidden = read(model, spoken)
        prompts = model.prompt(hidden[spoken.segments[:, 0], spoken.segments[:, 1]])
        drawn = draw(model.segmenter, pictures.pixels, prompts.reshape(*pictures.targets.shape, -1))
        found = _named(losses(drawn, pictures.truth, pictures.has_mask, pictures.present))
        spoken_loss = language(model, hidden, spoken)
        return found | {"language": spoken_loss, "total": found["total"] + spoken_loss}


OBJECTIVES: dict[str, type[nn.Module]] = {
    "masks": Masks,
    "text": Conversations,
    "conversations": Conversations,
    "drawing": Drawing,
}


def read(model: CitrusV, batch: Spoken) -> Tensor:
    """Hidden states (b, length, hidden)."""
    images: Sequence[Tensor] = ()
    if batch.patches is not None:
        images = model.encode_vision(batch.patches, batch.grids)
    positions, _ = model.positions(batch.ids, batch.mask, batch.grids)
    return model.read(model.embed(batch.ids, images), positions, batch.mask)


def language(model: CitrusV, hidden: Tensor, batch: Spoken) -> Tensor:
    """Mean cross-entropy of the labels, each from the position before it."""
    labels = batch.labels[:, 1:]
    told = labels != IGNORED
    return cross_entropy(model.predict(hidden[:, :-1][told]).float(), labels[told])


def _named(found: object) -> dict[str, Tensor]:
    names = ("mask", "dice", "iou", "presence", "total")
    return {name: getattr(found, name) for name in names}
