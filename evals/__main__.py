"""`python -m evals run [TASK…]`: solves the tasks, prints each metric, and fails where one falls below its floor."""

from __future__ import annotations

import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import click

from coach.bootstrap import open_coach
from coach.config import Settings
from evals.tasks import TASKS, Score, Split

FLOORS = Path(__file__).parent / "floors.json"
"""Per task, split and metric: what was measured when it was last set, less four points."""


@click.group()
def evals() -> None:
    """Measures the coach on labelled data."""


@evals.command("list")
def list_() -> None:
    """List the tasks."""
    for name, task in TASKS.items():
        click.echo(f"{name}: {len(task.samples('dev'))} dev, {len(task.samples('test'))} test")


@evals.command()
@click.argument("names", nargs=-1, type=click.Choice(list(TASKS)))
@click.option("--split", type=click.Choice(["dev", "test"]), default="test", show_default=True)
@click.option("--misses", is_flag=True, help="Also print what was judged wrong.")
@click.option("--json", "as_json", is_flag=True)
def run(names: Sequence[str], split: Split, misses: bool, as_json: bool) -> None:
    """Run tasks (all without a name) in a scratch store."""
    floors = json.loads(FLOORS.read_text(encoding="utf-8")) if FLOORS.exists() else {}
    documents, fallen = [], []
    with tempfile.TemporaryDirectory() as home, open_coach(Settings(home=Path(home))) as coach:
        for name in names or list(TASKS):
            samples = TASKS[name].samples(split)
            scores = [score for sample in samples for score in TASKS[name].score(coach, sample)]
            metrics = _metrics(scores)
            documents.append({"task": name, "split": split, "n": len(samples), "metrics": metrics})
            fallen += [
                f"{name} {metric}: {metrics.get(metric, 0.0):.3f}, the floor is {floor:.3f}"
                for metric, floor in floors.get(name, {}).get(split, {}).items()
                if metrics.get(metric, 0.0) < floor
            ]
            _print(name, split, scores, metrics, misses=misses, as_json=as_json)
    if as_json:
        click.echo(json.dumps(documents, indent=2))
    for line in fallen:
        click.echo(f"fell below its floor: {line}", err=True)
    sys.exit(1 if fallen else 0)


def _metrics(scores: Sequence[Score]) -> dict[str, float]:
    values: defaultdict[str, list[float]] = defaultdict(list)
    for score in scores:
        values[score.metric].append(score.value)
    return {metric: round(sum(found) / len(found), 4) for metric, found in values.items()}


def _print(
    name: str, split: Split, scores: Sequence[Score], metrics: dict[str, float], *, misses: bool, as_json: bool
) -> None:
    for metric, value in metrics.items():
        count = sum(score.metric == metric for score in scores)
        click.echo(f"{name:<12}{split:<6}{metric:<24}{value:6.3f}  (n={count})", err=as_json)
    if misses:
        for score in scores:
            if score.value < 1:
                click.echo(f"  {score.metric}: {score.explanation}", err=as_json)


if __name__ == "__main__":
    evals()
