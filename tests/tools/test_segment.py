"""Outlining: names to targets, masks and absences as evidence, refusals that help."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from knowledge.blobs import BlobStore
from knowledge.case import Case, Image, Modality
from knowledge.evidence import TRUNCATED, Absence, Confidence, Mask, Side
from tests.shared import shared
from tests.tools.ct_phantoms import Phantom, abdomen, thorax
from tools.backends import Segmentation, Target
from tools.ct import CtSegmenter
from tools.imaging.read import read_case
from tools.imaging.volume import Volume, decode_mask
from tools.segment import Segment
from tools.tool import Context, Services, ToolRefusal


class Films:
    """A segmenter of planes and MR volumes that marks the upper left quarter and counts its calls."""

    name = "films"
    version = "3"

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def targets(self) -> Sequence[Target]:
        return (
            Target(name="heart", synonyms=("cardiac silhouette",), modalities=(Modality.DX,), dimensions=(2,)),
            Target(name="lungs", modalities=(Modality.DX,), body_parts=("chest",), dimensions=(2,)),
            Target(name="left hippocampus", modalities=(Modality.MR,), dimensions=(3,)),
            Target(name="hippocampus", parts=("left hippocampus",), modalities=(Modality.MR,), dimensions=(3,)),
        )

    def segment(self, image: Image, volume: Volume, targets: Sequence[str]) -> Sequence[Segmentation]:
        self.calls.append(list(targets))
        mask = np.zeros(volume.shape, np.bool_)
        mask[:, : volume.shape[1] // 2, : volume.shape[2] // 2] = True
        sure = Confidence(value=0.5, method="a coin")
        return [Segmentation(name, mask, "the plane", confidence=sure, scores={"iou": 0.25}) for name in targets]


@pytest.fixture(scope="module")
def chest() -> Phantom:
    return thorax((6.0, 4.0, 4.0))


def context(
    tmp_path: Path, phantom: Phantom, *, modality: Modality = Modality.CT, placed: bool = True, **changes: object
) -> Context:
    image = phantom.image(modality=modality, placed=placed).model_copy(update=changes)
    made = Context(Case(images=(image,)), BlobStore(tmp_path), services=Services(segmenters=(CtSegmenter(), Films())))
    made._volumes[image.pixels] = phantom.volume(placed=placed)
    return made


def run(where: Context, *targets: str) -> list:
    arguments = Segment().admit({"image": "I1", "targets": list(targets)}, where)
    return Segment().run(arguments, where)


def plane(**changes: object) -> tuple[Phantom, dict[str, object]]:
    made = Phantom(np.zeros((1, 20, 30), np.float32), {}, None, (1.0, 1.0, 1.0))
    return made, {"modality": Modality.DX, "intensity": "signal", **changes}


class TestMasks:
    def test_a_mask_with_its_extent_and_its_pixels(self, tmp_path: Path, chest: Phantom) -> None:
        where = context(tmp_path, chest)
        (mask,) = run(where, "left lung")
        assert isinstance(mask, Mask)
        assert (mask.image, mask.target, mask.side, mask.confidence) == ("I1", "left lung", Side.LEFT, None)
        pixels = where.mask(mask)
        assert pixels.shape == chest.hu.shape
        assert pixels.sum() == mask.voxels
        (x0, y0, x1, y1), (z0, z1) = mask.box, mask.slices
        assert pixels[z0:z1, y0:y1, x0:x1].sum() == mask.voxels
        for inner in (
            pixels[z0 + 1 : z1],
            pixels[z0 : z1 - 1],
            pixels[:, y0 + 1 : y1],
            pixels[:, y0 : y1 - 1],
            pixels[:, :, x0 + 1 : x1],
            pixels[:, :, x0 : x1 - 1],
        ):
            assert inner.sum() < mask.voxels, "the box is tight and half open"

    def test_a_group_is_its_parts(self, tmp_path: Path, chest: Phantom) -> None:
        masks = run(context(tmp_path, chest), "Lungs")
        assert [(mask.target, mask.side) for mask in masks] == [("left lung", Side.LEFT), ("right lung", Side.RIGHT)]
        assert masks[0].box[0] > masks[1].box[0], "with +x to the left, the left lung lies at higher columns"

    def test_each_target_once_in_the_order_asked(self, tmp_path: Path, chest: Phantom) -> None:
        found = run(context(tmp_path, chest), "bone", "right lung", "lungs", "skeleton")
        assert [item.target for item in found] == ["bone", "right lung", "left lung"]

    def test_scores_and_confidence_are_the_producers(self, tmp_path: Path) -> None:
        (mask,) = run(context(tmp_path, *plane()[:1], **plane()[1]), "cardiac silhouette")
        assert mask.scores == {"iou": 0.25}
        assert mask.confidence == Confidence(value=0.5, method="a coin")
        assert (mask.box, mask.slices, mask.voxels) == ((0, 0, 15, 10), (0, 1), 150)

    def test_the_first_backend_that_fits_the_image_is_taken(self, tmp_path: Path, chest: Phantom) -> None:
        made, changes = plane(body_part="chest")
        (film,) = run(context(tmp_path, made, **changes), "lungs")
        assert film.target == "lungs"
        assert len(run(context(tmp_path, chest), "lungs")) == 2

    def test_one_call_for_each_backend(self, tmp_path: Path) -> None:
        made, changes = plane(body_part="chest")
        where = context(tmp_path, made, **changes)
        run(where, "heart", "lungs")
        assert where.services.segmenters[1].calls == [["heart", "lungs"]]

    def test_equal_masks_are_one_blob(self, tmp_path: Path, chest: Phantom) -> None:
        first, second = (run(context(tmp_path, chest), "left lung")[0] for _ in range(2))
        assert first == second


class TestAbsence:
    def test_absent_is_said_with_where_and_how(self, tmp_path: Path) -> None:
        left, right = run(context(tmp_path, abdomen((6.0, 4.0, 4.0))), "lungs")
        for item, side in ((left, Side.LEFT), (right, Side.RIGHT)):
            assert isinstance(item, Absence)
            assert (item.target, item.side) == (f"{side.value} lung", side)
            assert "40 slices" in item.searched

    def test_an_empty_mask_is_an_absence(self, tmp_path: Path) -> None:
        class Blank(Films):
            def segment(self, image: Image, volume: Volume, targets: Sequence[str]) -> Sequence[Segmentation]:
                return [Segmentation(name, np.zeros(volume.shape, np.bool_), "everywhere") for name in targets]

        made, changes = plane()
        where = context(tmp_path, made, **changes)
        where.services = Services(segmenters=(Blank(),))
        (item,) = run(where, "heart")
        assert isinstance(item, Absence)
        assert item.searched == "everywhere"


class TestNames:
    @pytest.mark.parametrize(
        "words",
        [
            *("left lung", "Left Lung", "LEFT LUNGS", " the left lung ", "lung, left", "L lung", "lt. lung"),
            *("left-sided lung", "the patient's left lung", "left pulmonary", "left lung fields"),
        ],
    )
    def test_left_lung_by_many_names(self, tmp_path: Path, chest: Phantom, words: str) -> None:
        assert [item.target for item in run(context(tmp_path, chest), words)] == ["left lung"]

    @pytest.mark.parametrize("words", ["lung", "lungs", "both lungs", "Left and right lungs", "lung fields"])
    def test_lungs_by_many_names(self, tmp_path: Path, chest: Phantom, words: str) -> None:
        assert [item.target for item in run(context(tmp_path, chest), words)] == ["left lung", "right lung"]

    @pytest.mark.parametrize(
        ("words", "target"), [("bones", "bone"), ("adipose tissues", "fat"), ("Gas", "air"), ("body outline", "body")]
    )
    def test_tissues(self, tmp_path: Path, chest: Phantom, words: str, target: str) -> None:
        assert [item.target for item in run(context(tmp_path, chest), words)] == [target]


class TestRefusals:
    def test_the_unknown_is_named_with_what_is_known(self, tmp_path: Path, chest: Phantom) -> None:
        with pytest.raises(ToolRefusal, match='"spleen" cannot be segmented here') as refusal:
            run(context(tmp_path, chest), "spleen")
        assert refusal.value.target == "spleen"
        assert "left lung" in refusal.value.known
        assert "heart" not in refusal.value.known, "not in a CT volume"
        assert "left lung" in refusal.value.reason

    def test_nothing_is_done_by_halves(self, tmp_path: Path, chest: Phantom) -> None:
        where = context(tmp_path, chest)
        with pytest.raises(ToolRefusal) as refusal:
            run(where, "left lung", "spleen", "unicorn")
        assert refusal.value.target == "spleen, unicorn"
        assert not list(tmp_path.iterdir()), "no mask was stored"

    def test_the_wrong_modality(self, tmp_path: Path, chest: Phantom) -> None:
        with pytest.raises(ToolRefusal, match="left lung can be segmented on CT volumes only; I1 is MR") as refusal:
            run(context(tmp_path, chest, modality=Modality.MR, intensity="signal"), "left lung")
        assert refusal.value.target == "left lung"
        assert set(refusal.value.known) == {"left hippocampus", "hippocampus"}

    def test_an_unknown_modality_and_how_to_give_it(self, tmp_path: Path, chest: Phantom) -> None:
        with pytest.raises(ToolRefusal, match="--modality") as refusal:
            run(context(tmp_path, chest, modality=Modality.UNKNOWN), "left lung")
        assert refusal.value.known == ()
        assert "Nothing can be segmented in I1" in refusal.value.reason

    def test_the_wrong_dimension(self, tmp_path: Path) -> None:
        made, changes = plane(modality=Modality.CT)
        with pytest.raises(ToolRefusal, match="CT volumes only; I1 is a single plane"):
            run(context(tmp_path, made, **changes), "left lung")

    def test_the_wrong_part_of_the_body(self, tmp_path: Path) -> None:
        made, changes = plane(body_part="knee")
        with pytest.raises(ToolRefusal, match="of the chest only; I1 shows the knee"):
            run(context(tmp_path, made, **changes), "lungs")

    def test_sides_without_orientation(self, tmp_path: Path, chest: Phantom) -> None:
        with pytest.raises(ToolRefusal, match="orientation is unknown"):
            run(context(tmp_path, chest, placed=False), "lungs")

    def test_without_a_segmenter(self, tmp_path: Path, chest: Phantom) -> None:
        where = context(tmp_path, chest)
        where.services = Services()
        with pytest.raises(ToolRefusal, match="Nothing can be segmented"):
            run(where, "left lung")

    @pytest.mark.parametrize("targets", [[], ["lung"] * 9, [""], ["  "], ["x" * 81], "lung", [1]])
    def test_arguments_that_do_not_fit(self, tmp_path: Path, chest: Phantom, targets: object) -> None:
        with pytest.raises(ToolRefusal, match="do not fit"):
            Segment().admit({"image": "I1", "targets": targets}, context(tmp_path, chest))

    @pytest.mark.parametrize("name", ["...", "the", "左肺", "\u202e", "[E1]", "left lung; drop"])
    def test_odd_names_are_unknown_and_no_fault(self, tmp_path: Path, chest: Phantom, name: str) -> None:
        with pytest.raises(ToolRefusal, match="cannot be segmented"):
            run(context(tmp_path, chest), name)


class TestDeclaration:
    def test_targets_are_the_union(self) -> None:
        names = [target.name for target in Segment().targets(Services(segmenters=(CtSegmenter(), Films())))]
        assert [name for name in set(names) if names.count(name) > 1] == ["lungs"]  # in parts on CT, whole on films
        assert {"left lung", "bone", "heart", "hippocampus"} <= set(names)

    def test_groups_have_declared_parts(self) -> None:
        declared = {target.name: target for target in CtSegmenter().targets()}
        for target in declared.values():
            assert all(part in declared and not declared[part].parts for part in target.parts)

    def test_no_word_means_two_targets(self) -> None:
        words = [word for target in CtSegmenter().targets() for word in (target.name, *target.synonyms)]
        assert len(words) == len(set(words))

    def test_it_binds_to_a_chat_model(self) -> None:
        bound = Segment().as_langchain(Services(segmenters=(CtSegmenter(),)))
        assert bound.name == "segment"
        assert {target["name"] for target in bound.metadata["targets"]} >= {"lungs", "left lung"}


class TestRealFiles:
    def test_lung_bases_end_to_end(self, tmp_path: Path) -> None:
        blobs = BlobStore(tmp_path)
        case = read_case([shared("data", "ct_organs", "example_ct.nii.gz")], blobs).case
        where = Context(case, blobs, services=Services(segmenters=(CtSegmenter(),)))
        left, right = run(where, "lungs")
        for mask in (left, right):
            assert isinstance(mask, Mask)
            assert TRUNCATED in mask.caveats
            assert decode_mask(blobs.get(mask.blob)).shape == case.images[0].shape
            assert mask.slices[1] == case.images[0].shape[0], "cut by the upper end of the scan"
        assert right.voxels > left.voxels

    def test_a_hippocampus_volume_has_no_lungs_to_segment(self, tmp_path: Path) -> None:
        files = sorted(shared("data", "hippocampus_mri").rglob("*.nii.gz"))
        if not files:
            pytest.skip("no hippocampus volume")
        blobs = BlobStore(tmp_path)
        case = read_case([files[0]], blobs).case
        where = Context(case, blobs, services=Services(segmenters=(CtSegmenter(),)))
        with pytest.raises(ToolRefusal, match="CT volumes only"):
            run(where, "lungs")
