"""Plug-ins are found as installed distributions; a broken one harms nobody else."""

import importlib
import sys
from pathlib import Path

import pytest

from tools.registry import load_grounders, load_segmenters, load_tools

GOOD = """
from tools.tool import Arguments, Tool

class Count(Tool):
    name = "{name}"
    description = "Counts nothing, for a test."
    purpose = "Counting"
    arguments = Arguments
    returns = ("absence",)
    version = "1"

    def run(self, arguments, context):
        return []

class Unfinished(Tool):
    name = "{name}"

class Undeclared(Tool):
    name = "{name}"

    def run(self, arguments, context):
        return []

class Misnamed(Count):
    name = "other"

class Unschooled(Count):
    arguments = dict

class Broken(Count):
    def __init__(self):
        raise RuntimeError("no weights here")

class Seer:
    name = "seer"
    version = "1"

    def targets(self):
        return ()

    def segment(self, image, volume, targets):
        return []

    def ground(self, image, volume, target):
        return []

class Blind:
    name = "blind"

NUMBER = 3
"""


class Plugins:
    """Distributions laid out as an installer leaves them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, dist: str, group: str, points: dict[str, str], source: str | None = None) -> None:
        module = dist.replace("-", "_")
        for name, value in points.items():
            (self.folder / f"{module}.py").write_text((source or GOOD).replace("{name}", name), encoding="utf-8")
            points[name] = value.replace("MODULE", module)
        info = self.folder / f"{module}-2.1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: 2.1\n", encoding="utf-8")
        lines = "".join(f"{name} = {value}\n" for name, value in points.items())
        (info / "entry_points.txt").write_text(f"[{group}]\n{lines}", encoding="utf-8")


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plugins:
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    before = set(sys.modules)
    yield Plugins(tmp_path)
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(sys.modules[name].__file__):
            del sys.modules[name]


def test_finds_a_tool(plugins: Plugins) -> None:
    plugins.install("stone-counter", "citrus_v.tools", {"count_stones": "MODULE:Count"})
    loaded = load_tools()
    assert loaded.tools["count_stones"].purpose == "Counting"
    assert not [problem for problem in loaded.problems if "stone" in problem]
    assert list(loaded.tools) == sorted(loaded.tools)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("MODULE:Unfinished", "does not define run"),
        ("MODULE:Undeclared", "does not declare arguments and description and purpose and returns and version"),
        ("MODULE:Misnamed", "calls itself 'other', its entry point 'count_stones'"),
        ("MODULE:Unschooled", "not a subclass of tools.tool.Arguments"),
        ("MODULE:Broken", "RuntimeError: no weights here"),
        ("MODULE:NUMBER", "3 is not a subclass"),
        ("MODULE:Seer", "is not a subclass"),
        ("MODULE:Nobody", "AttributeError"),
        ("nowhere_to_be_found:Count", "ModuleNotFoundError"),
    ],
)
def test_a_broken_tool_is_named_and_the_others_load(plugins: Plugins, value: str, reason: str) -> None:
    plugins.install("good-one", "citrus_v.tools", {"good_tool": "MODULE:Count"})
    plugins.install("stone-counter", "citrus_v.tools", {"count_stones": value})
    loaded = load_tools()
    (problem,) = [problem for problem in loaded.problems if "count_stones" in problem]
    assert "stone-counter 2.1" in problem and reason in problem
    assert "count_stones" not in loaded.tools and "good_tool" in loaded.tools


@pytest.mark.parametrize("source", ["import sys\nsys.exit(3)", "def (", "1 / 0"])
def test_a_module_that_fails_on_import(plugins: Plugins, source: str) -> None:
    plugins.install("good-one", "citrus_v.tools", {"good_tool": "MODULE:Count"})
    plugins.install("stone-counter", "citrus_v.tools", {"count_stones": "MODULE:Count"}, source)
    loaded = load_tools()
    assert any("stone-counter 2.1" in problem for problem in loaded.problems)
    assert "good_tool" in loaded.tools


def test_a_name_that_models_cannot_call(plugins: Plugins) -> None:
    plugins.install("shouter", "citrus_v.tools", {"Count-Stones": "MODULE:Count"})
    assert any("lower-case" in problem for problem in load_tools().problems)


def test_duplicates_are_refused(plugins: Plugins) -> None:
    plugins.install("one", "citrus_v.tools", {"count_stones": "MODULE:Count"})
    plugins.install("two", "citrus_v.tools", {"count_stones": "MODULE:Count"})
    loaded = load_tools()
    assert "count_stones" not in loaded.tools
    assert "count_stones is claimed by one 2.1 and two 2.1: none is used; uninstall all but one" in loaded.problems


def test_nobody_takes_our_own_names(plugins: Plugins) -> None:
    plugins.install("citrus-v", "citrus_v.tools", {"count_stones": "MODULE:Count"})
    plugins.install("two", "citrus_v.tools", {"count_stones": "MODULE:Count"})
    loaded = load_tools()
    assert type(loaded.tools["count_stones"]).__module__ == "citrus_v"
    assert any("only that of citrus-v is used" in problem for problem in loaded.problems)


def test_backends(plugins: Plugins) -> None:
    plugins.install("seer", "citrus_v.segmenters", {"seer": "MODULE:Seer", "blind": "MODULE:Blind"})
    plugins.install("seer-too", "citrus_v.grounders", {"seer": "MODULE:Seer", "broken": "MODULE:NUMBER"})
    segmenters, grounders = load_segmenters(), load_grounders()
    assert segmenters.items["seer"].name == "seer" and grounders.items["seer"].version == "1"
    assert any("Blind is no Segmenter" in problem for problem in segmenters.problems)
    assert any("3 is not a class" in problem for problem in grounders.problems)
