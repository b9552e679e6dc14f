"""A chest CT whose truth is known: an anatomical sketch written as a real DICOM series.

Half-axes are those of a plausible adult, not of a person. Intensities in HU: lung -850 with
vessels, soft tissue 40, fat -100, bone 700, air -1000, with Gaussian noise of 12 HU.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

SHAPE = (100, 224, 224)
SPACING = (3.0, 1.7, 1.7)
NAME = "Phantom^Thorax"


@dataclass(frozen=True)
class Phantom:
    """Values in HU and the masks they were painted from, (slices, rows, columns)."""

    values: NDArray[np.int16]
    left_lung: NDArray[np.bool_]
    right_lung: NDArray[np.bool_]

    @staticmethod
    def millilitres(mask: NDArray[np.bool_]) -> float:
        """Volume of a mask on the phantom's grid."""
        return float(mask.sum() * np.prod(SPACING) / 1000)


def chest(seed: int = 0) -> Phantom:
    """Paint the phantom; x grows to the patient's left, y to the back, z to the head."""
    z, y, x = np.meshgrid(
        *((np.arange(count) - (count - 1) / 2) * step for count, step in zip(SHAPE, SPACING, strict=True)),
        indexing="ij",
    )

    def ellipsoid(cx: float, cy: float, cz: float, ax: float, ay: float, az: float) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = ((x - cx) / ax) ** 2 + ((y - cy) / ay) ** 2 + ((z - cz) / az) ** 2 <= 1
        return found

    def column(cx: float, cy: float, ax: float, ay: float) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = ((x - cx) / ax) ** 2 + ((y - cy) / ay) ** 2 <= 1
        return found

    values = np.full(SHAPE, -1000.0)
    values[column(0, 0, 172, 118)] = -100
    values[column(0, 0, 155, 104)] = 40
    values[column(0, 70, 20, 18)] = 250
    values[column(0, 70, 20, 18) & ~column(0, 70, 15, 13)] = 700
    for angle in np.linspace(0.25, 2 * np.pi - 0.25, 14):
        values[column(143 * np.sin(angle), -92 * np.cos(angle), 5, 5)] = 700
    heart = ellipsoid(22, -30, -25, 58, 45, 55)
    right = ellipsoid(-74, 5, 0, 58, 76, 128) & ~heart
    left = ellipsoid(76, 8, 0, 54, 74, 124) & ~heart
    values[right | left] = -850
    noise = np.random.default_rng(seed)
    for lung in (right, left):
        centre = np.argwhere(lung).mean(axis=0)
        for _ in range(60):
            direction = noise.normal(size=3) * (30, 25, 20)
            for step in np.linspace(0.1, 1.6, 40):
                k, j, i = (centre + direction * step).astype(int)
                if 0 <= k < SHAPE[0] and 0 <= j < SHAPE[1] and 0 <= i < SHAPE[2] and lung[k, j, i]:
                    values[k, j, i] = 20
    trachea = column(0, 22, 9, 9) & (z > 20)
    values[trachea] = -1000
    values[ellipsoid(60, -45, -138, 35, 25, 14)] = -990
    values += noise.normal(0, 12, SHAPE)
    return Phantom(np.clip(np.round(values), -1024, 3071).astype(np.int16), left, right)


def write_series(phantom: Phantom, folder: Path) -> None:
    """Write the phantom as a CT series with a name, a birth date and an ID to be stripped."""
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    top = [-(count - 1) / 2 * step for count, step in zip(SHAPE, SPACING, strict=True)]
    for k, plane in enumerate(phantom.values):
        file = Dataset()
        file.file_meta = FileMetaDataset()
        file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        file.file_meta.MediaStorageSOPClassUID = CTImageStorage
        file.SOPClassUID = CTImageStorage
        file.SOPInstanceUID = file.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        file.StudyInstanceUID, file.SeriesInstanceUID, file.FrameOfReferenceUID = study, series, frame
        file.PatientName, file.PatientID, file.PatientBirthDate, file.PatientSex = NAME, "PH-0001", "19700101", "O"
        file.PatientAge, file.Modality, file.BodyPartExamined, file.Manufacturer = "056Y", "CT", "CHEST", "Citrus-V"
        file.BurnedInAnnotation, file.InstanceNumber = "NO", k + 1
        file.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        file.ImagePositionPatient = [top[2], top[1], top[0] + k * SPACING[0]]
        file.PixelSpacing, file.SliceThickness = [SPACING[1], SPACING[2]], SPACING[0]
        file.Rows, file.Columns = plane.shape
        file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
        file.BitsAllocated = file.BitsStored = 16
        file.HighBit, file.PixelRepresentation = 15, 0
        file.RescaleSlope, file.RescaleIntercept, file.RescaleType = 1, -1024, "HU"
        file.WindowCenter, file.WindowWidth = [40, -600], [400, 1500]
        file.PixelData = (plane.astype(np.int32) + 1024).astype(np.uint16).tobytes()
        # The names are shuffled on purpose: order comes from positions.
        file.save_as(folder / f"{(k * 37) % SHAPE[0]:03d}.dcm", enforce_file_format=True)
