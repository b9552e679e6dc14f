"""Several looks at a picture: what they agree on, how far they differ, and when nothing is said."""

import numpy as np
import pytest
import torch

from agents.citrus_v.abilities import FILE, Abilities, Ability, Calibration, Family
from agents.citrus_v.doubt import GAMMAS, DoubtedMask, doubt, spread, sure, variants
from agents.citrus_v.model import MaskLogits
from agents.citrus_v.offered import Offer
from agents.citrus_v.pictures import Picture
from agents.citrus_v.reader import CannotRead
from agents.citrus_v.tiles import closer, joined, tiles
from knowledge.case import Modality
from knowledge.evidence import SIZE_HIGH, SIZE_LOW

SIDE = 32


class Bright:
    """Draws whatever is brighter than a level, as a decoder would."""

    def __init__(self, level: float = 0.5, sharp: float = 40.0) -> None:
        self.level, self.sharp = level, sharp

    def decode(self, picture: Picture, segments: torch.Tensor) -> MaskLogits:
        values = torch.from_numpy(picture.pixels[..., 0].copy()).float()[None, None] / 255
        small = torch.nn.functional.interpolate(values, size=(SIDE, SIDE), mode="area")[0, 0]
        logits = (small - self.level) * self.sharp
        count = len(segments)
        return MaskLogits(
            logits.expand(count, 3, SIDE, SIDE).clone(),
            torch.full((count, 3), 0.8),
            torch.full((count,), float(10 * (logits.max() > 0)) - 5),
        )


def picture_of(value: int, rows: int = 64, columns: int = 64) -> Picture:
    pixels = np.full((rows, columns, 3), 20, np.uint8)
    pixels[10:30, 4:24] = value
    return Picture.from_array(pixels)


def looked(picture: Picture, reader=None, count: int = 1) -> DoubtedMask:
    return doubt(reader or Bright(), variants(picture), torch.zeros(1, 4), tiles=count)[0]


def test_looks_that_agree_give_the_mask_without_spread() -> None:
    found = looked(picture_of(255))
    truth = np.zeros((64, 64), dtype=bool)
    truth[10:30, 4:24] = True
    assert (found.mask == truth).mean() > 0.99
    assert found.agreement > 0.99
    assert (found.low, found.high) == pytest.approx((1, 1), abs=0.06)
    assert not found.absent


def test_a_mirrored_look_is_mirrored_back() -> None:
    found = looked(picture_of(255))
    assert found.mask[:, :32].sum() > 10 * found.mask[:, 32:].sum()


@pytest.mark.parametrize("size", [(64, 64), (50, 97), (131, 60), (7, 9)])
def test_a_turned_look_is_turned_back_and_loses_nothing(size) -> None:
    rows, columns = np.mgrid[: size[0], : size[1]]
    pixels = (120 + 60 * np.sin(rows / 9) + 60 * np.cos(columns / 7)).astype(np.uint8)
    for variant, gamma in zip(variants(Picture.from_array(pixels)), (1, 1, *GAMMAS), strict=True):
        values = torch.from_numpy(variant.picture.pixels[..., 0].copy()).float() / 255
        back = variant.back(values)
        assert back.shape == size
        wanted = torch.from_numpy((pixels / 255) ** gamma).float()
        inner = (slice(1, -1), slice(1, -1))
        assert float((back - wanted)[inner].abs().mean()) < 0.02


def test_a_look_that_is_not_joined_only_doubts() -> None:
    pixels = np.full((64, 64, 3), 20, np.uint8)
    pixels[10:30, 4:24] = 255
    pixels[40:60, 4:24] = 130  # below the level in the darker look
    seen = variants(Picture.from_array(pixels))
    first, joined, alone = (
        doubt(Bright(), looks, torch.zeros(1, 4), joined_looks=count)[0]
        for looks, count in ((seen, 1), (seen, None), (seen[:1], None))
    )
    assert (first.mask == alone.mask).all()
    assert (first.mask != joined.mask).any()
    assert first.agreement < alone.agreement == 1.0
    assert first.low < alone.low == 1.0


def test_looks_that_differ_widen_the_size_and_lower_the_score() -> None:
    pixels = np.full((64, 64, 3), 20, np.uint8)
    pixels[10:30, 4:24] = 255
    pixels[40:60, 4:24] = 122  # above the level in the brighter look only
    found = looked(Picture.from_array(pixels))
    assert found.high > 1.5
    assert found.agreement < 0.95
    assert found.sureness < looked(picture_of(255)).sureness


def test_nothing_there_is_absent() -> None:
    found = looked(picture_of(20))
    assert found.absent
    assert not found.mask.any()


