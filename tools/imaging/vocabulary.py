"""Header codes that may enter a case, each mapped to a fixed word; anything else is unknown.

A header field is written by whoever made the file, so its text is never passed on: only what is
found in these tables is, in this module's own words.
"""

import unicodedata

from knowledge.case import Modality

BODY_PARTS = {
    "ABDOMEN": "abdomen", "ABD": "abdomen", "ABDOMENPELVIS": "abdomen and pelvis", "ABDPELVIS": "abdomen and pelvis",
    "CHESTABDOMEN": "chest and abdomen", "CHESTABDPELVIS": "chest, abdomen and pelvis",
    "CAP": "chest, abdomen and pelvis",
    "CHEST": "chest", "THORAX": "chest", "LUNG": "lung", "RIB": "ribs", "STERNUM": "sternum",
    "HEAD": "head", "HEADNECK": "head and neck", "SKULL": "skull", "BRAIN": "brain", "ORBIT": "orbit",
    "SINUS": "sinuses",
    "FACE": "face", "JAW": "jaw", "MANDIBLE": "mandible", "MAXILLA": "maxilla", "EAR": "ear", "EYE": "eye",
    "NECK": "neck",
    "SPINE": "spine", "CSPINE": "cervical spine", "TSPINE": "thoracic spine", "LSPINE": "lumbar spine",
    "LSSPINE": "lumbar spine", "SSPINE": "sacrum", "CERVICALSPINE": "cervical spine", "THORACICSPINE": "thoracic spine",
    "LUMBARSPINE": "lumbar spine", "SACRUM": "sacrum", "COCCYX": "coccyx", "WHOLEBODY": "whole body",
    "PELVIS": "pelvis", "HIP": "hip", "FEMUR": "femur", "THIGH": "thigh", "KNEE": "knee", "LEG": "leg",
    "TIBIA": "lower leg", "TIBFIB": "lower leg", "ANKLE": "ankle", "FOOT": "foot", "TOE": "toe", "CALCANEUS": "heel",
    "HEEL": "heel", "PATELLA": "patella", "EXTREMITY": "extremity",
    "SHOULDER": "shoulder", "CLAVICLE": "clavicle", "SCAPULA": "scapula", "HUMERUS": "upper arm", "ARM": "arm",
    "ELBOW": "elbow", "FOREARM": "forearm", "WRIST": "wrist", "HAND": "hand", "FINGER": "finger", "THUMB": "thumb",
    "BREAST": "breast", "HEART": "heart", "AORTA": "aorta", "CORONARYARTERY": "coronary arteries", "CAROTID": "carotid",
    "LIVER": "liver", "KIDNEY": "kidney", "PANCREAS": "pancreas", "SPLEEN": "spleen", "GALLBLADDER": "gallbladder",
    "BLADDER": "bladder", "PROSTATE": "prostate", "UTERUS": "uterus", "OVARY": "ovary", "TESTIS": "testis",
    "THYROID": "thyroid", "HIPPOCAMPUS": "hippocampus", "RETINA": "retina", "SKIN": "skin", "COLON": "colon",
    "STOMACH": "stomach", "ESOPHAGUS": "oesophagus",
}  # fmt: skip
"""Body Part Examined (DICOM PS3.16 Annex L) without blanks, to this project's words."""

VIEWS = frozenset({"AP", "PA", "LL", "RL", "RLD", "LLD", "RLO", "LLO", "CC", "MLO", "ML", "LM", "XCCL", "XCCM", "SIO"})
"""View Position (PS3.3 C.8.1.2 and C.8.11.7)."""

WINDOW_NAMES = {
    "LUNG": "lung", "BONE": "bone", "BRAIN": "brain", "MEDIAST": "mediastinum", "SOFT": "soft tissue",
    "ABDOM": "abdomen",
    "LIVER": "liver", "SPINE": "spine", "ANGIO": "angiography", "STROKE": "stroke", "NORMAL": "normal", "HARD": "hard",
}  # fmt: skip
"""Words in Window Center & Width Explanation, a free text field, to a preset's name."""

_MODALITIES = {code.value: code for code in Modality if code is not Modality.UNKNOWN} | {
    "PET": Modality.PT, "OPT": Modality.OP, "OPTENF": Modality.OP, "GM": Modality.XC, "MRI": Modality.MR,
}  # fmt: skip


def plain(text: str, limit: int = 64) -> str:
    """Letters and digits of a code, upper case; empty where the text is too long for a code."""
    if len(text) > limit:
        return ""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in decomposed.upper() if letter.isascii() and letter.isalnum())


def modality(code: str) -> Modality:
    """The modality of a header code, or unknown."""
    return _MODALITIES.get(plain(code), Modality.UNKNOWN)


def body_part(code: str) -> str | None:
    """The body part of a header code in lower case words, or None."""
    return BODY_PARTS.get(plain(code))


def view(code: str) -> str | None:
    """The view of a header code, or None."""
    word = plain(code)
    return word if word in VIEWS else None


def window_name(explanation: str, number: int) -> str:
    """A preset's name from the header's explanation, else "header 1", "header 2", ..."""
    word = plain(explanation)
    return next((name for key, name in WINDOW_NAMES.items() if key in word), f"header {number}")
