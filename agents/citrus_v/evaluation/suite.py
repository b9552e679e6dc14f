"""The suite: every folder's figures for one pair of eyes, as shipped or under a change of the pictures."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from agents.citrus_v.evaluation import figures
from agents.citrus_v.evaluation.eyes import Eyes
from agents.citrus_v.evaluation.figures import Box, Figure
from agents.citrus_v.evaluation.perturb import PERTURBATIONS
from agents.citrus_v.training.examples import Example
from agents.citrus_v.training.folders import TUMOURS
from agents.citrus_v.training.targets import INSTANCES, foreign, home, masks, present

ABSENT_ASKED = 1
"""Foreign targets asked for on each picture, to measure whether their absence is seen."""

Progress = Callable[[int, int], None]


@dataclass
class Record:
    """What came of one target on one picture."""

    folder: str
    group: str
    target: str
    present: bool | None
    presence: float
    sureness: float
    dice: float | None = None
    iou: float | None = None
    box_iou: float | None = None
    instances: list[tuple[float, bool]] = field(default_factory=list)
    boxes: int | None = None


@dataclass
class Records:
    """All that was seen, from which every figure is made.

    Attributes:
        types: For each brain picture its group, the tumour said and the true one.
        seconds: For each picture.
        volumes: Voxels (joint, found, true) by volume and target.
    """

    rows: list[Record] = field(default_factory=list)
    types: list[tuple[str, str, str]] = field(default_factory=list)
    seconds: list[tuple[str, float]] = field(default_factory=list)
    volumes: dict[tuple[str, str], list[int]] = field(default_factory=dict)


def look(
    eyes: Eyes, examples: Iterable[Example], perturbation: str | None = None, progress: Callable[[], None] | None = None
) -> Records:
    """Show every picture and note what is seen of what may be on it, and of something that is not."""
    records = Records()
    for index, example in enumerate(examples):
        _look(eyes, _changed(example, perturbation, index), records, index)
        if progress is not None:
            progress()
    return records


def _changed(example: Example, perturbation: str | None, index: int) -> Example:
    if perturbation is None:
        return example
    random = np.random.default_rng([len(perturbation), index])
    pixels, drawn, boxes = PERTURBATIONS[perturbation](example.pixels, dict(example.masks), dict(example.boxes), random)
    return Example(example.id, example.folder, example.split, pixels, drawn, boxes, example.absent, example.facts)


def _look(eyes: Eyes, example: Example, records: Records, index: int) -> None:
    known = present(example)
    truth = masks(example)
    instances = [target for target in INSTANCES if target in example.boxes]
    own = [target for target in home(example.folder) if target in known and not target.startswith("centre")]
    far = [target for target in foreign(example.folder) if not target.startswith("centre")]
    strange = [far[(index + step) % len(far)] for step in range(ABSENT_ASKED)]
    begun = time.perf_counter()
    seen = eyes.look(example.pixels, [*own, *strange], instances)
    records.seconds.append((example.folder, (time.perf_counter() - begun) / (len(own) + len(strange) + len(instances))))
    for target in [*own, *strange]:
        found = seen[target]
        row = Record(example.folder, example.group, target, known.get(target, False), found.presence, found.sureness)
        records.rows.append(row)
        if target in truth and truth[target].any():
            row.dice, row.iou = figures.overlap(found.mask, truth[target])
            if target not in instances and example.folder != "nuclei":
                row.box_iou = figures.box_iou(_extent(found.mask), _extent(truth[target]))
        if example.folder == "hippocampus_mri" and target in truth:
            counts = records.volumes.setdefault((example.group, target), [0, 0, 0])
            mask = found.mask & (found.presence >= 0.5)
            for place, part in enumerate((mask & truth[target], mask, truth[target])):
                counts[place] += int(part.sum())
        if target in instances:
            row.boxes = len(example.boxes[target])
            row.instances = figures.matched(found.boxes, example.boxes[target])
    if example.folder == "brain_mri" and "label" in example.facts:
        said = max(TUMOURS, key=lambda target: seen[target].presence * seen[target].sureness)
        records.types.append((example.group, said, str(example.facts["label"])))


def summarise(records: Records) -> dict[str, dict[str, Figure]]:
    """Figures by folder; metrics of one target carry its name after the metric's."""
    result: dict[str, dict[str, Figure]] = {}
    for folder in dict.fromkeys(row.folder for row in records.rows):
        rows = [row for row in records.rows if row.folder == folder]
        found: dict[str, Figure | None] = {}
        own = [target for target in home(folder) if any(row.target == target for row in rows)]
        main = own[0]
        for target in own:
            of = [row for row in rows if row.target == target]
            name = "" if target == main else f" {target}"
            for metric in ("dice", "iou", "box_iou"):
                held = [(getattr(row, metric), row.group) for row in of if getattr(row, metric) is not None]
                found[f"{metric}{name}"] = figures.mean([value for value, _ in held], [group for _, group in held])
            held_boxes = [row for row in of if row.box_iou is not None]
            found[f"box_ap50{name}"] = figures.mean(
                [float((row.box_iou or 0) >= 0.5) for row in held_boxes], [row.group for row in held_boxes]
            )
            if any(row.boxes for row in of):
                found[f"ap50 {target}"] = figures.figure(_ap(of), [row.group for row in of])
        if any(row.boxes for row in rows):
            found["box_ap50"] = _mean_ap(rows, own)
        if folder == "hippocampus_mri":
            found |= _volumes(records.volumes, own)
        found["absence_auroc"] = _absence(rows)
        if folder == "brain_mri" and records.types:
            found |= _types(records.types)
        times = [seconds for name, seconds in records.seconds if name == folder]
        found["seconds_per_mask"] = figures.mean(times, [str(index) for index in range(len(times))])
        result[folder] = {name: one for name, one in found.items() if one is not None}
    return result


