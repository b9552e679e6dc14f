"""NIfTI-1 and NIfTI-2, one file (.nii, .nii.gz), read by hand to bound every step.

A NIfTI file says where its voxels lie but not what made them: it names no modality.
"""

import gzip
import io
import zlib
from typing import IO, Any, cast

import nibabel as nib
import numpy as np
from nibabel.imageglobals import LoggingOutputSuppressor
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from knowledge.case import Modality, Origin
from knowledge.quantity import SpacingSource
from tools.imaging.ct_values import looks_like_hu, looks_like_labels
from tools.imaging.draft import Draft, compact, note, without_gaps
from tools.imaging.geometry import acquisition_plane, as_displayed, plane_of, spacing_of, towards_lps
from tools.imaging.limits import Limits, Unreadable
from tools.imaging.source import Source

_RAS_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_MILLIMETRES = {"mm": 1.0, "meter": 1000.0, "micron": 0.001}
_PIECE = 1 << 24
_STANDARD_SPACES = (3, 4, 5)
"""xform codes: Talairach, MNI 152, other template (nifti1.h)."""


def is_nifti(head: bytes) -> bool:
    """Whether a file starts as NIfTI, packed by gzip or not."""
    if head.startswith(b"\x1f\x8b"):
        try:
            head = zlib.decompressobj(31).decompress(head, 348)
        except zlib.error:
            return False
    size = head[:4]
    if size in ((348).to_bytes(4, "little"), (348).to_bytes(4, "big")):
        return len(head) < 348 or head[344:348] in (b"n+1\0", b"ni1\0")
    return head[4:8] in (b"n+2\0", b"ni2\0")


def read_nifti(source: Source, limits: Limits) -> Draft:
    """Read one image; a volume on the grid nearest to LPS, a plane as it is looked at.

    Position: the sform where its code is set, else the qform, else none: then only the voxel size
    is known (methods 3, 2 and 1 of nifti1.h).

    Raises:
        Unreadable: It is damaged, too large or of a kind that is not supported.
    """
    try:
        with source.open() as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        with source.open() as raw:
            stream = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if packed else raw
            header = _header(stream)
            array, frames, caveats = _values(header, stream, limits)
    except (OSError, EOFError, zlib.error):
        raise Unreadable("It is cut off or damaged, so its voxels cannot be read.") from None
    draft = Draft(compact(array), source.name, "volume", "nifti", frames=frames, caveats=caveats)
    try:
        without_gaps(draft)
    except ValueError:
        raise Unreadable("None of its values is a finite number.") from None
    _place(draft, header)
    if draft.channels == 1:
        if looks_like_labels(draft.array):
            note(draft, "the values look like labels of structures, not like an image")
        elif looks_like_hu(draft.array):
            draft.modality, draft.modality_origin, draft.calibrated = Modality.CT, Origin.INFERRED, True
            note(draft, "NIfTI names no modality; CT is inferred from values that look like Hounsfield units")
    if draft.single:
        draft.stem = "picture"
    return draft


def _header(stream: IO[bytes]) -> Any:
    start = stream.read(348)
    if len(start) < 348:
        raise EOFError
    second = start[4:8] in (b"n+2\0", b"ni2\0")
    if (start[4:8] == b"ni2\0") if second else (start[344:348] == b"ni1\0"):
        raise Unreadable("Its voxels lie in a second file (.img); convert the pair to one .nii file.")
    kind = nib.Nifti2Header if second else nib.Nifti1Header
    rest = stream.read(kind.sizeof_hdr - 348) if second else b""
    try:
        with LoggingOutputSuppressor():
            header = kind.from_fileobj(io.BytesIO(start + rest), check=False)
            header.get_data_shape()
            header.get_data_dtype()
    except (HeaderDataError, ValueError, TypeError, KeyError, OverflowError):
        raise Unreadable("Its header is damaged.") from None
    return header


def _values(header: Any, stream: IO[bytes], limits: Limits) -> tuple[NDArray[Any], int, list[str]]:
    """The values as (slices, rows, columns[, 3]), frames, and caveats."""
    shape = tuple(int(size) for size in header.get_data_shape())
    if len(shape) < 2 or len(shape) > 7 or any(size < 1 for size in shape):
        raise Unreadable("Its header names an impossible grid.")
    caveats = []
    columns, rows, slices, *more = (*shape, 1)[:3] if len(shape) < 3 else shape
    volumes = int(np.prod(more, dtype=object)) if more else 1
    frames = 1
    if slices == 1 and volumes > 1 and len(more) == 1:
        frames = slices = volumes
    elif volumes > 1:
        caveats.append(f"the file holds {volumes} volumes; only the first is shown")
    dtype = header.get_data_dtype()
    colour = dtype.names is not None
    if colour and tuple(dtype.names) not in (("R", "G", "B"), ("R", "G", "B", "A")):
        raise Unreadable("Its values are of a kind that is not supported.")
    if not colour and (dtype.kind not in "iuf" or dtype.itemsize > 8):
        raise Unreadable("Its values are complex or of a kind that is not supported.")
    count = columns * rows * slices
    if count * (3 if colour else 1) > limits.samples:
        raise Unreadable(f"It has {count} voxels, more than the limit of {limits.samples} values.")
    data = _read(stream, header, count * dtype.itemsize, limits)
    array = data.view(dtype).reshape(slices, rows, columns)
    if colour:
        return np.stack([array[name] for name in "RGB"], axis=-1), frames, caveats
    return _scaled(array, header), frames, caveats


