"""The kit passes an honest tool and catches each way of being wrong, by the check that is there for it."""

import itertools
import socket
import time
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import Field

from knowledge.case import Image, Modality
from knowledge.evidence import Absence, Confidence, Evidence, Mask, Measurement, Side, View
from knowledge.quantity import Quantity, SpacingSource, Unit
from tools.conformance import CHECKS, Report, behaviour, check
from tools.conformance.examples import example_calls, properties
from tools.conformance.kit import Kit
from tools.conformance.phantom import everything, thick_thorax, thorax
from tools.imaging.volume import Volume, store_mask
from tools.tool import Arguments, Context, ImageArguments, Services, Tool, ToolRefusal

Bits = NDArray[np.bool_]


class Lungs(Tool):
    """An honest tool: each lung of a CT by its HU, its side by the affine, its volume by the spacing."""

    name: ClassVar[str] = "find_lungs"
    description: ClassVar[str] = "Finds each lung on CT and measures its volume."
    purpose: ClassVar[str] = "Finding lungs"
    arguments: ClassVar[type[Arguments]] = ImageArguments
    modalities: ClassVar[frozenset[Modality]] = frozenset({Modality.CT})
    dimensions: ClassVar[frozenset[int]] = frozenset({3})
    returns: ClassVar[tuple[str, ...]] = ("mask", "measurement", "absence")
    may_be_absent: ClassVar[bool] = True
    version: ClassVar[str] = "1"

    def run(self, arguments: Any, context: Context) -> list[Evidence]:
        volume = context.volume(arguments.image)
        lung = (volume.array > -900) & (volume.array < -800)
        if not lung.any():
            return self.nothing(arguments.image, volume)
        items: list[Evidence] = []
        for side, bits in self.sides(volume, lung):
            items.append(self.mask(arguments.image, side, bits, volume, context))
            items.append(self.measurement(arguments.image, side, bits, volume))
        return items

    def nothing(self, image: str, volume: Volume) -> list[Evidence]:
        return [Absence(image=image, target="lung", searched="All voxels from -900 to -800 HU.")]

    def sides(self, volume: Volume, lung: Bits) -> list[tuple[Side | None, Bits]]:
        if volume.affine is None:
            return [(None, lung)]
        left = np.zeros_like(lung)
        where = np.argwhere(lung)
        left[tuple(where[volume.to_lps(where[:, ::-1])[:, 0] > 0].T)] = True
        return [(Side.LEFT, lung & left), (Side.RIGHT, lung & ~left)]

    def mask(self, image: str, side: Side | None, bits: Bits, volume: Volume, context: Context) -> Mask:
        where = np.argwhere(bits)
        (k0, y0, x0), (k1, y1, x1) = where.min(axis=0).tolist(), (where.max(axis=0) + 1).tolist()
        blob = store_mask(bits, volume, context.blobs)
        return Mask(
            image=image, target="lung", side=side, blob=blob, voxels=len(where), box=(x0, y0, x1, y1), slices=(k0, k1)
        )

    def measurement(self, image: str, side: Side | None, bits: Bits, volume: Volume) -> Measurement:
        return Measurement(image=image, target="lung", side=side, quantity=self.quantity(bits, volume))

    def quantity(self, bits: Bits, volume: Volume) -> Quantity:
        voxels = float(np.count_nonzero(bits))
        if volume.voxel_volume is None:
            return Quantity(name="volume", value=voxels, unit=Unit.PX3)
        millilitres = voxels * volume.voxel_volume / 1000
        return Quantity(name="volume", value=millilitres, unit=Unit.ML, spacing=volume.spacing_source)


def run(tool: Tool) -> Report:
    return check(tool, Services())


def faults(tool: Tool, name: str) -> str:
    """What the check of that name finds."""
    found = "\n".join(CHECKS[name](Kit(tool, Services())))
    assert found, f"{name} found nothing"
    return found


