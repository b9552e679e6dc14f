"""Write a new tool that works, and its test, for a developer to change."""

import keyword
from pathlib import Path
from string import Template
from typing import NamedTuple

from tools.registry import TOOL_NAME, TOOLS


class ScaffoldError(Exception):
    """The tool cannot be written under that name or in that place."""


class Skeleton(NamedTuple):
    """What was written, and the lines that make it known once they are in its `pyproject.toml`."""

    tool: Path
    test: Path
    entry_point: str


def new_tool(name: str, folder: Path) -> Skeleton:
    """Write `name`.py and test_`name`.py into `folder`; nothing is overwritten.

    Raises:
        ScaffoldError: The name cannot be that of a tool, there is no such folder, or one of the
            files exists.
    """
    if not TOOL_NAME.fullmatch(name) or keyword.iskeyword(name):
        raise ScaffoldError(
            f"{name!r} cannot be the name of a tool: 3 to 64 lower-case letters, digits and underscores, "
            "a letter first, no underscore last, and no word of Python"
        )
    if not folder.is_dir():
        raise ScaffoldError(f"there is no folder {str(folder)!r}")
    title = "".join(part.capitalize() for part in name.split("_"))
    words = {"name": name, "title": title, "words": name.replace("_", " ")}
    made = folder / f"{name}.py", folder / f"test_{name}.py"
    for path in made:
        if path.exists():
            raise ScaffoldError(f"{path} exists already")
    for path, template in zip(made, (_TOOL, _TEST), strict=True):
        with path.open("x", encoding="utf-8") as file:
            file.write(template.substitute(words))
    return Skeleton(*made, f'[project.entry-points."{TOOLS}"]\n{name} = "{name}:{title}"')


_TOOL = Template('''\
"""$title: how much of an image lies above a threshold."""

from typing import ClassVar

import numpy as np
from pydantic import Field, FiniteFloat

from knowledge.evidence import NO_SPACING, TRUNCATED, Absence, Evidence, Measurement
from knowledge.quantity import Quantity, Unit
from tools.tool import Context, ImageArguments, Tool, ToolRefusal


class ${title}Arguments(ImageArguments):
    """Every argument needs a description: it is all that a reasoner knows of it."""

    threshold: FiniteFloat = Field(description="Values above this are counted, in the image's own unit (HU for CT).")


class $title(Tool):
    """Measures what lies above a threshold."""

    name: ClassVar[str] = "$name"
    description: ClassVar[str] = (
        "Measure how much of an image is brighter than a threshold. Use it when asked for the extent of a density."
    )
    purpose: ClassVar[str] = "Measuring what is bright"
    arguments: ClassVar[type[${title}Arguments]] = ${title}Arguments
    returns: ClassVar[tuple[str, ...]] = ("measurement", "absence")
    may_be_absent: ClassVar[bool] = True
    intents: ClassVar[tuple[str, ...]] = ("How much of this image is above 300 HU?",)
    version: ClassVar[str] = "1"

    def run(self, arguments: ${title}Arguments, context: Context) -> list[Evidence]:
        """One Measurement, or an Absence where nothing is that bright.

        Raises:
            ToolRefusal: The image is in colour, which has no single value to compare.
        """
        image = context.image(arguments.image)
        if image.intensity == "colour":
            raise ToolRefusal(f"{image.id} is in colour, so its pixels have no single value.")
        volume = context.volume(image.id)
        above = volume.array > arguments.threshold
        target = f"values above {arguments.threshold:g}"
        if not above.any():
            return [Absence(image=image.id, target=target, searched=f"All pixels of {image.id}.")]

        # Without a known spacing the unit is pixels: no millimetre may come from nowhere.
        count, solid = float(np.count_nonzero(above)), image.dimensions == 3
        name, value, unit = "area", count, Unit.PX2
        if solid:
            name, unit = "volume", Unit.PX3
        if solid and volume.voxel_volume is not None:
            value, unit = count * volume.voxel_volume / 1000, Unit.ML
        elif volume.spacing is not None:
            value, unit = count * volume.spacing[1] * volume.spacing[2], Unit.MM2

        caveats = [] if volume.spacing is not None else [NO_SPACING]
        axes = range(3) if solid else (1, 2)
        if any(above.take((0, -1), axis).any() for axis in axes):
            caveats.append(TRUNCATED)
        quantity = Quantity(name=name, value=value, unit=unit, spacing=volume.spacing_source)
        return [Measurement(image=image.id, target=target, quantity=quantity, caveats=tuple(caveats))]
''')

_TEST = Template('''\
"""The tool against the contract, and against a truth that is known."""

import numpy as np
import pytest
from $name import $title

from tools.conformance import check
from tools.conformance.phantom import thorax
from tools.tool import Context, Services, ToolRefusal


def test_it_keeps_the_contract() -> None:
    report = check($title(), Services())
    assert report.ok, report.text()


def test_it_measures_what_is_there() -> None:
    body = thorax()
    case, blobs, _ = body.store()
    tool, context = $title(), Context(case, blobs)
    (found,) = tool.run(tool.admit({"image": "I1", "threshold": 200}, context), context)
    millilitres = np.count_nonzero(body.array > 200) * np.prod(body.spacing) / 1000
    assert found.quantity.value == pytest.approx(millilitres) and found.quantity.unit == "mL"


def test_it_says_when_nothing_is_there() -> None:
    case, blobs, _ = thorax().store()
    tool, context = $title(), Context(case, blobs)
    (found,) = tool.run(tool.admit({"image": "I1", "threshold": 3000}, context), context)
    assert found.kind == "absence"


def test_it_refuses_what_is_no_number() -> None:
    case, blobs, _ = thorax().store()
    with pytest.raises(ToolRefusal, match="threshold"):
        $title().admit({"image": "I1", "threshold": "bright"}, Context(case, blobs))
''')
