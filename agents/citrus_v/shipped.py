"""The small model that comes with the distribution: eyes for a machine that has no other weights."""

from pathlib import Path

NANO = Path(__file__).parent / "nano"
"""Its checkpoint folder, with its model card."""


def installed() -> bool:
    """Whether this distribution carries it."""
    return (NANO / "config.json").is_file() and (NANO / "abilities.json").is_file()
