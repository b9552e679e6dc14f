"""Which structures a question names: declared targets, paraphrases of them, and things nobody declares."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from agents.protocol.kit import Kit
from agents.protocol.words import stem, stems

FINDINGS = frozenset(
    "nodule mass lesion tumour cancer carcinoma metastasis malignancy effusion pneumothorax pneumonia consolidation "
    "fracture haemorrhage bleed bleeding haematoma cyst stone calculus calcification emphysema fibrosis embolism "
    "embolus aneurysm abscess oedema atelectasis opacity infiltrate hernia stenosis thrombus infarct infarction "
    "adenopathy lymphadenopathy node covid tuberculosis infection bronchiectasis polyp ulcer plaque dissection "
    "stroke glioma meningioma adenoma sclerosis ischaemia ischemia obstruction perforation appendicitis cirrhosis "
    "steatosis collapse cavity scar granuloma lymphoma sarcoma melanoma hydrocephalus pleurisy cardiomyopathy "
    "catheter pacemaker stent clip implant tube foreign abnormality".split()
)
"""Heads of findings: a declared structure before one of these only says where the finding is."""

ANATOMY = frozenset(
    "spleen liver kidney heart aorta pancreas gallbladder bladder stomach bowel colon intestine oesophagus brain "
    "hippocampus ventricle thyroid prostate uterus ovary rib spine vertebra sternum clavicle femur pelvis diaphragm "
    "mediastinum pleura trachea bronchus lobe adrenal gland muscle fat skin lens retina disc cell tonsil appendix "
    "duodenum artery vein atrium breast skull pituitary thalamus cortex cerebellum tooth scapula humerus lung body "
    "bone chest thorax abdomen neck head eye ear nose sinus larynx pharynx tongue parotid hilum fissure apex base "
    "septum valve myocardium pericardium nucleus platelet cord ureter urethra testis scrotum placenta fetus hip "
    "knee shoulder elbow wrist ankle hand foot finger toe tibia fibula radius ulna patella sacrum coccyx jaw "
    "mandible maxilla orbit nerve tendon ligament meniscus cartilage airway windpipe cava chamber wall tract marrow "
    "glands cerebrum brainstem amygdala putamen caudate".split()
)
"""Anatomy that no paraphrase may turn into something else: it is declared under its name, or unknown."""

MODIFIERS = frozenset(
    "ascending descending distal proximal left right upper lower middle pulmonary pleural hepatic renal cardiac "
    "cerebral abdominal pericardial lymph lateral anterior posterior superior inferior common main solid subsolid "
    "solitary small large thoracic cervical lumbar iliac carotid coronary third fourth inferior white red optic "
    "vena corpus temporal frontal parietal occipital brain lung bone chest heart liver kidney mediastinal hilar "
    "pancreatic splenic gall ground-glass part-solid intracranial subdural epidural subarachnoid ischaemic foreign "
    "aortic adrenal psoas soft biliary bile".split()
)
GENERAL = frozenset("lesion mass abnormality growth".split())
"""Findings of no kind of their own."""

_NO_FAULT = frozenset("cavity node catheter pacemaker stent clip implant tube foreign".split())
_NEUTRAL = frozenset("focal intracranial small large solitary".split())
_JOINING = frozenset(("and", "or", "to", "versus", "from", "than"))
_IN = frozenset(("in", "within", "inside", "of", "on", "at", "near"))
_IMAGE_NOUNS = frozenset("ct mr film scan image study picture exam examination slice series radiograph volume".split())
_REGIONS = frozenset("chest thorax thoracic abdominal abdomen brain head trunk body lung whole-body hrct".split())

SIDES = {"left": "left", "right": "right", "left-sided": "left", "right-sided": "right"}
OPPOSITE = frozenset(("other", "opposite", "contralateral"))
BOTH = frozenset(("both", "each", "either", "two"))

MASKED = "organ"


@dataclass(frozen=True)
class Mention:
    """A structure at its place in the question: words [start, stop)."""

    name: str
    start: int
    stop: int
    known: bool


@dataclass(frozen=True)
class Named:
    """What a question names.

    Attributes:
        mentions: Structures in the order they are named.
        sides: Sides said apart from any structure, such as "on the left".
        opposite: Whether the other side of what was spoken of is meant.
        masked: The question with every structure written "organ".
        free: The words that belong to no structure and to no name of an image or window.
    """

    mentions: tuple[Mention, ...]
    sides: tuple[str, ...]
    opposite: bool
    masked: tuple[str, ...]
    free: tuple[str, ...]


def is_anatomy_or_finding(name: str) -> bool:
    """Whether the last word of a name, which nobody may have declared, is one of anatomy or of findings."""
    return stem(name.rsplit(" ", maxsplit=1)[-1]) in ANATOMY | FINDINGS


def is_kind_of(target: str, general: str) -> bool:
    """Whether a target is one of the findings that a general name means, as a brain tumour is "a mass"."""
    kind, words = stems(target), set(stems(general))
    return kind[-1] in FINDINGS - _NO_FAULT and bool(words & GENERAL) and words <= {*GENERAL, *_NEUTRAL, *kind}


class Structures:
    """The declared targets of a kit, ready to be found in words."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.phrases: dict[tuple[str, ...], str] = {}
        for target in (*kit.targets.values(), *(one for several in kit.declared.values() for one in several)):
            for phrase in (target.name, *target.synonyms):
                self.phrases.setdefault(stems(phrase), target.name)
        self._longest = max((len(phrase) for phrase in self.phrases), default=0)
        self.words = frozenset(word for phrase in self.phrases for word in phrase)

    def find(self, words: Sequence[str]) -> Named:
        """The structures named in a question's mended words."""
        singular = [stem(word) for word in words]
        taken = _image_words(singular)
        mentions: list[Mention] = []
        at = 0
        while at < len(words):
            mention = None if at in taken else self._at(singular, at, taken)
            if mention is None:
                at += 1
                continue
            mentions += filter(None, (self._beside(singular, mention, taken), mention))
            at = mention.stop
        mentions = _without_locations(mentions, singular)
        covered = {place for mention in mentions for place in range(mention.start, mention.stop)}
        free = [place for place in range(len(words)) if place not in covered]
        sides = [SIDES[words[place]] for place in free if words[place] in SIDES and not _means_correct(words, place)]
        if any(words[place] in BOTH for place in free):
            sides += ["left", "right"]
        return Named(
            tuple(mentions),
            tuple(dict.fromkeys(sides)),
            any(words[place] in OPPOSITE for place in free),
            _masked(words, mentions),
            tuple(word if place in free and place not in taken else "," for place, word in enumerate(words)),
        )

    def _at(self, singular: Sequence[str], at: int, taken: Collection[int]) -> Mention | None:
        """The structure that begins here: a declared one, or as many words of anatomy as stand together."""
        known = self._known(singular, at)
        end = known.stop if known else at
        last = end
        while end < len(singular) and end not in taken and (end == at or self._known(singular, end) is None):
            head = singular[end] in FINDINGS or singular[end] in ANATOMY
            if not head and (known or singular[end] not in MODIFIERS):
                break
            end += 1
            last = end if head else last
        if known and last == known.stop:
            return known
        return None if last == at else Mention(" ".join(singular[at:last]), at, last, known=False)

    def _beside(self, singular: Sequence[str], mention: Mention, taken: Collection[int]) -> Mention | None:
        """The first of two that share their last words: "white" in "white and red cells"."""
        at, noun = mention.start - 2, tuple(singular[mention.start + 1 : mention.stop])
        if at < 0 or at in taken or not noun or singular[at] in SIDES or singular[at + 1] not in _JOINING:
            return None
        name = self.phrases.get((singular[at], *noun))
        return Mention(name, at, at + 1, known=True) if name else None

    def _known(self, singular: Sequence[str], at: int) -> Mention | None:
        for length in range(min(self._longest, len(singular) - at), 0, -1):
            name = self.phrases.get(tuple(singular[at : at + length]))
            if name is not None:
                return Mention(name, at, at + length, known=True)
        return None

    def on_sides(self, target: str, sides: Sequence[str]) -> tuple[str, ...]:
        """The single structures of a target, only those on `sides` where it has such."""
        group = self._group(target)
        leaves = self.kit.leaves(target)
        if not sides:
            return leaves
        lateral = tuple(leaf for leaf in self.kit.leaves(group) if self.kit.targets[leaf].side in sides)
        known = self.kit.targets.get(target)
        if known and known.side:  # "left and right lung" names one and means both
            lateral = tuple(dict.fromkeys((*lateral, target)))
        return lateral or self._sided_kin(target, sides) or leaves

    def _sided_kin(self, target: str, sides: Sequence[str]) -> tuple[str, ...]:
        """Sided targets that an unsided one is made of: "lung parenchyma" on the left is the left lung."""
        words = set(stems(target))
        return tuple(
            known.name
            for known in self.kit.targets.values()
            if known.side in sides and set(stems(known.name)) - {known.side} <= words
        )

    def other_side(self, target: str) -> str:
        """The same structure on the other side, itself where there is none."""
        known = self.kit.targets.get(target)
        if known is None or known.side is None:
            return target
        other = {"left": "right", "right": "left"}[known.side] + target.removeprefix(known.side)
        return other if other in self.kit.targets else target

    def _group(self, target: str) -> str:
        if target in self.kit.targets and self.kit.targets[target].side:
            for known in self.kit.targets.values():
                if target in known.parts and {part.split(" ")[0] for part in known.parts} == {"left", "right"}:
                    return known.name
        return target


