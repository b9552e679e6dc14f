"""Three turns on a chest CT whose truth is known, then how to check every word of them."""

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


def run() -> None:
    """Write the phantom, ask, answer, compare with the truth, say where the record lies."""
    terminal = Terminal()
    terminal.out.print(Rule("[bold]Citrus-V[/bold] · a diagnostic conversation with its evidence"))
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
            terminal.out.print(
                f"\nAsk about your own images: [bold]{command_name()} chat FILE...[/bold]\n"
                f"Open the web page:         [bold]{command_name()} serve[/bold]"
            )
