import itertools
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from skimage.measure import regionprops_table

from knowledge.case import Modality, Origin, Plane
from knowledge.evidence import ANISOTROPIC, EVIDENCE, NO_SPACING, TRUNCATED, Side, Statement
from knowledge.quantity import SpacingSource, Unit
from tests.shared import shared
from tests.tools.measuring import Bench, ellipsoid, straight
from tools.imaging.outline import VOXEL_SIZE
from tools.measurable import INTENSITY, OF_MASKS, Measurable
from tools.measure import Measure
from tools.tool import Services, ToolRefusal

SHAPE = (12, 30, 40)
GREY = np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE) % 400
LESION = ellipsoid(SHAPE, (6, 14, 12), (3.2, 8, 5))


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path, GREY, straight(2.5, 0.8, 0.8), caveats=("2 slices are missing",))


def test_volume_of_a_volume_by_default(bench):
    (found,) = bench.run(of=[bench.mask(LESION, side=Side.LEFT, caveats=("by threshold",))])
    assert found.quantity.name == "volume"
    assert found.quantity.unit is Unit.ML
    assert found.quantity.value == pytest.approx(LESION.sum() * 2.5 * 0.8 * 0.8 / 1000)
    assert found.quantity.spacing is SpacingSource.HEADER
    assert (found.target, found.side, found.of) == ("lesion", Side.LEFT, ("E1",))
    assert found.caveats == (ANISOTROPIC, "by threshold", "2 slices are missing")
    assert EVIDENCE.validate_json(found.model_dump_json()) == found


def test_area_of_a_plane_by_default(tmp_path):
    bench = Bench(tmp_path, GREY[:1].astype(np.uint8), spacing=(1, 0.5, 0.25), modality=Modality.DX, intensity="signal")
    (found,) = bench.run(of=[bench.mask(LESION[6:7])])
    assert found.quantity.unit is Unit.MM2
    assert found.quantity.value == pytest.approx(LESION[6].sum() * 0.125)
    assert found.caveats == ()


def test_every_quantity_of_a_mask(bench):
    found = bench.measure(LESION, *[name.value for name in OF_MASKS], *["centroid", "slice range", "percentiles"])
    values = {name: item.quantity.value for name, item in found.items()}
    assert list(values) == [
        "distance from midline" if name is Measurable.SIDE else name.value for name in OF_MASKS
    ]  # fmt: skip
    slices, rows, columns = np.nonzero(LESION)
    inside = GREY[LESION].astype(float)
    assert values["centroid x"] == pytest.approx(0.8 * columns.mean())
    assert values["centroid y"] == pytest.approx(0.8 * rows.mean())
    assert values["centroid z"] == pytest.approx(2.5 * slices.mean())
    assert (values["first slice"], values["last slice"], values["components"]) == (
        slices.min() + 1,
        slices.max() + 1,
        1,
    )
    assert values["width"] == pytest.approx(0.8 * (np.ptp(columns) + 1))
    assert values["height"] == pytest.approx(0.8 * (np.ptp(rows) + 1))
    assert values["mean"] == pytest.approx(inside.mean())
    assert values["standard deviation"] == pytest.approx(inside.std())
    assert (values["minimum"], values["maximum"]) == (inside.min(), inside.max())
    for percent in (5, 25, 50, 75, 95):
        assert values[f"{percent}th percentile"] == pytest.approx(np.percentile(inside, percent))
    for item in found.values():
        exact = item.quantity.unit in (Unit.COUNT, Unit.SLICE)
        assert (item.quantity.low is None) == exact
        assert "2 slices are missing" in item.caveats
    assert found["mean"].quantity.unit is Unit.HU
    assert ANISOTROPIC in found["3-D diameter"].caveats
    assert ANISOTROPIC not in found["long axis"].caveats
    assert len(found["long axis"].points) == 2


