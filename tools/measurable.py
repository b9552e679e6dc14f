"""What can be measured, by its stable name, in which unit, and on what."""

from collections.abc import Iterable
from enum import StrEnum

from knowledge.case import Image
from knowledge.quantity import Quantity, SpacingSource, Unit
from tools.imaging.intensity import percentile_name
from tools.imaging.outline import Reading


class Measurable(StrEnum):
    """Names of quantities; the last three stand for several each."""

    VOLUME = "volume"
    AREA = "area"
    LONG_AXIS = "long axis"
    SHORT_AXIS = "short axis"
    DIAMETER = "3-D diameter"
    WIDTH = "width"
    HEIGHT = "height"
    CENTROID_X = "centroid x"
    CENTROID_Y = "centroid y"
    CENTROID_Z = "centroid z"
    SIDE = "side"
    FIRST_SLICE = "first slice"
    LAST_SLICE = "last slice"
    COMPONENTS = "components"
    COUNT = "count"
    MEAN = "mean"
    DEVIATION = "standard deviation"
    MINIMUM = "minimum"
    MAXIMUM = "maximum"
    P5 = percentile_name(5)
    P25 = percentile_name(25)
    P50 = percentile_name(50)
    P75 = percentile_name(75)
    P95 = percentile_name(95)
    CARDIOTHORACIC_RATIO = "cardiothoracic ratio"
    DISTANCE = "distance"
    CENTROID = "centroid"
    SLICE_RANGE = "slice range"
    PERCENTILES = "percentiles"


M = Measurable

CENTROID = (M.CENTROID_X, M.CENTROID_Y, M.CENTROID_Z)
PERCENTILES = (M.P5, M.P25, M.P50, M.P75, M.P95)
STANDS_FOR = {M.CENTROID: CENTROID, M.SLICE_RANGE: (M.FIRST_SLICE, M.LAST_SLICE), M.PERCENTILES: PERCENTILES}

IN_PLANE = (M.AREA, M.LONG_AXIS, M.SHORT_AXIS, M.WIDTH, M.HEIGHT)
VOLUME_ONLY = (M.VOLUME, M.DIAMETER, M.FIRST_SLICE, M.LAST_SLICE)
INTENSITY = (M.MEAN, M.DEVIATION, M.MINIMUM, M.MAXIMUM, *PERCENTILES)
PLACE = (*CENTROID, M.SIDE)
SIZES = (*IN_PLANE, M.VOLUME, M.DIAMETER, M.DISTANCE)
OF_BOXES = (M.WIDTH, M.HEIGHT, M.AREA, *INTENSITY)
OF_MASKS = tuple(name for name in M if name not in (M.CARDIOTHORACIC_RATIO, M.DISTANCE, M.COUNT, *STANDS_FOR))


def expanded(names: Iterable[Measurable]) -> list[Measurable]:
    """Every quantity once, in order, with the names that stand for several spelled out."""
    return list(dict.fromkeys(one for name in names for one in STANDS_FOR.get(name, (name,))))


def words(names: Iterable[Measurable]) -> list[str]:
    """The names as plain strings."""
    return [name.value for name in names]


def unit_of(name: Measurable, image: Image) -> Unit:
    """The unit on this image: of the grid where its spacing is unknown."""
    known = image.spacing is not None
    if name is M.VOLUME:
        return Unit.ML if known else Unit.PX3
    if name is M.AREA:
        return Unit.MM2 if known else Unit.PX2
    if name in INTENSITY:
        return Unit.HU if image.intensity == "HU" else Unit.SIGNAL
    if name in (M.COMPONENTS, M.COUNT):
        return Unit.COUNT
    if name in (M.FIRST_SLICE, M.LAST_SLICE):
        return Unit.SLICE
    if name is M.CARDIOTHORACIC_RATIO:
        return Unit.ONE
    return Unit.MM if known else Unit.PX


def quantity_of(name: Measurable, reading: Reading, image: Image) -> Quantity:
    """A reading as a quantity; counts and slice numbers are of the mask as it is and have no interval."""
    unit = unit_of(name, image)
    exact = unit in (Unit.COUNT, Unit.SLICE)
    scale = 1e-3 if unit is Unit.ML else 1.0  # mm3 to mL
    return Quantity(
        name="distance from midline" if name is M.SIDE else name.value,
        value=reading.value * scale,
        unit=unit,
        low=None if exact else reading.low * scale,
        high=None if exact else reading.high * scale,
        spacing=image.spacing_source if unit.physical else SpacingSource.NONE,
    )
