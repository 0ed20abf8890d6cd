"""Dates as people write them at the top of notes and in file names.

Only dates that say a day and a month are read; "next Friday" and "12/10" are not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)"
)
_WEEKDAY = r"(?:(?P<weekday>mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?\.?,?[ _-]+(?:the[ _])?)?"
_DAY = r"(?P<day>0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_ANY_YEAR = r"(?P<year>\d{4})"
_TIME_FOLLOWS = r"(?![\d:]|\.\d)"

_ISO = re.compile(rf"(?<!\d){_YEAR}(?P<sep>[-_./ ])(?P<month>0?[1-9]|1[0-2])(?P=sep){_DAY}(?!\d)")
_COMPACT = re.compile(rf"(?<!\d){_YEAR}(?P<month>0[1-9]|1[0-2])(?P<day>0[1-9]|[12]\d|3[01])(?!\d)")
_SPELLED = re.compile(
    rf"(?<![^\W_]){_WEEKDAY}{_DAY}(?:[ _.-]{{0,2}}|[ _]of[ _]){_MONTH}(?![^\W\d_])\.?(?:,?[ _-]{{0,2}}{_ANY_YEAR}(?!\d))?",
    re.IGNORECASE,
)
_AMERICAN = re.compile(
    rf"(?<![^\W_])(?<!\bin ){_WEEKDAY}{_MONTH}(?![^\W\d_])\.?[ _-]{{0,2}}{_DAY}{_TIME_FOLLOWS}(?![^\W_])"
    rf"(?:,?[ _-]{{1,2}}{_ANY_YEAR}(?!\d))?",
    re.IGNORECASE,
)
_NUMERIC = re.compile(
    r"(?<![\d/.-])(?P<first>\d{1,2})(?P<sep>[/.-])(?P<second>\d{1,2})(?P=sep)(?P<year>(?:19|20)\d\d|\d\d)(?![\d/]|[.-]\d)"
)


@dataclass(frozen=True, slots=True)
class Plausible:
    """Days on which a session can have been, as seen from `today`: from 1990 to a year ahead."""

    today: date

    def accepts(self, day: date) -> bool:
        return date(1990, 1, 1) <= day <= self.today + timedelta(days=366)


@dataclass(frozen=True, slots=True)
class WrittenDate:
    """A date and where it stands."""

    day: date
    start: int
    end: int


def date_in(text: str, plausible: Plausible, *, is_file_name: bool = False) -> WrittenDate | None:
    """The first plausible date of a line; ISO dates win over others.

    12/10/2026 is read as in Britain, day first, unless that is no date. A day without a year is the latest such day
    that is not in the future; a weekday beside it has to agree and may then point ahead.

    Args:
        is_file_name: Also read eight digits in a row, as recorders write them.
    """
    patterns: list[tuple[re.Pattern[str], Callable[[re.Match[str], Plausible], date | None]]] = [
        (_ISO, _with_year),
        *([(_COMPACT, _with_year)] if is_file_name else []),
        (_SPELLED, _with_month_name),
        (_AMERICAN, _with_month_name),
        (_NUMERIC, _numeric),
    ]
    for pattern, read in patterns:
        for match in pattern.finditer(text[:500]):
            day = read(match, plausible)
            if day and plausible.accepts(day):
                return WrittenDate(day, match.start(), match.end())
    return None


def without_dates(text: str) -> str:
    """A file name without its dates."""
    for pattern in (_ISO, _COMPACT, _SPELLED, _AMERICAN, _NUMERIC):
        text = pattern.sub(" ", text)
    return text


def _with_year(match: re.Match[str], plausible: Plausible) -> date | None:
    return _day(int(match["year"]), int(match["month"]), int(match["day"]))


def _with_month_name(match: re.Match[str], plausible: Plausible) -> date | None:
    if match["month"] in ("may", "march", "mar") and match.re is _AMERICAN and not match["year"]:
        return None  # "she may 2 times a week": a verb, not a month
    month = _MONTHS.index(match["month"][:3].lower()) + 1
    if match["year"]:
        return _day(int(match["year"]), month, int(match["day"]))
    weekday = _WEEKDAYS.index(match["weekday"][:3].lower()) if match["weekday"] else None
    return _nearest(int(match["day"]), month, weekday, plausible.today)


def _nearest(number: int, month: int, weekday: int | None, today: date) -> date | None:
    years = range(today.year - 6, today.year + 2)
    days = [day for day in (_day(year, month, number) for year in years) if day]
    past = [day for day in days if day <= today + timedelta(days=1)]
    if weekday is not None:
        agreeing = [day for day in days if day.weekday() == weekday and day <= today + timedelta(days=92)]
        return max(agreeing, default=None)
    return max(past, default=None)


def _numeric(match: re.Match[str], plausible: Plausible) -> date | None:
    year = int(match["year"])
    year += (2000 if year < 70 else 1900) if year < 100 else 0
    first, second = int(match["first"]), int(match["second"])
    if len(match.group()) < 8 and match["sep"] != "/":
        return None  # 1.10.12 is a version or a section
    return next(_plausible_days(year, first, second, plausible), None)


def _plausible_days(year: int, first: int, second: int, plausible: Plausible) -> Iterator[date]:
    for day, month in ((first, second), (second, first)):
        found = _day(year, month, day)
        if found:
            yield found


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
