"""DICOM files made for tests: real ones, written by pydicom, every field under the test's hand."""

import warnings
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, generate_uid

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SERIES = UID("1.2.826.0.1.3680043.8.498.1")
STUDY = UID("1.2.826.0.1.3680043.8.498.2")


def dataset(pixels: NDArray[Any], sop_class: str = CTImageStorage, modality: str = "CT", **fields: Any) -> Dataset:
    """An instance with these pixels, (rows, columns), (frames, rows, columns) or with 3 colours."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = sop_class
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID = generate_uid()
    made.SOPClassUID = sop_class
    made.Modality = modality
    made.StudyInstanceUID, made.SeriesInstanceUID = STUDY, SERIES
    colour = pixels.shape[-1] == 3
    grid = pixels.shape[:-1] if colour else pixels.shape
    if len(grid) == 3:
        made.NumberOfFrames = grid[0]
    made.Rows, made.Columns = grid[-2:]
    made.SamplesPerPixel = 3 if colour else 1
    made.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        made.PlanarConfiguration = 0
    made.BitsAllocated = pixels.dtype.itemsize * 8
    made.BitsStored, made.HighBit = made.BitsAllocated, made.BitsAllocated - 1
    made.PixelRepresentation = int(pixels.dtype.kind == "i")
    data = pixels.tobytes()
    made.PixelData = data + b"\0" * (len(data) % 2)
    made["PixelData"].VR = "OB" if made.BitsAllocated == 8 else "OW"
    with warnings.catch_warnings(action="ignore"):  # what is invalid here is so on purpose
        for keyword, value in fields.items():
            setattr(made, keyword, value)
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    return made


def ct_slice(pixels: NDArray[Any], z: float = 0.0, number: int = 1, **fields: Any) -> Dataset:
    """An axial CT slice at this height, 0.7 x 0.8 mm pixels, stored with an offset of 1024."""
    defaults: dict[str, Any] = {
        "ImageOrientationPatient": list(AXIAL),
        "ImagePositionPatient": [-100.0, -120.0, z],
        "PixelSpacing": [0.8, 0.7],
        "SliceThickness": 3,
        "RescaleSlope": 1,
        "RescaleIntercept": -1024,
        "RescaleType": "HU",
        "InstanceNumber": number,
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
    }
    return dataset(pixels, **(defaults | fields))


def save(made: Dataset, path: Path) -> Path:
    """Write it, with preamble and meta information."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save_as(path, enforce_file_format=True)
    return path
