"""`citrus evaluate --suite nano` and `--data DIR`: how well the eyes see, on labelled pictures."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from agents.citrus_v.evaluation.run import Outcome

BAD_INPUT = 2


def run(
    data: Path,
    split: str | None,
    model: Path | None,
    baseline: Path | None,
    perturbations: int | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """Look at every picture of the split and print the figures.

    Raises:
        typer.Exit: The data or the model is not what it should be.
    """
    try:
        outcomes = _outcomes(data, split, model, baseline, perturbations, limit)
    except (ValueError, OSError) as error:
        typer.secho(str(error), err=True, fg="red")
        raise typer.Exit(BAD_INPUT) from None
    if as_json:
        first = outcomes[0]
        typer.echo(
            json.dumps(
                {
                    folder: {name: figure.as_json() for name, figure in found.items()}
                    for folder, found in first.table.items()
                },
                indent=2,
            )
        )
        return
    for line in tables(outcomes):
        Console().print(line)


def measured(checkpoint: Path, data: Path) -> None:
    """Look at the dev split, and write what the checkpoint can do beside its weights."""
    from agents.citrus_v.evaluation.calibrate import abilities
    from agents.citrus_v.evaluation.eyes import ReaderEyes
    from agents.citrus_v.evaluation.run import evaluate, examples
    from agents.citrus_v.reader import Reader

    reader = Reader.from_pretrained(checkpoint, device_map="auto", kept=_KEPT)
    outcome = evaluate(ReaderEyes(reader), examples(data, "dev"), progress=_told)
    abilities(outcome.records, "citrus-v nano").write(checkpoint)
    for line in tables([outcome]):
        Console().print(line)


_KEPT = 4
"""Pictures whose features stay in memory: each is looked at once."""


def _outcomes(
    data: Path,
    split: str | None,
    model: Path | None,
    baseline: Path | None,
    perturbations: int | None,
    limit: int | None,
) -> "list[Outcome]":
    from agents.citrus_v.abilities import Abilities
    from agents.citrus_v.evaluation.eyes import Eyes, ReaderEyes
    from agents.citrus_v.evaluation.run import evaluate, examples
    from agents.citrus_v.reader import Reader
    from agents.citrus_v.shipped import NANO, installed

    folder = model or NANO
    if model is None and not installed():
        raise ValueError("this installation carries no small model; name a checkpoint with --model")
    pictures = examples(data, split, limit)
    abilities = Abilities.of(folder)
    reader = Reader.from_pretrained(folder, device_map="auto", kept=_KEPT)
    eyes: list[Eyes] = [ReaderEyes(reader, abilities)]
    if baseline is not None:
        from agents.citrus_v.evaluation.unet import UNetEyes

        eyes.append(UNetEyes(baseline, reader.processor.image_size))
    return [
        evaluate(one, pictures, abilities if isinstance(one, ReaderEyes) else None, perturbations, _told)
        for one in eyes
    ]


def tables(outcomes: "list[Outcome]") -> list[Any]:
    """One table of all figures, each pair of eyes a column; the tumours' confusion; the changes."""
    shown: list[Any] = []
    main = Table(title="On labelled pictures (95 % interval of a bootstrap over patients or pictures)")
    for column in ("folder", "metric", *(outcome.name for outcome in outcomes)):
        main.add_column(column)
    first = outcomes[0].table
    for folder, found in first.items():
        for metric in found:
            cells = [str(outcome.table.get(folder, {}).get(metric, "-")) for outcome in outcomes]
            main.add_row(folder, metric, *cells)
        main.add_section()
    shown.append(main)
    for outcome in outcomes:
        if outcome.confusion:
            names = list(next(iter(outcome.confusion.values())))
            table = Table(title=f"Tumours by {outcome.name}: rows are true, columns said")
            for column in ("", *names):
                table.add_column(column)
            for true, said in outcome.confusion.items():
                table.add_row(true, *(str(said[name]) for name in names))
            shown.append(table)
    if outcomes[0].perturbed:
        shown.append(_changes(outcomes))
    return shown


def _changes(outcomes: "list[Outcome]") -> Table:
    from agents.citrus_v.evaluation.run import drop

    table = Table(title="Dice under changes of the pictures, and the mean fall")
    folders = list(outcomes[0].perturbed["none"])
    for column in ("change", "eyes", *folders, "fall"):
        table.add_column(column)
    for name in outcomes[0].perturbed:
        for outcome in outcomes:
            found = outcome.perturbed[name]
            cells = [f"{found[folder].value:.3f}" if folder in found else "-" for folder in folders]
            fall = "" if name == "none" else f"{drop(outcome)[name]:+.3f}"
            table.add_row(name, outcome.name, *cells, fall)
    for outcome in outcomes:
        falls = list(drop(outcome).values())
        table.add_row("mean", outcome.name, *[""] * len(folders), f"{sum(falls) / len(falls):+.3f}")
    return table


def _told(what: str, done: int) -> None:
    if done % 25 == 0 and sys.stderr.isatty():
        typer.echo(f"\r{what}: {done}   ", err=True, nl=False)
