"""Fits what a model is shown into its window: the most valuable texts, and a conversation with its past condensed.

Counting tokens is `coach.adapters.token_counts`; which texts there are, and what they are worth, is for the caller.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from coach.domain.conversation import Speaker
from coach.domain.errors import CoachError
from coach.domain.wording import shortened

REQUIRED = math.inf
"""The value of what must be shown."""
MESSAGE_TOKENS = 8
"""What a server puts around one message: its role and the marks of its beginning and end (4 to 7 in common formats)."""
VERBATIM_MESSAGES = 8
"""Of the past, that are shown word for word where they fit."""
EARLIER_SHARE = 1 / 3
"""Of the room for the past, that messages word for word leave to the condensed ones."""

_LINE_CHARACTERS = 160
_QUESTION_CHARACTERS = 110
_CITED_TITLES = 3
_QUESTION = re.compile(r"[^.!?\n]*\?")
_MARKUP = re.compile(r"\[\d{1,3}\]|[*_#>`]+|^\s*(?:[-•]|\d{1,2}[.)])\s+", re.MULTILINE)


class WindowTooSmall(CoachError):
    """What must be shown to the model is longer than it can read."""


@dataclass(frozen=True, slots=True)
class Item:
    """A text that may be shown. `value` compares items with each other; `group` names what kind it is, for the meter."""

    text: str
    value: float
    tokens: int
    group: str


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a conversation, with the titles of what it cites."""

    speaker: Speaker
    text: str
    cited: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Condensed:
    """A conversation's past as it is shown: lines on its earlier part, then the messages that are kept word for word."""

    earlier: str
    recent: tuple[Said, ...]
    left_out: int
    tokens: int


def pack(items: Sequence[Item], *, budget: int) -> list[Item]:
    """The items to show, in the order in which they are given, never over the budget.

    Required ones are in; then the most valuable per token that still fit, the earlier one first where two are equal.
    What has no value is left out.

    Raises:
        WindowTooSmall: The required ones alone do not fit.
    """
    chosen = {place for place, item in enumerate(items) if item.value == REQUIRED}
    left = budget - sum(items[place].tokens for place in chosen)
    if left < 0:
        raise WindowTooSmall(
            f"The message and its instructions take {budget - left:,} tokens, and there is room for {budget:,}."
            " Shorten the message, or choose a model with a larger window."
        )
    worth = [place for place, item in enumerate(items) if 0 < item.value < REQUIRED]
    for place in sorted(worth, key=lambda place: (-_density(items[place]), place)):
        if items[place].tokens <= left:
            chosen.add(place)
            left -= items[place].tokens
    return [items[place] for place in sorted(chosen)]


def _density(item: Item) -> float:
    return item.value / item.tokens if item.tokens > 0 else math.inf


def condensed(
    messages: Sequence[Said],
    *,
    budget: int,
    count: Callable[[str], int],
    verbatim: int = VERBATIM_MESSAGES,
) -> Condensed:
    """The past of a conversation, oldest first, within a budget of tokens.

    The last messages stay word for word as far as they fit and leave room for the rest; of each older one a line tells
    what was asked and what was cited. Where even the lines are too many, the oldest give way to one that counts them.
    """
    lines = _Lines(messages, count)
    older = max(0, len(messages) - verbatim)
    room = budget - lines.size_of_last(older, limit=int(budget * EARLIER_SHARE))
    first, used = len(messages), 0
    while first > older:
        tokens = count(messages[first - 1].text) + MESSAGE_TOKENS
        if used + tokens > room:
            break
        first, used = first - 1, used + tokens
    earlier, left_out, tokens = lines.fitted(first, budget=budget - used)
    return Condensed(earlier, tuple(messages[first:]), left_out, used + tokens)


class _Lines:
    """The line for each message, made and counted when it is asked for: what is left out costs nothing."""

    def __init__(self, messages: Sequence[Said], count: Callable[[str], int]) -> None:
        self._messages = messages
        self._count = count
        self._made: dict[int, tuple[str, int]] = {}

    def _line(self, place: int) -> tuple[str, int]:
        if place not in self._made:
            line = _line(self._messages[place])
            self._made[place] = line, self._count(line) + 1
        return self._made[place]

    def size_of_last(self, end: int, *, limit: int) -> int:
        """Tokens of the lines before `end`, or the limit where they are more."""
        size = 0
        while end and size < limit:
            end -= 1
            size += self._line(end)[1]
        return min(size, limit)

    def fitted(self, end: int, *, budget: int) -> tuple[str, int, int]:
        """As many of the last lines before `end` as fit, how many were left out, and the tokens of the whole."""
        start, left = end, budget - self._count(_left_out(end))
        while start and left >= self._line(start - 1)[1]:
            start -= 1
            left -= self._line(start)[1]
        # Joined, lines can take a few tokens more than apart: the sum says where to begin, the count decides.
        for left_out in range(start, end + 1):
            head = [_left_out(left_out)] if left_out else []
            text = "\n".join([*head, *(self._line(place)[0] for place in range(left_out, end))])
            tokens = self._count(text)
            if tokens <= budget:
                return text, left_out, tokens
        return "", end, 0


def _left_out(number: int) -> str:
    return f"({number} earlier {'message is' if number == 1 else 'messages are'} left out.)"


def _line(message: Said) -> str:
    text = _MARKUP.sub("", message.text)
    if message.speaker == "user":
        said = _on_one_line(text, limit=_LINE_CHARACTERS)
        questions = [question for question in _questions(text) if question not in said]
        parts = [f"User: {said}", *questions[-1:]]
    else:
        questions = _questions(text)
        parts = (
            ["Coach asked: " + " ".join(questions[-2:])]
            if questions
            else [f"Coach: {_on_one_line(text, limit=_LINE_CHARACTERS)}"]
        )
    if message.cited:
        titles = [_on_one_line(title, limit=_QUESTION_CHARACTERS) for title in dict.fromkeys(message.cited)]
        parts.append(f"(cited: {'; '.join(titles[:_CITED_TITLES])})")
    return " ".join(parts)


def _questions(text: str) -> list[str]:
    """The questions in a text; of a long one its end, which is where the question stands."""
    found = (" ".join(question.split()) for question in _QUESTION.findall(text))
    return [
        question if len(question) <= _QUESTION_CHARACTERS else f"…{question[-_QUESTION_CHARACTERS:].partition(' ')[2]}"
        for question in found
        if len(question) > 1
    ]


def _on_one_line(text: str, *, limit: int) -> str:
    return shortened(" ".join(text.split()), limit=limit)
