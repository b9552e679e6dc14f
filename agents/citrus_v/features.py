"""A bounded memory of encoded pictures, by the content of their pixels."""

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
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
        self._kept: OrderedDict[str, Future[T]] = OrderedDict()
        self._lock = Lock()

    def get(self, digest: str, encode: Callable[[], T]) -> T:
        """What was kept under `digest`, or what `encode` gives now; who comes meanwhile waits for it."""
        with self._lock:
            future = self._kept.get(digest)
            mine = future is None
            if future is None:
                future = self._kept[digest] = Future()
                self.encoded += 1
            self._kept.move_to_end(digest)
            while len(self._kept) > self.capacity:
                self._kept.popitem(last=False)
        if mine:
            try:
                future.set_result(encode())
            except BaseException as error:
                with self._lock:
                    if self._kept.get(digest) is future:
                        del self._kept[digest]
                future.set_exception(error)
                raise
        return future.result()

    def __len__(self) -> int:
        return len(self._kept)
