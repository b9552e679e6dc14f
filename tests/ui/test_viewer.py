"""The viewer's routes: what they show is exact, and they show it to its owner alone."""

import base64
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import nibabel as nib
import numpy as np
import pytest

from graphs.events import Corrected
from graphs.home import Home
from graphs.replay import events_of, replay
from graphs.trace import Trace, verify_trace
from tests.shared import shared
from tests.ui.viewer_case import SHAPE, SIDES, asked, blobs_equipment, values
from tests.ui.viewer_server import USER, house, serving_viewer
from tools.imaging.read import read_case
from ui import viewer_pixels
from ui.access import Access


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(home=tmp_path_factory.mktemp("viewer"), checkpoints="")


@pytest.fixture(scope="module")
def address(home: Home) -> Iterator[str]:
    host = house(home)
    host._equipment["protocol"] = blobs_equipment()
    with serving_viewer(host) as at:
        yield at


@pytest.fixture
def case(home: Home) -> str:
    identifier = asked(home.home)
    Access(home, lambda _: None).own("ada", identifier)
    return identifier


@pytest.fixture
def ada(address: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=address, headers={USER: "ada"}, timeout=120) as client:
        yield client


def bits(mask: np.ndarray) -> dict[str, Any]:
    """An outline as the page sends it."""
    k, j, i = (np.flatnonzero(mask.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1)))
    box = [int(end) for end in (i[0], j[0], k[0], i[-1] + 1, j[-1] + 1, k[-1] + 1)]
    part = mask[box[2] : box[5], box[1] : box[4], box[0] : box[3]]
    return {"box": box, "mask": base64.b64encode(zlib.compress(np.packbits(part).tobytes())).decode()}


def outline(columns: slice, first: int = 3) -> np.ndarray:
    mask = np.zeros(SHAPE, np.bool_)
    mask[first:9, 10:30, columns] = True
    return mask


def test_the_case_is_told_with_planes_windows_and_evidence(ada: httpx2.Client, case: str) -> None:
    told = ada.get(f"/viewer/{case}/case").json()
    (image,) = told["images"]
    assert image["type"] == "int16"
    assert image["window"]["name"] == "soft tissue"
    assert [plane["name"] for plane in image["planes"]] == ["axial", "coronal", "sagittal"]
    assert image["planes"][0]["letters"] == {"left": "R", "right": "L", "top": "A", "bottom": "P"}
    assert image["planes"][1]["letters"] == {"left": "R", "right": "L", "top": "H", "bottom": "F"}
    assert image["planes"][1]["pixel"] == [1.5, 5.0]
    kinds = [item["kind"] for item in told["evidence"]]
    assert kinds == ["mask", "mask", "measurement", "measurement", "measurement", "measurement"]
    assert all(item["stands"] for item in told["evidence"])
    assert len(told["evidence"][3]["points"]) == 2
    assert told["answers"][0]["turn"] == 1


def test_pixels_come_as_they_are_stored(ada: httpx2.Client, case: str) -> None:
    sent = ada.get(f"/viewer/{case}/pixels/I1?first=2&last=5")
    assert np.array_equal(np.frombuffer(sent.content, "<i2").reshape(3, *SHAPE[1:]), values()[2:5])
    assert sent.headers["content-type"] == "application/octet-stream"
    for span in ("first=0&last=0", "first=-1&last=2", "first=3&last=2", "first=0&last=99"):
        assert ada.get(f"/viewer/{case}/pixels/I1?{span}").status_code == 416
    assert ada.get(f"/viewer/{case}/pixels/I9?first=0&last=1").status_code == 404


def test_a_mask_comes_as_the_bits_of_its_box(ada: httpx2.Client, case: str) -> None:
    sent = zlib.decompress(ada.get(f"/viewer/{case}/masks/E1").content)
    assert np.unpackbits(np.frombuffer(sent, np.uint8), count=6 * 20 * 12).all()
    assert ada.get(f"/viewer/{case}/masks/E3").status_code == 404


