"""`python -m evals.benchmark`: measures, prints a table, and writes JSON and a plot.

Each scenario runs in a process of its own; what each one does is in the module of its name.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import ParamSpec, TypeVar

from evals.benchmark.measuring import say, this_machine
from evals.benchmark.plans import ALL_SIZES, QUICK_SIZES, Plan, quick
from evals.benchmark.results import Row, Run, document, table

SCENARIOS = ("start-up", "ingest", "retrieval", "turn")
SIZE_STEP = 100

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what was asked for; a missed budget is told, and is not a failure of the run."""
    options = _parser().parse_args(arguments)
    sizes = tuple(sorted(options.sizes or (QUICK_SIZES if options.quick else ALL_SIZES)))
    scratch = Path(tempfile.mkdtemp(prefix="coach-bench-", dir=options.scratch))
    try:
        plan = quick(scratch, sizes) if options.quick else Plan(scratch, sizes)
        run = measured(plan, options.only or SCENARIOS)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    written = _written(run, options.out)
    print(json.dumps(document(run), indent=2) if options.json else table(run))
    say("written: " + ", ".join(str(path) for path in written))


def measured(plan: Plan, scenarios: Sequence[str]) -> Run:
    """Run the scenarios, one after another."""
    from evals.benchmark.ingest import measured_ingest
    from evals.benchmark.starts import measured_starts
    from evals.benchmark.turns import measured_turns, prepare

    started, started_at, machine = time.perf_counter(), datetime.now(UTC), this_machine()
    rows: list[Row] = []
    home = plan.scratch / "home"
    if "start-up" in scenarios or "turn" in scenarios:
        say(f"a data folder with {plan.turn_chunks:,} chunks")
        _alone(prepare, plan, home)
    if "start-up" in scenarios:
        say("start-up")
        rows += measured_starts(plan, home)
    if "ingest" in scenarios:
        say("ingest")
        rows += _alone(measured_ingest, plan)
    if "retrieval" in scenarios:
        rows += _retrieval(plan)
    if "turn" in scenarios:
        say("turns")
        rows += _alone(measured_turns, plan, home)
    return Run(
        started_at=started_at.isoformat(timespec="seconds"),
        seconds=round(time.perf_counter() - started, 1),
        is_quick=plan.is_quick,
        sizes=plan.sizes,
        machine=machine,
        rows=tuple(rows),
    )


def _retrieval(plan: Plan) -> list[Row]:
    from evals.benchmark.retrieval import built, built_reference, growth, searched

    rows: list[Row] = []
    for size in plan.sizes:
        say(f"retrieval at {size:,} chunks")
        with _processes(2) as pool:
            parts = [pool.submit(build, plan, size) for build in (built, built_reference)]
            details = {name: value for part in parts for name, value in part.result().items()}
        rows += _alone(searched, plan, size, details)
        shutil.rmtree(plan.scratch / f"retrieval-{size}")
    return rows + growth(rows)


def _alone(function: Callable[_Parameters, _Result], *args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
    """Call in a fresh process: no cache and no allocation of one scenario is left to the next."""
    with _processes(1) as pool:
        return pool.submit(function, *args, **kwargs).result()


def _processes(count: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(max_workers=count, mp_context=multiprocessing.get_context("spawn"))


def _written(run: Run, folder: Path) -> list[Path]:
    from evals.benchmark.plot import write_plot

    folder.mkdir(parents=True, exist_ok=True)
    stem = f"bench-{run.started_at[:19].replace(':', '')}{'-quick' if run.is_quick else ''}"
    files = [folder / f"{stem}.json", folder / f"{stem}.png"]
    files[0].write_text(json.dumps(document(run), indent=2) + "\n", encoding="utf-8")
    write_plot(run, files[1])
    return files


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evals.benchmark", description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=_sizes, help="chunks, separated by commas; multiples of 100")
    parser.add_argument("--quick", action="store_true", help="about a minute: fewer repetitions, synthetic vectors")
    parser.add_argument("--only", type=_scenarios, help=f"some of {','.join(SCENARIOS)}")
    parser.add_argument("--out", type=Path, default=Path("bench-results"), help="folder for JSON and plot")
    parser.add_argument(
        "--scratch", type=Path, help="folder for the stores, about 16 GB at a million chunks, deleted at the end"
    )
    parser.add_argument("--json", action="store_true", help="print the JSON instead of the table")
    return parser


def _sizes(text: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of numbers") from None
    if not all(size > 0 and size % SIZE_STEP == 0 for size in sizes):
        raise argparse.ArgumentTypeError(f"{text!r} holds a size that is no multiple of {SIZE_STEP}")
    return sizes


def _scenarios(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    unknown = sorted(set(names) - set(SCENARIOS))
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)} is not one of {', '.join(SCENARIOS)}")
    return names


if __name__ == "__main__":
    main(sys.argv[1:])
