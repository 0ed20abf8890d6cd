"""How many tokens a text takes in a model: counted by tiktoken where that is possible offline, else estimated.

Nothing is ever downloaded for it. Packing texts into a model's window is `coach.services.token_budget`.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tiktoken import Encoding

SAFETY_FACTOR = 1.25
"""Of the estimate, for what the bundled tokenizer reads as it stands.

Measured on pieces of 1,200 characters. Against cl100k_base the truth was 0.73 of the estimate over 1,485 of English
prose (0.82 in the worst) and 0.60 over 602 of program code (0.88); against a small model's vocabulary of 49,152 it was
0.78 (0.96) and 0.68 (0.92). Of other scripts every byte is counted, which no tokenizer of bytes exceeds: 1.0 (Amharic)
to 3.8 (Russian) times the truth.
"""

_FILES = {
    "cl100k_base": (
        "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    ),
    "o200k_base": (
        "fb374d419588a4632f3f557e76b4b70aebbca790",
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    ),
}
"""Name in tiktoken's cache, and sha256, of what each encoding is read from. A file of another content is downloaded again."""
_SAME_FILE = {"o200k_harmony": "o200k_base"}

_TYPOGRAPHIC = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "."})
_NOT_PLAIN = re.compile(r"[^\x20-\x7e]")
_CAPITALS_OR_DIGITS = re.compile(r"[A-Z0-9]{4,}")
"""The bundled tokenizer reads small letters, and whole numbers as words."""
_LONG = re.compile(r"[A-Za-z0-9]{40,}")
"""From a hundred characters on, the bundled tokenizer takes a word for one unknown token."""
_SPACES = re.compile(r" {2,}")


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """Counts tokens as one model does. Any number of threads may use it.

    `name` says in a few words how it counts, for the page; `is_exact` is False for an estimate.
    """

    name: str
    is_exact: bool
    _count: Callable[[str], int]

    @classmethod
    def of(cls, model: str, *, bundled: Callable[[str], int] | None = None) -> TokenCounts:
        """The counts of a model, given with its provider or without; an encoding takes 0.3 s to load.

        Args:
            bundled: `count_tokens` of an embedder that is loaded already; else one is loaded at the first estimate.
        """
        encoding = _encoding_of(model)
        if encoding is None:
            return cls(f"estimated, ×{SAFETY_FACTOR:g}", False, _Estimate(bundled or _bundled_counter()))
        return cls(f"tiktoken {encoding.name.removesuffix('_offline')}", True, _counter(encoding))

    def count(self, text: str) -> int:
        """Tokens of a text, without what a server puts around a message."""
        return self._count(text) if text else 0


def _bundled_counter() -> Callable[[str], int]:
    from coach.adapters.minilm import MiniLM

    return MiniLM().count_tokens


def _counter(encoding: Encoding) -> Callable[[str], int]:
    def count(text: str) -> int:
        # Ordinary: what looks like a control token in somebody's text is text.
        return len(encoding.encode_ordinary(text))

    return count


@dataclass(frozen=True, slots=True)
class _Estimate:
    """The bundled tokenizer's count with a margin, and the length of what it passes over or takes for one token."""

    bundled: Callable[[str], int]

    def __call__(self, text: str) -> int:
        text = text.encode("utf-8", "replace").decode().translate(_TYPOGRAPHIC)
        foreign = sum(len(character.encode()) for character in _NOT_PLAIN.findall(text))
        text = _NOT_PLAIN.sub(" ", text)
        long = sum(len(word) for word in _LONG.findall(text))
        text = _LONG.sub(" ", text)
        capitals = sum(len(word) for word in _CAPITALS_OR_DIGITS.findall(text))
        text = _CAPITALS_OR_DIGITS.sub(" ", text)
        spaces = sum(1 + len(run) // 32 for run in _SPACES.findall(text))
        return foreign + long + math.ceil(capitals / 2) + spaces + math.ceil(SAFETY_FACTOR * self.bundled(text))


def _encoding_of(model: str) -> Encoding | None:
    """The model's encoding, where it is known and everything it is made from lies on this machine."""
    name = _encoding_name(model)
    if name is None:
        return None
    import tiktoken

    try:
        if _is_cached(name):
            return tiktoken.get_encoding(name)
        # A plugin brings its file along.
        if f"{name}_offline" in tiktoken.list_encoding_names():
            return tiktoken.get_encoding(f"{name}_offline")
    except (OSError, ValueError):
        return None  # a file that went away or is damaged
    return None


def _encoding_name(model: str) -> str | None:
    from tiktoken.model import encoding_name_for_model

    for name in (model, model.partition(":")[2], model.rpartition("/")[2]):
        try:
            return encoding_name_for_model(name)
        except KeyError:
            continue
    return None


def _is_cached(name: str) -> bool:
    """Whether tiktoken will find the file: it looks in one folder, and asks the network for what is missing or damaged."""
    file = _FILES.get(_SAME_FILE.get(name, name))
    folder = os.environ.get("TIKTOKEN_CACHE_DIR", os.environ.get("DATA_GYM_CACHE_DIR"))
    if folder is None:
        folder = str(Path(tempfile.gettempdir(), "data-gym-cache"))
    if file is None or not folder:
        return False
    cached, sha256 = file
    try:
        return hashlib.sha256(Path(folder, cached).read_bytes()).hexdigest() == sha256
    except OSError:
        return False
