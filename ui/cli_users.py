"""`citrus users`: who may sign in to the page by name."""

import sys
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Who may sign in to the page by name and password.")

_BAD_INPUT = 2

Name = Annotated[str, typer.Argument(help="Small letters, digits and . _ @ - only.")]


def _fail(message: str) -> typer.Exit:
    typer.secho(message, err=True, fg="red")
    return typer.Exit(_BAD_INPUT)


@app.command()
def add(
    name: Name,
    from_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input instead of asking.")
    ] = False,
) -> None:
    """Let somebody sign in, or change their password; what was signed in with the old one ends."""
    from graphs.home import Home
    from ui.access_users import UserError, Users

    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = typer.prompt("Password", hide_input=True, confirmation_prompt="Again")
    try:
        users = Users(Home())
        new = users.add(name, password)
    except UserError as error:
        raise _fail(str(error)) from None
    typer.echo(f"{name} may sign in." if new else f"The password of {name} is changed.")


@app.command()
def remove(name: Name) -> None:
    """Let somebody sign in no more, at once; their cases stay theirs."""
    from graphs.home import Home
    from ui.access_users import UserError, Users

    try:
        Users(Home()).remove(name)
    except UserError as error:
        raise _fail(str(error)) from None
    typer.echo(f"{name} may sign in no more.")


@app.command(name="list")
def show() -> None:
    """Who may sign in."""
    from graphs.home import Home
    from ui.access_users import Users

    for name in Users(Home()).names():
        typer.echo(name)


@app.command()
def give(
    conversation: Annotated[str, typer.Argument(help="Id of a conversation that the command line opened.")],
    name: Name,
) -> None:
    """Give a conversation that nobody owns yet, since the command line opened it, to a user of the page."""
    from graphs.home import Home, HomeError
    from graphs.trace import TRACE_FILE
    from ui.access import Access, AccessError

    home = Home()
    try:
        if not (home.conversation(conversation) / TRACE_FILE).is_file():
            raise _fail(f"there is no conversation {conversation} in {home.conversations}")
        Access(home, lambda _: None).own(name, conversation)
    except (AccessError, HomeError) as error:
        raise _fail(str(error)) from None
    typer.echo(f"{conversation} is {name}'s.")
