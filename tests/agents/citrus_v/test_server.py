"""The published server over real HTTP: every form it sends, and every malformed one, becomes a mask or a refusal."""

import json
import random
import socket

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from agents.citrus_v.backends import CitrusVGrounder, CitrusVSegmenter
from agents.citrus_v.reader import CannotRead, Turn
from agents.citrus_v.rle import RleError, decode_rle, encode_rle
from agents.citrus_v.server import ServerReader
from agents.completions import RESPONSE_LIMIT, RemoteSettings
from knowledge.case import Modality
from tests.agents.citrus_v import tiny
from tests.agents.citrus_v.test_backends import image_of, noise
from tests.agents.openai_server import Scripted, serving


def body(text: str, masks=None, **fields) -> Scripted:
    """A completion as the published server writes it."""
    answer = {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]}
    if masks is not None:
        answer["raw_response"] = {"seg_masks_rle": masks}
    return Scripted(body=json.dumps(answer | fields).encode())


@pytest.fixture(scope="module")
def running():
    with serving() as server:
        yield server


@pytest.fixture
def server(running):
    running.script.clear()
    running.received.clear()
    return running


@pytest.fixture
def reader(server):
    asking = ServerReader(RemoteSettings(base_url=server.base_url, model="CitrusV_8B"), max_pixels=65535)
    yield asking
    asking.close()


def corner() -> np.ndarray:
    mask = np.zeros((256, 256), bool)
    mask[:128, 128:] = True
    return mask


def test_a_mask_lands_on_the_right_pixels(server, reader):
    server.say(body("The liver is at [SEG].", [encode_rle(corner())]))
    reply = reader.read([Turn.ask("Please segment the liver.", tiny.picture(1, 100, 300))], 64)[0]
    mask = reply.masks[0].mask
    assert mask.shape == (100, 300)
    assert mask[:49, 151:].all()
    assert not mask[51:].any()
    assert not mask[:, :149].any()
    assert reply.masks[0].scores == {}
    assert not reply.masks[0].absent
    sent = server.received[0]
    assert np.array_equal(np.asarray(sent.pictures[0]), tiny.picture(1, 100, 300).pixels)
    assert sent.body["model"] == "CitrusV_8B"
    assert [part["type"] for part in sent.body["messages"][0]["content"]] == ["image_url", "text"]
    assert len(sent.body["messages"]) == 1


def test_each_turn_is_a_request_of_its_own(server, reader):
    server.say(
        body("[SEG]", [encode_rle(corner())]), body("Nothing here."), body("<SEG><SEG>", [encode_rle(corner())] * 2)
    )
    turns = [Turn.ask(str(index), tiny.picture(index)) for index in range(3)]
    replies = reader.read(turns, 64)
    assert [len(reply.masks) for reply in replies] == [1, 0, 2]
    assert len(server.received) == 3
    for index, received in enumerate(server.received):
        assert np.array_equal(np.asarray(received.pictures[0]), turns[index].pictures[0].pixels)
    with pytest.raises(CannotRead, match="one picture"):
        reader.read([Turn.ask("two", tiny.picture(1), tiny.picture(2))], 64)


@pytest.mark.parametrize(
    "answer",
    [
        body("No lesion."),
        body("No lesion.", []),
        body("No lesion.", raw_response=None),
        body("No lesion.", raw_response={}),
        body("No lesion.", raw_response={"seg_masks_rle": None}),
        body("", [encode_rle(np.zeros((256, 256), bool))]),
    ],
)
def test_no_mask_is_absence(server, reader, answer):
    server.say(answer)
    image, volume = image_of(noise(1), Modality.US, "signal")
    found = CitrusVSegmenter(reader, "server").segment(image, volume, ["breast lesion"])[0]
    assert found.mask is None
    assert found.scores == {}


