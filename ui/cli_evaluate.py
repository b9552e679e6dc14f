"""`citrus evaluate`: what comes out held against what should."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from graphs.report_alignment import Alignment
    from graphs.report_check import Check, Step

app = typer.Typer(no_args_is_help=True, help="Hold results against references, each step of the score explained.")

BAD_INPUT = 2


@app.callback()
def _group() -> None:
    """Hold results against references, each step of the score explained."""


@app.command()
def report(
    candidate: Annotated[
        str,
        typer.Argument(help="Report to check: a text file, - for standard input, an answer as JSON, or a trace."),
    ],
    reference: Annotated[str, typer.Argument(help="Report that is held to be right: likewise.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Hold one report against another: criteria, evidence, alignment, consistency score."""
    from graphs.report_check import ReportError, check_report
    from graphs.report_text import read_report

    try:
        if candidate == reference == "-":
            raise ReportError("only one of the two can come from standard input")
        texts = [read_report(source, sys.stdin.buffer) for source in (candidate, reference)]
        check = check_report(*texts)
    except ReportError as error:
        typer.secho(str(error), err=True, fg="red")
        raise typer.Exit(BAD_INPUT) from None
    if as_json:
        typer.echo(json.dumps(check.model_dump(mode="json"), ensure_ascii=False, indent=2))
    else:
        _show(check)


_MARKS = {
    "agrees": ("green", "✓"),
    "implied": ("green", "~"),
    "unasked": ("dim", "·"),
    "differs": ("yellow", "≠"),
    "missing": ("red", "–"),
    "added": ("red", "+"),
    "contradicted": ("red", "✗"),
}


def _show(check: "Check") -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False)
    table = Table("", "criterion", "the reference says", "the candidate says", box=None, padding=(0, 1), pad_edge=False)
    for alignment in check.alignments:
        colour, mark = _MARKS[alignment.verdict.value]
        shown = alignment.reference or alignment.candidate
        table.add_row(
            f"[{colour}]{mark}[/]",
            f"[bold]{shown.id}[/bold] {escape(shown.label)}" if shown else "",
            *(_evidence(alignment, which) for which in ("reference", "candidate")),
        )
    console.print(table)
    console.print("\n[bold]The score, step by step[/bold]")
    for number, step in enumerate(check.steps):
        console.print(_step(step, number), soft_wrap=True)
    console.print(f"\n[bold]Consistency {check.score:.2f}[/bold] (1 is the same in substance)")
    console.print(
        "[dim]A check of words by rules: it does not see the image. A qualified reader must judge what matters.[/dim]"
    )


def _evidence(alignment: "Alignment", which: str) -> str:
    from rich.markup import escape

    criterion = getattr(alignment, which)
    if criterion is None:
        return "[dim]nothing[/dim]"
    return "\n".join(f"“{escape(span.text)}”" for span in criterion.evidence[:3])


def _step(step: "Step", number: int) -> str:
    from rich.markup import escape

    factor = f"  {step.factor:.2f}" if number == 0 else f"× {step.factor:.2f}"
    return f"  {factor} = {step.score:.2f}  {escape(step.explanation)}"
