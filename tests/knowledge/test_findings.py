"""What is read out of a report: findings with negation, doubt, side, severity, course and figures."""

import time

import pytest

from knowledge.findings import anatomy, cues, terms
from knowledge.findings.extract import LONGEST, ReportLengthError, read_findings
from knowledge.findings.finding import Finding, Measure, Severity, Status
from knowledge.findings.tagging import Kind, lexicon, phrases, tag
from knowledge.findings.words import lemma, sentences


def read(text: str) -> list[Finding]:
    return list(read_findings(text))


def one(text: str, concept: str) -> Finding:
    """The only finding of a concept in a text."""
    (found,) = [item for item in read(text) if item.concept == concept]
    return found


@pytest.mark.parametrize(
    ("text", "concept", "status"),
    [
        # Before the finding, through a list, and no further.
        ("No pleural effusion, consolidation or pneumothorax.", "pneumothorax", "absent"),
        ("There is no evidence of pneumothorax.", "pneumothorax", "absent"),
        ("Negative for pneumothorax.", "pneumothorax", "absent"),
        ("Lungs are free of focal consolidation.", "consolidation", "absent"),
        ("No pneumothorax, but a small effusion.", "pleural effusion", "present"),
        ("No pneumothorax, small left effusion.", "pleural effusion", "present"),
        ("No consolidation, large effusion, or pneumothorax.", "pleural effusion", "absent"),
        ("No pneumothorax with stable cardiomegaly.", "cardiomegaly", "present"),
        ("There is no pneumothorax and there is a small effusion.", "pleural effusion", "present"),
        ("Neither effusion nor pneumothorax.", "pneumothorax", "absent"),
        ("Low lung volumes without focal consolidation.", "low lung volume", "present"),
        ("Low lung volumes w/o focal consolidation.", "consolidation", "absent"),
        ("No findings consistent with pneumonia.", "pneumonia", "absent"),
        # After it.
        ("Pneumothorax is not seen.", "pneumothorax", "absent"),
        ("Pneumothorax or effusion is not identified.", "pneumothorax", "absent"),
        ("The left effusion has resolved.", "pleural effusion", "absent"),
        ("A pneumothorax is no longer seen.", "pneumothorax", "absent"),
        ("Pulmonary edema is absent.", "pulmonary edema", "absent"),
        # What only looks like a negation.
        ("No change in the left pleural effusion.", "pleural effusion", "present"),
        ("No significant interval change of the cardiomegaly.", "cardiomegaly", "present"),
        ("Pneumonia cannot be excluded.", "pneumonia", "possible"),
        # Doubt.
        ("Opacity which may represent pneumonia.", "pneumonia", "possible"),
        ("Opacity which may represent pneumonia.", "opacity", "present"),
        ("Possible small effusion.", "pleural effusion", "possible"),
        ("Atelectasis versus scarring.", "atelectasis", "possible"),
        ("Atelectasis versus scarring.", "scar", "possible"),
        ("Cannot exclude pneumothorax.", "pneumothorax", "possible"),
        ("Opacity compatible with atelectasis.", "atelectasis", "present"),
        ("Moderate effusion, possible atelectasis.", "pleural effusion", "present"),
        ("A mass is possible.", "mass", "possible"),
        # Said by what is normal.
        ("The heart is normal in size.", "cardiomegaly", "absent"),
        ("Heart size within normal limits.", "cardiomegaly", "absent"),
        ("Heart size is at the upper limits of normal.", "cardiomegaly", "absent"),
        ("The heart is not enlarged.", "cardiomegaly", "absent"),
        ("Cardiomediastinal silhouette is unremarkable.", "mediastinum abnormality", "absent"),
        ("Both lungs are clear.", "lung abnormality", "absent"),
        ("The mediastinum shows no abnormality.", "mediastinum abnormality", "absent"),
        ("No acute abnormality of the heart or lungs.", "chest abnormality", "absent"),
        # Adjective and structure, either way round.
        ("The heart is mildly enlarged.", "cardiomegaly", "present"),
        ("Mild enlargement of the cardiac silhouette.", "cardiomegaly", "present"),
        ("Borderline heart size.", "cardiomegaly", "possible"),
        ("Tortuous calcified aorta.", "tortuous aorta", "present"),
        ("Tortuous calcified aorta.", "aortic calcification", "present"),
        ("The left hemidiaphragm is elevated.", "elevated diaphragm", "present"),
        ("Blunting of the right costophrenic angle.", "blunted costophrenic angle", "present"),
        ("The pleura is thickened at the left apex.", "pleural thickening", "present"),
        ("Calcified lingular granuloma.", "calcified granuloma", "present"),
        # Beyond the chest.
        ("No hydronephrosis in the left kidney.", "hydronephrosis", "absent"),
        ("Acute infarct in the left frontal lobe.", "infarct", "present"),
        ("No midline shift.", "midline shift", "absent"),
        ("The liver is enlarged.", "hepatomegaly", "present"),
        ("A 1.4 cm hypodense lesion in the liver.", "lesion", "present"),
        ("Ventricles are normal in size.", "ventricles of the brain abnormality", "absent"),
        ("Spleen, pancreas and adrenals are unremarkable.", "pancreas abnormality", "absent"),
    ],
)
def test_status(text: str, concept: str, status: str) -> None:
    assert one(text, concept).status == status


