"""Passages by their meaning: FAISS over unit vectors, on a GPU where there is one for it."""

import math
import threading
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from knowledge.embedding import DIMENSIONS

FLAT_UP_TO = 100_000
"""So many passages are searched exactly; more go into an inverted file (IVF)."""

PROBED = 0.05
"""Share of the inverted file's cells that a search looks into."""

_TRAINED_PER_CELL = 39
"""Vectors per cell that FAISS asks for at least to place the cells (ClusteringParameters.min_points_per_centroid)."""

_ROUNDS = 8
"""Of k-means; more change the cells little."""

_GPU_MOST = 2048
"""Neighbours that FAISS finds at most on a GPU."""

Rows = NDArray[np.int64]
Cosines = NDArray[np.float64]


class Meaning:
    """Nearest passages by cosine, numbered from 0 in the order of their vectors.

    Args:
        vectors: (n, 384), float32, of length 1; may be mapped from a file.
        index: The inverted file over them, or None for exact search.
    """

    def __init__(self, vectors: NDArray[np.float32], index: Any = None) -> None:
        import faiss

        self.vectors = vectors
        self._exact = index is None
        if index is None:
            index = faiss.IndexFlatIP(DIMENSIONS)
            index.add(np.ascontiguousarray(vectors))
        self._index = index
        self._gpu = _on_gpu(index)
        self._gpu_lock = threading.Lock()  # FAISS on a GPU is not safe to share by threads.

    @classmethod
    def build(cls, vectors: NDArray[np.float32], flat_up_to: int = FLAT_UP_TO) -> Self:
        """Index `vectors`; above `flat_up_to` of them by an inverted file."""
        return cls(vectors, _inverted(vectors) if len(vectors) > flat_up_to else None)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote; the vectors are mapped.

        Raises:
            OSError: A file is not there.
            ValueError: A file is not what it should be.
        """
        import faiss

        vectors = np.load(folder / "vectors.npy", mmap_mode="r", allow_pickle=False)
        file = folder / "inverted.faiss"
        try:
            index = faiss.read_index(str(file)) if file.exists() else None
        except RuntimeError as error:
            raise ValueError(f"{file}: {error}") from None
        if vectors.ndim != 2 or vectors.shape[1] != DIMENSIONS or (index is not None and index.ntotal != len(vectors)):
            raise ValueError(f"{folder}: vectors of shape {vectors.shape} do not fit")
        return cls(vectors, index)

    def save(self, folder: Path) -> None:
        """Write the index into `folder`."""
        import faiss

        np.save(folder / "vectors.npy", np.ascontiguousarray(self.vectors), allow_pickle=False)
        if not self._exact:
            faiss.write_index(self._index, str(folder / "inverted.faiss"))

    def nearest(self, query: NDArray[np.float32], k: int, admitted: NDArray[np.bool_] | None = None) -> Rows:
        """The `k` passages closest to `query`, (1, 384), or fewer; of `admitted`, (n,), only.

        In no certain order: cosines that differ in their last bits only must not decide it.
        """
        import faiss

        if admitted is None:
            most = min(k, len(self.vectors))
            if self._gpu is not None and most <= _GPU_MOST:
                with self._gpu_lock:
                    rows = self._gpu.search(query, most)[1][0]
            else:
                rows = self._index.search(query, most)[1][0]
        else:
            chosen = np.flatnonzero(admitted)
            if len(chosen) == 0:
                return chosen
            selector = faiss.IDSelectorBatch(chosen)
            parameters = (
                faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
                if self._exact
                else faiss.SearchParametersIVF(sel=selector, nprobe=self._index.nprobe)  # type: ignore[call-arg]
            )
            rows = self._index.search(query, min(k, len(chosen)), params=parameters)[1][0]
        found: Rows = rows[rows >= 0]
        return found

    def cosines(self, query: NDArray[np.float32], rows: Rows) -> Cosines:
        """Cosine of `query`, (1, 384), with each of `rows`, rounded so that its last bits cannot decide an order."""
        # Summed in double precision, since a float32 product may round otherwise for other `rows`.
        chosen = np.asarray(self.vectors[rows], dtype=np.float64)
        rounded: Cosines = np.round(chosen @ query[0].astype(np.float64), 5)
        return rounded


def _inverted(vectors: NDArray[np.float32]) -> Any:
    """An inverted file with 4 sqrt(n) cells, as FAISS's guide to choosing an index advises."""
    import faiss

    cells = int(4 * math.sqrt(len(vectors)))
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(DIMENSIONS), DIMENSIONS, cells, faiss.METRIC_INNER_PRODUCT)
    index.cp.niter = _ROUNDS
    index.cp.seed = 0
    chosen = np.sort(np.random.default_rng(0).permutation(len(vectors))[: _TRAINED_PER_CELL * cells])
    index.train(np.ascontiguousarray(vectors[chosen]))
    index.add(np.ascontiguousarray(vectors))
    index.nprobe = max(1, round(PROBED * cells))
    return index


def _on_gpu(index: Any) -> Any:
    """The same index on a GPU, or None where faiss-gpu or a device is missing."""
    import faiss

    if not hasattr(faiss, "StandardGpuResources") or faiss.get_num_gpus() < 1:
        return None
    return faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), 0, index)
