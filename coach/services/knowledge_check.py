"""Whether the knowledge is any good: questions fit to be asked, texts in the house style, nothing twice, nothing thin.

Form, ids and links are checked by `coach.adapters.knowledge_files`, where the files are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from typing import TYPE_CHECKING, Literal

from coach.domain.knowledge import (
    Acknowledgement,
    Card,
    Framing,
    Journey,
    Plan,
    Question,
    Record,
    Resource,
    Scenario,
    fill,
)
from coach.domain.prose_rules import american_spellings, fillers_in, reading_ease, slot_faults, words_in
from coach.domain.question_rules import faults_in
from coach.ports import KnowledgeBase
from coach.services.knowledge_stats import stats

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

Severity = Literal["error", "warning"]

MAX_SHARED_WORDS = 0.8
"""Jaccard similarity of the words of two texts from which they count as the same."""
MAX_COSINE = 0.93
MIN_READING_EASE = 40.0
"""Of a question or an acknowledgement; most stand above 75, and one in a hundred below 50."""
MAX_WORDS: Mapping[tuple[type, str], int] = {
    (Card, "gist"): 32,
    (Card, "do"): 30,
    (Question, "why"): 25,
    (Resource, "why"): 30,
    (Acknowledgement, "text"): 40,
}
_SHOWN_FIELDS = ("body", "layers", "reactions", "opening_line")
MIN_BODY_WORDS, MAX_BODY_WORDS = 120, 350


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Something about one record that its author should look at; `rule` is a stable name, `message` a sentence."""

    kind: str
    id: str
    rule: str
    message: str
    severity: Severity = "error"


def check(knowledge: KnowledgeBase, *, embed: Embeddings | None, coverage: Severity = "warning") -> list[Finding]:
    """Everything that is wrong with a knowledge base beyond its form, in the order of the records.

    Args:
        embed: Also finds questions that say the same in other words; None leaves that out.
        coverage: Whether a thin spot is an error.
    """
    findings: list[Finding] = []
    for kind, record in _records(knowledge):
        for rule, message, severity in chain(_style_faults(record), _length_faults(record), _own_faults(record)):
            findings.append(Finding(kind, record.id, rule, message, severity))
    findings.extend(_repetitions(knowledge))
    if embed is not None:
        findings.extend(_same_in_other_words(list(knowledge.questions.values()), embed))
    findings.extend(_unused_sources(knowledge))
    for spot in stats(knowledge).thin:
        kind, _, term = spot.where.partition(" ")
        findings.append(
            Finding(kind, term, "coverage", f"has {spot.count} {spot.what}, at least {spot.wanted} wanted", coverage)
        )
    return findings


def _records(knowledge: KnowledgeBase) -> Iterator[tuple[str, Record]]:
    tables: Mapping[str, Iterable[Record]] = {
        "card": knowledge.cards.values(),
        "question": knowledge.questions.values(),
        "framing": knowledge.framings.values(),
        "resource": knowledge.resources.values(),
        "plan": knowledge.plans.values(),
        "acknowledgement": knowledge.acknowledgements.values(),
        "scenario": knowledge.scenarios.values(),
        "journey": knowledge.journeys.values(),
    }
    for kind, records in tables.items():
        yield from ((kind, record) for record in records)


def prose_of(record: Record) -> Iterator[tuple[str, str]]:
    """The texts of a record that are our own words, by field; not titles and names that exist outside."""
    match record:
        case Card():
            yield from (("title", record.title), ("gist", record.gist), ("do", record.do), ("body", record.body))
        case Question():
            yield from (("text", record.text), ("follow_up", record.follow_up), ("why", record.why))
        case Framing():
            yield from (("name", record.name), ("lens", record.lens), ("when", record.when), ("prompt", record.prompt))
            yield from (("pattern", record.pattern), ("example", record.example), ("why", record.why))
        case Resource():
            yield from (("why", record.why), ("one_thing", record.one_thing))
        case Plan():
            yield from (("title", record.title), ("opening", record.opening), ("agree", record.agree))
            yield from ((f"arc.{number}.note", step.note) for number, step in enumerate(record.arc))
            yield from (("listen_for", record.listen_for), ("avoid", record.avoid), ("follow_up", record.follow_up))
            yield "ask_back", record.ask_back
        case Acknowledgement():
            yield "text", record.text
        case Scenario():
            yield from (("title", record.title), ("person", record.person), ("opening_line", record.opening_line))
            yield from (("facts", fact) for fact in record.facts)
            yield from (("layers", line) for layer in record.layers for line in (layer.reveals, *layer.lines))
            yield from (("reactions", line) for lines in record.reactions.values() for line in lines)
            yield "ending", record.ending
        case Journey():
            yield "title", record.title
            yield from chain.from_iterable((("steps", step.question), ("steps", step.why)) for step in record.steps)


Fault = tuple[str, str, Severity]
"""Rule, message, severity."""


