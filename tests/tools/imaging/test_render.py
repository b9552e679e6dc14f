"""Rendered pictures: which side is where, what is marked where, and what is only said when known."""

import numpy as np
import pytest

from knowledge.blobs import BlobStore
from knowledge.case import Plane, Window
from tests.tools.imaging.phantoms import ct_volume, film, load
from tools.imaging import canvas
from tools.imaging.canvas import COLOURS, Canvas
from tools.imaging.render import MarkedBox, MarkedLine, MarkedPoint, best_slice, describe, picture, render
from tools.imaging.windows import PRESETS, apply_window, default_window, named_window, percentile_window, preset_names

SHAPE = (10, 20, 30)
WIDE = Window(name="test", center=500, width=1000)


def _marked(*, k: slice = slice(None), j: slice = slice(None), i: slice = slice(None)) -> np.ndarray:
    array = np.zeros(SHAPE, np.int16)
    array[k, j, i] = 1000
    return array


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """No letters and no bar, so that every bright pixel is the image's."""
    monkeypatch.setattr(Canvas, "letters", lambda *_, **__: None)
    monkeypatch.setattr(Canvas, "scale_bar", lambda _: None)


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(
    ("plane", "part", "down", "right"),
    [
        (Plane.AXIAL, {"i": slice(24, 30)}, 0.5, 0.9),  # left of the patient at the right
        (Plane.AXIAL, {"j": slice(16, 20)}, 0.9, 0.5),  # posterior below
        (Plane.CORONAL, {"i": slice(24, 30)}, 0.5, 0.9),
        (Plane.CORONAL, {"k": slice(8, 10)}, 0.1, 0.5),  # head above
        (Plane.SAGITTAL, {"j": slice(16, 20)}, 0.5, 0.9),  # posterior at the right
        (Plane.SAGITTAL, {"k": slice(8, 10)}, 0.1, 0.5),
    ],
)
def test_radiological_convention(
    plane: Plane, part: dict[str, slice], down: float, right: float, blobs: BlobStore
) -> None:
    image = ct_volume(_marked(**part), blobs)
    data = render(image, load(image, blobs), plane=plane, window=WIDE, size=300)
    tall = {Plane.AXIAL: (20, 60), Plane.CORONAL: (30, 60), Plane.SAGITTAL: (30, 20)}[plane]
    rows, columns = (round(300 * side / max(tall)) for side in tall)
    margin = (picture(data).size[0] - columns) // 2
    pixels = np.asarray(picture(data).convert("L"))[:rows, margin : margin + columns]
    found = np.nonzero(pixels > 150)
    assert (found[0].mean() / rows, found[1].mean() / columns) == pytest.approx((down, right), abs=0.02)


@pytest.mark.usefixtures("bare")
def test_pixels_are_as_tall_and_wide_as_the_spacing_says(blobs: BlobStore) -> None:
    image = ct_volume(np.zeros(SHAPE, np.int16), blobs)
    surface = Canvas(np.zeros((20, 30), np.uint8), (1.0, 2.0), 600)
    assert surface.finish().size[0] == 600
    data = render(image, load(image, blobs), plane=Plane.AXIAL, size=600, caption="x")
    assert picture(data).size[0] == 600 and 200 < picture(data).size[1] < 240


def _texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    original = Canvas._write
    monkeypatch.setattr(
        Canvas, "_write", lambda self, text, *rest, **more: (said.append(text), original(self, text, *rest, **more))[1]
    )
    return said


