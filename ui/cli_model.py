"""`citrus model`: what a checkpoint is, turning it into our own layout, proving it, timing it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from agents.citrus_v.check import Info

app = typer.Typer(no_args_is_help=True, help="Look into, convert, check and time a Citrus-V checkpoint.")

BAD_INPUT = 2
NOT_EQUAL = 1

Folder = Annotated[Path, typer.Argument(help="Folder of a checkpoint: config.json and safetensors.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Device = Annotated[str, typer.Option("--device", help='Such as "cpu" or "cuda"; "auto" takes a GPU if there is one.')]
Attention = Annotated[str, typer.Option("--attention", help="sdpa, eager or flash_attention_2.")]


@contextmanager
def _told() -> Iterator[None]:
    """Errors of the checkpoint as one message and the exit for bad input."""
    try:
        yield
    except (ValueError, OSError, RuntimeError, ImportError) as error:
        typer.secho(str(error), err=True, fg="red")
        raise typer.Exit(BAD_INPUT) from None


def _print(rows: dict[str, Any]) -> None:
    width = max(map(len, rows))
    for name, value in rows.items():
        typer.echo(f"{name:<{width}}  {value}")


def _facts(found: "Info") -> dict[str, Any]:
    return {
        "folder": str(found.folder),
        "layout": found.layout,
        "files": list(found.files),
        "tensors": found.tensors,
        "left_out": len(found.left_out),
        "parameters": found.parameters,
        "precisions": found.precisions,
        **found.sizes,
    }


@app.command()
def info(path: Folder, as_json: AsJson = False) -> None:
    """Describe a checkpoint, once it is found to be complete; no weights are read."""
    from agents.citrus_v.check import info as describe

    with _told():
        facts = _facts(describe(path))
    _show(facts, as_json)


@app.command()
def convert(
    path: Folder,
    target: Annotated[Path, typer.Argument(help="Folder to write; must not be there, or be empty.")],
    dtype: Annotated[str, typer.Option("--dtype", help="auto, float32, bfloat16 or float16.")] = "auto",
    shard: Annotated[str, typer.Option("--shard", help="Largest size of one file.")] = "5GB",
    as_json: AsJson = False,
) -> None:
    """Write a checkpoint in our own layout, without SAM 2's video memory, which still images never use."""
    from agents.citrus_v.check import convert as write

    with _told():
        facts = _facts(write(path, target, dtype=dtype, max_shard_size=shard))
    _show(facts, as_json)


@app.command()
def check(
    path: Folder,
    golden: Annotated[
        Path | None, typer.Option("--golden", help="Recorded outputs (safetensors), with image.png beside them.")
    ] = None,
    device: Device = "cpu",
    attention: Attention = "sdpa",
    as_json: AsJson = False,
) -> None:
    """Check that a checkpoint is complete; with --golden, that it computes what was recorded."""
    from agents.citrus_v.check import MASK_AGREEMENT
    from agents.citrus_v.check import check as compare
    from agents.citrus_v.check import info as describe
    from agents.citrus_v.files import fingerprint

    with _told():
        found = describe(path)
        weights = fingerprint(path)
        report = compare(path, golden, device_map=device, attn_implementation=attention) if golden else None
    facts = {"folder": str(path), "layout": found.layout, "tensors": found.tensors, "weights": weights}
    passed = report is None or report.passed
    if as_json:
        compared = None
        if report is not None:
            compared = [asdict(each) | {"passed": each.passed} for each in report.comparisons]
        not_compared = list(report.not_compared) if report else []
        typer.echo(json.dumps(facts | {"comparisons": compared, "not_compared": not_compared, "passed": passed}))
    else:
        _print(facts)
        for each in report.comparisons if report else ():
            verdict = "pass" if each.passed else "FAIL"
            typer.echo(f"{verdict}  {each.name:<24} largest difference {each.difference:.3g} (bound {each.bound:.3g})")
            if each.name == "mask_disagreement":
                agreed = 1 - each.difference
                typer.echo(f"{verdict}  masks agree on {agreed:.4%} of pixels (at least {MASK_AGREEMENT:.1%})")
        for name in report.not_compared if report else ():
            typer.echo(f"FAIL  {name:<24} could not be compared")
        what = "equal to the recording" if golden else "complete; nothing was compared, since there is no --golden"
        typer.echo(f"PASS: {what}" if passed else "FAIL: not equal to the recording")
    if not passed:
        raise typer.Exit(NOT_EQUAL)


@app.command()
def bench(
    path: Folder,
    device: Device = "auto",
    dtype: Annotated[str, typer.Option("--dtype", help="auto, float32, bfloat16 or float16.")] = "auto",
    attention: Attention = "sdpa",
    tokens: Annotated[int, typer.Option("--tokens", min=2, max=4096, help="Tokens of the answer.")] = 64,
    decoding: Annotated[
        str, typer.Option("--decoding", help="growing, static, compiled; auto compiles on a GPU and grows elsewhere.")
    ] = "auto",
    as_json: AsJson = False,
) -> None:
    """Time a checkpoint on this machine: tokens, masks, memory, and the ratio to the limit of the bandwidth."""
    from agents.citrus_v.grammar import Grammars
    from agents.citrus_v.reader import Reader
    from agents.citrus_v.speed import measure
    from agents.citrus_v.steps import Decoding

    with _told():
        reader = Reader.from_pretrained(
            path, decoding=Decoding(decoding), device_map=device, dtype=dtype, attn_implementation=attention
        )
        speed = measure(reader, Grammars(reader.processor, reader.model.config), tokens=tokens)
    if as_json:
        typer.echo(json.dumps({"folder": str(path), **asdict(speed)}))
        return
    _print(
        {
            "device": f"{speed.device}, {speed.precision}, {speed.decoding} keys and values",
            "warm-up": f"{speed.warm_up_s:.1f} s, once",
            "decode": f"{speed.decode_tokens_per_second:.1f} tokens/s",
            "limit of the bandwidth": (
                f"{speed.bandwidth_ratio:.1%} of {speed.copy_bandwidth / speed.weight_bytes:.1f} tokens/s "
                f"({speed.weight_bytes / 1e9:.2f} GB of weights, {speed.copy_bandwidth / 1e9:.1f} GB/s)"
            ),
            "first token, cold": f"{speed.first_token_cold_s:.3f} s for {speed.prompt_tokens} tokens with one picture",
            "first token, warm": f"{speed.first_token_warm_s:.3f} s for {speed.new_tokens} new tokens",
            "picture for masks": f"{speed.image_encoding_s:.3f} s, once",
            "mask": f"{speed.mask_s:.3f} s",
            "peak memory": f"{speed.peak_bytes / 2**30:.2f} GiB",
        }
    )


def _show(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(facts))
        return
    words = {name: ", ".join(value) if isinstance(value, list) else value for name, value in facts.items()}
    words["precisions"] = ", ".join(f"{count} {kind}" for kind, count in facts["precisions"].items())
    words["left_out"] = f"{facts['left_out']} tensors of SAM 2's video memory, which still images never use"
    words["parameters"] = f"{facts['parameters']:,}"
    _print(words)