@pytest.mark.parametrize(
    ("text", "concept", "sites"),
    [
        ("Small left pleural effusion.", "pleural effusion", {"left"}),
        ("Bibasilar atelectasis.", "atelectasis", {"both base"}),
        ("Opacity in the RLL.", "opacity", {"right lower lobe"}),
        ("Opacity in the lower lobe of the left lung.", "opacity", {"left lower lobe"}),
        ("L basilar opacity.", "opacity", {"left base"}),
        ("Nodules in the left lower lobe and right upper lobe.", "nodule", {"left lower lobe", "right upper lobe"}),
        ("Effusions, left greater than right.", "pleural effusion", {"left more than right"}),
        ("Fracture of the right clavicle.", "fracture", {"right clavicle"}),
        ("Lead in the right ventricle.", "pacemaker", {"right ventricle of the heart"}),
        ("Opacity in the left base may represent scar.", "scar", set()),
        ("Osteophyte at L4.", "osteophyte", set()),
        ("Spleen, pancreas and kidneys are normal.", "pancreas abnormality", set()),
    ],
)
def test_site(text: str, concept: str, sites: set[str]) -> None:
    assert {str(site) for site in one(text, concept).sites} == sites


def test_each_side_of_a_pair_keeps_its_own_degree() -> None:
    for text in (
        "Moderate left pleural effusion and small right pleural effusion.",
        "Moderate left and small right pleural effusions.",
    ):
        found = {(*item.sides, *item.severities) for item in read(text)}
        assert found == {("left", Severity.MODERATE), ("right", Severity.MILD)}


def test_severity_course_and_figures() -> None:
    found = one("Slightly increased 1.2 x 0.8 cm nodule in the right apex.", "nodule")
    assert found.severities == (Severity.MILD,)
    assert found.courses == ("worse",)
    assert [(item.value, item.unit) for item in found.measures] == [(12, "mm"), (8, "mm")]


def test_this_speaks_of_the_sentence_before() -> None:
    found = one("There is a right pneumothorax. This measures 3.2 cm.", "pneumothorax")
    assert [str(item) for item in found.measures] == ["32 mm"]


@pytest.mark.parametrize(
    ("ours", "theirs", "same"),
    [("12 mm", "1.2 cm", True), ("12 mm", "1 cm", True), ("12 mm", "1.3 cm", False), ("1.5 L", "1500 mL", True)],
)
def test_figures_agree_as_far_as_they_were_given(ours: str, theirs: str, same: bool) -> None:
    (one_figure,), (other,) = (item.measures for text in (ours, theirs) for item in read(f"A cyst of {text}."))
    assert one_figure.agrees(other) is same
    assert not one_figure.agrees(Measure(value=one_figure.value, unit="%", step=1))