def test_against_scikit_image(bench):
    generator = np.random.default_rng(1)
    mask = np.zeros(SHAPE, bool)
    mask[2:9, 5:25, 8:30] = generator.random((7, 20, 22)) < 0.9
    names = ("area", "centroid", "intensity_mean", "intensity_min", "intensity_max", "intensity_std")
    table = regionprops_table(mask.astype(np.uint8), GREY, properties=names, spacing=(2.5, 0.8, 0.8))
    found = bench.measure(
        mask, "volume", "centroid", "mean", "minimum", "maximum", "standard deviation"
    )  # fmt: skip
    values = {name: item.quantity.value for name, item in found.items()}
    assert values["volume"] == pytest.approx(table["area"][0] / 1000)
    for axis, name in enumerate("zyx"):
        assert values[f"centroid {name}"] == pytest.approx(table[f"centroid-{axis}"][0])
    for ours, theirs in (("mean", "mean"), ("minimum", "min"), ("maximum", "max"), ("standard deviation", "std")):
        assert values[ours] == pytest.approx(table[f"intensity_{theirs}"][0])


orientations = st.tuples(st.permutations(range(3)), st.tuples(*[st.booleans()] * 3))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(orientations, st.tuples(*[st.floats(0.3, 6)] * 3), st.integers(0, 10**6), st.booleans())
def test_turning_the_grid_changes_nothing(tmp_path, orientation, spacing, seed, tilt):
    """The same patient in another array order: what is physical stays, and left stays left."""
    generator = np.random.default_rng(seed)
    shape = (14, 16, 18)
    mask = ellipsoid(shape, (7, 8, 5), tuple(generator.uniform(1.5, 4, 3)))
    mask |= ellipsoid(shape, tuple(generator.uniform((4, 4, 2), (9, 11, 8))), (2, 3, 2))
    affine = straight(*spacing)
    affine[:3, 3] = generator.uniform(-1e4, 1e4, 3)
    if tilt:
        affine[1, 2] = 0.3 * spacing[0]
    order, flips = orientation
    turned, moved = mask.transpose(order), affine[:, [2 - axis for axis in reversed(order)] + [3]].copy()
    for axis, flip in enumerate(flips):
        if flip:
            turned = np.flip(turned, axis)
            moved[:3, 3] += (turned.shape[axis] - 1) * moved[:3, 2 - axis]
            moved[:3, 2 - axis] *= -1
    names = ["volume", "3-D diameter", "centroid", "side", "components", "mean"]
    if order[0] == 0:  # the slices are the same, so what is measured in their plane must be too
        names += ["area", "long axis", "short axis"]
    one, other = (
        Bench(tmp_path, np.ones(bits.shape, np.int16), matrix).measure(np.ascontiguousarray(bits), *names)
        for bits, matrix in ((mask, affine), (turned, moved))
    )
    for name, item in one.items():
        assert other[name].quantity.value == pytest.approx(item.quantity.value, rel=1e-9, abs=1e-6)
        assert other[name].side == item.side
    assert one["volume"].quantity.low == pytest.approx(other["volume"].quantity.low)
    assert one["volume"].quantity.high == pytest.approx(other["volume"].quantity.high)


@pytest.mark.parametrize(("columns", "side"), [((2, 8), Side.RIGHT), ((30, 38), Side.LEFT), ((15, 25), Side.MIDLINE)])
def test_side_follows_the_affine_and_never_the_pixels(tmp_path, columns, side):
    bits = np.zeros(SHAPE, bool)
    bits[4:7, 10:20, slice(*columns)] = True
    mirrored = straight(2.5, 0.8, 0.8) @ np.diag([-1, 1, 1, 1])
    mirrored[0, 3] = 39 * 0.8
    opposite = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT, Side.MIDLINE: Side.MIDLINE}[side]
    for affine, expected in ((straight(2.5, 0.8, 0.8), side), (mirrored, opposite)):
        found = Bench(tmp_path, GREY, affine).measure(bits, "side")["distance from midline"]
        assert found.side is expected
        assert found.quantity.value == pytest.approx(abs(np.mean(columns) - 0.5 - 19.5) * 0.8)
        assert "the midline is assumed in the middle of the image" in found.caveats
        assert any("crosses" in caveat for caveat in found.caveats) == (side is Side.MIDLINE)


def test_side_against_a_midline_of_evidence(bench):
    bits, body = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    bits[4:7, 10:20, 10:16] = True
    body[:, 5:25, 0:16] = True
    found = bench.run(of=[bench.mask(bits)], midline=bench.mask(body, target="body"), quantities=["side"])[0]
    assert found.side is Side.LEFT
    assert found.quantity.value == pytest.approx((12.5 - 7.5) * 0.8)
    assert "the midline is taken through the centre of body (E2)" in found.caveats


