"""A small, valid knowledge folder: two records of most kinds, and one question for each purpose.

Its files stand in `tests/data/small_library`; a test works on a copy, and breaks it with `replace_in`.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from coach.adapters.knowledge_files import FileKnowledge, load_knowledge

SMALL_LIBRARY = Path(__file__).parent.parent / "data" / "small_library"


def write_small_library(folder: Path) -> Path:
    """Write a whole knowledge folder, sound in every way but coverage; returns the folder."""
    shutil.copytree(SMALL_LIBRARY, folder)
    return folder


def small_knowledge(tmp_path: Path) -> FileKnowledge:
    """The small library, loaded from a folder under `tmp_path`."""
    return load_knowledge([write_small_library(tmp_path / "small_library")])


def replace_in(path: Path, old: str, new: str) -> None:
    """Change a file that must hold `old`."""
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{old!r} is not in {path.name}"
    path.write_text(text.replace(old, new), encoding="utf-8")
