"""Batches for the segmenter: pictures drawn by folder, changed at random, with targets there and not there."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from agents.citrus_v.pictures import DEVIATION, MEAN
from agents.citrus_v.tiles import CLOSEST
from agents.citrus_v.training.augment import geometry, mirrored_name, photometry
from agents.citrus_v.training.prepared import Prepared
from agents.citrus_v.training.recipe import Phase
from agents.citrus_v.training.targets import CLOSER, TARGETS, TRANSPLANTED, foreign, home
from agents.citrus_v.training.transplants import Transplants

SHARES = {
    "brain_mri": 0.61,
    "cardiac_mri": 0.13,
    "hippocampus_mri": 0.03,
    "nuclei": 0.07,
    "blood_cells": 0.11,
    "chest_xray": 0.05,
}
"""How often a folder is drawn from: the hard ones more than their number of pictures."""

ZOOMS = {"nuclei": (1.5, 2.6), "blood_cells": (1.3, 2.7)}
"""How closely pictures of many small things are looked at."""

CLOSE_LOOKS = dict.fromkeys(CLOSER, (0.27, 0.06)) | {"left ventricle cavity": (0.42, 0.10)}
"""Of the looks at a picture with a thing that is looked at closer, those at the thing, and those as close at any part:
where it is not, a closer look must not find it. A tumour is hard to find, and once found easily outlined.
"""

CLOSER_ROOM = (1.5, 3.2)
"""Side of a closer look over the longer side of what it goes to."""

_LEAST = 8
"""Pixels that must be left of a target after a change of geometry."""


@dataclass(frozen=True)
class Batch:
    """b pictures with k targets each, as `drawing` wants them.

    Attributes:
        pixels: (b, 3, side, side), normalised.
        targets: (b, k), rows of the sampler's targets.
        truth: (b, k, side/2, side/2) shares.
        has_mask: (b, k).
        present: (b, k), -1 where unknown.
        dense: (b, targets, side/4, side/4) shares of every target, for a head that knows no prompts.
        told: (b, targets), whether `dense` is the truth.
    """

    pixels: Tensor
    targets: Tensor
    truth: Tensor
    has_mask: Tensor
    present: Tensor
    dense: Tensor
    told: Tensor


class Sampler:
    """Draws batches; the same seed and step give the same batch."""

    def __init__(self, prepared: Sequence[Prepared], seed: int, targets: Sequence[str] = TARGETS) -> None:
        self.seed, self.targets = seed, list(targets)
        self.by_folder: dict[str, list[Prepared]] = {}
        for one in prepared:
            self.by_folder.setdefault(one.folder, []).append(one)
        shares = np.array([SHARES.get(folder, 0.1) for folder in self.by_folder])
        self.folders, self.shares = list(self.by_folder), shares / shares.sum()
        self.transplants = Transplants(prepared, TRANSPLANTED)

    def batch(self, step: int, size: int, phase: Phase, coarseness: int = 4) -> Batch:
        """`size` pictures for a step, as the phase wants them; `dense` is `coarseness` times smaller than they."""
        random = np.random.default_rng([self.seed, step])
        drawn = [self._one(phase, coarseness, random) for _ in range(size)]
        return Batch(*(torch.stack(column) for column in zip(*drawn, strict=True)))

    def _one(self, phase: Phase, coarseness: int, random: Generator) -> tuple[Tensor, ...]:
        side, prompts, strength = phase.side, phase.prompts, phase.augment
        folder = self.folders[int(random.choice(len(self.folders), p=self.shares))]
        examples = self.by_folder[folder]
        one = examples[int(random.integers(len(examples)))]
        if folder == "hippocampus_mri" and not one.masks and random.random() < 0.6:
            # Slices beside the hippocampus teach one thing only.
            one = examples[int(random.integers(len(examples)))]
        if phase.transplants and random.random() < phase.transplants:
            one = self.transplants(one, random)
        names = list(one.masks)
        pixels = torch.from_numpy(one.pixels).permute(2, 0, 1).float().expand(3, -1, -1)
        stack = torch.from_numpy(np.stack(list(one.masks.values()))).float() / 255 if names else pixels[:0]
        turns = folder in ("nuclei", "blood_cells")
        zoom, towards = float(random.uniform(*ZOOMS.get(folder, (1.0, 1.0)))), None
        alone = next((target for target in CLOSER if target in one.masks), None)
        chance = random.random()
        near, elsewhere = (0.0, 0.0) if alone is None else CLOSE_LOOKS[alone]
        if alone is not None and chance < near:
            zoom, towards = _closer(one.masks[alone], random)
        elif chance < near + elsewhere:
            zoom = float(random.uniform(1.5, CLOSEST))
        moved, shares, mirrored = geometry(
            pixels, stack, side, random, turns=turns, zoom=zoom, towards=towards, strength=strength
        )
        moved = photometry(moved, random, strength)
        call = mirrored_name if mirrored else str
        shown = {call(name): share for name, share in zip(names, shares, strict=True)}
        gone = {name for name, share in shown.items() if not share.any()}
        # Of what a sliver is left it is not known whether it is there.
        shown = {name: share for name, share in shown.items() if float(share.sum()) > _LEAST}
        there = {
            call(name): yes and (name not in one.masks or call(name) in shown) for name, yes in one.present.items()
        }
        lost = {call(name) for name, yes in one.present.items() if yes and not there[call(name)]} - gone
        targets = torch.zeros(prompts, dtype=torch.long)
        truth, has_mask = torch.zeros(prompts, side // 2, side // 2), torch.zeros(prompts, dtype=torch.bool)
        known = torch.full((prompts,), -1)
        for slot, target in enumerate(_choose(folder, there, shown, prompts, random)):
            targets[slot] = self.targets.index(target)
            known[slot] = -1 if target in lost else int(there.get(target, False))
            if target in shown:
                truth[slot] = adaptive_avg_pool2d(shown[target][None], side // 2)[0]
                has_mask[slot] = True
        dense, told = (
            torch.zeros(len(self.targets), side // coarseness, side // coarseness),
            torch.zeros(len(self.targets), dtype=torch.bool),
        )
        for index, target in enumerate(self.targets):
            if target in shown:
                dense[index] = adaptive_avg_pool2d(shown[target][None], side // coarseness)[0]
            told[index] = target in shown or (target not in lost and there.get(target) is False)
        for target in foreign(folder):
            told[self.targets.index(target)] = True
        return (moved / 255 - MEAN) / DEVIATION, targets, truth, has_mask, known, dense, told


def _closer(mask: NDArray[np.uint8], random: Generator) -> tuple[float, tuple[float, float]]:
    """Zoom and middle, as `geometry` takes them, of a look at a mask that is not empty, some way off it."""
    rows, columns = mask.shape
    down, across = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    tall, wide = (down[-1] - down[0] + 1) / rows, (across[-1] - across[0] + 1) / columns
    zoom = float(np.clip(1 / (max(tall, wide) * random.uniform(*CLOSER_ROOM)), 1.0, CLOSEST))
    off = random.uniform(-0.3, 0.3, size=2) / zoom
    return zoom, (
        float(np.clip((across[0] + across[-1] + 1) / columns - 1 + off[0], 1 / zoom - 1, 1 - 1 / zoom)),
        float(np.clip((down[0] + down[-1] + 1) / rows - 1 + off[1], 1 / zoom - 1, 1 - 1 / zoom)),
    )


def _choose(
    folder: str, there: Mapping[str, bool], shown: Collection[str], prompts: int, random: Generator
) -> list[str]:
    """Targets to ask for: first what is there, at least one of the others where there is a slot."""
    first = sorted(shown)
    random.shuffle(first)
    asked = first[: prompts - 1]
    rest = [target for target in home(folder) or sorted(there) if target in there and target not in shown]
    while len(asked) < prompts:
        near = [target for target in rest if target not in asked]
        if near and random.random() < 0.7:
            asked.append(near[int(random.integers(len(near)))])
            continue
        far = [target for target in foreign(folder) if target not in asked] or near or sorted(there) or list(TARGETS)
        asked.append(far[int(random.integers(len(far)))])
    return asked
