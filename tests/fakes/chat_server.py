"""A server on this machine that speaks the OpenAI chat protocol, and misbehaves in every way that a test asks for.

    with ChatServer() as server:
        server.will(answer("Hello", " there."), fail(503))
        ... COACH_MODEL_URL = server.url ...
        assert server.requests[0].body["messages"][-1]["content"] == "Hi"

Each request takes the next behaviour of the queue, or `server.otherwise` when it is empty. A behaviour is a function of
an `Exchange`; the ones below cover the faults that the coach knows.
"""

from __future__ import annotations

import json
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

MODEL = "small-model"


@dataclass(frozen=True, slots=True)
class Received:
    """One request, and what became of it."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: Mapping[str, Any]
    was_left: threading.Event = field(default_factory=threading.Event)
    """Set when the client hangs up before the answer is over."""
    was_answered: threading.Event = field(default_factory=threading.Event)
    """Set when the behaviour has done all that it wanted."""


class ClientLeft(Exception):
    """The client has hung up; ends a behaviour."""


class Exchange:
    """One request and the means to answer it, well or badly."""

    def __init__(self, handler: BaseHTTPRequestHandler, received: Received, closing: threading.Event) -> None:
        self.received = received
        self._handler = handler
        self._closing = closing
        self._is_chunked = True

    @property
    def is_streamed(self) -> bool:
        return bool(self.received.body.get("stream"))

    @property
    def wants_usage(self) -> bool:
        return bool((self.received.body.get("stream_options") or {}).get("include_usage"))

    def wait(self, seconds: float) -> None:
        """Let time pass; ends at once when the client hangs up or the server closes."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            readable, _, _ = select.select([self._handler.connection], [], [], min(left, 0.02))
            if readable and self._handler.connection.recv(1, socket.MSG_PEEK) == b"":
                raise ClientLeft
            if self._closing.is_set():
                raise ClientLeft

    def head(self, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Send the status and the headers."""
        self._handler.send_response(status)
        for name, value in (headers or {}).items():
            self._handler.send_header(name, value)
        self._handler.end_headers()

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._handler.wfile.write(data)
        self._handler.wfile.flush()

    def whole(self, status: int, body: bytes, content_type: str, headers: Mapping[str, str] | None = None) -> None:
        """Send an answer of known length."""
        self.head(status, {"Content-Type": content_type, "Content-Length": str(len(body)), **(headers or {})})
        self.write(body)

    def start_events(self, *, is_chunked: bool = True) -> None:
        """Begin a stream. Where it is not chunked, its end and a lost connection look the same."""
        self._is_chunked = is_chunked
        framing = {"Transfer-Encoding": "chunked"} if is_chunked else {"Connection": "close"}
        self.head(200, {"Content-Type": "text/event-stream", **framing})

    def send(self, data: bytes) -> None:
        """Send a part of a stream."""
        self.write(b"%x\r\n%s\r\n" % (len(data), data) if self._is_chunked else data)

    def event(self, payload: object) -> None:
        """Send one event of a stream."""
        self.send(b"data: " + (payload if isinstance(payload, str) else json.dumps(payload)).encode() + b"\n\n")

    def end_events(self) -> None:
        """End a stream as the protocol says."""
        self.event("[DONE]")
        self.break_off(is_clean=True)

    def break_off(self, *, is_clean: bool = False) -> None:
        """Close the connection; not `is_clean`, in the middle of a stream."""
        if is_clean and self._is_chunked:
            self.write(b"0\r\n\r\n")
        self._handler.close_connection = True


Behaviour = Callable[[Exchange], None]


def _chunk(delta: Mapping[str, object] | None, finish_reason: str | None = None, **more: object) -> dict[str, object]:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish_reason}]
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": MODEL,
        "choices": choices,
        **more,
    }


def answer(
    *pieces: str,
    first_after_s: float = 0.0,
    every_s: float = 0.0,
    finish_reason: str | None = "stop",
    with_role: bool = True,
    with_usage: bool = True,
    is_chunked: bool = True,
) -> Behaviour:
    """Answer in these pieces, as a stream where one is asked for; without a finish reason or a role, an unruly one."""
    usage = {"prompt_tokens": 11, "completion_tokens": len(pieces), "total_tokens": 11 + len(pieces)}

    def behave(exchange: Exchange) -> None:
        if not exchange.is_streamed:
            exchange.wait(first_after_s)
            message = {"role": "assistant", "content": "".join(pieces)}
            whole = _chunk(None) | {
                "object": "chat.completion",
                "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
                "usage": usage,
            }
            exchange.whole(200, json.dumps(whole).encode(), "application/json")
            return
        exchange.start_events(is_chunked=is_chunked)
        if with_role:
            exchange.event(_chunk({"role": "assistant", "content": ""}))
        for number, piece in enumerate(pieces):
            exchange.wait(every_s if number else first_after_s)
            exchange.event(_chunk({"content": piece}))
        if finish_reason is not None:
            exchange.event(_chunk({}, finish_reason))
        if with_usage and exchange.wants_usage:
            exchange.event(_chunk(None, usage=usage))
        exchange.end_events()

    return behave


def fail(
    status: int,
    message: str = "something went wrong",
    *,
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Behaviour:
    """Refuse with a status, in the words of the protocol."""
    body = json.dumps({"error": {"message": message, "type": "error", "param": None, "code": code}}).encode()
    return lambda exchange: exchange.whole(status, body, "application/json", headers)


def say_html(status: int = 200) -> Behaviour:
    """Show a page, as whatever else listens at an address would."""
    page = b"<!doctype html><title>Welcome</title><p>It works!"
    return lambda exchange: exchange.whole(status, page, "text/html; charset=utf-8")


def redirect(to: str, status: int = 307) -> Behaviour:
    """Send the client elsewhere."""
    return lambda exchange: exchange.whole(status, b"", "text/plain", {"Location": to})


def say_nothing(seconds: float = 60.0) -> Behaviour:
    """Accept the request and never answer."""
    return lambda exchange: exchange.wait(seconds)


def stall(*pieces: str, seconds: float = 60.0) -> Behaviour:
    """Begin a stream, send these pieces, and fall silent; without pieces, silent after the headers."""

    def behave(exchange: Exchange) -> None:
        exchange.start_events()
        for piece in pieces:
            exchange.event(_chunk({"role": "assistant", "content": piece}))
        exchange.wait(seconds)

    return behave


def break_off(*pieces: str, is_chunked: bool = True) -> Behaviour:
    """Lose the connection after these pieces."""

    def behave(exchange: Exchange) -> None:
        exchange.start_events(is_chunked=is_chunked)
        for piece in pieces:
            exchange.event(_chunk({"role": "assistant", "content": piece}))
        exchange.break_off()

    return behave


def send_events(*payloads: object, is_ended: bool = True) -> Behaviour:
    """A stream of exactly these events; text is sent as it stands, anything else as JSON."""

    def behave(exchange: Exchange) -> None:
        exchange.start_events()
        for payload in payloads:
            exchange.event(payload)
        if is_ended:
            exchange.end_events()
        else:
            exchange.break_off()

    return behave


def fail_in_mid_stream(*pieces: str, message: str = "something went wrong", code: object = None) -> Behaviour:
    """An error as an event, after these pieces."""
    events = [_chunk({"role": "assistant", "content": piece}) for piece in pieces]
    return send_events(*events, {"error": {"message": message, "type": "server_error", "code": code}}, is_ended=False)


def go_on(piece: str = "and then ", *, every_s: float = 0.0) -> Behaviour:
    """The same piece for ever."""

    def behave(exchange: Exchange) -> None:
        exchange.start_events()
        while True:
            exchange.event(_chunk({"role": "assistant", "content": piece}))
            exchange.wait(every_s or 0.0001)

    return behave


def send_line_without_end() -> Behaviour:
    """One event that never ends: its reader's memory would fill."""

    def behave(exchange: Exchange) -> None:
        exchange.start_events()
        exchange.send(b'data: {"choices": "')
        while True:
            exchange.send(b"x" * 2**20)
            exchange.wait(0.0001)

    return behave


class ChatServer:
    """The server; a context manager that listens on a free loopback port. Any number of clients may talk to it."""

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.otherwise: Behaviour = answer("All", " is", " well.")
        self._behaviours: deque[Behaviour] = deque()
        self._closing = threading.Event()
        self._arrived = threading.Condition()
        self._server = _Listener(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="chat-server", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """What COACH_MODEL_URL is set to."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def will(self, *behaviours: Behaviour) -> None:
        """How the next requests are met, one each."""
        self._behaviours.extend(behaviours)

    def request(self, number: int = 0, *, within_s: float = 5.0) -> Received:
        """The request of that number, waited for."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self.requests) > number, within_s):
                raise AssertionError(f"request {number} did not arrive within {within_s:g} s")
        return self.requests[number]

    def _take(self, received: Received) -> Behaviour:
        with self._arrived:
            self.requests.append(received)
            self._arrived.notify_all()
            return self._behaviours.popleft() if self._behaviours else self.otherwise

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                listed = {"object": "list", "data": [{"id": MODEL, "object": "model"}]}
                Exchange(self, self._received({}), server._closing).whole(
                    200, json.dumps(listed).encode(), "application/json"
                )

            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers.get("content-length", 0)))
                received = self._received(json.loads(data))
                try:
                    server._take(received)(Exchange(self, received, server._closing))
                    received.was_answered.set()
                except (ClientLeft, ConnectionError):
                    received.was_left.set()
                    self.close_connection = True

            def _received(self, body: Mapping[str, Any]) -> Received:
                headers = {name.lower(): value for name, value in self.headers.items()}
                return Received(self.command, self.path, headers, body)

            def log_message(self, format: str, *args: object) -> None:
                """Nothing: a test's output is its own."""

        return Handler


class _Listener(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


def unused_url() -> str:
    """An address of this machine at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"
