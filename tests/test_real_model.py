"""A real llama.cpp server over loopback: what a fake of the protocol cannot show."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage, SystemMessage

from coach.adapters.chat_models import fault_of, open_chat_model
from coach.domain.errors import ModelUnavailable
from coach.services.model_stream import Limits, TextStream, connection_test, stream_text
from tests.fakes.llama_server import CONTEXT_TOKENS, MODEL, LlamaServer

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def llama_server() -> Iterator[LlamaServer]:
    with LlamaServer() as server:
        yield server


@pytest.fixture
def model(llama_server: LlamaServer) -> BaseChatModel:
    return open_chat_model(f"openai:{MODEL}", url=llama_server.url, first_token_s=60)


def ask(
    model: BaseChatModel, text: str, *, stop: threading.Event | None = None, max_characters: int = 4000
) -> TextStream:
    limits = Limits(first_token_s=60, stall_s=30, max_characters=max_characters)
    messages = [SystemMessage("You are a coach. You answer in one short sentence."), HumanMessage(text)]
    return stream_text(model, messages, translate=fault_of, limits=limits, stop=stop or threading.Event())


def test_the_connection_test_names_the_model(model: BaseChatModel) -> None:
    assert connection_test(model, translate=fault_of, timeout_s=60) == MODEL


def test_an_answer_comes_in_pieces_with_a_reason_and_a_count(model: BaseChatModel) -> None:
    stream = ask(model.model_copy(update={"max_tokens": 40}), "What is a mentor?")

    pieces = list(stream)

    assert len(pieces) > 5
    assert sum(character.isalpha() for character in "".join(pieces)) > 20
    assert stream.finish_reason in ("stop", "length")
    assert stream.usage is not None
    assert stream.usage.input_tokens > 20
    assert 5 < stream.usage.output_tokens <= 40


def test_stop_ends_an_answer_that_would_go_on_and_frees_the_server(model: BaseChatModel) -> None:
    stop = threading.Event()
    pieces = iter(ask(model, "Write a very long story about a lighthouse, in many chapters.", stop=stop))
    for _ in range(5):
        next(pieces)

    before = time.monotonic()
    stop.set()
    assert list(pieces) == []
    assert time.monotonic() - before < 0.3

    # Both places of the server are free again: two answers at once begin.
    others = [ask(model, "Hello!") for _ in range(2)]
    assert all(next(other) for other in others)
    assert time.monotonic() - before < 10
    for other in others:
        other.close()


def test_a_conversation_beyond_the_window_is_too_long(model: BaseChatModel) -> None:
    with pytest.raises(ModelUnavailable) as caught:
        list(ask(model, "word " * (CONTEXT_TOKENS + 100)))

    assert caught.value.kind == "too-long"
