"""More tumours than patients: one is carved from a picture and put into another that looks alike.

After CarveMix (Zhang et al., MICCAI 2021): what is cut out is bounded by its distance from the lesion, so that the
lesion keeps its own edge.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image as PillowImage
from scipy.ndimage import distance_transform_edt

from agents.citrus_v.training.prepared import Prepared

ALIKE = 40
"""How many of the most similar pictures a tumour may come from."""

APART = 40
"""Places in the order of the data that donor and host must be apart: neighbours may show one patient."""

_THUMBNAIL = 16
_SHIFT = 8
_MARGIN, _RING, _SOFT = 5.0, 10.0, 3.0
"""In pixels: the most that comes along around a tumour, what is matched in brightness, and where the cut fades."""

_BRIGHTNESS = (0.7, 1.4)
_INSIDE = 0.5
"""Brightness of the new place over that of the host's brighter part, below which it lies outside the body."""

_TRIES = 3


@dataclass(frozen=True, eq=False)
class _Alike:
    """Pictures of one shape that show the same things, with a thumbnail of each."""

    members: list[Prepared]
    places: NDArray[np.int64]
    looks: NDArray[np.float32]


class Transplants:
    """Puts one more of a picture's target into it, from another picture of the same targets and shape."""

    def __init__(self, prepared: Sequence[Prepared], targets: Sequence[str]) -> None:
        groups: dict[tuple[object, ...], list[int]] = {}
        self._target: dict[str, str] = {}
        for place, one in enumerate(prepared):
            target = next((name for name in targets if name in one.masks), None)
            if target is not None:
                self._target[one.id] = target
                groups.setdefault((one.folder, one.pixels.shape, *sorted(one.masks)), []).append(place)
        self._group: dict[str, tuple[_Alike, int]] = {}
        for places in groups.values():
            members = [prepared[place] for place in places]
            alike = _Alike(members, np.array(places), np.stack([_look(one.pixels) for one in members]))
            self._group.update((one.id, (alike, index)) for index, one in enumerate(members))

    def __call__(self, host: Prepared, random: Generator) -> Prepared:
        """The host with one target more; itself where it shows none of the targets or no donor fits."""
        if host.id not in self._group:
            return host
        alike, index = self._group[host.id]
        unlike = ((alike.looks - alike.looks[index]) ** 2).sum(axis=1)
        far = np.flatnonzero(np.abs(alike.places - alike.places[index]) >= APART)
        donors = far[np.argsort(unlike[far])[:ALIKE]]
        for donor in random.permutation(donors)[:_TRIES]:
            made = _put(alike.members[int(donor)], host, self._target[host.id], random)
            if made is not None:
                return made
        return host


def _look(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    small = PillowImage.fromarray(pixels.mean(axis=2).astype(np.uint8)).resize((_THUMBNAIL, _THUMBNAIL))
    values = np.asarray(small, np.float32).ravel()
    look: NDArray[np.float32] = values - values.mean()
    look /= max(float(np.linalg.norm(look)), 1e-6)
    return look


def _put(donor: Prepared, host: Prepared, target: str, random: Generator) -> Prepared | None:
    """The host with the donor's target at about the same place; None where that lies outside the body."""
    shift = tuple(int(part) for part in random.integers(-_SHIFT, _SHIFT + 1, size=2))
    lesion, taken = np.roll(donor.masks[target] > 127, shift, (0, 1)), np.roll(donor.pixels, shift, (0, 1))
    if not lesion.any():
        return None
    away = distance_transform_edt(~lesion)
    ring = (away > 0) & (away <= _RING)
    if not ring.any():
        return None
    here, there = float(host.pixels[ring].mean()), float(taken[ring].mean())
    body = float(host.pixels[host.pixels >= host.pixels.mean()].mean())
    if there < 1 or here < _INSIDE * body:
        return None
    gain = float(np.clip(here / there, *_BRIGHTNESS))
    share = np.clip((random.uniform(0, _MARGIN) + _SOFT - away) / _SOFT, 0, 1).astype(np.float32)
    pixels = host.pixels * (1 - share[..., None]) + np.clip(taken * gain, 0, 255) * share[..., None]
    return replace(
        host,
        pixels=pixels.round().astype(np.uint8),
        masks={
            name: np.maximum(mask * (1 - share), np.roll(donor.masks[name], shift, (0, 1)) * (share > 0))
            .round()
            .astype(np.uint8)
            for name, mask in host.masks.items()
        },
    )
