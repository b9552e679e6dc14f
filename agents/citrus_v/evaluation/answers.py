"""How often the model's words about a picture are right: what it is, and which tumour it shows."""

from collections.abc import Iterable

from agents.citrus_v.evaluation import figures
from agents.citrus_v.evaluation.figures import Figure
from agents.citrus_v.pictures import Picture
from agents.citrus_v.reader import Reader, Turn
from agents.citrus_v.training.conversations import FAMILIES, WHAT, WHICH_TUMOUR
from agents.citrus_v.training.examples import Example

_TOKENS = 48


def answered(reader: Reader, examples: Iterable[Example]) -> Figure | None:
    """Share of right answers, resampled by patient or picture; None where no example is of a known kind."""
    right: list[float] = []
    groups: list[str] = []
    for example in examples:
        if example.folder not in FAMILIES:
            continue
        asked = {WHAT[0]: FAMILIES[example.folder]}
        if "label" in example.facts and example.folder == "brain_mri":
            asked[WHICH_TUMOUR[0]] = str(example.facts["label"])
        picture = Picture.from_array(example.pixels)
        replies = reader.read([Turn.ask(question, picture) for question in asked], _TOKENS)
        right += [float(wanted in reply.text) for wanted, reply in zip(asked.values(), replies, strict=True)]
        groups += [example.group] * len(asked)
    return figures.mean(right, groups)
