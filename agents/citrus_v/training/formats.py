"""Public formats of labelled pictures, read into examples, for those who train on their own data.

- `jsonl`: our own. A folder with index.jsonl, a JSON object a line: `image`, and any of `masks`
  ({target: path of a 1-bit or grey picture}), `boxes` ([{"box": [x0, y0, x1, y1], "label": target}]),
  `absent` ([target]), `dialogue` ([[question, answer]]), `split`, `patient`. Paths are relative to the folder.
- `coco`: the annotations of an object detection or segmentation file (polygons, RLE and boxes).
- `medsegbench`: an .npz with `{split}_images` and `{split}_label`.
- `mecovqa`: a JSON list of `conversations` with `<mask>path</mask>` where an answer draws.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageDraw
from numpy.typing import NDArray

from agents.citrus_v.rle import decode_rle
from agents.citrus_v.training import stored
from agents.citrus_v.training.examples import Box, Example

_MASK = re.compile(r"<mask>(.*?)</mask>", re.DOTALL)
_MARKS = re.compile(r"<image>\s*|<SEG>|\[SEG\]|<mask>.*?</mask>|<region>.*?</region>", re.DOTALL)


def jsonl(folder: Path) -> Iterator[Example]:
    """Our own format.

    Raises:
        ValueError: A row is not what it should be; the message names the file and the line.
    """
    index = folder / "index.jsonl"
    for number, line in enumerate(index.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = json.loads(line)
            boxes: dict[str, tuple[Box, ...]] = {}
            for one in row.get("boxes") or ():
                boxes[one["label"]] = (*boxes.get(one["label"], ()), stored.box(one["box"]))
            yield Example(
                id=str(row.get("id", f"{folder.name}/{number}")),
                folder=folder.name,
                split=str(row.get("split", "train")),
                pixels=stored.picture(stored.inside(folder, row["image"])),
                masks={
                    target: stored.mask(stored.inside(folder, name))
                    for target, name in (row.get("masks") or {}).items()
                },
                boxes=boxes,
                absent=frozenset(row.get("absent") or ()),
                facts={"dialogue": _dialogue(row.get("dialogue") or ()), "patient": row.get("patient")},
            )
        except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise ValueError(f"{index} line {number}: {error}") from error


def coco(file: Path, pictures: Path, split: str = "train") -> Iterator[Example]:
    """COCO annotations; categories are the targets, every annotation of one a box, all of them its mask.

    Raises:
        ValueError: The file is not COCO's; the message names what is wrong.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        names = {int(one["id"]): str(one["name"]) for one in content["categories"]}
        by_image: dict[int, list[dict[str, Any]]] = {}
        for one in content.get("annotations", ()):
            by_image.setdefault(int(one["image_id"]), []).append(one)
        images = list(content["images"])
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise ValueError(f"{file} is not COCO: {error}") from error
    for image in images:
        try:
            pixels = stored.picture(stored.inside(pictures, image["file_name"]))
            masks: dict[str, NDArray[np.bool_]] = {}
            boxes: dict[str, tuple[Box, ...]] = {}
            for one in by_image.get(int(image["id"]), ()):
                target = names[int(one["category_id"])]
                x, y, wide, tall = (float(value) for value in one["bbox"])
                boxes[target] = (*boxes.get(target, ()), (x, y, x + wide, y + tall))
                if one.get("segmentation"):
                    drawn = _segmentation(one["segmentation"], pixels.shape[:2])
                    masks[target] = masks.get(target, np.zeros_like(drawn)) | drawn
            yield Example(f"{file.stem}/{image['id']}", file.stem, split, pixels, masks, boxes)
        except (OSError, KeyError, ValueError, TypeError) as error:
            raise ValueError(f"{file}, image {image.get('id')}: {error}") from error


def medsegbench(file: Path, targets: Mapping[int, str]) -> Iterator[Example]:
    """An .npz of MedSegBench.

    Args:
        targets: Name of each label value; values without a name are background.

    Raises:
        ValueError: It has no images and labels of one length.
    """
    with np.load(file, allow_pickle=False) as content:
        splits = [name.removesuffix("_images") for name in content.files if name.endswith("_images")]
        if not splits:
            raise ValueError(f"{file} has no arrays such as train_images and train_label")
        for split in splits:
            if f"{split}_label" not in content.files:
                raise ValueError(f"{file} has {split}_images, but no {split}_label")
            images, labels = content[f"{split}_images"], content[f"{split}_label"]
            if len(images) != len(labels):
                raise ValueError(f"{file}: {len(images)} images and {len(labels)} labels in {split}")
            for index, (pixels, label) in enumerate(zip(images, labels, strict=True)):
                grey = pixels.ndim == 2 or pixels.shape[-1] == 1
                rgb = np.repeat(pixels.reshape(*pixels.shape[:2], 1), 3, axis=-1) if grey else pixels[..., :3]
                flat = label.reshape(label.shape[:2])
                masks = {name: flat == value for value, name in targets.items()}
                name = {"val": "dev"}.get(split, split)
                yield Example(f"{file.stem}/{split}/{index}", file.stem, name, rgb.astype(np.uint8), masks)


def mecovqa(file: Path, pictures: Path, split: str = "train") -> Iterator[Example]:
    """MeCoVQA's conversations; what an answer draws is named after its question.

    Raises:
        ValueError: The file is not a list of conversations, or one of them is broken.
    """
    content = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(content, list):
        raise ValueError(f"{file} is not a list of conversations")  # noqa: TRY004 - the file is wrong, not a type of ours
    for number, one in enumerate(content):
        try:
            said = [(str(turn["from"]), str(turn["value"])) for turn in one["conversations"]]
            pairs, masks = [], {}
            for (_, question), (_, answer) in zip(said[::2], said[1::2], strict=True):
                asked = _plain(question)
                if drawn := _MASK.search(answer):
                    masks[asked] = stored.mask(stored.inside(pictures, drawn.group(1).strip()))
                else:
                    pairs.append((asked, _plain(answer)))
            yield Example(
                id=str(one.get("id", f"{file.stem}/{number}")),
                folder=file.stem,
                split=split,
                pixels=stored.picture(stored.inside(pictures, one["image"])),
                masks=masks,
                facts={"dialogue": tuple(pairs)},
            )
        except (OSError, KeyError, ValueError, TypeError) as error:
            raise ValueError(f"{file}, conversation {number}: {error}") from error


def _plain(text: str) -> str:
    return " ".join(_MARKS.sub(" ", text).split())


def _dialogue(pairs: Sequence[Sequence[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((str(question), str(answer)) for question, answer in pairs)


def _segmentation(drawn: Any, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """A mask of (rows, columns) from COCO's polygons or run lengths."""
    if isinstance(drawn, dict):
        mask = decode_rle(drawn)
        if mask.shape != shape:
            raise ValueError(f"a mask of {mask.shape} on a picture of {shape}")
        return mask
    canvas = PIL.Image.new("1", (shape[1], shape[0]))
    for polygon in drawn:
        points = list(zip(polygon[::2], polygon[1::2], strict=True))
        if len(points) >= 3:
            PIL.ImageDraw.Draw(canvas).polygon(points, fill=1)
    return np.asarray(canvas)
