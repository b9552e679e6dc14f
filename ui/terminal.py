"""How a conversation looks in a terminal: steps as they run, the answer, its evidence."""

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

if TYPE_CHECKING:
    from graphs.conversation import Conversation
    from graphs.differential import Differential
    from graphs.events import Answered, Event
    from knowledge.case import Image
    from knowledge.evidence import Evidence
    from knowledge.index import Hit
    from tools.conformance import Report
    from tools.tool import Services, Tool

_BAR = 40
_BOXES_IN_FULL = 3
_MARK = r"\[E\d+(?:\s*,\s*E\d+)*\]"


class Terminal:
    """Progress and cases go to standard error, answers to standard output."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.out = Console(highlight=False)
        self.err = Console(stderr=True, highlight=False)

    def status(self, words: str) -> None:
        """One line on what is going on."""
        if not self.quiet:
            self.err.print(f"[dim]· {escape(words)}[/dim]")

    def case(self, conversation: "Conversation") -> None:
        """The images that opened, and every file that did not, by its own name."""
        for problem in conversation.case.problems:
            name = conversation.names.get(problem.file, problem.file)
            self.err.print(f"[red]✗ {escape(name)}[/red]: {escape(problem.reason)}", soft_wrap=True)
        if self.quiet:
            return
        for image in conversation.case.images:
            self.err.print(f"[bold]{image.id}[/bold] {escape(image.label)}: {escape(', '.join(facts(image)))}")
            for caveat in image.caveats:
                self.err.print(f"   [yellow]! {escape(caveat)}[/yellow]")

    def ask(self) -> str:
        """The next question of the person at the keyboard; empty at the end."""
        self.err.print()
        try:
            return self.err.input("[bold cyan]You ›[/bold cyan] ").strip()
        except (EOFError, KeyboardInterrupt):
            return ""

    def consent(self, subject: str, question: str) -> bool:
        """A person's yes or no; without a person it is no."""
        if not sys.stdin.isatty():
            self.err.print(f"[yellow]Declined, since nobody can be asked: {escape(question)} (--yes agrees)[/yellow]")
            return False
        return self.err.input(f"[bold yellow]{escape(question)}[/bold yellow] [y/N] ").strip().lower() in ("y", "yes")

    def progress(self, update: Mapping[str, Any]) -> None:
        """One step of the turn, when it begins or ends."""
        if self.quiet:
            return
        if update["type"] == "tool_started":
            arguments = ", ".join(f"{name}={value}" for name, value in update["arguments"].items())
            self.err.print(f"[cyan]→ {escape(update['purpose'])}[/cyan] [dim]{escape(arguments)}[/dim]")
        elif update["type"] == "slices" and self.err.is_terminal:
            done, known = update["done"], update["known"]
            filled = _BAR * done // known
            bar = f"{'━' * filled}[dim]{'·' * (_BAR - filled)}[/dim] {done} of {known} slices"
            self.err.print("  " + bar, end="\n" if done == known else "\r")
        elif update["type"] == "tool_finished":
            event = update["event"]
            words = event.refused or event.fault or _result(event.evidence)
            mark = "[yellow]✗" if event.refused or event.fault else "[green]✓"
            self.err.print(f"  {mark}[/] {escape(words)} [dim]{event.seconds:.2f} s[/dim]")

    def answer(self, conversation: "Conversation", answer: "Answered") -> None:
        """The answer, the evidence it cites, what was withheld, and pictures of the evidence."""
        text = Text(answer.answer)
        text.highlight_regex(_MARK, "bold cyan")
        self.out.print(Panel(text, title="Citrus-V", title_align="left", border_style="cyan", padding=(1, 2)))
        cited = dict.fromkeys(identifier for claim in answer.claims for identifier in claim.evidence)
        evidence = conversation.evidence
        if cited:
            self.out.print(self._table(evidence[identifier] for identifier in cited))
        self._differential(conversation.differential(answer.turn))
        for claim in dict.fromkeys(answer.withheld):
            self.out.print(
                f"[yellow]Withheld, not supported:[/yellow] {escape(claim.text)} [dim]({claim.reason})[/dim]"
            )
        for picture in self._pictures(conversation, answer.turn):
            self.out.print(f"Picture: {picture}", soft_wrap=True)

    def _differential(self, differential: "Differential") -> None:
        """Each candidate as a tree; a leaf is the evidence in brackets."""
        from graphs.differential import lines

        for candidate in differential.candidates:
            tree: Tree | None = None
            branches: list[Tree] = []
            for depth, line in lines(candidate.tree):
                if tree is None:
                    recall = f"criteria {candidate.verdict}, guideline recall {candidate.recall:.2f}"
                    tree = Tree(f"{escape(line)} [dim]{recall}[/dim]")
                    branches = [tree]
                    continue
                branches[depth:] = [branches[depth - 1].add(escape(line))]
            if tree is not None:
                self.out.print(tree)
        for reason in differential.withheld:
            self.out.print(f"[yellow]Not in the differential:[/yellow] {escape(reason)}")

    def _table(self, items: Iterable["Evidence"]) -> Table:
        table = Table(box=None, padding=(0, 1), show_header=False)
        table.add_column(style="bold cyan", no_wrap=True)
        table.add_column(overflow="fold")
        for item in items:
            notes = "".join(f"\n[yellow]! {escape(caveat)}[/yellow]" for caveat in item.caveats)
            table.add_row(item.id, escape(summary(item)) + notes)
        return table

    def _pictures(self, conversation: "Conversation", turn: int) -> list[Path]:
        from ui.pictures import write_pictures

        return write_pictures(conversation, turn)

    def closing(self, conversation: "Conversation") -> None:
        """Where the record lies and how to check it."""
        command = command_name()
        self.out.print(
            Group(
                f"[dim]Trace[/dim]   {conversation.trace.file}",
                f"[dim]Head[/dim]    {conversation.trace.head}",
                f"[dim]Check[/dim]   {command} trace verify {conversation.identifier} --head {conversation.trace.head}",
                f"[dim]Replay[/dim]  {command} trace replay {conversation.identifier}",
                f"[dim]Go on[/dim]   {command} resume {conversation.identifier}",
            ),
            soft_wrap=True,
        )

    def events(self, events: Iterable["Event"]) -> None:
        """A trace as a list of what happened."""
        for number, event in enumerate(events, 1):
            self.out.print(f"[bold]{number:>4}[/bold] [cyan]{event.type}[/cyan] {escape(_event_words(event))}")

    def hits(self, hits: Iterable["Hit"]) -> None:
        """Passages with their sources."""
        for hit in hits:
            card = hit.card
            where = card.source.doi or card.source.url or ""
            place = f", {card.locator}" if card.locator else ""
            source = f"{card.source.title}, {card.source.issued}{place}. {where}".strip()
            body = f"{escape(card.text)}\n[dim]{escape(source)}[/dim]"
            self.out.print(Panel(body, title=f"{escape(card.title)} ({card.id})", title_align="left"))

    def tools(self, tools: Mapping[str, "Tool"], services: "Services") -> None:
        """The tools, what they take and what they know."""
        table = Table("tool", "version", "takes", "returns", "knows")
        for tool in tools.values():
            takes = " ".join(sorted(tool.modalities)) or "any"
            knows = ", ".join(target.name for target in tool.targets(services))
            table.add_row(tool.name, tool.version, takes, ", ".join(tool.returns), knows)
        self.out.print(table)

    def conformance(self, report: "Report") -> None:
        """The findings on one tool."""
        self.out.print(report.text(), markup=False)


