"""Files made to harm, and files that are merely broken: one clear problem each, the rest opens."""

import os
import stat
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import JPEG2000Lossless

from knowledge.blobs import BlobStore
from tests.tools.imaging.dicom_files import ct_slice, save
from tests.tools.imaging.reading import one, read, refused
from tools.imaging.limits import Limits
from tools.imaging.read import read_case

PLANE = np.arange(4096, dtype=np.uint16).reshape(64, 64)
NOISE = np.random.default_rng(0).integers(0, 4096, (64, 64), dtype=np.uint16)


def _zip(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def _slices(folder: Path, count: int = 3) -> dict[str, bytes]:
    return {
        f"study/{number}.dcm": save(ct_slice(PLANE, z=number * 2.0), folder / f"{number}.dcm").read_bytes()
        for number in range(count)
    }


def test_a_zip_reads_as_its_folder(tmp_path: Path, blobs: BlobStore) -> None:
    members = _slices(tmp_path / "s")
    image, _ = one(blobs, _zip(tmp_path / "a.zip", members | {"README.txt": b"hello", "study/DICOMDIR": b"x"}))
    folder, _ = one(blobs, tmp_path / "s")
    assert image.content == folder.content and image.shape[0] == 3


def test_members_that_lead_out_are_refused_and_the_rest_opens(tmp_path: Path, blobs: BlobStore) -> None:
    members = _slices(tmp_path / "s")
    evil = {"../../outside.dcm": members["study/0.dcm"], "/etc/absolute.dcm": b"x", "C:\\windows.dcm": b"x"}
    reading = read(blobs, _zip(tmp_path / "a.zip", members | evil))
    assert len(reading.case.images) == 1 and reading.case.images[0].shape[0] == 3
    assert [problem.reason for problem in reading.case.problems] == ["Its path leads out of the archive."] * 3
    assert not (tmp_path.parent / "outside.dcm").exists()


def test_links_nested_and_encrypted_members_are_refused(tmp_path: Path, blobs: BlobStore) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("link.dcm")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("inner.zip", b"PK\x05\x06" + b"\0" * 18)
        archive.writestr("secret.dcm", b"x" * 100)
    data = bytearray(path.read_bytes())
    # Set the flag of encryption on the last member, in its header and in the directory.
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.rfind(mark) + offset] |= 1
    path.write_bytes(data)
    reasons = [problem.reason for problem in read(blobs, path).case.problems]
    assert len(reasons) == 3
    assert "link" in reasons[0] and "archive within an archive" in reasons[1] and "encrypted" in reasons[2]


def test_bombs_are_refused_before_they_are_unpacked(tmp_path: Path, blobs: BlobStore) -> None:
    bomb = _zip(tmp_path / "a.zip", {"big.dcm": b"\0" * (40 << 20)})
    assert bomb.stat().st_size < 100_000
    assert "zip bomb" in refused(blobs, bomb)
    many = _zip(tmp_path / "b.zip", {f"{number}.dcm": b"x" for number in range(50)})
    assert "limit" in refused(blobs, many, limits=Limits(files=10))
    wide = _zip(tmp_path / "c.zip", {f"{n}.dcm": os.urandom(2000) for n in range(5)}, zipfile.ZIP_STORED)
    problems = read(blobs, wide, limits=Limits(total_bytes=16_000)).case.problems
    assert any("in all" in problem.reason for problem in problems)


def test_a_member_that_unpacks_to_more_than_it_says(tmp_path: Path, blobs: BlobStore) -> None:
    path = _zip(tmp_path / "a.zip", {"a.dcm": b"\0" * 5000})
    data = path.read_bytes().replace((5000).to_bytes(4, "little"), (300).to_bytes(4, "little"))
    path.write_bytes(data)
    assert refused(blobs, path)


def test_overlapping_members_are_refused(tmp_path: Path, blobs: BlobStore) -> None:
    path = _zip(tmp_path / "a.zip", {"a.dcm": os.urandom(3000)}, zipfile.ZIP_STORED)
    data = path.read_bytes()
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    entry = data[start:end]
    tail = bytearray(data[end:])
    tail[8:12] = (9).to_bytes(2, "little") * 2
    tail[12:16] = (9 * len(entry)).to_bytes(4, "little")
    path.write_bytes(data[:start] + entry * 9 + bytes(tail))
    assert "overlap" in refused(blobs, path)


@pytest.mark.parametrize("size", [0, 3, 200, 1000])
def test_files_of_nothing(size: int, tmp_path: Path, blobs: BlobStore) -> None:
    for name in ("a.dcm", "a.nii", "a.nii.gz", "a.png", "a.zip", "a"):
        (tmp_path / name).write_bytes(os.urandom(size))
        assert refused(blobs, tmp_path / name).endswith(".")


def test_missing_paths_and_other_archives(tmp_path: Path, blobs: BlobStore) -> None:
    assert "no file or folder" in refused(blobs, tmp_path / "none.dcm")
    (tmp_path / "a.7z").write_bytes(b"x")
    assert "only zip" in refused(blobs, tmp_path / "a.7z")
    (tmp_path / "empty").mkdir()
    assert "no image" in refused(blobs, tmp_path / "empty")


