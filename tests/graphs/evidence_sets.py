"""Sets of evidence about made-up structures, and the sentences a doctor may write from them."""

# ruff: noqa: E501 - sentences stand in one line, as they are read

from dataclasses import dataclass

from hypothesis import strategies as st

from knowledge.case import Case, Image, Modality, Origin
from knowledge.evidence import (
    NO_SPACING,
    TRUNCATED,
    Absence,
    Criterion,
    Evidence,
    Limitation,
    Mask,
    Measurement,
    Passage,
    Side,
    Source,
    Statement,
    Status,
)
from knowledge.quantity import Quantity, SpacingSource, Unit
from knowledge.threshold import Threshold

BLOB = "a" * 64


def image(name: str = "I1", modality: Modality = Modality.CT) -> Image:
    return Image(
        id=name,
        label="image",
        format="nifti",
        modality=modality,
        modality_origin=Origin.HEADER,
        shape=(50, 64, 64),
        intensity="HU",
        pixels=BLOB,
        content=BLOB,
    )


CASE = Case(images=(image(),))
SOURCE = Source(title="Guideline of the chest", organisation="Fleischner Society", year=2017, doi="10.1148/radiol.1")


def quantity(name: str, value: float, unit: Unit, low: float | None = None, high: float | None = None) -> Quantity:
    spacing = SpacingSource.HEADER if unit.physical else SpacingSource.NONE
    return Quantity(name=name, value=value, unit=unit, low=low, high=high, spacing=spacing)


def measured(
    name: str,
    target: str,
    what: Quantity,
    side: Side | None = None,
    caveats: tuple[str, ...] = (),
) -> Measurement:
    return Measurement(id=name, image="I1", target=target, side=side, quantity=what, caveats=caveats)


def passage(name: str, text: str, *thresholds: Threshold, title: str = "Reference") -> Passage:
    return Passage(id=name, card=name, title=title, text=text, source=SOURCE, thresholds=thresholds, relevance=1.0)


def ids(*items: Evidence) -> dict[str, Evidence]:
    return {item.id: item for item in items}


ORGANS = ("lung", "kidney", "hippocampus", "adrenal gland", "lateral ventricle", "femoral head")
ABSENT = ("spleen", "pancreas", "nodule", "pleural effusion", "gallbladder")
IMPOSSIBLE = ("liver", "aorta", "thyroid", "prostate")


@dataclass(frozen=True)
class Findings:
    """What one made-up conversation established."""

    organ: str
    left: Measurement
    right: Measurement
    long: Measurement
    short: Measurement
    mean: Measurement
    cut: Measurement
    pixels: Measurement
    mask: Mask
    absence: Absence
    limitation: Limitation
    reference: Passage
    heart: Measurement
    limit: Passage
    statement: Statement
    verdict: Criterion

    @property
    def evidence(self) -> dict[str, Evidence]:
        return ids(*(getattr(self, name) for name in self.__dataclass_fields__ if name != "organ"))


def _interval(value: float, share: float) -> tuple[float, float]:
    width = abs(value) * share
    return value - width, value + width


