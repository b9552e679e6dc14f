"""One pass: the state of each [SEG] is the one a full second reading would give."""

import pytest
import torch

from agents.citrus_v.generation import Finish, Prompt, generate
from agents.citrus_v.reader import Turn
from tests.agents.citrus_v import tiny

SEG, END = tiny.SEG, tiny.END


@pytest.fixture(scope="module")
def reader():
    return tiny.reader()


def prompt_of(reader, text, *pictures):
    return reader._prompt(Turn.ask(text, *pictures))


def full_reading(reader, prompt, answer):
    """Hidden states of prompt and answer read at once, without a cache."""
    ids = torch.tensor([[*prompt.ids, *answer]])
    model = reader.model
    with torch.inference_mode():
        positions, _ = model.positions(ids, None, prompt.grids)
        return model.read(model.embed(ids, prompt.images), positions)[0]


def test_states_are_those_of_a_full_reading(reader):
    prompts = [
        prompt_of(reader, "short", tiny.picture(1)),
        prompt_of(reader, "a much longer question about two pictures", tiny.picture(2), tiny.picture(3, 200, 60)),
        prompt_of(reader, "no picture at all"),
    ]
    answers = [[65, SEG, 66, 67, SEG, END], [SEG, SEG, 70, END], [70, 71, 72, 73, SEG, SEG, 74, END]]

    generated = generate(reader.model, prompts, 20, tiny.script(*[answer[:-1] for answer in answers]))

    for prompt, answer, found in zip(prompts, answers, generated, strict=True):
        assert list(found.ids) == answer
        assert found.finish is Finish.END
        states = full_reading(reader, prompt, answer)
        where = [len(prompt.ids) + index for index, token in enumerate(answer) if token == SEG]
        torch.testing.assert_close(found.segments, states[where], atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_greedy_tokens_are_those_of_readings_from_scratch(reader):
    prompt = prompt_of(reader, "what is this?", tiny.picture(4))
    said: list[int] = []
    while len(said) < 8 and (not said or said[-1] != END):
        said.append(int(reader.model.predict(full_reading(reader, prompt, said)[-1]).argmax()))
    assert list(generate(reader.model, [prompt], 8)[0].ids) == said


def test_a_seg_at_the_bound_is_still_read(reader):
    prompt = prompt_of(reader, "where?", tiny.picture(1))
    found = generate(reader.model, [prompt], 3, tiny.script([65, 66, SEG, 67]))[0]
    assert found.ids == (65, 66, SEG)
    assert found.finish is Finish.LENGTH
    torch.testing.assert_close(found.segments, full_reading(reader, prompt, found.ids)[-1:], atol=1e-5, rtol=1e-4)


def test_each_token_is_read_once(reader, monkeypatch):
    lengths = []
    read = reader.model.read

    def counting(embeddings, *rest, **named):
        lengths.append(embeddings.shape[1])
        return read(embeddings, *rest, **named)

    monkeypatch.setattr(reader.model, "read", counting)
    prompt = prompt_of(reader, "where?", tiny.picture(1))
    generate(reader.model, [prompt], 20, tiny.script([65, SEG, 66, SEG, 67]))
    # The prompt once, then each token but the end.
    assert lengths == [len(prompt.ids), 1, 1, 1, 1, 1]


def test_a_seg_in_the_prompt_does_not_count(reader):
    prompt = prompt_of(reader, "where?", tiny.picture(1))
    haunted = Prompt([*prompt.ids, SEG, SEG], prompt.grids, prompt.images)
    assert len(generate(reader.model, [haunted], 5, tiny.script([65, 66]))[0].segments) == 0


def test_images_cannot_slip_from_one_prompt_to_another(reader):
    one = prompt_of(reader, "a", tiny.picture(1))
    other = prompt_of(reader, "b")
    swapped = [Prompt(one.ids, one.grids[:0], ()), Prompt(other.ids, one.grids, one.images)]
    with pytest.raises(ValueError, match="prompt 0 has 12 image tokens for 0 image features"):
        generate(reader.model, swapped, 5)


def test_nothing_to_answer_is_said(reader):
    with pytest.raises(ValueError, match="nothing to answer"):
        generate(reader.model, [], 5)
    with pytest.raises(ValueError, match="at least one token, not 0"):
        generate(reader.model, [prompt_of(reader, "a")], 0)
