"""The contract of a VectorIndex, held against Chroma (folder, memory, server) and the fake; then Chroma's own."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from coach.adapters.chroma_client import server_address
from coach.adapters.chroma_index import BUCKETS, ChromaIndex
from coach.domain.errors import ConfigurationError, IndexMismatch, RetrievalFailed, StorageFailed
from coach.domain.people import LIBRARY, Owner
from coach.ports import EmbedderIdentity, EntryKind, IndexEntry, Scope, Vector
from tests.fakes.memory_index import MemoryVectorIndex, passes

DIMENSION = 8
IDENTITY = EmbedderIdentity("tiny", DIMENSION, "a" * 64)
ANNA, BEN = Owner("anna"), Owner("ben")
DAY = date(2024, 3, 1)

Index = ChromaIndex | MemoryVectorIndex


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Chroma server on this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Path(sys.executable).parent / "chroma"
    folder = tmp_path_factory.mktemp("server")
    process = subprocess.Popen(
        [program, "run", "--host", "127.0.0.1", "--port", str(port), "--path", folder],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await_server(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(params=["fake", "memory", "folder", "server"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Index]:
    if request.param == "fake":
        yield MemoryVectorIndex(IDENTITY)
        return
    if request.param == "folder":
        made = ChromaIndex.embedded(tmp_path / "vectors")
    elif request.param == "server":
        made = ChromaIndex.on_server(request.getfixturevalue("server"))
    else:
        made = ChromaIndex.in_memory()
    made.reset(IDENTITY)
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "vectors"


@pytest.fixture
def embedded(folder: Path) -> Iterator[ChromaIndex]:
    made = ChromaIndex.embedded(folder)
    made.reset(IDENTITY)
    yield made
    made.close()


def axis(number: int, dimension: int = DIMENSION) -> list[float]:
    return [1.0 if place == number else 0.0 for place in range(dimension)]


def unit(numbers: random.Random, dimension: int = DIMENSION) -> list[float]:
    vector = np.asarray([numbers.gauss(0, 1) for _ in range(dimension)], dtype=np.float32)
    return [float(x) for x in vector / np.linalg.norm(vector)]


def note(id_: str, owner: Owner = ANNA, **fields: object) -> IndexEntry:
    return IndexEntry(id_, owner, "note", **fields)  # type: ignore[arg-type]


def search(
    index: Index, vector: Vector, *, owner: Owner = ANNA, kind: EntryKind = "note", **more: object
) -> dict[str, float]:
    return index.search(vector, owner=owner, kind=kind, **{"top_k": 10, **more})  # type: ignore[arg-type]


def test_the_nearest_entries_come_first_with_their_cosine(index: Index) -> None:
    index.upsert([note("near"), note("far"), note("between")], [axis(0), axis(1), [0.6, 0.8, 0, 0, 0, 0, 0, 0]])

    found = search(index, axis(0))

    assert list(found) == ["near", "between", "far"]
    assert list(found.values()) == pytest.approx([1.0, 0.6, 0.0], abs=1e-5)


def test_no_more_than_top_k_are_found(index: Index) -> None:
    index.upsert([note(str(n)) for n in range(6)], [axis(n) for n in range(6)])

    assert list(search(index, axis(3), top_k=1)) == ["3"]
    assert search(index, axis(3), top_k=0) == {}


def test_an_index_without_entries_finds_nothing(index: Index) -> None:
    assert search(index, axis(0)) == {}
    assert index.digests(owner=ANNA, kind="note") == {}
    assert index.vectors(["a"], owner=ANNA, kind="note") == {}
    index.remove(["a"], owner=ANNA, kind="note")


def test_an_entry_that_comes_again_replaces_what_it_was(index: Index) -> None:
    index.upsert([note("a", digest="old", relationship_id="priya", date=DAY, note_id="n1")], [axis(0)])
    index.upsert([note("a", digest="new")], [axis(1)])

    assert index.digests(owner=ANNA, kind="note") == {"a": "new"}
    assert search(index, axis(1)) == pytest.approx({"a": 1.0})
    for scope in (Scope(relationship_id="priya"), Scope(since=DAY), Scope(note_id="n1")):
        assert search(index, axis(1), scope=scope) == {}


def test_the_last_of_two_entries_with_one_id_wins(index: Index) -> None:
    index.upsert([note("a", digest="first"), note("a", digest="second")], [axis(0), axis(1)])

    assert index.digests(owner=ANNA, kind="note") == {"a": "second"}
    assert index.vectors(["a"], owner=ANNA, kind="note")["a"] == pytest.approx(axis(1))


def test_what_is_removed_is_gone_and_unknown_ids_are_no_error(index: Index) -> None:
    index.upsert([note("a"), note("b")], [axis(0), axis(1)])

    index.remove(["a", "never there", "a"], owner=ANNA, kind="note")

    assert list(search(index, axis(0))) == ["b"]
    assert set(index.digests(owner=ANNA, kind="note")) == {"b"}
    index.upsert([note("a")], [axis(2)])
    assert index.vectors(["a"], owner=ANNA, kind="note")["a"] == pytest.approx(axis(2))


def test_the_last_entry_can_be_removed_and_another_take_its_place(index: Index) -> None:
    index.upsert([note("a")], [axis(0)])
    index.remove(["a"], owner=ANNA, kind="note")
    assert search(index, axis(0)) == {}

    index.upsert([note("b")], [axis(1)])
    assert search(index, axis(1)) == pytest.approx({"b": 1.0})


def test_stored_vectors_come_back_by_id(index: Index) -> None:
    numbers = random.Random(1)
    vectors = [unit(numbers) for _ in range(5)]
    index.upsert([note(str(n)) for n in range(5)], vectors)

    stored = index.vectors(["3", "1", "missing", "1"], owner=ANNA, kind="note")

    assert set(stored) == {"1", "3"}
    assert list(stored["3"]) == pytest.approx(vectors[3], abs=1e-6)


def test_another_owner_sees_and_changes_nothing_even_with_the_same_ids(index: Index) -> None:
    index.upsert([note("shared", digest="anna's"), note("hers")], [axis(0), axis(1)])
    index.upsert([note("shared", BEN, digest="ben's")], [axis(0)])

    assert search(index, axis(0), owner=BEN) == pytest.approx({"shared": 1.0})
    assert index.digests(owner=BEN, kind="note") == {"shared": "ben's"}
    assert index.vectors(["hers"], owner=BEN, kind="note") == {}
    index.remove(["shared", "hers"], owner=BEN, kind="note")
    assert index.digests(owner=ANNA, kind="note") == {"shared": "anna's", "hers": ""}
    assert list(search(index, axis(0))) == ["shared", "hers"]


def test_an_owner_whose_entries_are_far_is_still_found_among_many_of_another(index: Index) -> None:
    anna, other = _two_owners_of_one_collection()
    numbers = random.Random(2)
    near = [[0.99, *(0.05 * x for x in unit(numbers)[1:])] for _ in range(60)]
    index.upsert([note(str(n), other) for n in range(60)], [_normalised(vector) for vector in near])
    index.upsert([note("far", anna)], [axis(1)])

    assert list(search(index, axis(0), owner=anna, top_k=5)) == ["far"]
    assert len(search(index, axis(0), owner=other, top_k=5)) == 5


def test_kinds_are_kept_apart(index: Index) -> None:
    entries = [IndexEntry("same", LIBRARY, "card", "c"), IndexEntry("same", LIBRARY, "question", "q")]
    index.upsert(entries, [axis(0), axis(1)])

    assert search(index, axis(0), owner=LIBRARY, kind="card") == pytest.approx({"same": 1.0})
    index.remove(["same"], owner=LIBRARY, kind="card")
    assert index.digests(owner=LIBRARY, kind="card") == {}
    assert index.digests(owner=LIBRARY, kind="question") == {"same": "q"}


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (Scope(), {"early", "late", "undated", "other"}),
        (Scope(relationship_id="priya"), {"early", "late", "undated"}),
        (Scope(since=DAY), {"late", "other"}),
        (Scope(until=DAY), {"early", "other"}),
        (Scope(since=DAY, until=DAY), {"other"}),
        (Scope(note_id="n1"), {"early"}),
        (Scope(relationship_id="priya", since=DAY), {"late"}),
        (Scope(relationship_id="nobody"), set()),
    ],
)
def test_a_scope_limits_what_is_found_and_its_days_are_inclusive(
    index: Index, scope: Scope, expected: set[str]
) -> None:
    entries = [
        note("early", relationship_id="priya", date=DAY - timedelta(1), note_id="n1"),
        note("late", relationship_id="priya", date=DAY + timedelta(1), note_id="n2"),
        note("undated", relationship_id="priya", note_id="n2"),
        note("other", relationship_id="omar", date=DAY, note_id="n3"),
    ]
    index.upsert(entries, [axis(n) for n in range(4)])

    assert set(search(index, axis(0), scope=scope)) == expected


def test_a_filtered_search_agrees_with_comparing_every_vector(index: Index) -> None:
    numbers = random.Random(3)
    owners = (ANNA, BEN, *_two_owners_of_one_collection())
    entries = [
        note(
            str(n),
            numbers.choice(owners),
            relationship_id=numbers.choice(["priya", "omar", None]),
            date=numbers.choice([DAY + timedelta(numbers.randrange(10)), None]),
        )
        for n in range(150)
    ]
    vectors = [unit(numbers) for _ in entries]
    index.upsert(entries, vectors)
    for _ in range(12):
        query, owner = unit(numbers), numbers.choice(owners)
        scope = numbers.choice([Scope(), Scope(relationship_id="priya"), Scope(since=DAY + timedelta(5))])
        scores = {
            entry.id: float(np.dot(query, vector))
            for entry, vector in zip(entries, vectors, strict=True)
            if entry.owner == owner and passes(entry, scope)
        }
        best = dict(sorted(scores.items(), key=lambda item: -item[1])[:5])
        assert search(index, query, owner=owner, scope=scope, top_k=5) == pytest.approx(best, abs=1e-5)


def test_vectors_of_another_length_are_refused(index: Index) -> None:
    index.upsert([note("a")], [axis(0)])

    with pytest.raises(IndexMismatch):
        index.upsert([note("b")], [axis(0, 3)])
    with pytest.raises(IndexMismatch):
        search(index, axis(0, 3))
    assert set(index.digests(owner=ANNA, kind="note")) == {"a"}


def test_an_index_made_with_another_embedder_refuses_until_it_is_reset(index: Index) -> None:
    other = EmbedderIdentity("other", 3, "b" * 64)
    index.upsert([note("a"), IndexEntry("c", LIBRARY, "card")], [axis(0), axis(1)])
    index.check(IDENTITY)
    with pytest.raises(IndexMismatch):
        index.check(other)

    index.reset(other)

    assert index.identity() == other
    index.check(other)
    assert index.digests(owner=ANNA, kind="note") == {}
    index.upsert([note("a")], [axis(0, 3)])
    assert search(index, axis(0, 3)) == pytest.approx({"a": 1.0})


# Chroma's own


def test_a_new_index_has_no_embedder_and_takes_no_vectors_yet(folder: Path) -> None:
    index = ChromaIndex.embedded(folder)

    assert index.identity() is None
    index.check(IDENTITY)
    with pytest.raises(IndexMismatch):
        index.upsert([note("a")], [axis(0)])
    index.close()


def test_everything_is_there_again_after_closing(embedded: ChromaIndex, folder: Path) -> None:
    embedded.upsert([note("a", digest="d")], [axis(0)])
    embedded.close()

    again = ChromaIndex.embedded(folder)
    assert again.identity() == IDENTITY
    assert again.digests(owner=ANNA, kind="note") == {"a": "d"}
    again.close()


@pytest.mark.parametrize("count", [20, 2300])
def test_a_removed_entry_leaves_no_trace_in_any_file(embedded: ChromaIndex, folder: Path, count: int) -> None:
    """2,300 entries are more than the graph's file is written for at once, and some stay in the log."""
    numbers = random.Random(4)
    vectors = [unit(numbers) for _ in range(count)]
    entries = [
        note(f"chunk-{n:04d}-end", digest=f"digest-{n:04d}", relationship_id=f"with-{n:04d}") for n in range(count)
    ]
    embedded.upsert(entries, vectors)
    gone = [5, 7, count - 1]
    assert _traces(folder, vectors[gone[0]], "chunk-0005-end")

    embedded.remove([entries[n].id for n in gone], owner=ANNA, kind="note")

    for n in gone:
        assert not _traces(folder, vectors[n], f"chunk-{n:04d}-end", f"digest-{n:04d}", f"with-{n:04d}")
    assert _traces(folder, vectors[6], "chunk-0006-end")
    assert set(embedded.digests(owner=ANNA, kind="note")) == {e.id for e in entries} - {entries[n].id for n in gone}
    assert next(iter(search(embedded, vectors[6]))) == entries[6].id


