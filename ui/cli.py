"""The command `citrus`: ask, chat, resume, demo; trace, tools and knowledge have rooms of their own."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ui import cli_evaluate, cli_knowledge, cli_model, cli_report, cli_tools, cli_trace, cli_train, cli_users
from ui.terminal import Terminal

if TYPE_CHECKING:
    from graphs.conversation import Conversation
    from graphs.events import Answered

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Clinical reasoning over medical images: every sentence with its evidence, every step replayable.",
)
app.add_typer(cli_trace.app, name="trace")
app.add_typer(cli_tools.app, name="tools")
app.add_typer(cli_knowledge.app, name="knowledge")
app.add_typer(cli_model.app, name="model")
app.command("report")(cli_report.report)
app.command("train")(cli_train.train)
app.add_typer(cli_users.app, name="users")
app.add_typer(cli_evaluate.app, name="evaluate")

BAD_INPUT = 2

Files = Annotated[list[Path], typer.Argument(help="DICOM file, folder or zip; NIfTI; PNG, JPEG or TIFF.")]
ReasonerName = Annotated[
    str, typer.Option("--reasoner", help="protocol (no weights), nano, citrus-v (CITRUS_MODEL) or remote.")
]
Spacing = Annotated[
    str | None, typer.Option("--spacing", metavar="X,Y", help="Pixel size in mm, where the file does not say.")
]
ModalityCode = Annotated[
    str | None, typer.Option("--modality", metavar="CODE", help="DICOM modality such as CT, MR, DX, where unknown.")
]
Age = Annotated[float | None, typer.Option("--age", help="Age in years.")]
Sex = Annotated[str | None, typer.Option("--sex", help="female, male or other.")]
Complaint = Annotated[str | None, typer.Option("--complaint", help="What the patient complains of.")]
History = Annotated[str | None, typer.Option("--history", help="Relevant history.")]
Yes = Annotated[bool, typer.Option("--yes", help="Agree in advance to whatever needs a person's consent.")]


def fail(message: str) -> typer.Exit:
    """Print `message` on standard error and give the exit for bad input."""
    typer.secho(message, err=True, fg="red")
    return typer.Exit(BAD_INPUT)


def read_spacing(text: str | None) -> tuple[float, float] | None:
    """X,Y in mm from the option.

    Raises:
        typer.Exit: It is not two sizes between 0.0001 and 1000 mm.
    """
    if text is None:
        return None
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        raise fail(f"--spacing takes two sizes in mm such as 0.2,0.2, not {text!r}") from None
    if not (1e-4 <= x <= 1000 and 1e-4 <= y <= 1000):
        raise fail(f"--spacing {text}: a pixel is between 0.0001 and 1000 mm")
    return x, y


@contextmanager
def opened(
    files: list[Path],
    reasoner: str,
    spacing: str | None,
    modality: str | None,
    patient: dict[str, Any],
    terminal: Terminal,
) -> Iterator["Conversation"]:
    """A conversation over `files`, or an exit that says what is wrong with them."""
    from pydantic import ValidationError

    from graphs.conversation import Conversation
    from graphs.equipment import EquipmentError, equip
    from graphs.home import Home, HomeError
    from knowledge.blobs import BlobStore
    from knowledge.case import Modality, Patient
    from tools.imaging.read import Reading, read_case

    size = read_spacing(spacing)
    try:
        code = None if modality is None else Modality(modality.upper())
    except ValueError:
        known = ", ".join(code.value for code in Modality if code is not Modality.UNKNOWN)
        raise fail(f"--modality {modality}: not a code that is read here; known: {known}") from None
    try:
        person = Patient(**patient)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        raise fail(f"--{fault['loc'][0].__str__().removesuffix('_years')}: {fault['msg']}") from None

    def read(blobs: BlobStore) -> Reading:
        return read_case(files, blobs, spacing=size, modality=code, patient=person, progress=terminal.status)

    home = Home()
    try:
        equipment = equip(home, reasoner)
        settings = {"spacing": size, "modality": code.value if code else None}
        with Conversation.start(home, equipment, read, settings) as conversation:
            terminal.case(conversation)
            if not conversation.case.images:
                raise fail("None of these files could be opened, so there is nothing to ask about.")
            yield conversation
    except (EquipmentError, HomeError) as error:
        raise fail(str(error)) from None


def put(conversation: "Conversation", question: str, terminal: Terminal, yes: bool) -> "Answered":
    """Ask, with each step shown; an interrupt of the keyboard stops the turn, not the program."""

    def stop(*_: object) -> None:
        terminal.status("Stopping at the next step")
        conversation.stop()

    before = signal.signal(signal.SIGINT, stop)
    try:
        consent = (lambda subject, wish: True) if yes else terminal.consent
        return conversation.ask(question, consent, terminal.progress)
    finally:
        signal.signal(signal.SIGINT, before)


@app.command()
def ask(
    files: Files,
    question: Annotated[str, typer.Option("-q", "--question", help="What you want to know.")],
    reasoner: ReasonerName = "protocol",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    spacing: Spacing = None,
    modality: ModalityCode = None,
    age: Age = None,
    sex: Sex = None,
    complaint: Complaint = None,
    history: History = None,
    yes: Yes = False,
) -> None:
    """Ask one question about one case."""
    terminal = Terminal(quiet=as_json)
    patient = {"age_years": age, "sex": sex, "complaint": complaint, "history": history}
    with opened(files, reasoner, spacing, modality, patient, terminal) as conversation:
        try:
            answer = put(conversation, question, terminal, yes)
        except ValueError as error:
            raise fail(f"--question: {error}") from None
        if as_json:
            typer.echo(json.dumps(conversation.report(answer), ensure_ascii=False, indent=2))
        else:
            terminal.answer(conversation, answer)
            terminal.closing(conversation)


@app.command()
def chat(
    files: Files,
    reasoner: ReasonerName = "protocol",
    spacing: Spacing = None,
    modality: ModalityCode = None,
    age: Age = None,
    sex: Sex = None,
    complaint: Complaint = None,
    history: History = None,
    yes: Yes = False,
) -> None:
    """Talk about a case, turn by turn; an empty line or end of input ends it."""
    terminal = Terminal()
    patient = {"age_years": age, "sex": sex, "complaint": complaint, "history": history}
    with opened(files, reasoner, spacing, modality, patient, terminal) as conversation:
        _talk(conversation, terminal, yes)


@app.command()
def resume(
    conversation: Annotated[str, typer.Argument(help="Id of the conversation, as printed.")],
    reasoner: ReasonerName = "protocol",
    yes: Yes = False,
) -> None:
    """Take up a conversation; a turn that was interrupted is finished first."""
    from graphs.conversation import Conversation
    from graphs.equipment import EquipmentError, equip
    from graphs.home import Home, HomeError
    from graphs.trace import TraceError

    terminal = Terminal()
    home = Home()
    try:
        with Conversation.resume(home, equip(home, reasoner), conversation) as taken_up:
            terminal.case(taken_up)
            terminal.status("The files are not read again, so names in them are not known: type none.")
            answer = taken_up.catch_up(terminal.consent, terminal.progress)
            if answer is not None:
                terminal.answer(taken_up, answer)
            _talk(taken_up, terminal, yes)
    except (EquipmentError, HomeError, TraceError) as error:
        raise fail(str(error)) from None


def _talk(conversation: "Conversation", terminal: Terminal, yes: bool) -> None:
    while True:
        question = terminal.ask()
        if not question:
            break
        try:
            answer = put(conversation, question, terminal, yes)
        except ValueError as error:
            terminal.status(str(error))
            continue
        terminal.answer(conversation, answer)
    terminal.closing(conversation)


@app.command()
def serve(
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; another than this machine's own needs users.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 for any free one.")] = 8000,
    reasoner: ReasonerName = "protocol",
    tls_cert: Annotated[Path | None, typer.Option("--tls-cert", help="PEM file of the certificate chain.")] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", help="PEM file of its private key.")] = None,
) -> None:
    """Open the page: drop images, ask, see each step and the evidence of each answer."""
    from ui.serve import ServeError
    from ui.serve import serve as run

    try:
        run(host, port, reasoner, typer.echo, certificate=tls_cert, key=tls_key)
    except ServeError as error:
        raise fail(str(error)) from None


@app.command()
def demo() -> None:
    """Three turns on a real case, then how to check and replay what was said."""
    from ui.demo import run

    run()


if __name__ == "__main__":
    app()
