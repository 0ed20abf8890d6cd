"""A linear reader: learns from labelled messages which labels a new message deserves.

Ridge regression, one label against the rest, on the embedding of a message, its hashed words and word pairs, and the plain
signs that its caller looks for: exact and deterministic. What labels and signs mean is for its callers.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from coach.ports import Vector

PENALTY = 2.0
WORDS_WEIGHT = 0.8
"""Of the words beside the embedding, both at unit length."""
SIGN_WEIGHT = 0.3
"""Of one sign (dev: role 0.93 with them, 0.87 without; left-out writers: intent 0.74 against 0.72)."""
BUCKETS = 16_384
_COMMON = 64
"""Examples from which a word's share of the kernel is cheaper as a column of a matrix than pair by pair."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Message:
    """A text with its embedding and with the signs that were found in it."""

    text: str
    vector: Vector
    signs: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class LinearReader:
    """Fitted weights. `dense` is (embedding + signs + 1, labels), `words` is (`BUCKETS`, labels)."""

    labels: tuple[str, ...]
    dense: Floats
    words: Floats

    def scores(self, message: Message) -> Mapping[str, float]:
        """About 1 for a label that surely fits, about 0 for one that does not."""
        if not self.labels:
            return {}
        buckets = _buckets(message.text)
        scores = _dense(message) @ self.dense
        if len(buckets):
            scores = scores + _word_value(buckets) * self.words[buckets].sum(axis=0)
        return dict(zip(self.labels, scores.tolist(), strict=True))


class Examples:
    """Messages to learn from; what any two of them have in common is worked out once for all that is learnt."""

    def __init__(self, messages: Sequence[Message]) -> None:
        """Every message has as many signs as the others."""
        self._dense: Floats = (
            np.stack([_dense(message) for message in messages]) if messages else np.zeros((0, 1), np.float32)
        )
        self._buckets = [_buckets(message.text) for message in messages]
        self._values = np.array([_word_value(found) for found in self._buckets], dtype=np.float32)
        self._kernel = self._dense @ self._dense.T + self._word_kernel()

    def reader(self, labels: Mapping[int, Collection[str]], *, power: float = 0.5) -> LinearReader:
        """A reader for these labels.

        Args:
            labels: By place among the examples; only those are learnt from. An empty collection teaches that none fits.
            power: How much more an example of a rare label weighs: by its count to the minus `power`.
        """
        places = np.array(sorted(labels), dtype=np.int64)
        names = sorted({label for found in labels.values() for label in found})
        if not names:
            return LinearReader((), np.zeros((0, 0), np.float32), np.zeros((0, 0), np.float32))
        wanted = np.array([[float(name in labels[int(place)]) for name in names] for place in places], dtype=np.float32)
        counts = Counter(label for found in labels.values() for label in found)
        rarity = np.array([max((counts[label] ** -power for label in labels[int(p)]), default=0.1) for p in places])
        # The dual form: there are fewer messages than features.
        kernel = self._kernel[np.ix_(places, places)] + np.diag(PENALTY * rarity.mean() / rarity).astype(np.float32)
        pulls = np.linalg.solve(kernel, wanted)
        words = np.zeros((BUCKETS, len(names)), dtype=np.float32)
        for place, pull in zip(places, pulls, strict=True):
            words[self._buckets[place]] += self._values[place] * pull
        return LinearReader(tuple(names), (self._dense[places].T @ pulls).astype(np.float32), words)

    def _word_kernel(self) -> Floats:
        """Inner products of the words of any two messages: (messages, messages)."""
        size = len(self._buckets)
        holders: dict[int, list[int]] = {}
        for place, found in enumerate(self._buckets):
            for bucket in found.tolist():
                holders.setdefault(bucket, []).append(place)
        common = [places for places in holders.values() if len(places) >= _COMMON]
        columns = np.zeros((size, len(common)), dtype=np.float32)
        for column, places in enumerate(common):
            columns[places, column] = 1.0
        shared = columns @ columns.T
        pairs = [np.array(places) for places in holders.values() if len(places) < _COMMON]
        flat = [(places[:, None] * size + places[None, :]).ravel() for places in pairs]
        if flat:
            shared += np.bincount(np.concatenate(flat), minlength=size * size).reshape(size, size).astype(np.float32)
        kernel: Floats = self._values[:, None] * shared * self._values[None, :]
        return kernel


def _dense(message: Message) -> Floats:
    signs = SIGN_WEIGHT * np.asarray(message.signs, dtype=np.float32)
    return np.concatenate([np.asarray(message.vector, dtype=np.float32), signs, np.ones(1, np.float32)])


def _buckets(text: str) -> NDArray[np.int64]:
    words = re.findall(r"[a-z']+", text.lower().replace("’", "'"))
    grams = {*words, *(f"{one} {two}" for one, two in pairwise(words))}
    return np.array(sorted({_bucket(gram) for gram in grams}), dtype=np.int64)


def _word_value(buckets: NDArray[np.int64]) -> float:
    """Of each word, so that all together are `WORDS_WEIGHT` long."""
    return float(WORDS_WEIGHT / np.sqrt(max(1, len(buckets))))


@lru_cache(maxsize=65_536)
def _bucket(gram: str) -> int:
    return int.from_bytes(hashlib.blake2b(gram.encode(), digest_size=4).digest(), "big") % BUCKETS
