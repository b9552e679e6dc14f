"""What was kept of an identity takes out of a text what the identity itself takes out, and tells nobody a name."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.imaging.test_identity import _named, test_names
from tools.imaging.fingerprints import Fingerprints, Remembered
from tools.imaging.identity import Identity

KEY = bytes(range(32))


def remembered(identity: Identity, key: bytes = KEY) -> Remembered:
    """As it is after it was written and read."""
    kept = Fingerprints.of(identity, KEY).model_dump_json()
    return Remembered(Fingerprints.model_validate_json(kept), key)


NAMES = next(mark.args[1] for mark in test_names.pytestmark if mark.name == "parametrize")  # type: ignore[attr-defined]


@pytest.mark.parametrize(("name", "said", "expected"), NAMES)
def test_names_are_known_again(name: str, said: str, expected: str) -> None:
    assert remembered(_named(name)).scrub(said) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("seen in st.  elsewhere HOSPITAL, twice", "seen in [id], twice"),
        ("number q-77120/4 and q-77120", "number [id] and q-77120"),
        ("5 March 1961 and the 5th of march, 61", "[date] and the [date]"),
        ("03/05/1961, 5.3.61, 19610305 or 1961-03-05", "[date] or [date]"),
        ("March 5th, 1961 but not March 6th, 1961", "[date] but not March 6th, 1961"),
    ],
)
def test_identifiers_phrases_and_dates_are_known_again(said: str, expected: str) -> None:
    identity = Identity()
    identity.add_id("Q-77120/4")
    identity.add_phrase("St. Elsewhere Hospital")
    identity.add_birth_date("19610305")
    assert identity.scrub(said) == expected
    assert remembered(identity).scrub(said) == expected


@given(
    st.lists(st.sampled_from(["Quillfeather", "O'Neil", "Li", "Lung", "太郎", "Müller", "x1", "a-b_c", "St. Mary's"])),
    st.text("abLiQü太郎 ^,.'-_/0123456789", max_size=60),
    st.data(),
)
def test_it_takes_out_what_the_identity_takes_out(parts: list[str], said: str, data: st.DataObject) -> None:
    identity = Identity()
    for part in parts:
        data.draw(st.sampled_from([identity.add_name, identity.add_id, identity.add_phrase]))(part)
    text = " ".join([*data.draw(st.permutations(parts)), said, *parts])
    assert remembered(identity).scrub(text) == identity.scrub(text)


def test_no_part_can_be_read_and_another_key_knows_nobody() -> None:
    identity = _named("Quillfeather^Ottoline")
    identity.add_id("Q-77120")
    kept = Fingerprints.of(identity, KEY).model_dump_json().lower()
    assert "quill" not in kept
    assert "77120" not in kept
    said = "Ottoline Quillfeather, Q-77120"
    assert remembered(identity).scrub(said) == "[name], [id]"
    assert remembered(identity, bytes(32)).scrub(said) == said
    with pytest.raises(TypeError):
        pickle.dumps(remembered(identity))