def test_parts_on_either_side_are_both(bench):
    bits = np.zeros(SHAPE, bool)
    bits[4:7, 10:20, 3:9] = bits[4:7, 10:20, 31:37] = True
    found = bench.measure(bits, "side", "components")
    assert found["distance from midline"].side is Side.BOTH
    assert found["components"].quantity.value == 2


def test_a_named_side_stands_and_a_difference_is_said(bench):
    bits = np.zeros(SHAPE, bool)
    bits[4:7, 10:20, 3:9] = True
    found = bench.measure(bits, "side", side=Side.LEFT)["distance from midline"]
    assert found.side is Side.LEFT
    assert "it was named left, but by that midline it is right" in found.caveats


@pytest.mark.parametrize("name", ["side", "centroid", "centroid x"])
def test_place_needs_a_known_orientation(tmp_path, name):
    unplaced = Bench(tmp_path, GREY, spacing=(2.5, 0.8, 0.8))
    unoriented = Bench(tmp_path, GREY, straight(2.5, 0.8, 0.8), orientation_origin=Origin.UNKNOWN)
    for bench in (unplaced, unoriented):
        with pytest.raises(ToolRefusal, match="lies in the patient is unknown"):
            bench.measure(LESION, name)


def test_without_spacing_nothing_is_physical(tmp_path):
    bench = Bench(tmp_path, GREY)
    names = [name.value for name in OF_MASKS if name.value not in ("side", "centroid x", "centroid y", "centroid z")]
    found = bench.measure(LESION, *names)
    found |= {"line": bench.run(points=[[1, 2, 3], [4, 6, 3]])[0]}
    assert not any(item.quantity.unit.physical for item in found.values())
    assert not any("mm" in item.quantity.text() or "mL" in item.quantity.text() for item in found.values())
    assert found["volume"].quantity.unit is Unit.PX3
    assert found["volume"].quantity.value == LESION.sum()
    for name in ("volume", "area", "long axis", "short axis", "3-D diameter", "width", "height", "line"):
        assert NO_SPACING in found[name].caveats
    for name in ("mean", "components", "first slice"):
        assert NO_SPACING not in found[name].caveats


def test_user_spacing_says_so_and_is_what_counts(tmp_path):
    affine = straight(5, 1, 1)
    affine[1, 2] = 2.0  # tilted: the planes stay 5 mm apart
    bench = Bench(tmp_path, GREY, affine, spacing=(2.5, 0.5, 0.5), source=SpacingSource.USER)
    found = bench.measure(LESION, "volume", "width")
    assert found["volume"].quantity.spacing is SpacingSource.USER
    assert found["volume"].quantity.value == pytest.approx(LESION.sum() * 2.5 * 0.25 / 1000)
    assert found["width"].quantity.value == pytest.approx((np.ptp(np.nonzero(LESION)[2]) + 1) * 0.5)


def test_one_voxel(bench):
    bits = np.zeros(SHAPE, bool)
    bits[5, 6, 7] = True
    found = bench.measure(bits, *[name.value for name in OF_MASKS])
    for name in ("volume", "area", "long axis", "short axis", "3-D diameter", "width", "height"):
        quantity = found[name].quantity
        assert quantity.low == 0 < quantity.value < quantity.high
        assert VOXEL_SIZE in found[name].caveats
    assert found["long axis"].quantity.value == pytest.approx(0.8)
    assert found["3-D diameter"].quantity.value == pytest.approx(2.5)
    assert found["mean"].quantity.value == GREY[5, 6, 7]
    assert any("lies at its border" in caveat for caveat in found["mean"].caveats)


def test_a_mask_of_the_whole_image(bench):
    found = bench.measure(np.ones(SHAPE, bool), *[name.value for name in OF_MASKS])
    assert found["volume"].quantity.value == pytest.approx(np.prod(SHAPE) * 1.6 / 1000)
    assert all(TRUNCATED in item.caveats for item in found.values())
    assert found["distance from midline"].side is Side.MIDLINE


@pytest.mark.parametrize(("axis", "end"), itertools.product(range(3), (0, -1)))
def test_truncated_where_it_touches_any_border(bench, axis, end):
    bits = np.zeros(SHAPE, bool)
    bits[4:7, 10:20, 10:20] = True
    assert TRUNCATED not in bench.measure(bits, "volume")["volume"].caveats
    place = [5, 15, 15]
    place[axis] = end
    bits[tuple(place)] = True
    assert TRUNCATED in bench.measure(bits, "volume")["volume"].caveats


