"""The CT rules against phantoms with known truth and against a labelled scan."""

from itertools import permutations, product

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledge.blobs import BlobStore
from knowledge.case import Modality
from knowledge.evidence import TRUNCATED, Side
from tests.shared import shared
from tests.tools.ct_phantoms import GAS, SKIN_FAT, TISSUE, Phantom, abdomen, dice, ellipsoid, head, thorax
from tools.backends import Segmentation, Segmenter
from tools.ct import CtSegmenter
from tools.imaging.read import read_case
from tools.imaging.volume import Volume
from tools.tool import ToolRefusal
from ui import phantom as sketch

SIDES = ("left lung", "right lung")
COARSE = (4.0, 3.0, 3.0)


def lungs(phantom: Phantom) -> dict[str, Segmentation]:
    found = CtSegmenter().segment(phantom.image(), phantom.volume(), SIDES)
    return {result.target: result for result in found}


def mask(result: Segmentation) -> np.ndarray:
    assert result.mask is not None, result.searched
    return result.mask


@pytest.fixture(scope="module")
def chest() -> Phantom:
    return thorax(COARSE)


@pytest.fixture(scope="module")
def small() -> Phantom:
    return thorax((6.0, 4.0, 4.0))


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory):
    """The labelled scan, of which only the lung bases are in the field of view."""
    blobs = BlobStore(tmp_path_factory.mktemp("blobs"))
    case = read_case([shared("data", "ct_organs", "example_ct.nii.gz")], blobs).case
    labels = _as_lps(nib.load(shared("data", "ct_organs", "example_seg_fast_force_split.nii.gz")))
    volume = Volume.load(case.images[0], blobs)
    assert np.allclose(np.diag([-1, -1, 1, 1]) @ labels.affine, volume.affine), "labels and scan share a grid"
    return case.images[0], volume, np.asarray(labels.dataobj).transpose(2, 1, 0)


def _as_lps(picture: nib.Nifti1Image) -> nib.Nifti1Image:
    stored, wanted = nib.io_orientation(picture.affine), nib.orientations.axcodes2ornt("LPS")
    return picture.as_reoriented(nib.orientations.ornt_transform(stored, wanted))


def test_it_is_a_segmenter() -> None:
    assert isinstance(CtSegmenter(), Segmenter)


class TestRealScan:
    def test_lung_bases_agree_with_the_labels(self, scan) -> None:
        image, volume, labels = scan
        left, right = CtSegmenter().segment(image, volume, SIDES)
        assert dice(mask(left), np.isin(labels, (10, 11))) >= 0.90
        assert dice(mask(right), np.isin(labels, (12, 13, 14))) >= 0.90
        assert (left.side, right.side) == (Side.LEFT, Side.RIGHT)
        assert TRUNCATED in left.caveats
        assert TRUNCATED in right.caveats

    def test_stomach_and_bowel_gas_are_no_lung(self, scan) -> None:
        image, volume, labels = scan
        found = np.logical_or.reduce([mask(result) for result in CtSegmenter().segment(image, volume, SIDES)])
        hollow = np.isin(labels, (6, 15, 18, 19, 20))  # stomach, oesophagus, small bowel, duodenum, colon
        assert np.count_nonzero(hollow & (volume.array < -400)) > 1000
        assert not (found & hollow).any()

    def test_bone_is_where_bones_are(self, scan) -> None:
        image, volume, labels = scan
        (bone,) = CtSegmenter().segment(image, volume, ["bone"])
        bones = np.isin(labels, [*range(25, 51), *range(69, 79), *range(91, 117)])
        assert (mask(bone) & bones).sum() / mask(bone).sum() > 0.9

    def test_a_scan_without_lung_has_none(self, tmp_path) -> None:
        blobs = BlobStore(tmp_path)
        case = read_case([shared("data", "ct_organs", "example_ct_dicom")], blobs).case
        image = case.images[0]
        for result in CtSegmenter().segment(image, Volume.load(image, blobs), [*SIDES, "lung parenchyma"]):
            assert result.mask is None
            assert "20 slices" in result.searched
            assert "none of them accepted" in result.searched


