"""A bounded memory of encoded pictures, by the content of their pixels."""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class FeatureCache(Generic[T]):
    """Keeps what was encoded last; the key is a picture's digest, so no name or case can mix it up.

    Attributes:
        encoded: How often something had to be encoded, for tests and benchmarks.
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 0:
            raise ValueError(f"a cache keeps 0 or more, not {capacity}")
        self.capacity = capacity
        self.encoded = 0
        self._kept: OrderedDict[str, T] = OrderedDict()
        self._lock = Lock()

    def get(self, digest: str, encode: Callable[[], T]) -> T:
        """What was kept under `digest`, or what `encode` gives now."""
        with self._lock:
            if digest in self._kept:
                self._kept.move_to_end(digest)
                return self._kept[digest]
        value = encode()
        with self._lock:
            self.encoded += 1
            self._kept[digest] = value
            self._kept.move_to_end(digest)
            while len(self._kept) > self.capacity:
                self._kept.popitem(last=False)
        return value

    def __len__(self) -> int:
        return len(self._kept)
