"""Real labelled data beside the repository; tests that use it skip, saying so, where it is absent."""

import os
from pathlib import Path

import pytest

_ROOT = Path(os.environ.get("CITRUS_SHARED") or Path(__file__).resolve().parents[2] / "shared")


def shared(*parts: str) -> Path:
    """The path of a shared file, or a skip that names it."""
    path = _ROOT.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"shared data is absent: {path} (set CITRUS_SHARED)")
    return path
