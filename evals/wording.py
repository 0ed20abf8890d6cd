"""How a reply is worded, read by rule: its sentences, its questions, what it tells, what it praises.

Rules are blunt on purpose: what they count can be checked by eye, and they are the same for every solver.
"""

from __future__ import annotations

import re

_MARKERS = re.compile(r"\s*\[\d{1,3}\]")
_QUOTED = re.compile(r"“[^”]*”|\"[^\"]*\"|^>.*$", re.MULTILINE)
_WORD = re.compile(r"\w[\w'’-]*")
_SENTENCE = re.compile(r"(?:[^.!?\n]|\.(?=\d))+[.!?]*")
_QUESTION = re.compile(r"(?:[^.!?\n“”:]|\.(?=\d))*\?")
_BULLET = re.compile(r"^(?:[-*>\s]|\d{1,2}\))+")
_VERB = (
    r"(?:ask|tell|say|give|write|make|take|keep|let|try|go|start|stop|begin|end|use|find|set|put|agree|name|choose|pick|send|"
    r"bring|plan|offer|wait|listen|hold|leave|avoid|focus|talk|speak|read|draw|list|check|note|notice|remember|consider|"
    r"open|close|share|invite|schedule|book|meet|call|build|work|look|think|treat|show|point|own|admit|thank|return|resist)"
)
_NOT_AS_NOUN = r"(?! (?:of|is|are|was|were|has|had|can|will|taken|helps?|matters?|comes?|goes|takes?|questions?)\b)"
_IMPERATIVE = re.compile(
    r"^(?:[-*>\d.)\s“]*)(?:(?:if|when|before|after|once|while|until|on|at|in|for|next)\b[^,.!?]{1,60}, )?"
    r"(?:(?:first|then|next|also|so|and|but|instead|please|just|always|try to|make sure)[, ]+)*"
    rf"(?:(?:please |just )*(?:don['’]t|do not|never) (?!an? |the )\w+|{_VERB}\b{_NOT_AS_NOUN})"
)
_PRAISE = re.compile(
    r"\b(?:great|excellent|fantastic|wonderful|brilliant|amazing|awesome|lovely) (?:question|idea|point|job|goal|thinking|work|start)\b"
    r"|\b(?:good|nice) (?:job|work|going)\b(?=\s*[.!,]|$)|\bwell done\b|\bgood for you\b(?=\s*[.!,]|$)"
    r"|\byou(?:['’]re| are) (?:doing )?(?:absolutely |so |completely |quite )?(?:right|great|amazing|wonderful|brilliant)\b(?!-)"
    r"|\bi (?:love|admire) (?:that|how|your)\b|\bi understand how you feel\b|\b(?:so|very|really) proud of you\b"
    r"|\bwhat a (?:great|lovely|wonderful|brilliant)\b|\bwhat a good (?:question|idea|point|job|goal|start|plan)\b"
    r"|\b(?:great|excellent|fantastic|wonderful|brilliant|amazing|awesome)!",
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
    quoted = [match[1].strip() for match in re.finditer(r"[“\"]([^“”\"]*\?)[”\"]", body)]
    asked = [_BULLET.sub("", found) for found in _QUESTION.findall(unquoted(body))]
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

_FRONTED = re.compile(
    r"^(?:when|whenever|where|wherever|while|once|after|before|if) (?!(?:is|are|was|were|do|does|did|will|would|can|could|has|have|had|should|might)\b)[^,?]*, ",
    re.IGNORECASE,
)
"""A clause before the question proper, whose “when” does not ask."""


def is_open(question: str) -> bool:
    """Whether more than a yes or a no is asked for. “Would you tell me …” and a choice between two count as open."""
    question = _FRONTED.sub("", question.strip())
    last = re.split(r"[,:;–—] | (?:and|but) ", question)[-1]
    asks_word = re.search(r"\b(?:what|how|which|who|whom|whose|when|where|why)\b", question, re.IGNORECASE)
    return bool(asks_word) or not _CLOSED.match(last.strip()) or " or " in question
