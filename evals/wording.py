"""How a reply is worded, read by rule: its sentences, its questions, what it tells, what it praises.

Rules are blunt on purpose: what they count can be checked by eye, and they are the same for every solver.
"""

from __future__ import annotations

import re

_MARKERS = re.compile(r"\s*\[\d{1,3}\]")
_QUOTED = re.compile(r"“[^”]*”|\"[^\"]*\"|^>.*$", re.MULTILINE)
_WORD = re.compile(r"[\w'’-]+")
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]*")
_IMPERATIVE = re.compile(
    r"^(?:[-*>\d.)\s“]*)(?:(?:first|then|next|also|so|and|instead|please|just|always|never|try to|make sure|don['’]t|do not)[, ]+)*"
    r"(?:ask|tell|say|give|write|make|take|keep|let|try|go|start|stop|begin|end|use|find|set|put|agree|name|choose|pick|send|"
    r"bring|plan|offer|wait|listen|hold|leave|avoid|focus|talk|speak|read|draw|list|check|note|notice|remember|consider|"
    r"open|close|share|invite|schedule|book|meet|call|build|work|look|think|treat|show|point|own|admit|thank|return|resist)\b"
)
_PRAISE = re.compile(
    r"\b(?:great|excellent|fantastic|wonderful|brilliant|amazing|awesome|lovely) (?:question|idea|point|job|goal|thinking|work|start)\b"
    r"|\bwell done\b|\bgood for you\b|\byou(?:['’]re| are) (?:doing )?(?:absolutely |so |completely |quite )?(?:right|great|amazing|wonderful|brilliant)\b"
    r"|\bi (?:love|admire) (?:that|how|your)\b|\bi understand how you feel\b|\bwhat a (?:great|good|lovely|wonderful)\b|\bgreat\b!",
    re.IGNORECASE,
)


def plain(text: str) -> str:
    """Without citation marks and emphasis."""
    return _MARKERS.sub("", text).replace("**", "").replace("_", "").strip()


def words_of(text: str) -> list[str]:
    """Words, without citation marks."""
    return _WORD.findall(plain(text))


def unquoted(text: str) -> str:
    """Without what stands in quotation marks or as a block quotation."""
    return _QUOTED.sub(" ", plain(text))


def sentences_of(text: str) -> list[str]:
    """Sentences outside quotation marks that say something: three words or more."""
    found = (match[0].strip() for match in _SENTENCE.finditer(unquoted(text)))
    return [sentence for sentence in found if len(_WORD.findall(sentence)) >= 3]


def questions_in(text: str) -> list[str]:
    """Questions, said in quotation marks or asked outright."""
    body = plain(text)
    quoted = [match[1].strip() for match in re.finditer(r"“([^”]*\?)”", body)]
    asked = [s.strip() for s in re.findall(r"[^.!?\n“”:]*\?", unquoted(body))]
    return [*quoted, *(question for question in asked if len(_WORD.findall(question)) >= 2)]


def is_in_imperative(sentence: str) -> bool:
    """Whether it tells somebody what to do. A question is none."""
    return not sentence.rstrip().endswith("?") and _IMPERATIVE.search(sentence.strip().lower()) is not None


def praise_in(text: str) -> str:
    """The first words of unearned praise or claimed understanding; empty where there are none."""
    match = _PRAISE.search(text)
    return match[0] if match else ""


_CLOSED = re.compile(
    r"^(?:and |but |so )?(?:is|are|was|were|am|do|does|did|have|has|had|can|could|will|would|should|shall|may|might|must)\b",
    re.IGNORECASE,
)


def is_open(question: str) -> bool:
    """Whether more than a yes or a no is asked for. “Would you tell me …” and a choice between two count as open."""
    last = re.split(r"[,:;–—] | (?:and|but) ", question.strip())[-1]
    asks_word = re.search(r"\b(?:what|how|which|who|whom|whose|when|where|why)\b", question, re.IGNORECASE)
    return bool(asks_word) or not _CLOSED.match(last.strip()) or " or " in question
