"""The report: one page that asks for nothing from outside, and a table in Markdown."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from evals.comparing import key_of, values_of
from evals.grammar import Score
from evals.report import WORST, as_html, as_markdown, sections_of
from evals.running import COMPLETED
from evals.runs import Run, SampleResult
from tests.fakes.eval_runs import run_of, scored

OWN = run_of(scored({"nDCG@10": [1.0, 0.5, 0.0], "alarms": [0.0, 1.0, 0.0]}), lower_is_better=frozenset({"alarms"}))
OTHER = run_of(
    scored({"nDCG@10": [0.5, 0.5, 0.0], "alarms": [0.0, 0.0, 0.0]}),
    solver="bm25",
    lower_is_better=frozenset({"alarms"}),
)
HOSTILE = '<img src=https://evil.example/x.png onerror="alert(1)"></li></ul><script src="//evil.example/x.js"></script>'
FETCHING = ("src", "href", "srcset", "action", "poster", "data", "background", "formaction", "ping", "xlink:href")


class Page(HTMLParser):
    """Collects the elements of a page, with what they would fetch or run, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.fetches: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.fetches += [f"{tag} {name}" for name, _ in attrs if name in FETCHING or name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += f"{data} "


def hostile_run() -> Run:
    """Every text of a run that a data set or a reply can choose says the same hostile thing."""
    return run_of(
        [
            SampleResult(HOSTILE, HOSTILE, (Score("x", 0.0, HOSTILE), Score(HOSTILE, 0.0, HOSTILE))),
            SampleResult("y", "y", (Score("judged", None, HOSTILE), Score(COMPLETED, 0.0, HOSTILE)), HOSTILE),
        ]
    )


def test_the_page_asks_for_nothing_from_outside() -> None:
    html = as_html([OWN, OTHER], {key_of(OWN): values_of(OTHER)})
    assert not re.search(r"https?:|//|@import|url\((?!#)", html)
    assert not Page(html).fetches
    assert {"script", "link", "iframe", "img", "object", "embed"}.isdisjoint(Page(html).elements)


def test_what_a_data_set_says_is_shown_and_never_run() -> None:
    page = Page(as_html([hostile_run()], {}))
    assert not page.fetches
    assert {"script", "img"}.isdisjoint(page.elements)
    assert page.text.count(HOSTILE) >= 5


def test_every_solver_stands_beside_the_others_with_value_interval_and_count() -> None:
    text = " ".join(Page(as_html([OWN, OTHER], {})).text.split())
    assert "reading test, 3 samples" in text
    for run in (OWN, OTHER):
        metric = run.metrics["nDCG@10"]
        assert f"{run.solver} {metric.value:.3f} [{metric.low:.3f}, {metric.high:.3f}] n=3" in text
    assert "alarms ↓" in text


def test_the_page_says_what_a_run_was_made_with() -> None:
    text = Page(as_html([OWN], {})).text
    setup = OWN.setup
    for part in (setup.composer, setup.embedder, setup.prompts, setup.knowledge, setup.dataset, setup.commit):
        assert part in text
    assert "notes dense weight 0.5" in text
    assert f"seed {setup.seed}" in text


def test_failed_samples_are_counted_on_the_page() -> None:
    assert "1 samples failed" in Page(as_html([hostile_run()], {})).text
    assert "failed" not in Page(as_html([OWN], {})).text


def test_differences_from_the_baseline_are_shown_where_they_are_more_than_chance() -> None:
    before, after = (
        run_of(scored({"role": [1.0] * 40, "stage": [1.0, 0.0] * 20})),
        run_of(scored({"role": [0.0] * 40, "stage": [1.0, 0.0] * 20})),
    )
    text = " ".join(Page(as_html([after], {key_of(before): values_of(before)})).text.split())
    assert "coach role 1.000 0.000 -1.000 [-1.000, -1.000]" in text
    assert "coach stage" not in text
    same = Page(as_html([before], {key_of(before): values_of(before)})).text
    assert "nothing beyond chance" in same
    assert "Since the baseline" not in Page(as_html([before], {})).text


def test_the_worst_samples_come_first_with_what_went_wrong() -> None:
    run = run_of(scored({"role": [1.0, 0.0, 0.5], "stage": [1.0, 0.0, 1.0]}))
    (section,) = sections_of([run], {})
    assert [(miss.id, miss.lost) for miss in section.worst] == [("s1", 2.0), ("s2", 0.5)]
    assert section.worst[0].faults == ("role 0.00: role of s1", "stage 0.00: stage of s1")


def test_no_more_than_twenty_samples_are_shown() -> None:
    (section,) = sections_of([run_of(scored({"role": [0.0] * 50}))], {})
    assert len(section.worst) == WORST == 20


def test_what_should_not_be_counts_as_lost_where_it_is() -> None:
    run = run_of(
        scored({"alarms": [1.0, 0.0], "words": [40.0, 80.0]}),
        lower_is_better=frozenset({"alarms", "words"}),
        not_gated=frozenset({"words"}),
    )
    (section,) = sections_of([run], {})
    assert [miss.id for miss in section.worst] == ["s0"]


def row_of(markdown: str, name: str) -> str:
    (line,) = [line for line in markdown.splitlines() if line.startswith(f"| {name}")]
    return line


def test_the_best_of_several_is_bold() -> None:
    table = as_markdown([OWN, OTHER])
    assert "| metric | coach | bm25 |\n|---|---:|---:|" in table
    assert row_of(table, "nDCG@10") == "| nDCG@10 | **0.500** | 0.333 |"
    assert row_of(table, "alarms") == "| alarms ↓ | 0.333 | **0.000** |"


def test_one_alone_is_not_the_best_of_several() -> None:
    assert "**0." not in as_markdown([OWN])


def test_all_that_are_best_are_bold_and_none_where_all_are_alike() -> None:
    third = replace(OTHER, solver="dense")
    table = as_markdown([OWN, OTHER, third])
    assert row_of(table, "alarms") == "| alarms ↓ | 0.333 | **0.000** | **0.000** |"
    assert row_of(as_markdown([OTHER, third]), "nDCG@10") == "| nDCG@10 | 0.333 | 0.333 |"


def test_a_solver_without_a_metric_leaves_its_cell_empty() -> None:
    table = as_markdown([OWN, run_of(scored({"RR": [1.0]}), solver="bm25")])
    assert row_of(table, "RR") == "| RR |  | 1.000 |"


def test_tasks_and_splits_have_tables_of_their_own() -> None:
    table = as_markdown([OWN, replace(OWN, split="dev"), replace(OWN, task="other")])
    assert [line for line in table.splitlines() if line.startswith("**")] == [
        "**reading** (test, 3 samples)", "**reading** (dev, 3 samples)", "**other** (test, 3 samples)"
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["no verdict | at all", "no verdict\nat all"])
def test_a_reason_that_nothing_was_judged_stays_in_its_cell(text: str) -> None:
    run = run_of([SampleResult("a", "a", (Score("judged", None, text),))])
    line = row_of(as_markdown([run]), "judged")
    assert len(re.findall(r"(?<!\\)\|", line)) == 3
    assert "unscored: no verdict" in line
