"""Checkpoints load whole or not at all, and say what is wrong."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from agents.citrus_v.check import convert, info
from agents.citrus_v.configuration import CitrusVConfig
from agents.citrus_v.files import CheckpointError, fingerprint
from agents.citrus_v.model import CitrusV
from tests.agents.citrus_v import tiny


def same(one: CitrusV, other: CitrusV) -> bool:
    mine, theirs = one.state_dict(), other.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("shards", [1, 3])
def test_published_layout_loads_and_own_layout_round_trips(tmp_path, residual, shards):
    built = tiny.model(residual=residual)
    tiny.write_published(built, tmp_path / "published", shards=shards)

    loaded = CitrusV.from_pretrained(tmp_path / "published")
    loaded.save_pretrained(tmp_path / "own", max_shard_size="200KB")
    again = CitrusV.from_pretrained(tmp_path / "own")

    assert same(built, loaded)
    assert same(built, again)
    assert len(list((tmp_path / "own").glob("*.safetensors"))) > 1
    assert (built.projector.residual_mapping is not None) == residual


def test_tied_embeddings_need_no_head_in_the_file(tmp_path):
    built = tiny.model(tied=True)
    tiny.write_published(built, tmp_path)
    loaded = CitrusV.from_pretrained(tmp_path)
    assert loaded.mllm.lm_head.weight is loaded.mllm.get_input_embeddings().weight
    assert same(built, loaded)


def test_rotary_frequencies_are_those_of_a_built_model(tmp_path):
    built = tiny.model()
    tiny.write_published(built, tmp_path)
    loaded = CitrusV.from_pretrained(tmp_path, dtype="bfloat16")
    for (name, ours), (_, theirs) in zip(built.named_buffers(), loaded.named_buffers(), strict=True):
        assert torch.equal(ours, theirs), name


def test_precisions_by_part(tmp_path):
    tiny.write_published(tiny.model(), tmp_path)
    loaded = CitrusV.from_pretrained(tmp_path, dtype="bfloat16", segmenter_dtype="float32")
    assert loaded.mllm.lm_head.weight.dtype == torch.bfloat16
    assert loaded.projector.linear1.weight.dtype == torch.bfloat16
    assert loaded.segmenter.no_memory_embedding.dtype == torch.float32
    half = CitrusV.from_pretrained(tmp_path, dtype="bfloat16")
    assert half.segmenter.no_memory_embedding.dtype == torch.bfloat16
    # SAM 2's matrix of positions keeps its precision.
    assert half.segmenter.shared_image_embedding.positional_embedding.dtype == torch.float32
    with pytest.raises(ValueError, match="int8"):
        CitrusV.from_pretrained(tmp_path, dtype="int8")


def test_attention_and_devices_are_chosen(tmp_path):
    tiny.write_published(tiny.model(), tmp_path)
    ids = torch.arange(5, 15).unsqueeze(0)
    with torch.inference_mode():
        sdpa, _ = CitrusV.from_pretrained(tmp_path, attn_implementation="sdpa", device_map="auto")(ids)
        devices = {"segmenter": "cpu", "mllm": "cpu"}
        eager = CitrusV.from_pretrained(tmp_path, attn_implementation="eager", device_map=devices)
        assert eager.mllm.config._attn_implementation == "eager"
        torch.testing.assert_close(eager(ids)[0], sdpa.cpu(), atol=1e-4, rtol=1e-4)
    with pytest.raises(ValueError, match="vision"):
        CitrusV.from_pretrained(tmp_path, device_map={"vision": "cpu"})


def test_a_partial_checkpoint_lists_everything_that_is_wrong(tmp_path):
    tiny.write_published(tiny.model(), tmp_path)
    state = load_file(tmp_path / "model.safetensors")
    prefix = "grounding_encoder.sam2_model."
    del state["mllm.lm_head.weight"]
    del state[prefix + "sam_prompt_encoder.point_embeddings.1.weight"]
    state["mllm.model.surprise.weight"] = torch.zeros(1)
    state["seg_projector.2.bias"] = torch.zeros(7)
    save_file(state, tmp_path / "model.safetensors")

    with pytest.raises(CheckpointError) as caught:
        CitrusV.from_pretrained(tmp_path)

    assert set(caught.value.missing) == {"mllm.lm_head.weight", "segmenter.prompt_encoder.point_embed.weight"}
    assert caught.value.unexpected == ("mllm.model.surprise.weight",)
    assert caught.value.misshapen == (("seg_projector.2.bias", (7,), (32,)),)
    for part in ("mllm.lm_head.weight", "mllm.model.surprise.weight", "seg_projector.2.bias is [7], not [32]"):
        assert part in str(caught.value)


def test_what_is_not_safetensors_is_never_opened(tmp_path):
    tiny.write_published(tiny.model(), tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"pytorch_model\.bin can hold code"):
        CitrusV.from_pretrained(tmp_path)


def test_damaged_and_hostile_folders_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"no config\.json"):
        CitrusV.from_pretrained(tmp_path / "nowhere")
    tiny.write_published(tiny.model(), tmp_path, shards=2)
    whole = (tmp_path / "model-00002-of-00002.safetensors").read_bytes()
    (tmp_path / "model-00002-of-00002.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match="damaged"):
        CitrusV.from_pretrained(tmp_path)
    (tmp_path / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(CheckpointError, match="lacks 1 of 2 shards: model-00002-of-00002"):
        CitrusV.from_pretrained(tmp_path)
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "../elsewhere.safetensors"}}))
    with pytest.raises(CheckpointError, match="outside its folder"):
        CitrusV.from_pretrained(tmp_path)
    index.write_text("[]")
    with pytest.raises(CheckpointError, match="not an index"):
        CitrusV.from_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"}))
    with pytest.raises(ValueError, match="'llama'"):
        CitrusV.from_pretrained(tmp_path)


def test_info_and_convert(tmp_path):
    built = tiny.model()
    tiny.write_published(built, tmp_path / "published")
    tiny.tokenizer().save_pretrained(tmp_path / "published")

    described = info(tmp_path / "published")
    converted = convert(tmp_path / "published", tmp_path / "own", max_shard_size="200KB")

    assert described.layout == "published"
    assert len(described.left_out) == 2
    assert described.sizes["seg_token"] == tiny.SEG
    assert converted.layout == "own"
    assert converted.left_out == ()
    assert len(converted.files) > 1
    assert same(built, CitrusV.from_pretrained(tmp_path / "own"))
    with pytest.raises(FileExistsError, match="own"):
        convert(tmp_path / "published", tmp_path / "own")


def test_the_fingerprint_is_of_every_byte(tmp_path):
    tiny.write_published(tiny.model(), tmp_path / "a", shards=2)
    tiny.write_published(tiny.model(), tmp_path / "b", shards=2)
    assert fingerprint(tmp_path / "a") == fingerprint(tmp_path / "b")
    weights = tmp_path / "b" / "model-00002-of-00002.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert fingerprint(tmp_path / "a") != fingerprint(tmp_path / "b")


def test_configuration_round_trips(tmp_path):
    for original in (CitrusVConfig(), tiny.config(residual=True)):
        original.save_pretrained(tmp_path)
        assert CitrusVConfig.from_folder(tmp_path).to_dict() == original.to_dict()
