"""Embedders of any provider through langchain: unit vectors in small batches, and their errors in plain words.

The bundled embedder is `coach.adapters.minilm`; which texts are embedded is for `coach.services.ingest` and
`coach.services.retrieval`.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import httpx2
import numpy as np
from langchain_core.embeddings import Embeddings
from pydantic import SecretStr

from coach.adapters.chat_models import OPENAI_URL, fault_of
from coach.adapters.minilm import MAX_TOKENS
from coach.domain.chunking import TokenOffsets
from coach.domain.errors import ConfigurationError, ModelFault, ModelUnavailable, RetrievalFailed
from coach.domain.privacy import is_local
from coach.ports import EmbedderIdentity

if TYPE_CHECKING:
    from numpy.typing import NDArray

BATCH_TEXTS = 16
"""Texts in one request: a small server on two cores needs seconds for them."""
MAX_CHARACTERS = 2_000
"""Of a text that are sent, beside `MAX_TOKENS` of the bundled tokenizer: small servers refuse what is longer than they
read, and the bundled embedder reads no more either."""
PAUSES_S = (1.0, 4.0, 15.0)
"""Before another attempt at a batch, where a provider asks for one or is overloaded and says no time of its own."""
MAX_PAUSE_S = 60.0

_CONNECT_S = 5.0
_SILENCE_S = 20.0
_PASSING: tuple[ModelFault, ...] = ("rate-limited", "overloaded")
_NO_KEY = SecretStr("")
_FORM = "Write bundled, or provider:model, for example openai:text-embedding-3-small."


class ProviderEmbedder(Embeddings):
    """Vectors of unit length from a provider's embedder. Any number of threads may use it.

    Args:
        name: As it is set: provider:model.
        address: Where it is asked; empty for the provider's own address.
        place: The same in a word or two, for the user.
        token_offsets: The bundled tokenizer, which says where a text that is too long is cut.
        sleep: Makes a pause, in seconds.
    """

    def __init__(
        self,
        embeddings: Embeddings,
        *,
        name: str,
        address: str,
        place: str,
        token_offsets: TokenOffsets,
        sleep: Callable[[float], None],
    ) -> None:
        self.name = name
        self.place = place
        self._embeddings = embeddings
        self._address = address
        self._token_offsets = token_offsets
        self._sleep = sleep
        self._lock = threading.Lock()
        self._dimension = 0

    def identity(self) -> EmbedderIdentity:
        """Name, dimension, and a digest of provider, model and address; the first time, by embedding a word.

        Raises:
            ConfigurationError: The embedder does not answer.
        """
        with self._lock:
            if not self._dimension:
                try:
                    self._dimension = len(self._unit(lambda: [self._embeddings.embed_query("Hello")], 1)[0])
                except RetrievalFailed as error:
                    raise ConfigurationError(f"{error} To do without it, unset COACH_EMBEDDINGS.") from error
        digest = hashlib.sha256(f"{self.name} {self._address.rstrip('/')}".encode()).hexdigest()
        return EmbedderIdentity(self.name, self._dimension, digest)

    def embed_query(self, text: str) -> list[float]:
        """The vector of one text.

        Raises:
            RetrievalFailed: The embedder does not answer as it should.
        """
        return self._unit(lambda: [self._embeddings.embed_query(self._sent(text))], 1)[0]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """One vector a text, in the order of the texts. Where the provider asks for a pause, it is made.

        Raises:
            RetrievalFailed: The embedder does not answer as it should.
        """
        vectors: list[list[float]] = []
        for start in range(0, len(texts), BATCH_TEXTS):
            vectors += self._batch([self._sent(text) for text in texts[start : start + BATCH_TEXTS]])
        return vectors

    def _batch(self, texts: list[str]) -> list[list[float]]:
        for pause_s in PAUSES_S:
            try:
                return self._unit(lambda: self._embeddings.embed_documents(texts), len(texts))
            except RetrievalFailed as error:
                fault = fault_of(error.__cause__ or error)
                wait_s = pause_s if fault.retry_after_s is None else fault.retry_after_s
                if fault.kind not in _PASSING or wait_s > MAX_PAUSE_S:
                    raise
            self._sleep(wait_s)
        return self._unit(lambda: self._embeddings.embed_documents(texts), len(texts))

    def _sent(self, text: str) -> str:
        """What is sent of a text. Lone surrogates, which cannot be, become question marks."""
        text = text[:MAX_CHARACTERS].encode("utf-8", "replace").decode()
        offsets = self._token_offsets(text)
        return text if len(offsets) <= MAX_TOKENS - 2 else text[: offsets[MAX_TOKENS - 3][1]]

    def _unit(self, ask: Callable[[], Sequence[Sequence[float]]], expected: int) -> list[list[float]]:
        try:
            made = ask()
        except Exception as error:
            raise self._failed(fault_of(error).kind) from error
        try:
            matrix: NDArray[np.float64] = np.asarray(made, dtype=np.float64)
        except (TypeError, ValueError):  # numbers that are none, or rows of different lengths
            matrix = np.empty((0, 0))
        if matrix.ndim != 2 or len(matrix) != expected or not matrix.shape[1] or not np.isfinite(matrix).all():
            raise self._failed("malformed")
        if self._dimension and matrix.shape[1] != self._dimension:
            raise RetrievalFailed(
                f"The embedder {self._named()} gives vectors of {matrix.shape[1]} numbers, and gave {self._dimension} "
                "before: another model runs there now. Start the coach again."
            )
        lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
        if not lengths.all():
            raise self._failed("malformed")
        unit: list[list[float]] = (matrix / lengths).tolist()
        return unit

    def _failed(self, kind: ModelFault) -> RetrievalFailed:
        return RetrievalFailed(f"The embedder {self._named()} {_TEXTS.get(kind, _OTHER)}")

    def _named(self) -> str:
        return f"{self.name} {'on' if is_local(self._address) else 'at'} {self.place}"


_TEXTS: dict[ModelFault, str] = {
    "refused": "does not answer. Is it running?",
    "unreachable": "cannot be reached. Is the network up?",
    "unauthorised": "does not accept the key. Check COACH_API_KEY.",
    "unknown-model": "does not know this model, or makes no embeddings. Check COACH_EMBEDDINGS and COACH_MODEL_URL.",
    "rate-limited": "has had too many requests, or the account there has no credit left.",
    "overloaded": "is overloaded, or still starting.",
    "too-slow": "did not answer in time.",
    "cut-off": "broke off in the middle of its answer.",
    "malformed": "sent something that is no embedding. Is COACH_MODEL_URL right? It mostly ends in /v1.",
    "too-long": "reads too short a text. Choose another one in COACH_EMBEDDINGS.",
}
_OTHER = "reported an error. Its own log may say more."


def open_embedder(
    name: str,
    *,
    url: str = "",
    api_key: SecretStr = _NO_KEY,
    place: str,
    token_offsets: TokenOffsets,
    sleep: Callable[[float], None] = time.sleep,
) -> ProviderEmbedder:
    """An embedder as provider:model; nothing is sent yet.

    Args:
        url: Address of a server that speaks OpenAI's protocol, for `openai:`; other providers have their own.
        api_key: Where it is empty and there is no `url`, the provider's package looks into its own variable.

    Raises:
        ConfigurationError: The name or the key cannot be right, or the provider's package is missing.
    """
    provider, _, model = name.strip().partition(":")
    if not provider or not model.strip():
        raise ConfigurationError(f"COACH_EMBEDDINGS is {name!r}. {_FORM}")
    address = url if provider == "openai" else ""
    embeddings = (
        _open_openai(model, address, api_key) if provider == "openai" else _open_other(provider, model, api_key)
    )
    return ProviderEmbedder(
        embeddings, name=name, address=address, place=place, token_offsets=token_offsets, sleep=sleep
    )


def _open_openai(model: str, url: str, api_key: SecretStr) -> Embeddings:
    from langchain.embeddings import init_embeddings
    from openai import OpenAIError

    timeout = httpx2.Timeout(_SILENCE_S, connect=_CONNECT_S)
    # No connection is kept: a stale one is one more way to fail.
    limits = httpx2.Limits(max_keepalive_connections=0)
    given: dict[str, Any] = {}
    if api_key.get_secret_value() or url:
        given["api_key"] = api_key if api_key.get_secret_value() else SecretStr("none")
    try:
        return init_embeddings(
            model,
            provider="openai",
            # Said outright: a variable of the environment must not send notes to where the page does not say.
            base_url=url or OPENAI_URL,
            openai_proxy=None,
            max_retries=0,
            timeout=timeout,
            # Text goes as it is: numbers of tokens mean nothing to other servers.
            check_embedding_ctx_length=False,
            model_kwargs={"encoding_format": "float"},
            http_client=httpx2.Client(
                timeout=timeout, limits=limits, trust_env=not is_local(url), event_hooks={"response": [_check_response]}
            ),
            **given,
        )
    except OpenAIError as error:
        raise ConfigurationError(
            f"COACH_EMBEDDINGS is 'openai:{model}', but there is no key for it. Set COACH_API_KEY, or COACH_MODEL_URL for "
            "a server of your own."
        ) from error


def _open_other(provider: str, model: str, api_key: SecretStr) -> Embeddings:
    from langchain.embeddings import init_embeddings
    from pydantic import ValidationError

    given = {"api_key": api_key} if api_key.get_secret_value() else {}
    setting = f"COACH_EMBEDDINGS is '{provider}:{model}'"
    try:
        return init_embeddings(model, provider=provider, **given)
    except ImportError as error:
        package = (getattr(error.__cause__, "name", None) or f"langchain_{provider}").split(".")[0].replace("_", "-")
        raise ConfigurationError(
            f"{setting}, which needs the package {package}. Install it beside the coach: pip install {package}"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        if "is not supported" in str(error) and not isinstance(error, ValidationError):
            raise ConfigurationError(f"{setting}, but {provider!r} is no provider of embeddings. {_FORM}") from None
        # Their own text may hold what they were given, the key too.
        raise ConfigurationError(
            f"{setting}, but a setting of {provider} is missing or wrong, most often the key. Set COACH_API_KEY, or what "
            "the provider's package asks for."
        ) from None


def _check_response(response: httpx2.Response) -> None:
    """Follow nowhere, so that notes go only to where the user said."""
    if 300 <= response.status_code < 400:
        raise ModelUnavailable("The server sends on to another address.", kind="malformed")
