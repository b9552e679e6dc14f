"""One figure with its interval, and the measures that the suite is made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

RESAMPLES = 1000
_SEED = 20250919

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Figure:
    """A value with the 95 % interval of a bootstrap over groups.

    Attributes:
        n: Groups (patients, volumes or pictures) it rests on.
    """

    value: float
    low: float
    high: float
    n: int

    def as_json(self) -> dict[str, float]:
        """Rounded, for a file."""
        return {name: round(value, 4) for name, value in asdict(self).items()}

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f}-{self.high:.3f}), n={self.n}"


def figure(
    measure: Callable[[Sequence[int]], float], groups: Sequence[str], resamples: int = RESAMPLES
) -> Figure | None:
    """A measure over items, resampled by group.

    Args:
        measure: The value over the items of these indices; NaN where they do not allow one.
        groups: The group of each item: items of a patient stay together.

    Returns:
        None where there is nothing to measure.
    """
    if not groups:
        return None
    value = measure(range(len(groups)))
    if np.isnan(value):
        return None
    members: dict[str, list[int]] = {}
    for index, group in enumerate(groups):
        members.setdefault(group, []).append(index)
    each = list(members.values())
    random = np.random.default_rng(_SEED)
    drawn = []
    for _ in range(resamples):
        chosen = random.integers(len(each), size=len(each))
        drawn.append(measure([index for group in chosen for index in each[group]]))
    kept = [one for one in drawn if not np.isnan(one)]
    low, high = np.quantile(kept, [0.025, 0.975]) if kept else (value, value)
    return Figure(float(value), float(low), float(high), len(each))


def mean(values: Sequence[float], groups: Sequence[str]) -> Figure | None:
    """The mean, each item alike."""
    if not groups:
        return None
    column = np.asarray(values, dtype=np.float64)
    names, members = np.unique(np.asarray(groups), return_inverse=True)
    sums, counts = np.bincount(members, column), np.bincount(members)
    # As `figure` does it, but all resamples at once: how often each group is drawn.
    random = np.random.default_rng(_SEED)
    drawn = random.multinomial(len(names), np.full(len(names), 1 / len(names)), size=RESAMPLES)
    low, high = np.quantile((drawn @ sums) / (drawn @ counts), [0.025, 0.975])
    return Figure(float(column.mean()), float(low), float(high), len(names))


def overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> tuple[float, float]:
    """Dice and intersection over union of two masks; 1 where both are empty."""
    both, joint = int(one.sum()) + int(other.sum()), int((one & other).sum())
    return (2 * joint / both, joint / (both - joint)) if both else (1.0, 1.0)


def box_iou(one: Box, other: Box) -> float:
    """Intersection over union of two boxes."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    tall = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or tall <= 0:
        return 0.0
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return wide * tall / (areas - wide * tall)


def matched(found: Sequence[tuple[Box, float]], truth: Sequence[Box], least: float = 0.5) -> list[tuple[float, bool]]:
    """The score of each found box, and whether it takes a true box that no surer one took."""
    left = list(truth)
    result = []
    for box, score in sorted(found, key=lambda one: -one[1]):
        best = max(left, key=lambda other: box_iou(box, other), default=None)
        hit = best is not None and box_iou(box, best) >= least
        if hit and best is not None:
            left.remove(best)
        result.append((score, hit))
    return result


def average_precision(scored: Sequence[tuple[float, bool]], count: int) -> float:
    """Area under the precision-recall curve, every point of it (PASCAL VOC 2010 and later).

    Args:
        scored: Of all pictures together, score and whether it is a hit.
        count: True boxes there are; NaN where there are none.
    """
    if not count:
        return float("nan")
    hits = np.array([hit for _, hit in sorted(scored, key=lambda one: -one[0])], dtype=np.float64)
    if not len(hits):
        return 0.0
    recall = np.cumsum(hits) / count
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    ceiling = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * ceiling))


def auroc(scores: Sequence[float], truths: Sequence[bool]) -> float:
    """The chance that something true scores higher than something false; ties count half."""
    truth = np.asarray(truths, dtype=bool)
    positive, negative = int(truth.sum()), int((~truth).sum())
    if not positive or not negative:
        return float("nan")
    ranks = rankdata(np.asarray(scores, dtype=np.float64))
    return float((ranks[truth].sum() - positive * (positive + 1) / 2) / (positive * negative))


def balanced_accuracy(said: Sequence[str], true: Sequence[str]) -> float:
    """The mean over classes of the share found."""
    shares = []
    for name in sorted(set(true)):
        of = [one == name for one, truth in zip(said, true, strict=True) if truth == name]
        shares.append(sum(of) / len(of))
    return float(np.mean(shares)) if shares else float("nan")


def calibration_error(expected: Sequence[float], came: Sequence[float], bins: int = 10) -> float:
    """Mean distance of what was expected from what came, over bins of equal count."""
    if not expected:
        return float("nan")
    order = np.argsort(np.asarray(expected))
    wanted, got = np.asarray(expected)[order], np.asarray(came)[order]
    parts = np.array_split(np.arange(len(order)), min(bins, len(order)))
    return float(sum(abs(wanted[part].mean() - got[part].mean()) * len(part) for part in parts) / len(order))


def confusion(said: Sequence[str], true: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
    """How often each true class was said to be each."""
    names = sorted({*said, *true})
    return {
        truth: {name: sum(a == name and b == truth for a, b in zip(said, true, strict=True)) for name in names}
        for truth in sorted(set(true))
    }
