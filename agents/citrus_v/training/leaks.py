"""Whether the same picture stands in two splits, found by its content."""

import hashlib
from collections.abc import Iterable

import numpy as np

from agents.citrus_v.training.examples import Example


def digest(example: Example) -> str:
    """SHA-256 of shape and pixels."""
    content = hashlib.sha256(repr(example.pixels.shape).encode())
    content.update(np.ascontiguousarray(example.pixels).data)
    return content.hexdigest()


def refuse_leaks(train: Iterable[Example], held_out: Iterable[Example]) -> None:
    """Check that no picture, and no patient or volume, is in both.

    Pictures of one value throughout, such as slices outside the body, are the same everywhere and do not count.

    Raises:
        ValueError: Some are; the message names them.
    """
    seen = {digest(example): example.id for example in train if _tells(example)}
    groups = {example.group for example in train}
    leaks = []
    for example in held_out:
        if _tells(example) and (twin := seen.get(digest(example))):
            leaks.append(f"{example.id} is {twin}")
        elif example.group in groups:
            leaks.append(f"{example.id}: {example.group} is in both")
    if leaks:
        shown = "; ".join(leaks[:5])
        raise ValueError(f"{len(leaks)} held-out pictures are in the training split: {shown}")


def _tells(example: Example) -> bool:
    return bool(example.pixels.min() != example.pixels.max())