def test_searches_go_on_while_entries_are_removed(embedded: ChromaIndex) -> None:
    numbers = random.Random(7)
    embedded.upsert([note(str(n)) for n in range(60)], [unit(numbers) for _ in range(60)])
    embedded.upsert([note("kept", BEN)], [axis(0)])

    with ThreadPoolExecutor(3) as pool:
        found = [pool.submit(search, embedded, axis(0), owner=BEN) for _ in range(60)]
        for n in range(0, 20, 5):
            embedded.remove([str(k) for k in range(n, n + 5)], owner=ANNA, kind="note")

    assert all(one.result() == pytest.approx({"kept": 1.0}) for one in found)
    assert set(embedded.digests(owner=ANNA, kind="note")) == {str(n) for n in range(20, 60)}


def test_no_stray_memory_comes_onto_the_disk(embedded: ChromaIndex, folder: Path) -> None:
    embedded.upsert([note(str(n)) for n in range(5)], [axis(n) for n in range(5)])
    embedded.close()
    graph = next(folder.glob("*/data_level0.bin"))
    stray = graph.read_bytes()[:-40] + b"words from the memory of the process...."
    graph.write_bytes(stray)

    assert set(search(embedded, axis(0))) == {str(n) for n in range(5)}
    assert b"memory of the process" not in graph.read_bytes()
    embedded.close()
    assert not graph.read_bytes().strip(b"\0")
    embedded.upsert([note("another")], [axis(7)])
    assert next(iter(search(embedded, axis(7)))) == "another"


