"""Stopwatch, summaries of repetitions, and the machine they ran on.

What is measured is in the modules named after it (`starts`, `ingest`, …); how it reads is `evals.benchmark.results`.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("chromadb", "gradio", "langchain-chroma", "langchain-core", "numpy", "onnxruntime", "sqlalchemy")


@dataclass(frozen=True, slots=True)
class Summary:
    """Repetitions of one measurement, in whatever unit they were given."""

    median: float
    p95: float
    count: int


@dataclass(frozen=True, slots=True)
class Machine:
    """Enough to judge the numbers by, and nothing that identifies the machine."""

    cores: int
    processor: str
    memory_mb: int
    system: str
    python: str
    packages: dict[str, str]
    load_average: float
    """Of the last minute, when the run began: well above 0 means that others used the machine too."""


def percentile(values: Sequence[float], q: float) -> float:
    """The q-th percentile, 0 to 100, between the two nearest values where it falls between them.

    Raises:
        ValueError: There are no values, or q is out of range.
    """
    if not values:
        raise ValueError("There is no percentile of nothing.")
    if not 0 <= q <= 100:
        raise ValueError(f"q is {q}; it must be between 0 and 100")
    ordered = sorted(values)
    place = (len(ordered) - 1) * q / 100
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def summarised(values: Sequence[float], *, factor: float = 1.0) -> Summary:
    """Median and 95th percentile of the values times `factor`; 1e3 makes milliseconds of seconds.

    Raises:
        ValueError: There are no values.
    """
    return Summary(percentile(values, 50) * factor, percentile(values, 95) * factor, len(values))


def seconds(action: Callable[[], object]) -> float:
    """How long one call takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def side_by_side(actions: Sequence[Callable[[], object]], *, repeats: int, warm_up: int = 1) -> list[list[float]]:
    """Seconds of every repetition, a list an action; the actions take turns, so that a busy machine hits all alike."""
    for _ in range(warm_up):
        for action in actions:
            action()
    timings: list[list[float]] = [[] for _ in actions]
    for _ in range(repeats):
        for action, kept in zip(actions, timings, strict=True):
            kept.append(seconds(action))
    return timings


def this_machine() -> Machine:
    """The machine as it is now."""
    import psutil

    return Machine(
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        processor=_processor(),
        memory_mb=psutil.virtual_memory().total // 2**20,
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        packages={name: version(name) for name in PACKAGES},
        load_average=round(psutil.getloadavg()[0], 2),
    )


def resident_mb(process_id: int | None = None) -> float:
    """Resident memory of a process, this one by default, in MB of 2**20 bytes."""
    import psutil

    return float(psutil.Process(process_id).memory_info().rss) / 2**20


def say(text: str) -> None:
    """A line of progress."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
