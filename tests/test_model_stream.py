"""Reading a model's answer: every way in which it can go wrong, and how it is let go of."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from coach.adapters.chat_models import fault_of, open_chat_model
from coach.domain.errors import ModelFault, ModelUnavailable
from coach.services.model_stream import Limits, TextStream, Usage, connection_test, stream_text
from tests.fakes.chat_server import (
    MODEL,
    Behaviour,
    ChatServer,
    answer,
    break_off,
    fail,
    fail_in_mid_stream,
    go_on,
    redirect,
    say_html,
    say_nothing,
    send_events,
    send_line_without_end,
    stall,
    unused_url,
)

IMPATIENT = Limits(first_token_s=0.4, total_s=5)
PATIENT = Limits()
UNWILLING_TO_PAUSE = Limits(stall_s=0.4)
QUESTION = [HumanMessage("How do I begin?")]


@pytest.fixture
def chat_server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


def opened(server: ChatServer) -> BaseChatModel:
    return open_chat_model(f"openai:{MODEL}", url=server.url)


def stream(model: BaseChatModel, limits: Limits = PATIENT, stop: threading.Event | None = None) -> TextStream:
    return stream_text(model, QUESTION, translate=fault_of, limits=limits, stop=stop or threading.Event())


def piece(text: str, **choice: object) -> dict[str, object]:
    """One event of the protocol, without what many servers leave out."""
    return {"id": "1", "choices": [{"index": 0, "delta": {"content": text}, **choice}]}


# What goes well


def test_the_pieces_come_as_they_were_sent_with_what_was_counted(chat_server: ChatServer) -> None:
    chat_server.will(answer("What", " would", " you like?"))
    pieces = stream(opened(chat_server))

    assert list(pieces) == ["What", " would", " you like?"]
    assert pieces.usage == Usage(input_tokens=11, output_tokens=3)
    assert pieces.finish_reason == "stop"
    assert chat_server.requests[0].body["messages"] == [{"role": "user", "content": "How do I begin?"}]


def test_a_piece_is_there_before_the_next_is_written(chat_server: ChatServer) -> None:
    chat_server.will(answer("One", "two", every_s=0.3))
    pieces = stream(opened(chat_server))

    assert next(pieces) == "One"
    assert not chat_server.requests[0].was_answered.is_set()
    assert list(pieces) == ["two"]


def test_nothing_is_sent_before_the_first_piece_is_asked_for(chat_server: ChatServer) -> None:
    pieces = stream(opened(chat_server))
    pieces.close()

    assert list(pieces) == []
    assert chat_server.requests == []


@pytest.mark.parametrize(
    "behaviour",
    [
        answer("One", " two.", with_role=False),
        send_events(piece("One"), piece(" two.", finish_reason="stop")),
        send_events(
            *[{"choices": [{"delta": {"role": None, "content": text}}]} for text in ("One", " two.")],
            piece("", finish_reason="stop"),
        ),
        send_events(
            *[{"choices": [{"delta": {"role": "model", "content": text}}]} for text in ("One", " two.")],
            piece("", finish_reason="stop"),
        ),
    ],
    ids=["no role", "no role, finish with text", "role null", "unknown role"],
)
def test_a_server_that_leaves_the_role_out_or_has_its_own_is_understood(
    behaviour: Behaviour, chat_server: ChatServer
) -> None:
    chat_server.will(behaviour)

    assert list(stream(opened(chat_server))) == ["One", " two."]


def test_a_server_that_does_not_count_leaves_the_usage_open(chat_server: ChatServer) -> None:
    chat_server.will(answer("One", with_usage=False))
    pieces = stream(opened(chat_server))

    assert list(pieces) == ["One"]
    assert pieces.usage is None


def test_an_answer_that_ran_into_the_provider_s_limit_says_so(chat_server: ChatServer) -> None:
    chat_server.will(answer("One", finish_reason="length"))
    pieces = stream(opened(chat_server))

    assert list(pieces) == ["One"]
    assert pieces.finish_reason == "length"


def test_a_model_that_cannot_be_read_asynchronously_is_read_all_the_same() -> None:
    model = GenericFakeChatModel(messages=iter([AIMessage("One two.")]))

    assert "".join(stream(model)) == "One two."


# What goes wrong


@pytest.mark.parametrize(
    ("behaviour", "kind", "came"),
    [
        (fail(401), "unauthorised", []),
        (fail(404), "unknown-model", []),
        (fail(429), "rate-limited", []),
        (fail(500), "other", []),
        (fail(503), "overloaded", []),
        (fail(400, code="context_length_exceeded"), "too-long", []),
        (say_html(), "malformed", []),
        (redirect("http://example.org/"), "other", []),
        (say_nothing(), "too-slow", []),
        (stall(), "too-slow", []),
        (stall("", ""), "too-slow", []),
        (stall("One", " two"), "stalled", ["One", " two"]),
        (break_off(), "cut-off", []),
        (break_off("One"), "cut-off", ["One"]),
        (break_off("One", is_chunked=False), "cut-off", ["One"]),
        (answer("One", finish_reason=None), "cut-off", ["One"]),
        (send_events('{"choices": [{"delta": {"con'), "malformed", []),
        (send_events(piece("One"), "nonsense"), "malformed", ["One"]),
        (send_events([1, 2]), "malformed", []),
        (send_events({"choices": "all of them"}), "malformed", []),
        (send_events({"choices": [{"delta": {"content": 7}}]}), "malformed", []),
        (send_events({"hello": "world"}), "empty", []),
        (send_events({"choices": [{"index": 0}]}), "empty", []),
        (send_events(), "empty", []),
        (answer(), "empty", []),
        (answer(" ", "\n"), "empty", [" ", "\n"]),
        (fail_in_mid_stream("One"), "other", ["One"]),
        (fail_in_mid_stream("One", code=503), "overloaded", ["One"]),
        (fail_in_mid_stream(message="the request exceeds the available context size"), "too-long", []),
        (answer("x" * 5_000_000), "endless", []),
        (send_line_without_end(), "endless", []),
    ],
)
def test_each_fault_is_told_by_its_kind_in_plain_words(
    behaviour: Behaviour, kind: ModelFault, came: list[str], chat_server: ChatServer
) -> None:
    chat_server.will(behaviour)
    limits = {"too-slow": IMPATIENT, "stalled": UNWILLING_TO_PAUSE}.get(kind, PATIENT)
    pieces = stream(opened(chat_server), limits)
    got: list[str] = []

    with pytest.raises(ModelUnavailable) as caught:
        got.extend(iter(pieces.__next__, None))

    assert caught.value.kind == kind
    assert caught.value.args[0][-1] in ".?"
    assert "Error" not in str(caught.value)
    assert got == came or kind == "malformed"


def test_what_came_before_a_fault_was_handed_on(chat_server: ChatServer) -> None:
    chat_server.will(break_off("One", " two"))
    pieces = stream(opened(chat_server))

    assert [next(pieces), next(pieces)] == ["One", " two"]
    with pytest.raises(ModelUnavailable):
        next(pieces)


def test_nobody_listening_is_refused() -> None:
    with pytest.raises(ModelUnavailable) as caught:
        list(stream(open_chat_model("openai:small-model", url=unused_url())))

    assert caught.value.kind == "refused"


def test_how_long_the_provider_wants_to_be_left_alone_is_handed_on(chat_server: ChatServer) -> None:
    chat_server.will(fail(429, headers={"Retry-After": "12"}))

    with pytest.raises(ModelUnavailable) as caught:
        list(stream(opened(chat_server)))

    assert caught.value.retry_after_s == 12


def test_an_answer_without_end_stops_at_the_limit_and_the_server_is_left(chat_server: ChatServer) -> None:
    chat_server.will(go_on("and then "))
    got: list[str] = []

    with pytest.raises(ModelUnavailable) as caught:
        got.extend(iter(stream(opened(chat_server), Limits(max_characters=100)).__next__, None))

    assert caught.value.kind == "endless"
    assert len("".join(got)) == 99
    assert chat_server.requests[0].was_left.wait(1)


def test_an_answer_that_drips_on_and_on_ends_with_its_time(chat_server: ChatServer) -> None:
    chat_server.will(go_on(".", every_s=0.05))
    began = time.monotonic()

    with pytest.raises(ModelUnavailable) as caught:
        list(stream(opened(chat_server), Limits(total_s=0.6)))

    assert caught.value.kind == "endless"
    assert 0.5 < time.monotonic() - began < 3
    assert chat_server.requests[0].was_left.wait(1)


def test_a_slow_server_is_left_when_its_time_is_up(chat_server: ChatServer) -> None:
    chat_server.will(say_nothing())
    began = time.monotonic()

    with pytest.raises(ModelUnavailable, match=r"within 0\.4 seconds"):
        list(stream(opened(chat_server), IMPATIENT))

    assert time.monotonic() - began < 2
    assert chat_server.requests[0].was_left.wait(1)


# Letting go


@pytest.mark.parametrize("behaviour", [say_nothing(), stall(), stall("One"), go_on(every_s=0.02)])
def test_stop_from_another_thread_ends_it_at_once_here_and_there(behaviour: Behaviour, chat_server: ChatServer) -> None:
    chat_server.will(behaviour)
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(list, stream(opened(chat_server), Limits(first_token_s=30, stall_s=30), stop))
        request = chat_server.request()
        time.sleep(0.1)

        stop.set()
        began = time.monotonic()
        reading.result(0.3)  # ends, and raises nothing
        assert request.was_left.wait(max(0.0, 0.3 - (time.monotonic() - began)))


def test_stop_leaves_the_server_even_where_nobody_reads_on(chat_server: ChatServer) -> None:
    chat_server.will(go_on(every_s=0.02))
    stop = threading.Event()
    pieces = stream(opened(chat_server), stop=stop)
    next(pieces)

    stop.set()

    assert chat_server.requests[0].was_left.wait(0.3)
    assert list(pieces) == []


def test_a_stop_before_the_start_sends_nothing(chat_server: ChatServer) -> None:
    stop = threading.Event()
    stop.set()

    assert list(stream(opened(chat_server), stop=stop)) == []
    assert chat_server.requests == []


def test_closing_it_leaves_the_server(chat_server: ChatServer) -> None:
    chat_server.will(go_on(every_s=0.02))
    pieces = stream(opened(chat_server))
    next(pieces)

    pieces.close()

    assert chat_server.requests[0].was_left.wait(0.3)
    assert list(pieces) == []


def test_dropping_it_leaves_the_server(chat_server: ChatServer) -> None:
    chat_server.will(go_on(every_s=0.02))
    pieces = stream(opened(chat_server))
    next(pieces)

    del pieces

    assert chat_server.requests[0].was_left.wait(0.3)


def test_a_reader_that_went_to_sleep_holds_no_connection_beyond_the_time_of_an_answer(chat_server: ChatServer) -> None:
    chat_server.will(go_on(every_s=0.02))
    pieces = stream(opened(chat_server), Limits(total_s=0.5))
    next(pieces)

    assert chat_server.requests[0].was_left.wait(1.5)
    pieces.close()


RELEASED = threading.Event()


class _Scripted(BaseChatModel):
    """A model of this process; what it does is for the classes below."""

    produced: int = 0

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError


class _Tireless(_Scripted):
    """Writes for ever, as fast as it is read."""

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        while True:
            self.produced += 1
            yield ChatGenerationChunk(message=AIMessageChunk(content="x"))


class _Rude(_Scripted):
    """Blocks the thread in which all answers are read, as an asynchronous library should not."""

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        RELEASED.wait(3.0)
        yield ChatGenerationChunk(message=AIMessageChunk(content="x"))


class _Sleepy(_Scripted):
    """Cannot be read asynchronously, and takes its time."""

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        RELEASED.wait(3.0)
        yield ChatGenerationChunk(message=AIMessageChunk(content="x"))


def test_no_more_is_read_ahead_than_a_reader_will_soon_want() -> None:
    model = _Tireless()
    pieces = stream(model)
    next(pieces)

    time.sleep(0.3)

    assert 1 < model.produced < 300
    pieces.close()


@pytest.mark.parametrize("model", [_Rude(), _Sleepy()])
def test_a_model_that_holds_its_thread_does_not_hold_the_reader(model: BaseChatModel) -> None:
    began = time.monotonic()

    RELEASED.clear()
    with pytest.raises(ModelUnavailable) as caught:
        list(stream(model, IMPATIENT))

    assert caught.value.kind == "too-slow"
    assert time.monotonic() - began < 2
    RELEASED.set()  # or the tests after this one would wait for it


def test_forty_answers_at_once_begin_nearly_as_soon_as_one(chat_server: ChatServer) -> None:
    chat_server.otherwise = answer(*["word "] * 10, first_after_s=1.5, every_s=0.1)
    model = opened(chat_server)

    def first_and_whole(_: int) -> tuple[float, str]:
        began = time.monotonic()
        pieces = stream(model)
        first = next(pieces)
        return time.monotonic() - began, first + "".join(pieces)

    with ThreadPoolExecutor(40) as pool:
        read = list(pool.map(first_and_whole, range(40)))

    assert {text for _, text in read} == {"word " * 10}
    assert statistics.median(first for first, _ in read) < 1.5 * 1.5


# What nobody else may see


def test_no_variable_of_the_environment_copies_an_answer_to_langchain_s_makers() -> None:
    """In a process of its own, because the library reads its variables once."""
    program = """
