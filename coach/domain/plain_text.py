"""Makes any text fit to be stored: its encoding, line ends, control characters and the like.

Reading files into text is `coach.adapters.document_readers`.
"""

from __future__ import annotations

import codecs
import re

MAX_CHARACTERS = 2_000_000
"""Of one note."""

_LINE_END = re.compile("\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_UNSTORABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufeff\ud800-\udfff]")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def cleaned(text: str) -> str:
    """The text with `\\n` as its only line end, without control characters, marks of byte order, lone surrogates, and
    white space at either end."""
    return _UNSTORABLE.sub("", _LINE_END.sub("\n", text)).strip()


def decoded(data: bytes) -> str | None:
    """Text from bytes in UTF-8, UTF-16, UTF-32 or Windows-1252; None where they are none of these.

    Windows-1252 gives a character for nearly every byte, so it is believed only where its characters beyond ASCII are
    few, as in a Western European language: Cyrillic or Japanese in another encoding is refused, not turned into noise.
    UTF-8 in which fewer bytes are broken than characters whole keeps a replacement character for each fault.
    """
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), None) or _unmarked_utf_16(data) or "utf-8"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        if encoding != "utf-8":
            return None
    damaged = data.decode("utf-8", "replace")
    faults = damaged.count("\ufffd")
    if sum(not character.isascii() for character in damaged) >= 2 * faults:
        return damaged
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        return None
    letters = sum(character.isalpha() for character in text)
    foreign = sum(not character.isascii() for character in text)
    return text if "\0" not in text and 5 * foreign <= letters + 5 else None


def _unmarked_utf_16(data: bytes) -> str | None:
    """Western text in UTF-16 has a zero in nearly every second byte."""
    start = data[:2000]
    if len(start) < 4 or len(data) % 2:
        return None
    odd, even = start[1::2].count(0) / len(start[1::2]), start[::2].count(0) / len(start[::2])
    if odd > 0.7 and even < 0.1:
        return "utf-16-le"
    return "utf-16-be" if even > 0.7 and odd < 0.1 else None
