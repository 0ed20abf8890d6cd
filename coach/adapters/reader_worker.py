"""The process in which files from outside are parsed: started for one file, held to limits, then gone.

Choosing the format, and sentences for the user, are `coach.adapters.document_readers`, which starts it.
It prints one JSON object: `text` and `speakers`, or `fault` (a `Fault`) and `value`. A parser that breaks on a damaged
file simply ends the process with a status other than 0.
"""

from __future__ import annotations

import json
import re
import sys
import zipfile
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict

if TYPE_CHECKING:
    from docx.oxml.xmlchemy import BaseOxmlElement

Fault = Literal[
    "damaged", "encrypted", "memory", "pages", "no-text", "no-words", "unpacked", "not-word", "encoding", "too-long"
]


class Limits(TypedDict):
    """What the worker keeps to."""

    characters: int
    pages: int
    unpacked_bytes: int
    memory_bytes: int
    time_s: float


class _Refused(Exception):
    def __init__(self, fault: Fault, value: int = 0) -> None:
        super().__init__(fault)
        self.fault = fault
        self.value = value


def main(arguments: list[str]) -> int:
    """`reader_worker FORMAT PATH LIMITS`, the limits as JSON."""
    format, path, limits_json = arguments
    limits: Limits = json.loads(limits_json)
    _hold_to(limits)
    answer: dict[str, object]
    try:
        text, speakers = _READERS[format](Path(path), limits)
        answer = {"text": text, "speakers": speakers}
    except _Refused as refusal:
        answer = {"fault": refusal.fault, "value": refusal.value}
    except MemoryError:
        answer = {"fault": "memory", "value": limits["memory_bytes"]}
    sys.stdout.write(json.dumps(answer))
    return 0


def _hold_to(limits: Limits) -> None:
    """Limit memory and processor time, and write no files, where the platform can hold a process to that."""
    if sys.platform == "win32":
        return
    import resource

    seconds = int(limits["time_s"]) + 5
    wanted = [(resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CPU, seconds)]
    if sys.platform != "darwin":  # which refuses or ignores a limit on address space
        wanted.append((resource.RLIMIT_AS, limits["memory_bytes"]))
    for kind, amount in wanted:
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (amount if hard == resource.RLIM_INFINITY else min(amount, hard), hard))


# PDF

_SHORTEST_MEASURE = 50
_NEVER_CONTINUES = re.compile(r"\s*(?:[-*•–▪◦]|\(?\d{1,3}[.)])\s")


def _read_pdf(path: Path, limits: Limits) -> tuple[str, list[str]]:
    """The text of every page. Lines that were only wrapped to the page's width are joined."""
    import logging

    import pypdf

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    reader = pypdf.PdfReader(path)
    if reader.is_encrypted and not reader.decrypt(""):
        raise _Refused("encrypted")
    count = len(reader.pages)
    if count > limits["pages"]:
        raise _Refused("pages", count)
    pages: list[str] = []
    length = 0
    for page in reader.pages:
        pages.append(_unwrapped(page.extract_text().strip()))
        length += len(pages[-1])
        if length > limits["characters"]:
            raise _Refused("too-long", length)
    text = "\n\n".join(page for page in pages if page)
    if not text and count:
        raise _Refused("no-text", count)
    return text, []


def _unwrapped(page: str) -> str:
    """Join a line that nearly fills the page's width and ends no sentence with the next, unless that is a list item."""
    lines = page.split("\n")
    measure = max(map(len, lines), default=0)
    if measure < _SHORTEST_MEASURE:
        return page
    joined = lines[:1]
    for above, line in pairwise(lines):
        is_full = 4 * len(above) >= 3 * measure
        if (
            is_full
            and not above.rstrip().endswith((".", "!", "?", ":"))
            and not _NEVER_CONTINUES.match(line)
            and line.strip()
        ):
            joined[-1] = f"{joined[-1].rstrip()}{'' if above.rstrip().endswith('-') else ' '}{line.lstrip()}"
        else:
            joined.append(line)
    return "\n".join(joined)


# Word

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_UNSEEN = {
    f"{_W}del",
    f"{_W}moveFrom",
    f"{_W}instrText",
    f"{_W}delText",
    f"{_W}pPr",
    f"{_W}rPr",
    f"{_W}sdtPr",
    _FALLBACK,
}
_MARKS = {f"{_W}tab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n", f"{_W}noBreakHyphen": "-"}
_MAX_PARTS = 10_000
_MAX_DEPTH = 100


