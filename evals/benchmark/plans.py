"""How large, how often and where a run of the benchmark measures.

The scenarios that follow a plan are in the modules named after them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ALL_SIZES = (1_000, 10_000, 100_000, 1_000_000)
QUICK_SIZES = (1_000, 10_000)


@dataclass(frozen=True, slots=True)
class Plan:
    """Counts of one run; everything it writes lies in `scratch`, which is deleted at the end."""

    scratch: Path
    sizes: tuple[int, ...] = ALL_SIZES
    starts: int = 7
    first_starts: int = 3
    ingest_rounds: int = 10
    chunks_per_round: int = 240
    """A multiple of a long note's 60."""
    searches: int = 300
    turns: int = 240
    turn_chunks: int = 10_000
    embedded_up_to: int = 10_000
    """Stores up to this many chunks are embedded for real; larger ones get synthetic vectors."""
    centres: int = 500
    """Chunks around whose real vectors the synthetic ones lie."""
    is_quick: bool = False


def quick(scratch: Path, sizes: tuple[int, ...]) -> Plan:
    """A run of about a minute: fewer repetitions, and no store embedded for real."""
    return Plan(
        scratch,
        sizes,
        starts=1,
        first_starts=1,
        ingest_rounds=1,
        chunks_per_round=60,
        searches=60,
        turns=48,
        embedded_up_to=0,
        centres=50,
        is_quick=True,
    )
