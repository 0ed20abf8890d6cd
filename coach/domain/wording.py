"""Small judgements about English wording: names, noun phrases that can be lifted out, dates as people say them.

What a wording *means* for the coach is `coach.services.situation`.
"""

from __future__ import annotations

import re
from datetime import date

_CAPITALISED_ANYWAY = frozenset(
    "I I'm I've I'd I'll A An The We He She They It My Our Your His Her Their This That These Those There Here"
    " What When Where Who Why How Do Does Did Is Are Was Were Can Could Should Would Will Just Only Please Help"
    " Tell Give And But So If Then Also Not No Yes Ok Okay Hi Hello Hey Dear Thanks Today Tomorrow Yesterday"
    " Tonight Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May June"
    " July August September October November December Monday's English British American Indian Nigerian German"
    " French Spanish Chinese HR CEO CTO VP PM AI UK US USA EU PhD GROW SMART WOOP SBI MBA ADHD Zoom Teams Slack"
    " Google LinkedIn Microsoft Christmas Easter Mr Mrs Ms Dr Prof Professor Everybody Everyone Nobody Somebody Anyone Mentor Mentee Coach Session"
    " Meeting Notes Mum Dad Last Next First".split()
)
_BEFORE_A_NAME = re.compile(
    r"\b(?:(?:meet|meeting|met|see|seeing|saw|mentor|mentoring|with|to|for|about|told|tell|ask|asked|and|than|help"
    r"|named|called|name is|is called|does|did|has|was|is|mentee|mentor|student|colleague|by|give|giving)(?:,| is)?"
    r" )(?P<name>(?:(?:Dr|Prof|Professor|Mr|Mrs|Ms)\.? )?[A-Z][a-zà-öø-ÿ]+(?:-[A-Z][a-zà-öø-ÿ]+)?)\b"
)
_STARTS_A_SENTENCE = re.compile(
    r"(?:^|[.!?]\s+)(?P<name>[A-Z][a-zà-öø-ÿ]+) (?:is|was|seemed|seems|said|says|wants|wanted|has|had|keeps|kept|told|asked"
    r"|thinks|never|always|didn't|doesn't|hasn't|looks|looked|feels|felt|went|got|cried|just|and I)\b"
)

_LIFT = re.compile(
    r"\b(?:think(?:s|ing)? (?:about|of)|thought (?:about|of)|interested in|curious about|consider(?:s|ing)?"
    r"|(?:mov(?:e|ing)|get(?:ting)?|go(?:ing)?|switch(?:ing)?|chang(?:e|ing)) (?:in)?to|transition(?:ing)? (?:in)?to"
    r"|struggl(?:es|ing|e) with|stuck (?:on|with)|nervous about|worried about|better at|good at|improv(?:e|ing)(?: at)?"
    r"|questions? (?:about|on)|read (?:about|on)|book on|article on|talk on|talk(?:ing)? about|learn(?:ing)? (?:about)?)"
    r"\s+(?:(?:moving|going|getting|switching|changing) (?:in)?to\s+)?(?P<phrase>[a-z][a-z'-]*(?: [a-z][a-z'-]*){0,3})",
    re.IGNORECASE,
)
_ENDS_A_PHRASE = re.compile(
    r"\b(?:and|but|or|because|since|when|if|who|which|that|this|while|before|after|so|though|although|at|with|from|next|last"
    r"|by|for|in|on|to|tomorrow|today|tonight|again|now|soon|too|as|than|lately|recently|anyway|is|was|are|has|had|i|we"
    r"|she|he|they|you|it|don't|doesn't|can't|not|then|about|once|how|what|where|why|more|really)\b",
    re.IGNORECASE,
)
_NO_SUBJECT = frozenset(
    "it this that them him her me you us my your his their our the a an things stuff something anything"
    " everything one what leaving quitting going being doing having getting asking telling saying whether how"
    " who i i'm she he they we".split()
)


def name_in(text: str) -> str | None:
    """The first name of a person that the text speaks of, or None where that is not plain."""
    for pattern in (_BEFORE_A_NAME, _STARTS_A_SENTENCE):
        for match in pattern.finditer(text):
            if match["name"] not in _CAPITALISED_ANYWAY:
                return match["name"]
    return None


def subject_in(text: str) -> str | None:
    """What the text is about, as a short noun phrase in its own words, or None where none can be lifted out whole."""
    for match in _LIFT.finditer(text):
        phrase = match["phrase"]
        stop = _ENDS_A_PHRASE.search(phrase)
        if stop:
            phrase = phrase[: stop.start()]
        phrase = phrase.strip(" '-")
        words = phrase.split()
        if not words or words[0].lower() in _NO_SUBJECT or len(phrase) < 4:
            continue
        if len(words) == 1 and words[0].lower().endswith(("ly", "er")):
            continue
        return phrase if phrase.isupper() or any(c.isupper() for c in phrase[1:]) else phrase.lower()
    return None


def spoken_date(day: date, *, today: date) -> str:
    """12 October, with the year where it is another than this one."""
    said = f"{day.day} {day:%B}"
    return said if day.year == today.year else f"{said} {day.year}"


def written_out(day: date) -> str:
    """A date with its year: 3 March 2026."""
    return f"{day.day} {day:%B} {day.year}"


def joined(parts: list[str], *, last: str = "and") -> str:
    """a, b and c."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {last} {parts[-1]}" if parts else ""


def capitalised(text: str) -> str:
    """The first letter as a capital, the rest as it stands."""
    return text[:1].upper() + text[1:]


def shortened(text: str, *, limit: int) -> str:
    """At most `limit` characters, cut at a space where there is one, with an ellipsis where something was cut."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    return f"{(head.rsplit(' ', 1)[0] or head).rstrip(' ,;:–-(')}…"