def test_truncated_is_inherited_and_said_once(bench):
    caveats = bench.measure(LESION, "volume", caveats=(TRUNCATED, TRUNCATED))["volume"].caveats
    assert caveats.count(TRUNCATED) == 1


def test_far_from_the_origin_sizes_are_exact(tmp_path):
    near, far = straight(2.5, 0.8, 0.8), straight(2.5, 0.8, 0.8)
    far[:3, 3] = (1e9, -1e9, 1e9)
    names = ("volume", "long axis", "short axis", "3-D diameter")
    one, other = (Bench(tmp_path, GREY, affine).measure(LESION, *names) for affine in (near, far))
    assert [one[name].quantity for name in names] == [other[name].quantity for name in names]


def test_a_cine_is_measured_on_one_frame(tmp_path):
    bench = Bench(
        tmp_path, GREY.astype(np.uint8), spacing=(1, 1, 1), frames=12, modality=Modality.US, intensity="signal"
    )
    mask = bench.mask(LESION)
    (largest,) = bench.run(of=[mask])
    assert largest.quantity.value == LESION.sum(axis=(1, 2)).max()
    assert "measured on frame 7 of 12, where the mask is largest" in largest.caveats
    assert TRUNCATED not in largest.caveats
    axis, mean = bench.run(of=[mask], frame=5, quantities=["long axis", "mean"])
    assert axis.points[0][2] == 4
    assert mean.quantity.value == pytest.approx(GREY.astype(np.uint8)[4][LESION[4]].mean())
    assert mean.quantity.unit is Unit.SIGNAL
    for frame, words in ((1, "empty on frame 1"), (13, "frames 1 to 12")):
        with pytest.raises(ToolRefusal, match=words):
            bench.run(of=[mask], frame=frame)
    with pytest.raises(ToolRefusal, match="is a plane, so it has no volume"):
        bench.run(of=[mask], quantities=["volume"])


def test_boxes(bench):
    box = bench.box(4.5, 6, 14.5, 21, slices=(2, 3))
    area, width, height, mean = bench.run(of=[box], quantities=["area", "width", "height", "mean"])
    assert (width.quantity.value, height.quantity.value) == (pytest.approx(8.0), pytest.approx(12.0))
    assert (width.quantity.low, width.quantity.high) == (pytest.approx(6.4), pytest.approx(9.6))
    assert area.quantity.value == pytest.approx(96)
    assert width.points == ((4.0, 13.0, 2.0), (14.0, 13.0, 2.0))
    assert mean.quantity.value == pytest.approx(GREY[2, 6:21, 4:14].mean())
    with pytest.raises(ToolRefusal, match="is a box, which has no long axis"):
        bench.run(of=[box], quantities=["long axis"])
    (edge,) = bench.run(of=[bench.box(0, 6, 14, 21, slices=(2, 3))], quantities=["width"])
    assert TRUNCATED in edge.caveats
    assert (edge.quantity.low, edge.quantity.high) == (pytest.approx(13 * 0.8), pytest.approx(15 * 0.8))


def test_distance_of_two_points(bench):
    (found,) = bench.run(points=[[10, 10, 2], [13, 14, 2]])
    assert found.quantity.value == pytest.approx(5 * 0.8)
    assert found.quantity.low == pytest.approx(5 * 0.8 * 3 / 4)
    assert found.quantity.high == pytest.approx(5 * 0.8 * 5 / 4)
    assert found.points == ((10.0, 10.0, 2.0), (13.0, 14.0, 2.0))
    assert ANISOTROPIC not in found.caveats
    assert ANISOTROPIC in bench.run(points=[[10, 10, 2], [13, 14, 9]])[0].caveats
    for points, words in (
        ([[1, 2], [3, 4]], "third coordinate"),
        ([[1, 2, 3], [1, 2, 3]], "are the same"),
        ([[1, 2, 3], [1, 2, 12]], "lies outside"),
        ([[1, 2, 3], [-1, 2, 3]], "lies outside"),
        ([[1, 2, 3], [float("nan"), 2, 3]], "do not fit"),
        ([[1, 2, 3]], "do not fit"),
    ):
        with pytest.raises(ToolRefusal, match=words):
            bench.run(points=points)