def _read_docx(path: Path, limits: Limits) -> tuple[str, list[str]]:
    """The body in its order: headings as `#`, list items as `-`, a table's rows as lines; tracked changes as accepted.

    Headers, footers, footnotes and comments are left out.
    """
    _check_package(path, limits)
    import docx

    document = docx.Document(str(path))
    styles = {style.style_id: str(style.name) for style in document.styles if style.name}
    lines: list[str] = []
    length = 0
    for line in _block_lines(document.element.body, styles, 0):
        lines.append(line)
        length += len(line)
        if length > limits["characters"]:
            raise _Refused("too-long", length)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)), []


def _check_package(path: Path, limits: Limits) -> None:
    """Refuse what would unpack to too much, by the directory and by counting: a directory can lie."""
    with zipfile.ZipFile(path) as package:
        parts = package.infolist()
        total = sum(part.file_size for part in parts)
        if total > limits["unpacked_bytes"] or len(parts) > _MAX_PARTS:
            raise _Refused("unpacked", total)
        if "word/document.xml" not in package.namelist():
            raise _Refused("not-word")
        if any(part.flag_bits & 1 for part in parts):
            raise _Refused("encrypted")
        unpacked = 0
        for part in parts:
            with package.open(part) as stream:
                start = stream.read(4096)
                if part.filename.endswith((".xml", ".rels")) and (b"<!DOCTYPE" in start or b"<!ENTITY" in start):
                    raise _Refused("damaged")  # Word writes neither; entities that nest are a known attack
                unpacked += len(start)
                while block := stream.read(1 << 20):
                    unpacked += len(block)
                    if unpacked > limits["unpacked_bytes"]:
                        raise _Refused("unpacked", unpacked)


def _block_lines(parent: BaseOxmlElement, styles: dict[str, str], depth: int) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        raise _Refused("damaged")
    for element in parent:
        if element.tag == f"{_W}p":
            yield from _paragraph_lines(element, styles)
        elif element.tag == f"{_W}tbl":
            yield ""
            for row in element.iter(f"{_W}tr"):
                if next(row.iterancestors(f"{_W}tbl")) is element:
                    yield f"| {' | '.join(_cells(row, styles, depth))} |"
            yield ""
        elif isinstance(element.tag, str) and element.tag not in _UNSEEN:
            yield from _block_lines(element, styles, depth + 1)


def _cells(row: BaseOxmlElement, styles: dict[str, str], depth: int) -> Iterator[str]:
    for cell in row.iter(f"{_W}tc"):
        if next(cell.iterancestors(f"{_W}tr")) is row:
            yield " ".join(" ".join(_block_lines(cell, styles, depth + 1)).split())


def _paragraph_lines(paragraph: BaseOxmlElement, styles: dict[str, str]) -> Iterator[str]:
    text = "".join(_words(paragraph, 0)).strip()
    if not text:
        yield ""
        return
    style = styles.get(_property(paragraph, "pStyle"), "").lower()
    heading = re.fullmatch(r"heading (\d)", style)
    if heading or style == "title":
        level = min(6, int(heading[1])) if heading else 1
        yield from ("", f"{'#' * level} {' '.join(text.split())}", "")
    elif style.startswith("list ") or paragraph.find(f"{_W}pPr/{_W}numPr") is not None:
        indent = "  " * min(8, int(_property(paragraph, "numPr/ilvl") or 0))
        yield f"{indent}- {' '.join(text.split())}"
    else:
        yield from (text, "")


def _property(paragraph: BaseOxmlElement, path: str) -> str:
    found = paragraph.find("/".join(f"{_W}{step}" for step in ["pPr", *path.split("/")]))
    return str(found.get(f"{_W}val", "")) if found is not None else ""


def _words(element: BaseOxmlElement, depth: int) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        raise _Refused("damaged")
    for child in element:
        if child.tag == f"{_W}t":
            yield child.text or ""
        elif child.tag in _MARKS:
            yield _MARKS[child.tag]
        elif isinstance(child.tag, str) and child.tag not in _UNSEEN:
            yield from _words(child, depth + 1)
            if child.tag == f"{_W}p":
                yield "\n"


# transcripts


def _read_captions(format: Literal["vtt", "srt"], path: Path) -> tuple[str, list[str]]:
    from coach.adapters.caption_files import read_captions
    from coach.domain.plain_text import decoded

    text = decoded(path.read_bytes())
    if text is None:
        raise _Refused("encoding")
    try:
        transcript = read_captions(text, format)
    except ValueError as error:
        raise _Refused("damaged") from error
    if not transcript.text:
        raise _Refused("no-words")
    return transcript.text, list(transcript.speakers)


_READERS: dict[str, Callable[[Path, Limits], tuple[str, list[str]]]] = {
    "pdf": _read_pdf,
    "docx": _read_docx,
    "vtt": lambda path, _: _read_captions("vtt", path),
    "srt": lambda path, _: _read_captions("srt", path),
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
