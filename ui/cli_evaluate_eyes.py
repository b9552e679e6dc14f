"""`citrus evaluate --suite nano` and `--data DIR`: how well the eyes see, on labelled pictures."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from agents.citrus_v.evaluation.figures import Figure
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
    *,
    choices: bool = False,
) -> None:
    """Look at every picture of the split and print the figures.

    Args:
        choices: Whether to measure too which tools reasoners begin with.

    Raises:
        typer.Exit: The data or the model is not what it should be.
    """
    try:
        outcomes = _outcomes(data, split, model, baseline, perturbations, limit)
        chosen = _choices(data, split, model) if choices else {}
    except (ValueError, OSError) as error:
        typer.secho(str(error), err=True, fg="red")
        raise typer.Exit(BAD_INPUT) from None
    if as_json:
        told = {**outcomes[0].table, **({"dialogues": chosen[NANO_REASONER]} if chosen else {})}
        shown = {folder: {name: one.as_json() for name, one in found.items()} for folder, found in told.items()}
        typer.echo(json.dumps(shown, indent=2))
        return
    for line in [*tables(outcomes), *([_chosen(chosen)] if chosen else [])]:
        Console().print(line)


def _choices(data: Path, split: str | None, model: Path | None) -> "dict[str, dict[str, Figure]]":
    """The first call of the small model and of the protocol, on the same questions."""
    from agents.citrus_v.evaluation.run import examples
    from agents.citrus_v.shipped import NANO
    from agents.protocol import ProtocolReasoner
    from graphs.equipment import equip
    from graphs.home import Home
    from graphs.nano import choosing
    from graphs.tool_choice import dialogues, measure

    equipment, asked = equip(Home()), dialogues(examples(data, split, DIALOGUES_OF))
    models = {NANO_REASONER: choosing(model or NANO), "protocol": ProtocolReasoner()}
    return {name: measure(one, equipment, asked) for name, one in models.items()}


def _chosen(found: "dict[str, dict[str, Figure]]") -> Table:
    table = Table(title="First call of a turn, on questions in words that no training has")
    for column in ("metric", *found, "nano falls short by"):
        table.add_column(column)
    nano, protocol = found[NANO_REASONER], found["protocol"]
    for metric in nano:
        short = protocol[metric].value - nano[metric].value
        table.add_row(metric, str(nano[metric]), str(protocol[metric]), f"{max(0.0, short):.3f}")
    return table


def measured(checkpoint: Path, data: Path) -> None:
    """Look at the dev split, and write what the checkpoint can do beside its weights."""
    from agents.citrus_v.evaluation.answers import answered, choices
    from agents.citrus_v.evaluation.calibrate import abilities
    from agents.citrus_v.evaluation.eyes import ReaderEyes
    from agents.citrus_v.evaluation.run import evaluate, examples
    from agents.citrus_v.reader import Reader

    reader = Reader.from_pretrained(checkpoint, device_map="auto", kept=_KEPT)
    pictures = examples(data, "dev")
    outcome = evaluate(ReaderEyes(reader), pictures, progress=_told)
    said = answered(reader, pictures)
    chosen = choices(reader, pictures)
    found = abilities(outcome.records, "citrus-v nano")
    answers = round(said.value, 4) if said else 0.0
    found.model_copy(update={"answers": answers, "choices": chosen}).write(checkpoint)
    Console().print(f"Answers in words that are right: {said or 'not measured'}")
    for choice in chosen:
        Console().print(f"{choice.question} By what is seen: {choice.right:.3f} of {choice.pictures} right")
    for line in tables([outcome]):
        Console().print(line)


NANO_REASONER = "nano"

DIALOGUES_OF = 12
"""Patients, volumes or pictures of each folder that questions are asked about."""

_KEPT = 64
"""Pictures whose features stay in memory: the parts of one on all its variants."""


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
