"""`citrus knowledge`: look into the library."""

import json
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Search the library of evidence cards.")


@app.callback()
def _group() -> None:
    """Keep `search` a command of its own while it is the only one."""


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="What you want to know.")],
    k: Annotated[int, typer.Option("-k", min=1, max=50, help="How many passages.")] = 5,
    modality: Annotated[str | None, typer.Option("--modality", help="DICOM modality.")] = None,
    body_part: Annotated[str | None, typer.Option("--body-part", help='Such as "chest".')] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
) -> None:
    """Find passages with their sources."""
    from graphs.home import Home
    from knowledge.case import Modality
    from knowledge.index import Library
    from ui.terminal import Terminal

    try:
        code = None if modality is None else Modality(modality.upper())
    except ValueError:
        typer.secho(f"--modality {modality}: not a DICOM modality that is known here", err=True, fg="red")
        raise typer.Exit(2) from None
    hits = Library.open(cache=Home().cache).search(query, k=k, modality=code, body_part=body_part)
    if as_json:
        rows = [{"score": hit.score, **hit.card.model_dump(mode="json")} for hit in hits]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        Terminal().hits(hits)