@pytest.mark.parametrize("name", ["case", "pixels/I1?first=0&last=1", "masks/E1", ""])
def test_nobody_else_gets_anything(address: str, home: Home, case: str, name: str) -> None:
    path = f"/viewer/{case}/{name}".rstrip("/")
    with httpx2.Client(base_url=address) as client:
        assert client.get(path).status_code == 401
        assert client.get(path, headers={USER: "eve"}).status_code == 404
        assert client.get(path, headers={USER: "ada"}).status_code == 200
    for other in ("..", "%2e%2e", "nothing", "a%2f..%2fb", "A", "x" * 200):
        with httpx2.Client(base_url=address, headers={USER: "ada"}) as client:
            assert client.get(f"/viewer/{other}/{name}".rstrip("/")).status_code == 404


def test_two_cases_do_not_mix(ada: httpx2.Client, home: Home) -> None:
    marks = {}
    for mark in (11, 22, 33):
        identifier = asked(home.home, mark)
        Access(home, lambda _: None).own("ada", identifier)
        marks[identifier] = mark
    for _ in range(2):
        for identifier, mark in marks.items():
            sent = ada.get(f"/viewer/{identifier}/pixels/I1?first=0&last=1").content
            assert int(np.frombuffer(sent, "<i2")[0]) == mark


def test_the_page_loads_nothing_from_elsewhere(ada: httpx2.Client, case: str) -> None:
    page = ada.get(f"/viewer/{case}")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http://" not in page.text
    assert "https://" not in page.text
    for name in ("viewer.js", "panel.js", "pane.js", "pointer.js", "mask.js", "volume.js", "keys.js", "viewer.css"):
        assert ada.get(f"/viewer/_/{name}").status_code == 200
    for name in ("../viewer.py", "%2e%2e%2fviewer.py", "nothing.js", "viewer.html%00.js"):
        assert ada.get(f"/viewer/_/{name}").status_code in (404, 400)


def test_a_correction_changes_what_rests_on_it_and_is_signed(ada: httpx2.Client, home: Home, case: str) -> None:
    before = ada.get(f"/viewer/{case}/case").json()
    wish = {"action": "correct", "evidence": "E1", "reason": "too high", **bits(outline(SIDES[0][1], first=6))}
    told = ada.post(f"/viewer/{case}/corrections", json=wish).json()
    (made,) = told["corrections"]
    assert (made["of"], made["new"], made["by"], made["reason"]) == ("E1", "E7", "ada", "too high")
    assert made["replaced"] == {"E1": "E7", "E3": "E8", "E4": "E9"}
    items = {item["id"]: item for item in told["evidence"]}
    assert not items["E1"]["stands"]
    assert items["E1"]["now"] == "E7"
    assert items["E5"]["stands"]
    assert items["E8"]["text"].startswith("8.1 mL")
    answer, old = told["answers"][0], before["answers"][0]
    assert answer["revised"]
    assert "[E8]" in answer["answer"]
    assert "[E3]" not in answer["answer"]
    left = old["answer"].split("[E3]. ")[1].split(" The long")[0]
    assert left in answer["answer"]
    mask = ada.get(f"/viewer/{case}/masks/E7").content
    assert np.unpackbits(np.frombuffer(zlib.decompress(mask), np.uint8), count=3 * 20 * 12).all()
    file = home.conversation(case) / "trace.jsonl"
    assert [event.by for event in events_of(file) if isinstance(event, Corrected)] == ["ada"]
    verify_trace(file)
    assert not replay(file).unfinished


