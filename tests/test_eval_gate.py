"""A deliberate fault in fusion, in the check of citations and in the safety words: each is caught by the gate.

The product is run over part of the project's own data as it is, which becomes the baseline, and then with one name of one
of its modules put wrong. Nothing but the gate's comparison tells the two apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import evals.tasks.situations as situations
from coach.bootstrap import Coach
from coach.domain.citations import Citation, Evidence, Verification, verify
from coach.domain.people import Owner
from coach.domain.ranking import Hit, fuse
from coach.services import impressions, retrieval, safety, session_coach
from evals.comparing import differences, fallen, key_of, read_baseline, write_baseline
from evals.grammar import Dataset, Task
from evals.running import run_task
from evals.runs import Run
from evals.scratch import Scratch
from evals.tasks.grounding import GROUNDING
from evals.tasks.retrieval import KNOWLEDGE
from tests.fakes.faults import as_one_of, with_fault

Fuse = Callable[..., list[Hit]]
Verify = Callable[..., Verification]
TextOf = Callable[[Evidence], str | None]

_numbers = count(1)
NOTHING = re.compile(r"(?!)")


class Lent(Scratch):
    """A scratch on a coach that is open already: building another library takes half a minute."""

    def __init__(self, folder: Path, closing: ExitStack, lent: Coach) -> None:
        super().__init__(folder, closing, None, None)
        self._lent = lent

    @property
    def coach(self) -> Coach:
        return self._lent

    def owner(self) -> Owner:
        return Owner(f"gate-{next(_numbers)}")


@dataclass(frozen=True, slots=True)
class Gate:
    """Runs a task over a few samples, keeps one run in a file, and holds others against it."""

    folder: Path
    closing: ExitStack

    def run(self, task: Task[Any, Any], coach: Coach, samples: Sequence[Any]) -> Run:
        loaded = task.load("dev", None)
        dataset = Dataset(samples, loaded.digest, loaded.documents)
        scratch = Lent(self.folder, self.closing, coach)
        return run_task(task, dataset, scratch, solver="coach", split="dev")

    def keep(self, run: Run) -> None:
        assert run.failures == 0
        write_baseline([run], self.folder / "baseline.json")

    def worse(self, run: Run) -> set[str]:
        """Metrics that fell beyond chance; the gate has a sentence on each of them."""
        kept = read_baseline(self.folder / "baseline.json")
        found = {change.metric for change in differences(kept[key_of(run)], run) if change.is_worse}
        said = fallen(kept, [run])
        assert all(any(f", coach: {metric} went from " in line for line in said) for metric in found)
        return found


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    with ExitStack() as closing:
        yield Gate(tmp_path_factory.mktemp("gate"), closing)


NEEDS = KNOWLEDGE.load("dev", None).samples[:60]


@pytest.fixture(scope="module")
def found_before(gate: Gate, coach: Coach) -> Gate:
    """A gate that knows how well cards are found."""
    gate.keep(gate.run(KNOWLEDGE, coach, NEEDS))
    return gate


def worst_first(dense: Mapping[str, float], lexical: Mapping[str, float], *, dense_weight: float) -> list[Hit]:
    """A sign the wrong way round."""
    hits = fuse(dense, lexical, dense_weight=dense_weight)
    return [replace(hit, score=1 - hit.score, rank=rank) for rank, hit in enumerate(reversed(hits), start=1)]


def unnormalised(dense: Mapping[str, float], lexical: Mapping[str, float], *, dense_weight: float) -> list[Hit]:
    """BM25 added to cosines as it is, which drowns them."""
    scores = {
        key: dense_weight * dense.get(key, 0.0) + (1 - dense_weight) * lexical.get(key, 0.0)
        for key in {*dense, *lexical}
    }
    ordered = sorted(scores, key=lambda key: (-scores[key], key))
    return [Hit(key, scores[key], rank) for rank, key in enumerate(ordered, start=1)]


def words_only(dense: Mapping[str, float], lexical: Mapping[str, float], *, dense_weight: float) -> list[Hit]:
    """One of the two lists lost."""
    return fuse({}, lexical, dense_weight=dense_weight)


def with_fusion(coach: Coach, fault: Fuse) -> Coach:
    """The coach whose retrieval fuses like this."""
    module = with_fault(retrieval, fuse=fault)
    return replace(coach, retrieval=as_one_of(coach.retrieval, module.Retrieval))


def test_sound_fusion_passes(found_before: Gate, coach: Coach) -> None:
    assert found_before.worse(found_before.run(KNOWLEDGE, with_fusion(coach, fuse), NEEDS)) == set()


@pytest.mark.parametrize("fault", [worst_first, unnormalised, words_only])
def test_a_fault_in_fusion_is_caught(found_before: Gate, coach: Coach, fault: Fuse) -> None:
    assert "nDCG@10" in found_before.worse(found_before.run(KNOWLEDGE, with_fusion(coach, fault), NEEDS))


ASKED = GROUNDING.load("dev", None).samples[:8]


def misquoted(citations: Sequence[Citation]) -> Sequence[Citation]:
    """The first of them with a word that nobody wrote, as a careless writer would put it."""
    if not citations:
        return citations
    evidence = citations[0].evidence
    return [replace(citations[0], evidence=replace(evidence, quote=f"{evidence.quote} indeed")), *citations[1:]]


def of_a_careless_writer(check: Verify) -> Verify:
    """The check, of replies that misquote."""

    def checked(text: str, citations: Sequence[Citation], *, text_of: TextOf) -> Verification:
        return check(text, misquoted(citations), text_of=text_of)

    return checked


def off_by_one(text: str, citations: Sequence[Citation], *, text_of: TextOf) -> Verification:
    """A check that reads from one character too far."""
    return verify(text, citations, text_of=lambda evidence: (text_of(evidence) or "")[1:])


def waves_all_through(text: str, citations: Sequence[Citation], *, text_of: TextOf) -> Verification:
    """A check that looks at nothing."""
    return Verification("grounded" if citations else "ungrounded", tuple(citations), ())


def calls_all_grounded(text: str, citations: Sequence[Citation], *, text_of: TextOf) -> Verification:
    """A check whose verdict is fixed."""
    return replace(verify(text, citations, text_of=text_of), grounding="grounded")


def with_check(coach: Coach, check: Verify) -> Coach:
    """The coach whose replies are checked like this."""
    module = with_fault(session_coach, verify=check)
    return replace(coach, session=as_one_of(coach.session, module.SessionCoach))


def test_a_check_that_refuses_sound_citations_is_caught(gate: Gate, coach: Coach) -> None:
    gate.keep(gate.run(GROUNDING, with_check(coach, verify), ASKED))
    assert "citations-valid" in gate.worse(gate.run(GROUNDING, with_check(coach, off_by_one), ASKED))


@pytest.fixture(scope="module")
def misquoted_before(tmp_path_factory: pytest.TempPathFactory, coach: Coach) -> Iterator[Gate]:
    """A gate that knows what the sound check makes of a careless writer: the built-in one gives it nothing to find."""
    with ExitStack() as closing:
        gate = Gate(tmp_path_factory.mktemp("misquoted"), closing)
        gate.keep(gate.run(GROUNDING, with_check(coach, of_a_careless_writer(verify)), ASKED))
        yield gate


@pytest.mark.parametrize(
    ("fault", "metric"), [(waves_all_through, "quotes-verbatim"), (calls_all_grounded, "says-if-grounded")]
)
def test_a_check_that_lets_false_quotes_through_is_caught(
    misquoted_before: Gate, coach: Coach, fault: Verify, metric: str
) -> None:
    faulty = with_check(coach, of_a_careless_writer(fault))
    assert metric in misquoted_before.worse(misquoted_before.run(GROUNDING, faulty, ASKED))


ALARMS = [alarm for alarm in situations.SAFETY.load("dev", None).samples if alarm.decision != "out-of-scope"]
WORDLESS = tuple((kind, NOTHING, reason) for kind, _, reason in safety._KINDS)


def judging(coach: Coach, **wrong: object) -> tuple[Task[Any, Any], Coach]:
    """The safety task over the product's own judgement with these names of it put wrong, and the coach that reads so."""
    faulty = with_fault(safety, **wrong)
    task = with_fault(situations, assess=faulty.assess).SAFETY
    assert isinstance(task, Task)
    reading = with_fault(impressions, safety=faulty)
    return task, replace(coach, impressions=as_one_of(coach.impressions, reading.Impressions))


@pytest.fixture(scope="module")
def cared_before(gate: Gate, coach: Coach) -> Gate:
    """A gate that knows how well care is given."""
    gate.keep(gate.run(*judging(coach), ALARMS))
    return gate


@pytest.mark.parametrize(
    ("wrong", "metric"),
    [
        ({"_KINDS": WORDLESS}, "recall-crisis-explicit"),
        ({"_IDIOMS": NOTHING}, "false-alarm-look-alike"),
        ({"_sensed": lambda text, alarms: None}, "recall-any-care"),
    ],
    ids=["no words", "no idioms", "labelled messages unheeded"],
)
def test_a_fault_in_the_safety_words_is_caught(
    cared_before: Gate, coach: Coach, wrong: Mapping[str, object], metric: str
) -> None:
    assert metric in cared_before.worse(cared_before.run(*judging(coach, **wrong), ALARMS))


def test_sound_safety_words_pass(cared_before: Gate, coach: Coach) -> None:
    assert cared_before.worse(cared_before.run(*judging(coach), ALARMS)) == set()
