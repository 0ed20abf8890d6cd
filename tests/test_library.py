"""The library that comes with the program: it loads, it keeps its own rules, and loading it costs little."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import yaml

from coach.adapters.knowledge_files import FileKnowledge, load_knowledge
from coach.adapters.packaged_data import data_folder
from coach.services.knowledge_check import check


@pytest.fixture(scope="module")
def library() -> FileKnowledge:
    return load_knowledge([data_folder("knowledge")])


def test_our_library_has_no_errors(library: FileKnowledge) -> None:
    errors = [finding for finding in check(library, embed=None) if finding.severity == "error"]
    assert [f"{library.places.get((e.kind, e.id))}: {e.kind} {e.id}: {e.message}" for e in errors] == []


def test_every_card_question_framing_and_plan_has_a_source(library: FileKnowledge) -> None:
    records = (library.cards, library.questions, library.framings, library.plans)
    assert not [record.id for table in records for record in table.values() if not record.sources]


def test_our_library_loads_in_less_than_twice_the_time_of_bare_yaml(library: FileKnowledge) -> None:
    folder = data_folder("knowledge")
    texts = [path.read_text(encoding="utf-8") for path in folder.rglob("*.yaml")]
    ours = _fastest(lambda: load_knowledge([folder]))
    bare = _fastest(lambda: [yaml.load(text, Loader=yaml.CSafeLoader) for text in texts])
    assert ours < 2 * bare


def _fastest(work: Callable[[], object]) -> float:
    """Seconds of the best of three: other work on the machine may hold up one of them."""
    durations = []
    for _ in range(3):
        began = time.perf_counter()
        work()
        durations.append(time.perf_counter() - began)
    return min(durations)
