"""`citrus evaluate`: what comes out held against what should."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from graphs.report_alignment import Alignment
    from graphs.report_check import Check, Step

app = typer.Typer(help="Hold results against references, each step of the score explained.")

BAD_INPUT = 2


@app.callback(invoke_without_command=True)
def _group(
    context: typer.Context,
    suite: Annotated[
        str | None,
        typer.Option("--suite", help="Measure the eyes: nano is the small model that ships, on the dev split."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", envvar="CITRUS_DATA", help="Labelled folders, each with an index.jsonl.")
    ] = None,
    split: Annotated[
        str | None, typer.Option("--split", help="Only pictures of this split; with --suite dev, else all.")
    ] = None,
    model: Annotated[Path | None, typer.Option("--model", help="A checkpoint instead of the one that ships.")] = None,
    baseline: Annotated[
        Path | None, typer.Option("--baseline", help="Weights of the U-Net that is measured beside it.")
    ] = None,
    perturb: Annotated[
        int | None, typer.Option("--perturb", help="Look also under ten changes, at so many patients of each folder.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", help="At most so many patients of each folder.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Hold results against references: reports, or what the eyes see on labelled pictures."""
    if context.invoked_subcommand is not None:
        return
    if suite is None and data is None:
        typer.echo(context.get_help())
        raise typer.Exit(BAD_INPUT)
    if suite not in (None, "nano"):
        typer.secho(f"--suite {suite}: unknown; known is nano", err=True, fg="red")
        raise typer.Exit(BAD_INPUT)
    if data is None:
        typer.secho("--suite needs --data, a folder of labelled folders (or CITRUS_DATA)", err=True, fg="red")
        raise typer.Exit(BAD_INPUT)
    from ui.cli_evaluate_eyes import run

    run(data, split or ("dev" if suite else None), model, baseline, perturb, limit, as_json, choices=suite is not None)


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
