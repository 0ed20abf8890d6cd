"""`python -m evals`: list the tasks, run them, compare and report runs, and keep the baseline.

What a task is and how its samples are judged is in `evals.tasks`.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from pydantic import SecretStr

from coach.config import read_settings
from coach.domain.errors import CoachError
from evals.comparing import BASELINE, Values, differences, fallen, key_of, read_baseline, values_of, write_baseline
from evals.datasets import DatasetError
from evals.grammar import Dataset, Split, Task
from evals.metrics import Metric
from evals.running import run_task
from evals.runs import Run, read_runs
from evals.scratch import Scratch, scratch_store
from evals.solvers.search import SearchKind

_BASELINE_OPTION = click.option(
    "--baseline", "kept", type=click.Path(path_type=Path, dir_okay=False), default=BASELINE, help="Another baseline."
)


@click.group()
def evals() -> None:
    """Measures the coach on labelled data, beside what others would use."""
    logging.basicConfig(level=logging.ERROR, format="%(name)s: %(message)s", stream=sys.stderr)


@evals.command("list")
def list_() -> None:
    """List the tasks with their solvers and how many samples they have."""
    from evals.tasks import all_tasks

    for name, task in all_tasks().items():
        counts = ", ".join(f"{len(task.load(split, None).samples)} {split}" for split in ("dev", "test"))
        click.echo(f"{name}: {task.purpose}")
        click.echo(f"    {counts if task.has_own_data else 'your data'}; solvers: {', '.join(task.solvers)}")


@evals.command()
@click.argument("names", nargs=-1)
@click.option(
    "--data", type=click.Path(path_type=Path), help="Your own data instead of ours: a file, or a BEIR folder."
)
@click.option("--kind", type=click.Choice(["knowledge", "notes"]), default="knowledge", show_default=True,
              help="What the documents of `retrieval` are taken for.")  # fmt: skip
@click.option("--solver", "solvers", multiple=True, help="May be given several times, or as `all`.")
@click.option("--split", type=click.Choice(["dev", "test"]), default="test", show_default=True)
@click.option(
    "--judge", default="", help="A chat model, as provider:model, that judges `suggestions` beside the rules."
)
@click.option("--judge-url", default="", help="Address of the judge's own server; its key is JUDGE_API_KEY.")
@click.option("--limit", type=click.IntRange(min=1), help="Only the first so many samples.")
@click.option("--misses", is_flag=True, help="Also print what was judged wrong.")
@click.option("--gate", is_flag=True, help="Fail where a metric fell below the baseline beyond chance.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder to write runs and report into.")
@_BASELINE_OPTION
def run(
    names: Sequence[str],
    data: Path | None,
    kind: SearchKind,
    solvers: Sequence[str],
    split: Split,
    judge: str,
    judge_url: str,
    limit: int | None,
    misses: bool,
    gate: bool,
    as_json: bool,
    out: Path | None,
    kept: Path,
) -> None:
    """Run tasks (all that have data, without a name) in a scratch store."""
    from evals.tasks import all_tasks

    with _faults_in_a_sentence():
        chosen = _chosen(all_tasks(kind), names, data)
        if judge:
            chosen = _judged(chosen, judge, judge_url)
        loaded = [(task, _limited(task.load(split, data), limit)) for task in chosen]
        known = read_baseline(kept)
        wanted = [(task, dataset, solver) for task, dataset in loaded for solver in _solvers_of(task, solvers)]
        if out is not None:
            _make(out)
        runs: list[Run] = []
        with scratch_store(settings=read_settings(), progress=_progress) as scratch:
            for task, dataset, solver in wanted:
                found = _run(task, dataset, scratch, solver, "given" if data else split)
                runs.append(found)
                _print(found, misses=misses, to_stderr=as_json)
        if as_json:
            click.echo(json.dumps(_document(runs), ensure_ascii=False))
        if out is not None:
            _write(runs, out, known)
    faults = fallen(known, runs) if gate else []
    for line in faults:
        click.echo(line, err=True)
    sys.exit(1 if faults else 0)


@evals.command()
@click.argument("first", type=click.Path(path_type=Path))
@click.argument("second", type=click.Path(path_type=Path))
def compare(first: Path, second: Path) -> None:
    """What changed from one run to another, over the samples that both hold."""
    with _faults_in_a_sentence():
        before = {key_of(run): run for run in read_runs(first)}
        after = read_runs(second)
        if not any(key_of(run) in before for run in after):
            raise DatasetError(f"{first} and {second} hold no run of the same task, solver and split")
        for run in after:
            if key_of(run) in before:
                for change in differences(values_of(before[key_of(run)]), run):
                    verdict = "worse" if change.is_worse else "better" if change.is_better else ""
                    click.echo(
                        f"{run.task:<12}{run.solver:<18}{change.metric:<26}{change.before:6.3f} → {change.after:6.3f}"
                        f"  [{change.low:+.3f}, {change.high:+.3f}] n={change.n} {verdict}"
                    )


@evals.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path("eval-results"), show_default=True
)
@_BASELINE_OPTION
def report(files: Sequence[Path], out: Path, kept: Path) -> None:
    """Write report.html and results.md from runs."""
    with _faults_in_a_sentence():
        runs, known = [found for file in files for found in read_runs(file)], read_baseline(kept)
        _make(out)
        _write_report(runs, out, known)


@evals.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@_BASELINE_OPTION
def baseline(files: Sequence[Path], kept: Path) -> None:
    """Take runs as the baseline that the gate holds others against."""
    with _faults_in_a_sentence():
        runs = [found for file in files for found in read_runs(file)]
        _make(kept.parent)
        write_baseline(runs, kept)
        click.echo(f"{kept}: {', '.join(key_of(found) for found in runs)}")


def _chosen(tasks: Any, names: Sequence[str], data: Path | None) -> list[Task[Any, Any]]:
    unknown = [name for name in names if name not in tasks]
    if unknown:
        raise DatasetError(f"{', '.join(unknown)} is not a task; the tasks are {', '.join(tasks)}")
    if data is not None and len(names) != 1:
        raise DatasetError("--data goes with exactly one task")
    without_data = [name for name in names if not tasks[name].has_own_data and data is None]
    if without_data:
        raise DatasetError(f"{', '.join(without_data)} has no data of its own; give yours with --data")
    return [tasks[name] for name in names] or [task for task in tasks.values() if task.has_own_data]


def _judged(tasks: list[Task[Any, Any]], judge: str, url: str) -> list[Task[Any, Any]]:
    from evals.judge import Judge, with_judge

    return with_judge(tasks, Judge.open(judge, url=url, api_key=SecretStr(os.environ.get("JUDGE_API_KEY", ""))))


def _solvers_of(task: Task[Any, Any], wanted: Sequence[str]) -> list[str]:
    if "all" in wanted:
        return list(task.solvers)
    named = [name.strip() for given in wanted for name in given.split(",") if name.strip()]
    if unknown := [name for name in named if name not in task.solvers]:
        raise DatasetError(f"{task.name} has no solver {', '.join(unknown)}; it has {', '.join(task.solvers)}, or all")
    return named or [next(iter(task.solvers))]


def _limited(dataset: Dataset[Any], limit: int | None) -> Dataset[Any]:
    return Dataset(dataset.samples[:limit], dataset.digest, dataset.documents)


def _run(task: Task[Any, Any], dataset: Dataset[Any], scratch: Scratch, solver: str, split: str) -> Run:
    return run_task(task, dataset, scratch, solver=solver, split=split, progress=_progress)


def _document(runs: Sequence[Run]) -> dict[str, object]:
    return runs[0].as_json() if len(runs) == 1 else {"runs": [found.as_json() for found in runs]}


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatasetError(f"the folder {folder} cannot be made ({error.strerror})") from error


def _write(runs: Sequence[Run], out: Path, kept: Mapping[str, Values]) -> None:
    for found in runs:
        path = out / f"{found.task}-{found.solver}-{found.split}.json"
        path.write_text(json.dumps(found.as_json(), ensure_ascii=False, indent=1), encoding="utf-8")
    _write_report(runs, out, kept)


def _write_report(runs: Sequence[Run], out: Path, kept: Mapping[str, Values]) -> None:
    from evals.report import as_html, as_markdown

    (out / "report.html").write_text(as_html(runs, kept), encoding="utf-8")
    (out / "results.md").write_text(as_markdown(runs), encoding="utf-8")
    click.echo(f"{out / 'report.html'}, {out / 'results.md'}", err=True)


def _print(found: Run, *, misses: bool, to_stderr: bool) -> None:
    click.echo(
        f"{found.task}, {found.solver}, {found.split}: {found.n} samples in {found.seconds:.1f} s", err=to_stderr
    )
    for name, metric in found.metrics.items():
        click.echo(f"    {name:<26}{_shown(metric)}", err=to_stderr)
    if misses:
        for sample in found.samples:
            for score in sample.scores:
                wrong = score.value is not None and (
                    score.value > 0 if score.metric in found.lower_is_better else score.value < 1
                )
                if wrong and score.explanation:
                    click.echo(f"  {sample.id} {score.metric} {score.value:.2f}: {score.explanation}", err=to_stderr)


def _shown(metric: Metric) -> str:
    if metric.value is None:
        return f"unscored: {metric.why_unscored}"
    return f"{metric.value:8.3f}  [{metric.low:.3f}, {metric.high:.3f}]  n={metric.n}"


def _progress(what: str, done: int, total: int) -> None:
    if sys.stderr.isatty() and (done == total or done % 10 == 0):
        click.echo(f"\r{what}: {done} of {total}", nl=done == total, err=True)


@contextmanager
def _faults_in_a_sentence() -> Iterator[None]:
    """Unusable data or settings end with one line and status 2."""
    try:
        yield
    except (DatasetError, CoachError) as error:
        click.echo(f"evals: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    evals()
