"""Stands before every request: which hosts and origins are answered, which headers every answer carries.

Who the request comes from is `coach.ui.host`'s `identify`.
"""

from __future__ import annotations

import base64
import hashlib
import re
import socket
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_SHUT = (
    "/gradio_api/file",
    "/gradio_api/proxy",
    "/gradio_api/runs",
    "/gradio_api/mcp",
    "/monitoring",
    "/file=",
    "/proxy=",
)
"""Parts of Gradio that the page does not use: files by path and addresses fetched on behalf of a browser."""
_INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)

_POLICY = {
    "default-src": "'self'",
    "script-src": "'self'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self'",
    "object-src": "'none'",
    "frame-src": "'none'",
    "frame-ancestors": "'none'",
    # Gradio's page has a <base href="./">.
    "base-uri": "'self'",
    "form-action": "'self'",
}
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), interest-cohort=()",
}


def hosts_answered(host: str) -> frozenset[str]:
    """Names under which the page may be asked for: loopback, the configured host, and this machine's name where the
    configured host is every address."""
    every_address = host in ("0.0.0.0", "::", "")
    return LOOPBACK | {(socket.gethostname() if every_address else host).lower()}


class Gate:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, *, hosts: frozenset[str]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await _Guarded(refusal)(scope, receive, send)
            return
        await _Guarded(self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        host = _host_in(f"//{headers.get('host', '')}")
        if host not in self._hosts:
            return PlainTextResponse("This page is not served under that name.", status_code=421)
        origin = headers.get("origin")
        if origin is not None and (scope["type"] == "websocket" or scope["method"] in _CHANGING):
            if urlsplit(origin).netloc.lower() != headers.get("host", "").lower():
                return PlainTextResponse("Requests from other pages are refused.", status_code=403)
        elif headers.get("sec-fetch-site") == "cross-site" and scope.get("method") in _CHANGING:
            return PlainTextResponse("Requests from other pages are refused.", status_code=403)
        if scope["path"].startswith(_SHUT):
            return PlainTextResponse("Not found.", status_code=404)
        return None


class _Guarded:
    """Adds the headers; an HTML answer is held until it is whole, so that its own inline scripts can be named by digest."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        held: list[Message] = []

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                if headers.get("content-type", "").startswith("text/html") and "content-encoding" not in headers:
                    held.append(message)
                    return
                headers["Content-Security-Policy"] = policy()
            elif message["type"] == "http.response.body" and held:
                held.append(message)
                if message.get("more_body"):
                    return
                body = b"".join(part.get("body", b"") for part in held[1:])
                MutableHeaders(scope=held[0])["Content-Security-Policy"] = policy(body)
                await send(held[0])
                held.clear()
                message = {"type": "http.response.body", "body": body}
            await send(message)

        await self._app(scope, receive, guarded)


def policy(page: bytes = b"") -> str:
    """The Content-Security-Policy; inline scripts that stand in `page` are allowed by their digest, no others."""
    digests = [base64.b64encode(hashlib.sha256(script).digest()).decode() for script in _INLINE_SCRIPT.findall(page)]
    allowed = {**_POLICY, "script-src": " ".join(["'self'", *(f"'sha256-{digest}'" for digest in digests)])}
    return "; ".join(f"{name} {value}" for name, value in allowed.items())


def _host_in(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""
