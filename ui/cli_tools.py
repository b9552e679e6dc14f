"""`citrus tools`: list, check and begin tools."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="List the tools, hold them against the contract, begin a new one.")


@app.command("list")
def list_tools() -> None:
    """Print every tool with its version, images and targets."""
    from graphs.equipment import services
    from graphs.home import Home
    from tools.registry import load_tools
    from ui.terminal import Terminal

    loaded = load_tools()
    Terminal().tools(loaded.tools, services(Home()))
    for problem in loaded.problems:
        typer.secho(problem, err=True, fg="red")


@app.command()
def check(
    name: Annotated[str | None, typer.Argument(help="One tool; all without it.")] = None,
) -> None:
    """Run the conformance kit; exit 1 where a tool breaks the contract."""
    from graphs.equipment import services
    from graphs.home import Home
    from tools.conformance import check as run
    from tools.registry import load_tools
    from ui.terminal import Terminal

    loaded = load_tools()
    if name is not None and name not in loaded.tools:
        typer.secho(f"there is no tool {name!r}; known: {', '.join(loaded.tools)}", err=True, fg="red")
        raise typer.Exit(2)
    joined, terminal = services(Home()), Terminal()
    sound = not loaded.problems
    for tool in loaded.tools.values():
        if name in (None, tool.name):
            report = run(tool, joined)
            terminal.conformance(report)
            sound = sound and report.ok
    for problem in loaded.problems:
        typer.secho(problem, err=True, fg="red")
    raise typer.Exit(0 if sound else 1)


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Lower case with underscores, such as count_stones.")],
    folder: Annotated[Path, typer.Option("--folder", help="Where to write.")] = Path(),
) -> None:
    """Write a working tool in one file, and its test."""
    from tools.scaffold import ScaffoldError, new_tool

    try:
        for line in new_tool(name, folder):
            typer.echo(str(line))
    except ScaffoldError as error:
        typer.secho(str(error), err=True, fg="red")
        raise typer.Exit(2) from None
