"""From the words someone used for a structure to a target that a backend declares."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from knowledge.case import Image, Modality
from tools.backends import Target
from tools.tool import ToolRefusal

_WORDS = re.compile(r"[^\W_]+")
_IDLE = frozenset(
    {"a", "an", "the", "of", "in", "on", "this", "that", "patient", "patients", "s", "her", "his", "side"}
)
_SIDES = {"l": "left", "lt": "left", "lft": "left", "r": "right", "rt": "right", "rgt": "right"}


class Backend(Protocol):
    """Anything that declares targets."""

    def targets(self) -> Sequence[Target]:
        """What it can look for, and where."""


B = TypeVar("B", bound=Backend)


@dataclass(frozen=True)
class Wanted(Generic[B]):
    """One target without parts, and the backend that will look for it."""

    target: Target
    backend: B


def resolve(asked: Sequence[str], backends: Sequence[B], image: Image, done: str) -> list[Wanted[B]]:
    """What to look for in `image`, groups replaced by their parts, each target once, in order.

    Args:
        asked: Names, synonyms or groups, in any case, singular or plural.
        backends: Those who see; the first that can look for a target in this image does.
        image: The image.
        done: What would be done, such as "segmented".

    Raises:
        ToolRefusal: A name is unknown, or known but not for such an image. Nothing is done by halves.
    """
    known = admissible(backends, image)
    matches = {name: _matches(name, backends) for name in asked}
    unknown = [name for name in matches if not matches[name]]
    if unknown:
        named = ", ".join(f'"{name}"' for name in unknown)
        raise ToolRefusal(
            f"{named} cannot be {done} here. {_offer(image, known, done)}", target=", ".join(unknown), known=known
        )
    wanted: dict[str, Wanted[B]] = {}
    for candidates in matches.values():
        fitting = [match for match in candidates if unfit(match.target, image) is None]
        if not fitting:
            raise _misfit([match.target for match in candidates], image, known, done)
        for part in _parts(fitting[0]):
            wanted.setdefault(part.target.name, part)
    return list(wanted.values())


def admissible(backends: Iterable[Backend], image: Image) -> list[str]:
    """Names of all that can be looked for in `image`."""
    names = (target.name for backend in backends for target in backend.targets() if unfit(target, image) is None)
    return list(dict.fromkeys(names))


def union(backends: Iterable[Backend]) -> tuple[Target, ...]:
    """Every declared target, the first backend's where several declare one name for the same images.

    A name that is declared for other images too comes once for each: lungs have parts on CT and are whole on films.
    """
    targets: dict[tuple[object, ...], Target] = {}
    for backend in backends:
        for target in backend.targets():
            targets.setdefault(target.declared_for, target)
    return tuple(targets.values())


def unfit(target: Target, image: Image) -> str | None:
    """Why `target` cannot be looked for in `image`, or None where it can."""
    if target.modalities and image.modality not in target.modalities:
        if image.modality is Modality.UNKNOWN:
            return f"the modality of {image.id} is unknown (it can be given with --modality)"
        return f"{image.id} is {image.modality.value}"
    if image.dimensions not in target.dimensions:
        return f"{image.id} is {'a volume' if image.dimensions == 3 else 'a single plane'}"
    part = (image.body_part or "").lower()
    if part and target.body_parts and not any(shown in part for shown in target.body_parts):
        return f"{image.id} shows the {part}"
    return None


def _misfit(candidates: Sequence[Target], image: Image, known: Sequence[str], done: str) -> ToolRefusal:
    """The refusal for targets that are known, but not for such an image."""
    nearest = max(candidates, key=lambda target: image.modality in target.modalities)
    where = " or ".join(dict.fromkeys(_where(target) for target in candidates))
    return ToolRefusal(
        f"{nearest.name} can be {done} on {where} only; {unfit(nearest, image)}. {_offer(image, known, done)}",
        target=nearest.name,
        known=known,
    )


def _where(target: Target) -> str:
    kinds = " or ".join({2: "planes", 3: "volumes"}[size] for size in sorted(set(target.dimensions)))
    modalities = " or ".join(target.modalities)
    parts = f" of the {' or '.join(target.body_parts)}" if target.body_parts else ""
    return f"{modalities} {kinds}{parts}".strip()


def _offer(image: Image, known: Sequence[str], done: str) -> str:
    if not known:
        return f"Nothing can be {done} in {image.id}."
    return f"In {image.id} these can be {done}: {', '.join(known)}."


def _matches(asked: str, backends: Sequence[B]) -> list[Wanted[B]]:
    """Targets that `asked` may mean: those of the closest likeness, in the backends' order."""
    wording, words = _normal(asked), frozenset(_normal(asked).split())
    if not words:
        return []
    best = 3
    found: list[Wanted[B]] = []
    for backend in backends:
        for target in backend.targets():
            likeness = _likeness(asked, wording, words, target)
            if likeness < best:
                best, found = likeness, []
            if likeness == best < 3:
                found.append(Wanted(target, backend))
    return found


def _likeness(asked: str, wording: str, words: frozenset[str], target: Target) -> int:
    """0 for the name or a synonym as written, 1 but for number and idle words, 2 but for order, 3 unlike."""
    names = (target.name, *target.synonyms)
    if asked.strip().casefold() in {name.casefold() for name in names}:
        return 0
    normal = [_normal(name) for name in names]
    if wording in normal:
        return 1
    return 2 if words in {frozenset(name.split()) for name in normal} else 3


def _normal(text: str) -> str:
    words = _WORDS.findall(unicodedata.normalize("NFKC", text).casefold())
    return " ".join(_singular(_SIDES.get(word, word)) for word in words if word not in _IDLE)


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _parts(wanted: Wanted[B], seen: frozenset[str] = frozenset()) -> list[Wanted[B]]:
    """The target, or in place of a group the parts that its backend declares."""
    target = wanted.target
    if not target.parts or target.name in seen:
        return [wanted]
    declared = {other.name: other for other in wanted.backend.targets()}
    return [
        leaf for name in target.parts for leaf in _parts(Wanted(declared[name], wanted.backend), seen | {target.name})
    ]
