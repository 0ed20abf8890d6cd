"""Runs a task: every sample through a solver and past the scorers. A solver that dies fails its sample, not the run."""

from __future__ import annotations

import logging
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from coach.domain.errors import CoachError
from coach.services.compose import BUILT_IN
from evals.grammar import Dataset, OutputT, SampleT, Score, Task, Unscorable, unscored
from evals.metrics import Judged, summarise
from evals.runs import Run, SampleResult, Setup
from evals.scratch import Scratch

log = logging.getLogger(__name__)

SEED = 20261123
SCORED = "scored"
"""Stands, unscored, for all metrics of a solver that cannot be had."""
COMPLETED = "completed"
"""Share of the samples whose solver came through; every task has it."""

Progress = Callable[[str, int, int], None]


def run_task(
    task: Task[SampleT, OutputT],
    dataset: Dataset[SampleT],
    scratch: Scratch,
    *,
    solver: str,
    split: str,
    progress: Progress | None = None,
) -> Run:
    """Solve and score every sample. A failed sample counts 0 on every metric that all the others were judged by.

    A solver that cannot even be opened fails every sample.

    Raises:
        CoachError: The coach itself cannot be opened; no solver of any task could.
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    results: list[SampleResult] = []
    opened = 0.0
    try:
        with ExitStack() as closing:
            solve = _opened(task, solver, dataset, scratch, closing)
            opened = time.perf_counter() - clock
            for number, sample in enumerate(dataset.samples, start=1):
                results.append(_result(task, solve, sample))
                if progress:
                    progress(f"{task.name}, {solver}", number, len(dataset.samples))
    except Unscorable as error:
        results = [SampleResult(s.id, s.group or s.id, (unscored(SCORED, str(error)),)) for s in dataset.samples]
    results = _with_failures_counted(results, lower_is_better=task.lower_is_better)
    judged = [Judged(result.group, score) for result in results for score in result.scores]
    return Run(
        task=task.name,
        solver=solver,
        split=split,
        metrics=summarise(judged, seed=SEED),
        samples=results,
        setup=_setup(task, dataset, scratch, solver, started),
        lower_is_better=task.lower_is_better,
        not_gated=task.not_gated,
        seconds=time.perf_counter() - clock,
        notes={"opening_s": round(opened, 2)},
    )


def _opened(
    task: Task[SampleT, OutputT], solver: str, dataset: Dataset[SampleT], scratch: Scratch, closing: ExitStack
) -> Callable[[SampleT], OutputT]:
    try:
        return closing.enter_context(task.solvers[solver](dataset, scratch))
    except (CoachError, Unscorable):
        raise
    except Exception as error:
        log.warning("%s: the solver %s cannot be opened", task.name, solver, exc_info=True)
        fault = error

        def fail(_: SampleT) -> OutputT:
            raise fault

        return fail


def _result(task: Task[SampleT, OutputT], solve: Callable[[SampleT], OutputT], sample: SampleT) -> SampleResult:
    group, clock = sample.group or sample.id, time.perf_counter()
    try:
        output = solve(sample)
        taken = time.perf_counter() - clock
        scores = [score for scorer in task.scorers for score in scorer(sample, output)]
    except Exception as error:
        log.warning("%s: sample %s failed", task.name, sample.id, exc_info=True)
        fault = f"{type(error).__name__}: {error}"
        return SampleResult(sample.id, group, (Score(COMPLETED, 0.0, fault),), fault, time.perf_counter() - clock)
    return SampleResult(sample.id, group, (*scores, Score(COMPLETED, 1.0)), "", taken)


def _with_failures_counted(results: Sequence[SampleResult], *, lower_is_better: frozenset[str]) -> list[SampleResult]:
    """The worst value for a failed sample on each metric that every other sample has."""
    others = [{score.metric for score in result.scores} for result in results if not result.failed]
    shared = sorted(set.intersection(*others) - {COMPLETED} - lower_is_better) if others else []
    return [
        SampleResult(
            result.id,
            result.group,
            (*(Score(metric, 0.0, result.failed) for metric in shared), *result.scores),
            result.failed,
            result.seconds,
        )
        if result.failed
        else result
        for result in results
    ]


def _setup(
    task: Task[SampleT, OutputT], dataset: Dataset[SampleT], scratch: Scratch, solver: str, started: datetime
) -> Setup:
    from coach.adapters.minilm import MiniLM
    from coach.adapters.packaged_data import data_folder
    from coach.adapters.prompt_files import PromptFiles

    identity = MiniLM().identity()
    return Setup(
        composer=scratch.composer if solver == "coach-model" else BUILT_IN,
        embedder=f"{identity.name} {identity.digest[:12]}",
        prompts=PromptFiles(data_folder("prompts")).digest[:16],
        knowledge=scratch.knowledge_digest,
        dataset=dataset.digest,
        weights={**_weights(), **task.setup},
        commit=_commit(),
        seed=SEED,
        started=started.isoformat(timespec="seconds"),
    )


def _weights() -> Mapping[str, str]:
    from coach.domain import chunking
    from coach.services import retrieval

    return {
        "knowledge dense weight": str(retrieval.KNOWLEDGE_DENSE_WEIGHT),
        "notes dense weight": str(retrieval.NOTES_DENSE_WEIGHT),
        "library candidates": str(retrieval.LIBRARY_DEPTH),
        "note candidates": str(retrieval.NOTES_DEPTH),
        "feedback": f"{retrieval.FEEDBACK_RECORDS} records, weight {retrieval.FEEDBACK_WEIGHT}",
        "chunk tokens": str(chunking.MAX_TOKENS),
        "overlap sentences": str(chunking.OVERLAP_SENTENCES),
    }


def _commit() -> str:
    """The checkout's commit, with a plus where it was changed since; empty outside of one."""
    here = Path(__file__).parent
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"], cwd=here, capture_output=True, text=True, timeout=10, check=True
        ).stdout.strip()
        status = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no"],
            cwd=here, capture_output=True, text=True, timeout=10, check=True,
        ).stdout.strip()  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return f"{commit}+" if status else commit
