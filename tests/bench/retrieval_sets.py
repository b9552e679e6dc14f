"""What retrieval is measured on: passages, questions, and which passages answer each."""

import gzip
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knowledge.embedding import TOKENS as WHOLE
from tests.shared import shared

TOKENS = 128
"""So much of an answer of MedQuAD is embedded; the words of all of it are indexed."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """One way to ask for passages.

    Attributes:
        passages: The words of each, as they are indexed.
        questions: What is asked.
        answers: For each question, the passages that answer it.
        tokens: So many of a passage's are embedded.
    """

    name: str
    passages: Sequence[str]
    questions: Sequence[str]
    answers: Sequence[frozenset[int]]
    tokens: int


def same(text: str) -> str:
    """`text` but for case and white space."""
    return " ".join(text.lower().split())


def held_out(row: Row) -> bool:
    """Whether a question of MedQuAD is for choosing settings and in no test; all on one disease are."""
    return hashlib.sha256(same(row["focus"]).encode()).digest()[0] % 5 == 0


def medquad(most: int, wanted: Callable[[Row], bool], masked: bool = False) -> Task:
    """Find the answer by its question among all of MedQuAD's, at most `most` questions of those wanted.

    A passage is an answer under its page's title, the disease; the question is not in it. An answer
    counts if its own question is the one that was asked, or if its words are those of one that does.

    Args:
        masked: The disease's name is struck out of every passage, title and all.
    """
    rows = _rows("medquad.jsonl.gz")
    by_question: dict[str, set[int]] = defaultdict(set)
    by_answer: dict[str, set[int]] = defaultdict(set)
    for number, row in enumerate(rows):
        by_question[same(row["question"])].add(number)
        by_answer[same(row["answer"])].add(number)
    chosen = sorted((number for number, row in enumerate(rows) if wanted(row)), key=lambda n: _draw(rows[n]))[:most]
    answers = []
    for number in chosen:
        asked = by_question[same(rows[number]["question"])]
        answers.append(frozenset(twin for one in asked for twin in by_answer[same(rows[one]["answer"])]))
    passages = [_masked(row["answer"], row["focus"]) if masked else f"{row['focus']}. {row['answer']}" for row in rows]
    name = "MedQuAD, disease masked" if masked else "MedQuAD"
    return Task(name, passages, [rows[number]["question"] for number in chosen], answers, TOKENS)


def pubmedqa() -> Task:
    """Find the abstract by the question its authors ask, among 500; their conclusion is not in it."""
    rows = _rows("pubmedqa_labelled.jsonl.gz")
    passages = [" ".join(row["CONTEXTS"]) for row in rows]
    answers = [frozenset({number}) for number in range(len(rows))]
    return Task("PubMedQA", passages, [row["QUESTION"] for row in rows], answers, WHOLE)


def cards() -> Task:
    """Find an answering card by the questions written by hand."""
    from knowledge.card import load_cards
    from tests.knowledge.questions import QUESTIONS

    library = load_cards()
    place = {card.id: number for number, card in enumerate(library)}
    answers = [frozenset(place[name] for name in names) for _, names in QUESTIONS]
    return Task("our cards", [card.words for card in library], [query for query, _ in QUESTIONS], answers, WHOLE)


def tasks(most: int) -> Iterator[Task]:
    """Every task of the table."""
    yield cards()
    yield pubmedqa()
    for masked in (False, True):
        yield medquad(most, lambda row: not held_out(row), masked)


def folder() -> Path:
    """Where the texts lie.

    Raises:
        FileNotFoundError: They are not there.
    """
    return Path(shared("data", "text"))


def _rows(name: str) -> list[Row]:
    with gzip.open(folder() / name, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _draw(row: Row) -> str:
    return hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()


def _masked(text: str, focus: str) -> str:
    """`text` with the disease's name, also without what stands in brackets, replaced by "the condition"."""
    plain = re.sub(r"\s*\([^)]*\)", "", focus).strip()
    for name in sorted({focus.strip(), plain} - {""}, key=lambda name: (-len(name), name)):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "the condition", text, flags=re.IGNORECASE)
    return text