@pytest.fixture
def film(tmp_path):
    return Bench(tmp_path, np.zeros((1, 200, 300), np.uint8), modality=Modality.DX, intensity="signal", view="PA")


def halves(heart=(120, 220), chest=(60, 260)):
    """A heart, and two lungs whose outer borders are at `chest`."""
    one, other = np.zeros((1, 200, 300), bool), np.zeros((1, 200, 300), bool)
    one[:, 90:150, slice(*heart)] = True
    other[:, 20:160, chest[0] : 110] = other[:, 30:170, 230 : chest[1]] = True
    return one, other


def test_cardiothoracic_ratio(film):
    heart, chest = halves()
    ids = {"heart": film.mask(heart, target="heart"), "chest": film.mask(chest, target="lungs")}
    (found,) = film.run(**ids)
    assert found.quantity.name == "cardiothoracic ratio"
    assert found.quantity.value == 0.5
    assert (found.quantity.low, found.quantity.high) == (98 / 202, 102 / 198)
    assert found.quantity.unit is Unit.ONE
    assert (found.target, found.of, found.caveats) == ("heart", ("E1", "E2"), ())
    assert [point[0] for point in found.points] == [119.5, 219.5, 59.5, 259.5]
    with pytest.raises(ToolRefusal, match="wider than the chest"):
        film.run(heart=ids["chest"], chest=ids["heart"])
    with pytest.raises(ToolRefusal, match="only the cardiothoracic ratio"):
        film.run(**ids, quantities=["area"])
    with pytest.raises(ToolRefusal, match="both heart and chest"):
        film.run(heart=ids["heart"])
    with pytest.raises(ToolRefusal, match="give heart and chest"):
        film.run(of=list(ids.values()), quantities=["cardiothoracic ratio"])
    assert film.run(heart=film.box(120, 90, 220, 150), chest=ids["chest"])[0].quantity.value == 0.5


def test_cardiothoracic_ratio_depends_on_the_view(tmp_path, bench):
    for view, words in ((None, "the view is unknown"), ("AP", "anteroposterior")):
        film = Bench(tmp_path, np.zeros((1, 200, 300), np.uint8), spacing=(1, 0.2, 0.1), view=view)
        heart, chest = halves()
        (found,) = film.run(heart=film.mask(heart), chest=film.mask(chest))
        assert found.quantity.value == 0.5
        assert any(words in caveat for caveat in found.caveats)
    for facts in ({"view": "LL"}, {"plane": Plane.SAGITTAL}):
        film = Bench(tmp_path, np.zeros((1, 200, 300), np.uint8), **facts)
        with pytest.raises(ToolRefusal, match="frontal"):
            film.run(heart=film.mask(heart), chest=film.mask(chest))
    with pytest.raises(ToolRefusal, match="frontal"):
        bench.run(heart=bench.mask(LESION), chest=bench.mask(LESION))


def test_colour_has_size_but_no_signal(tmp_path):
    array = np.zeros((1, 30, 40, 3), np.uint8)
    array[..., 0] = 200
    bench = Bench(tmp_path, array, modality=Modality.ES, intensity="colour")
    assert bench.measure(LESION[6:7], "area")["area"].quantity.value == LESION[6].sum()
    with pytest.raises(ToolRefusal, match="is a colour image"):
        bench.measure(LESION[6:7], "mean")


def test_values_that_are_no_numbers_are_left_out(tmp_path):
    array = GREY.astype(np.float32)
    array[6, 14, 12] = np.nan
    array[6, 14, 13] = np.inf
    bench = Bench(tmp_path, array, straight(1, 1, 1), intensity="signal")
    found = bench.measure(LESION, *[name.value for name in INTENSITY])
    kept = LESION & np.isfinite(array)
    assert found["mean"].quantity.value == pytest.approx(array[kept].mean(dtype=float))
    assert found["maximum"].quantity.value == array[kept].max()
    assert "2 values that are not finite numbers were left out" in found["mean"].caveats
    lost = np.zeros(SHAPE, bool)
    lost[6, 14, 12] = True
    with pytest.raises(ToolRefusal, match="no finite value"):
        bench.measure(lost, "mean")


