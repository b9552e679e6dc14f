"""Pictures changed at random: masks follow their picture, and what has left it is called absent."""

import numpy as np
import pytest
import torch

from agents.citrus_v.training.augment import geometry, stretched
from agents.citrus_v.training.batches import Sampler
from agents.citrus_v.training.prepared import Prepared
from agents.citrus_v.training.recipe import Phase
from agents.citrus_v.training.targets import TARGETS

PHASE = Phase(steps=1, batch=1, side=64)
HEART = "left ventricle cavity"


@pytest.fixture
def sampler() -> Sampler:
    mask = np.zeros((128, 128), dtype=np.uint8)
    mask[8:30, 8:30] = 255
    pixels = np.random.default_rng(0).integers(0, 255, (128, 128, 1), dtype=np.uint8)
    return Sampler([Prepared("one", "cardiac_mri", pixels, {HEART: mask}, {HEART: True})], seed=3)


def test_what_a_closer_look_leaves_out_is_absent_there(sampler) -> None:
    batch = sampler.batch(0, 200, Phase(steps=1, batch=1, side=64, prompts=2, augment=0))
    asked = batch.targets == TARGETS.index(HEART)
    drawn, said = batch.has_mask[asked], batch.present[asked]
    assert (said[drawn] == 1).all()
    assert (said[~drawn] != 1).all()
    assert int((said == 0).sum()) > 5
    told = batch.told[:, TARGETS.index(HEART)]
    empty = batch.dense[:, TARGETS.index(HEART)].sum(dim=(1, 2)) == 0
    assert bool((told & empty).any())


def test_the_same_step_gives_the_same_batch(sampler) -> None:
    one, two = (sampler.batch(4, 6, PHASE) for _ in range(2))
    assert torch.equal(one.pixels, two.pixels)
    assert torch.equal(one.truth, two.truth)
    assert not torch.equal(one.pixels, sampler.batch(5, 6, PHASE).pixels)


@pytest.mark.parametrize("seed", range(8))
def test_masks_move_and_bend_with_their_picture(seed) -> None:
    mask = torch.zeros(1, 96, 96)
    mask[:, 30:60, 20:70] = 1
    pixels, shares, _ = geometry(mask.expand(3, -1, -1) * 255, mask, 64, np.random.default_rng(seed), turns=True)
    assert torch.allclose(pixels[0] / 255, shares[0], atol=1e-5)
    assert float(shares.sum()) > 0


def test_a_stretched_picture_spans_the_display_and_a_flat_one_stays() -> None:
    dark = torch.linspace(0.1, 0.3, 64 * 64).reshape(1, 64, 64).expand(3, -1, -1)
    shown = stretched(dark, 0.0)
    assert float(shown.min()) == pytest.approx(0, abs=0.03)
    assert float(shown.max()) == pytest.approx(1, abs=0.03)
    flat = torch.full((3, 64, 64), 0.4)
    assert torch.equal(stretched(flat, 0.0), flat)
