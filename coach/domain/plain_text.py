"""Makes any text fit to be stored: line ends, control characters and the like.

Reading files into text is `coach.adapters.document_readers`.
"""

from __future__ import annotations

import re

MAX_CHARACTERS = 2_000_000
"""Of one note."""

_LINE_END = re.compile("\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_UNSTORABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufeff\ud800-\udfff]")


def cleaned(text: str) -> str:
    """The text with `\\n` as its only line end, without control characters, marks of byte order, lone surrogates, and
    white space at either end."""
    return _UNSTORABLE.sub("", _LINE_END.sub("\n", text)).strip()