class TestChest:
    def test_lungs_with_vessels_without_airways(self, chest: Phantom) -> None:
        found = lungs(chest)
        for side in SIDES:
            assert dice(mask(found[side]), chest.truth[side]) > 0.98
            assert not (mask(found[side]) & chest.truth["stomach"]).any()
            assert TRUNCATED not in found[side].caveats
            assert found[side].confidence is None
        trachea = chest.truth["trachea"]
        inside = sum((mask(result) & trachea).sum() for result in found.values())
        assert inside < 0.02 * trachea.sum()

    @pytest.mark.parametrize("spacing", [(8.0, 2.0, 2.0), (4.0, 3.0, 5.0), (2.0, 4.0, 4.0)])
    def test_anisotropic_voxels(self, spacing) -> None:
        phantom = thorax(spacing, z=(-60, 200))
        for side, result in lungs(phantom).items():
            assert dice(mask(result), phantom.truth[side]) > 0.96
            assert (mask(result) & phantom.truth["stomach"]).sum() < 0.01 * mask(result).sum()

    def test_lungs_that_touch_before_the_heart_are_parted(self) -> None:
        phantom = thorax((4.0, 2.5, 3.0), touching=True)
        for side, result in lungs(phantom).items():
            assert dice(mask(result), phantom.truth[side]) > 0.98

    def test_gas_under_a_thin_diaphragm_stays_out(self) -> None:
        phantom = thorax((8.0, 3.0, 3.0), diaphragm_mm=3.0)
        left = mask(lungs(phantom)["left lung"])
        assert (left & phantom.truth["stomach"]).sum() < 0.02 * phantom.truth["stomach"].sum()
        assert dice(left, phantom.truth["left lung"]) > 0.95

    @pytest.mark.parametrize("present", SIDES)
    def test_one_lung_alone_keeps_its_side(self, present: str) -> None:
        phantom = thorax(COARSE, lungs=(present.split(maxsplit=1)[0],))
        found = lungs(phantom)
        (absent,) = set(SIDES) - {present}
        assert dice(mask(found[present]), phantom.truth[present]) > 0.98
        assert found[absent].mask is None
        assert "the other side" in found[absent].searched

    @pytest.mark.parametrize("hu", [-930.0, -620.0])
    def test_emphysema_and_dense_lungs_are_lungs(self, hu: float) -> None:
        phantom = thorax(COARSE, lung_hu=hu)
        for side, result in lungs(phantom).items():
            assert dice(mask(result), phantom.truth[side]) > 0.97
            assert (mask(result) & phantom.truth["trachea"]).sum() < 0.05 * phantom.truth["trachea"].sum()

    def test_an_infants_chest_with_its_thin_wall(self, chest: Phantom) -> None:
        scale = np.diag([0.4, 0.4, 0.4, 1.0])
        infant = Phantom(chest.hu, chest.truth, scale @ chest.affine, tuple(0.4 * mm for mm in chest.spacing))
        for side, result in lungs(infant).items():
            assert dice(mask(result), infant.truth[side]) > 0.95
            assert (mask(result) & infant.truth["trachea"]).sum() < 0.05 * infant.truth["trachea"].sum()

    def test_a_bulla_is_lung(self) -> None:
        bulla = {}

        def edit(points, phantom: Phantom) -> None:
            bulla["mask"] = ellipsoid(points, (95, 0, 80), (22, 22, 22))
            phantom.hu[bulla["mask"]] = GAS

        left = mask(lungs(thorax(COARSE, edit=edit))["left lung"])
        assert (left & bulla["mask"]).sum() > 0.98 * bulla["mask"].sum()

    def test_effusion_is_not_lung(self) -> None:
        def edit(points, phantom: Phantom) -> None:
            fluid = phantom.truth["right lung"] & (points[1] > 30)
            phantom.hu[fluid] = 10.0
            phantom.truth["right lung"] &= ~fluid

        phantom = thorax(COARSE, edit=edit)
        assert dice(mask(lungs(phantom)["right lung"]), phantom.truth["right lung"]) > 0.97

    def test_gas_along_the_ribs_is_no_lung(self) -> None:
        def edit(points, phantom: Phantom) -> None:
            phantom.hu[ellipsoid(points, (95, 0, 40), (40, 60, 70))] = GAS

        for result in lungs(thorax(COARSE, lungs=(), edit=edit)).values():
            assert result.mask is None

    @pytest.mark.parametrize("z", [(-60, 30), (150, 270), (60, 140)])
    def test_cut_lungs_are_found_and_said_to_be_cut(self, z) -> None:
        phantom = thorax(COARSE, z=z)
        for side, result in lungs(phantom).items():
            assert dice(mask(result), phantom.truth[side]) > 0.96
            assert TRUNCATED in result.caveats

    def test_a_field_of_view_inside_the_chest(self, chest: Phantom) -> None:
        part = (slice(20, 60), slice(20, 70), slice(40, 120))
        cut = Phantom(
            chest.hu[part], {name: truth[part] for name, truth in chest.truth.items()}, chest.affine, chest.spacing
        )
        for side, result in lungs(cut).items():
            assert dice(mask(result), cut.truth[side]) > 0.95
            assert TRUNCATED in result.caveats

    def test_padding_outside_the_reconstructed_circle(self, chest: Phantom) -> None:
        y, x = np.ogrid[: chest.hu.shape[1], : chest.hu.shape[2]]
        circle = (x - 80) ** 2 + (y - 42) ** 2 <= 42**2
        hu = np.where(circle, chest.hu, -3024.0).astype(np.float32)
        for side, result in lungs(Phantom(hu, {}, chest.affine, chest.spacing)).items():
            assert dice(mask(result), chest.truth[side] & circle) > 0.95
            assert TRUNCATED in result.caveats