import threading
from langchain_core.callbacks import CallbackManager
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage
from coach.adapters.chat_models import fault_of
from coach.services.model_stream import Limits, stream_text

class Watched(GenericFakeChatModel):
    def _stream(self, messages, stop=None, run_manager=None, **kwargs):
        print("watched by", [type(handler).__name__ for handler in CallbackManager.configure().handlers])
        yield from super()._stream(messages, stop=stop, run_manager=run_manager, **kwargs)

model = Watched(messages=iter([AIMessage("One")]))
print(list(stream_text(model, [HumanMessage("Hi")], translate=fault_of, limits=Limits(), stop=threading.Event())))
"""
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parent.parent),
        "LANGSMITH_TRACING": "true",
        "LANGSMITH_API_KEY": "none",
        "LANGSMITH_ENDPOINT": unused_url(),
    }

    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == ["watched by []", "['One']"]


# The connection test


def test_the_connection_test_names_the_model_and_hangs_up_at_its_first_word(chat_server: ChatServer) -> None:
    chat_server.will(go_on(every_s=0.02))

    assert connection_test(opened(chat_server), translate=fault_of) == MODEL
    assert chat_server.requests[0].was_left.wait(0.5)


def test_the_connection_test_says_what_is_wrong(chat_server: ChatServer) -> None:
    chat_server.will(fail(401))

    with pytest.raises(ModelUnavailable, match="key"):
        connection_test(opened(chat_server), translate=fault_of)


def test_the_connection_test_takes_no_longer_than_it_may(chat_server: ChatServer) -> None:
    chat_server.will(say_nothing())
    began = time.monotonic()

    with pytest.raises(ModelUnavailable) as caught:
        connection_test(opened(chat_server), translate=fault_of, timeout_s=0.3)

    assert caught.value.kind == "too-slow"
    assert time.monotonic() - began < 2