def test_links_in_a_folder_are_not_followed(tmp_path: Path, blobs: BlobStore) -> None:
    save(ct_slice(PLANE), tmp_path / "s" / "a.dcm")
    save(ct_slice(PLANE, z=5.0), tmp_path / "other" / "b.dcm")
    (tmp_path / "s" / "loop").symlink_to(tmp_path / "s", target_is_directory=True)
    (tmp_path / "s" / "b.dcm").symlink_to(tmp_path / "other" / "b.dcm")
    image, _ = one(blobs, tmp_path / "s")
    assert image.shape[0] == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"Rows": 65535, "Columns": 65535},
        {"NumberOfFrames": 2_000_000_000},
        {"Rows": 0},
        {"SamplesPerPixel": 7},
        {"BitsAllocated": 13},
    ],
)
def test_sizes_that_are_only_claimed(fields: dict[str, int], tmp_path: Path, blobs: BlobStore) -> None:
    assert refused(blobs, save(ct_slice(PLANE, **fields), tmp_path / "a.dcm"))


def test_a_codestream_larger_than_its_header_is_not_decoded(tmp_path: Path, blobs: BlobStore) -> None:
    made = ct_slice(PLANE)
    made.compress(JPEG2000Lossless, generate_instance_uid=False)
    made.Rows = made.Columns = 32
    assert "another size" in refused(blobs, save(made, tmp_path / "a.dcm"))


def test_a_codestream_cut_off(tmp_path: Path, blobs: BlobStore) -> None:
    made = ct_slice(NOISE)
    made.compress(JPEG2000Lossless, generate_instance_uid=False)
    path = save(made, tmp_path / "a.dcm")
    path.write_bytes(path.read_bytes()[:-1500])
    assert "cut off" in refused(blobs, path)


def test_a_codestream_without_its_end(tmp_path: Path, blobs: BlobStore) -> None:
    made = ct_slice(NOISE)
    made.compress(JPEG2000Lossless, generate_instance_uid=False)
    (stream,) = generate_frames(made.PixelData, number_of_frames=1)
    made.PixelData = encapsulate([stream[: len(stream) // 2]])
    assert "cut off" in refused(blobs, save(made, tmp_path / "a.dcm"))


def test_a_deflated_bomb(tmp_path: Path, blobs: BlobStore) -> None:
    path = save(ct_slice(PLANE), tmp_path / "a.dcm")
    data = path.read_bytes()
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = packer.compress(b"\0" * (8 << 20)) + packer.flush()
    end = 144 + int.from_bytes(data[140:144], "little")
    # One value is two bytes longer, so the length of the meta group is too.
    meta = data[:end].replace(b"UI\x14\x001.2.840.10008.1.2.1\0", b"UI\x16\x001.2.840.10008.1.2.1.99")
    path.write_bytes(meta[:140] + (end - 144 + 2).to_bytes(4, "little") + meta[144:] + body)
    assert "unpacks to more" in refused(blobs, path, limits=Limits(file_bytes=1 << 20))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_opens_or_is_refused(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "a.dcm"
    whole = bytearray(save(ct_slice(PLANE[:4, :4], SOPInstanceUID="1.2.3"), path).read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(whole[: data.draw(st.integers(len(whole) // 2, len(whole)))])
    case = read_case([path], BlobStore(tmp_path / "blobs")).case
    assert len(case.images) + len(case.problems) == 1


def test_one_file_beyond_the_limit_leaves_the_rest_of_its_folder(tmp_path: Path, blobs: BlobStore) -> None:
    save(ct_slice(PLANE), tmp_path / "s" / "a.dcm")
    (tmp_path / "s" / "b.dcm").write_bytes(b"x" * 50_000)
    case = read(blobs, tmp_path / "s", limits=Limits(file_bytes=20_000)).case
    assert len(case.images) == 1 and "more than the limit" in case.problems[0].reason


def test_no_more_images_than_the_limit(tmp_path: Path, blobs: BlobStore) -> None:
    for number in range(4):
        save(ct_slice(PLANE, SeriesInstanceUID=f"1.2.{number}"), tmp_path / "s" / f"{number}.dcm")
    case = read(blobs, tmp_path / "s", limits=Limits(images=3)).case
    assert len(case.images) == 3 and [problem.file for problem in case.problems] == ["case"]


def test_a_zip_by_another_name(tmp_path: Path, blobs: BlobStore) -> None:
    path = _zip(tmp_path / "study", _slices(tmp_path / "s"))
    assert one(blobs, path)[0].shape[0] == 3


def test_many_files_with_the_same_trouble_make_one_problem(tmp_path: Path, blobs: BlobStore) -> None:
    for number in range(40):
        (tmp_path / "s").mkdir(exist_ok=True)
        (tmp_path / "s" / f"{number}.dcm").write_bytes(b"nothing")
    save(ct_slice(PLANE), tmp_path / "s" / "good.dcm")
    case = read(blobs, tmp_path / "s").case
    assert len(case.images) == 1
    (problem,) = case.problems
    assert "40 items" in problem.file
