"""Faults between the records of the knowledge files: ids that lead nowhere, plans whose questions do not fit.

Faults of one record by itself are found by `coach.adapters.knowledge_records`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from coach.adapters.knowledge_records import AnyRecord, nearest
from coach.adapters.lined_yaml import LinedDict, line_of
from coach.domain.knowledge import ARC, Acknowledgement, Alarm, Exemplar, Plan, Question, Source, Term

_MIN_STEPS, _MAX_STEPS = 3, 6
_GROUPS = ("role", "stage", "topic", "purpose", "intent", "feeling")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line of a file; ordered by folder, file and line."""

    folder: int
    file: str
    line: int

    def at(self, line: int) -> Place:
        """Another line of the same file."""
        return Place(self.folder, self.file, line)

    def __str__(self) -> str:
        """As editors and terminals make a link of it."""
        return f"{self.file}:{self.line}"


Found = tuple[Place, str]
Key = tuple[str, str]
"""Kind and id of a record."""


@dataclass(slots=True)
class Draft:
    """Records as they were read, before anything is known about how they fit together."""

    records: dict[Key, AnyRecord] = field(default_factory=dict)
    values: dict[Key, LinedDict] = field(default_factory=dict)
    places: dict[Key, Place] = field(default_factory=dict)
    """Of every record that has an id, sound or not."""

    def ids(self, kind: str) -> list[str]:
        """Ids of a kind, in the order of the files."""
        return [record_id for kind_of, record_id in self.places if kind_of == kind]


def faults_between(draft: Draft) -> Iterator[Found]:
    """Every fault that shows only when records are held against each other."""
    yield from _vocabulary_faults(draft)
    for key, record in draft.records.items():
        kind, record_id = key
        if isinstance(record, Term | Source | Alarm):
            continue
        value, place = draft.values[key], draft.places[key]

        def at(*path: str | int, value: LinedDict = value, place: Place = place) -> Place:
            return place.at(line_of(value, path))

        faults = [*_reference_faults(record, draft, at)]
        if isinstance(record, Plan):
            faults.extend(_arc_faults(record, draft, at))
        yield from ((where, f"{kind} {record_id}: {message}") for where, message in faults)


def _vocabulary_faults(draft: Draft) -> Iterator[Found]:
    taxonomy = Place(0, "taxonomy.yaml", 1)
    for group in _GROUPS:
        if not draft.ids(group):
            yield taxonomy, f"the taxonomy names no {group}"
    for group, expected in (("role", ("mentor", "mentee")), ("purpose", ARC)):
        named = draft.ids(group)
        if named and sorted(named) != sorted(expected):
            yield taxonomy, f"the taxonomy's {group}s must be {', '.join(expected)}; they are {', '.join(named)}"


def _reference_faults(record: AnyRecord, draft: Draft, at: Callable[..., Place]) -> Iterator[Found]:
    """Ids that no record has."""
    wanted: list[tuple[str, tuple[str | int, ...], str]] = []
    for name, kind in (("stages", "stage"), ("topics", "topic"), ("sources", "source")):
        wanted.extend((kind, (name, index), cited) for index, cited in enumerate(getattr(record, name, ())))
    if isinstance(record, Exemplar):
        wanted.extend((name, (name,), getattr(record, name)) for name in ("stage", "intent", "feeling"))
    if isinstance(record, Acknowledgement):
        wanted.append(("feeling", ("feeling",), record.feeling))
    if isinstance(record, Plan):
        wanted.append(("card", ("card",), record.card))
        wanted.extend(("question", ("arc", index, "question"), step.question) for index, step in enumerate(record.arc))
    for kind, path, cited in wanted:
        if cited and (kind, cited) not in draft.places:
            yield at(*path), f"unknown {kind} `{cited}`{nearest(cited, draft.ids(kind))}"


def _arc_faults(plan: Plan, draft: Draft, at: Callable[..., Place]) -> Iterator[Found]:
    """An arc of the wrong length, backwards, or with questions made for something else."""
    if not _MIN_STEPS <= len(plan.arc) <= _MAX_STEPS:
        yield at("arc"), f"the arc has {len(plan.arc)} steps; it needs {_MIN_STEPS} to {_MAX_STEPS}"
    seen: set[str] = set()
    for index, step in enumerate(plan.arc):
        if index and ARC.index(step.purpose) < ARC.index(plan.arc[index - 1].purpose):
            yield at("arc", index), f"the arc steps back from {plan.arc[index - 1].purpose} to {step.purpose}"
        if step.question in seen:
            yield at("arc", index), f"the arc asks `{step.question}` twice"
        seen.add(step.question)
        question = draft.records.get(("question", step.question))
        if not isinstance(question, Question):
            continue
        if question.purpose != step.purpose:
            yield at("arc", index), f"`{question.id}` is a question to {question.purpose}, not to {step.purpose}"
        if missing := [role for role in plan.audience if role not in question.audience]:
            yield at("arc", index), f"`{question.id}` is not for a {' or a '.join(missing)}"