class TestElsewhere:
    @pytest.mark.parametrize("made", [head(), abdomen()], ids=["head", "abdomen"])
    def test_sinuses_mastoids_and_bowel_are_no_lungs(self, made: Phantom) -> None:
        (air,) = CtSegmenter().segment(made.image(), made.volume(), ["air"])
        assert mask(air).sum() * np.prod(made.spacing) > 50_000, "there is air that could be mistaken"
        for result in lungs(made).values():
            assert result.mask is None
            assert "none of them accepted" in result.searched

    def test_mastoids_cut_by_the_end_of_the_scan_are_no_lungs(self) -> None:
        """Of the rules only one tells them: they are cut, as dense as lung and near bone, but walled by it."""
        made = head(bottom=-52.0)
        cells = (made.hu[0] > -800) & (made.hu[0] < -600)
        assert cells.any(), "the first slice cuts them"
        assert all(result.mask is None for result in lungs(made).values())

    @pytest.mark.parametrize("value", [-1000, -850, -3024, 0, 40, 1000])
    @pytest.mark.parametrize("shape", [(2, 3, 4), (3, 40, 40), (12, 40, 40)])
    def test_constant_volumes_have_no_lung(self, value: int, shape) -> None:
        made = Phantom(np.full(shape, value, np.float32), {}, np.diag([2.0, 2.0, 2.0, 1.0]), (2.0, 2.0, 2.0))
        for result in lungs(made).values():
            assert result.mask is None

    def test_air_alone_has_no_body(self) -> None:
        made = Phantom(np.full((9, 40, 40), GAS, np.float32), {}, np.diag([2.0, 2.0, 2.0, 1.0]), (2.0, 2.0, 2.0))
        names = ["body", "air", "bone", "fat", "soft tissue", *SIDES]
        for result in CtSegmenter().segment(made.image(), made.volume(), names):
            assert result.mask is None
            assert "no body" in result.searched

    @pytest.mark.parametrize("slices", [2, 3])
    def test_few_slices(self, slices: int) -> None:
        phantom = thorax((5.0, 2.0, 2.0), z=(85.0, 85.0 + 5.0 * slices))
        assert phantom.hu.shape[0] == slices
        for side, result in lungs(phantom).items():
            assert dice(mask(result), phantom.truth[side]) > 0.95