@st.composite
def findings(draw: st.DrawFn) -> Findings:
    """A conversation about one paired organ, a lesion, and what was absent or impossible."""
    organ = draw(st.sampled_from(ORGANS))
    left, right = (draw(st.floats(5, 3000)) for _ in range(2))
    long = draw(st.floats(8, 90))
    short = long * draw(st.floats(0.3, 0.7))
    share = draw(st.floats(0.02, 0.2))
    mean = draw(st.floats(-950, 300))
    pixels = draw(st.floats(20, 5000))
    first = draw(st.integers(0, 30))
    slices = (first, first + draw(st.integers(5, 19)))
    ratio = draw(st.floats(0.3, 0.7).filter(lambda value: abs(value - 0.5) > 0.02))
    absent, impossible = draw(st.sampled_from(ABSENT)), draw(st.sampled_from(IMPOSSIBLE))
    normal = draw(st.integers(2, 9))
    names = iter(f"E{number}" for number in draw(st.permutations(range(1, 17))))

    def of(target: str, name: str, value: float, unit: Unit, side: Side | None, *caveats: str) -> Measurement:
        what = quantity(name, value, unit, *_interval(value, share))
        return measured(next(names), target, what, side, caveats)

    heart = of("heart", "cardiothoracic ratio", ratio, Unit.ONE, None).model_copy(
        update={"quantity": quantity("cardiothoracic ratio", ratio, Unit.ONE, ratio - 0.01, ratio + 0.01)}
    )
    above = Threshold(name="cardiothoracic ratio, enlarged heart", comparison=">", value=0.5, unit="1")
    limit = passage(
        next(names),
        "On a frontal film a cardiothoracic ratio above 0.5 means that the heart is enlarged.",
        above,
        title="Size of the heart",
    )
    return Findings(
        organ=organ,
        left=of(f"left {organ}", "volume", left, Unit.ML, Side.LEFT),
        right=of(f"right {organ}", "volume", right, Unit.ML, Side.RIGHT),
        long=of("lesion", "long axis", long, Unit.MM, None),
        short=of("lesion", "short axis", short, Unit.MM, None),
        mean=of(f"right {organ}", "mean", mean, Unit.HU, Side.RIGHT),
        cut=of(f"left {organ}", "area", left * 7, Unit.MM2, Side.LEFT, TRUNCATED),
        pixels=of("nucleus", "area", pixels, Unit.PX2, None, NO_SPACING),
        mask=Mask(
            id=next(names), image="I1", target=f"right {organ}", side=Side.RIGHT, blob=BLOB, voxels=999, box=(1, 2, 30, 40),
            slices=slices,
        ),
        absence=Absence(id=next(names), image="I1", target=absent, searched="all 50 slices, by the rules for CT"),
        limitation=Limitation(
            id=next(names), image="I1", tool="segment", target=impossible, reason=f"no segmenter knows the {impossible}",
            known=("body", "bone", "fat"),
        ),
        reference=passage(
            next(names),
            f"In adults the normal volume of both lungs is about {normal} L. "
            "A solid nodule smaller than 6 mm needs no routine follow-up. "
            "A node with a short axis of 10 mm or more is abnormal.",
        ),
        heart=heart,
        limit=limit,
        verdict=Criterion(
            id=next(names), image="I1", name="cardiothoracic ratio above 0.5", category="enlarged heart", target="heart",
            status=Status.MET if ratio > 0.5 else Status.NOT_MET, limit=above, quantity=heart.quantity,
            of=(heart.id, limit.id),
        ),
        statement=Statement(id=next(names), speaker="clinician", text="The patient coughs and has a 3 cm scar on the left."),
    )  # fmt: skip


def printed(item: Measurement, decimals: int | None = None) -> str:
    """Value and unit as a reader sees them."""
    what = item.quantity
    places = what.decimals if decimals is None else decimals
    return f"{what.value:.{places}f} {what.unit.label}".rstrip()


def interval(item: Measurement) -> str:
    what = item.quantity
    assert what.low is not None and what.high is not None
    return f"{what.low:.{what.decimals}f} to {what.high:.{what.decimals}f}"


