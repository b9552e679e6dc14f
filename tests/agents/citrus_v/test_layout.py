"""The name map covers the published 8B completely, and nothing is placed twice."""

import json

from agents.citrus_v.checkpoint import Stored, parameter_count, plan
from agents.citrus_v.configuration import CitrusVConfig
from agents.citrus_v.layout import Layout, Place, is_memory, layout_of, place_of
from tests.agents.citrus_v import tiny
from tests.shared import shared


def published_8b() -> dict[str, tuple[int, ...]]:
    listed = json.loads(shared("reference", "citrus_v", "parameters_8b.json").read_text())
    return {name: tuple(shape) for name, shape in listed.items()}


def test_every_published_8b_tensor_has_one_place_of_its_shape(tmp_path):
    shapes = published_8b()
    stored = {name: Stored(tmp_path / "model.safetensors", shape, "BF16") for name, shape in shapes.items()}

    planned = plan(stored, CitrusVConfig(), "the published 8B")

    assert len(shapes) == 1633
    assert len(planned.places) + len(planned.left_out) == 1633
    assert len(set(planned.places.values())) == len(planned.places)
    assert len(planned.left_out) == 157
    assert all(is_memory(name) for name in planned.left_out)
    assert 8.5e9 < parameter_count(stored) < 8.6e9


def test_a_name_we_do_not_know_has_no_place():
    for name in (
        "grounding_encoder.sam2_model.image_encoder.trunk.blocks.x.attn.qkv.weight",
        "grounding_encoder.sam2_model.sam_prompt_encoder.point_embeddings.4.weight",
        "seg_projector.1.weight",
        "grounding_encoder.sam2_model.no_mem_embedx",
        "",
    ):
        assert place_of(name) is None


def test_points_are_rows():
    name = "grounding_encoder.sam2_model.sam_prompt_encoder.point_embeddings.2.weight"
    assert place_of(name) == Place("segmenter.prompt_encoder.point_embed.weight", 2)


def test_memory_is_known_by_whole_words():
    assert is_memory("grounding_encoder.sam2_model.memory_attention.norm.bias")
    assert is_memory("grounding_encoder.sam2_model.no_obj_ptr")
    assert not is_memory("grounding_encoder.sam2_model.no_mem_embed")
    assert not is_memory("grounding_encoder.sam2_model.memory_attentionx.norm.bias")


def test_random_published_names_lead_back_to_ours():
    for residual in (False, True):
        built = tiny.model(residual=residual)
        own = set(built.state_dict()) - {"segmenter.prompt_encoder.shared_embedding.positional_embedding"}
        published = tiny.published_state(built)
        assert layout_of(set(published)) is Layout.PUBLISHED
        assert layout_of(own) is Layout.OWN
        places = {place_of(name) for name in published if not is_memory(name)}
        assert {place.name for place in places if place} == own
