"""The linear reader: learns from labelled messages, the same in every process."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coach.services.linear_reader import LinearReader

TEXTS = ["I feel nervous", "so nervous about this", "it went well", "all went very well", "when do we meet"]
LABELS = [{"nervous"}, {"nervous"}, {"pleased"}, {"pleased"}, set[str]()]
NEUTRAL = [0.0, 0.0]


def reader(*, is_balanced: bool = True) -> LinearReader:
    return LinearReader(TEXTS, [NEUTRAL] * len(TEXTS), LABELS, is_balanced=is_balanced)


def best(scores: dict[str, float]) -> str:
    return max(scores, key=lambda label: scores[label])


@pytest.mark.parametrize(("text", "label"), [("I am nervous", "nervous"), ("it all went well", "pleased")])
def test_a_new_message_gets_the_label_whose_words_it_shares(text: str, label: str) -> None:
    assert best(dict(reader().scores(text, NEUTRAL))) == label


def test_messages_without_a_label_teach_that_there_is_none() -> None:
    scores = reader().scores("when do we meet", NEUTRAL)
    assert max(scores.values()) < max(reader().scores("I feel nervous", NEUTRAL).values()) / 2


def test_where_words_say_nothing_the_embedding_decides() -> None:
    made = LinearReader(["aa", "bb"], [[1.0, 0.0], [0.0, 1.0]], [{"left"}, {"right"}])
    assert best(dict(made.scores("cc", [0.9, 0.1]))) == "left"
    assert best(dict(made.scores("cc", [0.1, 0.9]))) == "right"


def test_a_rare_label_is_not_drowned_where_the_reader_is_balanced() -> None:
    texts = [*(f"we meet on day {number}" for number in range(30)), "we meet and cry"]
    labels = [*[{"calm"}] * 30, {"upset"}]
    vectors = [NEUTRAL] * 31
    balanced = LinearReader(texts, vectors, labels).scores("we meet and cry", NEUTRAL)
    plain = LinearReader(texts, vectors, labels, is_balanced=False).scores("we meet and cry", NEUTRAL)
    assert balanced["upset"] > plain["upset"]


def test_a_message_may_have_several_labels() -> None:
    made = LinearReader(["tired and angry", "calm"], [NEUTRAL] * 2, [{"tired", "angry"}, set()])
    scores = made.scores("tired and angry", NEUTRAL)
    assert list(scores) == ["angry", "tired"]
    assert scores["angry"] == pytest.approx(scores["tired"])


def test_both_apostrophes_are_one() -> None:
    made = reader()
    assert made.scores("I’m nervous", NEUTRAL) == made.scores("I'm nervous", NEUTRAL)


def test_a_message_without_words_is_read_too() -> None:
    assert set(reader().scores("🙂 …", NEUTRAL)) == {"nervous", "pleased"}


def test_texts_and_vectors_must_be_as_many() -> None:
    with pytest.raises(ValueError, match="zip"):
        LinearReader(["one", "two"], [NEUTRAL], [{"a"}, {"b"}])


@settings(max_examples=25)
@given(st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=8, unique=True))
def test_what_it_was_fitted_on_it_reads_right(words: list[str]) -> None:
    made = LinearReader([word * 3 for word in words], [NEUTRAL] * len(words), [{word} for word in words])
    for word in words:
        assert best(dict(made.scores(word * 3, NEUTRAL))) == word


def test_another_process_reads_the_same() -> None:
    code = "from tests.test_linear_reader import *; import json; print(json.dumps(dict(reader().scores('nervous and well', NEUTRAL))))"
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7"}
    )
    # To a few units in the last place: how numpy sums depends on the threads that it is given.
    assert json.loads(ran.stdout) == pytest.approx(dict(reader().scores("nervous and well", NEUTRAL)), abs=1e-12)
