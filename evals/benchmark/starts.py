"""Start-up: from the start of a process until its page answers, beside a bare gradio page.

How much memory such a process holds is `evals.benchmark.turns`.
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from evals.benchmark.measuring import say, seconds, summarised
from evals.benchmark.plans import Plan
from evals.benchmark.results import Budget, Row

PATIENCE_S = 180.0
POLL_S = 0.01
QUIET = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1", "ORT_DISABLE_TELEMETRY": "1"}
"""For the references, which would otherwise call home over the network."""

BARE_PAGE = [sys.executable, "-m", "evals.benchmark.bare_page"]
SERVE = [sys.executable, "-m", "coach", "serve", "--port"]
IMPORTS = [sys.executable, "-c", "import chromadb, onnxruntime, sqlalchemy, tokenizers, pydantic, numpy"]
START = Budget(1.3)

PAGE = "From the start of the process to the last byte of the page, over HTTP on loopback."
FIRST = "The first start makes the data folder; the page answers while the library is still being indexed."
INDEXED = "The first answer waits until the whole library has been embedded; every later one finds it there."


class NoAnswer(Exception):
    """A page did not answer, so there is nothing to time."""


@contextmanager
def served(command: Sequence[str], variables: Mapping[str, str]) -> Iterator[tuple[float, int]]:
    """Start a page, wait until it answers, and end it; yields the seconds that took and the process's id.

    Args:
        command: What to run; the port is appended.
        variables: Set for it, in place of any COACH_* of this process.

    Raises:
        NoAnswer: with the end of what the process wrote to stderr.
    """
    port = free_port()
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            [*command, str(port)], env=_environment(variables), stdout=subprocess.DEVNULL, stderr=errors
        )
        try:
            while not answers(port):
                if process.poll() is not None or time.perf_counter() - started > PATIENCE_S:
                    errors.seek(0)
                    raise NoAnswer(f"{' '.join(command)} did not answer:\n{errors.read()[-2000:]}")
                time.sleep(POLL_S)
            yield time.perf_counter() - started, process.pid
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def measured_starts(plan: Plan, home: Path) -> list[Row]:
    """The page beside a bare gradio page, taking turns, and then `coach ask`.

    Args:
        home: A data folder with the library indexed.
    """
    first = [_first_start(plan.scratch / f"first-{number}") for number in range(plan.first_starts)]
    bare: list[float] = []
    later: list[float] = []
    for number in range(plan.starts):
        bare.append(_started(BARE_PAGE, QUIET))
        later.append(_started(SERVE, {"COACH_HOME": str(home)}))
        say(f"  start {number + 1}: bare page {bare[-1]:.2f} s, coach {later[-1]:.2f} s")
    rows = [
        _row("start", "start-up of the page", later, "bare gradio page", bare, START, PAGE),
        _row("start-first", "start-up, the first ever", first, "bare gradio page", bare, START, PAGE, FIRST),
    ]
    return rows if plan.is_quick else rows + _measured_asks(plan, home)


def _measured_asks(plan: Plan, home: Path) -> list[Row]:
    """One whole `coach ask`, later and on an empty data folder, beside its imports."""
    imports: list[float] = []
    asks: list[float] = []
    for number in range(plan.starts):
        imports.append(seconds(lambda: subprocess.run(IMPORTS, env=_environment(QUIET), check=True)))
        asks.append(_ask(home))
        say(f"  ask {number + 1}: {asks[-1]:.2f} s, its imports alone {imports[-1]:.2f} s")
    first = _ask(plan.scratch / "first-ask")
    say(f"  first ask, library indexed: {first:.1f} s")
    return [
        _row("ask", "one coach ask", asks, "its imports alone", imports, None),
        _row("ask-first", "one coach ask, the first ever", [first], "its imports alone", imports, None, INDEXED),
    ]


def _first_start(home: Path) -> float:
    taken = _started(SERVE, {"COACH_HOME": str(home)})
    say(f"  first start: {taken:.2f} s")
    return taken


def _started(command: Sequence[str], variables: Mapping[str, str]) -> float:
    with served(command, variables) as (taken, _):
        return taken


def _ask(home: Path) -> float:
    command = [sys.executable, "-m", "coach", "ask", "I meet Priya tomorrow for the first time.", "--json"]
    return seconds(
        lambda: subprocess.run(
            command, env=_environment({"COACH_HOME": str(home)}), check=True, stdout=subprocess.DEVNULL
        )
    )


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("COACH_")}
    return {**own, **variables}


def _row(
    name: str,
    what: str,
    ours: Sequence[float],
    reference_name: str,
    theirs: Sequence[float],
    budget: Budget | None,
    *remarks: str,
) -> Row:
    return Row(
        name=name,
        what=what,
        unit="s",
        measured=summarised(ours),
        reference_name=reference_name,
        reference=summarised(theirs),
        budget=budget,
        remarks=remarks,
    )


def answers(port: int) -> bool:
    """Whether the page comes back whole."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request("GET", "/")
        response = connection.getresponse()
        return response.status == http.client.OK and bool(response.read())
    except ConnectionError:
        return False
    finally:
        connection.close()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
