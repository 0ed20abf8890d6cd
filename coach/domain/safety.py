"""Safety: the decisions that a message can call for before any coaching.

Judging a message is `coach.services.safety`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SafetyKind = Literal["crisis", "abuse", "harassment", "medical-legal", "safeguarding", "out-of-scope"]
About = Literal["self", "other"]


@dataclass(frozen=True, slots=True)
class SafetyDecision:
    """Why a turn was not coached; `reason` is a plain clause for the user and the log, without their words."""

    decision: SafetyKind
    reason: str
