"""The tasks, by name. Each module holds those that judge one thing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evals.grammar import Task
from evals.solvers.search import SearchKind


def all_tasks(kind: SearchKind = "knowledge") -> Mapping[str, Task[Any, Any]]:
    """Every task by name; `kind` says what the documents of `retrieval` are taken for."""
    from evals.tasks.goals import GOALS
    from evals.tasks.grounding import GROUNDING, INJECTION, LEAKAGE, RECALL
    from evals.tasks.replies import FLATTERY, QUESTIONS, SUGGESTIONS
    from evals.tasks.retrieval import KNOWLEDGE, NOTES, retrieval_task
    from evals.tasks.situations import SAFETY, SITUATIONS, TOPICS

    tasks = (
        SITUATIONS, SAFETY, TOPICS, KNOWLEDGE, NOTES, RECALL, GROUNDING, SUGGESTIONS, QUESTIONS, FLATTERY, GOALS,
        INJECTION, LEAKAGE, retrieval_task(kind),
    )  # fmt: skip
    return {task.name: task for task in tasks}
