"""Checkpoints in safetensors: what is in a folder, whether it is complete, and loading it."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from transformers.initialization import no_init_weights

from agents.citrus_v.configuration import CitrusVConfig
from agents.citrus_v.files import CheckpointError, weight_files
from agents.citrus_v.layout import Layout, Place, is_memory, layout_of, place_of
from agents.citrus_v.model import CitrusV


@dataclass(frozen=True)
class Stored:
    """One tensor in a file: where it lies, its shape, and its safetensors type such as "BF16"."""

    file: Path
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class Plan:
    """Where every stored tensor goes.

    Attributes:
        places: Stored name to place, in the order of the files.
        left_out: Stored names of SAM 2's video memory, which still images never use.
    """

    layout: Layout
    stored: Mapping[str, Stored]
    places: Mapping[str, Place]
    left_out: tuple[str, ...]


def stored_tensors(folder: Path) -> dict[str, Stored]:
    """Every tensor in the folder's safetensors, from the files' own headers; no values are read.

    Raises:
        CheckpointError: There are no safetensors, a shard is absent, or a file is damaged.
    """
    stored: dict[str, Stored] = {}
    for file in weight_files(folder):
        with _opened(file) as content:
            for name in content.keys():  # noqa: SIM118 - not a mapping
                part = content.get_slice(name)
                stored[name] = Stored(file, tuple(part.get_shape()), part.get_dtype())
    return stored


def plan(stored: Mapping[str, Stored], config: CitrusVConfig, source: str) -> Plan:
    """Give every stored tensor its place in a model of these sizes.

    The model is laid out without memory, so this is quick at any size.

    Raises:
        CheckpointError: Anything is missing, unexpected or of another shape; all of it is listed.
    """
    layout = layout_of(set(stored))
    with torch.device("meta"):
        model = CitrusV(config)
    model.tie_weights()
    wanted = model.state_dict(keep_vars=True)
    places: dict[str, Place] = {}
    left_out, unexpected, misshapen = [], [], []
    filled: dict[int, set[int | None]] = {}
    for name, tensor in stored.items():
        place = place_of(name) if layout is Layout.PUBLISHED else Place(name)
        if place is None and is_memory(name):
            left_out.append(name)
        elif place is None or place.name not in wanted:
            unexpected.append(name)
        else:
            target = wanted[place.name]
            shape = tuple(target.shape if place.row is None else target[:1].shape)
            if tensor.shape != shape:
                misshapen.append((name, tensor.shape, shape))
            places[name] = place
            filled.setdefault(id(target), set()).add(place.row)
    missing = [
        name
        for name, target in wanted.items()
        if None not in (rows := filled.get(id(target), set())) and len(rows) < (len(target) if rows else 1)
    ]
    missing = _without_aliases(missing, wanted)
    if missing or unexpected or misshapen:
        raise CheckpointError(
            f"{source} is not a complete Citrus-V checkpoint ({layout} layout, {len(stored)} tensors)",
            missing=missing,
            unexpected=unexpected,
            misshapen=misshapen,
        )
    return Plan(layout, stored, places, tuple(left_out))


def load(
    folder: Path,
    *,
    cls: type[CitrusV] = CitrusV,
    dtype: torch.dtype | str = "auto",
    segmenter_dtype: torch.dtype | str | None = None,
    device_map: str | Mapping[str, str] = "cpu",
    attn_implementation: str = "sdpa",
) -> Any:
    """Load a checkpoint of either layout, ready to answer.

    Args:
        folder: Holds config.json and safetensors, in one file or in shards with their index.
        cls: `CitrusV` or a class of its kind.
        dtype: Precision of language model and projector; "auto" takes the checkpoint's own.
        segmenter_dtype: Precision of SAM 2; as `dtype` where None.
        device_map: One device for all, "auto" (CUDA if there is one), or a device by part
            ("mllm", "projector", "segmenter").
        attn_implementation: "sdpa", "eager" or "flash_attention_2".

    Raises:
        CheckpointError: The checkpoint is not complete, or not in safetensors.
        ValueError: The configuration or an argument is wrong.
    """
    config = CitrusVConfig.from_folder(folder)
    layout = plan(stored_tensors(folder), config, str(folder))
    precision = _dtype(dtype, config)
    config.dtype = config.mllm_config.dtype = precision
    config.segmenter_config.dtype = precision if segmenter_dtype is None else _dtype(segmenter_dtype, config)
    config._attn_implementation = attn_implementation
    with no_init_weights():
        model = cls(config, devices=_devices(device_map))
    model.tie_weights()
    _fill(model, layout)
    return model.eval()


@torch.no_grad()
def _fill(model: CitrusV, layout: Plan) -> None:
    state = model.state_dict()
    by_file: dict[Path, list[str]] = {}
    for name in layout.places:
        by_file.setdefault(layout.stored[name].file, []).append(name)
    for file, names in by_file.items():
        with _opened(file) as content:
            for name in names:
                place = layout.places[name]
                target: Tensor = state[place.name]
                if place.row is not None:
                    target = target[place.row : place.row + 1]
                target.copy_(content.get_tensor(name))


def parameter_count(stored: Mapping[str, Stored]) -> int:
    """How many values the tensors hold together."""
    return sum(prod(tensor.shape) for tensor in stored.values())


def _opened(file: Path) -> Any:
    try:
        return safe_open(file, framework="pt", device="cpu")
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{file} is damaged or not safetensors: {error}") from None


def _without_aliases(missing: list[str], wanted: Mapping[str, Tensor]) -> list[str]:
    """One name for each absent tensor; tied tensors have several."""
    first: dict[int, str] = {}
    for name in missing:
        first.setdefault(id(wanted[name]), name)
    return list(first.values())


def _dtype(dtype: torch.dtype | str, config: CitrusVConfig) -> torch.dtype:
    if dtype == "auto":
        dtype = config.dtype or torch.float32
    found = getattr(torch, dtype, None) if isinstance(dtype, str) else dtype
    if found not in (torch.float32, torch.bfloat16, torch.float16):
        raise ValueError(f"a precision is float32, bfloat16 or float16, not {dtype!r}")
    return found


def _devices(device_map: str | Mapping[str, str]) -> dict[str, str]:
    if isinstance(device_map, str):
        device = device_map
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        return dict.fromkeys(CitrusV.PARTS, device)
    unknown = set(device_map) - set(CitrusV.PARTS)
    if unknown:
        raise ValueError(f"a device map names {', '.join(CitrusV.PARTS)}, not {', '.join(sorted(unknown))}")
    return {part: device_map.get(part, "cpu") for part in CitrusV.PARTS}
