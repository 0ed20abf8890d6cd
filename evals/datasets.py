"""Reads data sets: rows of JSON lines, and BEIR folders. Every fault is one sentence with file and line.

What the rows mean is with the task that reads them, in `evals.tasks`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date as Day
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evals.grammar import Dataset, Load, Sample, Split

DATA = Path(__file__).parent / "data"
MAX_ROWS = 200_000
"""Of a file: more would not be solved within a day."""

RowT = TypeVar("RowT", bound=BaseModel)
SampleT = TypeVar("SampleT", bound=Sample)


_GRADE = re.compile(r"-?[0-9]{1,4}")


class DatasetError(Exception):
    """The data cannot be used; the message names file and line."""


def own(pattern: str, kind: type[SampleT]) -> Load[SampleT]:
    """Loads `evals/data/PATTERN` for a split, or the file that is given instead."""

    def load(split: Split, data: Path | None) -> Dataset[SampleT]:
        path = data or DATA / pattern.format(split=split)
        if data is None and not path.exists():
            return Dataset((), "")
        return Dataset(read_samples(path, kind), digest_of([path]))

    return load


def read_samples(
    path: Path, kind: type[SampleT], *, fault_in: Callable[[SampleT], str] = lambda _: ""
) -> list[SampleT]:
    """The samples of a JSONL file, in its order.

    Args:
        fault_in: What is wrong with a row beyond its schema, as an id that nothing has; empty where nothing is.

    Raises:
        DatasetError: The file is missing or empty, a row is not what it should be, or an id comes twice.
    """
    samples: list[SampleT] = []
    seen: dict[str, int] = {}
    for number, row in read_rows(path, kind):
        if row.id in seen:
            raise DatasetError(f"{path}, line {number}: the id {row.id!r} stands on line {seen[row.id]} already")
        if fault := fault_in(row):
            raise DatasetError(f"{path}, line {number}: {fault}")
        seen[row.id] = number
        samples.append(row)
    if not samples:
        raise DatasetError(f"{path} holds no rows")
    return samples


def read_rows(path: Path, kind: type[RowT]) -> Iterator[tuple[int, RowT]]:
    """Line numbers and rows of a JSONL file. Raises DatasetError."""
    for number, line in _lines(path):
        try:
            yield number, kind.model_validate_json(line)
        except ValidationError as error:
            raise DatasetError(f"{path}, line {number}: {_fault(error)}") from error


class Document(BaseModel):
    """A document of a BEIR corpus."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    id: str = Field(alias="_id", min_length=1)
    title: str = ""
    text: str
    date: Day | None = None


class _Query(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field(alias="_id", min_length=1)
    text: str = Field(min_length=1)


class Query(Sample):
    """A query with its graded judgements, by document id: 0 not relevant, more is better."""

    text: str = Field(min_length=1)
    relevant: Mapping[str, int]
    scope: str = ""
    """The relationship that is asked about, where the search is limited to one."""


@dataclass(frozen=True, slots=True)
class Beir:
    """What a BEIR folder holds."""

    documents: tuple[Document, ...]
    queries: tuple[Query, ...]


def read_beir(folder: Path) -> Beir:
    """A folder with `corpus.jsonl`, `queries.jsonl` and `qrels/test.tsv`; queries without judgements are left out.

    Raises:
        DatasetError: A file is missing, a row is not what it should be, a text is empty, an id comes twice or is unknown.
    """
    corpus_file, queries_file, qrels_file = (
        folder / "corpus.jsonl",
        folder / "queries.jsonl",
        folder / "qrels" / "test.tsv",
    )
    for file in (corpus_file, queries_file, qrels_file):
        if not file.is_file():
            raise DatasetError(f"{file} is missing; a BEIR folder has corpus.jsonl, queries.jsonl and qrels/test.tsv")
    documents: dict[str, Document] = {}
    for number, document in read_rows(corpus_file, Document):
        if document.id in documents:
            raise DatasetError(f"{corpus_file}, line {number}: the _id {document.id!r} comes twice")
        if not document.text.strip():
            raise DatasetError(f"{corpus_file}, line {number}: the text is empty")
        documents[document.id] = document
    texts: dict[str, str] = {}
    for number, query in read_rows(queries_file, _Query):
        if query.id in texts:
            raise DatasetError(f"{queries_file}, line {number}: the _id {query.id!r} comes twice")
        if not query.text.strip():
            raise DatasetError(f"{queries_file}, line {number}: the text is empty")
        texts[query.id] = query.text
    judgements = _judgements(qrels_file, documents.keys(), texts.keys())
    if not judgements:
        raise DatasetError(f"{qrels_file} holds no judgements")
    queries = tuple(
        Query(id=query_id, text=text, relevant=judgements[query_id])
        for query_id, text in texts.items()
        if query_id in judgements
    )
    return Beir(tuple(documents.values()), queries)


def _judgements(path: Path, documents: object, queries: object) -> dict[str, dict[str, int]]:
    assert hasattr(documents, "__contains__")
    assert hasattr(queries, "__contains__")
    found: dict[str, dict[str, int]] = {}
    for number, line in _lines(path):
        cells = line.rstrip("\n").split("\t")
        if number == 1 and not _GRADE.fullmatch(cells[-1].strip()):
            continue  # the heading
        if len(cells) != 3:
            raise DatasetError(f"{path}, line {number}: {len(cells)} columns; it takes query id, document id and grade")
        query_id, document_id, grade = (cell.strip() for cell in cells)
        if query_id not in queries:
            raise DatasetError(f"{path}, line {number}: the query {query_id!r} is not in queries.jsonl")
        if document_id not in documents:
            raise DatasetError(f"{path}, line {number}: the document {document_id!r} is not in corpus.jsonl")
        if not _GRADE.fullmatch(grade):
            raise DatasetError(f"{path}, line {number}: the grade {grade!r} is not a whole number")
        if document_id in found.get(query_id, {}):
            raise DatasetError(f"{path}, line {number}: query {query_id!r} has a grade for {document_id!r} already")
        found.setdefault(query_id, {})[document_id] = int(grade)
    return found


def digest_of(paths: list[Path]) -> str:
    """SHA-256 over the files' bytes, shortened to 16 hex digits."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open("rb") as file:
            for number, read in enumerate(file, start=1):
                if number > MAX_ROWS:
                    raise DatasetError(f"{path}, line {number}: more than {MAX_ROWS:,} rows; cut it into parts")
                line = _decoded(read, path, number)
                if line.strip():
                    yield number, line
    except FileNotFoundError as error:
        raise DatasetError(f"{path} is missing") from error
    except IsADirectoryError as error:
        raise DatasetError(f"{path} is a folder; this task takes a file of JSON lines") from error
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror})") from error


def _decoded(line: bytes, path: Path, number: int) -> str:
    try:
        return line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}, line {number}: not UTF-8 text") from error


def _fault(error: ValidationError) -> str:
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return f"not JSON ({first['ctx']['error']})"
    place = ".".join(str(part) for part in first["loc"]) or "the row"
    message = first["msg"].removeprefix("Value error, ")
    return f"{place}: {message[:1].lower()}{message[1:]}"
