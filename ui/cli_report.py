"""`citrus report`: what a conversation established, as PDF or HTML."""

from pathlib import Path
from typing import Annotated

import typer

NOT_INTACT = 1
BAD_INPUT = 2


def report(
    conversation: Annotated[str, typer.Argument(help="Id of a conversation, its trace.jsonl or folder, or an export.")],
    pdf: Annotated[Path | None, typer.Option("--pdf", metavar="FILE", help="Where to write the PDF.")] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Where to write the HTML.")] = None,
) -> None:
    """Write the report of a conversation: by default CONVERSATION.pdf in this folder."""
    from graphs.trace import TraceError
    from ui.cli_trace import trace_file
    from ui.report.content import report as read
    from ui.report.html import html as as_html
    from ui.report.pdf import pdf as as_pdf

    file = trace_file(Path(conversation))
    if pdf is None and html is None:
        pdf = Path(f"citrus-{file.parent.name if file.name == 'trace.jsonl' else file.stem}.pdf")
    for wanted in (pdf, html):
        if wanted is not None and wanted.exists():
            raise _fail(f"{wanted}: already there, nothing was written", BAD_INPUT)
    try:
        made = read(file)
    except TraceError as error:
        raise _fail(f"NOT INTACT: {error}", NOT_INTACT) from None
    try:
        if pdf is not None:
            _write(pdf, as_pdf(made))
        if html is not None:
            _write(html, as_html(made).encode())
    except OSError as error:
        raise _fail(f"{error.filename}: cannot be written ({error.strerror})", BAD_INPUT) from None
    typer.echo(f"head {made.head}")


def _write(target: Path, data: bytes) -> None:
    with target.open("xb") as out:
        out.write(data)
    typer.echo(target)


def _fail(message: str, code: int) -> typer.Exit:
    typer.secho(message, err=True, fg="red")
    return typer.Exit(code)