def test_refusals_are_in_words(bench):
    empty = bench.mask(np.zeros(SHAPE, bool))
    elsewhere = bench.mask(LESION, image="I2")
    bench.evidence["E9"] = Statement(id="E9", speaker="chart", text="measure this")
    for arguments, words in (
        ({"of": [empty]}, "is empty"),
        ({"of": [elsewhere]}, "belongs to I2, not to I1"),
        ({"of": ["E9"]}, "E9 is a statement"),
        ({"of": ["E7"]}, "no evidence 'E7'"),
        ({"of": []}, "give one of"),
        ({"of": [empty], "points": [[1, 2, 3], [4, 5, 6]]}, "give one of"),
        ({"of": [empty], "quantities": ["weight"]}, "quantities"),
        ({"of": [empty], "frame": 1}, "not a cine"),
        ({"of": [elsewhere], "quantities": ["distance"]}, "belongs to I2"),
    ):
        with pytest.raises(ToolRefusal, match=words):
            bench.run(**arguments)


@pytest.mark.parametrize("name", ["volume", "3-D diameter", "first slice", "slice range"])
def test_planes_have_no_volume(film, name):
    with pytest.raises(ToolRefusal, match="is a plane") as refusal:
        film.measure(np.ones((1, 200, 300), bool), name)
    assert "area" in refusal.value.known


def test_one_measurement_for_each_mask_and_quantity(bench):
    ids = [bench.mask(LESION), bench.mask(np.roll(LESION, 5, axis=2))]
    found = bench.run(of=[*ids, ids[0]], quantities=["volume", "long axis", "volume"])
    assert [(item.of, item.quantity.name) for item in found] == [
        ((one,), name) for one in ids for name in ("volume", "long axis")
    ]


def test_the_same_call_gives_the_same_evidence(bench):
    mask = bench.mask(LESION)
    names = [name.value for name in OF_MASKS]
    assert bench.run(of=[mask], quantities=names) == bench.run(of=[mask], quantities=names)


def test_a_chat_model_can_bind_it():
    bound = Measure().as_langchain(Services())
    schema = json.dumps(bound.args_schema.model_json_schema())
    assert all(name.value in schema for name in Measurable)


def test_real_organs_agree_with_simpleitk(tmp_path):
    import nibabel as nib
    import SimpleITK

    path = shared("data", "ct_organs", "example_seg_fast_force_split.nii.gz")
    picture = nib.load(path)
    labels = np.asanyarray(picture.dataobj).transpose(2, 1, 0)
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ picture.affine
    bench = Bench(tmp_path, np.zeros(labels.shape, np.int16), affine)
    shape = SimpleITK.LabelShapeStatisticsImageFilter()
    shape.ComputeFeretDiameterOff()
    shape.Execute(SimpleITK.ReadImage(str(path)))
    for label in shape.GetLabels()[:6]:
        found = bench.measure(labels == label, "volume", "centroid")
        values = {name: item.quantity.value for name, item in found.items()}
        assert values["volume"] == pytest.approx(shape.GetPhysicalSize(label) / 1000, rel=1e-5)
        for axis, name in enumerate("xyz"):
            assert values[f"centroid {name}"] == pytest.approx(shape.GetCentroid(label)[axis], abs=1e-3)


def test_boxes_of_one_target_are_counted(bench):
    inside, edge = bench.box(4, 6, 14, 21, target="cell"), bench.box(0, 6, 9, 21, target="cell")
    count, area, _ = bench.run(of=[inside, edge, inside], quantities=["area", "count"])
    assert (count.quantity.name, count.quantity.text(), count.of) == ("count", "2", (inside, edge))
    assert "1 of 2 lie at the edge of the image and may be cut off" in count.caveats
    assert area.of == (inside,)
    (whole,) = bench.run(of=[inside], quantities=["count"])
    assert whole.quantity.value == 1
    assert not any("edge" in caveat for caveat in whole.caveats)


def test_what_touches_is_not_counted_off_a_mask(bench):
    mask = bench.mask(GREY.mean() < GREY, target="cell")
    with pytest.raises(ToolRefusal, match="what touches is one component"):
        bench.run(of=[mask, bench.box(4, 6, 14, 21, target="cell")], quantities=["count"])
    with pytest.raises(ToolRefusal, match="one target"):
        bench.run(of=[bench.box(4, 6, 14, 21, target=name) for name in ("cell", "nucleus")], quantities=["count"])