def test_an_honest_tool_keeps_the_contract() -> None:
    report = run(Lungs())
    assert report.ok, report.text()
    applied = {finding.check for finding in report.findings if finding.outcome == "passed"}
    assert applied == set(CHECKS) - {"empty mask"}
    assert report.calls > 40 and report.seconds > 0 and report.peak_bytes > 2**20
    assert report.text().startswith("find_lungs 1 keeps the contract (")


def test_sides_by_the_column_of_the_array() -> None:
    class Mirrored(Lungs):
        def sides(self, volume: Volume, lung: Bits) -> list[tuple[Side | None, Bits]]:
            if volume.affine is None:
                return [(None, lung)]
            left = np.zeros_like(lung)
            left[:, :, lung.shape[2] // 2 :] = True
            return [(Side.LEFT, lung & left), (Side.RIGHT, lung & ~left)]

    found = faults(Mirrored(), "flips")
    assert "flipped columns" in found and "the mask lung left lies elsewhere (Dice 0.00)" in found
    assert "flipped rows" not in found


def test_sides_without_an_orientation() -> None:
    class Guessing(Lungs):
        def sides(self, volume: Volume, lung: Bits) -> list[tuple[Side | None, Bits]]:
            return [(Side.LEFT, lung)] if volume.affine is None else super().sides(volume, lung)

    assert "side left, but the orientation is unknown" in faults(Guessing(), "missing spacing")


def test_columns_taken_for_left_and_right_in_every_plane() -> None:
    class AxialOnly(Lungs):
        def sides(self, volume: Volume, lung: Bits) -> list[tuple[Side | None, Bits]]:
            if volume.affine is None:
                return [(None, lung)]
            left = np.zeros_like(lung)
            middle = lung.shape[2] // 2
            left[:, :, slice(middle, None) if volume.affine[0, 0] > 0 else slice(middle)] = True
            return [(side, bits) for side, bits in ((Side.LEFT, lung & left), (Side.RIGHT, lung & ~left)) if bits.any()]

    tool = AxialOnly()
    assert not list(CHECKS["flips"](Kit(tool, Services())))
    assert "axes in the order (1, 2, 0)" in faults(tool, "axes")


def test_millimetres_without_spacing() -> None:
    class Assuming(Lungs):
        def quantity(self, bits: Bits, volume: Volume) -> Quantity:
            millilitres = float(np.count_nonzero(bits)) * (volume.voxel_volume or 1.0) / 1000
            return Quantity(name="volume", value=millilitres, unit=Unit.ML, spacing=SpacingSource.HEADER)

    assert "but the pixel size is unknown" in faults(Assuming(), "missing spacing")


def test_millimetres_in_words() -> None:
    class Wordy(Lungs):
        returns = (*Lungs.returns, "view")

        def run(self, arguments: Any, context: Context) -> list[Evidence]:
            png = b"\x89PNG\r\n\x1a\n"
            blob = context.blobs.put(png)
            return [View(image=arguments.image, blob=blob, description="A slab of 5 mm")]

    assert "says 'A slab of 5 mm'" in faults(Wordy(), "missing spacing")
    assert "UnidentifiedImageError" in faults(Wordy(), "answers")


def test_one_spacing_for_all_axes() -> None:
    class Cubic(Lungs):
        def quantity(self, bits: Bits, volume: Volume) -> Quantity:
            if volume.spacing is None:
                return super().quantity(bits, volume)
            millilitres = float(np.count_nonzero(bits)) * volume.spacing[0] ** 3 / 1000
            return Quantity(name="volume", value=millilitres, unit=Unit.ML, spacing=volume.spacing_source)

    report = run(Cubic())
    assert set(report.failed()) == {"anisotropic spacing"}
    assert "volume mL was" in report.failed()["anisotropic spacing"][0]


def test_nondeterminism() -> None:
    class Wavering(Lungs):
        counter: ClassVar[Any] = itertools.count()

        def measurement(self, image: str, side: Side | None, bits: Bits, volume: Volume) -> Measurement:
            sure = Confidence(value=next(self.counter) % 1000 / 1000, method="a guess")
            return super().measurement(image, side, bits, volume).model_copy(update={"confidence": sure})

    report = run(Wavering())
    assert set(report.failed()) == {"determinism"}
    assert "in another conversation" in report.failed()["determinism"][0]


def test_state_kept_between_calls() -> None:
    class Remembering(Lungs):
        seen: ClassVar[set[int]] = set()

        def run(self, arguments: Any, context: Context) -> list[Evidence]:
            again = id(context) in self.seen
            self.seen.add(id(context))
            return [] if again else super().run(arguments, context)

    assert "asked again in one conversation" in faults(Remembering(), "determinism")


class _Level(ImageArguments):
    level: int | None = Field(default=None, description="A level.")


def test_a_schema_that_calls_optional_what_is_needed() -> None:
    class Needy(Lungs):
        arguments = _Level

        def run(self, arguments: Any, context: Context) -> list[Evidence]:
            return super().run(arguments, context) if arguments.level + 1 else []

    assert "TypeError" in faults(Needy(), "answers")


def test_a_schema_that_allows_what_validation_refuses() -> None:
    class Liar(ImageArguments):
        mode: str = Field(description="A mode.", json_schema_extra={"enum": ["fast", "slow"]}, pattern="^[0-9]+$")

    class Lying(Lungs):
        arguments = Liar

    assert "no call could be made from the schema" in faults(Lying(), "schema")


def test_a_schema_that_hides_an_argument() -> None:
    class Hidden(_Level):
        @classmethod
        def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
            schema = super().model_json_schema(*args, **kwargs)
            del schema["properties"]["level"]
            return schema

    class Hiding(Lungs):
        arguments = Hidden

    assert "the schema offers image; it takes image, level" in faults(Hiding(), "schema")


def test_a_schema_without_words_or_with_room_for_more() -> None:
    class Mute(ImageArguments, extra="ignore"):
        level: int = 3

    class Silent(Lungs):
        arguments = Mute

    found = faults(Silent(), "schema")
    assert "argument level has no description" in found and "unknown arguments are not refused" in found


def test_a_fault_on_an_empty_image() -> None:
    class Fragile(Lungs):
        def nothing(self, image: str, volume: Volume) -> list[Evidence]:
            np.zeros(0).min()
            return []

    report = run(Fragile())
    assert set(report.failed()) == {"blank image"}
    assert "blank CT" in report.failed()["blank image"][0] and "ValueError" in report.failed()["blank image"][0]


def test_a_silent_zero() -> None:
    class Zero(Lungs):
        def nothing(self, image: str, volume: Volume) -> list[Evidence]:
            return [self.measurement(image, None, np.zeros(volume.shape, np.bool_), volume)]

    report = run(Zero())
    assert set(report.failed()) == {"blank image"}
    assert "a silent zero" in report.failed()["blank image"][0]


def test_an_undeclared_absence() -> None:
    class Denying(Lungs):
        may_be_absent = False
        returns = ("mask", "measurement")

    assert "declares that it never does" in faults(Denying(), "blank image")


def test_what_is_declared() -> None:
    class Vague(Lungs):
        name = "Find-Lungs"
        description = "Lungs."
        purpose = " "
        returns = ("mask", "measurement", "opinion")
        dimensions = frozenset({3, 4})
        consent = "Needs a network"

    found = faults(Vague(), "declaration")
    for word in ("Find-Lungs", "description", "purpose", "opinion", "[3, 4]", "not a question", "may_be_absent"):
        assert word in found


def test_what_is_not_declared() -> None:
    class Bare(Tool):
        def run(self, arguments: Any, context: Context) -> list[Evidence]:
            return []

    (fault,) = run(Bare()).failed()["declaration"]
    assert "name, description, purpose, arguments, returns, version" in fault


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"id": "E7"}, "which filing sets"),
        ({"produced_by": "me"}, "which filing sets"),
        ({"image": None}, "the call was about I1"),
        ({"caveats": ("", "a")}, "empty or a repeated caveat"),
        ({"caveats": ("a", "a")}, "empty or a repeated caveat"),
        ({"voxels": 3}, "it says 3"),
        ({"box": (0, 0, 1, 1)}, "it says otherwise"),
        ({"confidence": Confidence(value=1, method=" ")}, "without a method"),
    ],
)
def test_unsound_evidence(change: dict[str, Any], words: str) -> None:
    class Unsound(Lungs):
        def mask(self, *args: Any) -> Mask:
            return super().mask(*args).model_copy(update=change)

    assert words in faults(Unsound(), "answers")