GOOD = encode_rle(corner())
MALFORMED = [
    body("[SEG]"),
    body("[SEG]", [GOOD, GOOD]),
    body("[SEG][SEG]", [GOOD]),
    body("", "masks"),
    body("", [GOOD] * 65),
    body("", [None]),
    body("", [{}]),
    body("", [GOOD | {"size": [256]}]),
    body("", [GOOD | {"size": [256, 255]}]),
    body("", [GOOD | {"size": [0, 0]}]),
    body("", [GOOD | {"size": [-256, -256]}]),
    body("", [GOOD | {"size": [1000000, 1000000]}]),
    body("", [GOOD | {"size": ["256", "256"]}]),
    body("", [GOOD | {"size": [True, True]}]),
    body("", [GOOD | {"counts": None}]),
    body("", [GOOD | {"counts": ""}]),
    body("", [GOOD | {"counts": GOOD["counts"][:-1]}]),
    body("", [GOOD | {"counts": GOOD["counts"] + "1"}]),
    body("", [GOOD | {"counts": "\u0000\uffff"}]),
    body("", [GOOD | {"counts": "o" * 100000}]),
    body("", [GOOD | {"counts": [1, 2, 3]}]),
    body("", [GOOD | {"counts": [65537, -1]}]),
    body("", [GOOD | {"counts": [65536.0]}]),
    body("", [GOOD | {"counts": ["65536"]}]),
    Scripted(body=b""),
    Scripted(body=b"<html>"),
    Scripted(body=b"[]"),
    Scripted(body=b"{}"),
    Scripted(body=b'{"choices": []}'),
    Scripted(body=b'{"choices": [{"message": {"content": 5}}]}'),
    Scripted(body=b'{"choices": [{"message": []}]}'),
    Scripted(body=b'{"choices": [1]}'),
    Scripted(body=b"[" * 100000),
    Scripted(body=b"\xff\xfe"),
    Scripted(body=b"x" * (RESPONSE_LIMIT + 1)),
    Scripted(body=b"{}", status=500),
    Scripted(body=b"{}", status=307, headers={"location": "http://127.0.0.1:1/"}),
]


@pytest.mark.parametrize("answer", MALFORMED, ids=range(len(MALFORMED)))
def test_what_cannot_be_trusted_is_refused(server, reader, answer):
    server.say(answer)
    image, volume = image_of(noise(1), Modality.US, "signal")
    with pytest.raises(CannotRead) as caught:
        CitrusVSegmenter(reader, "server").segment(image, volume, ["breast lesion"])
    assert caught.value.target == "breast lesion"
    assert len(server.received) == 1


def test_a_server_that_is_not_there_is_said():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    gone = ServerReader(RemoteSettings(base_url=f"http://127.0.0.1:{port}/v1", model="m", timeout=5))
    with pytest.raises(CannotRead, match=f"127.0.0.1:{port} cannot be reached"):
        gone.read([Turn.ask("?")], 5)


def test_boxes_are_on_the_grid_of_the_servers_own_bound(server, reader):
    image, volume = image_of(noise(1, 1000, 600))
    server.say(body("'liver' with bbox [28, 56, 84, 112]"))
    boxes = CitrusVGrounder(reader, "server").ground(image, volume, "liver")
    rows, columns = reader.resized(1000, 600)
    assert rows * columns <= 65535
    assert boxes[0].box == pytest.approx((28 * 600 / columns, 56 * 1000 / rows, 84 * 600 / columns, 112 * 1000 / rows))


def test_it_says_where_pictures_go():
    def where(url):
        return ServerReader(RemoteSettings(base_url=url, model="m")).leaves_machine

    assert where("http://127.0.0.1:8000/v1") is None
    assert where("https://models.example.org/v1") == "models.example.org"


def test_known_encodings():
    """Worked by hand: 65536 is 2 in the fourth group of five bits."""
    assert encode_rle(np.zeros((256, 256), bool)) == {"size": [256, 256], "counts": "PPP2"}
    # Down the columns the runs are 1, 2, 2, 2, 1; the last two are written as 2 - 2 and 1 - 2, which is all ones.
    mask = np.array([[0, 0], [1, 1], [1, 1], [0, 0]], bool)
    assert encode_rle(mask) == {"size": [4, 2], "counts": "1220O"}
    assert np.array_equal(decode_rle({"size": [4, 2], "counts": [1, 2, 2, 2, 1]}), mask)


@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=40)))
def test_masks_round_trip(mask):
    assert np.array_equal(decode_rle(encode_rle(mask)), mask)


@given(st.text(max_size=30), st.integers(1, 9), st.integers(1, 9))
def test_any_text_is_a_mask_of_its_size_or_an_error(counts, rows, columns):
    try:
        mask = decode_rle({"size": [rows, columns], "counts": counts})
    except RleError:
        return
    assert mask.shape == (rows, columns)


def test_large_random_masks_round_trip():
    rng = random.Random(1)
    for _ in range(20):
        mask = np.random.default_rng(rng.randrange(99)).random((256, 256)) < rng.random()
        assert np.array_equal(decode_rle(encode_rle(mask)), mask)
