"""A BEIR folder made by hand: six documents, four queries, one judgement each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

DOCUMENTS: Sequence[Mapping[str, str]] = (
    {"_id": "feedback", "title": "Feedback", "text": "Say what you saw before what you think of it."},
    {"_id": "goals", "title": "Goals", "text": "A goal needs a day, a place and a first step.", "date": "2026-01-12"},
    {"_id": "silence", "title": "", "text": "Wait ten seconds after a question.", "date": "2026-02-09"},
    {"_id": "endings", "title": "Endings", "text": "Name what has changed since the first meeting."},
    {"_id": "nerves", "title": "Nerves", "text": "Write three openings on a card the evening before."},
    {"_id": "listening", "title": "Listening", "text": "Repeat their last words back to them."},
)
QUERIES: Sequence[Mapping[str, str]] = (
    {"_id": "q1", "text": "how do I give feedback on what I saw"},
    {"_id": "q2", "text": "what does a goal need"},
    {"_id": "q3", "text": "how many seconds do I wait after a question"},
    {"_id": "q4", "text": "our last meeting: name what changed"},
)
QRELS = "query-id\tcorpus-id\tscore\nq1\tfeedback\t2\nq2\tgoals\t1\nq3\tsilence\t1\nq4\tendings\t1\n"


def write_beir(folder: Path) -> Path:
    """Write the three files; returns the folder."""
    (folder / "qrels").mkdir(parents=True)
    for name, rows in (("corpus", DOCUMENTS), ("queries", QUERIES)):
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    (folder / "qrels" / "test.tsv").write_text(QRELS, encoding="utf-8")
    return folder
