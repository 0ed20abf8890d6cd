"""Reads a chat model's answer as it comes, within limits, and lets go of it the moment nobody wants it any more.

What the model is asked and what becomes of its text is not here; which model it is, and what its own errors mean, is
`coach.adapters.chat_models`.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing, closing, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, cast

from coach.domain.errors import ModelUnavailable

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessageChunk, BaseMessage

CONNECTION_TEST_S = 15.0

_POLL_S = 0.05
_PIECES_AHEAD = 256
"""What is read before it is asked for; then the server has to wait."""
_THREADS = 64
"""For models that cannot be read asynchronously: each of their streams holds one, until its own timeouts end it."""
_REASONS = ("finish_reason", "stop_reason", "done_reason", "status")


@dataclass(frozen=True, slots=True)
class Limits:
    """How long, and for how much, an answer is waited for."""

    first_token_s: float = 8.0
    stall_s: float = 20.0
    """Of silence between two pieces of text."""
    total_s: float = 120.0
    max_characters: int = 12_000


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request, as the provider counted them."""

    input_tokens: int
    output_tokens: int


class TextStream(Iterator[str]):
    """An answer as it comes; nothing is sent before the first piece is asked for.

    It ends where the answer does, where `stop` is set, or with `ModelUnavailable`. Closing it, or dropping it, closes
    the request upstream.
    """

    def __init__(self, pieces: Generator[str, None, None], report: _Report) -> None:
        self._pieces = pieces
        self._report = report

    def __next__(self) -> str:
        return next(self._pieces)

    def close(self) -> None:
        """End it here."""
        self._pieces.close()

    @property
    def usage(self) -> Usage | None:
        """What the provider reported, once the stream has ended; None where it did not."""
        return self._report.usage

    @property
    def finish_reason(self) -> str:
        """The provider's word for why it ended, such as `stop`, or `length` where it ran into a limit of its own."""
        return self._report.finish_reason


def stream_text(
    model: BaseChatModel,
    messages: Sequence[BaseMessage],
    *,
    translate: Callable[[BaseException], ModelUnavailable],
    limits: Limits,
    stop: threading.Event,
) -> TextStream:
    """The text of one answer, piece by piece.

    Args:
        translate: Says what an error of the model's library means.
        stop: Set by another thread, it ends the stream within 0.2 s, also while nobody is reading.

    Raises:
        ModelUnavailable: From the iterator, for whatever goes wrong; pieces that came before are then part of no
            whole answer.
    """
    report = _Report()
    return TextStream(_pieces(model, list(messages), translate, limits, stop, report), report)


def connection_test(
    model: BaseChatModel,
    *,
    translate: Callable[[BaseException], ModelUnavailable],
    timeout_s: float = CONNECTION_TEST_S,
) -> str:
    """Greet the model and hang up at its first word; returns the model's name.

    Raises:
        ModelUnavailable: It did not begin to answer.
    """
    from langchain_core.messages import HumanMessage

    limits = Limits(first_token_s=timeout_s, total_s=2 * timeout_s)
    greeting = [HumanMessage("Hello!")]
    with closing(stream_text(model, greeting, translate=translate, limits=limits, stop=threading.Event())) as pieces:
        next(pieces)
    return str(getattr(model, "model_name", "") or getattr(model, "model", "") or type(model).__name__)


@dataclass(slots=True)
class _Report:
    """What was seen beside the text; written where the answer is read."""

    usage: Usage | None = None
    finish_reason: str = ""
    must_give_reason: bool = False
    """The OpenAI protocol ends every answer with one: without it a closed connection looks like an end."""

    def note(self, chunk: AIMessageChunk) -> None:
        """Take in one event."""
        metadata = chunk.response_metadata
        if metadata.get("model_provider") == "openai":
            self.must_give_reason = True
        for name in _REASONS:
            if metadata.get(name):
                self.finish_reason = str(metadata[name])
        counted = getattr(chunk, "usage_metadata", None)
        if counted:
            # Providers count in parts or over and over: the largest number is the whole either way.
            before = self.usage or Usage(0, 0)
            self.usage = Usage(
                max(before.input_tokens, counted["input_tokens"]), max(before.output_tokens, counted["output_tokens"])
            )


