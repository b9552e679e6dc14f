"""What Citrus-V is offered for: structures and findings by modality, and how far it can be trusted there."""

from dataclasses import dataclass

from knowledge.case import Modality, Record


class Offer(Record):
    """A structure or finding to look for; the attributes are those of a backend's target.

    Only what has no side is offered: the model's word for a side is not an orientation.
    """

    name: str
    synonyms: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    modalities: tuple[Modality, ...] = ()
    body_parts: tuple[str, ...] = ()
    dimensions: tuple[int, ...] = (2, 3)
    several: bool = False


@dataclass(frozen=True)
class Display:
    """A CT display window in HU."""

    center: float
    width: float


SOFT_TISSUE = Display(50, 350)
LUNG = Display(-600, 1600)
"""Customary windows, for a CT whose header names none."""

_LUNG_WORDS = ("lung", "pulmonary", "airway", "trachea")

_CT = (Modality.CT,)
_MR = (Modality.MR,)
_FILM = (Modality.CR, Modality.DX)
_US = (Modality.US,)


def _offer(name: str, *synonyms: str, on: tuple[Modality, ...], dimensions: tuple[int, ...] = (2, 3)) -> Offer:
    return Offer(name=name, synonyms=synonyms, modalities=on, dimensions=dimensions)


OFFERED: tuple[Offer, ...] = (
    _offer("liver", on=(*_CT, *_MR)),
    _offer("spleen", on=(*_CT, *_MR)),
    _offer("kidneys", "kidney", "both kidneys", on=(*_CT, *_MR)),
    _offer("pancreas", on=_CT),
    _offer("gallbladder", on=_CT),
    _offer("stomach", on=_CT),
    _offer("urinary bladder", "bladder", on=(*_CT, *_MR)),
    _offer("aorta", on=_CT),
    _offer("heart", "cardiac silhouette", on=(*_CT, *_FILM)),
    _offer("lungs", "lung", "both lungs", "lung fields", on=(*_CT, *_FILM)),
    _offer("pulmonary nodule", "lung nodule", "nodule in the lung", on=(*_CT, *_FILM)),
    _offer("liver lesion", "liver tumour", "liver tumor", "hepatic lesion", on=(*_CT, *_MR)),
    _offer("kidney lesion", "kidney tumour", "kidney tumor", "renal lesion", on=_CT),
    _offer("pneumothorax", on=_FILM),
    _offer("brain tumour", "brain tumor", "glioma", "brain lesion", on=_MR),
    _offer("hippocampus", "hippocampi", on=_MR),
    _offer("myocardium", "heart muscle", on=_MR),
    _offer("prostate", on=_MR),
    _offer("avid lesion", "hypermetabolic lesion", "tumour uptake", on=(Modality.PT,)),
    _offer("skin lesion", "melanoma", "mole", "naevus", "nevus", on=(Modality.XC,), dimensions=(2,)),
    _offer("polyp", "colon polyp", "colorectal polyp", on=(Modality.ES,), dimensions=(2,)),
    _offer("instrument", "surgical instrument", on=(Modality.ES,), dimensions=(2,)),
    _offer("breast lesion", "breast tumour", "breast tumor", "breast mass", on=_US, dimensions=(2,)),
    _offer("thyroid nodule", "nodule in the thyroid", on=_US, dimensions=(2,)),
    _offer("fetal head", on=_US, dimensions=(2,)),
    _offer("optic disc", "optic disk", "optic nerve head", on=(Modality.OP,), dimensions=(2,)),
    _offer("optic cup", on=(Modality.OP,), dimensions=(2,)),
    _offer("cell nuclei", "nuclei", "nucleus", "cell nucleus", on=(Modality.SM,), dimensions=(2,)),
)

PUBLISHED_DICE: dict[Modality, float] = {
    Modality.XC: 0.9209,
    Modality.CT: 0.6404,
    Modality.PT: 0.7793,
    Modality.CR: 0.1469,
    Modality.DX: 0.1469,
    Modality.ES: 0.9280,
    Modality.MR: 0.4307,
    Modality.US: 0.8383,
    Modality.OP: 0.7407,
}
"""Mean Dice of the published 8B on MeCoVQA-G+ (arXiv 2509.19090)."""


def reliability(modality: Modality) -> str:
    """A sentence for the reader on how good the published model's outlines are on that modality."""
    dice = PUBLISHED_DICE.get(modality)
    if dice is None:
        return "how well the model outlines on this modality is not published: check the outline before using it"
    weak = "; too weak to rely on without checking the outline" if dice < 0.7 else ""
    return f"on this modality the published model's outlines overlap the truth by a mean Dice of {dice:.2f}{weak}"


def display_for(target: str) -> Display:
    """The CT window in which such a target is usually looked at."""
    return LUNG if any(word in target.lower() for word in _LUNG_WORDS) else SOFT_TISSUE
