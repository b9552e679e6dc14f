"""A tumour from another picture: it comes whole, with its outline, and only where there is a body."""

import numpy as np
import pytest

from agents.citrus_v.training.prepared import Prepared
from agents.citrus_v.training.targets import TRANSPLANTED
from agents.citrus_v.training.transplants import APART, Transplants

SIDE, BRAIN, LESION = 96, 90, 130


def head(place: int, middle: tuple[int, int], kind: str = "glioma") -> Prepared:
    """A round head with a square tumour, brighter than the brain."""
    down, across = np.mgrid[:SIDE, :SIDE]
    pixels = np.where(np.hypot(down - SIDE / 2, across - SIDE / 2) < 40, BRAIN, 0).astype(np.uint8)
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[middle[0] - 6 : middle[0] + 6, middle[1] - 6 : middle[1] + 6] = 255
    pixels[mask > 0] = LESION
    masks = {"brain tumour": mask, kind: mask}
    return Prepared(f"head/{place}", "brain_mri", pixels[..., None], masks, dict.fromkeys(masks, True))


def herd(middle: tuple[int, int], kind: str = "glioma") -> list[Prepared]:
    return [head(0, (48, 30), kind), *(head(place, middle, kind) for place in range(1, APART + 3))]


@pytest.mark.parametrize("seed", range(10))
def test_a_host_keeps_its_tumour_and_gets_another_with_its_outline(seed) -> None:
    members = herd((48, 66))
    grown = Transplants(members, TRANSPLANTED)(members[0], np.random.default_rng(seed))
    assert grown.id == members[0].id
    for mask in grown.masks.values():
        assert (mask > 127).sum() == 2 * 12 * 12
        assert (abs(grown.pixels[..., 0].astype(int)[mask > 127] - LESION) < 15).all()
    outside = grown.pixels[..., 0][grown.masks["glioma"] < 128]
    assert set(np.unique(outside)) <= {0, *range(BRAIN - 9, BRAIN + 10)}
    assert grown.present == members[0].present
    assert (members[0].masks["glioma"] > 127).sum() == 12 * 12, "the host's own arrays were changed"


def test_neighbours_in_the_data_give_nothing_to_each_other() -> None:
    members = herd((48, 66))[:APART]
    transplants = Transplants(members, TRANSPLANTED)
    random = np.random.default_rng(0)
    assert all(transplants(one, random) is one for one in members)


def test_nothing_is_put_outside_the_body() -> None:
    members = herd((88, 88))
    random = np.random.default_rng(0)
    transplants = Transplants(members, TRANSPLANTED)
    assert all(transplants(members[0], random) is members[0] for _ in range(20))


@pytest.mark.parametrize("kind", ["pituitary tumour", "left ventricle cavity"])
def test_what_has_one_place_is_left_alone(kind) -> None:
    members = herd((48, 66), kind)
    assert Transplants(members, TRANSPLANTED)(members[0], np.random.default_rng(0)) is members[0]


def test_another_kind_is_no_donor() -> None:
    members = [head(0, (48, 30)), *(head(place, (48, 66), "meningioma") for place in range(1, APART + 3))]
    assert Transplants(members, TRANSPLANTED)(members[0], np.random.default_rng(0)) is members[0]


def test_an_empty_outline_harms_nothing() -> None:
    members = herd((48, 66))
    for one in members[1:]:
        for mask in one.masks.values():
            mask[:] = 0
    assert Transplants(members, TRANSPLANTED)(members[0], np.random.default_rng(0)) is members[0]
