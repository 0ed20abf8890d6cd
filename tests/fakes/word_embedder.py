"""An embedder without a model: texts that share words are near. It counts what it embeds."""

from __future__ import annotations

import hashlib
import math
import re

from langchain_core.embeddings import Embeddings

from coach.ports import EmbedderIdentity

DIMENSION = 64
IDENTITY = EmbedderIdentity("words", DIMENSION, "words")


class WordEmbedder(Embeddings):
    """Counts of hashed words, at unit length; the same in every process."""

    def __init__(self) -> None:
        self.embedded: list[str] = []
        """Every text that was embedded as a document, in order."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.embedded += texts
        return [_embedded(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return _embedded(text)


def _embedded(text: str) -> list[float]:
    vector = [0.0] * DIMENSION
    for word in re.findall(r"[a-z0-9']+", text.lower()):
        digest = hashlib.blake2b(word.encode(), digest_size=4).digest()
        vector[int.from_bytes(digest, "big") % DIMENSION] += 1.0
    length = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / length for value in vector]
