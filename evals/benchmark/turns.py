"""Latency of whole turns on a large store of one owner, beside the embedding of the same messages.

How good the replies are is for the other evals; memory during turns is `evals.benchmark.memory`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from coach.domain.conversation import Failed, Finished, Reply, Turn
from coach.domain.people import LOCAL_OWNER
from evals.benchmark.corpus import messages
from evals.benchmark.embedded import synthetic
from evals.benchmark.measuring import percentile, seconds, summarised
from evals.benchmark.plans import Plan
from evals.benchmark.results import SYNTHETIC, Budget, Row
from evals.benchmark.stores import build, opened

if TYPE_CHECKING:
    from coach.bootstrap import Coach

WARM_UP = 24
FOLLOW_UPS = ("go deeper on the second", "something less formal", "I already asked that")
"""Second messages of every other conversation."""
ONE_OWNER = "Turns: all chunks are one owner's, in notes about twelve people; each turn is kept in a conversation."


class TurnFailed(Exception):
    """A turn did not end with a reply, so its time means nothing."""


@dataclass(frozen=True, slots=True)
class TimedTurn:
    """One turn, and the embedding of its message alone just before."""

    seconds: float
    embedding_seconds: float
    reply: Reply


@contextmanager
def coach_on(home: Path) -> Iterator[Coach]:
    """The whole coach, as page and commands open it."""
    from coach.bootstrap import open_coach
    from coach.config import Settings

    with open_coach(Settings(home=home)) as coach:
        yield coach


def prepare_library(plan: Plan, home: Path) -> float:
    """Index the library in `home` as a first start does; a quick run does so with synthetic vectors. Returns seconds."""
    from coach.adapters.knowledge_files import load_knowledge
    from coach.adapters.packaged_data import data_folder
    from coach.services.library_index import synchronise

    with opened(home) as parts:
        knowledge = load_knowledge([data_folder("knowledge")])
        embeddings = synthetic(parts.embedder, centres=plan.centres) if plan.is_quick else parts.embedder
        return seconds(lambda: synchronise(knowledge, parts.vectors, parts.words, embeddings))


def prepare_notes(plan: Plan, home: Path) -> None:
    """Write one owner's chunks beside the library."""
    with opened(home, is_bulk=True) as parts:
        is_real = plan.turn_chunks <= plan.embedded_up_to
        embeddings = parts.embedder if is_real else synthetic(parts.embedder, centres=plan.centres)
        build(parts, chunks=plan.turn_chunks, embeddings=embeddings, owner=LOCAL_OWNER)


def measured_turns(plan: Plan, home: Path) -> list[Row]:
    """The p95 of a turn beside the median embedding, with what the turn's own clock says of its steps."""
    with coach_on(home) as coach:
        for _ in answered(coach, WARM_UP):
            pass
        turns = list(answered(coach, plan.turns))
    laps: dict[str, list[float]] = defaultdict(list)
    for turn in turns:
        for step, milliseconds in turn.reply.timings_ms.items():
            laps[step].append(milliseconds)
    return [
        Row(
            name="turn",
            what=f"turn, {plan.turn_chunks:,} chunks",
            unit="ms",
            measured=summarised([turn.seconds for turn in turns], factor=1e3),
            reference_name="embedding one query",
            reference=summarised([turn.embedding_seconds for turn in turns], factor=1e3),
            compared=("p95", "median"),
            budget=Budget(10.0),
            remarks=(ONE_OWNER, SYNTHETIC) if plan.turn_chunks > plan.embedded_up_to else (ONE_OWNER,),
            details={f"{step}_ms_p95": percentile(values, 95) for step, values in laps.items()}
            | {f"{step}_ms_median": percentile(values, 50) for step, values in laps.items()},
        )
    ]


def answered(coach: Coach, turns: int) -> Iterator[TimedTurn]:
    """That many turns; every other conversation has a second one.

    Raises:
        TurnFailed: The coach did not answer.
    """
    done = 0
    for number, text in enumerate(messages(turns)):
        conversation = coach.store.start_conversation(owner=LOCAL_OWNER, title="Benchmark")
        follow_up = [FOLLOW_UPS[number // 2 % len(FOLLOW_UPS)]] if number % 2 else []
        for said in [text, *follow_up]:
            if done < turns:
                yield _timed(coach, Turn(said, conversation_id=conversation.id))
                done += 1


def _timed(coach: Coach, turn: Turn) -> TimedTurn:
    replies: list[Reply] = []

    def answer() -> None:
        for event in coach.session.reply(turn, owner=LOCAL_OWNER):
            if isinstance(event, Failed):
                raise TurnFailed(f"A turn of the benchmark failed: {event.message}")
            if isinstance(event, Finished):
                replies.append(event.reply)

    embedding = seconds(lambda: coach.retrieval.query(turn.text))
    return TimedTurn(seconds(answer), embedding, replies[0])
