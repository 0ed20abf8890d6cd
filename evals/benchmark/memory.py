"""Resident memory of the process that serves the page, on a large store, before and after turns.

How long the turns take is `evals.benchmark.turns`; how long the page takes to answer is `evals.benchmark.starts`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from evals.benchmark.measuring import resident_mb, say, summarised
from evals.benchmark.plans import Plan
from evals.benchmark.results import Budget, Row
from evals.benchmark.starts import BARE_PAGE, QUIET, NoAnswer, answers, free_port, served
from evals.benchmark.turns import answered, coach_on

if TYPE_CHECKING:
    from coach.bootstrap import Coach
    from coach.ports import Progress

TURNS = 48
PATIENCE_S = 120.0
SERVED = (
    f"Memory: of the process that serves the page, when it has answered {TURNS} turns; the bare page has answered once."
)


def measured_memory(plan: Plan, home: Path) -> list[Row]:
    """To be called in a process of its own: that process becomes the one that is measured."""
    with served(BARE_PAGE, QUIET) as (_, process_id):
        bare = resident_mb(process_id)
    with _served_coach(home) as coach:
        idle = resident_mb()
        for _ in answered(coach, TURNS):
            pass
        used = resident_mb()
    say(f"  {idle:.0f} MB with the page open, {used:.0f} MB after {TURNS} turns, {bare:.0f} MB for a bare page")
    return [
        Row(
            name="memory",
            what=f"resident memory, {plan.turn_chunks:,} chunks",
            unit="MB",
            measured=summarised([used]),
            reference_name="bare gradio page",
            reference=summarised([bare]),
            budget=Budget(450.0, about="measured"),
            remarks=(SERVED,),
            details={"before_turns_mb": idle},
        )
    ]


@contextmanager
def _served_coach(home: Path) -> Iterator[Coach]:
    """The page as `coach serve` serves it, answered once, and the coach behind it."""
    import uvicorn

    from coach.config import Settings
    from coach.ui.host import build_app

    opened: list[Coach] = []

    def start(progress: Progress | None) -> AbstractContextManager[Coach]:
        return _noted(coach_on(home), opened)

    port = free_port()
    app = build_app(Settings(home=home, port=port), start)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not (opened and answers(port)):
            if time.monotonic() > deadline or not thread.is_alive():
                raise NoAnswer("The page did not open in the benchmark's own process.")
            time.sleep(0.1)
        yield opened[0]
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def _noted(opening: AbstractContextManager[Coach], opened: list[Coach]) -> Iterator[Coach]:
    with opening as coach:
        opened.append(coach)
        yield coach
