"""Small cases that a test can tell apart."""

import gzip
import io
import zipfile

import nibabel as nib
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

NAME = "Quillfeather^Ottoline"


def cube(millilitres: int) -> bytes:
    """A NIfTI volume of 10 x 10 x 10 voxels of 10 mm; as many of 1 mL as stated are above zero."""
    values = np.full(1000, -1000, np.int16)
    values[:millilitres] = 50
    return gzip.compress(nib.Nifti1Image(values.reshape(10, 10, 10), np.diag([10.0, 10.0, 10.0, 1.0])).to_bytes())


def slices(count: int) -> list[bytes]:
    """A CT series with a patient's name in it, a file for each slice, not in order."""
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    files = []
    for at in range(count):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data = Dataset()
        data.file_meta = meta
        data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
        data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = study, series, frame
        data.Modality, data.PatientName, data.PatientID, data.PatientBirthDate = "CT", NAME, "Q-77120", "19510203"
        data.ImageOrientationPatient, data.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, 5.0 * at]
        data.PixelSpacing, data.SliceThickness = [1.0, 1.0], 5.0
        data.Rows = data.Columns = 32
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
        data.BitsAllocated = data.BitsStored = 16
        data.HighBit, data.PixelRepresentation = 15, 1
        data.RescaleSlope, data.RescaleIntercept, data.RescaleType = 1, 0, "HU"
        values = np.full((32, 32), -1000, np.int16)
        values[8:24, 8:24] = 40
        data.PixelData = values.tobytes()
        buffer = DicomBytesIO()
        data.save_as(buffer, enforce_file_format=True)
        files.append(buffer.getvalue())
    return files[1::2] + files[::2]


def archive(files: dict[str, bytes]) -> bytes:
    """A zip of them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as writer:
        for name, data in files.items():
            writer.writestr(f"study/{name}", data)
    return buffer.getvalue()
