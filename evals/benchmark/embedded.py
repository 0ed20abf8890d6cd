"""Vectors for stores too large to embed: real ones with noise, so that neighbourhoods stay as uneven as in real text.

The embedder itself is `coach.adapters.minilm`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from langchain_core.embeddings import Embeddings

from evals.benchmark.corpus import PARAGRAPHS, SEED, written_note

NOISE = 0.8
"""Length of the noise beside a unit vector: the cosine to its centre is then about 0.78."""


class Synthetic(Embeddings):
    """Unit vectors around real ones, in an order that is the same every run; queries are embedded for real."""

    def __init__(self, embedder: Embeddings, centres: Sequence[Sequence[float]]) -> None:
        self._embedder = embedder
        self._centres = np.asarray(centres, dtype=np.float32)
        self._rng = np.random.default_rng(SEED)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """One vector a text, whatever the text says."""
        centres = self._centres[self._rng.integers(len(self._centres), size=len(texts))]
        noise = self._rng.standard_normal(centres.shape, dtype=np.float32)
        vectors = centres + NOISE * noise / np.linalg.norm(noise, axis=1, keepdims=True)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        made: list[list[float]] = vectors.tolist()
        return made

    def embed_query(self, text: str) -> list[float]:
        """The real vector of a query."""
        return self._embedder.embed_query(text)


def synthetic(embedder: Embeddings, *, centres: int) -> Synthetic:
    """Synthetic vectors around those of this many chunks of the corpus."""
    notes = (written_note(number) for number in range(-(-centres // PARAGRAPHS)))
    texts = [paragraph for note in notes for paragraph in note.paragraphs][:centres]
    return Synthetic(embedder, embedder.embed_documents(texts))
