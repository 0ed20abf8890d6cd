"""The wheel: built, installed beside nothing else, and asked a question outside the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built with what is installed: nothing is fetched."""
    folder = tmp_path_factory.mktemp("wheel")
    _run("-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(CHECKOUT))
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the wheel's packages; what they depend on is this environment's."""
    folder = tmp_path_factory.mktemp("installed") / "site"
    _run("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(folder), str(wheel))
    return folder


def test_the_wheel_holds_the_program_with_its_data_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"coach"}
    for folder in ("prompts", "knowledge", "examples"):
        ours = {path.relative_to(CHECKOUT).as_posix() for path in (CHECKOUT / folder).rglob("*") if path.is_file()}
        assert {f"coach/data/{path}" for path in ours} <= names
    assert any(name.startswith("coach/adapters/migrations/versions/") for name in names)
    assert not [name for name in names if "/tests/" in name or name.startswith(("evals", "tests")) or ".pyc" in name]


def test_the_installed_wheel_answers_outside_the_checkout(installed: Path, home: Path, tmp_path: Path) -> None:
    asked = "I meet Priya tomorrow, junior designer, thinks about product management. I'm nervous."
    result = _outside(["ask", asked, "--json"], installed, home, tmp_path)
    document = json.loads(result.stdout)
    assert document["grounding"] == "grounded"
    assert document["questions"]


def test_what_answers_is_the_wheel_and_not_the_checkout(installed: Path, home: Path, tmp_path: Path) -> None:
    code = (
        "import coach.bootstrap, coach.adapters.packaged_data as d; "
        "print(coach.bootstrap.__file__, d.data_folder('prompts'), d.data_folder('knowledge'), sep='\\n')"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=_alone(installed, home),
    )
    assert [str(installed) in line for line in result.stdout.splitlines()] == [True] * 3


def test_the_wheel_declares_its_command_and_its_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        entry_points = archive.read(next(name for name in names if name.endswith("entry_points.txt"))).decode()
    assert "coach = coach.__main__:main" in entry_points
    assert any("licenses/LICENSE" in name for name in names)


def _outside(arguments: list[str], installed: Path, home: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        [sys.executable, "-m", "coach", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=_alone(installed, home),
    )
    assert result.returncode == 0, result.stderr
    return result


def _alone(installed: Path, home: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("COACH_")}
    return {**kept, "PYTHONPATH": str(installed), "COACH_HOME": str(home)}


def _run(*arguments: str) -> None:
    result = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 0, (
        f"{' '.join(arguments[:2])} failed:\n{result.stdout[-1500:]}\n{result.stderr[-1500:]}"
    )
