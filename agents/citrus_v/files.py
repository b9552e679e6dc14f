"""The files of a checkpoint folder: which there are, what names them, and what is wrong with them.

Nothing here loads torch, so that a page or a command can name a model before it opens one.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

_INDEX = "model.safetensors.index.json"
_SINGLE = "model.safetensors"
_SHOWN = 20


class CheckpointError(ValueError):
    """A folder does not hold the whole model and nothing but it.

    Attributes:
        missing: Our names of tensors that nothing in the folder fills.
        unexpected: Stored names that belong nowhere.
        misshapen: Stored names with the shape found and the shape wanted.
    """

    def __init__(
        self,
        reason: str,
        *,
        missing: Sequence[str] = (),
        unexpected: Sequence[str] = (),
        misshapen: Sequence[tuple[str, tuple[int, ...], tuple[int, ...]]] = (),
    ) -> None:
        self.missing = tuple(missing)
        self.unexpected = tuple(unexpected)
        self.misshapen = tuple(misshapen)
        wrong = [f"{name} is {list(found)}, not {list(wanted)}" for name, found, wanted in misshapen]
        lists = (("missing", self.missing), ("unexpected", self.unexpected), ("of another shape", wrong))
        super().__init__("\n".join([reason, *(_listed(title, names) for title, names in lists if names)]))


def fingerprint(folder: Path) -> str:
    """SHA-256 of the checkpoint: of config.json, sam2.json and every weight file, by name and content."""
    whole = hashlib.sha256()
    files = [path for path in (folder / "config.json", folder / "sam2.json") if path.is_file()]
    for path in [*files, *weight_files(folder)]:
        with path.open("rb") as content:
            whole.update(f"{path.name} {hashlib.file_digest(content, 'sha256').hexdigest()}\n".encode())
    return whole.hexdigest()


def weight_files(folder: Path) -> list[Path]:
    """The safetensors of a checkpoint, in the order of their names.

    Raises:
        CheckpointError: There are none, or a shard is absent or outside the folder.
    """
    index = folder / _INDEX
    if not index.is_file():
        if (folder / _SINGLE).is_file():
            return [folder / _SINGLE]
        others = sorted(path.name for path in folder.glob("*") if path.suffix in (".bin", ".pt", ".pth", ".ckpt"))
        hint = f"; {', '.join(others)} can hold code and are never opened" if others else ""
        raise CheckpointError(f"{folder} has neither {_SINGLE} nor {_INDEX}{hint}")
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CheckpointError(f"{index} is not an index of shards") from None
    foreign = [name for name in names if not isinstance(name, str) or Path(name).name != name]
    if foreign:
        raise CheckpointError(f"{index} points outside its folder: {foreign[0]!r}")
    absent = [name for name in names if not (folder / name).is_file()]
    if absent:
        raise CheckpointError(f"{folder} lacks {len(absent)} of {len(names)} shards: {', '.join(absent)}")
    return [folder / name for name in names]


def _listed(title: str, names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{title} ({len(names)}): {shown}{more}"
