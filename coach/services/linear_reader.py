"""A linear reader: learns from labelled messages which labels a new message deserves.

Ridge regression, one label against the rest, on the embedding of a message beside its hashed words and word pairs: exact,
deterministic, and fitted within milliseconds when it is first needed. What the labels mean is for its callers.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from coach.ports import Vector

PENALTY = 1.0
WORDS_WEIGHT = 0.8
"""Of the words beside the embedding, both at unit length."""
BUCKETS = 2048


class LinearReader:
    """Fitted on messages with their vectors and labels."""

    def __init__(
        self,
        texts: Sequence[str],
        vectors: Sequence[Vector],
        labels: Sequence[Collection[str]],
        *,
        is_balanced: bool = True,
    ) -> None:
        """`labels` holds the labels of each message; with `is_balanced`, a rare label weighs as much as a common one."""
        self._weights: NDArray[np.float64] = np.zeros((0, 0))
        self.labels = sorted({label for found in labels for label in found})
        if not self.labels:
            return
        wanted = np.array([[float(label in found) for label in self.labels] for found in labels], dtype=np.float64)
        rows = np.stack([_features(text, vector) for text, vector in zip(texts, vectors, strict=True)])
        counts = Counter(label for found in labels for label in found)
        rarity = np.array([max((counts[label] ** -0.5 for label in found), default=0.1) for found in labels])
        weights = rarity / rarity.mean() if is_balanced else np.ones(len(rows))
        # The dual form: there are fewer messages than features.
        kernel = rows @ rows.T + PENALTY * np.diag(1.0 / weights)
        self._weights = rows.T @ np.linalg.solve(kernel, wanted)

    def scores(self, text: str, vector: Vector) -> Mapping[str, float]:
        """About 1 for a label that surely fits, about 0 for one that does not."""
        if not self.labels:
            return {}
        return dict(zip(self.labels, (_features(text, vector) @ self._weights).tolist(), strict=True))


def _features(text: str, vector: Vector) -> NDArray[np.float64]:
    words = re.findall(r"[a-z']+", text.lower().replace("’", "'"))
    counted = np.zeros(BUCKETS)
    for gram in {*words, *(f"{one} {two}" for one, two in pairwise(words))}:
        counted[int.from_bytes(hashlib.blake2b(gram.encode(), digest_size=4).digest(), "big") % BUCKETS] = 1.0
    length = np.linalg.norm(counted) or 1.0
    return np.concatenate([np.asarray(vector, dtype=np.float64), WORDS_WEIGHT * counted / length, [1.0]])
