"""The conformance kit: what every tool must keep, shown on a made patient whose anatomy is known.

`check` runs a tool on a CT, an MR image, a film without spacing and a photograph, then on the same
body stored otherwise, empty, and with arguments that no one should send.
"""

from collections.abc import Callable, Iterator

from tools.conformance import answers, behaviour, declared
from tools.conformance.kit import Kit
from tools.conformance.report import Finding, Report
from tools.registry import undeclared
from tools.tool import Services, Tool

__all__ = ["CHECKS", "Finding", "Report", "check"]

CHECKS: dict[str, Callable[[Kit], Iterator[str]]] = {
    "declaration": declared.declaration,
    "schema": declared.schema,
    "answers": answers.answers,
    "flips": behaviour.flips,
    "axes": behaviour.axes,
    "anisotropic spacing": behaviour.anisotropic,
    "missing spacing": behaviour.unscaled,
    "blank image": behaviour.blank,
    "empty mask": behaviour.empty_mask,
    "wrong image": behaviour.wrong_image,
    "determinism": behaviour.deterministic,
    "unknown ids": behaviour.unknown_ids,
    "hostile arguments": behaviour.hostile,
    "consent": behaviour.consent,
}
"""Each yields the faults it finds; the last looks back on what the others ran."""

_SHOWN = 12


def check(tool: Tool, services: Services) -> Report:
    """Hold a tool against the contract.

    Args:
        services: What it would be joined with; its targets come from there.
    """
    if missing := undeclared(type(tool)):
        fault = Finding("declaration", "failed", (f"it does not declare {', '.join(missing)}",))
        return Report(type(tool).__name__, "", (fault,), 0, 0.0, 0)
    kit = Kit(tool, services)
    findings = tuple(_finding(name, run, kit) for name, run in CHECKS.items())
    seconds, peak = kit.cost()
    return Report(tool.name, tool.version, findings, kit.count, seconds, peak)


def _finding(name: str, run: Callable[[Kit], Iterator[str]], kit: Kit) -> Finding:
    try:
        faults = list(dict.fromkeys(run(kit)))
    except behaviour.DoesNotApply as reason:
        return Finding(name, "does not apply", (str(reason),))
    if not faults:
        return Finding(name, "passed")
    shown = faults[:_SHOWN]
    if len(faults) > _SHOWN:
        shown.append(f"and {len(faults) - _SHOWN} more")
    return Finding(name, "failed", tuple(shown))
