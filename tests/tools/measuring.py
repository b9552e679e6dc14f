"""A case around an array, with masks filed as evidence: what a measurement needs."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowledge.blobs import BlobStore
from knowledge.case import Case, Image, Modality, Origin
from knowledge.evidence import Evidence, Mask, Measurement, Region, Side
from knowledge.quantity import SpacingSource
from tools.imaging.geometry import spacing_of
from tools.imaging.volume import as_affine, encode_mask, encode_pixels
from tools.measure import Measure
from tools.tool import Context


class Bench:
    """One image and its evidence, measured through the tool's whole contract."""

    def __init__(
        self,
        folder: Path,
        array: NDArray[Any],
        affine: NDArray[Any] | None = None,
        *,
        spacing: tuple[float, float, float] | None = None,
        source: SpacingSource = SpacingSource.HEADER,
        **facts: Any,
    ) -> None:
        self.blobs = BlobStore(folder)
        self.affine = affine
        if affine is not None:
            spacing = spacing or spacing_of(affine)
            facts.setdefault("orientation_origin", Origin.HEADER)
        digest = self.blobs.put(encode_pixels(array, affine))
        image = Image(
            id="I1",
            label="CT series",
            format="nifti",
            modality=facts.pop("modality", Modality.CT),
            modality_origin=Origin.HEADER,
            shape=array.shape[:3],
            channels=3 if array.ndim == 4 else 1,
            affine=None if affine is None else as_affine(affine),
            spacing=spacing,
            spacing_source=source if spacing is not None else SpacingSource.NONE,
            intensity=facts.pop("intensity", "HU"),
            pixels=digest,
            content=digest,
            **facts,
        )
        other = image.model_copy(update={"id": "I2"})
        self.evidence: dict[str, Evidence] = {}
        self.context = Context(Case(images=(image, other)), self.blobs, self.evidence)

    def mask(
        self, bits: NDArray[np.bool_], target: str = "lesion", image: str = "I1", side: Side | None = None,
        caveats: tuple[str, ...] = (),
    ) -> str:  # fmt: skip
        """File a mask and return its id."""
        evidence = Mask(
            id=f"E{len(self.evidence) + 1}",
            image=image,
            target=target,
            side=side,
            blob=self.blobs.put(encode_mask(bits, self.affine)),
            voxels=max(1, int(bits.sum())),
            box=(0, 0, 1, 1),
            caveats=caveats,
        )
        self.evidence[evidence.id] = evidence
        return evidence.id

    def box(self, *edges: float, target: str = "lesion", slices: tuple[int, int] = (0, 1)) -> str:
        """File a box and return its id."""
        x0, y0, x1, y1 = edges
        name = f"E{len(self.evidence) + 1}"
        self.evidence[name] = Region(id=name, image="I1", target=target, box=(x0, y0, x1, y1), slices=slices)
        return name

    def run(self, **arguments: Any) -> list[Measurement]:
        """Call the tool as the graph does."""
        tool = Measure()
        found = tool.run(tool.admit({"image": "I1", **arguments}, self.context), self.context)
        assert all(isinstance(item, Measurement) for item in found)
        return found  # type: ignore[return-value]

    def measure(self, bits: NDArray[np.bool_], *quantities: str, **facts: Any) -> dict[str, Measurement]:
        """Measure a mask, by name of quantity."""
        found = self.run(of=[self.mask(bits, **facts)], quantities=list(quantities))
        return {item.quantity.name: item for item in found}


def ellipsoid(shape: tuple[int, ...], centre: tuple[float, ...], radii: tuple[float, ...]) -> NDArray[np.bool_]:
    """Voxels whose centres lie inside; all in array order, in voxels."""
    grids = np.ogrid[tuple(slice(length) for length in shape)]
    return sum(((g - c) / r) ** 2 for g, c, r in zip(grids, centre, radii, strict=True)) <= 1


def straight(slices: float, rows: float, columns: float) -> NDArray[np.float64]:
    """An affine along the patient's axes with these steps in mm."""
    return np.diag([columns, rows, slices, 1.0])