def _read(stream: IO[bytes], header: Any, size: int, limits: Limits) -> NDArray[np.uint8]:
    """Exactly the voxels' bytes, whatever else a packed file would unpack to."""
    try:
        offset = int(header["vox_offset"])
    except (ValueError, OverflowError):
        raise Unreadable("Its header is damaged.") from None
    offset = max(offset, header.single_vox_offset)
    if offset + size > limits.file_bytes:
        raise Unreadable("Its header names more data than the limit on one file.")
    skip = offset - header.sizeof_hdr
    while skip > 0:
        piece = stream.read(min(skip, _PIECE))
        if not piece:
            raise EOFError
        skip -= len(piece)
    data = np.empty(0, np.uint8)
    filled = 0
    while filled < size:  # grown as it arrives: a small file cannot make a large claim cost memory
        piece = stream.read(min(size - filled, max(_PIECE, filled)))
        if not piece:
            raise EOFError
        if filled + len(piece) > data.size:
            data = np.resize(data, min(size, max(2 * data.size, filled + len(piece))))
        data[filled : filled + len(piece)] = np.frombuffer(piece, np.uint8)
        filled += len(piece)
    return data


def _scaled(array: NDArray[Any], header: Any) -> NDArray[Any]:
    """Apply scl_slope and scl_inter, in whole numbers where that is exact."""
    try:
        slope, intercept = header.get_slope_inter()
    except HeaderDataError:
        raise Unreadable("Its scale factors are not finite numbers.") from None
    slope, intercept = float(1.0 if slope is None else slope), float(0.0 if intercept is None else intercept)
    if slope == 1 and intercept == 0:
        return array
    whole = slope.is_integer() and intercept.is_integer() and max(abs(slope), abs(intercept)) < 2**31
    if whole and array.dtype.kind in "iu" and array.dtype.itemsize <= 2:
        return array.astype(np.int64) * int(slope) + int(intercept)
    with np.errstate(over="ignore", invalid="ignore"):
        scaled: NDArray[Any] = (array.astype(np.float64) * slope + intercept).astype(np.float32)
    return scaled


def _place(draft: Draft, header: Any) -> None:
    """Affine, spacing and plane."""
    unit = _unit(header)
    scale = _MILLIMETRES.get(unit, 1.0)
    matrix, code = _affine(header)
    if matrix is not None:
        matrix = matrix.copy()
        matrix[:3] *= scale
        affine = _RAS_LPS @ matrix
        if draft.frames > 1 or draft.array.shape[0] == 1:
            if draft.frames == 1:
                draft.array, affine = as_displayed(draft.array, affine)
            draft.plane = plane_of(np.cross(affine[:3, 0], affine[:3, 1]))
        elif 1 in draft.array.shape[:3]:
            draft.array, affine = as_displayed(draft.array, affine)
            draft.plane = plane_of(np.cross(affine[:3, 0], affine[:3, 1]))
        else:
            draft.array, affine = towards_lps(draft.array, affine)
            draft.plane = acquisition_plane(spacing_of(affine))[0]
        draft.affine, draft.orientation_origin = affine, Origin.HEADER
        draft.spacing, draft.spacing_source = spacing_of(affine), SpacingSource.HEADER
        if code in _STANDARD_SPACES:
            note(
                draft, "the voxels are in a standard space: sizes are those of the fitted brain, not the patient's own"
            )
    else:
        sizes = [float(value) * scale for value in header["pixdim"][1:4]]
        if len(header.get_data_shape()) < 3:
            sizes[2] = 1.0
        if all(np.isfinite(sizes)) and min(sizes) > 0:
            draft.spacing, draft.spacing_source = (sizes[2], sizes[1], sizes[0]), SpacingSource.HEADER
        note(draft, "the file does not say how the image lies in the patient, so left and right are unknown")
    if draft.spacing is not None and unit not in _MILLIMETRES:
        note(draft, "the file does not name its unit of length; mm is assumed")
    draft.array = np.ascontiguousarray(draft.array)


def _unit(header: Any) -> str:
    try:
        return str(header.get_xyzt_units()[0])
    except (KeyError, ValueError):
        return "unknown"


def _affine(header: Any) -> tuple[NDArray[np.float64] | None, int]:
    """The matrix to RAS in the header's unit and its code, or None where neither is usable."""
    for name in ("sform", "qform"):
        code = int(header[f"{name}_code"])
        if code <= 0:
            continue
        try:
            matrix = header.get_sform() if name == "sform" else header.get_qform()
        except (HeaderDataError, ValueError, np.linalg.LinAlgError):
            continue
        lengths = np.linalg.norm(matrix[:3, :3], axis=0)
        if not np.isfinite(matrix).all() or not (lengths > 0).all():
            continue
        if abs(np.linalg.det(matrix[:3, :3] / lengths)) > 1e-3:
            return np.asarray(matrix, dtype=np.float64), code
    return None, 0