class TestTissues:
    def test_body_without_table(self, chest: Phantom) -> None:
        (body,) = CtSegmenter().segment(chest.image(), chest.volume(), ["body"])
        trunk = chest.truth["body"] & (np.abs(np.arange(chest.hu.shape[2]) - 80) < 55)
        assert dice(mask(body), trunk) > 0.97
        assert not mask(body)[:, 86:].any(), "the table lies behind"

    def test_thin_walled_sinuses_are_in_the_body(self) -> None:
        made = head()
        (air,) = CtSegmenter().segment(made.image(), made.volume(), ["air"])
        assert dice(mask(air), made.truth["air"]) > 0.95

    def test_a_gap_that_opens_elsewhere_is_outside(self) -> None:
        """Trunk and arm with two bridges between them on some slices, as with a hand on the hip."""
        hu = np.full((30, 60, 80), GAS, np.float32)
        hu[:, 5:55, 5:45] = TISSUE
        hu[:, 5:55, 58:70] = TISSUE
        hu[10:20, 5:15, 45:58] = hu[10:20, 45:55, 45:58] = TISSUE
        made = Phantom(hu, {}, np.diag([2.0, 2.0, 2.0, 1.0]), (2.0, 2.0, 2.0))
        (body,) = CtSegmenter().segment(made.image(), made.volume(), ["body"])
        assert not (mask(body) & (hu == GAS)).any()

    def test_air_is_all_air_inside(self, chest: Phantom) -> None:
        (air,) = CtSegmenter().segment(chest.image(), chest.volume(), ["air"])
        holes = np.logical_or.reduce([chest.truth[name] for name in (*SIDES, "trachea", "stomach")])
        assert dice(mask(air), holes & (chest.hu < -400)) > 0.98

    def test_fat_soft_tissue_and_bone_by_hu(self) -> None:
        """A cylinder of water-like tissue in fat, with a bone of dense shell and spongy core."""
        z, y, x = np.ogrid[:30, :80, :80]
        radius = np.hypot(y - 40, x - 40) + 0 * z
        hu = np.select([radius < 5, radius < 9, radius < 25, radius < 34], [200, 900, TISSUE, SKIN_FAT], GAS)
        made = Phantom(hu.astype(np.float32), {}, np.diag([2.0, 2.0, 2.0, 1.0]), (2.0, 2.0, 2.0))
        fat, soft, bone = CtSegmenter().segment(made.image(), made.volume(), ["fat", "soft tissue", "bone"])
        assert dice(mask(fat), hu == SKIN_FAT) > 0.99
        assert np.array_equal(mask(soft), hu == TISSUE)
        assert np.array_equal(mask(bone), radius < 9)
        assert TRUNCATED in bone.caveats

    def test_masks_do_not_overlap(self, chest: Phantom) -> None:
        names = ["fat", "soft tissue", "bone", "air"]
        found = CtSegmenter().segment(chest.image(), chest.volume(), names)
        assert sum(mask(result).astype(int) for result in found).max() == 1