@pytest.mark.parametrize("size", [(64, 64), (50, 97), (33, 40)])
def test_parts_join_to_the_whole(size) -> None:
    rows, columns = size
    picture = picture_of(255, *size)
    parts = list(tiles(picture, 2))
    assert len(parts) == 4
    values = torch.from_numpy(picture.pixels[..., 0].copy()).float()
    cut = [(part, values[part.top : part.bottom, part.left : part.right]) for part in parts]
    assert torch.allclose(joined(cut, rows, columns), values, atol=1e-3)


def test_parts_see_finer_than_the_whole() -> None:
    rows, columns = np.mgrid[:128, :128]
    grid = ((rows // 3 + columns // 3) % 2 * 255).astype(np.uint8)
    picture = Picture.from_array(grid)
    fine, rough = (looked(picture, Bright(sharp=10), count) for count in (2, 1))
    truth = grid > 0
    assert (fine.mask == truth).mean() > (rough.mask == truth).mean() + 0.1


def small_disc(rows: int = 256, columns: int = 256) -> tuple[Picture, np.ndarray]:
    down, across = np.mgrid[:rows, :columns] + 0.5
    truth = (down - 90) ** 2 + (across - 170) ** 2 < 13**2
    return Picture.from_array(np.where(truth, 255, 20).astype(np.uint8)), truth


def test_a_second_look_goes_closer_to_a_small_thing_and_outlines_it_better() -> None:
    picture, truth = small_disc()
    once, twice = (doubt(Bright(), variants(picture), torch.zeros(1, 4), room=room)[0] for room in (None, 2.2))
    missed = [int((found.mask != truth).sum()) for found in (once, twice)]
    assert missed[1] < missed[0] / 2
    assert twice.object_score == once.object_score


def test_a_second_look_stays_on_the_picture_and_goes_to_the_largest_part() -> None:
    mask = np.zeros((100, 300), dtype=bool)
    mask[0:10, 290:300] = True
    mask[50:52, 20:22] = True
    part = closer(picture_of(20, 100, 300), mask, 2.0)
    assert part is not None
    assert (part.top, part.bottom, part.left, part.right) == (0, 25, 275, 300)
    assert (part.picture.height, part.picture.width) == (25, 25)


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_there_is_no_second_look_at_what_fills_the_picture(share) -> None:
    mask = np.zeros((80, 60), dtype=bool)
    mask[: int(80 * share), :] = True
    assert closer(picture_of(20, 80, 60), mask, 2.2) is None
    whole = picture_of(255)
    assert looked(whole).mask.any()


def test_nothing_found_is_not_looked_at_again() -> None:
    picture = picture_of(20)
    found = doubt(Bright(), variants(picture), torch.zeros(1, 4), room=2.2)[0]
    assert found.absent


def ability(below: float = 0.5) -> Ability:
    return Ability(
        offer=Offer(name="thing", modalities=(Modality.MR,)),
        dice=0.7,
        pictures=12,
        confidence=Calibration(scores=(0.2, 0.8), values=(0.3, 0.9)),
        abstain_below=below,
    )


def test_confidence_is_the_dice_to_expect() -> None:
    found = looked(picture_of(255))
    said = sure(ability(), [found])
    assert said is not None
    assert said.value == pytest.approx(0.9, abs=0.02)
    assert "calibrated on held-out pictures" in said.method


def test_an_unsure_mask_is_not_given() -> None:
    found = looked(picture_of(255))
    with pytest.raises(CannotRead, match=r"cannot be outlined here with any certainty: an overlap of 0\.\d\d"):
        sure(ability(below=0.95), [found])


def test_the_spread_of_slices_weighs_by_area() -> None:
    big, small = np.ones((4, 4), dtype=bool), np.zeros((4, 4), dtype=bool)
    small[0, 0] = True
    masks = [DoubtedMask(big, low=0.8, high=1.2), DoubtedMask(small, low=0.1, high=3.0)]
    found = spread(masks)
    assert found[SIZE_LOW] == pytest.approx((16 * 0.8 + 0.1) / 17)
    assert found[SIZE_HIGH] == pytest.approx((16 * 1.2 + 3.0) / 17)
    assert spread([]) == {}


def test_abilities_are_written_and_read(tmp_path) -> None:
    family = Family(sentence="This is a thing.", modality=Modality.MR, body_part="brain", targets=("thing",))
    said = Abilities(name="small", targets=(ability(),), families=(family,))
    said.write(tmp_path)
    assert Abilities.of(tmp_path) == said
    assert Abilities.of(tmp_path / "none") is None
    (tmp_path / FILE).write_text('{"name": 3}')
    with pytest.raises(ValueError, match=FILE):
        Abilities.of(tmp_path)


def test_a_calibration_that_falls_is_refused() -> None:
    with pytest.raises(ValueError, match="a calibration rises"):
        Calibration(scores=(0.1, 0.2), values=(0.9, 0.5))
