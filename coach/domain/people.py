"""Who is in the conversation: the owner of the data, the two roles, the person met.

What is known of a person lives in their notes (`coach.domain.notes`), not here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NewType

Role = Literal["mentor", "mentee"]

Owner = NewType("Owner", str)
"""Whose data it is. Every method that touches private data takes one, by keyword, without a default."""

LOCAL_OWNER = Owner("local")
"""The one person who uses an installation on their own machine."""

LIBRARY = Owner("library:")
"""The owner of everything curated. No person can have this id: a person's id holds no colon."""


@dataclass(frozen=True, slots=True)
class Relationship:
    """One mentoring relationship of an owner: the other person's name, and the chair the owner sits in."""

    id: str
    owner: Owner
    name: str
    role: Role | None = None
