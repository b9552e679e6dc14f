"""Texts as the words they are found by."""

import re

QUERY_CHARACTERS = 4096
"""As much of a query as is cut into words; about what the embedding can see of it."""

VERSION = "1"
"""Changes whenever `terms` may answer otherwise, since indexes on disk hold its answers."""

_WORD = re.compile(r"\w+")

STOPWORDS = frozenset(
    _WORD.findall(
        "a about above an and any are as at be been below between but by can could did do does for from had has have "
        "he her his how i if in into is it its may me my no not of on or our she should so such than that the their "
        "then there these they this those to too up was we were what when where which who why will with would you your"
    )
)

SUBJECTLESS = frozenset(
    _WORD.findall(
        "abnormal adult average big cm cutoff definition diameter enlarged find finding follow guideline high "
        "how imaging image large length level limit long low lower mean measure measurement ml mm need normal "
        "patient person range rate score sign size small thick thickness threshold too treated treat typical "
        "up upper value volume wide width"
    )
)
"""Words that name no subject: any two questions on measurements share them."""


def terms(text: str) -> list[str]:
    """Words in lower case without stop words, plurals folded by Harman's weak stemmer ("S-stemmer",
    JASIS 1991;42:7-15), so that "nodules" finds "nodule"; numbers are words too."""
    return [_singular(word) for word in _WORD.findall(text.lower()) if word not in STOPWORDS]


def _singular(word: str) -> str:
    if word.endswith("ies") and not word.endswith(("eies", "aies")):
        return word[:-3] + "y"
    if word.endswith("es") and not word.endswith(("aes", "ees", "oes")):
        return word[:-1]
    if word.endswith("s") and not word.endswith(("us", "ss", "is")):
        return word[:-1]
    return word
