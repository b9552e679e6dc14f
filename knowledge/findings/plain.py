"""The words that carry the meaning of a statement the vocabulary does not know."""

from knowledge.findings.clauses import Clause
from knowledge.findings.tagging import Kind
from knowledge.findings.words import lemma

_EMPTY = frozenset(
    lemma(word)
    for word in """
    a an the this that these those there here it its he she they them his her their is are was were be been being
    has have had do does did will would can could should may might must of in on at to from by for with without
    and or nor as than then into over under about within between through during before after since until also
    however again once both each any some all no not more most less very quite rather somewhat relatively overall
    grossly otherwise essentially seen see visualised identified noted note visualized appreciated present demonstrated
    evident shown show observed found apparent demonstrate reveal exhibit contain consist appear appearing
    appearance remain compatible consistent suggest represent representing suggestive reflect likely possibly
    probably xray radiograph film image view study exam examination frontal lateral pa ap chest two one single
    upright portable comparison compared prior previous previously patient age given finding area region evidence
    sign change interval current today visible limited evaluation level degree type kind aspect portion part side
    such which who what when where while if so well now still only just certain definite obtained performed
    available included reviewed provided dr clinical clinically correlation correlate recommend recommended
    suggested advised further follow followup up ct scan mri contrast helpful discussed result number concerning
    due secondary related associated impression sized size located lie lying projecting projected overlying
    """.split()
)


def content(clause: Clause) -> tuple[str, ...]:
    """Lemmas of a clause that say something, sorted; sides, degrees and cues are told apart and left out."""
    told: set[int] = set()
    for tag in clause.tags:
        if not tag.has(Kind.PLACE, Kind.ADJECTIVE, Kind.TERM):
            told.update(range(tag.first, tag.last))
    words = {
        token.lemma
        for place, token in enumerate(clause.tokens[clause.first : clause.last], clause.first)
        if place not in told and token.text[0].isalpha() and len(token.text) > 1 and token.lemma not in _EMPTY
    }
    return tuple(sorted(words))
