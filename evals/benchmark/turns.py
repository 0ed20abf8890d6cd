"""Turns on a large store of one owner: their latency beside an embedding, and the memory that the process then holds.

The process serves the page at the same time. How good the replies are is for the other evals.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from coach.domain.conversation import Failed, Finished, Reply, Turn
from coach.domain.people import LOCAL_OWNER
from evals.benchmark.corpus import messages
from evals.benchmark.embedded import synthetic
from evals.benchmark.measuring import percentile, resident_mb, say, seconds, summarised
from evals.benchmark.plans import Plan
from evals.benchmark.results import SYNTHETIC, Budget, Row
from evals.benchmark.starts import BARE_PAGE, QUIET, NoAnswer, answers, free_port, served
from evals.benchmark.stores import build, opened

if TYPE_CHECKING:
    from coach.bootstrap import Coach
    from coach.ports import Progress

WARM_UP = 24
FOLLOW_UPS = ("go deeper on the second", "something less formal", "I already asked that")
"""Second messages of every other conversation."""
PATIENCE_S = 120.0
AFTER_TURNS = "Memory: of the process that serves the page, after its turns; the bare page has answered once."
ONE_OWNER = "Turns: all chunks are one owner's, in notes about twelve people; each turn is kept in a conversation."


class TurnFailed(Exception):
    """A turn did not end with a reply, so its time means nothing."""


@dataclass(frozen=True, slots=True)
class TimedTurn:
    """One turn, and the embedding of its message alone just before."""

    seconds: float
    embedding_seconds: float
    reply: Reply


def prepare(plan: Plan, home: Path) -> None:
    """Index the library in `home` as a first start does, and write one owner's chunks beside it.

    A quick run does both with synthetic vectors.
    """
    from coach.adapters.knowledge_files import load_knowledge
    from coach.adapters.packaged_data import data_folder
    from coach.services.library_index import synchronise

    with opened(home, is_bulk=True) as parts:
        made_up = synthetic(parts.embedder, centres=plan.centres)
        knowledge = load_knowledge([data_folder("knowledge")])
        embeddings = made_up if plan.is_quick else parts.embedder
        taken = seconds(lambda: synchronise(knowledge.indexed_texts(), parts.vectors, parts.words, embeddings))
        say(f"  library indexed in {taken:.1f} s")
        embeddings = made_up if plan.turn_chunks > plan.embedded_up_to else parts.embedder
        build(parts, chunks=plan.turn_chunks, embeddings=embeddings, owner=LOCAL_OWNER)


def measured_turns(plan: Plan, home: Path) -> list[Row]:
    """Turns, then the memory that is held after them. To be called in a process of its own, since that is measured."""
    with served(BARE_PAGE, QUIET) as (_, process_id):
        bare = resident_mb(process_id)
    with _served_coach(home) as coach:
        idle = resident_mb()
        for _ in answered(coach, WARM_UP):
            pass
        turns = list(answered(coach, plan.turns))
        used = resident_mb()
    say(f"  {idle:.0f} MB with the page open, {used:.0f} MB after the turns, {bare:.0f} MB for a bare page")
    return [_latency_row(plan, turns), _memory_row(plan, bare, idle, used)]


def _latency_row(plan: Plan, turns: Sequence[TimedTurn]) -> Row:
    laps: dict[str, list[float]] = defaultdict(list)
    for turn in turns:
        for step, milliseconds in turn.reply.timings_ms.items():
            laps[step].append(milliseconds)
    return Row(
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


def _memory_row(plan: Plan, bare: float, idle: float, used: float) -> Row:
    return Row(
        name="memory",
        what=f"resident memory, {plan.turn_chunks:,} chunks",
        unit="MB",
        measured=summarised([used]),
        reference_name="bare gradio page",
        reference=summarised([bare]),
        budget=Budget(450.0, about="measured"),
        remarks=(AFTER_TURNS,),
        details={"before_turns_mb": idle},
    )


@contextmanager
def _served_coach(home: Path) -> Iterator[Coach]:
    """The page as `coach serve` serves it, answered once, and the coach behind it."""
    import uvicorn

    from coach.bootstrap import open_coach
    from coach.config import Settings
    from coach.ui.host import build_app

    settings = Settings(home=home, port=free_port())
    opened_coaches: list[Coach] = []

    @contextmanager
    def start(progress: Progress | None) -> Iterator[Coach]:
        with open_coach(settings, progress) as coach:
            opened_coaches.append(coach)
            yield coach

    config = uvicorn.Config(build_app(settings, start), host="127.0.0.1", port=settings.port, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not (opened_coaches and answers(settings.port)):
            if time.monotonic() > deadline or not thread.is_alive():
                raise NoAnswer("The page did not open in the benchmark's own process.")
            time.sleep(0.1)
        yield opened_coaches[0]
    finally:
        server.should_exit = True
        thread.join()


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
