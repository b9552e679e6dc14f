"""Public formats: what they hold comes out, what they should not hold is refused by name."""

import json

import numpy as np
import pytest
from PIL import Image

from agents.citrus_v.rle import encode_rle
from agents.citrus_v.training import formats
from agents.citrus_v.training.conversations import converse
from agents.citrus_v.training.folders import read
from agents.citrus_v.training.targets import TARGETS, targets_of


@pytest.fixture
def picture(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    mask = np.zeros((40, 60), np.uint8)
    mask[10:20, 5:25] = 255
    Image.fromarray(mask).save(tmp_path / "m.png")
    return pixels, mask > 0


def test_our_own_lines(tmp_path, picture) -> None:
    row = {
        "image": "a.png",
        "masks": {"cyst": "m.png"},
        "boxes": [{"box": [25, 20, 5, 10], "label": "cyst"}],
        "absent": ["stone"],
        "dialogue": [["What is it?", "A cyst."]],
        "split": "dev",
    }
    (tmp_path / "index.jsonl").write_text(json.dumps(row) + "\n")
    (example,) = read(tmp_path, "dev")
    assert np.array_equal(example.pixels, picture[0])
    assert np.array_equal(example.masks["cyst"], picture[1])
    assert example.boxes["cyst"] == ((5.0, 10.0, 25.0, 20.0),)
    assert targets_of([example]) == (*TARGETS, "cyst", "stone")
    random = np.random.default_rng(1)
    asked = converse(example, "question", random, (28, 28))
    assert asked is not None
    assert asked.turns == (("What is it?", "A cyst."),)
    drawn = converse(example, "segmentation", random, (28, 28))
    assert drawn is not None
    assert drawn.targets == ("cyst",)
    assert converse(example, "report", random, (28, 28)) is None


def test_coco_polygons_runs_and_boxes(tmp_path, picture) -> None:
    content = {
        "images": [{"id": 7, "file_name": "a.png"}],
        "categories": [{"id": 1, "name": "polyp"}, {"id": 2, "name": "tool"}],
        "annotations": [
            {
                "image_id": 7,
                "category_id": 1,
                "bbox": [5, 10, 20, 10],
                "segmentation": [[5, 10, 24, 10, 24, 19, 5, 19]],
            },
            {"image_id": 7, "category_id": 2, "bbox": [5, 10, 20, 10], "segmentation": encode_rle(picture[1])},
            {"image_id": 7, "category_id": 2, "bbox": [0, 0, 4, 4]},
        ],
    }
    file = tmp_path / "instances.json"
    file.write_text(json.dumps(content))
    (example,) = formats.coco(file, tmp_path)
    assert np.array_equal(example.masks["tool"], picture[1])
    assert np.array_equal(example.masks["polyp"], picture[1])
    assert example.boxes["tool"] == ((5, 10, 25, 20), (0, 0, 4, 4))
    file.write_text(json.dumps(content | {"images": [{"id": 7, "file_name": "../../a.png"}]}))
    with pytest.raises(ValueError, match=r"image 7: .*leads out of"):
        list(formats.coco(file, tmp_path))
    file.write_text("[]")
    with pytest.raises(ValueError, match="is not COCO"):
        list(formats.coco(file, tmp_path))


def test_medsegbench_arrays(tmp_path) -> None:
    images = np.zeros((3, 16, 16), np.uint8)
    labels = np.zeros((3, 16, 16), np.uint8)
    labels[1, 2:5, 2:5] = 2
    np.savez(tmp_path / "a.npz", train_images=images, train_label=labels, val_images=images[:1], val_label=labels[:1])
    found = list(formats.medsegbench(tmp_path / "a.npz", {2: "vessel"}))
    assert [example.split for example in found] == ["train"] * 3 + ["dev"]
    assert found[1].masks["vessel"].sum() == 9
    np.savez(tmp_path / "b.npz", train_images=images)
    with pytest.raises(ValueError, match="no train_label"):
        list(formats.medsegbench(tmp_path / "b.npz", {1: "vessel"}))


def test_pickled_arrays_are_never_opened(tmp_path) -> None:
    np.savez(tmp_path / "a.npz", train_images=np.array([{}], dtype=object), train_label=np.zeros((1, 4, 4)))
    with pytest.raises(ValueError, match="pickle"):
        list(formats.medsegbench(tmp_path / "a.npz", {1: "vessel"}))


def test_mecovqa_conversations(tmp_path, picture) -> None:
    content = [
        {
            "image": "a.png",
            "conversations": [
                {"from": "human", "value": "<image>\nPlease segment the liver."},
                {"from": "gpt", "value": "Here it is <SEG>.<mask>m.png</mask>"},
                {"from": "human", "value": "What is the modality?"},
                {"from": "gpt", "value": "CT."},
            ],
        }
    ]
    file = tmp_path / "MeCoVQA.json"
    file.write_text(json.dumps(content))
    (example,) = formats.mecovqa(file, tmp_path)
    assert np.array_equal(example.masks["Please segment the liver."], picture[1])
    assert example.facts["dialogue"] == (("What is the modality?", "CT."),)


def test_a_picture_too_large_is_not_decoded(tmp_path) -> None:
    Image.new("1", (9000, 9000)).save(tmp_path / "a.png")
    (tmp_path / "index.jsonl").write_text('{"image": "a.png"}\n')
    with pytest.raises(ValueError, match=r"index.jsonl line 1: a.png has 9000 x 9000 pixels"):
        list(formats.jsonl(tmp_path))
