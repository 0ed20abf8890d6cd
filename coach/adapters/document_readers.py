"""Turns a file, or pasted text, into a `Document`: text fit to be stored, and what it says about itself.

Files from outside are parsed in a process of their own (`coach.adapters.reader_worker`); reading title, date and the
other person is `coach.domain.note_details`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from coach.domain.errors import UnreadableDocument
from coach.domain.note_details import details_of
from coach.domain.notes import Document, NoteFormat
from coach.domain.plain_text import MAX_CHARACTERS, cleaned, decoded
from coach.domain.transcripts import transcript_speakers

SUPPORTED = (".md", ".markdown", ".txt", ".text", ".docx", ".pdf", ".vtt", ".srt")
"""Extensions of the files that can be read."""

_FORMAT_BY_EXTENSION: dict[str, NoteFormat] = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "text",
    ".text": "text",
    "": "text",
    ".docx": "docx",
    ".pdf": "pdf",
    ".vtt": "vtt",
    ".srt": "srt",
}
_WHAT_CAN_BE_READ = "Notes can be Markdown, plain text, Word (.docx), PDF, or a transcript (.vtt, .srt)"
_SRT = re.compile(r"\s*\d+[ \t]*\n\s*\d+:\d{1,2}:\d{1,2}[,.]\d+\s*-->")
_CONTROL_BYTES = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """How much of a file is taken on."""

    file_bytes: int = 25 * 1024 * 1024
    characters: int = MAX_CHARACTERS
    pages: int = 1_000
    unpacked_bytes: int = 200 * 1024 * 1024
    memory_bytes: int = 1024 * 1024 * 1024
    time_s: float = 30.0


def documents_in(path: Path) -> list[Path]:
    """The file itself, or all supported files of a folder and the folders in it, sorted.

    Hidden files, Word's lock files and linked folders are passed over.

    Raises:
        UnreadableDocument: There is nothing there.
    """
    if not path.exists():
        raise UnreadableDocument(f"{_shown(path.name)} was not found. It may have been moved or renamed.")
    return list(_walk(path)) if path.is_dir() else [path]


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            file = Path(place, name)
            if not name.startswith((".", "~$")) and file.suffix.lower() in SUPPORTED and file.is_file():
                yield file


def read_document(
    path: Path,
    *,
    limits: ReadLimits | None = None,
    known_names: Sequence[str] = (),
    own_name: str | None = None,
    today: date | None = None,
) -> Document:
    """Read a file. Its content decides on the format, then its extension.

    Args:
        known_names: People the owner has a relationship with.
        own_name: The owner's name, to be told from the other person's.
        today: From which dates without a year are read; default: today.

    Raises:
        UnreadableDocument: With a sentence that says what is wrong and what to do. It holds the file's name, and
            neither its folder nor anything that it contains.
    """
    limits = limits or ReadLimits()
    name = _shown(path.name)
    data = _content(path, name, limits)
    format = _format_of(data, path.suffix.lower(), name)
    if format in ("markdown", "text"):
        text = decoded(data)
        if text is None:
            raise UnreadableDocument(
                f"{name} is in an unknown text encoding. Save it as UTF-8 text, then add it again."
            )
        speakers = transcript_speakers(text)
    else:
        text, speakers = _parsed_apart(path, format, name, limits)
    return _document(text, path.name, name, format, speakers, limits, known_names, own_name, today)


def read_text(
    text: str,
    *,
    file_name: str = "",
    limits: ReadLimits | None = None,
    known_names: Sequence[str] = (),
    own_name: str | None = None,
    today: date | None = None,
) -> Document:
    """Pasted text as a document; a pasted transcript file is read as one. Arguments as for `read_document`.

    Raises:
        UnreadableDocument: The text is empty or too long.
    """
    limits = limits or ReadLimits()
    speakers: tuple[str, ...] | None = None
    name = _shown(file_name) if file_name else "The text"
    captions = _caption_format(text[:1000])
    if captions and len(text) <= limits.characters:
        from coach.adapters.caption_files import read_captions

        try:
            transcript = read_captions(cleaned(text), captions)
        except ValueError:
            captions = None
        else:
            text, speakers = transcript.text, transcript.speakers
    if speakers is None:
        speakers = transcript_speakers(text)
    return _document(text, file_name, name, "pasted", speakers, limits, known_names, own_name, today)


def _document(
    text: str,
    file_name: str,
    name: str,
    format: NoteFormat,
    speakers: Sequence[str],
    limits: ReadLimits,
    known_names: Sequence[str],
    own_name: str | None,
    today: date | None,
) -> Document:
    if len(text) > limits.characters:
        raise UnreadableDocument(_too_long(name, limits))
    text = cleaned(text)
    if not text:
        raise UnreadableDocument(f"{name} is empty. Write something into it, then add it again.")
    details = details_of(
        text,
        cleaned(file_name),
        today=today or date.today(),
        known_names=known_names,
        own_name=own_name,
        speakers=speakers,
    )
    return Document(text, details.title, details.date, details.counterpart, format, tuple(speakers))


def _content(path: Path, name: str, limits: ReadLimits) -> bytes:
    try:
        if path.is_dir():
            raise UnreadableDocument(f"{name} is a folder. Choose the files in it.")
        if path.exists() and not path.is_file():
            raise UnreadableDocument(f"{name} is not a file with text in it. {_WHAT_CAN_BE_READ}.")
        with path.open("rb") as file:
            data = file.read(limits.file_bytes + 1)
    except FileNotFoundError as error:
        raise UnreadableDocument(f"{name} was not found. It may have been moved or renamed.") from error
    except OSError as error:
        raise UnreadableDocument(f"{name} cannot be opened: {(error.strerror or 'unknown error').lower()}.") from error
    if len(data) > limits.file_bytes:
        raise UnreadableDocument(
            f"{name} is larger than {limits.file_bytes / 2**20:.0f} MB, the most that can be read. Add only its text."
        )
    if not data.strip():
        raise UnreadableDocument(f"{name} is empty. Write something into it, then add it again.")
    return data


# which format


def _format_of(data: bytes, extension: str, name: str) -> NoteFormat:
    by_content = _format_by_content(data, extension)
    if by_content:
        return by_content
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise UnreadableDocument(
            f"{name} is a Word file of the old kind, or locked with a password."
            " Save it as .docx without a password, then add it again."
        )
    if extension not in _FORMAT_BY_EXTENSION or data.startswith(b"{\\rtf"):
        raise UnreadableDocument(f"{name} is of a kind that cannot be read. {_WHAT_CAN_BE_READ}.")
    format = _FORMAT_BY_EXTENSION[extension]
    if format in ("markdown", "text"):
        if _is_binary(data):
            raise UnreadableDocument(f"{name} is called a text file but holds something else. {_WHAT_CAN_BE_READ}.")
        return format
    kind = {"docx": "a Word document", "pdf": "a PDF", "vtt": "a WebVTT transcript", "srt": "an SRT transcript"}[format]
    raise UnreadableDocument(
        f"{name} is called {kind} by its name but is none inside. Save or download it again, then add the new file."
    )


def _format_by_content(data: bytes, extension: str) -> NoteFormat | None:
    # Readers accept up to a kilobyte of anything before a PDF's first mark; a text that speaks of it is no PDF.
    if data.lstrip().startswith(b"%PDF-") or (extension == ".pdf" and b"%PDF-" in data[:1024]):
        return "pdf"
    if data.startswith(b"PK\x03\x04"):
        return "docx"
    return _caption_format(decoded(data[:1000]) or "")


def _caption_format(start: str) -> Literal["vtt", "srt"] | None:
    start = start.lstrip("\ufeff \t\r\n").replace("\r\n", "\n").replace("\r", "\n")
    if re.match(r"WEBVTT(?:\s|$)", start):
        return "vtt"
    return "srt" if _SRT.match(start) else None


def _is_binary(data: bytes) -> bool:
    start = data[:4000]
    text = decoded(start[: len(start) // 4 * 4])
    if text is not None and "\0" not in text:
        return False
    return len(_CONTROL_BYTES.findall(start)) > 8 + len(start) // 50


# the process apart


def _parsed_apart(path: Path, format: NoteFormat, name: str, limits: ReadLimits) -> tuple[str, tuple[str, ...]]:
    own_limits = {
        "characters": limits.characters,
        "pages": limits.pages,
        "unpacked_bytes": limits.unpacked_bytes,
        "memory_bytes": limits.memory_bytes,
        "time_s": limits.time_s,
    }
    command = [sys.executable, "-P", "-m", "coach.adapters.reader_worker"]
    try:
        process = subprocess.run(
            [*command, format, str(path.absolute()), json.dumps(own_limits)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=_bare_environment(),
            timeout=limits.time_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise UnreadableDocument(
            f"{name} took longer than {limits.time_s:g} seconds to read and was given up. Add its text instead."
        ) from error
    except OSError as error:
        raise UnreadableDocument(f"{name} could not be read: no process could be started for it. Try again.") from error
    if process.returncode != 0:
        if not path.exists():
            raise UnreadableDocument(f"{name} was not found. It may have been moved or renamed.")
        raise UnreadableDocument(_sentence("damaged", 0, name, limits))
    answer = json.loads(process.stdout)
    if "fault" in answer:
        raise UnreadableDocument(_sentence(answer["fault"], answer["value"], name, limits))
    return answer["text"], tuple(answer["speakers"])


def _bare_environment() -> dict[str, str]:
    """What the interpreter needs, and none of the settings: a parser that was taken over must find no key."""
    kept = ("PATH", "SYSTEMROOT", "TEMP", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
    packages = str(Path(__file__).resolve().parents[2])
    return {
        **{key: os.environ[key] for key in kept if key in os.environ},
        "PYTHONPATH": packages,
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _sentence(fault: str, value: int, name: str, limits: ReadLimits) -> str:
    again = "Save or download it again, then add the new file"
    sentences = {
        "damaged": f"{name} is damaged and cannot be read. {again}, or paste its text.",
        "encrypted": f"{name} is locked with a password. Save a copy without one, then add that.",
        "memory": f"{name} needs more memory than is allowed for one file. Add its text instead.",
        "pages": f"{name} has {value:,} pages and {limits.pages:,} is the most. Split it, or add only its notes.",
        "no-text": f"{name} holds no text, perhaps only pictures of it. Paste its text, or run text recognition.",
        "no-words": f"{name} is a transcript in which nobody says anything. Check that it is the right file.",
        "unpacked": f"{name} unpacks to more than {limits.unpacked_bytes / 2**20:.0f} MB. Add only its text.",
        "not-word": f"{name} is not a Word document. {_WHAT_CAN_BE_READ}.",
        "encoding": f"{name} is in an unknown text encoding. Save it as UTF-8 text, then add it again.",
        "too-long": _too_long(name, limits),
    }
    return sentences[fault]


def _too_long(name: str, limits: ReadLimits) -> str:
    return f"{name} has more than {limits.characters:,} characters, the most of one note. Split it into several notes."


def _shown(name: str) -> str:
    """A file name that is safe in a sentence."""
    plain = " ".join(cleaned(name).split())
    return f"{plain[:60]}…" if len(plain) > 60 else plain or "The file"
