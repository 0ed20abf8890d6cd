"""Chat models of any provider through langchain, set up so that a bad server costs seconds, and their errors in plain words.

How an answer is read and when it is given up is `coach.services.model_stream`.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx2
from pydantic import SecretStr

from coach.domain.errors import ConfigurationError, ModelFault, ModelUnavailable
from coach.domain.privacy import is_local

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

OPENAI_URL = "https://api.openai.com/v1"

_CONNECT_S = 5.0
_SILENCE_S = 30.0
"""After which a silent connection is dropped even where nobody else watches it."""
_MAX_BYTES = 32 * 2**20
"""Of one answer on the wire; the longest one that is shown takes about a tenth of it."""

_NO_KEY = SecretStr("")
_FORM = (
    "Write provider:model, for example openai:gpt-5-mini, or for a server of your own openai: with the name of its "
    "model and its address in COACH_MODEL_URL."
)


def open_chat_model(
    model: str, *, url: str = "", api_key: SecretStr = _NO_KEY, first_token_s: float = 8.0
) -> BaseChatModel:
    """A model as provider:model; nothing is sent yet.

    Args:
        url: Address of a server that speaks the provider's protocol. Any such server can follow `openai:`, with a key
            or without; the key of OpenAI in the environment is then not sent to it.
        api_key: Where it is empty and there is no `url`, the provider's package looks into its own variable.
        first_token_s: How long the first word may take.

    Raises:
        ConfigurationError: The name, the address or the key cannot be right, or the provider's package is missing.
    """
    provider, _, name = model.strip().partition(":")
    if not provider or not name.strip():
        raise ConfigurationError(f"COACH_MODEL is {model!r}, which lacks the provider or the model. {_FORM}")
    if url and not _is_address(url):
        raise ConfigurationError(
            "COACH_MODEL_URL is not the address of a server. It looks like http://127.0.0.1:8080/v1."
        )
    if provider == "openai":
        return _open_openai(name, url, api_key, first_token_s)
    return _open_other(provider, name, url, api_key, first_token_s)


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _open_openai(name: str, url: str, api_key: SecretStr, first_token_s: float) -> BaseChatModel:
    from langchain.chat_models import init_chat_model
    from openai import OpenAIError

    timeout = _timeout(first_token_s)
    # No connection is kept: turns are further apart than a connection lasts, and a stale one is one more way to fail.
    limits = httpx2.Limits(max_keepalive_connections=0)
    trust_env = not is_local(url)
    given: dict[str, Any] = {}
    if api_key.get_secret_value() or url:
        given["api_key"] = api_key if api_key.get_secret_value() else SecretStr("none")
    try:
        opened: BaseChatModel = init_chat_model(
            name,
            model_provider="openai",
            # Said outright: a variable of the environment must not send notes to where the page does not say.
            base_url=url or OPENAI_URL,
            openai_proxy=None,
            max_retries=0,
            timeout=timeout,
            stream_usage=True,
            stream_chunk_timeout=None,
            use_responses_api=False if url else None,
            http_client=httpx2.Client(
                timeout=timeout, limits=limits, trust_env=trust_env, event_hooks={"response": [_check_response]}
            ),
            http_async_client=httpx2.AsyncClient(
                timeout=timeout, limits=limits, trust_env=trust_env, event_hooks={"response": [_check_async_response]}
            ),
            **given,
        )
    except OpenAIError as error:
        raise ConfigurationError(
            f"COACH_MODEL is 'openai:{name}', but there is no key for it. Set COACH_API_KEY, or COACH_MODEL_URL for a "
            "server of your own."
        ) from error
    return opened


def _open_other(provider: str, name: str, url: str, api_key: SecretStr, first_token_s: float) -> BaseChatModel:
    from langchain.chat_models import init_chat_model
    from pydantic import ValidationError

    given: dict[str, Any] = {"max_retries": 0, "timeout": round(max(first_token_s, _SILENCE_S))}
    if url:
        given["base_url"] = url
    if api_key.get_secret_value():
        given["api_key"] = api_key
    try:
        opened: BaseChatModel = init_chat_model(name, model_provider=provider, **given)
    except ImportError as error:
        package = (getattr(error.__cause__, "name", None) or f"langchain_{provider}").split(".")[0].replace("_", "-")
        raise ConfigurationError(
            f"COACH_MODEL is '{provider}:{name}', which needs the package {package}. Install it beside the coach: "
            f"pip install {package}"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        if "unsupported provider" in str(error).lower() and not isinstance(error, ValidationError):
            raise ConfigurationError(
                f"COACH_MODEL is '{provider}:{name}', but {provider!r} is no provider of models. {_FORM}"
            ) from None
        # Their own text may hold what they were given, the key too.
        raise ConfigurationError(
            f"COACH_MODEL is '{provider}:{name}', but a setting of {provider} is missing or wrong, most often the key. "
            "Set COACH_API_KEY, or what the provider's package asks for."
        ) from None
    return opened


def _timeout(first_token_s: float) -> httpx2.Timeout:
    return httpx2.Timeout(max(first_token_s, _SILENCE_S), connect=min(first_token_s, _CONNECT_S))


def _check_response(response: httpx2.Response) -> None:
    """Refuse what cannot be an answer to us."""
    if 300 <= response.status_code < 400:
        raise ModelUnavailable(
            f"The model's server sends on to another address (status {response.status_code}), and the coach does not "
            "follow, so that nothing goes where you did not want it. Is COACH_MODEL_URL right?"
        )
    if response.is_success and "html" in response.headers.get("content-type", ""):
        raise _not_a_chat_service()


async def _check_async_response(response: httpx2.Response) -> None:
    _check_response(response)
    response.stream = _BoundedBody(response.stream)


class _BoundedBody(httpx2.AsyncByteStream):
    """The bytes of an answer, up to a number that no honest one reaches: a line without end would fill the memory."""

    def __init__(self, body: httpx2.SyncByteStream | httpx2.AsyncByteStream) -> None:
        assert isinstance(body, httpx2.AsyncByteStream)
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for part in self._body:
            size += len(part)
            if size > _MAX_BYTES:
                raise ModelUnavailable("The model's answer has no end.", kind="endless")
            yield part

    async def aclose(self) -> None:
        await self._body.aclose()


def fault_of(error: BaseException) -> ModelUnavailable:
    """What an error of langchain, a provider's package or its connection means to the user.

    Providers are told apart by nothing: a status, headers and the names of classes are read wherever they are. None
    of their text is shown, as it may repeat the key or the question.
    """
    chain = list(_chain(error))
    for cause in chain:
        if isinstance(cause, ModelUnavailable):
            return cause
    said = " ".join(f"{cause} {getattr(cause, 'code', '')} {getattr(cause, 'body', '')}" for cause in chain).lower()
    names = {base.__name__ for cause in chain for base in type(cause).__mro__}
    status = next((status for cause in chain if (status := _status(cause))), 0)
    if "ContextOverflowError" in names or (status in (0, 400, 413, 422, 500) and _TOO_LONG.search(said)):
        return ModelUnavailable("The conversation is too long for this model.", kind="too-long")
    if status:
        return _fault_of_status(status, said, _retry_after_s(chain))
    return _fault_of_names(names, said, _host(chain))


_TOO_LONG = re.compile(
    r"context.?(?:length|window|size)|maximum context|prompt is too long|too many (?:input )?tokens"
    r"|input tokens exceed|exceed_context"
)
_NO_CREDIT = re.compile(r"insufficient_quota|insufficient (?:funds|balance|credit)|exceeded your current quota|billing")
_NO_MODEL = re.compile(r"model.{0,80}(?:not found|does not exist|not exist|unknown)|(?:unknown|invalid|no such) model")

_KINDS_OF_STATUS: dict[int, ModelFault] = {
    401: "unauthorised",
    403: "unauthorised",
    404: "unknown-model",
    408: "too-slow",
    429: "rate-limited",
    502: "overloaded",
    503: "overloaded",
    504: "too-slow",
    529: "overloaded",
}

_KINDS_OF_NAMES: tuple[tuple[str, ModelFault], ...] = (
    ("ModelAuthenticationError", "unauthorised"),
    ("ModelPermissionDeniedError", "unauthorised"),
    ("ModelNotFoundError", "unknown-model"),
    ("ModelRateLimitError", "rate-limited"),
    ("ConnectionRefusedError", "refused"),
    ("ConnectTimeout", "unreachable"),
    ("ConnectError", "unreachable"),
    ("gaierror", "unreachable"),
    ("TimeoutException", "too-slow"),
    ("TimeoutError", "too-slow"),
    ("APITimeoutError", "too-slow"),
    ("ModelTimeoutError", "too-slow"),
    ("Timeout", "too-slow"),
    ("RemoteProtocolError", "cut-off"),
    ("NetworkError", "cut-off"),
    ("ConnectionResetError", "cut-off"),
    ("BrokenPipeError", "cut-off"),
    ("APIConnectionError", "unreachable"),
    ("ModelConnectionError", "unreachable"),
    ("ConnectionError", "unreachable"),
    ("ValueError", "malformed"),
    ("TypeError", "malformed"),
    ("LookupError", "malformed"),
    ("AttributeError", "malformed"),
    ("AssertionError", "malformed"),
    ("UserWarning", "malformed"),
)
"""The first that is among the classes of an error, of its causes and of their bases, decides."""


def _fault_of_status(status: int, said: str, retry_after_s: float | None) -> ModelUnavailable:
    if status == 402 or (status in (400, 403, 429) and _NO_CREDIT.search(said)):
        return ModelUnavailable("The account with the model's provider has no credit left.", kind="rate-limited")
    kind = _KINDS_OF_STATUS.get(status, "other")
    if kind == "other" and _NO_MODEL.search(said):
        kind = "unknown-model"
    if kind == "rate-limited" and retry_after_s is not None:
        return ModelUnavailable(
            f"The model's provider asks to be left alone for {retry_after_s:.0f} seconds.",
            kind=kind,
            retry_after_s=retry_after_s,
        )
    if kind == "other":
        text = (
            f"The model's server failed (status {status})."
            if status >= 500
            else f"The model's server did not accept the request (status {status})."
        )
        return ModelUnavailable(text, kind=kind, retry_after_s=retry_after_s)
    return ModelUnavailable(_TEXTS[kind], kind=kind, retry_after_s=retry_after_s)


def _fault_of_names(names: set[str], said: str, host: str) -> ModelUnavailable:
    if "no generation chunks were returned" in said:
        return ModelUnavailable("The model answered with nothing.", kind="empty")
    kind = next((kind for name, kind in _KINDS_OF_NAMES if name in names), None)
    if kind == "malformed":
        return _not_a_chat_service()
    at = f" at {host}" if host else ""
    if kind == "refused":
        return ModelUnavailable(f"No model's server answers{at}. Is it running?", kind=kind)
    if kind == "unreachable":
        return ModelUnavailable(f"The model's server{at} cannot be reached. Is the network up?", kind=kind)
    if kind is None:
        return ModelUnavailable("The model's server reported an error that it does not explain.")
    return ModelUnavailable(_TEXTS[kind], kind=kind)


_TEXTS: dict[ModelFault, str] = {
    "unauthorised": "The model's provider does not accept the key. Check COACH_API_KEY.",
    "unknown-model": "The server knows no such model, or is no chat service. Check COACH_MODEL and COACH_MODEL_URL.",
    "rate-limited": "The model's provider has had too many requests and asks for a pause.",
    "overloaded": "The model's server is overloaded, or still starting.",
    "too-slow": "The model's server did not answer in time.",
    "cut-off": "The connection to the model's server broke off.",
}


def _not_a_chat_service() -> ModelUnavailable:
    return ModelUnavailable(
        "The model's server sent something that is no chat answer. Is COACH_MODEL_URL right? It mostly ends in /v1.",
        kind="malformed",
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what it came from, nearest first."""
    waiting, seen = [error], set[int]()
    while waiting:
        cause = waiting.pop(0)
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [near for near in (cause.__cause__, cause.__context__) if near is not None]
        if isinstance(cause, BaseExceptionGroup):
            waiting += cause.exceptions