def _image_words(singular: Sequence[str]) -> set[int]:
    """Places of words that name an image, a window or a part of the form, not a structure in it."""
    taken: set[int] = set()
    for place, word in enumerate(singular):
        before = singular[place - 1] if place else ""
        if word in _IMAGE_NOUNS and word != "volume" and before in _REGIONS:
            taken.add(place - 1)
        if word == "window" and place:
            taken |= {place - 1} | ({place - 2} if before == "tissue" else set())
        if word == "part" and before == "body":
            taken.add(place - 1)
    return taken


def _without_locations(mentions: list[Mention], singular: Sequence[str]) -> list[Mention]:
    """Leave out a structure that only says where a finding is: "a nodule in the left lung"."""
    findings = [mention for mention in mentions if not mention.known and singular[mention.stop - 1] in FINDINGS]
    if not findings:
        return mentions
    first = min(mention.start for mention in findings)
    return [
        mention
        for mention in mentions
        if mention in findings
        or mention.start < first
        or not any(word in _IN for word in singular[max(0, mention.start - 3) : mention.start])
    ]


def _means_correct(words: Sequence[str], place: int) -> bool:
    """Whether "right" stands for "correct", as in "is that right?"."""
    before = words[place - 1] if place else ""
    return words[place] == "right" and before in ("that", "this", "it", "all", "am", "i", "you", "sounds")


def _masked(words: Sequence[str], mentions: Sequence[Mention]) -> tuple[str, ...]:
    starts = {mention.start: mention for mention in mentions}
    masked: list[str] = []
    at = 0
    while at < len(words):
        if at in starts:
            masked.append(MASKED)
            at = starts[at].stop
        else:
            masked.append(words[at])
            at += 1
    return tuple(masked)
