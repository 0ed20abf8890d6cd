"""Writes synthetic session notes, messages and queries: invented, realistic in words and lengths, the same every time.

Their vectors are `evals.benchmark.embedded`; how they come into a store is `evals.benchmark.stores`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import accumulate
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from coach.domain.notes import Chunk, Document, Note
from coach.domain.people import Owner

SEED = 20_240_229
PARAGRAPHS = 10
"""Of a note in a store, about 1,100 words; each is about as long as a chunk of the coach's own."""
SENTENCES = 7
PEOPLE = 12
"""Of one owner who has all the notes of a store."""
CHUNKS_PER_OWNER = 100
FIRST_DAY = date(2019, 1, 7)


class Vocabulary(BaseModel):
    """The file `vocabulary.yaml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    frames: tuple[str, ...]
    titles: tuple[str, ...]
    messages: tuple[str, ...]
    queries: tuple[str, ...]
    words: dict[str, tuple[str, ...]]
    project_first: tuple[str, ...]
    project_second: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WrittenNote:
    """A note with the chunks that a bulk build stores for it: its paragraphs."""

    number: int
    name: str
    title: str
    date: date
    paragraphs: tuple[str, ...]

    @property
    def text(self) -> str:
        """The whole note."""
        return "\n\n".join(self.paragraphs)

    def document(self) -> Document:
        """As a reader would hand it over."""
        return Document(self.text, self.title, self.date, self.name, "text")

    def stored(self, *, owner: Owner, relationship_id: str | None) -> tuple[Note, list[Chunk]]:
        """As the store keeps it once it is indexed."""
        note_id = f"bench{self.number:08d}"
        created_at = datetime.combine(self.date, datetime.min.time(), tzinfo=UTC)
        note = Note(
            note_id, owner, self.title, self.text, self.date, relationship_id, "text", created_at, state="indexed"
        )
        chunks: list[Chunk] = []
        start = 0
        for ordinal, paragraph in enumerate(self.paragraphs):
            chunks.append(Chunk(f"{note_id}:{ordinal}", note_id, start, start + len(paragraph), paragraph))
            start += len(paragraph) + 2
        return note, chunks


def written_note(number: int, *, paragraphs: int = PARAGRAPHS, people: int | None = None) -> WrittenNote:
    """The note of this number, about one of the first `people` names, or of all."""
    rng = random.Random(f"{SEED} note {number}")
    slots = _slots(rng, people=people)
    frames = vocabulary().frames
    written = tuple(
        " ".join(frame.format_map({**_slots(rng), "name": slots["name"]}) for frame in rng.sample(frames, SENTENCES))
        for _ in range(paragraphs)
    )
    title = rng.choice(vocabulary().titles).format_map(slots)
    day = FIRST_DAY + timedelta(days=rng.randrange(2_400))
    return WrittenNote(number, slots["name"], title, day, written)


def messages(count: int) -> list[str]:
    """What a user would write to the coach about the people they meet; every kind as often as the others."""
    return _filled(vocabulary().messages, count, "message", people=PEOPLE)


def queries(count: int) -> list[str]:
    """What is looked up in notes."""
    return _filled(vocabulary().queries, count, "query", people=None)


def owner_of(chunk_number: int) -> Owner:
    """Whose chunk it is where a hundred chunks belong to each owner."""
    return Owner(f"owner{chunk_number // CHUNKS_PER_OWNER}")


@cache
def vocabulary() -> Vocabulary:
    """Read once."""
    path = Path(__file__).with_name("vocabulary.yaml")
    return Vocabulary.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def _filled(templates: tuple[str, ...], count: int, purpose: str, *, people: int | None) -> list[str]:
    rng = random.Random(f"{SEED} {purpose}")
    return [
        templates[place % len(templates)].format_map(_slots(rng, people=people, is_even=True)) for place in range(count)
    ]


def _slots(rng: random.Random, *, people: int | None = None, is_even: bool = False) -> dict[str, str]:
    """One word a slot, the first of each list likeliest, as words are in any language (Mandelbrot, 1953).

    With `is_even` all are equally likely: people look for the particular.
    """
    words = vocabulary()
    lists = {**words.words, "name": words.words["name"][:people]}
    slots = {
        slot: rng.choice(choices) if is_even else rng.choices(choices, cum_weights=_weights(len(choices)))[0]
        for slot, choices in lists.items()
    }
    slots["project"] = f"the {rng.choice(words.project_first)} {rng.choice(words.project_second)}"
    return slots


@cache
def _weights(count: int) -> list[float]:
    return list(accumulate(1 / (place + 3) for place in range(count)))
