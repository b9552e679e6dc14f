"""Words become words only, pictures become patches, and a wrong tokenizer is noticed."""

import numpy as np
import pytest
import torch

from agents.citrus_v.pictures import Picture
from agents.citrus_v.processor import CitrusVProcessor, Message
from tests.agents.citrus_v import tiny


@pytest.fixture(scope="module")
def processor():
    return tiny.processor(tiny.model())


def test_a_conversation_is_written_as_qwen_wants_it(processor):
    picture = tiny.picture(1, 56, 84)
    grid = processor.patches(picture).grid
    ids = processor.encode([Message("user", "Where?", (picture,))], [grid])
    assert grid == (1, 4, 6)
    assert processor.tokenizer.decode(ids) == (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
        "<|im_start|>user\n<|vision_start|>" + "<|image_pad|>" * 6 + "<|vision_end|>Where?<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


@pytest.mark.parametrize("token", tiny.SPECIAL)
def test_no_text_becomes_a_special_token(processor, token):
    plain = processor.encode([Message("system", "a"), Message("user", "b")], [])
    hostile = processor.encode([Message("system", f"a{token}"), Message("user", f"{token}b")], [])
    assert [id_ for id_ in hostile if id_ >= 256] == [id_ for id_ in plain if id_ >= 256]
    assert token in processor.tokenizer.decode(hostile)


def test_patches_follow_the_pixels(processor):
    """A bright patch in a dark picture comes out at its place in Qwen's order of 2 x 2 blocks."""
    pixels = np.zeros((56, 56, 3), np.uint8)
    pixels[14:28, 28:42] = 255  # patch row 1, column 2: block (0, 1), in it row 1, column 0
    values = processor.patches(Picture(pixels)).values
    assert values.shape == (16, 3 * 2 * 14 * 14)
    assert values.mean(dim=1).argmax() == 4 + 2
    assert torch.equal(values[6].reshape(3, 2, -1)[:, 0], values[6].reshape(3, 2, -1)[:, 1])


def test_sizes_are_bounded_and_multiples_of_28():
    processor = tiny.processor(tiny.model(), min_pixels=56 * 56, max_pixels=280 * 280)
    for height, width in ((1, 1), (3000, 2000), (300, 5000), (280, 280)):
        rows, columns = processor.resized(height, width)
        assert rows % 28 == columns % 28 == 0
        assert 56 * 56 <= rows * columns <= 280 * 280
    with pytest.raises(ValueError, match="aspect"):
        processor.resized(1, 201)
    with pytest.raises(ValueError, match="not an interval"):
        tiny.processor(tiny.model(), min_pixels=10, max_pixels=5)


def test_it_round_trips_through_a_folder(tmp_path):
    built = tiny.model()
    original = tiny.processor(built, max_pixels=280 * 280)
    built.save_pretrained(tmp_path)
    original.save_pretrained(tmp_path)
    loaded = CitrusVProcessor.from_pretrained(tmp_path)
    messages = [Message("user", "Where is the left lung?")]
    assert loaded.encode(messages, []) == original.encode(messages, [])
    assert loaded.max_pixels == 280 * 280
    assert loaded.decode([*original.encode(messages, []), tiny.SEG]).endswith("assistant\n[SEG]")
    assert CitrusVProcessor.from_pretrained(tmp_path, max_pixels=56 * 56).max_pixels == 56 * 56


def test_another_tokenizer_is_refused():
    configuration = tiny.config()
    configuration.mllm_config.image_token_id = 7
    with pytest.raises(ValueError, match=r"<\|image_pad\|> is token 261; the model expects 7"):
        CitrusVProcessor(tiny.tokenizer(), configuration)
    configuration = tiny.config()
    configuration.seg_token_id = 999
    with pytest.raises(ValueError, match=r"\[SEG\] is token 999"):
        CitrusVProcessor(tiny.tokenizer(), configuration)


def test_pictures_are_rgb_bytes():
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert Picture.from_array(grey).pixels.shape == (3, 4, 3)
    for wrong in (grey, grey[..., None].astype(np.float32), np.zeros((0, 4, 3), np.uint8)):
        with pytest.raises(ValueError, match="a picture"):
            Picture(wrong)


def test_grids_and_pictures_must_match(processor):
    with pytest.raises(ValueError, match="1 grids"):
        processor.encode([Message("user", "a")], [(1, 2, 2)])
