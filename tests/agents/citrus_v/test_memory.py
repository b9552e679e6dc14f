"""What was read is not read again, and what is then said is the same as if it had been."""

import pytest
import torch

from agents.citrus_v.memory import ReadSoFar, Written
from agents.citrus_v.processor import Message
from tests.agents.citrus_v import tiny


@pytest.fixture(scope="module")
def reader():
    return tiny.reader()


def written(reader, *messages: Message) -> Written:
    return Written.of(messages, reader.processor, tiny.ID["<|image_pad|>"])


def features(reader):
    return lambda picture: reader.features(picture)[0]


def fresh(reader, prompt: Written):
    return ReadSoFar(reader.model).read(prompt, features(reader))


def refuse(picture):
    raise AssertionError("a picture that was read is asked for again")


CONVERSATION = (
    Message("system", "You read images."),
    Message("user", "What is this?", (tiny.picture(1), tiny.picture(2, 60, 200))),
    Message("assistant", "A chest."),
    Message("user", "And this?", (tiny.picture(3),)),
    Message("assistant", "Another."),
    Message("user", "Thank you."),
)


def test_a_growing_conversation_is_read_once(reader, monkeypatch):
    lengths = []
    read = reader.model.read

    def counting(embeddings, *rest, **named):
        lengths.append(embeddings.shape[1])
        return read(embeddings, *rest, **named)

    memory = ReadSoFar(reader.model)
    before = 0
    for count in (2, 4, 6):
        prompt = written(reader, *CONVERSATION[:count])
        with monkeypatch.context() as patch:
            patch.setattr(reader.model, "read", counting)
            logits = memory.read(prompt, features(reader))
        torch.testing.assert_close(logits, fresh(reader, prompt), atol=1e-4, rtol=1e-4)
        assert memory.kept + lengths[-1] == len(prompt.ids) == len(memory)
        # All but the opening of the assistant's answer, which was read, is kept.
        assert memory.kept >= before
        before = len(prompt.ids)
    assert sum(lengths) == len(prompt.ids)


def test_a_picture_in_the_kept_beginning_is_not_encoded(reader):
    memory = ReadSoFar(reader.model)
    memory.read(written(reader, *CONVERSATION[:4]), features(reader))
    memory.read(written(reader, *CONVERSATION), refuse)


@pytest.mark.parametrize("cut", [1, 20, 40, 47, 50, 60, 75, 100, 10_000])
def test_any_common_beginning_may_be_kept(reader, cut):
    """Also one that ends within a picture: the rest of it is read, at its own place."""
    prompt = written(reader, *CONVERSATION)
    memory = ReadSoFar(reader.model)
    memory.read(prompt, features(reader))
    memory.go_on([70, 71, 72])
    shorter = min(cut, len(prompt.ids))
    memory._cache.crop(shorter - len(memory))
    del memory._keys[shorter:]

    again = memory.read(prompt, features(reader))

    assert memory.kept == min(cut, len(prompt.ids) - 1)
    torch.testing.assert_close(again, fresh(reader, prompt), atol=1e-4, rtol=1e-4)


def test_what_changed_and_all_after_it_is_read_again(reader):
    memory = ReadSoFar(reader.model)
    memory.read(written(reader, *CONVERSATION), features(reader))
    changed = written(reader, CONVERSATION[0], CONVERSATION[1], Message("assistant", "A knee."), *CONVERSATION[3:])
    logits = memory.read(changed, features(reader))
    assert 0 < memory.kept < len(changed.ids)
    torch.testing.assert_close(logits, fresh(reader, changed), atol=1e-4, rtol=1e-4)


def test_another_picture_of_the_same_size_is_another_conversation(reader):
    """Image tokens are all alike: only the content of the picture tells cases apart."""
    one, other = (written(reader, Message("user", "What is this?", (tiny.picture(seed),))) for seed in (1, 2))
    assert one.ids == other.ids
    assert one.keys != other.keys
    memory = ReadSoFar(reader.model)
    memory.read(one, features(reader))
    logits = memory.read(other, features(reader))
    assert memory.kept < other.ids.index(tiny.ID["<|image_pad|>"]) + 1
    torch.testing.assert_close(logits, fresh(reader, other), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(logits, fresh(reader, one), atol=1e-4)


def test_words_said_are_read_as_if_they_had_stood_there(reader):
    prompt = written(reader, *CONVERSATION[:2])
    said = tiny.tokenizer()("It is a chest film.", add_special_tokens=False)["input_ids"]
    memory = ReadSoFar(reader.model)
    memory.read(prompt, features(reader))
    memory.go_on(said[:5])
    logits = memory.go_on(said[5:])
    whole = Written(prompt.ids + said, prompt.keys + said, prompt.pictures, prompt.grids)
    torch.testing.assert_close(logits, fresh(reader, whole), atol=1e-4, rtol=1e-4)


def test_a_picture_is_measured_as_it_is_cut(reader):
    for height, width in ((28, 28), (84, 112), (1, 150), (333, 77), (1500, 1200)):
        picture = tiny.picture(0, height, width)
        assert reader.processor.grid(picture) == reader.processor.patches(picture).grid
