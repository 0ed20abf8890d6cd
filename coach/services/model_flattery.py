"""The empty compliments that a chat model begins with, and the sentence without them.

Other questions of manner are in the prompts.
"""

from __future__ import annotations

import re

_STRONG = (
    r"(?:great|excellent|wonderful|fantastic|amazing|brilliant|insightful|terrific|awesome|incredible|beautiful|superb)"
)
_PRAISED = (
    r"(?:questions?|points?|goals?|observations?|insights?|ideas?|start|work|job|reflections?|ambitions?|instincts?|step|first step"
    r"|thinking|self-awareness|attitude|approach|news)"
)
_FLATTERY = re.compile(
    rf"(?:(?:wow|oh|ah|hi|hello|hey|yes)\b[,.! ]*)?(?:(?:that|this|it)(?:['’]s| is| sounds like)|what|such)\s+(?:really\s+|truly\s+|such\s+)?an?\s+(?:really\s+|truly\s+)?{_STRONG}\s+{_PRAISED}\b"
    rf"|(?:wow\b[,.! ]*)?(?:{_STRONG}|good|nice|lovely)\s+{_PRAISED}(?=\s*(?:[.,!:;–—-]|$))"
    rf"|(?:what|such)\s+an?\s+(?:good|nice|lovely|important|thoughtful)\s+{_PRAISED}(?=\s*(?:[.,!:;–—-]|$))"
    r"|(?:that|this)(?:['’]s| is)\s+an?\s+(?:good|important|thoughtful|lovely)\s+(?:question|point)(?=\s*(?:[.,!:;–—-]|$))"
    r"|I\s+(?:completely |totally |fully |really |can |do )*(?:understand|know|get|appreciate|hear|see)\s+(?:exactly |just )?how\s+(?:you(?:['’]re| are)?\s+feel(?:ing)?|(?:hard|difficult|tough|stressful|nervous|anxious)\b[^.,!]*)"
    r"|I (?:really )?hear you\b"
    r"|I(?:['’]m| am)\s+(?:so\s+|really\s+|very\s+)?(?:proud|impressed|excited|thrilled|inspired)\b[^.,!]*"
    r"|you(?:['’]re| are)\s+(?:already\s+)?(?:doing\s+)?(?:so\s+|an?\s+|such\s+an?\s+|absolutely\s+)?(?:amazing|great|fantastic|wonderful|incredible|awesome|brilliant)\b[^.,!]*"
    r"|you(?:['’]ve| have) got this|well done|kudos|bravo|keep up the (?:good|great) work|thank you for sharing\b[^.,!]*|thanks for sharing\b[^.,!]*",
    re.IGNORECASE,
)
OPENER = re.compile(r"(?:absolutely|certainly|sure|sure thing|of course|definitely|gladly)\s*[!,.–—-]", re.IGNORECASE)


def without_flattery(sentence: str, *, is_first: bool) -> str:
    """The sentence without an empty compliment; what is said after a comma or a dash stays."""
    match = _FLATTERY.match(sentence) or (OPENER.match(sentence) if is_first else None)
    if match is None:
        return sentence
    rest = sentence[match.end() :].lstrip(" ,;:–—-!.")
    rest = re.sub(r"^(?:and|but|so)\s+", "", rest)
    is_continued = bool(re.match(r"\s*[,;:–—-]", sentence[match.end() :])) or match.re is OPENER
    if is_continued and len(rest.split()) > 3:
        return rest[:1].upper() + rest[1:]
    return ""
