"""Changes of a picture that leave its meaning: what scanners, cameras and hands do differently."""

import io
import math

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image as PillowImage
from torch import Tensor
from torch.nn.functional import affine_grid, avg_pool2d, conv2d, grid_sample, interpolate

ELASTIC_CHANCE, ELASTIC_SPREAD, _ELASTIC_KNOTS = 0.4, 0.05, 5
"""How often shapes are bent, and by how much: standard deviation of each knot in half sides of the picture."""

_FLAT = 0.02
"""Range of values below which a picture shows nothing that could be stretched."""

_MIRRORED = {"left lung": "right lung", "right lung": "left lung"}
"""What a target is called on a mirrored picture."""


def mirrored_name(target: str) -> str:
    """The target's name after left and right changed places."""
    return _MIRRORED.get(target, target)


def geometry(
    pixels: Tensor,
    masks: Tensor,
    side: int,
    random: Generator,
    *,
    turns: bool,
    zoom: float = 1.0,
    towards: tuple[float, float] | None = None,
    strength: float = 1.0,
) -> tuple[Tensor, Tensor, bool]:
    """Rotate, scale, shift, mirror and bend picture and masks alike, onto a square.

    Args:
        pixels: (3, rows, columns) in [0, 255].
        masks: (k, rows, columns) in [0, 1].
        side: Of the square.
        turns: Whether any quarter turn means the same, as under a microscope.
        zoom: Side of the picture over that of the part that is shown.
        towards: Middle of that part, each from -1 to 1 across and down the picture; anywhere where None.
        strength: 0 for none.

    Returns:
        (3, side, side), (k, side, side), and whether it was mirrored.
    """
    angle = math.radians(float(random.normal(0, 9))) * strength
    if turns:
        angle += math.pi / 2 * int(random.integers(4))
    scale = math.exp(float(random.normal(0, 0.13)) * strength)
    aspect = math.exp(float(random.normal(0, 0.06)) * strength)
    mirrored = bool(random.random() < 0.5) and strength > 0
    cos, sin = math.cos(angle) / scale, math.sin(angle) / scale
    across = -1.0 if mirrored else 1.0
    shift = random.normal(0, 0.06, size=2) * strength / zoom
    shift += random.uniform(-1, 1, size=2) * (1 - 1 / zoom) if towards is None else np.asarray(towards)
    matrix = torch.tensor(
        [
            [cos * across * aspect, -sin, float(shift[0])],
            [sin * across, cos / aspect, float(shift[1])],
        ],
        dtype=torch.float32,
    )
    matrix[:, :2] /= zoom
    both = torch.cat([pixels, masks])[None]
    # Averaging first keeps a reduced picture from aliasing.
    factor = max(1, round(min(both.shape[-2:]) / side / zoom))
    if factor > 1:
        both = avg_pool2d(both, factor)
    grid = affine_grid(matrix[None], [1, len(both[0]), side, side], align_corners=False)
    if random.random() < ELASTIC_CHANCE * strength:
        grid = grid + _bends(side, random) / zoom
    moved = grid_sample(both, grid, mode="bilinear", padding_mode="zeros", align_corners=False)[0]
    return moved[:3], moved[3:], mirrored


def _bends(side: int, random: Generator) -> Tensor:
    """Smooth displacements (1, side, side, 2), as patients differ in shape."""
    knots = random.normal(0, ELASTIC_SPREAD, size=(1, 2, _ELASTIC_KNOTS, _ELASTIC_KNOTS)).astype(np.float32)
    field = interpolate(torch.from_numpy(knots), size=(side, side), mode="bicubic", align_corners=True)
    return field.permute(0, 2, 3, 1)


def photometry(pixels: Tensor, random: Generator, strength: float = 1.0) -> Tensor:
    """Change brightness, contrast, sharpness and noise of (3, rows, columns) in [0, 255], each by chance."""
    image = pixels / 255
    if random.random() < 0.4 * strength:
        image = stretched(image, float(random.uniform(0, 0.02)))
    if random.random() < 0.5 * strength:
        image = image.clamp(0, 1) ** math.exp(float(random.normal(0, 0.35)))
    if random.random() < 0.6 * strength:
        gain, shift = math.exp(float(random.normal(0, 0.2))), float(random.normal(0, 0.06))
        image = (image - 0.5) * gain + 0.5 + shift
    if random.random() < 0.2 * strength:
        image = image * bias_field(image.shape[-2:], random, 0.4)
    if random.random() < 0.15 * strength:
        image = blurred(image, float(random.uniform(0.5, 1.6)))
    if random.random() < 0.12 * strength:
        image = coarser(image, float(random.uniform(1.5, 3.0)))
    if random.random() < 0.1 * strength:
        image = 1 - image
    if random.random() < 0.2 * strength:
        tint = torch.from_numpy(random.normal(1, 0.08, size=(3, 1, 1)).astype(np.float32))
        grey = bool((image[0] == image[1]).all())
        image = image if grey else image * tint
    if random.random() < 0.3 * strength:
        noise = random.standard_normal(image.shape[-2:], dtype=np.float32)
        image = image + torch.from_numpy(noise) * float(random.uniform(0.01, 0.1))
    return (image.clamp(0, 1) * 255).contiguous()


def stretched(image: Tensor, tail: float) -> Tensor:
    """(channels, rows, columns) so that all but a share of `tail` at either end spans [0, 1], as viewers show it."""
    low, high = np.quantile(image[:, ::2, ::2].numpy(), (tail, 1 - tail))
    return image if high - low < _FLAT else ((image - low) / (high - low)).float()


def bias_field(shape: torch.Size | tuple[int, int], random: Generator, spread: float) -> Tensor:
    """A smooth gain around 1, (rows, columns), as an uneven receive coil makes it."""
    knots = torch.from_numpy(random.normal(0, spread, size=(1, 1, 3, 3)).astype(np.float32))
    return torch.exp(interpolate(knots, size=tuple(shape), mode="bicubic", align_corners=True)[0, 0])


def blurred(image: Tensor, sigma: float) -> Tensor:
    """A Gaussian of `sigma` pixels over (channels, rows, columns)."""
    reach = max(1, math.ceil(2.5 * sigma))
    steps = torch.arange(-reach, reach + 1, dtype=image.dtype)
    kernel = torch.exp(-(steps**2) / (2 * sigma**2))
    kernel = kernel / kernel.sum()
    padded = torch.nn.functional.pad(image[:, None], (reach,) * 4, mode="replicate")
    return conv2d(conv2d(padded, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))[:, 0]


def coarser(image: Tensor, factor: float) -> Tensor:
    """(channels, rows, columns) at a `factor` lower resolution, on the same grid."""
    rows, columns = image.shape[-2:]
    small = interpolate(image[None], size=(max(8, int(rows / factor)), max(8, int(columns / factor))), mode="area")
    return interpolate(small, size=(rows, columns), mode="bilinear", align_corners=False)[0]


def compressed(pixels: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """(rows, columns, 3) after JPEG."""
    stored = io.BytesIO()
    PillowImage.fromarray(pixels).save(stored, "JPEG", quality=quality)
    with PillowImage.open(stored) as read:
        return np.asarray(read.convert("RGB"))
