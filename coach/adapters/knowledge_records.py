"""One record of the knowledge files: from plain values to the types of `coach.domain.knowledge`, with its faults.

Finding and reading the files is `coach.adapters.knowledge_files`; faults between records are found by
`coach.adapters.knowledge_links`.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from types import GenericAlias
from typing import TYPE_CHECKING, Any

from coach.adapters.lined_yaml import LinedDict, LinedList, Value, line_of, texts_in
from coach.domain.identifiers import is_address, is_doi, is_isbn, is_record_id
from coach.domain.knowledge import (
    Acknowledgement,
    Alarm,
    Card,
    Exemplar,
    Framing,
    Journey,
    JourneyStep,
    Layer,
    Plan,
    PlanStep,
    Question,
    Resource,
    Scenario,
    Source,
    Term,
    slots_in,
)

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic_core import ErrorDetails

AnyRecord = (
    Card
    | Question
    | Framing
    | Resource
    | Plan
    | Acknowledgement
    | Scenario
    | Journey
    | Exemplar
    | Alarm
    | Source
    | Term
)
Fault = tuple[int, str]
"""A line and what is wrong there."""

TYPES: Mapping[str, type[AnyRecord]] = {
    "role": Term,
    "stage": Term,
    "topic": Term,
    "purpose": Term,
    "intent": Term,
    "feeling": Term,
    "source": Source,
    "card": Card,
    "question": Question,
    "framing": Framing,
    "resource": Resource,
    "plan": Plan,
    "acknowledgement": Acknowledgement,
    "scenario": Scenario,
    "journey": Journey,
    "exemplar": Exemplar,
    "alarm": Alarm,
}
HEADINGS = ("What it is", "When", "How", "For example", "What goes wrong")

_PARTS = (Layer, PlanStep, JourneyStep)
_OPTIONAL = frozenset(
    field.name
    for record in (*TYPES.values(), *_PARTS)
    for field in dataclasses.fields(record)
    if field.default is not dataclasses.MISSING
)
_MAY_BE_EMPTY = frozenset({("acknowledgement", "stages")})
_SPOKEN = frozenset({"name", "topic", "quote"})
_SLOTS: Mapping[tuple[str, str], frozenset[str]] = {
    **dict.fromkeys([("question", "text"), ("question", "follow_up"), ("acknowledgement", "text")], _SPOKEN),
    **dict.fromkeys([("plan", field) for field in ("opening", "note", "agree", "ask_back", "follow_up")], _SPOKEN),
    **dict.fromkeys([("plan", field) for field in ("listen_for", "avoid")], _SPOKEN),
    ("framing", "pattern"): frozenset({"goal"}),
}
_BRACED = re.compile(r"\{(?P<name>[a-z_]*)(?P<bar>\|?)(?P<default>[^{}]*)\}|[{}]")
_EXPECTED: Mapping[str, str] = {
    "string_type": "text (in quotes where YAML would read something else)",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dataclass_type": "a set of fields",
    "mapping_type": "a set of fields",
    "dict_type": "a set of fields",
}


def build(kind: str, value: LinedDict) -> tuple[AnyRecord | None, list[Fault]]:
    """The record, or None where its fields do not make one; and every fault that shows without other records."""
    from pydantic import ValidationError

    record: AnyRecord | None = None
    faults = [*_empty_fields(kind, value), *_slot_faults(kind, value), *_identifier_faults(value)]
    try:
        # JSON in between because strict validation takes lists for tuples and mappings for dataclasses from JSON only.
        (record,) = _adapter(kind).validate_json(json.dumps([value]), strict=True)
    except ValidationError as error:
        known = [field.name for part in (TYPES[kind], *_PARTS) for field in dataclasses.fields(part)]
        faults.extend(_in_words(detail, value, known) for detail in error.errors(include_url=False))
    if isinstance(record, Card):
        faults.extend((line_of(value, ("body",)), message) for message in _body_faults(record.body))
    if isinstance(record, Resource) and not record.link:
        faults.append((value.line, "has no link: give an address, a doi or an isbn"))
    if isinstance(record, Framing) and "goal" not in slots_in(record.pattern):
        faults.append(
            (line_of(value, ("pattern",)), "`pattern` must hold {goal|…}, so that it keeps the person's words")
        )
    if isinstance(record, Resource | Plan) and record.minutes < 1:
        faults.append((line_of(value, ("minutes",)), "`minutes` must be at least 1"))
    return record, faults


@cache
def _adapter(kind: str) -> TypeAdapter[tuple[AnyRecord]]:
    from pydantic import ConfigDict, TypeAdapter

    # The tuple around the type carries the configuration, which pydantic does not take for a bare dataclass.
    shape: Any = GenericAlias(tuple, (TYPES[kind],))
    return TypeAdapter(shape, config=ConfigDict(extra="forbid"))


def _in_words(detail: ErrorDetails, value: LinedDict, known: Iterable[str]) -> Fault:
    path = detail["loc"][1:]
    line = line_of(value, path)
    name = ".".join(str(step) for step in path)
    match detail["type"]:
        case "missing":
            return line, f"`{name}` is missing"
        case "unexpected_keyword_argument":
            return line, f"unknown field `{name}`{nearest(str(path[-1]), known)}"
        case "literal_error":
            return line, f"`{name}` is {shown(detail['input'])}; it must be one of {detail['ctx']['expected']}"
        case other if other in _EXPECTED:
            return line, f"`{name}` is {shown(detail['input'])}; it must be {_EXPECTED[other]}"
    return line, f"`{name}`: {detail['msg'][:1].lower()}{detail['msg'][1:]}"


def _empty_fields(kind: str, value: LinedDict, path: tuple[str | int, ...] = ()) -> Iterator[Fault]:
    """Empty texts, empty lists and repetitions; optional texts may be empty."""
    for key, inner in value.items():
        line, name = value.lines[key], ".".join(str(step) for step in (*path, key))
        if isinstance(inner, str) and not inner.strip() and key not in _OPTIONAL:
            yield line, f"`{name}` is empty"
        elif isinstance(inner, LinedDict):
            yield from _empty_fields(kind, inner, (*path, key))
        elif isinstance(inner, LinedList):
            if not inner and key not in _OPTIONAL and (kind, key) not in _MAY_BE_EMPTY:
                yield line, f"`{name}` is empty"
            seen: list[Value] = []
            for index, item in enumerate(inner):
                if isinstance(item, LinedDict):
                    yield from _empty_fields(kind, item, (*path, key, index))
                elif isinstance(item, str) and not item.strip():
                    yield inner.lines[index], f"`{name}` holds an empty entry"
                elif item in seen:
                    yield inner.lines[index], f"`{name}` repeats {shown(item)}"
                seen.append(item)


def _slot_faults(kind: str, value: LinedDict) -> Iterator[Fault]:
    """Braces that would be shown as they are, slots without a default, and slots that nothing fills."""
    for path, text in texts_in(value):
        if "{" not in text and "}" not in text:
            continue
        field = next(step for step in reversed(path) if isinstance(step, str))
        allowed = _SLOTS.get((kind, field), frozenset())
        for match in _BRACED.finditer(text):
            line = line_of(value, path)
            if not allowed:
                yield line, f"`{field}` takes no slots, yet holds {match[0]}"
            elif not match["name"]:
                yield line, f"`{field}` holds {match[0]}, which is not a slot like {{name|them}}"
            elif not match["bar"] or not match["default"].strip():
                yield line, f"`{field}`: the slot {match[0]} has no default"
            elif match["name"] not in allowed:
                yield line, f"`{field}`: unknown slot {match[0]}; it takes {', '.join(sorted(allowed))}"


def _identifier_faults(value: LinedDict) -> Iterator[Fault]:
    for field, is_sound, rule in (
        ("id", is_record_id, "must be lower-case words joined by hyphens"),
        ("isbn", is_isbn, "is no ISBN: its check digit does not hold"),
        ("doi", is_doi, "is no DOI: it begins with 10. and has no address before it"),
        ("address", is_address, "is no web address"),
    ):
        text = value.get(field)
        if isinstance(text, str) and text and not is_sound(text):
            yield value.lines[field], f"`{field}` {text} {rule}"


def _body_faults(body: str) -> Iterator[str]:
    found = tuple(line.removeprefix("## ").strip() for line in body.splitlines() if line.startswith("## "))
    if found != HEADINGS:
        yield f"the body needs the headings {', '.join(HEADINGS)} in this order; it has {', '.join(found) or 'none'}"
    sections = re.split(r"^## .*$", body, flags=re.MULTILINE)
    if any(not section.strip() for section in sections[1:]):
        yield "a heading of the body has nothing under it"


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint for a word that was not found, or nothing."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.8)
    return f"; did you mean `{close[0]}`?" if close else ""


def shown(value: object) -> str:
    """A value as it may be repeated in a fault."""
    if isinstance(value, dict):
        return "a set of fields"
    if isinstance(value, list | tuple):
        return "a list"
    text = "empty" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
