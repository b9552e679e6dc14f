"""`citrus trace`: what an auditor does with a record, none of it needs the model."""

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Show, verify, replay, run again and hand on a conversation's record.")

TraceFile = Annotated[Path, typer.Argument(help="trace.jsonl of a conversation, its folder, its id, or an export.")]

NOT_INTACT = 1


def trace_file(path: Path) -> Path:
    """The record that a person named: a file, a folder, or the id of a conversation."""
    from graphs.home import Home, HomeError

    if path.is_dir():
        return path / "trace.jsonl"
    if not path.exists() and len(path.parts) == 1:
        try:
            kept = Home().conversation(str(path)) / "trace.jsonl"
        except HomeError:
            return path
        return kept if kept.exists() else path
    return path


def _not_intact(error: Exception) -> typer.Exit:
    typer.secho(f"NOT INTACT: {error}", err=True, fg="red")
    return typer.Exit(NOT_INTACT)


@app.command()
def show(
    trace: TraceFile,
    as_json: Annotated[bool, typer.Option("--json", help="Print the events as JSON Lines.")] = False,
) -> None:
    """Print what happened, event by event."""
    from graphs.replay import events_of
    from graphs.trace import TraceError
    from ui.terminal import Terminal

    try:
        events = events_of(trace_file(trace))
    except TraceError as error:
        raise _not_intact(error) from None
    if as_json:
        for event in events:
            typer.echo(json.dumps(event.model_dump(mode="json"), ensure_ascii=False))
    else:
        Terminal().events(events)


@app.command()
def verify(
    trace: TraceFile,
    head: Annotated[str | None, typer.Option("--head", help="The head hash that was printed with an answer.")] = None,
) -> None:
    """Check every line, link and blob; exit 0 only when all is intact."""
    from graphs.export import is_export, read_export
    from graphs.trace import TraceError, verify_trace

    file = trace_file(trace)
    try:
        if is_export(file):
            _, found = read_export(file)
            if head is not None and head != found.head:
                raise TraceError(f"{file}: its last line is {found.head}, not {head}")
        else:
            found = verify_trace(file, head)
    except TraceError as error:
        raise _not_intact(error) from None
    typer.secho(f"intact: {found.events} events, {found.blobs} blobs, head {found.head}", fg="green")
    if found.interrupted:
        typer.echo("The process that wrote it was interrupted: what follows the last event was never recorded.")


@app.command()
def replay(trace: TraceFile) -> None:
    """Run the conversation again on its recorded outputs: no model, no network, no pixels."""
    from graphs.journal import Divergence
    from graphs.replay import replay as run
    from graphs.trace import TraceError

    try:
        replayed = run(trace_file(trace))
    except TraceError as error:
        raise _not_intact(error) from None
    except Divergence as divergence:
        typer.secho(f"DIFFERS at {divergence}", err=True, fg="red")
        raise typer.Exit(NOT_INTACT) from None
    typer.echo(replayed.transcript)
    typer.secho(f"reproduced exactly: {replayed.steps} events", fg="green", err=True)
    if replayed.unfinished:
        typer.echo("The record ends inside a turn.", err=True)


@app.command()
def rerun(
    trace: TraceFile,
    reasoner: Annotated[str, typer.Option("--reasoner")] = "protocol",
) -> None:
    """Ask the same questions of the same pixels, really executing every step; report the first difference."""
    from graphs.equipment import EquipmentError, equip
    from graphs.home import Home
    from graphs.replay import rerun as run
    from graphs.trace import TraceError
    from knowledge.blobs import BlobError

    try:
        outcome = run(trace_file(trace), equip(Home(), reasoner))
    except (TraceError, BlobError, EquipmentError) as error:
        raise _not_intact(error) from None
    typer.echo(outcome.transcript)
    if outcome.difference is None:
        typer.secho("every event is as recorded", fg="green", err=True)
        return
    typer.secho(f"first difference: {outcome.difference.message}", fg="yellow", err=True)
    for line in outcome.difference.quantities:
        typer.echo(f"  {line}", err=True)
    raise typer.Exit(NOT_INTACT)


@app.command()
def export(
    trace: TraceFile,
    out: Annotated[Path, typer.Option("-o", "--out", help="Where to write; must not exist.")],
    pixels: Annotated[bool, typer.Option("--pixels", help="Take the images' own pixels along.")] = False,
    redact: Annotated[list[str] | None, typer.Option("--redact", metavar="WORD", help="Strike this out too.")] = None,
    html: Annotated[
        bool, typer.Option("--html", help="Write a page that any browser opens, without a network.")
    ] = False,
) -> None:
    """Write one self-contained, redacted file that can be verified and replayed anywhere."""
    from graphs.export import export as run
    from graphs.trace import TraceError
    from ui.trace_page.page import write_html

    write = write_html if html else run
    try:
        head = write(trace_file(trace), out, pixels=pixels, words=redact or ())
    except TraceError as error:
        raise _not_intact(error) from None
    except FileExistsError:
        typer.secho(f"{out}: already there, nothing was written", err=True, fg="red")
        raise typer.Exit(2) from None
    except OSError as error:
        typer.secho(f"{out}: cannot be written ({error.strerror})", err=True, fg="red")
        raise typer.Exit(2) from None
    typer.echo(f"{out}\nhead {head}")
