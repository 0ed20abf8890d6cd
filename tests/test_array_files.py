"""Arrays that are kept in files, and in the fake: what was saved comes back, and whatever cannot be trusted is none."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from coach.adapters.array_files import ArrayFiles
from coach.ports import ArrayStore
from tests.fakes.memory_arrays import MemoryArrays

ARRAYS: Mapping[str, NDArray[np.generic]] = {
    "role-labels": np.array(["mentee", "mentor"], dtype=np.str_),
    "role-dense": np.arange(6, dtype=np.float32).reshape(3, 2),
    "role-words": np.zeros((4, 2), dtype=np.float32),
}


@pytest.fixture(params=["files", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ArrayStore:
    return ArrayFiles(tmp_path / "readers") if request.param == "files" else MemoryArrays()


def assert_same(found: Mapping[str, NDArray[np.generic]] | None) -> None:
    assert found is not None
    assert set(found) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)


def test_what_was_saved_comes_back_with_its_shape_and_kind(store: ArrayStore) -> None:
    store.save("situations", "d1", ARRAYS)
    assert_same(store.load("situations", "d1"))


def test_nothing_is_found_where_nothing_was_saved(store: ArrayStore) -> None:
    assert store.load("situations", "d1") is None


def test_arrays_that_were_made_from_something_else_are_none(store: ArrayStore) -> None:
    store.save("situations", "d1", ARRAYS)
    assert store.load("situations", "d2") is None
    assert store.load("situations", "") is None


def test_the_later_arrays_take_the_place_of_the_earlier_ones(store: ArrayStore) -> None:
    store.save("situations", "d1", {"old": np.zeros(2)})
    store.save("situations", "d2", ARRAYS)
    assert store.load("situations", "d1") is None
    assert_same(store.load("situations", "d2"))


def test_names_are_kept_apart(store: ArrayStore) -> None:
    store.save("situations", "d1", ARRAYS)
    store.save("alarms", "d1", {"other": np.ones(1)})
    assert_same(store.load("situations", "d1"))
    assert store.load("threads", "d1") is None


def test_no_arrays_at_all_are_arrays_too(store: ArrayStore) -> None:
    store.save("situations", "d1", {})
    assert store.load("situations", "d1") == {}


def test_another_process_finds_what_this_one_saved(tmp_path: Path) -> None:
    ArrayFiles(tmp_path / "readers").save("situations", "d1", ARRAYS)
    assert_same(ArrayFiles(tmp_path / "readers").load("situations", "d1"))


def test_the_folder_is_readable_by_its_owner_only_and_holds_no_drafts(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "readers"
    ArrayFiles(folder).save("situations", "d1", ARRAYS)
    assert folder.stat().st_mode & 0o077 == 0
    assert [path.name for path in folder.iterdir()] == ["situations.npz"]


@pytest.mark.parametrize(
    "damaged",
    [b"", b"not an archive", b"PK\x03\x04 nor is this one", b"\x93NUMPY\x01\x00v\x00{'descr': '<f4'"],
    ids=["empty", "text", "beginning of an archive", "beginning of an array"],
)
def test_a_file_that_cannot_be_read_is_none_and_is_made_anew(
    damaged: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = ArrayFiles(tmp_path)
    (tmp_path / "situations.npz").write_bytes(damaged)
    with caplog.at_level(logging.WARNING):
        assert store.load("situations", "d1") is None
    assert "situations.npz" in caplog.text
    store.save("situations", "d1", ARRAYS)
    assert_same(store.load("situations", "d1"))


def test_a_file_that_was_cut_short_is_none(tmp_path: Path) -> None:
    store = ArrayFiles(tmp_path)
    store.save("situations", "d1", ARRAYS)
    path = tmp_path / "situations.npz"
    whole = path.read_bytes()
    for length in range(0, len(whole), 29):
        path.write_bytes(whole[:length])
        assert store.load("situations", "d1") is None


def test_a_missing_file_is_no_news(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert ArrayFiles(tmp_path / "missing").load("situations", "d1") is None
    assert caplog.text == ""


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(min_value=0), bits=st.integers(min_value=1, max_value=255))
def test_a_byte_that_went_wrong_is_never_an_error(place: int, bits: int, tmp_path: Path) -> None:
    store, path = ArrayFiles(tmp_path), tmp_path / "situations.npz"
    store.save("situations", "d1", ARRAYS)
    damaged = bytearray(path.read_bytes())
    damaged[place % len(damaged)] ^= bits
    path.write_bytes(damaged)
    found = store.load("situations", "d1")
    assert found is None or set(found) <= set(ARRAYS)


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    np.savez(tmp_path / "situations.npz", digest=np.array("d1"), labels=np.array([{"a": 1}], dtype=object))
    assert ArrayFiles(tmp_path).load("situations", "d1") is None


def test_where_nothing_can_be_kept_nothing_breaks(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "readers").write_text("a file where the folder should be", encoding="utf-8")
    store = ArrayFiles(tmp_path / "readers")
    with caplog.at_level(logging.WARNING):
        store.save("situations", "d1", ARRAYS)
        assert store.load("situations", "d1") is None
    assert "situations was not kept" in caplog.text


def test_what_is_logged_names_neither_the_person_nor_their_folder(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "situations.npz").write_bytes(b"damaged")
    with caplog.at_level(logging.DEBUG):
        ArrayFiles(tmp_path).load("situations", "d1")
    assert str(tmp_path) not in caplog.text
