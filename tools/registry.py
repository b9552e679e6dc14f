"""Find the tools and backends that installed distributions bring, without letting a broken one stop the rest.

A distribution offers them as entry points: of the groups `citrus_v.tools` (a `Tool` class),
`citrus_v.segmenters` and `citrus_v.grounders` (a class that fulfils the protocol). Each class is
called without arguments, once.
"""

import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from tools.backends import Grounder, Segmenter
from tools.tool import Arguments, Tool

TOOLS = "citrus_v.tools"
SEGMENTERS = "citrus_v.segmenters"
GROUNDERS = "citrus_v.grounders"

OWN = "citrus-v"
"""This distribution; where another claims one of its names, its own stays."""

TOOL_NAME = re.compile(r"[a-z][a-z0-9_]{1,62}[a-z0-9]")
"""Names that every chat model's interface takes, and that are module names as well."""

T = TypeVar("T")


@dataclass(frozen=True)
class Loaded(Generic[T]):
    """What could be loaded, by name in alphabetical order, and a sentence on each that could not."""

    items: dict[str, T] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class LoadedTools(Loaded[Tool]):
    """The tools that could be loaded."""

    @property
    def tools(self) -> dict[str, Tool]:
        """By name."""
        return self.items


def load_tools() -> LoadedTools:
    """Every tool that is installed and whole."""
    loaded = _load(TOOLS, _tool)
    return LoadedTools(loaded.items, loaded.problems)


def load_segmenters() -> Loaded[Segmenter]:
    """Every segmenter that is installed and whole, by the name of its entry point."""
    return _load(SEGMENTERS, _segmenter)


def load_grounders() -> Loaded[Grounder]:
    """Every grounder that is installed and whole, by the name of its entry point."""
    return _load(GROUNDERS, _grounder)


def undeclared(tool: type[Tool]) -> list[str]:
    """What a tool must declare and does not: names annotated on `Tool` without a value."""
    return [name for name in Tool.__annotations__ if not hasattr(Tool, name) and not hasattr(tool, name)]


def _load(group: str, make: Callable[[str, Any], T]) -> Loaded[T]:
    offers: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=group):
        offers.setdefault(point.name, []).append(point)
    loaded: Loaded[T] = Loaded()
    for name in sorted(offers):
        kept = _choose(offers[name], loaded.problems)
        if kept is None:
            continue
        try:
            loaded.items[name] = make(name, kept.load())
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plug-in may fail in any way
            reason = str(error) if isinstance(error, _Unfit) else f"{type(error).__name__}: {error}"
            loaded.problems.append(f"{name} of {_from(kept)} ({kept.value}) could not be loaded: {reason}")
    return loaded


def _choose(points: list[EntryPoint], problems: list[str]) -> EntryPoint | None:
    """The one entry point of a name, or our own among several; others' duplicates are all refused."""
    if len(points) == 1:
        return points[0]
    own = [point for point in points if point.dist is not None and point.dist.name == OWN]
    kept = own[0] if len(own) == 1 else None
    claims = " and ".join(sorted(_from(point) for point in points))
    fate = f"only that of {OWN} is used" if kept else "none is used; uninstall all but one"
    problems.append(f"{points[0].name} is claimed by {claims}: {fate}")
    return kept


def _from(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else "an unnamed distribution"


class _Unfit(Exception):  # noqa: N818 - a finding, told as a problem
    """A class is not what its entry point says."""


def _tool(name: str, found: Any) -> Tool:
    if not (isinstance(found, type) and issubclass(found, Tool)):
        raise _Unfit(f"{found!r} is not a subclass of tools.tool.Tool")
    if inspect.isabstract(found):
        raise _Unfit(f"it does not define {_listed(found.__abstractmethods__)}")
    if missing := undeclared(found):
        raise _Unfit(f"it does not declare {_listed(missing)}")
    if found.name != name:
        raise _Unfit(f"it calls itself {found.name!r}, its entry point {name!r}")
    if not TOOL_NAME.fullmatch(name):
        raise _Unfit(f"{name!r} is not a name of lower-case letters, digits and underscores")
    if not (isinstance(found.arguments, type) and issubclass(found.arguments, Arguments)):
        raise _Unfit(f"its arguments are {found.arguments!r}, not a subclass of tools.tool.Arguments")
    return found()


def _segmenter(_name: str, found: Any) -> Segmenter:
    made = _made(found)
    if not isinstance(made, Segmenter):
        raise _Unfit(f"{type(made).__name__} is no Segmenter: see tools.backends")
    return made


def _grounder(_name: str, found: Any) -> Grounder:
    made = _made(found)
    if not isinstance(made, Grounder):
        raise _Unfit(f"{type(made).__name__} is no Grounder: see tools.backends")
    return made


def _made(found: Any) -> Any:
    if not callable(found):
        raise _Unfit(f"{found!r} is not a class")
    return found()


def _listed(names: Iterable[str]) -> str:
    return " and ".join(sorted(names))
