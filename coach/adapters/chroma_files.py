"""Takes out of Chroma's files what it leaves in them; to be called only while Chroma is closed.

Which entries are removed, and when, is `coach.adapters.chroma_index`.
"""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing
from pathlib import Path

_HEADER = struct.Struct("<iQQQQ")
"""Of hnswlib's `header.bin`: version, first offset, places, places in use, bytes a place."""


def compact(folder: Path) -> None:
    """Rewrite the database without its free pages, and delete the files of collections that were dropped.

    Raises:
        OSError, sqlite3.Error: The files cannot be read or written.
    """
    with closing(sqlite3.connect(folder / "chroma.sqlite3")) as database:
        database.execute("VACUUM")
        kept = {str(row[0]) for row in database.execute("SELECT id FROM segments")}
    for graph in [path for path in folder.iterdir() if path.is_dir() and path.name not in kept]:
        for file in graph.iterdir():
            file.unlink()
        graph.rmdir()


def blank_unused_places(folder: Path) -> None:
    """Overwrite the unused places of every graph with zeros.

    A new graph's file is written with a hundred places whose memory was never set: whatever the process had there
    before comes onto the disk, and that may be somebody's words.

    Raises:
        OSError: The files cannot be read or written.
    """
    for header in folder.glob("*/header.bin"):
        _, _, _, in_use, place_bytes = _HEADER.unpack_from(header.read_bytes())
        _blank_from(header.with_name("data_level0.bin"), in_use * place_bytes)
        _blank_from(header.with_name("length.bin"), in_use * 4)


def _blank_from(file: Path, start: int) -> None:
    if file.stat().st_size <= start:
        return
    with file.open("r+b") as stream:
        stream.seek(start)
        rest = stream.read()
        if rest.strip(b"\0"):
            stream.seek(start)
            stream.write(bytes(len(rest)))