def test_a_finding_is_rejected(ada: httpx2.Client, case: str) -> None:
    told = ada.post(f"/viewer/{case}/corrections", json={"action": "reject", "evidence": "E2"}).json()
    assert told["corrections"][0]["withdrawn"] == ["E2", "E5", "E6"]
    assert "left blob" not in told["answers"][0]["answer"]
    assert "right blob" in told["answers"][0]["answer"]
    again = ada.post(f"/viewer/{case}/corrections", json={"action": "reject", "evidence": "E2"})
    assert again.status_code == 422
    assert "corrected before" in again.json()["detail"]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"evidence": "E99"}, 422),
        ({"evidence": "../E1"}, 422),
        ({"box": [0, 0, 0, 999, 40, 12]}, 422),
        ({"box": [5, 5, 5, 5, 5, 5]}, 422),
        ({"box": [0, 0, 0, 48, 40, 12]}, 422),
        ({"mask": "not base64!"}, 422),
        ({"mask": base64.b64encode(b"not zlib").decode()}, 422),
        ({"mask": base64.b64encode(zlib.compress(bytes(50_000_000), 9)).decode()}, 422),
        ({"mask": base64.b64encode(zlib.compress(bytes(180), 9)).decode()}, 422),
        ({"evidence": "E3"}, 422),
        ({"action": "delete"}, 422),
        ({"more": 1}, 422),
        ({"reason": "x" * 3000}, 422),
    ],
)
def test_what_cannot_be_taken_changes_nothing(
    ada: httpx2.Client, home: Home, case: str, change: dict[str, Any], status: int
) -> None:
    file = home.conversation(case) / "trace.jsonl"
    before = file.read_bytes()
    wish = {"action": "correct", "evidence": "E1", **bits(outline(SIDES[0][1], first=6)), **change}
    assert ada.post(f"/viewer/{case}/corrections", json=wish).status_code == status
    assert file.read_bytes() == before


def test_a_foreign_page_cannot_correct(ada: httpx2.Client, home: Home, case: str) -> None:
    file = home.conversation(case) / "trace.jsonl"
    before = file.read_bytes()
    body = '{"action": "reject", "evidence": "E1"}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = ada.post(f"/viewer/{case}/corrections", content=body, headers={"content-type": kind})
        assert answer.status_code in (415, 422)
    wish = {"action": "reject", "evidence": "E1"}
    assert ada.post(f"/viewer/{case}/corrections", json=wish, headers={USER: "eve"}).status_code == 404
    assert file.read_bytes() == before


def test_a_case_open_elsewhere_is_not_corrected(ada: httpx2.Client, home: Home, case: str) -> None:
    with Trace(home.conversation(case)):
        answer = ada.post(f"/viewer/{case}/corrections", json={"action": "reject", "evidence": "E1"})
        assert answer.status_code == 409
        assert "open in another process" in answer.json()["detail"]
        assert ada.get(f"/viewer/{case}/case").status_code == 200


def test_changed_pixels_are_not_shown(ada: httpx2.Client, home: Home) -> None:
    identifier = asked(home.home, 44)
    Access(home, lambda _: None).own("ada", identifier)
    blob = max((home.conversation(identifier) / "blobs").rglob("*"), key=lambda path: path.stat().st_size)
    data = bytearray(blob.read_bytes())
    data[-1] ^= 1
    blob.write_bytes(data)
    assert ada.get(f"/viewer/{identifier}/pixels/I1?first=0&last=1").status_code == 409


def test_bits_survive_both_ways() -> None:
    random = np.random.default_rng(3)
    mask = random.random(SHAPE) < 0.3
    sent = bits(mask)
    found = viewer_pixels.unpacked(base64.b64decode(sent["mask"]), tuple(sent["box"]), SHAPE)
    assert np.array_equal(found, mask)


def test_real_pixels_are_those_of_the_file(tmp_path: Path) -> None:
    from knowledge.blobs import BlobStore

    path = shared("data", "ct_organs", "example_ct.nii.gz")
    blobs = BlobStore(tmp_path)
    image = read_case([path], blobs).case.images[0]
    sent = np.frombuffer(
        viewer_pixels.slices(image, blobs, 0, image.shape[0]), np.dtype(viewer_pixels.wire_type(image, blobs))
    )
    shown = sent.reshape(image.shape) * image.slope + image.intercept
    original = nib.as_closest_canonical(nib.load(path)).get_fdata()  # type: ignore[no-untyped-call]
    # Ours runs to the patient's left and back, nibabel's closest canonical to the right and front.
    assert np.allclose(shown, original[::-1, ::-1].transpose(2, 1, 0))
