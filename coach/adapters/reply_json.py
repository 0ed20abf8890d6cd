"""A reply as the JSON that is stored with its message, and back.

Where it is stored is `coach.adapters.sql_store`; the JSON that commands print is `coach.cli`'s own.
"""

from __future__ import annotations

import functools

from pydantic import TypeAdapter, ValidationError

from coach.domain.conversation import Reply


def dump(reply: Reply) -> str:
    """The whole reply."""
    return _adapter().dump_json(reply).decode()


def load(stored: str) -> Reply | None:
    """The reply that `dump` wrote; None where another version wrote it and its parts have changed since.

    Parts that are gone are passed over, and new ones take their defaults.
    """
    try:
        return _adapter().validate_json(stored)
    except ValidationError:
        return None


@functools.cache
def _adapter() -> TypeAdapter[Reply]:
    return TypeAdapter(Reply)
