"""A new tool works as it is written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.scaffold import ScaffoldError, new_tool

ROOT = Path(__file__).resolve().parents[2]


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    line = [sys.executable, "-m", *command]
    return subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_a_new_tool_passes_its_own_test(tmp_path: Path) -> None:
    made = new_tool("bright_volume", tmp_path)
    assert made.tool == tmp_path / "bright_volume.py" and made.test == tmp_path / "test_bright_volume.py"
    assert made.entry_point == '[project.entry-points."citrus_v.tools"]\nbright_volume = "bright_volume:BrightVolume"'
    done = run(tmp_path, "pytest", "-q", "-p", "no:cacheprovider", "test_bright_volume.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout


def test_a_new_tool_is_in_the_projects_style(tmp_path: Path) -> None:
    made = new_tool("bright_volume", tmp_path)
    style = ("--config", str(ROOT / "pyproject.toml"), "--no-cache")
    checked = run(tmp_path, "ruff", "check", *style, str(made.tool))
    assert checked.returncode == 0, checked.stdout
    checked = run(tmp_path, "ruff", "check", *style, "--ignore", "D1,I,S101", str(made.test))
    assert checked.returncode == 0, checked.stdout
    checked = run(tmp_path, "ruff", "format", "--check", *style, str(made.tool), str(made.test))
    assert checked.returncode == 0, checked.stdout


def test_the_test_of_a_new_tool_can_fail(tmp_path: Path) -> None:
    made = new_tool("bright_volume", tmp_path)
    honest = made.tool.read_text(encoding="utf-8")
    wrong = honest.replace("volume.voxel_volume / 1000", "volume.spacing[0] ** 3 / 1000")
    assert wrong != honest
    made.tool.write_text(wrong, encoding="utf-8")
    done = run(tmp_path, "pytest", "-q", "-p", "no:cacheprovider", "-k", "contract", "test_bright_volume.py")
    assert done.returncode == 1 and "FAIL anisotropic spacing" in done.stdout, done.stdout


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x",
        "Bright",
        "2d",
        "bright-volume",
        "bright volume",
        "../bright",
        "bright_",
        "_bright",
        "class",
        "a" * 65,
        "é_a",
    ],
)
def test_refuses_names_that_no_tool_can_have(tmp_path: Path, name: str) -> None:
    with pytest.raises(ScaffoldError, match="cannot be the name"):
        new_tool(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("existing", ["bright_volume.py", "test_bright_volume.py"])
def test_overwrites_nothing(tmp_path: Path, existing: str) -> None:
    (tmp_path / existing).write_text("mine", encoding="utf-8")
    with pytest.raises(ScaffoldError, match="exists already"):
        new_tool("bright_volume", tmp_path)
    assert [path.read_text(encoding="utf-8") for path in tmp_path.iterdir()] == ["mine"]


def test_needs_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ScaffoldError, match="there is no folder"):
        new_tool("bright_volume", tmp_path / "nowhere")