def _types(told: Sequence[tuple[str, str, str]]) -> dict[str, Figure | None]:
    groups, said, true = zip(*told, strict=True)

    def balanced(chosen: Sequence[int]) -> float:
        return figures.balanced_accuracy([said[index] for index in chosen], [true[index] for index in chosen])

    return {
        "type_balanced_accuracy": figures.figure(balanced, groups),
        "type_accuracy": figures.mean([float(a == b) for a, b in zip(said, true, strict=True)], groups),
    }


def _ap(rows: Sequence[Record]) -> Callable[[Sequence[int]], float]:
    def measure(chosen: Sequence[int]) -> float:
        scored = [one for index in chosen for one in rows[index].instances]
        return figures.average_precision(scored, sum(rows[index].boxes or 0 for index in chosen))

    return measure


def _mean_ap(rows: Sequence[Record], targets: Sequence[str]) -> Figure | None:
    """Over the targets that come as instances, each alike; pictures are resampled together."""
    groups = list(dict.fromkeys(row.group for row in rows))
    by = {
        target: {row.group: row for row in rows if row.target == target and row.boxes is not None} for target in targets
    }
    by = {target: held for target, held in by.items() if any(row.boxes for row in held.values())}

    def measure(chosen: Sequence[int]) -> float:
        values = []
        for held in by.values():
            some = [held[groups[index]] for index in chosen if groups[index] in held]
            scored = [one for row in some for one in row.instances]
            values.append(figures.average_precision(scored, sum(row.boxes or 0 for row in some)))
        return float(np.nanmean(values)) if values and not np.isnan(values).all() else float("nan")

    return figures.figure(measure, groups, resamples=300)


def _volumes(volumes: Mapping[tuple[str, str], Sequence[int]], targets: Sequence[str]) -> dict[str, Figure | None]:
    """Dice of whole volumes instead of slices."""
    found: dict[str, Figure | None] = {}
    for index, target in enumerate(targets):
        held = [(counts, group) for (group, name), counts in volumes.items() if name == target and counts[2]]
        values = [2 * joint / max(1, said + true) for (joint, said, true), _ in held]
        ious = [joint / max(1, said + true - joint) for (joint, said, true), _ in held]
        name = "" if index == 0 else f" {target}"
        found[f"dice{name}"] = figures.mean(values, [group for _, group in held])
        found[f"iou{name}"] = figures.mean(ious, [group for _, group in held])
    return found


def _absence(rows: Sequence[Record]) -> Figure | None:
    told = [row for row in rows if row.present is not None]
    return figures.figure(
        lambda chosen: figures.auroc([told[i].presence for i in chosen], [bool(told[i].present) for i in chosen]),
        [row.group for row in told],
        resamples=300,
    )


def _extent(mask: NDArray[np.bool_]) -> Box:
    if not mask.any():
        return 0.0, 0.0, 0.0, 0.0
    down, across = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return float(across[0]), float(down[0]), float(across[-1] + 1), float(down[-1] + 1)


def sampled(examples: Iterable[Example], limit: int | None) -> Iterator[Example]:
    """At most `limit` groups of each folder, spread over it; all where None."""
    if limit is None:
        yield from examples
        return
    kept = list(examples)
    chosen: dict[str, set[str]] = {}
    for folder in {example.folder for example in kept}:
        groups = list(dict.fromkeys(example.group for example in kept if example.folder == folder))
        chosen[folder] = {groups[int(at)] for at in np.linspace(0, len(groups) - 1, min(limit, len(groups)))}
    yield from (example for example in kept if example.group in chosen[example.folder])
