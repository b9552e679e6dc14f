"""The physical size of a pixel in one DICOM plane, and what must be said about it."""

from dataclasses import dataclass

from pydicom.dataset import Dataset

from tools.imaging.facts import Facts

AT_DETECTOR = (
    "pixel spacing is that of the detector: the beam magnifies, so sizes in the patient are smaller than measured"
)
UNSTATED = "pixel spacing of a projection: the header does not say whether it is corrected for magnification"
CALIBRATED = "pixel spacing is corrected for magnification at one depth only"
IN_REGION = "pixel spacing holds within the ultrasound sector only"
SCANNED = "pixel spacing is that of the scanned film"


@dataclass(frozen=True)
class Scale:
    """Distance in mm between rows and between columns, or None where unknown; with caveats."""

    spacing: tuple[float, float] | None = None
    caveats: tuple[str, ...] = ()


def plane_scale(facts: Facts, projection: bool) -> Scale:
    """Read the pixel spacing of a plane.

    Pixel Spacing is in the patient. On projections it equals Imager Pixel Spacing (at the
    detector) unless corrected for magnification or calibrated; where neither Imager Pixel
    Spacing nor a calibration type is there, nobody can tell (PS3.3 10.7.1.1). Ultrasound gives
    a size for each region (PS3.3 C.8.5.5), used where there is one plane of tissue only.
    """
    spacing = _pair(facts, "PixelSpacing")
    imager = _pair(facts, "ImagerPixelSpacing")
    if spacing is None and imager is None:
        scanned = _pair(facts, "NominalScannedPixelSpacing")
        if scanned is not None:
            return Scale(scanned, (SCANNED,))
        return _ultrasound(facts)
    if not projection and spacing is not None:
        return Scale(spacing)
    if spacing is None or spacing == imager:
        return Scale(imager, (AT_DETECTOR,))
    calibrated = imager is not None or facts.text("PixelSpacingCalibrationType") in ("GEOMETRY", "FIDUCIAL")
    return Scale(spacing, (CALIBRATED if calibrated else UNSTATED,))


def _pair(facts: Facts, keyword: str) -> tuple[float, float] | None:
    numbers = facts.numbers(keyword, 2)
    if len(numbers) == 2 and all(1e-5 < number < 1e3 for number in numbers):
        return numbers[0], numbers[1]
    return None


def _ultrasound(facts: Facts) -> Scale:
    planes = [Facts(region) for region in _regions(facts) if Facts(region).whole("RegionSpatialFormat") == 1]
    if len(planes) != 1:
        return Scale()
    region = planes[0]
    centimetres = 3
    if any(region.whole(f"PhysicalUnits{axis}Direction") != centimetres for axis in "XY"):
        return Scale()
    x, y = region.number("PhysicalDeltaX"), region.number("PhysicalDeltaY")
    if x is None or y is None or not (1e-6 < abs(x) < 100 and 1e-6 < abs(y) < 100):
        return Scale()
    return Scale((abs(y) * 10, abs(x) * 10), (IN_REGION,))


def _regions(facts: Facts) -> list[Dataset]:
    value = facts.raw("SequenceOfUltrasoundRegions")
    try:
        return list(value) if value is not None else []
    except TypeError:
        return []
