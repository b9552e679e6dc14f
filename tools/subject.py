"""A mask or a box on its image, cut out once and measured as often as asked."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from math import ceil

import numpy as np
from numpy.typing import NDArray

from knowledge.case import Image, Origin
from knowledge.evidence import ANISOTROPIC, NO_SPACING, SIZE_HIGH, SIZE_LOW, TRUNCATED, Mask, Measurement, Region, Side
from tools.imaging.extent import Extent
from tools.imaging.intensity import intensities
from tools.imaging.outline import Outline, Reading
from tools.imaging.placement import frame_of, side_of, to_lps, uneven
from tools.measurable import (
    CENTROID,
    IN_PLANE,
    INTENSITY,
    OF_BOXES,
    OF_MASKS,
    PLACE,
    SIZES,
    M,
    Measurable,
    quantity_of,
    words,
)
from tools.tool import Context, ToolRefusal


class Subject:
    """What is measured.

    Args:
        evidence: A mask or box of `image`.
        frame: The frame of a cine, counted from 1, or None for the one where the mask is largest.

    Attributes:
        frame: Index of the frame it is measured on, or None where the image is not a cine.

    Raises:
        ToolRefusal: The image has no such frame.
    """

    def __init__(self, evidence: Mask | Region, image: Image, frame: int | None, context: Context) -> None:
        self.evidence = evidence
        self.image = image
        self._context = context
        self._notes: list[str] = []
        self.frame = self._chosen(frame)

    def measurements(self, wanted: Sequence[Measurable], midline: "Subject | None" = None) -> list[Measurement]:
        """Every quantity of `wanted`, or where it is empty the volume or area.

        Raises:
            ToolRefusal: The image or the evidence does not allow one of them.
        """
        if not wanted:
            solid = isinstance(self.evidence, Mask) and self.image.dimensions == 3
            wanted = [M.VOLUME if solid else M.AREA]
        self._admit(wanted)
        statistics = self._statistics([name for name in wanted if name in INTENSITY])
        return [
            self._side(midline) if name is M.SIDE else self._measured(name, statistics.get(name) or self._reading(name))
            for name in wanted
        ]

    @cached_property
    def outline(self) -> Outline:
        """The mask, or the pixels whose centres lie in the box.

        Raises:
            ToolRefusal: Nothing is set.
        """
        mask, first = self._mask, 0
        if self.frame is not None:
            mask, first = mask[self.frame : self.frame + 1], self.frame
        if not mask.any():
            where = "" if self.frame is None else f" on frame {self.frame + 1}"
            raise ToolRefusal(
                f"{self.evidence.id} is empty{where}, so there is nothing to measure.", target=self.evidence.target
            )
        return Outline(mask, frame_of(self.image), first)

    @property
    def extent(self) -> Extent:
        """Its width and height, edge to edge."""
        if isinstance(self.evidence, Region):
            x0, y0, x1, y1 = self.evidence.box
            z = self.evidence.slices[0] if self.frame is None else self.frame
        else:
            (z, _), (y0, y1), (x0, x1) = self.outline.box
            z += self.outline.first_slice
        return Extent((x0, y0, x1, y1), z, self.image.shape, frame_of(self.image))

    @property
    def truncated(self) -> bool:
        """Whether it reaches the border of the field of view; a plane has none along its slices."""
        if isinstance(self.evidence, Mask):
            return any(self.outline.touches[0 if self.image.dimensions == 3 else 1 :])
        start, stop = self.evidence.slices
        return self.extent.cut or (self.image.dimensions == 3 and (start <= 0 or stop >= self.image.shape[0]))

    @property
    def caveats(self) -> tuple[str, ...]:
        """What holds for every measurement of it."""
        codes = [TRUNCATED] if self.truncated else []
        return joined(codes, self.evidence.caveats, self._notes, self.image.caveats)

    @cached_property
    def _mask(self) -> NDArray[np.bool_]:
        if isinstance(self.evidence, Mask):
            mask = self._context.mask(self.evidence)
            if mask.shape != self.image.shape:
                raise ValueError(f"{self.evidence.id}: a mask of shape {mask.shape} is not on {self.image.id}")
            return mask
        mask = np.zeros(self.image.shape, dtype=np.bool_)
        x0, y0, x1, y1 = (max(0, ceil(edge - 0.5)) for edge in self.evidence.box)
        start, stop = (max(0, edge) for edge in self.evidence.slices)
        mask[start:stop, y0:y1, x0:x1] = True
        return mask

    def _chosen(self, frame: int | None) -> int | None:
        frames = self.image.frames
        if frames == 1:
            if frame is not None:
                raise ToolRefusal(f"{self.image.id} is not a cine, so it has no frame {frame}.")
            return None
        if frame is not None and frame > frames:
            raise ToolRefusal(f"{self.image.id} has frames 1 to {frames}, not {frame}.")
        how, index = "as asked", (frame or 0) - 1
        if frame is None:
            how = "where the mask is largest"
            index = int(np.count_nonzero(self._mask, axis=(1, 2)).argmax())
        self._notes.append(f"measured on frame {index + 1} of {frames}, {how}")
        return index

    def _admit(self, wanted: Sequence[Measurable]) -> None:
        known = OF_BOXES if isinstance(self.evidence, Region) else OF_MASKS
        for name in wanted:
            if name in (M.CARDIOTHORACIC_RATIO, M.DISTANCE):
                raise ToolRefusal(
                    f"The {name.value} is not measured of one mask: give heart and chest, or two points.",
                    known=words(known),
                )
            if name not in known:
                raise ToolRefusal(
                    f"{self.evidence.id} is a box, which has no {name.value}: segment it first.",
                    target=self.evidence.target,
                    known=words(known),
                )

    def _measured(self, name: Measurable, reading: Reading, side: Side | None = None) -> Measurement:
        codes = []
        if name in (*SIZES, *PLACE) and uneven(self.image, 2 if name in IN_PLANE else 3):
            codes.append(ANISOTROPIC)
        if name in SIZES and self.image.spacing is None:
            codes.append(NO_SPACING)
        if name in SIZES:
            reading = self._looked_again(name, reading)
        return Measurement(
            image=self.image.id,
            target=self.evidence.target,
            side=self.evidence.side or side,
            quantity=quantity_of(name, reading, self.image),
            of=(self.evidence.id,),
            points=reading.points,
            caveats=joined([TRUNCATED] if self.truncated else [], codes, reading.notes, self.caveats),
        )

    def _looked_again(self, name: Measurable, reading: Reading) -> Reading:
        """Widen the interval of a size where the producer of the mask drew it larger or smaller at other looks."""
        scores = self.evidence.scores if isinstance(self.evidence, Mask) else {}
        if SIZE_LOW not in scores or SIZE_HIGH not in scores:
            return reading
        # An area tells of a length by its square root, a volume by its cube root.
        power = 1.0 if name in (M.AREA, M.VOLUME) else 1 / self.image.dimensions
        low, high = (reading.value * scores[end] ** power for end in (SIZE_LOW, SIZE_HIGH))
        return replace(reading, low=min(reading.low, low), high=max(reading.high, high))

    def _reading(self, name: Measurable) -> Reading:
        if name in (M.WIDTH, M.HEIGHT):
            return self.extent.width() if name is M.WIDTH else self.extent.height()
        if isinstance(self.evidence, Region):
            return self.extent.area()
        outline = self.outline
        match name:
            case M.VOLUME:
                return outline.volume()
            case M.AREA:
                return outline.area()
            case M.DIAMETER:
                return outline.diameter()
            case M.LONG_AXIS:
                return outline.axes[0]
            case M.SHORT_AXIS:
                return outline.axes[1]
            case M.COMPONENTS:
                return exactly(outline.parts)
            case M.FIRST_SLICE:
                return exactly(outline.box[0][0] + 1)
            case M.LAST_SLICE:
                return exactly(outline.box[0][1])
        places = [float(place) for place in to_lps(self.image, outline.centroids)[:, CENTROID.index(name)]]
        return Reading(places[0], min(places), max(places), (_point(outline.centroids[0]),))

    def _statistics(self, names: Sequence[Measurable]) -> dict[Measurable, Reading]:
        if not names:
            return {}
        if self.image.intensity == "colour":
            raise ToolRefusal(
                f"{self.image.id} is a colour image, so it has no {names[0].value} of one signal.",
                known=words(IN_PLANE),
            )
        array = self._context.volume(self.image.id).array
        try:
            readings = intensities(array, self.outline, words(names))
        except ValueError as error:
            raise ToolRefusal(f"{self.evidence.id} cannot be measured: {error}.") from None
        return {name: readings[name.value] for name in names}

    def _side(self, midline: "Subject | None") -> Measurement:
        if midline is None:
            slices, rows, columns = self.image.shape
            centre = (np.array([columns, rows, slices]) - 1) / 2
            notes = ["the midline is assumed in the middle of the image"]
        else:
            centre = midline.outline.runs.centroid()
            notes = [f"the midline is taken through the centre of {midline.evidence.target} ({midline.evidence.id})"]
        middle = float(to_lps(self.image, [centre])[0, 0])
        found = side_of(self.outline, np.array(self.image.affine), middle)
        if found.crosses:
            notes.append(f"it crosses that midline: {100 * found.share_left:.0f} % of it lies to the left")
        if self.evidence.side is not None and found.side is not self.evidence.side:
            notes.append(f"it was named {self.evidence.side.value}, but by that midline it is {found.side.value}")
        if self.image.orientation_origin is not Origin.HEADER:
            notes.append(f"left and right are {self.image.orientation_origin.value}, not from the file's header")
        places = to_lps(self.image, self.outline.centroids)[:, 0] - middle
        apart = np.abs(places)
        low = 0.0 if places.min() < 0 < places.max() else float(apart.min())
        point = _point(self.outline.centroids[0])
        reading = Reading(float(apart[0]), low, float(apart.max()), (point,), tuple(notes))
        return self._measured(M.SIDE, reading, found.side)


def joined(*caveats: Iterable[str]) -> tuple[str, ...]:
    """All of them in order, each once."""
    return tuple(dict.fromkeys(caveat for some in caveats for caveat in some))


def exactly(count: int) -> Reading:
    """A count, which has no interval."""
    return Reading(float(count), float(count), float(count))


def _point(voxel: NDArray[np.float64]) -> tuple[float, float, float]:
    i, j, k = (float(index) for index in voxel)
    return i, j, k