def _status(error: BaseException) -> int:
    """The HTTP status that an error speaks of, or 0."""
    body = getattr(error, "body", None)
    for status in (
        getattr(error, "status_code", None),
        getattr(getattr(error, "response", None), "status_code", None),
        getattr(error, "code", None),
        body.get("code") if isinstance(body, dict) else None,
    ):
        if isinstance(status, int) and 300 <= status < 600:
            return status
    return 0


def _retry_after_s(chain: list[BaseException]) -> float | None:
    """Retry-After as seconds from now, whether it came as a number or as a date."""
    for cause in chain:
        headers = getattr(getattr(cause, "response", None), "headers", None)
        text = str(headers.get("retry-after", "")).strip() if headers is not None else ""
        if re.fullmatch(r"\d{1,9}(\.\d+)?", text):
            return float(text)
        try:
            until = parsedate_to_datetime(text)
        except (ValueError, TypeError):
            continue
        return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
    return None


def _host(chain: list[BaseException]) -> str:
    """Host and port that were asked; of an address nothing else, as it may hold a key."""
    for cause in chain:
        try:
            url = getattr(getattr(cause, "request", None), "url", None)
        except RuntimeError:  # httpx has the attribute and raises where it is not set
            continue
        host, port = getattr(url, "host", ""), getattr(url, "port", None)
        if host:
            return f"{host}:{port}" if port else str(host)
    return ""