def test_a_reset_leaves_no_trace_in_any_file(embedded: ChromaIndex, folder: Path) -> None:
    numbers = random.Random(5)
    vectors = [unit(numbers) for _ in range(1200)]
    embedded.upsert([note(f"chunk-{n:04d}-end") for n in range(1200)], vectors)

    embedded.reset(IDENTITY)

    assert not _traces(folder, vectors[5], "chunk-0005-end")
    assert [path.name for path in folder.iterdir()] == ["chroma.sqlite3"]


def test_a_reset_on_a_shared_server_leaves_other_collections_alone() -> None:
    from coach.adapters.chroma_client import memory_client

    client = memory_client()
    client.get_or_create_collection("somebody-elses", embedding_function=None)
    index = ChromaIndex.in_memory()
    index.reset(IDENTITY)

    names = {collection.name for collection in client.list_collections()}

    assert "somebody-elses" in names
    client.delete_collection("somebody-elses")
    index.close()
    client.close()


def test_more_entries_than_chroma_takes_at_once_are_split(embedded: ChromaIndex) -> None:
    numbers = random.Random(6)
    count = 6000
    embedded.upsert([note(str(n)) for n in range(count)], [unit(numbers) for _ in range(count)])

    assert len(embedded.digests(owner=ANNA, kind="note")) == count


