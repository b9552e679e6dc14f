"""`citrus train`: a model from a recipe and labelled data, stage by stage."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

BAD_INPUT = 2


def train(
    recipe: Annotated[Path, typer.Argument(help="A recipe (TOML), or the name of one of ours, such as nano.")],
    data: Annotated[Path, typer.Option("--data", help="Folder of labelled folders, and of one named text.")],
    out: Annotated[Path, typer.Option("--out", help="Takes everything; an interrupted training goes on from it.")],
    stage: Annotated[
        str | None, typer.Option("--stage", help="Run this stage only; those before it must have ended.")
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option("--baseline", help="Train MONAI's U-Net on the same pictures instead, into this file."),
    ] = None,
    calibrate: Annotated[
        bool, typer.Option(help="Measure the result on the dev split and write what it can do beside its weights.")
    ] = True,
) -> None:
    """Train stage by stage; run under torchrun or accelerate for several GPUs."""
    try:
        from agents.citrus_v.training.engine import plot
        from agents.citrus_v.training.recipe import Recipe
        from agents.citrus_v.training.train import train as run
    except ImportError as error:
        typer.secho(f"training needs more packages: pip install 'citrus-v[train]' ({error})", err=True, fg="red")
        raise typer.Exit(BAD_INPUT) from None
    try:
        plan = Recipe.read(recipe)
        with _bars() as bars:
            shown: dict[str, TaskID] = {}

            def told(name: str, step: int, steps: int, losses: dict[str, float]) -> None:
                if name not in shown:
                    shown[name] = bars.add_task(name, total=steps, losses="")
                words = " ".join(f"{loss} {value:.3f}" for loss, value in losses.items())
                bars.update(shown[name], completed=step, losses=words)

            if baseline is not None:
                from agents.citrus_v.evaluation.unet import train_beside

                train_beside(plan, data, baseline, told)
                typer.echo(f"Measure it beside the model: citrus evaluate --suite nano --baseline {baseline}")
                return
            made = run(plan, data, out, stage, told)
        typer.echo(f"The losses are in {out / 'metrics.jsonl'} and drawn in {plot(out)}.")
        if made.name != "checkpoint":
            typer.echo(f"The stage ended; its weights are in {made}.")
            return
        if calibrate:
            from ui.cli_evaluate_eyes import measured

            typer.echo("Measuring on the dev split.")
            measured(made, data)
        typer.echo(f"The checkpoint is {made}. Use it: CITRUS_MODEL={made} citrus ask ...")
    except (ValueError, OSError) as error:
        typer.secho(str(error), err=True, fg="red")
        raise typer.Exit(BAD_INPUT) from None
    except KeyboardInterrupt:
        typer.secho(f"Stopped. The same command goes on from {out}.", err=True, fg="yellow")
        raise typer.Exit(130) from None


def _bars() -> Progress:
    return Progress(
        TextColumn("{task.description:<14}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[losses]}"),
    )
