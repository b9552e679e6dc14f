"""Answers read in fixed buffers are those read in growing ones, whoever else's lay in the buffers before."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from langchain_core.messages import AIMessage, HumanMessage
from pydantic import BaseModel
from safetensors.torch import load_file
from torch._dynamo.utils import counters

from agents.citrus_v import steps as module
from agents.citrus_v.chat import CitrusVReasoner
from agents.citrus_v.generation import Prompt, generate
from agents.citrus_v.grammar import Grammars
from agents.citrus_v.memory import STEPPED, ReadSoFar
from agents.citrus_v.model import CitrusV
from agents.citrus_v.reader import Reader, Turn
from agents.citrus_v.steps import Decoding, StaticSteps, token_step
from tests.agents.citrus_v import tiny
from tests.agents.citrus_v.test_memory import CONVERSATION, features, fresh, refuse, written
from tests.agents.citrus_v.test_transcript import block, png
from tests.shared import shared

SEG = tiny.SEG


@pytest.fixture(scope="module")
def reader():
    return tiny.reader()


@pytest.fixture
def steps(reader):
    return StaticSteps(reader.model, compiled=False, capacity=16)


def prompt_of(reader, text, *pictures):
    return reader._prompt(Turn.ask(text, *pictures))


def close(one, other):
    torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_tokens_and_states_are_those_of_growing_buffers(reader, steps):
    for text, pictures in (("what is it?", [tiny.picture(1)]), ("and?", []), ("x", [tiny.picture(2), tiny.picture(3)])):
        prompt = prompt_of(reader, text, *pictures)
        assert generate(reader.model, [prompt], 12, steps=steps)[0].ids == generate(reader.model, [prompt], 12)[0].ids
        script = tiny.script([65, SEG, 66, SEG, SEG])
        static = generate(reader.model, [prompt], 12, script, steps=steps)[0]
        growing = generate(reader.model, [prompt], 12, script)[0]
        assert static.ids == growing.ids
        assert len(static.segments) == 3
        close(static.segments, growing.segments)


def test_an_answer_that_outgrows_its_buffer_goes_on_in_a_larger(reader, steps):
    prompt = prompt_of(reader, "?")
    words = [*range(40, 60)] * 5
    words[-1] = SEG
    static = generate(reader.model, [prompt], 101, tiny.script(words), steps=steps)[0]
    close(static.segments, generate(reader.model, [prompt], 101, tiny.script(words))[0].segments)
    sizes = list(steps._buffers)
    assert len(sizes) >= 2
    assert sizes == sorted(sizes)
    assert len(prompt.ids) + len(static.ids) <= sizes[-1] < 2 * (len(prompt.ids) + len(static.ids))


def test_turns_keep_what_was_read(reader, steps):
    """Two turns: nothing is read twice, no picture encoded again, and the logits are those of a fresh reading."""
    static, growing = ReadSoFar(reader.model, steps), ReadSoFar(reader.model)
    said = tiny.tokenizer()(CONVERSATION[2].text, add_special_tokens=False)["input_ids"]
    for memory in (static, growing):
        memory.read(written(reader, *CONVERSATION[:2]), features(reader))
        for token in said:
            memory.go_on([token])
    second = written(reader, *CONVERSATION[:4])
    close(static.read(second, features(reader)), growing.read(second, features(reader)))
    assert static.kept == growing.kept > len(written(reader, *CONVERSATION[:2]).ids)
    static.go_on([70])
    third = written(reader, *CONVERSATION)
    close(static.read(third, refuse), fresh(reader, third))


def test_words_are_read_alike_one_by_one_and_together(reader, steps):
    prompt = written(reader, *CONVERSATION[:2])
    static, growing = ReadSoFar(reader.model, steps), ReadSoFar(reader.model)
    for memory in (static, growing):
        memory.read(prompt, features(reader))
    for words in ([70], [71] * STEPPED, [*range(40, 42 + STEPPED)], [72, 73], [74]):
        close(static.go_on(words), growing.go_on(words))
    assert len(static) == len(growing)


def test_conversations_take_turns_in_the_buffers(reader, steps):
    """Token by token, from several threads, a longer one before a shorter one: as if each were alone."""
    prompts = [written(reader, *CONVERSATION[:count]) for count in (6, 2, 4)]
    memories = [ReadSoFar(reader.model, steps) for _ in prompts]
    alone = [ReadSoFar(reader.model) for _ in prompts]
    for prompt, *both in zip(prompts, memories, alone, strict=True):
        for memory in both:
            memory.read(prompt, features(reader))
    for token in range(60, 66):
        for memory, other in zip(memories, alone, strict=True):
            close(memory.go_on([token]), other.go_on([token]))

    def say(memory):
        for token in range(70, 90):
            logits = memory.go_on([token])
        return logits

    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(say, memories))
    for logits, other in zip(together, alone, strict=True):
        close(logits, say(other))


def test_nothing_stays_of_whose_buffer_it_was(reader, steps):
    prompts = [written(reader, *CONVERSATION[:count]) for count in (4, 2)]
    longer, shorter = (ReadSoFar(reader.model, steps) for _ in prompts)
    for memory, prompt in zip((longer, shorter), prompts, strict=True):
        memory.read(prompt, features(reader))
    longer.go_on([70])
    steps.settle(longer._cache)
    for buffer, _ in steps._buffers.values():
        for layer in buffer.layers:
            layer.values.fill_(float("nan"))  # as a conversation would leave that overflowed
    shorter.go_on([70])
    assert torch.isfinite(shorter.go_on([71])).all()


def test_a_conversation_that_is_gone_is_not_kept_by_the_buffers(reader, steps):
    memory = ReadSoFar(reader.model, steps)
    memory.read(written(reader, *CONVERSATION[:2]), features(reader))
    memory.go_on([70])
    assert steps._owner() is memory._cache
    del memory
    assert steps._owner() is None


class Look(BaseModel):
    """Look at an image."""

    image: str
    slice: int | None = None


def test_a_reasoner_calls_and_answers_alike(reader):
    """With tools, grammar, pictures and two turns; forced words come by several at once."""
    replies = []
    for decoding in (Decoding.GROWING, Decoding.STATIC):
        grammars = Grammars(reader.processor, reader.model.config)
        content = png(seed=1)
        reasoner = CitrusVReasoner(
            reader=Reader(reader.model, reader.processor, decoding=decoding),
            grammars=grammars,
            resolve=lambda digest, content=content: content,
            max_new_tokens=30,
        )
        messages = [HumanMessage([block(content), {"type": "text", "text": "What is it?"}])]
        call = reasoner.bind_tools([Look], tool_choice="any").invoke(messages)
        assert call.tool_calls
        # The answer is a mark of its own, so that both conversations go on alike.
        messages += [AIMessage("A lung."), HumanMessage("Is it?")]
        answer = reasoner.bind_tools([Look], tool_choice="none").invoke(messages)
        replies.append([(each.content, each.tool_calls, each.response_metadata) for each in (call, answer)])
    assert replies[0] == replies[1]
    assert replies[1][1][2]["kept_tokens"] > 0


def test_the_recorded_answer_is_said(reader):
    golden = shared("reference", "citrus_v", "golden_tiny")
    model = CitrusV.from_pretrained(golden, dtype="float32")
    recorded = load_file(golden / "golden.safetensors")
    images = model.encode_vision(recorded["pixel_values"], recorded["image_grid_thw"])
    prompt = Prompt(recorded["prompt_ids"][0].tolist(), recorded["image_grid_thw"], images)
    wanted = recorded["greedy_ids"][0].tolist()
    steps = StaticSteps(model, compiled=False, capacity=64)
    assert list(generate(model, [prompt], len(wanted), steps=steps)[0].ids) == wanted


def test_the_step_is_one_graph_and_is_traced_once_for_each_buffer(reader, monkeypatch):
    """Traced as for a GPU, but run as it is: `tests/bench/bench_steps.py` compiles what was traced."""

    def traced(step):
        return torch.compile(step, backend="eager", fullgraph=True, dynamic=False, isolate_recompiles=True)

    monkeypatch.setattr(module, "compiled", traced)
    steps = StaticSteps(reader.model, compiled=True, capacity=128)
    prompt = prompt_of(reader, "where?")
    words = [*range(40, 60)] * 4
    words[-1] = SEG
    before = counters["stats"]["unique_graphs"]
    found = generate(reader.model, [prompt], 81, tiny.script(words), steps=steps)[0]
    close(found.segments, generate(reader.model, [prompt], 81, tiny.script(words))[0].segments)
    assert len(steps._buffers) == 2
    assert all(step is not token_step for _, step in steps._buffers.values())
    assert counters["stats"]["unique_graphs"] - before == 2


def test_a_step_that_cannot_be_compiled_is_taken_uncompiled(reader, monkeypatch, caplog):
    def no_compiler(graph, inputs):
        raise OSError("no compiler here")

    monkeypatch.setattr(module, "compiled", lambda step: torch.compile(step, backend=no_compiler))
    steps = StaticSteps(reader.model, compiled=True, capacity=64)
    prompt = prompt_of(reader, "where?", tiny.picture(1))
    script = tiny.script([65, SEG, 66])
    found = generate(reader.model, [prompt], 9, script, steps=steps)[0]
    close(found.segments, generate(reader.model, [prompt], 9, script)[0].segments)
    assert caplog.text.count("no compiler here") == 1


def test_what_decoding_means_on_a_cpu(reader):
    assert StaticSteps.of(reader.model, Decoding.AUTO) is None
    assert StaticSteps.of(reader.model, Decoding.GROWING) is None
    assert not StaticSteps.of(reader.model, Decoding.STATIC).compiled
    assert StaticSteps.of(reader.model, Decoding.COMPILED).compiled


def test_windows_are_not_for_fixed_buffers():
    model = tiny.model()
    model.config.mllm_config.text_config.layer_types = ["full_attention", "sliding_attention"]
    assert StaticSteps.of(model, Decoding.AUTO) is None
    with pytest.raises(ValueError, match="window"):
        StaticSteps.of(model, Decoding.STATIC)