def test_a_kind_that_is_not_declared() -> None:
    class Secretive(Lungs):
        returns = ("mask", "absence")

    assert "it returned measurement, but declares mask, absence" in faults(Secretive(), "answers")


def test_no_answer_at_all() -> None:
    class Refusing(Lungs):
        def run(self, arguments: Any, context: Context) -> list[Evidence]:
            raise ToolRefusal("Not today.")

    assert "no example call was answered; the first: Not today." in faults(Refusing(), "answers")


def test_an_image_that_is_not_checked() -> None:
    class Careless(Lungs):
        def _admit_image(self, image: Image) -> None:
            pass

    found = faults(Careless(), "wrong image")
    assert "MR: it was admitted" in found and "photograph: it was admitted" in found


def test_an_image_argument_that_the_contract_does_not_know() -> None:
    class Loose(Arguments):
        image: str = Field(description="Id of the image.")

    class Unchecked(Lungs):
        arguments = Loose

    assert "no ImageArguments" in faults(Unchecked(), "schema")
    assert "MR: it was admitted" in faults(Unchecked(), "wrong image")


class _Of(ImageArguments):
    mask: str = Field(description="Evidence id of a mask.")


class Size(Lungs):
    """Honest in what it measures; `read` is what the wrong ones change."""

    arguments = _Of
    returns = ("measurement",)
    may_be_absent = False
    modalities = frozenset()
    dimensions = frozenset({2, 3})

    def run(self, arguments: Any, context: Context) -> list[Evidence]:
        evidence = context.find(arguments.mask)
        if not isinstance(evidence, Mask):
            raise ToolRefusal(f"{evidence.id} is not a mask.")
        bits = context.mask(evidence)
        if not bits.any():
            raise ToolRefusal(f"{evidence.id} is empty.")
        volume = context.volume(arguments.image)
        return [self.measurement(arguments.image, evidence.side, bits, volume)]