def _style_faults(record: Record) -> Iterator[Fault]:
    for field, text in prose_of(record):
        yield from (("spelling", f"`{field}`: {word}", "error") for word in american_spellings(text))
        # Bodies and rehearsal lines may show how not to say it.
        severity: Severity = "warning" if field in _SHOWN_FIELDS else "error"
        yield from (("filler", f"`{field}` says “{phrase}”", severity) for phrase in fillers_in(text))
        yield from (("slots", f"`{field}` {fault}", "error") for fault in slot_faults(text))
        if "!" in text.replace("![", "["):
            yield "exclamation", f"`{field}` holds an exclamation mark", "error"


def _length_faults(record: Record) -> Iterator[Fault]:
    for (record_type, field), limit in MAX_WORDS.items():
        if isinstance(record, record_type):
            count = len(words_in(fill(getattr(record, field), {})))
            if count > limit:
                yield "length", f"`{field}` has {count} words, at most {limit}", "error"
    if isinstance(record, Card):
        count = sum(len(words_in(line)) for line in record.body.splitlines() if not line.startswith("## "))
        if not MIN_BODY_WORDS <= count <= MAX_BODY_WORDS:
            yield "length", f"the body has {count} words, it needs {MIN_BODY_WORDS} to {MAX_BODY_WORDS}", "error"


def _own_faults(record: Record) -> Iterator[Fault]:
    """What only one kind of record has to keep."""
    # A framing's prompt is worked through in writing, where two halves can stand.
    severity: Severity = "warning" if isinstance(record, Framing) else "error"
    for field, text in _questions_of(record):
        yield from (("question", f"`{field}` {fault}", severity) for fault in faults_in(text))
    match record:
        case Question(text=text) | Acknowledgement(text=text) if (
            ease := reading_ease(fill(text, {}))
        ) < MIN_READING_EASE:
            yield "reading-ease", f"`text` is heavy to say aloud (reading ease {ease:.0f})", "warning"
    match record:
        case Acknowledgement(text=text) if "?" in text:
            yield "acknowledgement", "`text` asks a question", "error"
        case Resource(why=why) if not why.startswith("It "):
            yield "resource-why", "`why` must begin with “It …”, the resource being the subject", "error"
        case Plan(agree=text) | Framing(lens=text) if text[:1].isupper() and text.split()[0] not in ("I", "I'm", "I’m"):
            yield "continues", f"“{text}” continues a sentence and begins in lower case", "error"
        case Plan(agree=text) | Framing(lens=text) if text.endswith((".", "?")):
            yield "continues", f"“{text}” continues a sentence, which brings its own full stop", "error"


def _questions_of(record: Record) -> Iterator[tuple[str, str]]:
    match record:
        case Question():
            yield from (("text", record.text), ("follow_up", record.follow_up))
        case Plan():
            yield "ask_back", record.ask_back
        case Framing() if "?" in record.prompt:
            yield "prompt", record.prompt
        case Journey():
            yield from (("steps", step.question) for step in record.steps if "?" in step.question)


def _repetitions(knowledge: KnowledgeBase) -> Iterator[Finding]:
    yield from _same_words("question", {q.id: q.text for q in knowledge.questions.values()})
    yield from _same_words("acknowledgement", {a.id: a.text for a in knowledge.acknowledgements.values()})


def _same_words(kind: str, texts: Mapping[str, str]) -> Iterator[Finding]:
    bags = {key: frozenset(re.findall(r"[^\W_]+", fill(text, {}).lower())) for key, text in texts.items()}
    for (first, words), (second, others) in combinations(bags.items(), 2):
        shared = len(words & others)
        if shared >= MAX_SHARED_WORDS * (len(words) + len(others) - shared):
            yield Finding(kind, second, "repeats", f"shares nearly all its words with {first}: “{texts[first]}”")


def _same_in_other_words(questions: Sequence[Question], embed: Embeddings) -> Iterator[Finding]:
    """Pairs of questions whose embeddings nearly coincide. Vectors are of unit length."""
    import numpy as np

    if not questions:
        return
    vectors = np.asarray(embed.embed_documents([fill(question.text, {}) for question in questions]), dtype=np.float32)
    similar = np.triu(vectors @ vectors.T, k=1)
    for first, second in np.argwhere(similar >= MAX_COSINE):
        message = (
            f"says the same as {questions[first].id}: “{questions[first].text}” (cosine {similar[first, second]:.2f})"
        )
        yield Finding("question", questions[second].id, "repeats-in-other-words", message)


def _unused_sources(knowledge: KnowledgeBase) -> Iterator[Finding]:
    citing: Iterable[Card | Question | Framing | Plan] = chain(
        knowledge.cards.values(), knowledge.questions.values(), knowledge.framings.values(), knowledge.plans.values()
    )
    used = {source for record in citing for source in record.sources}
    for source in knowledge.sources:
        if source not in used:
            yield Finding("source", source, "unused", "no record cites it", "warning")
