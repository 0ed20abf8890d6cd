"""The linear reader: learns from labelled messages, the same in every process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coach.services import linear_reader
from coach.services.linear_reader import Examples, LinearReader, Message

TEXTS = ["I feel nervous", "so nervous about this", "it went well", "all went very well", "when do we meet"]
LABELS = [{"nervous"}, {"nervous"}, {"pleased"}, {"pleased"}, set[str]()]
NEUTRAL = [0.0, 0.0]


def message(text: str, vector: Sequence[float] = NEUTRAL, signs: Sequence[float] = ()) -> Message:
    return Message(text, vector, signs)


def fitted(messages: Sequence[Message], labels: Sequence[Collection[str]], *, power: float = 0.5) -> LinearReader:
    """A reader of all the messages."""
    return Examples(messages).reader(dict(enumerate(labels)), power=power)


def reader() -> LinearReader:
    return fitted([message(text) for text in TEXTS], LABELS)


def scores(made: LinearReader, text: str, vector: Sequence[float] = NEUTRAL) -> dict[str, float]:
    return dict(made.scores(message(text, vector)))


def best(found: Mapping[str, float]) -> str:
    return max(found, key=lambda label: found[label])


@pytest.mark.parametrize(("text", "label"), [("I am nervous", "nervous"), ("it all went well", "pleased")])
def test_a_new_message_gets_the_label_whose_words_it_shares(text: str, label: str) -> None:
    assert best(scores(reader(), text)) == label


def test_messages_without_a_label_teach_that_there_is_none() -> None:
    directions = [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    messages = [message(text, vector) for text, vector in zip(TEXTS, directions, strict=True)]
    *labelled, without = messages
    taught = fitted(messages, LABELS)
    highest = max(taught.scores(without).values())
    assert highest < max(taught.scores(labelled[0]).values()) / 2
    assert highest < max(fitted(labelled, LABELS[:-1]).scores(without).values())


def test_where_words_say_nothing_the_embedding_decides() -> None:
    made = fitted([message("aa", [1.0, 0.0]), message("bb", [0.0, 1.0])], [{"left"}, {"right"}])
    assert best(scores(made, "cc", [0.9, 0.1])) == "left"
    assert best(scores(made, "cc", [0.1, 0.9])) == "right"


def test_where_words_and_embedding_say_nothing_the_signs_decide() -> None:
    made = fitted([message("aa", signs=(1.0, 0.0)), message("bb", signs=(0.0, 1.0))], [{"asks"}, {"tells"}])
    assert best(made.scores(message("cc", signs=(1.0, 0.0)))) == "asks"
    assert best(made.scores(message("cc", signs=(0.0, 1.0)))) == "tells"


def test_a_rare_label_is_not_drowned_where_rarity_weighs() -> None:
    messages = [*(message(f"we meet on day {number}") for number in range(30)), message("we meet and cry")]
    labels = [*[{"calm"}] * 30, {"upset"}]
    weighed = scores(fitted(messages, labels), "we meet and cry")
    plain = scores(fitted(messages, labels, power=0.0), "we meet and cry")
    assert weighed["upset"] > plain["upset"]


def test_a_message_may_have_several_labels() -> None:
    made = fitted([message("tired and angry"), message("calm")], [{"tired", "angry"}, set()])
    found = scores(made, "tired and angry")
    assert list(found) == ["angry", "tired"]
    assert found["angry"] == pytest.approx(found["tired"])


def test_only_the_messages_that_a_label_set_names_are_learnt_from() -> None:
    texts = [*TEXTS, "I feel pleased and nervous", "nothing of this"]
    examples = Examples([message(text) for text in texts])
    among_others = examples.reader(dict(enumerate(LABELS)))
    assert among_others.labels == reader().labels
    for text in texts:
        assert scores(among_others, text) == pytest.approx(scores(reader(), text), abs=1e-5)


def test_two_readers_of_the_same_examples_know_nothing_of_each_other() -> None:
    examples = Examples([message(text) for text in TEXTS])
    feelings = examples.reader(dict(enumerate(LABELS)))
    places = examples.reader({0: {"here"}, 1: {"there"}})
    assert (feelings.labels, places.labels) == (("nervous", "pleased"), ("here", "there"))


def test_both_apostrophes_are_one() -> None:
    made = reader()
    assert scores(made, "I’m nervous") == scores(made, "I'm nervous")


def test_a_message_without_words_is_read_too() -> None:
    assert set(scores(reader(), "🙂 …")) == {"nervous", "pleased"}
    assert set(scores(reader(), "")) == {"nervous", "pleased"}


def test_without_examples_there_is_nothing_to_read() -> None:
    assert dict(Examples([]).reader({}).scores(message("hello"))) == {}


def test_where_no_message_has_a_label_there_is_nothing_to_read() -> None:
    assert scores(fitted([message("aa"), message("bb")], [set(), set()]), "aa") == {}


def test_every_message_must_have_as_many_signs_and_numbers_as_the_others() -> None:
    with pytest.raises(ValueError, match="shape"):
        Examples([message("one", signs=(1.0,)), message("two")])
    with pytest.raises(ValueError, match="shape"):
        Examples([message("one", [0.0]), message("two", [0.0, 0.0])])


@settings(max_examples=25)
@given(st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=8, unique=True))
def test_what_it_was_fitted_on_it_reads_right(words: list[str]) -> None:
    made = fitted([message(word * 3) for word in words], [{word} for word in words])
    for word in words:
        assert best(scores(made, word * 3)) == word


@pytest.mark.parametrize("count", [6, 150])
def test_the_fit_is_exact_however_many_messages_share_a_word(count: int) -> None:
    # With 150, "we meet" is in more messages than are counted pair by pair.
    random = np.random.default_rng(7)
    words = "tea rain board offer grant desk train leeds".split()
    messages = [
        message(
            f"we meet about {' '.join(random.permutation(words)[:3])}", random.normal(size=2).tolist(), (place % 2,)
        )
        for place in range(count)
    ]
    wanted = np.array([place % 3 == 0 for place in range(count)], dtype=np.float64)
    made = fitted(messages, [{"yes"} if value else set() for value in wanted], power=0.0)
    rows = np.array([[*m.vector, linear_reader.SIGN_WEIGHT * m.signs[0], 1.0] for m in messages])
    errors = wanted - np.array([made.scores(m)["yes"] for m in messages])
    # Only labelled messages weigh alike at power 0; the others weigh a tenth of them.
    weights = np.where(wanted > 0, 1.0, 0.1)
    pulls = errors * weights / weights.mean() / linear_reader.PENALTY
    assert made.dense[:, 0] == pytest.approx(rows.T @ pulls, abs=1e-4)


def test_another_process_reads_the_same() -> None:
    code = (
        "from tests.test_linear_reader import *; import json; print(json.dumps(scores(reader(), 'nervous and well')))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7"}
    )
    # To a few units in the last place: how numpy sums depends on the threads that it is given.
    assert json.loads(ran.stdout) == pytest.approx(scores(reader(), "nervous and well"), abs=1e-6)
