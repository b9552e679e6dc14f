"""Conversations whose truth is known: a chest CT phantom, and a real image where labelled data lies at hand."""

import os
import tempfile
from pathlib import Path

from rich.rule import Rule

from ui.cli import opened, put
from ui.phantom import chest, write_series
from ui.terminal import Terminal, command_name

QUESTIONS = (
    "How large are the lungs, and is the volume normal for an adult?",
    "And how dense is the left one?",
    "How big is the spleen?",
)


REAL_QUESTIONS = ("What is this image?", "How large is the left ventricle cavity?")

DATA = "CITRUS_DATA"
"""Names the folder of labelled folders, as `citrus evaluate --data` takes it."""


def run() -> None:
    """A phantom, then a real image where there is one: ask, answer, compare with the truth."""
    terminal = Terminal()
    terminal.out.print(Rule("[bold]Citrus-V[/bold] · a diagnostic conversation with its evidence"))
    _phantom(terminal)
    _real(terminal)
    terminal.out.print(
        f"\nAsk about your own images: [bold]{command_name()} chat FILE...[/bold]\n"
        f"Open the web page:         [bold]{command_name()} serve[/bold]"
    )


def _phantom(terminal: Terminal) -> None:
    terminal.out.print(
        "The case is a chest CT phantom of 100 DICOM slices, painted for this demonstration, so that the truth is\n"
        "known. Reasoner: protocol, which needs no weights. Everything runs on this machine."
    )
    phantom = chest()
    with tempfile.TemporaryDirectory() as folder:
        write_series(phantom, Path(folder))
        with opened([Path(folder)], "protocol", None, None, {}, terminal) as conversation:
            for question in QUESTIONS:
                terminal.out.print(f"\n[bold cyan]You ›[/bold cyan] {question}")
                terminal.answer(conversation, put(conversation, question, terminal, yes=False))
            measured = {
                item.target: item.quantity.text()
                for item in conversation.evidence.values()
                if item.kind == "measurement" and item.quantity.name == "volume"
            }
            truth = {"left lung": phantom.left_lung, "right lung": phantom.right_lung}
            terminal.out.print(Rule("The truth of the phantom"))
            for target, mask in truth.items():
                painted = f"{phantom.millilitres(mask):.0f} mL"
                terminal.out.print(f"{target}: painted {painted}, measured {measured.get(target, 'not measured')}")
            terminal.out.print(Rule("Check it yourself"))
            terminal.closing(conversation)


def _real(terminal: Terminal) -> None:
    """A frame of a heart that the small model has never seen, without a header: all it is, is recognised."""
    from agents.citrus_v.shipped import installed

    folder = Path(os.environ.get(DATA, "")) / "cardiac_mri"
    if not os.environ.get(DATA) or not (folder / "index.jsonl").is_file():
        terminal.out.print(
            f"\nWith labelled pictures in {DATA}, the small model reads a real one here as well.", style="dim"
        )
        return
    if not installed():
        return
    from agents.citrus_v.evaluation.figures import overlap
    from agents.citrus_v.training.folders import read_folder, rows
    from knowledge.evidence import Mask
    from tools.imaging.volume import decode_mask

    row = next(row for row in rows(folder) if row["split"] == "dev")
    example = next(read_folder(folder, "dev"))
    terminal.out.print(Rule("A real image"))
    terminal.out.print(
        "A frame of a heart MR (Sunnybrook Cardiac Data), held out from training, as a picture without a header:\n"
        "what it is, and where the ventricle lies, the small model that ships must see for itself."
    )
    with opened([folder / row["image"]], "protocol", None, None, {}, terminal) as conversation:
        for question in REAL_QUESTIONS:
            terminal.out.print(f"\n[bold cyan]You ›[/bold cyan] {question}")
            terminal.answer(conversation, put(conversation, question, terminal, yes=False))
        drawn = [item for item in conversation.evidence.values() if isinstance(item, Mask)]
        terminal.out.print(Rule("The truth, drawn by hand"))
        truth = example.masks["left ventricle cavity"]
        if drawn:
            mask = decode_mask(conversation.trace.blobs.get(drawn[-1].blob))
            dice, _ = overlap(mask[0], truth)
            terminal.out.print(f"left ventricle cavity: the outline overlaps it by a Dice of {dice:.2f}")
        else:
            terminal.out.print("left ventricle cavity: no outline was given")
