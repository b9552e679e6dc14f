"""Masks on the original pixels: corners, sizes, scores and absence."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.citrus_v.masks import draw, rounded
from agents.citrus_v.model import MaskLogits


def decoded(logits: torch.Tensor, iou=(0.1, 0.9, 0.3), object_logit: float = 2.0) -> MaskLogits:
    """One prompt whose best proposal, the second, is `logits`."""
    proposals = torch.stack([torch.full_like(logits, 5.0), logits, -logits])
    return MaskLogits(proposals[None], torch.tensor([iou]), torch.tensor([object_logit]))


@given(st.integers(20, 900), st.integers(20, 900), st.sampled_from(["tl", "tr", "bl", "br"]))
@settings(max_examples=1000, deadline=None)
def test_a_corner_stays_in_its_corner(height, width, corner):
    logits = torch.full((64, 64), -8.0)
    rows = slice(0, 32) if corner[0] == "t" else slice(32, 64)
    columns = slice(0, 32) if corner[1] == "l" else slice(32, 64)
    logits[rows, columns] = 8.0

    mask = draw(decoded(logits), height, width)[0].mask

    # True exactly where the centre of the pixel lies in that half of the picture.
    y, x = (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width
    in_rows = y < 0.5 if corner[0] == "t" else y > 0.5
    in_columns = x < 0.5 if corner[1] == "l" else x > 0.5
    differs = mask != (in_rows[:, None] & in_columns[None, :])
    # Between two logits of opposite sign the edge is theirs to place: half a coarse pixel.
    near = (np.abs(y - 0.5) < 0.5 / 64)[:, None] | (np.abs(x - 0.5) < 0.5 / 64)[None, :]
    assert not (differs & ~near).any()


def test_logits_are_resized_not_masks():
    ramp = torch.linspace(-1, 1, 8).expand(8, 8)
    mask = draw(decoded(ramp), 8, 800)[0].mask
    # The zero lies between the fourth and fifth coarse pixel: at column 400, not at a coarse edge off it.
    assert mask[0].argmax() in (399, 400, 401)
    shifted = draw(decoded(ramp + 0.05), 8, 800)[0].mask
    assert 375 < shifted[0].argmax() < 390


def test_the_best_proposal_and_its_scores():
    logits = torch.full((16, 16), -4.0)
    logits[4:8, 4:8] = 4.0
    drawn = draw(decoded(logits), 16, 16)[0]
    assert drawn.iou == pytest.approx(0.9)
    assert drawn.object_score == pytest.approx(1 / (1 + np.exp(-2)))
    assert drawn.stability == 1.0
    assert drawn.mask.sum() == 16
    assert not drawn.absent
    assert set(drawn.scores) == {"iou", "object_score", "stability"}


def test_an_unstable_mask_scores_lower():
    logits = torch.full((16, 16), -4.0)
    logits[:, :4] = 4.0
    logits[:, 4:8] = 0.5
    assert draw(decoded(logits), 16, 16)[0].stability == pytest.approx(0.5)


def test_a_low_object_score_is_absence_and_so_is_an_empty_mask():
    logits = torch.full((16, 16), 4.0)
    assert draw(decoded(logits, object_logit=-0.01), 16, 16)[0].absent
    assert not draw(decoded(logits, object_logit=0.01), 16, 16)[0].absent
    empty = draw(decoded(-logits, object_logit=9.0), 16, 16)[0]
    assert empty.absent
    assert empty.stability == 0.0


def test_a_thing_without_dents_is_its_hull_and_nothing_else() -> None:
    mask = np.zeros((20, 20), dtype=np.bool_)
    mask[4:12, 4:12] = True
    whole = mask.copy()
    mask[6:9, 8:12] = False
    mask[17, 17] = True
    assert (rounded(mask) == whole).all()
    line = np.zeros((5, 9), dtype=np.bool_)
    line[2, 1:8] = True
    assert (rounded(line) == line).all()
    assert rounded(np.eye(1, 5, dtype=np.bool_)).sum() == 1
    assert not rounded(np.zeros((5, 5), dtype=np.bool_)).any()
