"""Whether ids still mean what they meant: histories and other people's folders refer to records by id.

A committed file (`knowledge/ids.txt`) holds every id with a fingerprint of its words. Reading and writing that file is
left to the command.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

from coach.domain.knowledge import fill
from coach.domain.prose_rules import words_in
from coach.ports import KnowledgeBase
from coach.services.knowledge_check import Finding

_BITS = 64
MIN_LIKENESS = 0.4
"""Cosine of the words, as estimated from two fingerprints; a reworded sentence stands above it, another one near 0."""


def accepted_ids(knowledge: KnowledgeBase) -> str:
    """The text of the file: a line for each record, `kind id fingerprint`, sorted."""
    lines = sorted(f"{kind} {record_id} {fingerprint(text)}" for kind, record_id, text in _named(knowledge))
    return "".join(f"{line}\n" for line in lines)


def drift(knowledge: KnowledgeBase, accepted: str) -> list[Finding]:
    """Ids that vanished, or now stand for other words, since the file was accepted. New ids are no finding."""
    before: Mapping[tuple[str, str], str] = {
        (kind, record_id): mark for kind, record_id, mark in (line.split() for line in accepted.splitlines())
    }
    now = {(kind, record_id): text for kind, record_id, text in _named(knowledge)}
    findings: list[Finding] = []
    for (kind, record_id), mark in before.items():
        text = now.get((kind, record_id))
        if text is None:
            findings.append(Finding(kind, record_id, "id-vanished", "is no longer there", "warning"))
        elif likeness(mark, fingerprint(text)) < MIN_LIKENESS:
            message = f"now says something else (“{text}”): give it an id of its own, or accept the change"
            findings.append(Finding(kind, record_id, "id-changed-meaning", message, "warning"))
    return findings


def fingerprint(text: str) -> str:
    """A similarity hash of a text's words (Charikar, 2002), as 16 hex digits: alike texts share most bits."""
    votes = [0] * _BITS
    for word in {word.lower() for word in words_in(fill(text, {}))}:
        bits = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=_BITS // 8).digest(), "big")
        for place in range(_BITS):
            votes[place] += 1 if bits >> place & 1 else -1
    value = sum(1 << place for place, vote in enumerate(votes) if vote > 0)
    return f"{value:0{_BITS // 4}x}"


def likeness(one: str, other: str) -> float:
    """About the cosine of the two texts' words, 0 where they share none and 1 where they are the same.

    Differing bits grow with the angle between the texts, and the line 1 − 2d keeps close to its cosine.
    """
    differing = (int(one, 16) ^ int(other, 16)).bit_count() / _BITS
    return max(0.0, 1.0 - 2.0 * differing)


def _named(knowledge: KnowledgeBase) -> Iterator[tuple[str, str, str]]:
    """Kind, id and the words that say what a record is."""
    yield from (("source", s.id, s.title) for s in knowledge.sources.values())
    yield from (("card", c.id, f"{c.title} {c.gist}") for c in knowledge.cards.values())
    yield from (("question", q.id, q.text) for q in knowledge.questions.values())
    yield from (("framing", f.id, f"{f.name} {f.when}") for f in knowledge.framings.values())
    yield from (("resource", r.id, r.title) for r in knowledge.resources.values())
    yield from (("plan", p.id, f"{p.title} {p.opening}") for p in knowledge.plans.values())
    yield from (("acknowledgement", a.id, a.text) for a in knowledge.acknowledgements.values())
    yield from (("scenario", s.id, f"{s.title} {s.person}") for s in knowledge.scenarios.values())
    yield from (("journey", j.id, j.title) for j in knowledge.journeys.values())