def command_name() -> str:
    """How the person can call this command: by its name where it is on the path."""
    called = Path(sys.argv[0])
    return "citrus" if which("citrus") or called.name != "citrus" else str(called)


def _result(found: Sequence["Evidence"]) -> str:
    """What a call established; boxes of one structure, where there are many, by their number."""
    boxes = Counter(item.target for item in found if item.kind == "region")
    many = {target for target, count in boxes.items() if count > _BOXES_IN_FULL}
    words = [f"{boxes[target]} boxes of the {target}" for target in many]
    words += [_brief(item) for item in found if not (item.kind == "region" and item.target in many)]
    return "; ".join(words)


def _brief(item: "Evidence") -> str:
    """A few words on a piece of evidence, for the line of its step."""
    if item.kind == "passage":
        return item.title
    if item.kind == "image_facts":
        return f"{item.image}: {item.modality.value}, {item.facts.get('size', ('', ''))[0]}"
    return summary(item)


def facts(image: "Image") -> list[str]:
    """What an image is, each fact with how it is known."""
    size = " × ".join(str(count) for count in reversed(image.shape) if count > 1)
    known = [f"{image.modality.value} ({image.modality_origin.value})", f"{size} pixels"]
    if image.body_part:
        known.append(image.body_part)
    if image.spacing:
        spacing = " × ".join(f"{step:.3g}" for step in reversed(image.spacing))
        known.append(f"{spacing} mm ({image.spacing_source.value})")
    else:
        known.append("no physical pixel size")
    return known


