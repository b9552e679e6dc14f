"""Seconds to measure a 512 x 512 x 300 mask, against scikit-image measuring the same.

    python -m tests.bench.bench_measure

Both measure volume, centroid, mean, standard deviation, minimum, maximum, the longest in-plane
diameter over all slices and, where scikit-image can, the longest diameter in 3-D, on the same mask
and values in the same run. Ours adds the short axis and the interval of every figure, and is timed
through the tool, from the stored mask to the evidence; the pixels are loaded before, for both.

For a large organ scikit-image's 3-D Feret diameter needs every voxel of the box tested against
every face of the hull, then all pairs of a surface of some 100,000 points: hours, and more memory than
most machines have. There it is left out on its side only, which makes the ratio too small, not too large.
"""

import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from skimage.measure import regionprops_table

from tests.tools.measuring import Bench, ellipsoid, straight

SHAPE = (300, 512, 512)
STEPS = (1.5, 0.7, 0.7)
QUANTITIES = [
    "volume", "area", "long axis", "short axis", "3-D diameter", "centroid", "mean", "standard deviation",
    "minimum", "maximum",
]  # fmt: skip
STATISTICS = ("intensity_mean", "intensity_std", "intensity_min", "intensity_max")


def theirs(mask: np.ndarray, array: np.ndarray, solid: bool) -> dict[str, float]:
    """The same by scikit-image, which measures in-plane diameters slice by slice."""
    names = ("area", "centroid", *STATISTICS, *(("feret_diameter_max",) if solid else ()))
    table = regionprops_table(mask.astype(np.uint8), array, properties=names, spacing=STEPS)
    found = {name: float(values[0]) for name, values in table.items()}
    longest = 0.0
    for plane in mask:
        if plane.any():
            row = regionprops_table(plane.astype(np.uint8), properties=("feret_diameter_max",), spacing=STEPS[1:])
            longest = max(longest, float(row["feret_diameter_max"][0]))
    return found | {"long axis": longest}


def clocks() -> np.ndarray:
    """Seconds on the wall, and of processor time, which a busy machine changes less."""
    return np.array([time.perf_counter(), time.process_time()])


def compare(name: str, mask: np.ndarray, array: np.ndarray, solid: bool, folder: Path) -> None:
    """Time both, and show that they agree."""
    bench = Bench(folder, array, straight(*STEPS))
    bench.context.volume("I1")
    evidence = bench.mask(mask)
    start = clocks()
    found = {item.quantity.name: item.quantity for item in bench.run(of=[evidence], quantities=QUANTITIES)}
    ours = clocks() - start
    start = clocks()
    other = theirs(mask, array, solid)
    seconds = clocks() - start
    print(f"{name}: {int(mask.sum())} voxels       wall      processor")
    print(f"  citrus-v      {ours[0]:8.2f} s {ours[1]:8.2f} s")
    print(f"  scikit-image  {seconds[0]:8.2f} s {seconds[1]:8.2f} s{'' if solid else '  (without the 3-D diameter)'}")
    print(f"  ratio         {seconds[0] / ours[0]:8.2f}   {seconds[1] / ours[1]:8.2f}")
    pairs = [("volume", "area", 1e-3), ("mean", "intensity_mean", 1), ("long axis", "long axis", 1)]
    if solid:
        pairs.append(("3-D diameter", "feret_diameter_max", 1))
    for one, two, scale in pairs:
        print(f"  {one:13} {found[one].text():>34}   {other[two] * scale:.2f}")


def main() -> None:
    """Run both sizes."""
    array = np.random.default_rng(0).normal(0, 30, SHAPE).astype(np.int16)
    nodule = ellipsoid(SHAPE, (150, 250, 260), (12.4, 24.7, 17.2))
    lung = ellipsoid(SHAPE, (150, 256, 256), (140, 230, 240))
    with tempfile.TemporaryDirectory() as folder:
        compare("lesion", nodule, array, True, Path(folder))
        compare("most of the image", lung, array, False, Path(folder))
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB")


if __name__ == "__main__":
    main()