@dataclass(slots=True)
class _Progress:
    """How far an answer has come, against its limits."""

    limits: Limits
    began: float = field(default_factory=time.monotonic)
    heard: float = 0.0
    characters: int = 0
    has_words: bool = False

    def take(self, piece: str) -> None:
        """Count a piece. Raises ModelUnavailable."""
        self.heard = time.monotonic()
        self.characters += len(piece)
        self.has_words = self.has_words or not piece.isspace()
        if self.characters > self.limits.max_characters:
            raise ModelUnavailable(
                f"The model's answer went on past {self.limits.max_characters:,} characters.", kind="endless"
            )

    def wait(self) -> None:
        """Nothing came for now. Raises ModelUnavailable."""
        now = time.monotonic()
        if not self.characters and now - self.began >= self.limits.first_token_s:
            raise ModelUnavailable(
                f"The model did not begin to answer within {self.limits.first_token_s:g} seconds.", kind="too-slow"
            )
        if self.characters and now - self.heard >= self.limits.stall_s:
            raise ModelUnavailable(
                f"The model fell silent for {self.limits.stall_s:g} seconds in the middle of its answer.",
                kind="stalled",
            )
        if now - self.began >= self.limits.total_s:
            raise _still_writing(self.limits.total_s)

    def end(self, report: _Report) -> None:
        """The answer is over. Raises ModelUnavailable where it is none."""
        if not self.has_words:
            raise ModelUnavailable("The model answered with nothing.", kind="empty")
        if report.must_give_reason and not report.finish_reason:
            raise _broken_off()

    def fault(self, fault: ModelUnavailable) -> ModelUnavailable:
        """What an error means at this point: a connection that is lost in mid-answer was not refused."""
        if self.characters and fault.kind in ("refused", "unreachable"):
            return _broken_off()
        if self.characters and fault.kind == "too-slow":
            return ModelUnavailable("The model fell silent in the middle of its answer.", kind="stalled")
        if self.characters and fault.kind == "malformed":
            return ModelUnavailable("The model's answer could not be read to its end.", kind="malformed")
        return fault


def _broken_off() -> ModelUnavailable:
    return ModelUnavailable("The model's answer broke off in the middle.", kind="cut-off")


def _still_writing(total_s: float) -> ModelUnavailable:
    return ModelUnavailable(f"The model was still writing after {total_s:g} seconds.", kind="endless")


def _pieces(
    model: BaseChatModel,
    messages: list[BaseMessage],
    translate: Callable[[BaseException], ModelUnavailable],
    limits: Limits,
    stop: threading.Event,
    report: _Report,
) -> Generator[str, None, None]:
    if stop.is_set():
        return
    inbox: queue.Queue[str | None] = queue.Queue(_PIECES_AHEAD)
    progress = _Progress(limits)
    reading = asyncio.run_coroutine_threadsafe(
        _read_until(stop, limits.total_s, lambda: _read(model, messages, inbox, report)), _reading_loop()
    )
    reading.add_done_callback(lambda _: _wake(inbox))
    try:
        while not stop.is_set():
            try:
                piece = inbox.get(timeout=_POLL_S)
            except queue.Empty:
                if _is_over(reading, inbox):
                    break
                progress.wait()
                continue
            if piece is None:
                break
            progress.take(piece)
            yield piece
    finally:
        # Also what closes the request upstream where the reader has left.
        reading.cancel()
    if stop.is_set():
        return
    error = reading.exception()
    if isinstance(error, ModelUnavailable):
        raise progress.fault(error)
    if error is not None:
        raise progress.fault(translate(error)) from error
    progress.end(report)


def _is_over(reading: Future[None], inbox: queue.Queue[str | None]) -> bool:
    return reading.done() and inbox.empty()


def _wake(inbox: queue.Queue[str | None]) -> None:
    with suppress(queue.Full):
        inbox.put_nowait(None)


async def _read(
    model: BaseChatModel, messages: list[BaseMessage], inbox: queue.Queue[str | None], report: _Report
) -> None:
    from langsmith import tracing_context

    # A variable of the environment would otherwise have every message copied to langchain's makers.
    with tracing_context(enabled=False):
        chunks = cast("AsyncGenerator[AIMessageChunk, None]", model.astream(messages))
        async with aclosing(chunks):
            async for chunk in chunks:
                report.note(chunk)
                text = str(chunk.text)
                while text:
                    try:
                        inbox.put_nowait(text)
                        text = ""
                    except queue.Full:
                        await asyncio.sleep(_POLL_S)


async def _read_until(stop: threading.Event, total_s: float, read: Callable[[], Coroutine[None, None, None]]) -> None:
    """Read to the end, or until `stop` is set or the time is up; the one who wanted the answer may be gone by then."""
    reading = asyncio.ensure_future(read())
    ends = time.monotonic() + total_s
    try:
        while not reading.done() and not stop.is_set():
            if time.monotonic() >= ends:
                raise _still_writing(total_s)
            await asyncio.wait({reading}, timeout=_POLL_S)
    finally:
        reading.cancel()
        await asyncio.wait({reading})
        # Looked at in any case: an error that nobody looks at is logged with all of its text.
        error = None if reading.cancelled() else reading.exception()
    if error is not None:
        raise error


_starting = threading.Lock()


def _reading_loop() -> asyncio.AbstractEventLoop:
    """The loop in which all answers are read: one for all, because the libraries' connections belong to theirs."""
    with _starting:
        return _started_loop()


@cache
def _started_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.set_default_executor(ThreadPoolExecutor(_THREADS, thread_name_prefix="model-read"))
    threading.Thread(target=loop.run_forever, name="model-streams", daemon=True).start()
    return loop
