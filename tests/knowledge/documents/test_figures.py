import pytest

from knowledge.documents.figures import Panel, split_caption


@pytest.mark.parametrize(
    ("caption", "panels"),
    [
        ("A lung. (A) Axial. (B) Coronal.", {"A": "A lung. (A) Axial.", "B": "A lung. (B) Coronal."}),
        ("(a) T1; (b) T2; and (c) FLAIR.", {"a": "(a) T1", "b": "(b) T2", "c": "(c) FLAIR."}),
        ("Chest. (A-C) Before. (D–F) After.", {"A-C": "Chest. (A-C) Before.", "D–F": "Chest. (D–F) After."}),
        ("(A and B) Left. (C) Right, like (A).", {"A and B": "(A and B) Left.", "C": "(C) Right, like (A)."}),
        ("[A] One, [B] two.", {"A": "[A] One", "B": "[B] two."}),
    ],
)
def test_leading_marks_part_a_caption(caption: str, panels: dict[str, str]) -> None:
    assert split_caption(caption) == [Panel(letters, text) for letters, text in panels.items()]


@pytest.mark.parametrize(
    "caption",
    [
        "",
        "One image of the lung.",
        "Axial (A) and coronal (B) images.",  # the marks follow their words
        "Graph. (B) First. (C) Second.",  # they do not begin at A
        "Lungs. (A) One. (C) Three.",  # one is missing
        "Only one. (A) Axial.",
        "Doses (mg) and time (s). (A) (B)",
        "(A)(B)(C)",
    ],
)
def test_other_captions_stay_whole(caption: str) -> None:
    assert split_caption(caption) == [Panel("", caption)]