class TestOrientation:
    @settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.sampled_from(list(permutations(range(3)))), st.sampled_from(list(product((False, True), repeat=3))))
    def test_left_stays_left_however_it_is_stored(self, small: Phantom, axes, flips) -> None:
        straight, turned = lungs(small), lungs(small.turned(axes, flips))
        for side in SIDES:
            expected = np.flip(mask(straight[side]).transpose(axes), [axis for axis in range(3) if flips[axis]])
            assert np.array_equal(mask(turned[side]), expected)
            assert turned[side].side == straight[side].side

    def test_turning_the_array_keeps_its_place(self, small: Phantom) -> None:
        turned, centres = small.turned((2, 0, 1), (True, False, True)), []
        for phantom in (small, turned):
            k, j, i = (axis.mean() for axis in np.nonzero(phantom.truth["left lung"]))
            centres.append(phantom.volume().to_lps(np.array([[i, j, k]]))[0])
        assert np.allclose(*centres, atol=1e-6)
        assert centres[0][0] > 50, "left is +x"

    def test_a_mirrored_affine_mirrors_the_sides(self, small: Phantom) -> None:
        mirror = np.diag([-1.0, 1.0, 1.0, 1.0])
        mirrored = Phantom(small.hu, small.truth, mirror @ small.affine, small.spacing)
        found = lungs(mirrored)
        assert dice(mask(found["right lung"]), small.truth["left lung"]) > 0.95

    def test_a_tilted_grid(self, small: Phantom) -> None:
        angle = np.deg2rad(20)
        tilt = np.eye(4)
        tilt[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        found = lungs(Phantom(small.hu, small.truth, tilt @ small.affine, small.spacing))
        for side in SIDES:
            assert dice(mask(found[side]), small.truth[side]) > 0.95

    def test_without_orientation_sides_are_refused_and_lungs_are_not(self, small: Phantom) -> None:
        image, volume = small.image(placed=False), small.volume(placed=False)
        with pytest.raises(ToolRefusal, match="orientation is unknown") as refusal:
            CtSegmenter().segment(image, volume, ["left lung"])
        assert "lung parenchyma" in refusal.value.known
        assert "left lung" not in refusal.value.known
        (both,) = CtSegmenter().segment(image, volume, ["lung parenchyma"])
        assert dice(mask(both), small.truth["left lung"] | small.truth["right lung"]) > 0.95
        assert both.side is Side.BOTH


class TestContract:
    def test_same_input_same_masks(self, small: Phantom) -> None:
        first, second = lungs(small), lungs(small)
        assert all(np.array_equal(mask(first[side]), mask(second[side])) for side in SIDES)

    def test_order_and_repeats_do_not_matter(self, small: Phantom) -> None:
        segmenter = CtSegmenter()
        right, left = segmenter.segment(small.image(), small.volume(), SIDES[::-1])
        again = segmenter.segment(small.image(), small.volume(), ["left lung"])[0]
        assert np.array_equal(mask(left), mask(again))
        assert not (mask(left) & mask(right)).any()

    def test_a_returned_mask_is_the_callers_own(self, small: Phantom) -> None:
        segmenter = CtSegmenter()
        first = mask(segmenter.segment(small.image(), small.volume(), ["left lung"])[0])
        voxels = first.sum()
        first[:] = False
        assert mask(segmenter.segment(small.image(), small.volume(), ["left lung"])[0]).sum() == voxels

    def test_cases_never_mix_even_under_one_content_hash(self, small: Phantom) -> None:
        segmenter = CtSegmenter()
        segmenter.segment(small.image(), small.volume(), SIDES)
        other = Phantom(np.flip(small.hu, 0).copy(), {}, small.affine, small.spacing)
        left = mask(segmenter.segment(other.image(), other.volume(), ["left lung"])[0])
        assert np.array_equal(left, mask(lungs(other)["left lung"]))

    def test_few_volumes_are_kept(self, small: Phantom) -> None:
        segmenter = CtSegmenter()
        for digit in "abcd":
            segmenter.segment(small.image(digit * 64), small.volume(), ["body"])
        assert len(segmenter._kept) <= 2

    def test_not_a_number_counts_as_padding(self, small: Phantom) -> None:
        values = small.hu.copy()
        values[:, :3] = np.nan
        volume = Volume(values, small.affine, small.spacing, small.volume().spacing_source)
        (left,) = CtSegmenter().segment(small.image(), volume, ["left lung"])
        assert dice(mask(left), small.truth["left lung"]) > 0.95

    @pytest.mark.parametrize(
        ("change", "words"),
        [({"modality": Modality.MR}, "CT volumes only"), ({"intensity": "signal"}, "need HU")],
    )
    def test_what_is_no_calibrated_ct_is_refused(self, small: Phantom, change, words: str) -> None:
        image = small.image().model_copy(update=change)
        with pytest.raises(ToolRefusal, match=words):
            CtSegmenter().segment(image, small.volume(), ["body"])

    @pytest.mark.parametrize("target", ["spleen", "lungs", ""])
    def test_what_it_does_not_declare_as_a_leaf_is_refused(self, small: Phantom, target: str) -> None:
        with pytest.raises(ToolRefusal) as refusal:
            CtSegmenter().segment(small.image(), small.volume(), [target])
        assert "left lung" in refusal.value.known


@pytest.mark.parametrize("step", [2, 3, 4])
def test_thick_slices_hide_no_lung(step: int) -> None:
    """Slices of 6 to 12 mm of a chest with few ribs: the rules must not depend on slice thickness."""
    painted = sketch.chest()
    spacing = (sketch.SPACING[0] * step, *sketch.SPACING[1:])
    thick = Phantom(painted.values[::step].astype(np.float32), affine=np.diag([*spacing[::-1], 1.0]), spacing=spacing)
    for result, truth in zip(lungs(thick).values(), (painted.left_lung, painted.right_lung), strict=True):
        assert dice(mask(result), truth[::step]) > 0.98
