"""The report as one HTML document: everything inside, no script, printable."""

import base64
import hashlib
from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from graphs.closing import NOTICE
from ui.report import words
from ui.report.content import Report


@cache
def _environment() -> Environment:
    return Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_shown
    )


def _shown(value: object) -> object:
    """Every value passes through here, so that nothing of the record can hide or reorder words."""
    if isinstance(value, Markup):
        return Markup(words.visible(value))  # noqa: S704 - escaped before
    return words.visible(value) if isinstance(value, str) else value


def _asset(name: str) -> str:
    return files("ui.report").joinpath(name).read_text(encoding="utf-8")


def policy() -> str:
    """What the document may load: its own style and the pictures inside it."""
    style = base64.b64encode(hashlib.sha256(_asset("report.css").encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{style}'; img-src data:; base-uri 'none'; form-action 'none'"


def html(report: Report, links: dict[str, str] | None = None) -> str:
    """The document.

    Args:
        links: Addresses on the server that shows it, by name; none in a file.
    """
    pictures = [
        (picture.title, f"data:image/png;base64,{base64.b64encode(picture.png).decode()}")
        for picture in report.pictures
    ]
    return (
        _environment()
        .from_string(_asset("report.html"))
        .render(
            report=report,
            words=words,
            notice=NOTICE,
            policy=policy(),
            style=Markup(_asset("report.css")),  # noqa: S704 - our own file
            pictures=pictures,
            links=links or {},
        )
    )
