"""Locating: boxes from grounders, or from masks where no grounder knows the target."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from knowledge.blobs import BlobStore
from knowledge.case import Case, Image, Modality
from knowledge.evidence import TRUNCATED, Absence, Confidence, Region, Side
from tests.tools.ct_phantoms import Phantom, abdomen, thorax
from tools.backends import Box, Grounder, Target
from tools.ct import CtSegmenter
from tools.ground import Ground, MaskGrounder
from tools.imaging.volume import Volume
from tools.segment import Segment
from tools.tool import Context, Services, ToolRefusal


class Nodules:
    """A grounder that finds two nodules and never a fracture, and knows bone by itself."""

    name = "nodules"
    version = "2"

    def targets(self) -> Sequence[Target]:
        return (
            Target(name="nodule", synonyms=("lung nodule",), modalities=(Modality.CT,)),
            Target(name="fracture", modalities=(Modality.CT,)),
            Target(name="bone", modalities=(Modality.CT,)),
        )

    def ground(self, image: Image, volume: Volume, target: str) -> Sequence[Box]:
        if target == "fracture":
            return []
        sure = Confidence(value=0.75, method="a table")
        return [
            Box(target, (1.5, 2, 4, 6.25), (3, 5), Side.LEFT, sure),
            Box(target, (10, 12, 14, 16), (7, 8), Side.RIGHT),
        ]


@pytest.fixture(scope="module")
def chest() -> Phantom:
    return thorax((6.0, 4.0, 4.0), z=(-60, 150))


def context(tmp_path: Path, phantom: Phantom, **changes: object) -> Context:
    image = phantom.image().model_copy(update=changes)
    services = Services(segmenters=(CtSegmenter(),), grounders=(Nodules(),))
    made = Context(Case(images=(image,)), BlobStore(tmp_path), services=services)
    made._volumes[image.pixels] = phantom.volume()
    return made


def run(where: Context, *targets: str) -> list:
    return Ground().run(Ground().admit({"image": "I1", "targets": list(targets)}, where), where)


def test_a_mask_grounder_is_a_grounder() -> None:
    assert isinstance(MaskGrounder(CtSegmenter()), Grounder)


def test_boxes_of_a_grounder(tmp_path: Path, chest: Phantom) -> None:
    first, second = run(context(tmp_path, chest), "Lung nodules")
    assert isinstance(first, Region)
    assert (first.target, first.box, first.slices, first.side) == ("nodule", (1.5, 2, 4, 6.25), (3, 5), Side.LEFT)
    assert first.confidence == Confidence(value=0.75, method="a table")
    assert (second.side, second.confidence) == (Side.RIGHT, None)


def test_boxes_of_masks_are_those_of_the_masks(tmp_path: Path, chest: Phantom) -> None:
    where = context(tmp_path, chest)
    regions = run(where, "lungs")
    masks = Segment().run(Segment().admit({"image": "I1", "targets": ["lungs"]}, where), where)
    assert [region.target for region in regions] == ["left lung", "right lung"]
    for region, mask in zip(regions, masks, strict=True):
        assert isinstance(region, Region)
        assert (region.box, region.slices, region.side) == (mask.box, mask.slices, mask.side)
        assert region.caveats == mask.caveats
        assert TRUNCATED in region.caveats
        x0, y0, x1, y1 = (int(end) for end in region.box)
        assert chest.truth[region.target][:, y0:y1, x0:x1].sum() > 0.99 * chest.truth[region.target].sum()


def test_a_grounder_goes_before_masks(tmp_path: Path, chest: Phantom) -> None:
    assert [region.box for region in run(context(tmp_path, chest), "bone")] == [(1.5, 2, 4, 6.25), (10, 12, 14, 16)]


def test_absence_by_a_grounder_names_it(tmp_path: Path, chest: Phantom) -> None:
    (item,) = run(context(tmp_path, chest), "fracture")
    assert isinstance(item, Absence)
    assert item.searched == f"all {chest.hu.shape[0]} slices, by nodules 2"


def test_absence_by_a_mask_keeps_its_rule(tmp_path: Path) -> None:
    (item,) = run(context(tmp_path, abdomen((6.0, 4.0, 4.0))), "right lung")
    assert isinstance(item, Absence)
    assert item.side is Side.RIGHT
    assert "none of them accepted" in item.searched


def test_refusals_list_what_can_be_located(tmp_path: Path, chest: Phantom) -> None:
    with pytest.raises(ToolRefusal, match='"spleen" cannot be located here') as refusal:
        run(context(tmp_path, chest), "nodule", "spleen")
    assert {"nodule", "left lung"} <= set(refusal.value.known)
    with pytest.raises(ToolRefusal, match="left lung can be located on CT volumes only; I1 is MR"):
        run(context(tmp_path, chest, modality=Modality.MR), "left lung")


def test_targets_are_those_of_both() -> None:
    services = Services(segmenters=(CtSegmenter(),), grounders=(Nodules(),))
    targets = Ground().targets(services)
    assert {"nodule", "left lung", "bone"} <= {target.name for target in targets}
    assert len(targets) == len(set(targets))


def test_mask_grounder_gives_no_box_for_what_is_absent(chest: Phantom) -> None:
    grounder = MaskGrounder(CtSegmenter())
    empty = Phantom(np.full((4, 30, 30), 40, np.float32), {}, np.diag([3.0, 3.0, 3.0, 1.0]), (3.0, 3.0, 3.0))
    assert grounder.ground(empty.image(), empty.volume(), "left lung") == []
    (box,) = grounder.ground(chest.image(), chest.volume(), "left lung")
    assert box.side is Side.LEFT
