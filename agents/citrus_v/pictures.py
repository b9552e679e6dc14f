"""Pictures as the two encoders want them: patches for Qwen2.5-VL, a normalised square for SAM 2."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import PIL.Image
import torch
from numpy.typing import NDArray
from torch import Tensor

MEAN = torch.tensor([0.485, 0.456, 0.406]).reshape(3, 1, 1)
DEVIATION = torch.tensor([0.229, 0.224, 0.225]).reshape(3, 1, 1)
"""ImageNet's, of each channel: SAM 2 was trained on values less the mean, over the deviation."""


@dataclass(frozen=True, eq=False)
class Picture:
    """Original pixels, never resized by us before an encoder asks.

    Attributes:
        pixels: (rows, columns, 3), uint8 RGB; read only.
    """

    pixels: NDArray[np.uint8]

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[2] != 3 or self.pixels.dtype != np.uint8:
            raise ValueError(f"a picture is (rows, columns, 3) uint8, not {self.pixels.shape} {self.pixels.dtype}")
        if 0 in self.pixels.shape:
            raise ValueError(f"a picture has pixels; this one is {self.pixels.shape}")
        self.pixels.setflags(write=False)

    @classmethod
    def from_array(cls, array: NDArray[Any]) -> Self:
        """Grey (rows, columns) or RGB (rows, columns, 3) of uint8, copied."""
        grey = array.ndim == 2
        return cls(np.repeat(array[..., np.newaxis], 3, axis=2) if grey else np.array(array))

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.pixels.shape[1])

    @cached_property
    def digest(self) -> str:
        """SHA-256 of shape and pixels: the same picture has the same digest, whatever case it is in."""
        content = hashlib.sha256(repr(self.pixels.shape).encode())
        content.update(np.ascontiguousarray(self.pixels).data)
        return content.hexdigest()

    def square(self, side: int) -> Tensor:
        """(1, 3, side, side) float32 for SAM 2: Lanczos, not keeping the aspect, ImageNet's mean and deviation."""
        resized = PIL.Image.fromarray(self.pixels).resize((side, side), PIL.Image.Resampling.LANCZOS)
        values = torch.from_numpy(np.array(resized)).permute(2, 0, 1).float() / 255
        return ((values - MEAN) / DEVIATION).unsqueeze(0)