def test_an_honest_tool_on_evidence() -> None:
    report = run(Size())
    assert report.ok, report.text()
    assert {finding.check: finding.outcome for finding in report.findings}["empty mask"] == "passed"


def test_an_empty_mask_measured_as_zero() -> None:
    class Zero(Size):
        def run(self, arguments: Any, context: Context) -> list[Evidence]:
            evidence = context.find(arguments.mask)
            if not isinstance(evidence, Mask):
                raise ToolRefusal("That is not a mask.")
            volume = context.volume(arguments.image)
            return [self.measurement(arguments.image, evidence.side, context.mask(evidence), volume)]

    report = run(Zero())
    assert set(report.failed()) == {"empty mask"}
    assert "a silent zero" in report.failed()["empty mask"][0]


def test_an_unknown_id_as_a_fault() -> None:
    class Direct(Size):
        def run(self, arguments: Any, context: Context) -> list[Evidence]:
            context.evidence[arguments.mask]
            return super().run(arguments, context)

    assert "mask='E999': KeyError" in faults(Direct(), "unknown ids")


def test_an_unknown_id_that_is_answered() -> None:
    class Lenient(Size):
        def run(self, arguments: Any, context: Context) -> list[Evidence]:
            known = arguments.mask if arguments.mask in context.evidence else "E1"
            return super().run(arguments.model_copy(update={"mask": known}), context)

    assert "mask='E999' was answered" in faults(Lenient(), "unknown ids")


def test_hostile_arguments() -> None:
    class Weak(Lungs):
        arguments = _Level

        def run(self, arguments: Any, context: Context) -> list[Evidence]:
            np.zeros(3)[arguments.level or 0]
            return super().run(arguments, context)

    assert "IndexError" in faults(Weak(), "hostile arguments")


