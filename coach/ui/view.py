"""What one browser tab has in front of it, and what it asks for: opaque ids and choices, nothing private.

What is behind the ids is looked up for the owner on every call (`coach.ui.chat`, `coach.ui.shelf`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from coach.domain.suggestions import Correction, Dial


@dataclass(frozen=True, slots=True)
class View:
    """One tab of the coach's page."""

    conversation_id: str | None = None
    relationship_id: str | None = None
    """Chosen for a conversation that does not exist yet; an existing one keeps its own in the store."""
    dial: Dial | None = None
    correction: Correction = field(default_factory=Correction)
    door: str | None = None
    cuts: Mapping[str, int] = field(default_factory=dict)
    """Characters shown of a reply that was stopped, by message id."""


class Action(BaseModel):
    """What a button or a picker of the page asks for. Whatever it names is checked against the store."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    do: str = Field(max_length=40)
    id: str = Field(default="", max_length=200)
    text: str = Field(default="", max_length=4_000)
    fields: Mapping[str, str] = Field(default_factory=dict, max_length=8)
    """What stands in the form that was sent, by name."""


def action_in(message: str) -> Action | None:
    """The action in what the browser sent; None where it is none."""
    try:
        return Action.model_validate(json.loads(message))
    except (ValidationError, json.JSONDecodeError, RecursionError):
        return None
