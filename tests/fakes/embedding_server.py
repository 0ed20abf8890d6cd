"""Behaviours with which the fake server of `tests.fakes.chat_server` makes embeddings, well or badly."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from tests.fakes.chat_server import MODEL, Behaviour, Exchange
from tests.fakes.word_embedder import WordEmbedder

Rows = list[list[float]]


def embed(change: Callable[[Rows], Sequence[object]] = list) -> Behaviour:
    """Embed by words, twice as long as unit vectors are; `change` spoils the rows."""

    def behave(exchange: Exchange) -> None:
        texts = exchange.received.body["input"]
        rows = [[2 * x for x in row] for row in WordEmbedder().embed_documents(texts_of(texts))]
        rows = [row if any(row) else [1.0, *row[1:]] for row in rows]  # a real one gives no zeros
        data = [{"object": "embedding", "index": n, "embedding": row} for n, row in enumerate(change(rows))]
        whole = {"object": "list", "data": data, "model": MODEL, "usage": {"prompt_tokens": 1, "total_tokens": 1}}
        exchange.whole(200, json.dumps(whole).encode(), "application/json")

    return behave


def texts_of(given: object) -> list[str]:
    """What a request asks to embed, as a list; anything but text is an error of the client."""
    texts = [given] if isinstance(given, str) else given
    assert isinstance(texts, list)
    assert all(isinstance(text, str) for text in texts), texts
    return texts
