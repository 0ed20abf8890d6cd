"""What others would use: LangChain's default retrieval pipeline, and exact search by brute force.

Both are baselines: nothing here is tuned. What they are compared with is `evals.benchmark` and the retrieval evals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from langchain_core.documents import Document
    from langchain_core.embeddings import Embeddings
    from numpy.typing import NDArray

CHUNK_SIZE = 1000
CHUNK_OVERLAP = 200
TOP_K = 4
"""The three numbers of LangChain's own retrieval tutorial."""
MOST_AT_ONCE = 5_000
"""Chunks that Chroma is given in one call; it refuses more than 5,461."""


class LangChainDefault:
    """RecursiveCharacterTextSplitter 1000/200, the given embeddings, and Chroma with its defaults.

    Args:
        folder: Where Chroma keeps its files; a folder that holds some is opened.
        embeddings: The coach's own, so that only the pipeline differs.
    """

    def __init__(self, folder: Path, embeddings: Embeddings) -> None:
        from langchain_chroma import Chroma
        from langchain_text_splitters import RecursiveCharacterTextSplitter

        self._splitter = RecursiveCharacterTextSplitter(chunk_size=CHUNK_SIZE, chunk_overlap=CHUNK_OVERLAP)
        self._chroma = Chroma(embedding_function=embeddings, persist_directory=str(folder))

    def add(self, texts: Sequence[str], metadatas: Sequence[Mapping[str, str]]) -> int:
        """Split, embed and store; returns how many chunks that made."""
        documents = self._splitter.create_documents(list(texts), [dict(metadata) for metadata in metadatas])
        for start in range(0, len(documents), MOST_AT_ONCE):
            self._chroma.add_documents(documents[start : start + MOST_AT_ONCE])
        return len(documents)

    def search(self, query: str, *, top_k: int = TOP_K, limit: Mapping[str, str] | None = None) -> list[Document]:
        """The best chunks, the tutorial's four unless told, of those whose metadata say what `limit` says."""
        return self._chroma.similarity_search(query, k=top_k, filter=dict(limit) if limit else None)

    def search_vector(self, vector: Sequence[float], *, owner: str) -> list[Document]:
        """The best four chunks whose metadata names this owner, for a query that was embedded before."""
        return self._chroma.similarity_search_by_vector(list(vector), k=TOP_K, filter={"owner": owner})


class ExactSearch:
    """Every vector of an owner compared with the query, in one matrix in memory: what no index can beat in quality.

    Args:
        matrix: Unit vectors, (n, dimension).
        owners: Whose each one is, as a number, (n,).
    """

    def __init__(self, matrix: NDArray[np.float32], owners: NDArray[np.int32]) -> None:
        self._matrix = matrix
        self._owners = owners

    def search(self, vector: NDArray[np.float32], *, owner: int, top_k: int) -> list[int]:
        """Rows of the owner's nearest vectors, best first."""
        import numpy as np

        rows = np.flatnonzero(self._owners == owner)
        scores = self._matrix[rows] @ vector
        best = np.argsort(-scores, kind="stable")[:top_k]
        return [int(row) for row in rows[best]]