def test_no_text_is_stored(embedded: ChromaIndex, folder: Path) -> None:
    from coach.adapters.chroma_client import embedded_client

    embedded.upsert([note("a", digest="d", relationship_id="r", date=DAY, note_id="n")], [axis(0)])
    embedded.close()
    client = embedded_client(folder)
    stored = [collection.get(include=["documents", "metadatas"]) for collection in client.list_collections()]
    client.close()

    rows = [row for found in stored for row in found["metadatas"] or ()]
    assert rows == [{"owner": "anna", "relationship": "r", "note": "n", "day": DAY.toordinal(), "digest": "d"}]
    assert all(document is None for found in stored for document in found["documents"] or ())


def test_a_damaged_folder_is_a_failure_in_plain_words(folder: Path) -> None:
    folder.mkdir()
    (folder / "chroma.sqlite3").write_bytes(b"not a database" * 500)
    index = ChromaIndex.embedded(folder)

    with pytest.raises(StorageFailed, match="could not be opened"):
        index.identity()


def test_a_damaged_index_fails_a_search_and_does_not_answer_nothing(embedded: ChromaIndex, folder: Path) -> None:
    embedded.upsert([note("a")], [axis(0)])
    embedded.close()
    (folder / "chroma.sqlite3").write_bytes(b"not a database" * 500)

    with pytest.raises(RetrievalFailed, match="could not be searched"):
        search(embedded, axis(0))


