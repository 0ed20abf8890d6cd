"""The knowledge folders, read whole: files found, records gathered, every fault reported at once with file and line.

One record by itself is `coach.adapters.knowledge_records`, records against each other `coach.adapters.knowledge_links`;
what makes a question or a text a good one is judged by `coach.services.knowledge_check`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import cast

from coach.adapters.knowledge_links import Draft, Found, Place, faults_between
from coach.adapters.knowledge_records import AnyRecord, build, nearest, shown
from coach.adapters.lined_yaml import LinedDict, LinedList, Value, parse
from coach.domain.errors import KnowledgeError
from coach.domain.knowledge import (
    Acknowledgement,
    Alarm,
    Card,
    Exemplar,
    Framing,
    Journey,
    Plan,
    Question,
    Resource,
    Scenario,
    Source,
    Taxonomy,
    Term,
    fill,
)
from coach.ports import EntryKind

_KINDS: Mapping[str, str] = {
    "sources": "source",
    "cards": "card",
    "questions": "question",
    "framings": "framing",
    "resources": "resource",
    "plans": "plan",
    "acknowledgements": "acknowledgement",
    "scenarios": "scenario",
    "journeys": "journey",
    "exemplars": "exemplar",
    "alarms": "alarm",
}
_GROUPS: Mapping[str, str] = {
    "roles": "role",
    "stages": "stage",
    "topics": "topic",
    "purposes": "purpose",
    "intents": "intent",
    "feelings": "feeling",
}


@dataclass(frozen=True, slots=True)
class FileKnowledge:
    """All that was read, as `coach.ports.KnowledgeBase` promises it."""

    taxonomy: Taxonomy
    sources: dict[str, Source]
    cards: dict[str, Card]
    questions: dict[str, Question]
    framings: dict[str, Framing]
    resources: dict[str, Resource]
    plans: dict[str, Plan]
    acknowledgements: dict[str, Acknowledgement]
    scenarios: dict[str, Scenario]
    journeys: dict[str, Journey]
    exemplars: dict[str, Exemplar]
    alarms: dict[str, Alarm]
    digest: str
    places: Mapping[tuple[str, str], str]
    """`file:line` by kind and id, for whoever reports on a record."""

    def indexed_texts(self) -> Iterator[tuple[EntryKind, str, str]]:
        """(kind, id, text) of everything that is retrieved by meaning.

        The embedder reads the first 256 tokens and the word index everything, so a text begins with what it is about.
        Slots hold their defaults, and the labels of a record's topics stand in its text: so, somebody's own words
        for a topic find its records more often (nDCG@10 of questions 0.27 against 0.18, of cards 0.35 against 0.32),
        while one record is found among its neighbours as well as before. A phrase's id is `group/term/ordinal`, from 1.
        """
        for card in self.cards.values():
            yield "card", card.id, _card_text(card, self._topics_of(card))
        for question in self.questions.values():
            yield "question", question.id, f"{fill(question.text, {})} {question.why} {self._topics_of(question)}"
        for framing in self.framings.values():
            yield "framing", framing.id, f"{framing.name}. {framing.when} {framing.prompt} {self._topics_of(framing)}"
        for resource in self.resources.values():
            text = f"{resource.title}. {resource.why} {resource.one_thing} {self._topics_of(resource)}"
            yield "resource", resource.id, text
        for plan in self.plans.values():
            yield (
                "plan",
                plan.id,
                f"{plan.title}. {self._topics_of(plan)} {fill(f'{plan.opening} {plan.listen_for}', {})}",
            )
        for acknowledgement in self.acknowledgements.values():
            yield "acknowledgement", acknowledgement.id, fill(acknowledgement.text, {})
        for exemplar in self.exemplars.values():
            yield "exemplar", exemplar.id, exemplar.text
        for alarm in self.alarms.values():
            yield "alarm", alarm.id, alarm.text
        yield from self._phrases()

    def _topics_of(self, record: Card | Question | Framing | Resource | Plan) -> str:
        return f"{', '.join(self.taxonomy.label(topic) for topic in record.topics)}."

    def _phrases(self) -> Iterator[tuple[EntryKind, str, str]]:
        taxonomy = self.taxonomy
        for group, terms in (
            ("role", taxonomy.roles),
            ("stage", taxonomy.stages),
            ("topic", taxonomy.topics),
            ("intent", taxonomy.intents),
            ("feeling", taxonomy.feelings),
        ):
            for term in terms:
                for ordinal, phrase in enumerate(term.phrases, start=1):
                    yield "phrase", f"{group}/{term.id}/{ordinal}", phrase


def _card_text(card: Card, topics: str) -> str:
    """What it is about and when it helps come first; how, example and mistakes follow for the word index."""
    sections = dict(_sections(card.body))
    rest = [sections[heading] for heading in ("When", "What it is", "What goes wrong", "How", "For example")]
    return "\n".join([f"{card.title}. {card.gist} {card.do} {topics}", *rest])


def _sections(body: str) -> Iterator[tuple[str, str]]:
    for section in f"\n{body}".split("\n## ")[1:]:
        heading, _, text = section.partition("\n")
        yield heading.strip(), text.strip()


def load_knowledge(folders: Sequence[Path]) -> FileKnowledge:
    """Read and check knowledge folders, ours first.

    Args:
        folders: Each laid out as `knowledge/README.md` says. Later ones may lack the taxonomy and sources, and may cite
            earlier ones' ids; they may not repeat them.

    Raises:
        KnowledgeError: With every fault as `file:line: sentence`, by file and line. Paths are relative to the first
            folder; those of later folders begin with the folder's name.
    """
    reading = _Reading()
    for number, folder in enumerate(folders):
        reading.read_folder(folder, number)
    faults = {*reading.faults, *faults_between(reading.draft)}
    if faults:
        raise KnowledgeError("\n".join(f"{place}: {message}" for place, message in sorted(faults)))
    return reading.knowledge()


@dataclass(slots=True)
class _Reading:
    """What has been read so far, and what is wrong with it."""

    draft: Draft = field(default_factory=Draft)
    faults: list[Found] = field(default_factory=list)
    contents: list[tuple[str, bytes]] = field(default_factory=list)

    def read_folder(self, folder: Path, number: int) -> None:
        """Read every file of one folder; a misplaced one is a fault, so that nothing is left out silently."""
        if not folder.is_dir():
            self.faults.append((Place(number, str(folder), 1), "there is no such folder"))
            return
        shown_before = "" if number == 0 else f"{folder.name}/"
        for path in sorted(path for path in folder.rglob("*") if path.suffix in (".yaml", ".yml", ".md")):
            relative = path.relative_to(folder)
            if any(part.startswith(".") for part in relative.parts):
                continue
            place = Place(number, f"{shown_before}{relative.as_posix()}", 1)
            kind = _kind_of(relative)
            if kind is not None:
                try:
                    content = path.read_bytes()
                except OSError as error:
                    self.faults.append((place, f"this file cannot be read: {error.strerror}"))
                else:
                    self._read_file(kind, content, place)
            elif path.suffix != ".md":
                self.faults.append((place, "this file is not read: the README says where records belong"))

    def _read_file(self, kind: str, content: bytes, place: Place) -> None:
        self.contents.append((place.file, content))
        try:
            text = content.decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            self.faults.append((place.at(content[: error.start].count(b"\n") + 1), "this is not UTF-8 text"))
            return
        if kind == "card":
            self._read_card(text, place)
            return
        value = self._parse(text, place, first_line=1)
        if kind == "taxonomy":
            self._read_taxonomy(value, place)
        elif isinstance(value, LinedList):
            for line, item in zip(value.lines, value, strict=True):
                self._read_record(kind, item, place.at(line))
        elif value is not None:
            self._read_record(kind, value, place)

    def _parse(self, text: str, place: Place, *, first_line: int) -> Value:
        parsed = parse(text, first_line=first_line)
        self.faults.extend((place.at(line), message) for line, message in parsed.faults)
        return parsed.value

    def _read_card(self, text: str, place: Place) -> None:
        before, opening, rest = text.partition("---\n")
        matter, closing, body = rest.partition("\n---\n")
        if before.strip() or not opening or not closing:
            self.faults.append((place, "a card begins with front matter between two lines of `---`"))
            return
        first_line = before.count("\n") + 2
        value = self._parse(matter, place, first_line=first_line)
        if isinstance(value, LinedDict):
            value["body"] = body.strip()
            value.lines["body"] = first_line + matter.count("\n") + 2
        self._read_record("card", value, place.at(first_line))

    def _read_taxonomy(self, value: Value, place: Place) -> None:
        if not isinstance(value, LinedDict):
            self.faults.append((place, f"the taxonomy must hold the lists {', '.join(_GROUPS)}"))
            return
        for group, terms in value.items():
            where = place.at(value.lines[group])
            if group not in _GROUPS:
                self.faults.append((where, f"unknown group `{group}`{nearest(group, _GROUPS)}"))
            elif not isinstance(terms, LinedList):
                self.faults.append((where, f"`{group}` must be a list of terms"))
            else:
                for line, term in zip(terms.lines, terms, strict=True):
                    self._read_record(_GROUPS[group], term, place.at(line))

    def _read_record(self, kind: str, value: Value, place: Place) -> None:
        """Check one record by itself and keep it; a broken one still lends its id, so that references to it hold."""
        if not isinstance(value, LinedDict):
            self.faults.append((place, f"expected the fields of one {kind}, found {shown(value)}"))
            return
        record, faults = build(kind, value)
        record_id = value.get("id")
        name = f"{kind} {record_id}" if isinstance(record_id, str) and record_id else kind
        self.faults.extend((place.at(line), f"{name}: {message}") for line, message in faults)
        if not isinstance(record_id, str) or not record_id:
            return
        key = (kind, record_id)
        if key in self.draft.places:
            self.faults.append((place.at(value.lines["id"]), f"{name}: this id is taken by {self.draft.places[key]}"))
            return
        self.draft.places[key] = place.at(value.lines["id"])
        if record is not None:
            self.draft.records[key] = record
            self.draft.values[key] = value

    def knowledge(self) -> FileKnowledge:
        """Everything, once no fault was found."""
        by_kind: dict[str, dict[str, AnyRecord]] = {kind: {} for kind in (*_KINDS.values(), *_GROUPS.values())}
        for (kind, record_id), record in self.draft.records.items():
            by_kind[kind][record_id] = record
        terms = {group: tuple(cast("Term", term) for term in by_kind[kind].values()) for group, kind in _GROUPS.items()}
        return FileKnowledge(
            taxonomy=Taxonomy(**terms),
            sources=cast("dict[str, Source]", by_kind["source"]),
            cards=cast("dict[str, Card]", by_kind["card"]),
            questions=cast("dict[str, Question]", by_kind["question"]),
            framings=cast("dict[str, Framing]", by_kind["framing"]),
            resources=cast("dict[str, Resource]", by_kind["resource"]),
            plans=cast("dict[str, Plan]", by_kind["plan"]),
            acknowledgements=cast("dict[str, Acknowledgement]", by_kind["acknowledgement"]),
            scenarios=cast("dict[str, Scenario]", by_kind["scenario"]),
            journeys=cast("dict[str, Journey]", by_kind["journey"]),
            exemplars=cast("dict[str, Exemplar]", by_kind["exemplar"]),
            alarms=cast("dict[str, Alarm]", by_kind["alarm"]),
            digest=_digest(self.contents),
            places={key: str(place) for key, place in self.draft.places.items()},
        )


def _kind_of(path: PurePath) -> str | None:
    """Which kind of record a file of a knowledge folder holds; None where it holds none."""
    match path.parts:
        case ("taxonomy.yaml",):
            return "taxonomy"
        case ("sources.yaml",):
            return "source"
        case ("cards", name) if name.endswith(".md"):
            return "card"
        case (folder, name) if folder != "cards" and name.endswith(".yaml"):
            return _KINDS.get(folder)
    return None


def _digest(contents: Sequence[tuple[str, bytes]]) -> str:
    whole = hashlib.sha256()
    for file, content in contents:
        whole.update(f"{file}\0{len(content)}\0".encode())
        whole.update(content)
    return whole.hexdigest()