def summary(item: "Evidence") -> str:
    """One line on a piece of evidence."""
    if item.kind == "measurement":
        return f"{item.target}, {item.quantity.name}: {item.quantity.text()}"
    if item.kind == "mask":
        return f"mask of the {item.target}, {item.voxels} pixels"
    if item.kind == "region":
        corners = ", ".join(f"{value:g}" for value in item.box)
        return f"box of the {item.target} at {corners}"
    if item.kind == "passage":
        return f"{item.title}: {item.text} ({item.source.issued})"
    if item.kind == "absence":
        return f"{item.target}: not found. {item.searched}"
    if item.kind == "limitation":
        return item.reason
    if item.kind == "statement":
        return f"{item.speaker}: {item.text}"
    if item.kind == "view":
        return item.description
    if item.kind == "criterion" or item.kind == "appraisal":  # noqa: PLR1714 - mypy tells the kinds apart by it
        return item.text
    return ", ".join(
        f"{name} {value}" if value.startswith("unknown") else f"{name} {value} ({origin})"
        for name, (value, origin) in item.facts.items()
    )


def _event_words(event: "Event") -> str:
    if event.type == "asked":
        return event.question
    if event.type in ("tool_started", "reasoner_started"):
        return f"{event.tool} {event.arguments}" if event.type == "tool_started" else f"step {event.step}"
    if event.type == "tool_finished":
        return event.refused or event.fault or "; ".join(f"{item.id} {summary(item)}" for item in event.evidence)
    if event.type == "reasoner_finished":
        return event.fault or event.content or ", ".join(str(call["name"]) for call in event.tool_calls)
    if event.type == "verified":
        return f"{len(event.claims)} claims, {len(event.withheld)} withheld"
    if event.type == "differentiated":
        return "; ".join(f"{one.disease}: {one.verdict}" for one in event.differential.candidates)
    if event.type == "corrected":
        new = f"replaced by {event.evidence[0].id}" if event.evidence else "rejected"
        return f"{event.of} {new} by {event.by}. {event.reason}".strip()
    if event.type == "revised":
        gone = f"; withdrawn: {', '.join(event.withdrawn)}" if event.withdrawn else ""
        return f"done again: {', '.join(event.replaced.values()) or 'nothing'}{gone}"
    if event.type == "judged":
        return f"turn {event.turn} {event.opinion} by {event.by}. {event.comment}".strip()
    if event.type == "answered":
        return event.answer
    if event.type == "admitted":
        return ", ".join(f"{image.id} {image.label}" for image in event.case.images)
    if event.type == "consent":
        return f"{event.question} {'yes' if event.granted else 'no'}"
    return event.conversation if event.type == "opened" else ""
