"""Identifiers of the wider world, by their own rules: ISBN, DOI, address.

Whether what they name exists was looked up when an entry was written (`confirmed_in`).
"""

from __future__ import annotations

import re

_DOI = re.compile(r"10\.\d{4,9}/\S+")
_ADDRESS = re.compile(r"https?://[^\s/]+\.[^\s/]+(?:/\S*)?")
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def is_record_id(text: str) -> bool:
    """Lower-case words and numbers joined by hyphens."""
    return _ID.fullmatch(text) is not None


def is_doi(text: str) -> bool:
    """The bare identifier, without an address before it."""
    return _DOI.fullmatch(text) is not None


def is_address(text: str) -> bool:
    """A web address with a host."""
    return _ADDRESS.fullmatch(text) is not None


def is_isbn(text: str) -> bool:
    """An ISBN-10 or ISBN-13 whose check digit holds; hyphens and spaces are passed over."""
    digits = text.replace("-", "").replace(" ", "").upper()
    if re.fullmatch(r"97[89]\d{10}", digits):
        return sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits)) % 10 == 0
    if re.fullmatch(r"\d{9}[\dX]", digits):
        values = [10 if digit == "X" else int(digit) for digit in digits]
        return sum((10 - place) * value for place, value in enumerate(values)) % 11 == 0
    return False
