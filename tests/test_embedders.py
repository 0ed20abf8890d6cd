"""Embedders of a provider: what is sent where, that vectors are fit for the index, and faults in plain words."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterator

import numpy as np
import pytest
from pydantic import SecretStr

from coach.adapters.embedders import BATCH_TEXTS, MAX_CHARACTERS, PAUSES_S, ProviderEmbedder, open_embedder
from coach.domain.errors import CoachError, ConfigurationError, RetrievalFailed
from tests.fakes.chat_server import Behaviour, ChatServer, answer, fail, redirect, say_html, unused_url
from tests.fakes.embedding_server import embed, texts_of
from tests.fakes.word_embedder import DIMENSION, WordEmbedder

KEY = SecretStr("sk-xylophonquark")


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_API_BASE", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as made:
        made.otherwise = embed()
        yield made


def words(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(r"\S+", text)]


def opened(url: str, *, api_key: SecretStr = KEY, name: str = "openai:small") -> ProviderEmbedder:
    return open_embedder(name, url=url, api_key=api_key, place="this machine", token_offsets=words)


def sent(server: ChatServer) -> list[list[str]]:
    return [texts_of(request.body["input"]) for request in server.requests]


# vectors


def test_vectors_come_in_the_order_of_the_texts_at_unit_length(server: ChatServer) -> None:
    texts = [f"number {n} of many" for n in range(2 * BATCH_TEXTS + 3)]

    vectors = opened(server.url).embed_documents(texts)

    assert np.allclose(vectors, WordEmbedder().embed_documents(texts))
    assert all(math.isclose(math.hypot(*vector), 1.0) for vector in vectors)


def test_texts_are_sent_as_text_in_batches_with_model_and_key(server: ChatServer) -> None:
    texts = [f"number {n}" for n in range(BATCH_TEXTS + 1)]

    opened(server.url).embed_documents(texts)

    assert sent(server) == [texts[:-1], texts[-1:]]
    assert {request.body["model"] for request in server.requests} == {"small"}
    assert {request.headers["authorization"] for request in server.requests} == {f"Bearer {KEY.get_secret_value()}"}


def test_a_query_and_no_text_at_all(server: ChatServer) -> None:
    embedder = opened(server.url)

    assert embedder.embed_query("trust and goals") == pytest.approx(WordEmbedder().embed_query("trust and goals"))
    assert embedder.embed_documents([]) == []
    assert len(server.requests) == 1


def test_a_long_text_is_cut_to_what_any_embedder_reads(server: ChatServer) -> None:
    embedder = opened(server.url)

    embedder.embed_query(" ".join(f"w{n}" for n in range(1000)))
    embedder.embed_documents(["x" * 9000, "short \ud83d one"])

    (query,), (long, short) = sent(server)
    assert query.split() == [f"w{n}" for n in range(254)]
    assert len(long) == MAX_CHARACTERS
    assert short == "short ? one"


# identity


def test_the_identity_is_found_by_one_probe_and_tells_models_and_addresses_apart(server: ChatServer) -> None:
    embedder = opened(server.url)

    identity = embedder.identity()

    assert embedder.identity() == identity
    assert len(server.requests) == 1
    assert (identity.name, identity.dimension) == ("openai:small", DIMENSION)
    with ChatServer() as elsewhere:
        elsewhere.otherwise = embed()
        others = [opened(server.url, name="openai:large"), opened(elsewhere.url)]
        digests = {other.identity().digest for other in others} | {identity.digest}
    assert len(digests) == 3
    assert opened(server.url + "/", api_key=SecretStr("another")).identity() == identity


def test_the_key_is_no_part_of_the_identity_or_of_what_is_printed(server: ChatServer) -> None:
    embedder = opened(server.url)

    shown = f"{embedder.identity()!r} {embedder!r} {vars(embedder)!r}"

    assert KEY.get_secret_value() not in shown


def test_an_embedder_that_does_not_answer_at_the_start_is_a_setting_that_is_wrong() -> None:
    with pytest.raises(ConfigurationError, match=r"openai:small on this machine does not answer.*COACH_EMBEDDINGS"):
        opened(unused_url()).identity()


# faults


def _without_last(rows: list[list[float]]) -> list[list[float]]:
    return rows[:-1]


def _ragged(rows: list[list[float]]) -> list[list[float]]:
    return [row[:n] for n, row in enumerate(rows, start=1)]


def _zeros(rows: list[list[float]]) -> list[list[float]]:
    return [[0.0] * len(row) for row in rows]


def _not_numbers(rows: list[list[float]]) -> list[list[float]]:
    return [[math.nan, *row[1:]] for row in rows]


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        (fail(401, "bad key sk-xylophonquark"), "COACH_API_KEY"),
        (fail(404, "no such model"), "COACH_EMBEDDINGS"),
        (fail(400, "input exceeds the maximum context length"), "too short a text"),
        (fail(500, "it broke"), "reported an error"),
        (fail(504), "in time"),
        (say_html(), "COACH_MODEL_URL"),
        (redirect("http://example.com/v1/embeddings"), "COACH_MODEL_URL"),
        (answer("Hello"), "COACH_MODEL_URL"),
        (embed(_without_last), "no embedding"),
        (embed(_ragged), "no embedding"),
        (embed(_zeros), "no embedding"),
        (embed(_not_numbers), "no embedding"),
    ],
)
def test_a_fault_is_a_failed_retrieval_in_a_plain_sentence(server: ChatServer, behaviour: Behaviour, said: str) -> None:
    server.will(behaviour)

    with pytest.raises(RetrievalFailed, match=said) as failure:
        opened(server.url).embed_documents(["one text", "another"])

    text = str(failure.value)
    assert text.startswith("The embedder openai:small on this machine ")
    assert not re.search(r"xylophonquark|Error|one text|example\.com", text)
    assert len(server.requests) == 1


def test_a_turn_asks_once_and_fails_when_the_provider_wants_a_pause(server: ChatServer) -> None:
    server.will(fail(429, headers={"Retry-After": "0"}))

    with pytest.raises(RetrievalFailed, match="too many requests"):
        opened(server.url).embed_query("a text")

    assert len(server.requests) == 1


def patient(server: ChatServer, slept: list[float]) -> ProviderEmbedder:
    return open_embedder(
        "openai:small", url=server.url, api_key=KEY, place="there", token_offsets=words, sleep=slept.append
    )


def test_notes_that_are_read_in_wait_as_long_as_the_provider_asks(server: ChatServer) -> None:
    slept: list[float] = []
    server.will(fail(429, headers={"Retry-After": "7"}), fail(503))

    vectors = patient(server, slept).embed_documents(["a text"])

    assert np.allclose(vectors, WordEmbedder().embed_documents(["a text"]))
    assert slept == [7.0, PAUSES_S[1]]
    assert sent(server) == [["a text"]] * 3


def test_a_provider_that_stays_overloaded_or_asks_for_an_hour_is_given_up(server: ChatServer) -> None:
    slept: list[float] = []
    server.will(*[fail(503)] * (len(PAUSES_S) + 1))
    with pytest.raises(RetrievalFailed, match="overloaded"):
        patient(server, slept).embed_documents(["a text"])
    assert slept == list(PAUSES_S)

    server.will(fail(429, headers={"Retry-After": "3600"}))
    with pytest.raises(RetrievalFailed, match="too many"):
        patient(server, slept).embed_documents(["a text"])
    assert slept == list(PAUSES_S)


def test_another_model_at_the_same_address_is_noticed_by_its_dimension(server: ChatServer) -> None:
    embedder = opened(server.url)
    embedder.identity()
    server.will(embed(lambda rows: [row[:8] for row in rows]))

    with pytest.raises(RetrievalFailed, match=f"8 numbers, and gave {DIMENSION}"):
        embedder.embed_query("a text")


def test_neither_the_key_nor_a_text_is_logged(server: ChatServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    server.will(fail(401, "sk-xylophonquark is no key"))
    with pytest.raises(CoachError):
        opened(server.url).embed_query("the codeword is marzipan")
    opened(server.url).embed_documents(["the codeword is marzipan"])

    assert not re.search("xylophonquark|marzipan", caplog.text)


# opening


def test_without_a_key_a_server_of_ones_own_is_not_shown_that_of_openai(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-openai")

    opened(server.url, api_key=SecretStr("")).embed_query("a text")

    assert "sk-of-openai" not in str(server.requests[0].headers)


def test_a_variable_of_the_environment_does_not_send_notes_elsewhere(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_BASE", unused_url())
    monkeypatch.setenv("OPENAI_BASE_URL", unused_url())
    monkeypatch.setenv("HTTP_PROXY", unused_url())

    opened(server.url).embed_query("a text")

    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("openai:text-embedding-3-small", "no key"),
        ("nobody:small", "'nobody' is no provider"),
        ("cohere:small", "langchain-cohere"),
        ("small", "provider:model"),
    ],
)
def test_what_cannot_be_opened_is_said_with_what_to_do(name: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as failure:
        open_embedder(name, place="there", token_offsets=words)
    assert "COACH_EMBEDDINGS" in str(failure.value)