def test_what_is_asked_or_advised_is_not_found() -> None:
    assert not [item for item in read("CT is recommended to evaluate for metastasis.") if item.known]
    text = (
        "INDICATION: pneumonia?\nCOMPARISON: effusion in 2019.\nFINDINGS: The lungs are clear.\nTECHNIQUE: no fracture"
    )
    assert [item.concept for item in read(text)] == ["lung abnormality"]


def test_headings_within_a_line_and_wrapped_lines() -> None:
    found = read(
        "HISTORY: mass. FINDINGS: There is a small left\npleural effusion. IMPRESSION: 1. Effusion.\n2. No mass"
    )
    assert [(item.concept, item.status.value) for item in found] == [
        ("pleural effusion", "present"),
        ("pleural effusion", "present"),
        ("mass", "absent"),
    ]
    assert found[0].span.text == "There is a small left\npleural effusion"


def test_spans_are_the_words_of_the_report() -> None:
    text = "FINDINGS: XXXX opacity in the left lung [E1]. Heart size normal.\n- No pneumothorax;no effusion"
    found = read(text)
    assert len(found) == 4
    assert all(text[item.span.start : item.span.end] == item.span.text for item in found)


def test_unknown_statements_are_kept_by_their_words() -> None:
    (found,) = read("The widget of the left frobnicator is purple.")
    assert not found.known
    assert {"frobnicator", "purple", "widget"} <= set(found.words)
    assert found.sides == {"left"}


@pytest.mark.parametrize("text", ["", "   \n", "...", "123 456", "[E1] [E2]", "XXXX XXXX."])
def test_nothing_is_read_where_nothing_is_said(text: str) -> None:
    assert read(text) == []


def test_a_text_longer_than_any_report_is_refused() -> None:
    with pytest.raises(ReportLengthError, match=str(LONGEST)):
        read("a" * (LONGEST + 1))


@pytest.mark.parametrize("unit", ["no ", "left ", "opacity and ", "1 x ", ", ", "(", "no opacity; ", "\n", "A:\n"])
def test_hostile_repetition_takes_no_more_than_its_share(unit: str) -> None:
    def seconds(count: int) -> float:
        begin = time.process_time()
        read(unit * count)
        return time.process_time() - begin

    small = max(seconds(500), 0.005)
    # Eight times the text: far below the 64 times of a quadratic reading would do, with room for noise.
    assert seconds(4000) < 64 * small + 1


def test_every_phrase_of_the_vocabulary_is_found_as_its_own_entry() -> None:
    """No entry is a slip: an empty word, or a phrase that a longer or earlier one always takes."""
    lists = [(name, text, Kind.TERM) for name, (_, _, text) in terms.TERMS.items()]
    lists += [(name, text, Kind.PLACE) for name, (_, text) in anatomy.PLACES.items()]
    lists += [("", text, kind) for text, kind in ((cues.NEGATION, Kind.NEGATION), (cues.NORMAL, Kind.NORMAL))]
    for name, text, kind in lists:
        own = 0
        for phrase in phrases(text):
            assert all(phrase), f"{name}: an empty word in {phrase}"
            tokens = sentences(" ".join(phrase))[0].tokens if phrase != ("ra",) else ()
            whole = [item for item in tag(tokens) if kind in item.kinds]
            own += any(item.kinds[kind] == name for item in whole)
        assert own, f"{name}: no phrase leads to it"


def test_parents_and_places_are_in_the_vocabulary() -> None:
    for name in terms.TERMS:
        assert not terms.ancestors(name) - terms.TERMS.keys()
        assert name not in terms.ancestors(name)
    for _, place in (*terms.NAMED, *terms.RETOLD):
        assert place in anatomy.PLACES
    assert anatomy.PLACES.keys() >= anatomy.FINE | anatomy.NORMAL_OF.keys()
    assert lexicon()


def test_words_have_one_form() -> None:
    assert {lemma(word) for word in ("Opacities", "opacity", "opacification")} == {"opacity"}
    assert lemma("oedema") == lemma("edema")
    assert lemma("pneumothoraces") == lemma("pneumothorax")


def test_the_same_text_gives_the_same_findings() -> None:
    text = "Moderate left effusion, probable atelectasis. No pneumothorax. Heart size is normal."
    assert read(text) == read(text)
    assert {item.status for item in read(text)} == set(Status)
