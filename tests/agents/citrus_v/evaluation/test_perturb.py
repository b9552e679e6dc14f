"""Changes of a picture: they change it, keep its labels true, and do so the same way each time."""

import numpy as np
import pytest

from agents.citrus_v.evaluation.perturb import PERTURBATIONS


@pytest.fixture
def pixels() -> np.ndarray:
    rows, columns = np.mgrid[:96, :128]
    grey = (60 + 0.5 * rows + 0.5 * columns).astype(np.uint8)
    grey[30:60, 40:90] = 220
    return np.repeat(grey[..., None], 3, axis=-1)


@pytest.fixture
def mask() -> np.ndarray:
    mask = np.zeros((96, 128), dtype=bool)
    mask[30:60, 40:90] = True
    return mask


BOX = (40.0, 30.0, 90.0, 60.0)


def test_there_are_ten() -> None:
    assert len(PERTURBATIONS) == 10


@pytest.mark.parametrize("name", list(PERTURBATIONS))
def test_the_picture_changes_and_the_labels_follow_it(name, pixels, mask) -> None:
    outcomes = []
    for _ in range(2):
        random = np.random.default_rng(5)
        changed, masks, boxes = PERTURBATIONS[name](pixels, {"a": mask}, {"a": (BOX,)}, random)
        assert changed.dtype == np.uint8
        assert masks["a"].shape == changed.shape[:2]
        assert changed.shape != pixels.shape or not np.array_equal(changed, pixels)
        outcomes.append(changed)
    assert np.array_equal(*outcomes)
    # What was bright inside and dark outside still differs across the mask's border.
    values = changed[..., 0].astype(float)
    assert abs(values[masks["a"]].mean() - values[~masks["a"]].mean()) > 25
    x0, y0, x1, y1 = boxes["a"][0]
    rows, columns = np.nonzero(masks["a"])
    assert abs((x0 + x1) / 2 - columns.mean()) < 3
    assert abs((y0 + y1) / 2 - rows.mean()) < 3


def test_what_leaves_the_picture_leaves_the_boxes(pixels, mask) -> None:
    corner = (0.0, 0.0, 8.0, 8.0)
    _, _, boxes = PERTURBATIONS["crop"](pixels, {}, {"a": (corner, BOX)}, np.random.default_rng(1))
    assert len(boxes["a"]) == 1