def test_a_server_that_does_not_answer_is_a_failure_in_plain_words() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    index = ChromaIndex.on_server(f"http://127.0.0.1:{port}")

    with pytest.raises(RetrievalFailed, match="no Chroma server answers"):
        search(index, axis(0))


@pytest.mark.parametrize(
    "address", ["", "localhost", "ftp://x", "http://", "http://x:port", "http://x:1/path", "http://[x"]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ConfigurationError, match="COACH_CHROMA_URL"):
        ChromaIndex.on_server(address)


def test_an_address_gives_host_port_and_encryption() -> None:
    assert server_address("http://127.0.0.1") == ("127.0.0.1", 8000, False)
    assert server_address("https://chroma.example:9/") == ("chroma.example", 9, True)
    assert server_address("https://chroma.example") == ("chroma.example", 443, True)


def test_neither_a_dotenv_file_nor_bare_environment_names_are_read(tmp_path: Path) -> None:
    """A malformed value would stop Chroma from being imported, were it read."""
    (tmp_path / ".env").write_text("MIGRATIONS=perhaps\nALLOW_RESET=true\nANONYMIZED_TELEMETRY=true\n")
    program = (
        "from pathlib import Path; from coach.adapters.chroma_client import embedded_client;"
        "s = embedded_client(Path('vectors')).get_settings();"
        "print(s.allow_reset, s.anonymized_telemetry, s.is_persistent, s.chroma_otel_collection_endpoint == '')"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parent.parent),
        "CHROMA_SERVER_NOFILE": "many",
        "CHROMA_OTEL_COLLECTION_ENDPOINT": "http://127.0.0.1:9",
        "CHROMA_OTEL_GRANULARITY": "all",
    }

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )

    assert done.stdout.split() == ["False", "False", "True", "True"], done.stderr


def _await_server(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the Chroma server did not start")


def _two_owners_of_one_collection() -> tuple[Owner, Owner]:
    from coach.adapters.chroma_index import collection_name

    first = Owner("owner-0")
    others = (Owner(f"owner-{n}") for n in range(1, BUCKETS * 50))
    return first, next(owner for owner in others if collection_name(owner, "note") == collection_name(first, "note"))


def _normalised(vector: list[float]) -> list[float]:
    return [float(x) for x in np.asarray(vector) / np.linalg.norm(vector)]


def _traces(folder: Path, vector: Vector, *words: str) -> list[str]:
    """Files that hold one of the words, or the vector as 32-bit floats, give or take Chroma's rounding."""
    wanted = np.asarray(vector, dtype=np.float32)
    found = []
    for path in sorted(file for file in folder.rglob("*") if file.is_file()):
        data = path.read_bytes()
        found += [path.name for word in words if word.encode() in data]
        for shift in range(4):
            floats = np.frombuffer(data[shift : shift + (len(data) - shift) // 4 * 4], dtype="<f4")
            if len(floats) < len(wanted):
                continue
            with np.errstate(all="ignore"):
                starts = np.flatnonzero(np.abs(floats[: len(floats) - len(wanted) + 1] - wanted[0]) < 1e-6)
                found += [path.name for at in starts if np.allclose(floats[at : at + len(wanted)], wanted, atol=1e-5)]
    return found
