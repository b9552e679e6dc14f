"""Seconds to load a 300-slice CT series, beside SimpleITK's series reader on the same files.

    python -m tests.bench.bench_load [--slices 300] [--repeat 3]

SimpleITK sorts by GDCM's file names and decodes into memory. This project's reader also checks
every file, strips identity, hashes the values and writes them, synced, to the blob store; the line
"decoded only" leaves the last three out. Files are in the page cache for both. Values of the two
are compared before any time is printed.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK

from knowledge.blobs import BlobStore
from tests.tools.imaging.dicom_files import ct_slice
from tools.imaging.dicom import read_dicom
from tools.imaging.draft import Draft
from tools.imaging.identity import Identity
from tools.imaging.limits import Limits
from tools.imaging.read import read_case
from tools.imaging.source import Source


def main() -> None:
    """Make the series, time both readers, print seconds and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=300)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "series"
        folder.mkdir()
        _write(folder, options.slices)
        theirs, volume = _best(lambda: _simpleitk(folder), options.repeat)
        decoded, draft = _best(lambda: _decode(folder), options.repeat)
        stores = iter(range(1000))
        whole, _ = _best(lambda: read_case([folder], BlobStore(Path(name) / f"blobs{next(stores)}")), options.repeat)
        if not np.array_equal(volume, draft.array):
            raise SystemExit("the two readers disagree on the values")
    print(
        f"{options.slices} slices of 512 x 512, best of {options.repeat}: seconds, seconds of processor, their ratios"
    )
    for what, (wall, cpu) in (
        ("SimpleITK ImageSeriesReader", theirs),
        ("decoded only", decoded),
        ("read_case, hashed and stored", whole),
    ):
        print(f"{what:30} {wall:6.2f} {cpu:6.2f}   {wall / theirs[0]:5.2f} {cpu / theirs[1]:5.2f}")


def _write(folder: Path, slices: int) -> None:
    noise = np.random.default_rng(7)
    ground = noise.integers(0, 4096, (512, 512), dtype=np.uint16)
    order = noise.permutation(slices)
    for name, at in enumerate(order):
        dataset = ct_slice(np.roll(ground, int(at), axis=0), z=float(at), number=name + 1)
        dataset.save_as(folder / f"{name:04d}.dcm", enforce_file_format=True)


def _best(function: Callable[[], Any], repeat: int) -> tuple[tuple[float, float], Any]:
    """Least seconds by the clock and by the processor; the second holds on a busy machine too."""
    walls, cpus = [], []
    for _ in range(repeat):
        wall, cpu = time.perf_counter(), time.process_time()
        result = function()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return (min(walls), min(cpus)), result


def _simpleitk(folder: Path) -> np.ndarray:
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return SimpleITK.GetArrayFromImage(reader.Execute())


def _decode(folder: Path) -> Draft:
    sources = [
        Source(f"file {number}", str(path), path.stat().st_size, "bench", path)
        for number, path in enumerate(sorted(folder.iterdir()), start=1)
    ]
    (draft,) = read_dicom(sources, Identity(), Limits(), lambda _: None)
    if not isinstance(draft, Draft):
        raise SystemExit(draft.reason)
    return draft


if __name__ == "__main__":
    main()