def sound(f: Findings) -> list[str]:
    """Sentences in the ways doctors write, each carried by what it cites."""
    o, left, right, lo, sh = f.organ, f.left, f.right, f.long, f.short
    label, slices = right.quantity.unit.label, f.mask.slices
    enlarged = "enlarged" if f.heart.quantity.value > 0.5 else "not enlarged"
    exceeds = "exceeds" if f.heart.quantity.value > 0.5 else "does not exceed"
    absent, impossible = f.absence.target, f.limitation.target
    above = "above" if f.heart.quantity.value > 0.5 else "below"
    normal = f.reference.text.split(" is about ")[1].split(".")[0]
    return [
        f"The left {o} measures {left.quantity.text()} [{left.id}].",
        f"The left {o} measures {printed(left)} ({interval(left)}). [{left.id}]",
        f"The left {o} has a volume of {printed(left)} [{left.id}].",
        f"Volume of the left {o}: {printed(left)} (uncertainty {interval(left)} {label}) [{left.id}].",
        f"The volume of the right {o} is {printed(right)}, with an uncertainty interval of {interval(right)} {label} [{right.id}].",
        f"The right {o} volume was estimated at about {printed(right)} [{right.id}].",
        f"The left {o} measures {printed(left)} and the right {o} {printed(right)} [{left.id}, {right.id}].",
        f"The left {o} measures {printed(left)} [{left.id}] and the right {o} measures {printed(right)} [{right.id}].",
        f"The left and right {o} measure {printed(left)} and {printed(right)}, respectively [{left.id}, {right.id}].",
        f"Volumes are {printed(left)} (left {o}) and {printed(right)} (right {o}) [{left.id}, {right.id}].",
        f"Left {o} {printed(left)}, right {o} {printed(right)} [{left.id}, {right.id}].",
        f"On the left, the {o} has a volume of {printed(left)}; on the right, {printed(right)} [{left.id}, {right.id}].",
        f"- **Left {o}**: {printed(left)} [{left.id}]\n- **Right {o}**: {printed(right)} [{right.id}]",
        f"| Structure | Volume |\n|---|---|\n| Left {o} | {printed(left)} [{left.id}] |\n| Right {o} | {printed(right)} [{right.id}] |",
        f"## Right {o}\n\nThe volume is {printed(right)} [{right.id}].",
        f"In the right {o} the mean attenuation is {printed(f.mean)} [{f.mean.id}].",
        f"The mean density of the right {o} is {printed(f.mean)} ({interval(f.mean)} HU) [{f.mean.id}].",
        f"The right {o} has a volume of {printed(right)} and a mean attenuation of {printed(f.mean)} [{right.id}, {f.mean.id}].",
        f"The lesion measures {lo.quantity.value:.1f} x {sh.quantity.value:.1f} mm [{lo.id}, {sh.id}].",
        f"The lesion measures {lo.quantity.value:.1f} mm × {sh.quantity.value:.1f} mm [{lo.id}, {sh.id}].",
        f"The lesion has a long axis of {printed(lo)} and a short axis of {printed(sh)} [{lo.id}, {sh.id}].",
        f"Its long axis is {lo.quantity.value / 10:.1f} cm [{lo.id}].",
        f"The longest diameter of the lesion is {printed(lo)} (range {interval(lo)} mm) [{lo.id}].",
        f"The short axis of the lesion measures {printed(sh)} [{sh.id}].",
        f"The right {o} spans slices {slices[0] + 1} to {slices[1]} [{f.mask.id}].",
        f"The right {o} was segmented and is present on this CT [{f.mask.id}].",
        f"The left {o} is cut off by the edge of the field of view [{f.cut.id}].",
        f"The left {o} is truncated at the border of the image, so the whole may be larger [{f.cut.id}].",
        f"The left {o} is only partly included in the field of view [{f.cut.id}].",
        f"Because it is cut off by the edge of the field of view, the area of the left {o} cannot be compared with a normal value [{f.cut.id}].",
        f"A comparison of the left {o} with the normal range is not possible, since it is cut off [{f.cut.id}].",
        f"The area of the left {o} in the field of view is {printed(f.cut)}, which is cut off [{f.cut.id}].",
        f"The area of the left {o} is at least {printed(f.cut)}, since it is cut off by the field of view [{f.cut.id}].",
        f"The nucleus has an area of {f.pixels.quantity.value:.{f.pixels.quantity.decimals}f} px² [{f.pixels.id}].",
        f"The size of a pixel is unknown, so the area of the nucleus is given in pixels [{f.pixels.id}].",
        f"No {f.absence.target} is seen [{f.absence.id}].",
        f"There is no {f.absence.target} in the field of view [{f.absence.id}].",
        f"There is no evidence of a {f.absence.target} [{f.absence.id}].",
        f"The {f.absence.target} is absent [{f.absence.id}].",
        f"A {f.absence.target} was looked for and was not found [{f.absence.id}].",
        f"The {f.absence.target} could not be identified on this image [{f.absence.id}].",
        f"No {f.absence.target} is present, and the right {o} measures {printed(right)} [{f.absence.id}, {right.id}].",
        f"The {f.limitation.target} cannot be segmented here: {f.limitation.reason} [{f.limitation.id}].",
        f"It is not possible to measure the {f.limitation.target}; what can be segmented is body, bone and fat [{f.limitation.id}].",
        f"I cannot assess the {f.limitation.target} because no segmenter knows it [{f.limitation.id}].",
        f"In adults the normal volume of both lungs is about {normal} [{f.reference.id}].",
        f"According to the Fleischner Society (2017), a solid nodule smaller than 6 mm needs no routine follow-up [{f.reference.id}].",
        f'The guideline states: "A solid nodule smaller than 6 mm needs no routine follow-up." [{f.reference.id}]',
        f"Solid nodules smaller than 6 mm need no routine follow-up [{f.reference.id}].",
        f"A node with a short axis of 10 mm or more is abnormal [{f.reference.id}].",
        f"The cardiothoracic ratio is {printed(f.heart, 2)} [{f.heart.id}].",
        f"With a cardiothoracic ratio of {printed(f.heart, 2)}, the heart is {enlarged} [{f.heart.id}, {f.limit.id}].",
        f"The cardiothoracic ratio of {printed(f.heart, 2)} is {above} the limit of 0.5 [{f.heart.id}, {f.limit.id}].",
        f"The heart is {enlarged}, since the cardiothoracic ratio is {printed(f.heart, 2)} [{f.heart.id}, {f.limit.id}].",
        f"The clinician reports a 3 cm scar on the left [{f.statement.id}].",
        f'The clinician said: "The patient coughs" [{f.statement.id}].',
        f"The estimated volume of the left {o} is {printed(left)} [{left.id}].",
        f"Left {o}: volume {printed(left)} [{left.id}].",
        f"We measured a volume of {printed(left)} for the left {o} [{left.id}].",
        f"The left {o} is {printed(left)} in volume [{left.id}].",
        f"The segmented left {o} occupies {printed(left)} [{left.id}].",
        f"On the left side, the {o} volume is {printed(left)} [{left.id}].",
        f"For the right {o}, the volume amounts to {printed(right)} [{right.id}].",
        f"The right {o} has an estimated volume of approximately {printed(right)} (interval: {interval(right)} mL) [{right.id}].",
        f"The right {o} volume lies between {interval(right).replace(' to ', ' and ')} mL [{right.id}].",
        f"The volume of the right {o} ranges from {interval(right)} mL, with a best estimate of {printed(right)} [{right.id}].",
        f"The {o} measures {printed(left)} on the left and {printed(right)} on the right [{left.id}, {right.id}].",
        f"The {o} volume is {printed(left)} (left) and {printed(right)} (right) [{left.id}, {right.id}].",
        f"The left {o} has a volume of {printed(left)} [{left.id}], while the right {o} has a volume of {printed(right)} [{right.id}].",
        f"While the left {o} measures {printed(left)}, the right {o} measures {printed(right)} [{left.id}, {right.id}].",
        f"Both sides were measured: left {o} {printed(left)}, right {o} {printed(right)} [{left.id}, {right.id}].",
        f"The right {o} shows a mean attenuation value of {printed(f.mean)} [{f.mean.id}].",
        f"Mean HU of the right {o}: {printed(f.mean)} [{f.mean.id}].",
        f"The average density in the right {o} is {printed(f.mean)} [{f.mean.id}].",
        f"The attenuation of the right {o} averages {printed(f.mean)} [{f.mean.id}].",
        f"The lesion has a longest diameter of {printed(lo)} and a perpendicular short axis of {printed(sh)} [{lo.id}, {sh.id}].",
        f"The lesion's long and short axes are {printed(lo)} and {printed(sh)} [{lo.id}, {sh.id}].",
        f"The lesion is {printed(lo)} in long axis and {printed(sh)} in short axis [{lo.id}, {sh.id}].",
        f"There is a lesion with a long axis of {printed(lo)} [{lo.id}].",
        f"A lesion measuring {printed(lo)} (long axis) by {printed(sh)} (short axis) was found [{lo.id}, {sh.id}].",
        f"The largest diameter of the lesion is {printed(lo)} [{lo.id}].",
        f"The right {o} is visible from slice {slices[0] + 1} to slice {slices[1]} [{f.mask.id}].",
        f"The right {o} can be seen on slices {slices[0] + 1}-{slices[1]} [{f.mask.id}].",
        f"The right {o} was identified and outlined [{f.mask.id}].",
        f"The left {o} is only partially visible because it is cut off by the field of view [{f.cut.id}].",
        f"Note that the left {o} extends beyond the field of view [{f.cut.id}].",
        f"The left {o} reaches the border of the scan, so its true area may be larger than {printed(f.cut)} [{f.cut.id}].",
        f"Since the left {o} is truncated, its measured area is a lower bound [{f.cut.id}].",
        f"The area of the left {o} should not be compared with normal values because it is cut off [{f.cut.id}].",
        f"It cannot be judged whether the left {o} is normal in size, because it is cut off [{f.cut.id}].",
        f"The area measurement of the left {o} is incomplete, as it is cut off at the edge of the image [{f.cut.id}].",
        f"The nucleus covers {f.pixels.quantity.value:.{f.pixels.quantity.decimals}f} px² [{f.pixels.id}].",
        f"Because no pixel spacing is known, the area of the nucleus cannot be given in mm² [{f.pixels.id}].",
        f"I found no {absent} [{f.absence.id}].",
        f"No {absent} was detected on this scan [{f.absence.id}].",
        f"A {absent} is not present in this image [{f.absence.id}].",
        f"The {absent} is not visible in the field of view [{f.absence.id}].",
        f"The search did not find a {absent} [{f.absence.id}].",
        f"{absent.capitalize()}: absent [{f.absence.id}].",
        f"The image contains no {absent} [{f.absence.id}].",
        f"Unfortunately, the {impossible} cannot be assessed with the available tools: {f.limitation.reason} [{f.limitation.id}].",
        f"The {impossible} could not be measured [{f.limitation.id}].",
        f"There is no tool for the {impossible} [{f.limitation.id}].",
        f"Segmentation of the {impossible} is not possible; instead, body, bone or fat can be segmented [{f.limitation.id}].",
        f"I am unable to segment the {impossible} [{f.limitation.id}].",
        f"The normal volume of both lungs in adults is about {normal} [{f.reference.id}].",
        f"The guideline says that a node with a short axis of 10 mm or more is abnormal [{f.reference.id}].",
        f"No routine follow-up is needed for a solid nodule smaller than 6 mm [{f.reference.id}].",
        f"Per the Fleischner Society, solid nodules smaller than 6 mm need no routine follow-up [{f.reference.id}].",
        f"The heart is {enlarged}: the cardiothoracic ratio is {printed(f.heart, 2)}, {above} 0.5 [{f.heart.id}, {f.limit.id}].",
        f"The cardiothoracic ratio ({printed(f.heart, 2)}) {exceeds} 0.5, so the heart is {enlarged} [{f.heart.id}, {f.limit.id}].",
        f"A cardiothoracic ratio of {printed(f.heart, 2)} was measured [{f.heart.id}].",
        f"The history mentions a 3 cm scar on the left, as stated by the clinician [{f.statement.id}].",
        f"According to the clinician, the patient coughs [{f.statement.id}].",
        f"{f.verdict.text} [{f.verdict.id}].",
        f"{f.verdict.text} [{f.heart.id}, {f.limit.id}, {f.verdict.id}].",
        f"The heart is {enlarged} [{f.heart.id}, {f.limit.id}, {f.verdict.id}].",
        f"With a cardiothoracic ratio of {printed(f.heart, 2)}, the heart is {enlarged} "
        f"[{f.heart.id}, {f.limit.id}, {f.verdict.id}].",
    ]  # fmt: skip
