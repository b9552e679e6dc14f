"""Questions and answers as JSON Lines with MedQuAD's fields (Ben Abacha and Demner-Fushman,
BMC Bioinformatics 2019;20:511, doi:10.1186/s12859-019-3119-4)."""

import json
from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict, ValidationError

from knowledge.documents.files import as_text
from knowledge.documents.parsed import Block, DocumentError, Origin, Parsed, web, year_in

_NAMED = 20
"""So many faulty lines are named one by one."""


class _Row(BaseModel):
    """One question with its answer; fields of other names are left aside."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    question: str
    answer: str
    id: str = ""
    focus: str = ""
    url: str = ""
    source: str = ""
    year: str = ""
    licence: str = ""


def read_json_lines(data: bytes, name: str) -> Parsed:
    """Each answer under its question; a line that is not such a pair is a problem, not the end.

    Raises:
        DocumentError: It is no text, or no line is a question with its answer.
    """
    problems: list[str] = []
    blocks = list(_blocks(as_text(data, name), problems))
    if not blocks:
        reason = problems[0] if problems else "each line must be a JSON object with question and answer"
        raise DocumentError(f"{name}: it holds no question with its answer; {reason}")
    if len(problems) > _NAMED:
        problems[_NAMED:] = [f"and {len(problems) - _NAMED} more lines"]
    return Parsed(Origin(), blocks, problems)


def _blocks(text: str, problems: list[str]) -> Iterator[Block]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = _Row.model_validate(json.loads(line))
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            problems.append(f"line {number}: {'.'.join(map(str, fault['loc'])) or 'it'}: {fault['msg']}")
            continue
        except (ValueError, RecursionError):
            problems.append(f"line {number}: no JSON object")
            continue
        if not row.answer.strip():
            problems.append(f"line {number}: the answer is empty")
            continue
        origin = Origin(
            title=row.focus.strip() or None,
            organisation=row.source.strip() or None,
            year=year_in(row.year),
            url=web(row.url),
            licence=row.licence.strip() or None,
        )
        place = f"entry {row.id.strip() or number}"
        yield Block(row.answer, (row.question,), place=place, alone=True, origin=origin)