def test_nonsense_that_takes_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(Lungs):
        arguments = _Level

        def run(self, arguments: Any, context: Context) -> list[Evidence]:
            if arguments.level == -1:
                time.sleep(0.8)
            return super().run(arguments, context)

    monkeypatch.setattr(behaviour, "_PATIENCE", 0.7)
    assert "level=-1 kept it busy" in faults(Slow(), "hostile arguments")


@pytest.mark.parametrize("reach", ["connect", "look up"])
def test_a_network_without_consent(reach: str) -> None:
    class Chatty(Lungs):
        def run(self, arguments: Any, context: Context) -> list[Evidence]:
            try:
                if reach == "connect":
                    with socket.socket() as line:
                        line.connect(("192.0.2.1", 80))
                else:
                    socket.create_connection(("archive.invalid", 443))
            except OSError:
                pass
            return super().run(arguments, context)

    class Asking(Chatty):
        consent = "May the lungs be sent to the archive?"

    report = run(Chatty())
    assert set(report.failed()) == {"consent"}
    assert ("192.0.2.1" if reach == "connect" else "archive.invalid") in report.failed()["consent"][0]
    assert run(Asking()).ok
    assert socket.socket.connect is not None and socket.getaddrinfo("127.0.0.1", 80)


def test_a_tools_own_examples_are_used() -> None:
    class Exemplary(Size):
        examples: ClassVar[tuple[dict[str, Any], ...]] = ({"image": "any", "mask": "E3"}, {"image": "", "mask": "E77"})

    kit = Kit(Exemplary(), Services())
    assert kit.calls(thorax()) == [{"image": "I1", "mask": "E3"}]


def test_calls_follow_the_schema() -> None:
    class Rich(ImageArguments):
        of: list[str] = Field(default=[], description="Evidence ids of masks.")
        heart: str | None = Field(default=None, description="Evidence id of the heart's mask.")
        mode: Side | None = Field(default=None, description="A side.")
        count: int = Field(description="How many.", ge=2)

    class Busy(Size):
        arguments = Rich

    tool = Busy()
    known = {one.name: one for one in properties(tool)}
    assert known["of"].many and known["of"].is_evidence and not known["mode"].is_evidence
    case, _, evidence = thorax().store()
    calls = example_calls(tool, Services(), case.images[0], evidence)
    assert calls[0] == {"image": "I1", "count": 2}
    assert {"image": "I1", "count": 2, "heart": "E3"} in calls
    assert {call["mode"] for call in calls if "mode" in call} == {side.value for side in Side}
    assert all(tool.arguments.model_validate(call) for call in calls)


def test_the_phantom_stays_itself() -> None:
    body = thorax()
    for other in (*(body.flipped(axis) for axis in range(3)), body.turned((1, 2, 0))):
        assert body.affine is not None and other.affine is not None
        for one, same in zip(body.structures, other.structures, strict=True):
            places = [
                np.c_[np.argwhere(bits)[:, ::-1], np.ones(bits.sum())] @ matrix.T
                for bits, matrix in ((one.bits, body.affine), (same.bits, other.affine))
            ]
            assert np.allclose(places[0].mean(axis=0), places[1].mean(axis=0)), other.name
        case, blobs, _ = other.store()
        volume = Volume.load(case.images[0], blobs)
        assert np.array_equal(volume.array, other.array)
    right, left = body.structures[0].bits, body.structures[1].bits
    thick = thick_thorax().structures[0].bits
    assert right.sum() > 1.2 * left.sum()
    assert abs(thick.sum() / right.sum() - 1) < 0.03


def test_phantoms_say_what_they_do_not_know() -> None:
    known: Mapping[str, Any] = {one.name: one.image("0" * 64) for one in everything()}
    assert known["CT"].spacing == (5.0, 5.0, 5.0) and known["CT"].plane == "axial"
    assert known["film without spacing"].spacing is None and known["film without spacing"].view == "PA"
    assert known["photograph"].channels == 3
    assert thorax().turned((1, 0, 2)).image("0" * 64).plane == "coronal"