def test_letters_and_bar_where_they_are_known(blobs: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    said = _texts(monkeypatch)
    image = ct_volume(np.zeros(SHAPE, np.int16), blobs)
    for plane in Plane:
        render(image, load(image, blobs), plane=plane, size=300)
    assert said == ["R", "L", "A", "P", "10 mm", "R", "L", "H", "F", "10 mm", "A", "P", "H", "F", "5 mm"]


def test_neither_letters_nor_bar_where_they_are_not(blobs: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    said = _texts(monkeypatch)
    image = film(np.zeros((20, 30), np.uint8), blobs)
    render(image, load(image, blobs))
    assert said == [] and "as stored" in describe(image, None, 0, None)


def test_a_flipped_grid_is_lettered_as_it_lies(blobs: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    said = _texts(monkeypatch)
    array = np.zeros((1, 20, 30), np.int16)
    image = ct_volume(array, blobs)
    flipped = np.array(image.affine)
    flipped[0, 0] *= -1
    image = image.model_copy(update={"affine": tuple(map(tuple, flipped.tolist()))})
    render(image, load(image, blobs))
    assert said[:2] == ["L", "R"]


@pytest.mark.usefixtures("bare")
def test_marks_lie_where_they_belong(blobs: BlobStore) -> None:
    image = ct_volume(np.zeros(SHAPE, np.int16), blobs)
    volume = load(image, blobs)
    mask = np.zeros(SHAPE, bool)
    mask[2:5, 4:8, 20:26] = True
    colour = np.array(COLOURS[0])

    def centre(plane: Plane, index: int, **marks: object) -> tuple[float, float] | None:
        data = np.asarray(picture(render(image, volume, plane=plane, index=index, size=600, **marks)))  # type: ignore[arg-type]
        high = {Plane.AXIAL: 200, Plane.CORONAL: 300, Plane.SAGITTAL: 600}[plane]
        wide = {Plane.AXIAL: 600, Plane.CORONAL: 600, Plane.SAGITTAL: 400}[plane]
        found = np.argwhere((data[:high, :wide] == colour).all(axis=2))
        if len(found) == 0:
            return None
        edges = (found.min(axis=0) + found.max(axis=0) + 1) / 2
        return float(edges[0] / high), float(edges[1] / wide)

    masks = [(mask, "E1 thing")]
    boxes = [MarkedBox((20, 4, 26, 8), "E2 thing", (2, 5))]
    for marks in ({"masks": masks}, {"boxes": boxes}):
        assert centre(Plane.AXIAL, 3, **marks) == pytest.approx((6 / 20, 23 / 30), abs=0.02)
        assert centre(Plane.CORONAL, 6, **marks) == pytest.approx((1 - 3.5 / 10, 23 / 30), abs=0.02)
        assert centre(Plane.SAGITTAL, 22, **marks) == pytest.approx((1 - 3.5 / 10, 6 / 20), abs=0.02)
        assert centre(Plane.AXIAL, 5, **marks) is None and centre(Plane.AXIAL, 1, **marks) is None
    lines = [MarkedLine(((20, 6, 3), (26, 6, 3)), "E3 long axis 12.0 mm")]
    assert centre(Plane.AXIAL, 3, lines=lines) == pytest.approx((6.5 / 20, 23.5 / 30), abs=0.02)
    assert centre(Plane.AXIAL, 4, lines=lines) is None
    points = [MarkedPoint((22, 6, 3), "E4 centre")]
    assert centre(Plane.CORONAL, 6, points=points) == pytest.approx((1 - 3.5 / 10, 22.5 / 30), abs=0.02)


def test_best_slice() -> None:
    mask = np.zeros(SHAPE, bool)
    mask[3, 2:4, 5] = mask[7, 2:9, 5] = True
    assert best_slice(mask) == 7 and best_slice(mask, Plane.SAGITTAL) == 5 and best_slice(mask, Plane.CORONAL) == 2
    with pytest.raises(ValueError, match="empty"):
        best_slice(np.zeros(SHAPE, bool))


def test_what_does_not_fit_is_an_error(blobs: BlobStore) -> None:
    image = ct_volume(np.zeros(SHAPE, np.int16), blobs)
    with pytest.raises(IndexError, match="slice 10"):
        render(image, load(image, blobs), index=10)
    with pytest.raises(ValueError, match="E1"):
        render(image, load(image, blobs), masks=[(np.zeros((1, 2, 3), bool), "E1")])


def test_windows(blobs: BlobStore) -> None:
    values = np.array([-200, -150, 50, 250, 300], np.int16)
    assert apply_window(values, PRESETS["soft tissue"]).tolist() == [0, 0, 128, 255, 255]
    image = ct_volume(np.zeros(SHAPE, np.int16), blobs)
    assert default_window(image, values) == PRESETS["soft tissue"] and named_window(image, " Lung ") == PRESETS["lung"]
    own = Window(name="lung", center=-500, width=1000)
    image = image.model_copy(update={"windows": (own,)})
    assert default_window(image, values) == named_window(image, "lung") == own
    assert preset_names(image).count("lung") == 1
    plain = film(np.zeros((4, 4), np.uint8), blobs)
    assert named_window(plain, "lung") is None and preset_names(plain) == ()


def test_percentiles_ignore_a_few_bright_voxels() -> None:
    array = np.random.default_rng(0).integers(100, 200, 10_000).astype(np.int16)
    array[:10] = 30_000
    window = percentile_window(array)
    assert window.center == pytest.approx(150, abs=2) and window.width == pytest.approx(99, abs=3)
    assert percentile_window(np.full(10, 7)).width > 0


def test_equal_input_gives_equal_bytes(blobs: BlobStore) -> None:
    image = ct_volume(_marked(i=slice(3, 9)), blobs)
    assert render(image, load(image, blobs)) == render(image, load(image, blobs))


def test_long_and_hostile_labels_stay_on_one_line(blobs: BlobStore) -> None:
    image = film(np.zeros((20, 30, 3), np.uint8), blobs)
    label = "E1 \n\x00" + "long " * 100
    assert canvas._clean(label).startswith("E1 long") and len(canvas._clean(label)) <= 90
    assert picture(render(image, load(image, blobs), boxes=[MarkedBox((1, 1, 5, 5), label)], size=200)).size[0] == 200
