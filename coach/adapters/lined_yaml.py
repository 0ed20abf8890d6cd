"""YAML as plain values that remember their lines.

What the values mean is for the caller: `coach.adapters.knowledge_files` makes records of them.

Scalars are read as in YAML 1.2 (`true`, `false`, `null`, numbers; `yes`, `no` and dates stay text). Keys that stand
twice, anchors, aliases, tags and a second document are faults: what is written out can be pointed at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import yaml

Value = str | int | float | bool | None | dict[str, "Value"] | list["Value"]

_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_BLOCK_STYLES = ("|", ">")


class LinedDict(dict[str, Value]):
    """A mapping; `line` is where it begins and `lines` where each key stands."""

    __slots__ = ("line", "lines")

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}


class LinedList(list[Value]):
    """A sequence; `line` is where it begins and `lines` where each item does."""

    __slots__ = ("line", "lines")

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: list[int] = []


@dataclass(frozen=True, slots=True)
class Parsed:
    """The value of a document (None where it is empty or broken), and what is wrong with it by line."""

    value: Value
    faults: tuple[tuple[int, str], ...]


@dataclass(slots=True)
class _Builder:
    """Puts parse events together; libyaml's events are a third of the cost of its nodes."""

    offset: int
    faults: list[tuple[int, str]] = field(default_factory=list)
    root: Value = None
    documents: int = 0
    _open: list[tuple[LinedDict | LinedList, str | None]] = field(default_factory=list)

    def take(self, event: yaml.Event) -> None:
        """Add one event."""
        # libyaml marks every event; the type allows for events made by hand.
        line = event.start_mark.line + self.offset if event.start_mark else self.offset
        if isinstance(event, yaml.ScalarEvent):
            self._refuse_extras(event.anchor, event.tag, line)
            self._scalar(event, line)
        elif isinstance(event, yaml.MappingStartEvent):
            self._refuse_extras(event.anchor, event.tag, line)
            self._open.append((LinedDict(line), None))
        elif isinstance(event, yaml.SequenceStartEvent):
            self._refuse_extras(event.anchor, event.tag, line)
            self._open.append((LinedList(line), None))
        elif isinstance(event, yaml.CollectionEndEvent):
            collection, _ = self._open.pop()
            self._place(collection, collection.line)
        elif isinstance(event, yaml.AliasEvent):
            self.faults.append((line, "aliases (*name) are not read here: write it out"))
            self._place(None, line)
        elif isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents == 2:
                self.faults.append((line, "a second document begins here: keep one a file"))

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        if self._open and isinstance(self._open[-1][0], LinedDict) and self._open[-1][1] is None:
            mapping = self._open[-1][0]
            if event.value in mapping.lines:
                first = mapping.lines[event.value]
                self.faults.append((line, f"the key `{event.value}` stands twice (first in line {first})"))
            mapping.lines[event.value] = line
            self._open[-1] = (mapping, event.value)
            return
        self._place(_scalar(event), line)

    def _place(self, value: Value, line: int) -> None:
        if not self._open:
            if self.documents == 1:
                self.root = value
            return
        parent, key = self._open[-1]
        if isinstance(parent, LinedList):
            parent.append(value)
            parent.lines.append(line)
        elif key is None:
            self.faults.append((line, "a key must be plain text"))
            self._open[-1] = (parent, "")
        else:
            parent[key] = value
            self._open[-1] = (parent, None)

    def _refuse_extras(self, anchor: str | None, tag: str | None, line: int) -> None:
        if anchor is not None:
            self.faults.append((line, f"anchors (&{anchor}) are not read here: write it out where it is needed"))
        if tag is not None and tag != "!":
            self.faults.append((line, f"tags ({tag}) are not read here"))


def _scalar(event: yaml.ScalarEvent) -> Value:
    text: str = event.value
    if event.style in _BLOCK_STYLES:
        return text.strip()
    if not event.implicit[0]:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def parse(text: str, *, first_line: int = 1) -> Parsed:
    """Read one YAML document.

    Args:
        first_line: Number of the text's first line in its file.
    """
    builder = _Builder(offset=first_line)
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = (mark.line if mark else 0) + first_line
        what = ", ".join(part for part in (error.context, error.problem) if part)
        return Parsed(None, (*builder.faults, (line, f"this is not YAML: {what}")))
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + first_line
        return Parsed(None, (*builder.faults, (line, f"this is not YAML: {error.reason}")))
    return Parsed(builder.root, tuple(builder.faults))


def line_of(value: LinedDict | LinedList, path: Sequence[str | int]) -> int:
    """Line of what stands at a path of keys and indexes; of the nearest thing above it where the path leads nowhere."""
    line = value.line
    inner: Value = value
    for step in path:
        match inner, step:
            case LinedDict(), str() if step in inner:
                line, inner = inner.lines[step], inner[step]
            case LinedList(), int() if step < len(inner):
                line, inner = inner.lines[step], inner[step]
            case _:
                break
    return line


def texts_in(value: Value, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every text inside a value, with the path that leads to it."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, LinedDict):
        for key, inner in value.items():
            yield from texts_in(inner, (*path, key))
    elif isinstance(value, LinedList):
        for index, inner in enumerate(value):
            yield from texts_in(inner, (*path, index))
