"""A mask as the horizontal runs of its set voxels: small, and enough for shape, place and parts."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Runs:
    """Runs of set voxels along the rows, in the order of slice, row and column.

    Attributes:
        slices, rows: Where each run lies.
        starts, stops: Its first column and one past its last.
    """

    slices: Ints
    rows: Ints
    starts: Ints
    stops: Ints

    @classmethod
    def of(cls, mask: NDArray[np.bool_], origin: tuple[int, int, int] = (0, 0, 0)) -> Self:
        """The runs of `mask` (slices, rows, columns), whose first voxel lies at `origin` of the image."""
        _, height, width = mask.shape
        padded = np.zeros((*mask.shape[:2], width + 1), dtype=np.bool_)
        padded[..., :width] = mask
        line = padded.reshape(-1)
        edges = np.flatnonzero(line[1:] != line[:-1]) + 1
        if line.size and line[0]:
            edges = np.concatenate(([0], edges))
        starts, stops = edges[0::2], edges[1::2]
        lines, columns = np.divmod(starts, width + 1)
        slices, rows = np.divmod(lines, height)
        z, y, x = origin
        return cls(slices + z, rows + y, columns + x, columns + (stops - starts) + x)

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, which: Any) -> "Runs":
        return Runs(self.slices[which], self.rows[which], self.starts[which], self.stops[which])

    @property
    def voxels(self) -> int:
        """How many voxels are set."""
        return int((self.stops - self.starts).sum())

    def ends(self) -> Ints:
        """First and last voxel of every run as (i, j, k), (2 n, 3): the hull of the mask is theirs."""
        return np.concatenate(
            [np.stack([column, self.rows, self.slices], axis=1) for column in (self.starts, self.stops - 1)]
        )

    def centroid(self) -> NDArray[np.float64]:
        """Mean voxel as (i, j, k)."""
        lengths = self.stops - self.starts
        means = np.stack([(self.starts + self.stops - 1) / 2, self.rows, self.slices])
        mean: NDArray[np.float64] = (means * lengths).sum(axis=1) / lengths.sum()
        return mean

    def parts(self, across_slices: bool) -> Ints:
        """The connected part of each run, numbered from 0.

        Voxels are connected where they share a face, an edge or a corner: 26 neighbours across
        slices, the 8 of the plane otherwise.
        """
        if not len(self):
            return np.zeros(0, dtype=np.int64)
        # Every line of voxels gets its own stretch of one long axis, with room between, so that
        # runs of neighbouring lines touch exactly where their stretches, shifted, do.
        width = int(self.stops.max() - self.starts.min()) + 2
        height = int(self.rows.max() - self.rows.min()) + 3
        line = (self.slices - self.slices.min()) * height + (self.rows - self.rows.min())
        first = line * width + (self.starts - self.starts.min())
        last = first + (self.stops - self.starts)
        pairs = []
        for shift in (1, height - 1, height, height + 1) if across_slices else (1,):
            begin = np.searchsorted(last, first + shift * width, side="left")
            end = np.searchsorted(first, last + shift * width, side="right")
            counts = np.maximum(end - begin, 0)
            ones = np.repeat(np.arange(len(self)), counts)
            offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
            pairs.append((ones, np.repeat(begin, counts) + offsets))
        one, other = (np.concatenate(side) for side in zip(*pairs, strict=True))
        graph = coo_array((np.ones(len(one), dtype=np.bool_), (one, other)), shape=(len(self), len(self)))
        labels: Ints = connected_components(graph, directed=False)[1].astype(np.int64)
        return labels


class Parts:
    """The runs of a mask gathered by part, of which there may be very many.

    Attributes:
        extents: Columns, rows and slices that each part spans, (parts, 3).
        voxels: How many each has.
    """

    def __init__(self, runs: Runs, labels: Ints) -> None:
        self._runs = runs[np.argsort(labels, kind="stable")]
        counts = np.bincount(labels)
        self._bounds = np.concatenate(([0], np.cumsum(counts)))
        first = self._bounds[:-1]
        gathered = self._runs
        spans = ((gathered.starts, gathered.stops), *((axis, axis + 1) for axis in (gathered.rows, gathered.slices)))
        self.extents = np.stack(
            [np.maximum.reduceat(stop, first) - np.minimum.reduceat(start, first) for start, stop in spans], axis=1
        )
        self.voxels = np.add.reduceat(gathered.stops - gathered.starts, first)

    def __len__(self) -> int:
        return len(self.voxels)

    def __getitem__(self, part: int) -> Runs:
        return self._runs[self._bounds[part] : self._bounds[part + 1]]
