"""How the coach's own prose reads: spelling, fillers, length, reading ease, and slots that read well either way.

The rules for questions are `coach.domain.question_rules`; which field keeps which is `coach.services.knowledge_check`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from coach.domain.knowledge import fill, slots_in

_IZE_STEMS = (
    r"analy|apologi|authori|capitali|categori|critici|emphasi|energi|familiari|finali|formali|generali|hypothesi|ideali|"
    r"itemi|legitimi|locali|maximi|memori|minimi|mobili|neutrali|normali|optimi|organi|personali|prioriti|publici|"
    r"rationali|reali|recogni|reorgani|scrutini|sociali|speciali|stabili|standardi|summari|symboli|sympathi|utili|"
    r"verbali|visuali"
)
_AMERICAN: Mapping[str, str] = {
    "aging": "ageing",
    "behavior": "behaviour",
    "behaviors": "behaviours",
    "canceled": "cancelled",
    "canceling": "cancelling",
    "catalog": "catalogue",
    "center": "centre",
    "centered": "centred",
    "color": "colour",
    "colors": "colours",
    "counselor": "counsellor",
    "defense": "defence",
    "dialog": "dialogue",
    "endeavor": "endeavour",
    "enroll": "enrol",
    "favor": "favour",
    "favorite": "favourite",
    "favors": "favours",
    "fulfill": "fulfil",
    "gotten": "got",
    "gray": "grey",
    "honor": "honour",
    "humor": "humour",
    "jewelry": "jewellery",
    "labeled": "labelled",
    "labor": "labour",
    "math": "maths",
    "modeled": "modelled",
    "modeling": "modelling",
    "mom": "mum",
    "neighbor": "neighbour",
    "neighbors": "neighbours",
    "offense": "offence",
    "pretense": "pretence",
    "rumor": "rumour",
    "signaled": "signalled",
    "signaling": "signalling",
    "skeptical": "sceptical",
    "skillful": "skilful",
    "theater": "theatre",
    "traveled": "travelled",
    "traveling": "travelling",
}
# Only words in lower case are looked at: a Center with a capital is somebody's name.
_AMERICAN_WORD = re.compile(rf"\b(?:{'|'.join(_AMERICAN)})\b")
_IZE_WORD = re.compile(rf"\b(?:{_IZE_STEMS})z(?:e|es|ed|er|ers|ing|ation|ations)\b")

_FILLERS = re.compile(
    r"\b(?:great question|i understand how you feel|i hear you|(?:it's|it is) important to|it(?:'s| is) worth noting|"
    r"needless to say|rest assured|i hope this helps|feel free to|you've got this|"
    r"game[- ]changer|delve|tapestry|in today's \w+ world|unlock (?:your|the|their)|embark on)\b"
    r"|(?:^|(?<=[.?:] ))(?:remember that|don't forget|keep in mind)\b",
    re.IGNORECASE,
)

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_SENTENCE_END = re.compile(r"[.?!…]+(?=[\s”’\")]|$)")
_VOWELS = re.compile(r"[aeiouyà-ü]+")


def words_in(text: str) -> list[str]:
    """Words of a text with their case; hyphenated and shortened words count once."""
    return _WORD.findall(text)


def american_spellings(text: str) -> tuple[str, ...]:
    """Each American spelling with its British one: `behavior (behaviour)`."""
    listed = [f"{word} ({_AMERICAN[word]})" for word in _AMERICAN_WORD.findall(text)]
    return (*listed, *(f"{word} ({word.replace('z', 's')})" for word in _IZE_WORD.findall(text)))


def fillers_in(text: str) -> tuple[str, ...]:
    """Phrases that say nothing, as they stand in the text."""
    return tuple(match[0] for match in _FILLERS.finditer(text.replace("’", "'")))


def reading_ease(text: str) -> float:
    """Flesch's reading ease (1948): about 100 for very easy, 60 for plain, below 30 for academic prose.

    Syllables are estimated as groups of vowels without a silent final e, which errs by a few points on a short text; of
    one question it tells the hard from the plain, no more.
    """
    words = words_in(text)
    if not words:
        return 100.0
    sentences = max(1, len(_SENTENCE_END.findall(text)))
    syllables = sum(_syllables(word) for word in words)
    return 206.835 - 1.015 * len(words) / sentences - 84.6 * syllables / len(words)


def _syllables(word: str) -> int:
    lower = word.lower().replace("’", "'").removesuffix("'s")
    groups = len(_VOWELS.findall(lower))
    silent_e = lower.endswith("e") and not lower.endswith(("le", "ee"))
    silent_ed = lower.endswith("ed") and not lower.endswith(("ted", "ded", "eed"))
    return max(1, groups - (silent_e or silent_ed))


_EXAMPLES = {
    "name": "Priya",
    "topic": "moving into product management",
    "quote": "“it went quiet”",
    "goal": "lead better",
}
_PRONOUN_SLOT = re.compile(r"\{name\|(?P<default>[^{}]*)\}(?P<after>['’]s)?")
_SUBJECT_SLOT = re.compile(r"\{name\|they\}(?:\s+(?P<verb>[\w'’]+))?", re.IGNORECASE)
_INVERTED_SLOT = re.compile(r"\b(?:are|were|do|don't|have|haven't|aren't)\s+\{name\|they\}", re.IGNORECASE)
_QUOTED_SLOT = re.compile(r"[“‘\"]\{quote\|")
_DETERMINED_SLOT = re.compile(r"\b(?:a|an|the|my|your|our|their|his|her)\s+\{topic\|", re.IGNORECASE)
# Forms that are the same after "Priya" and after "they".
_FITS_BOTH = re.compile(
    r"should|would|could|might|may|can|will|must|shall|had|did|didn't|won't|can't|couldn't|wouldn't|hadn't|and|or|\w+ed|"
    r"said|came|went|told|gave|took|made|brought|wrote|thought|felt|knew|saw|found|left|kept|began|spoke|meant|got|put|let|set"
)


def slot_faults(text: str) -> tuple[str, ...]:
    """Slots that read badly with a value, or without one."""
    slots = slots_in(text)
    if not slots:
        return ()
    faults = dict.fromkeys(_agreement_faults(text.replace("’", "'")))
    for values in ({}, *({name: _EXAMPLES.get(name, "this")} for name in sorted(slots)), _EXAMPLES):
        faults.update(dict.fromkeys(_surface_faults(fill(text, values), continues=text[:1].islower())))
    return tuple(faults)


def _agreement_faults(text: str) -> Iterator[str]:
    for match in _PRONOUN_SLOT.finditer(text):
        default = match["default"].lower()
        if default in ("their", "his", "her", "your"):
            yield f"{match[0]} stands for a possessive, which a name is not"
        elif match["after"] and default in ("them", "they", "he", "she", "him"):
            yield f"{match[0]} reads “{default}'s” without a name"
    for match in _SUBJECT_SLOT.finditer(text):
        verb = (match["verb"] or "").lower()
        if verb and not _FITS_BOTH.fullmatch(verb):
            yield f"“{match[0]}” does not read with a name: use a verb that fits both, such as a past or a modal"
    for match in _INVERTED_SLOT.finditer(text):
        yield f"“{match[0]}” does not read with a name"
    if _QUOTED_SLOT.search(text):
        yield "puts quotation marks around {quote|…}: a quote brings its own, and the default is none"
    for match in _DETERMINED_SLOT.finditer(text):
        yield f"“{match[0]}…}}” has a word before it that a longer topic does not take"


def _surface_faults(text: str, *, continues: bool) -> Iterator[str]:
    """Marks and capitals that went wrong; a text that `continues` a sentence begins in lower case by intent."""
    if "  " in text:
        yield f"leaves a double space: “{text}”"
    if re.search(r"\s[,.;:?]", text):
        yield f"leaves a space before a mark: “{text}”"
    if re.search(r",,|\.\.|[.?]\s*[,;:]", text):
        yield f"doubles a mark: “{text}”"
    if re.search(r"[.?]\s+[a-z]" if continues else r"(?:^|[.?]\s+)[a-z]", text):
        yield f"begins a sentence in lower case: “{text}”"
