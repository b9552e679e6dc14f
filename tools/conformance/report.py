"""What the conformance kit found on one tool."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One check of the kit; `details` are the faults, or why it does not apply."""

    check: str
    outcome: Literal["passed", "failed", "does not apply"]
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """Every check on one tool.

    Attributes:
        calls: How often the tool was run.
        seconds: The slowest of its example calls.
        peak_bytes: Memory that this call allocated at most, in Python and numpy.
    """

    tool: str
    version: str
    findings: tuple[Finding, ...]
    calls: int
    seconds: float
    peak_bytes: int

    @property
    def ok(self) -> bool:
        """Whether the tool keeps the contract."""
        return not any(finding.outcome == "failed" for finding in self.findings)

    def failed(self) -> dict[str, tuple[str, ...]]:
        """The faults by the name of the check."""
        return {finding.check: finding.details for finding in self.findings if finding.outcome == "failed"}

    def text(self) -> str:
        """The report for a person, some lines of plain text without markup."""
        verdict = "keeps the contract" if self.ok else "breaks the contract"
        cost = f"{self.calls} calls, slowest {self.seconds:.2f} s, {self.peak_bytes / 2**20:.0f} MiB"
        lines = [f"{self.tool} {self.version} {verdict} ({cost})"]
        marks = {"passed": "ok  ", "failed": "FAIL", "does not apply": "-   "}
        for finding in self.findings:
            first, *rest = finding.details or ("",)
            lines.append(f"  {marks[finding.outcome]} {finding.check}{': ' if first else ''}{first}")
            lines += [f"       {detail}" for detail in rest]
        return "\n".join(lines)
