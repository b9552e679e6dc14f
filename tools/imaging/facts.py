"""Header fields of a DICOM dataset, of which any may be absent, malformed or hostile."""

import math
from functools import cache
from typing import Any

from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

Memory = dict[tuple[Any, ...], Any]
"""Converted values by what is written in the file; for the files of one reading only."""


@cache
def _tag(keyword: str) -> int:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise ValueError(f"{keyword!r} is no DICOM keyword")
    return tag


class Facts:
    """Access to header fields that answers None where a field is absent or malformed."""

    def __init__(self, *datasets: Dataset | None, memory: Memory | None = None) -> None:
        self._memory = {} if memory is None else memory
        self._datasets = [dataset for dataset in datasets if dataset is not None]
        # Looking up an absent field costs pydicom more than reading a present one.
        self._tags = [set(map(int, dataset.keys())) for dataset in self._datasets]

    def raw(self, keyword: str) -> Any:
        """The first value given, or None."""
        tag = _tag(keyword)
        for dataset, tags in zip(self._datasets, self._tags, strict=True):
            if tag not in tags:
                continue
            try:
                value = self._value(dataset, tag)
            except Exception:  # noqa: BLE001, S112 - conversion of a malformed value raises anything
                continue
            if value is not None and value != "":
                return value
        return None

    def _value(self, dataset: Dataset, tag: int) -> Any:
        """Convert a field, or remember: most fields are the same in every file of a series."""
        field = dataset.get_item(tag)
        if not isinstance(field, RawDataElement) or field.value is None or len(field.value) > 256:
            return dataset[tag].value
        key = (tag, field.VR, field.is_little_endian, field.value)
        if key not in self._memory:
            self._memory[key] = dataset[tag].value
        return self._memory[key]

    def text(self, keyword: str) -> str:
        """The value as text, or an empty string."""
        value = self.raw(keyword)
        return "" if value is None else str(value).strip()

    def numbers(self, keyword: str, count: int = 0) -> tuple[float, ...]:
        """Finite numbers, `count` of them or (0) any; else an empty tuple."""
        value = self.raw(keyword)
        if value is None:
            return ()
        try:
            items = [value] if isinstance(value, str | int | float) else list(value)
            numbers = tuple(float(item) for item in items)
        except (TypeError, ValueError, OverflowError):
            return ()
        if (count and len(numbers) != count) or not all(math.isfinite(number) for number in numbers):
            return ()
        return numbers

    def number(self, keyword: str) -> float | None:
        """The first of the numbers, or None."""
        return next(iter(self.numbers(keyword)), None)

    def whole(self, keyword: str, default: int = 0) -> int:
        """A whole number, or the default."""
        number = self.number(keyword)
        return default if number is None else int(number)

    def first(self, keyword: str) -> Dataset | None:
        """The first item of a sequence."""
        value = self.raw(keyword)
        try:
            return value[0] if value else None
        except (TypeError, IndexError):
            return None

    def syntax(self) -> str:
        """The transfer syntax of a file that does not name one, as pydicom read it."""
        for dataset in self._datasets:
            implicit, little = dataset.original_encoding
            if implicit is not None:
                return str(
                    ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian if little else ExplicitVRBigEndian
                )
        return str(ImplicitVRLittleEndian)


def items(value: Any) -> list[Any]:
    """The values of a field that may hold none, one or several."""
    if value is None:
        return []
    # A person's name is a sequence too: of its letters.
    if not isinstance(value, MultiValue | Sequence | list | tuple):
        return [value]
    return list(value)
