"""The failures a caller may handle; each message says what happened, with the value, and what to do."""

from __future__ import annotations

from typing import Literal

ModelFault = Literal[
    "refused",
    "unreachable",
    "unauthorised",
    "rate-limited",
    "overloaded",
    "too-slow",
    "stalled",
    "cut-off",
    "malformed",
    "empty",
    "endless",
    "too-long",
    "unknown-model",
    "other",
]
"""In what way a chat model failed; `too-long` is the question, `endless` the answer."""


class CoachError(Exception):
    """Any failure that the coach foresees. Its text is fit to be shown to the user."""


class ConfigurationError(CoachError):
    """A setting is missing, unknown or out of range."""


class KnowledgeError(CoachError):
    """The knowledge files hold faults; the message lists all of them with file and line."""


class PromptError(CoachError):
    """A prompt file is missing or malformed, or its variables are not those it was given."""


class UnreadableDocument(CoachError):
    """A file could not be turned into text."""


class RetrievalFailed(CoachError):
    """Looking things up did not work, so nothing that looks grounded may be said."""


class IndexMismatch(CoachError):
    """The index was built with another embedder and must be rebuilt before it can serve."""


class ModelUnavailable(CoachError):
    """The chat model did not answer as it should.

    Args:
        message: A sentence for the user; never a provider's own text, which may hold a key or the question.
        retry_after_s: How long the provider asks to be left alone, where it says so.
    """

    def __init__(self, message: str, *, kind: ModelFault = "other", retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.kind: ModelFault = kind
        self.retry_after_s = retry_after_s


class NotFound(CoachError):
    """No such record for this owner; also the answer where the record is somebody else's."""


class DataFolderBusy(CoachError):
    """Another process holds the data folder."""


class StorageFailed(CoachError):
    """The data folder cannot be read or written: full, read-only or damaged."""
