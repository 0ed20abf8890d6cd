"""Which quotations in a chat model's text claim to stand in a source, and which are words to say.

Whether they stand there is `coach.services.model_material`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from coach.domain.citations import EvidenceKind
from coach.services.model_markers import MARKER
from coach.services.model_markup import REACH, Span, emphases_in, quotations_in
from coach.services.model_material import Passage

_PROPER = r"(?:[A-Z]['’])?[A-Z][\w-]++"
NAME = rf"(?<![\w-]){_PROPER}(?:\s+(?:[A-Z]\.\s*)?{_PROPER}){{0,3}}"
_ADVERBS = r"(?:(?:\w+ly|also|once|then|had|have|has|even|first|later|both|just|again|still)\s+)*"
_AS = r"(?:\s+(?:it|this|that|them|him|her|yourself|herself|himself|themselves|\w+))?"
_PAST = (
    rf"(?:wrote|written|noted|said|told|mentioned|described|called{_AS}|put it|recorded|reported|admitted|asked|recalled|added"
    r"|shared|observed|explained|stated|claimed|remarked|replied|answered|confessed|complained|concluded|promised|insisted"
    r"|listed|quoted|wanted|hoped|agreed|reminded|spoke of|talked about|texted|emailed|warned|argued|felt|sounded|seemed|was)"
)
_PRESENT = (
    rf"(?:writes?|notes?|says?|mentions?|describes?|calls?{_AS}|puts? it|records?|reports?|asks?|explains?|states?|argues?"
    r"|suggests?|recommends?|reads?|warns?|advises?|observes?|adds?|shows?|speaks? of|talks? about)"
)
_WRITING = r"(?:notes?|entry|entries|card|passage|source|author|authors|research|study|paper|book|article|talk|guide)"
_CLAIM = re.compile(
    rf"\b(?i:you|she|he|they|we)(?:['’](?:ve|d))?\s+(?i:{_ADVERBS}{_PAST})\b"
    rf"|\b(?P<now>(?i:you\s+{_ADVERBS}(?:say|write|note|mention|describe|call{_AS}|put it)"
    rf"|(?:she|he)\s+{_ADVERBS}{_PRESENT}|(?:it|this|that)\s+(?:says|reads|states|notes|puts it)))\b"
    rf"|\b{NAME}\s+(?i:{_ADVERBS}(?:{_PAST}|{_PRESENT}))\b"
    rf"|\b(?i:your|her|his|their|the|my)\s+(?:\w+\s+){{0,2}}?(?i:mentee|mentor|manager|boss|colleague|team|message|{_WRITING})\b"
    rf"[^.?!“”\"]{{0,50}}?\b(?i:{_PAST}|{_PRESENT}|say|describe|mention|show)\b"
    r"|\b(?i:your|my|the)\s+(?i:(?:own|last|recent|earlier|session|first|latest)\s+)*(?i:notes?|entry|entries)\b"
    r"|\b(?i:your|her|his|their|[A-Z]\w+['’]s)\s+(?i:own\s+|exact\s+)?(?i:words?|phrase|line|description|comment|remark)\b"
    r"|\b(?i:according to|as written|and I quote)\b"
)
_SAYING = (
    r"(?:say|saying|ask|asking|write|writing|send|sending|open|opening|begin|beginning|start|starting|try|trying|reply|replying"
    r"|answer|tell|telling|use|using|put|add|adding|close|closing|end|ending|mention|offer|offering|respond|name|naming|go)"
)
_DIRECTIVE = re.compile(
    r"\b(?:could|can|might|may|would|should|will|shall|must|to|try|let['’]s|perhaps|maybe|please|or|by|just|simply|worth|with)\s+"
    rf"(?:(?:\w+ly|also|just|simply|perhaps|then|even)\s+)*{_SAYING}\b"
    rf"|(?:^|[:;,.(–—*]\s*|\b(?:and|then|or)\s+)(?<!you )\**{_SAYING}\b"
    r"|\b(?:something|anything|one|question|opener|words|line|phrase|sentence|message|reply|answer|version) (?:like|such as)\b"
    r"|\b(?:such as|for example|for instance|along the lines of|could be|might be|would be|instead of|rather than)\b"
    r"|\b(?:a|the|your) (?:draft|email|letter|message to send|text)\b",
    re.IGNORECASE,
)
_ONLY_IF = re.compile(r"\b(?:if|unless|suppose|imagine|in case|what if)\b[^,;:.]*$", re.IGNORECASE)
_WHENEVER = re.compile(r"\b(?:when|whenever|once|until|before|after|then)\b[^,;:.]*$", re.IGNORECASE)
_DENIED = re.compile(r"\b(?:not|never|no|nothing|none|without)\b|n['’]t\b", re.IGNORECASE)
ADVISED_AGAINST = re.compile(
    r"(?:\b(?:not|never|avoid|resist|instead of|rather than|tempt\w*|beware)\b|n['’]t\b)[^.?!“”\"]{0,40}$",
    re.IGNORECASE,
)
_CLAIM_AFTER = re.compile(
    rf"\s*[,.]?\s*(?:(?i:you|she|he|they|we)(?:['’](?:ve|d))?\s+(?i:{_ADVERBS}(?:{_PAST}|{_PRESENT}))\b"
    rf"|{NAME}\s+(?i:{_ADVERBS}(?:{_PAST}|{_PRESENT}))\b"
    rf"|(?i:said|says|wrote|noted|asked|writes|notes|argues)\s+(?:(?i:you|she|he|they|your|the|her|his)\b|{NAME})"
    rf"|(?i:your\s+(?:\w+\s+)?notes?)\s+(?i:say|says|read|reads|record)\b"
    rf"|[—–]\s*{NAME}\s*(?:[.,(\[]|$)|-\s+{NAME}\s*(?:[.,(\[]|$))"
)
_JOINED = re.compile(r"\s*(?:,|and|or|but|then|,\s*(?:and|then|but))\s*(?:\w+\s+){0,2}", re.IGNORECASE)

CITED_WORDS: frozenset[EvidenceKind] = frozenset({"note", "card", "resource"})
"""Kinds of evidence whose marker makes a claim of the quotation before it: a question or a lens may be put in other words."""
_MARKERS_BEHIND = 4
"""That are looked at for one quotation."""
_CLOSE_WORDS = 2
"""Between a quotation and the marker of a card that make them one; what stands further off may be anybody's words."""


def cue_before(before: str) -> Literal["claim", "directive", None]:
    """What the words before a quotation make of it: somebody's words, or words to be said; the nearer one decides."""
    directive = max((match.end() for match in _DIRECTIVE.finditer(before)), default=-1)
    claim = max(_CLAIM.finditer(before), key=lambda match: match.end(), default=None)
    if claim is not None and claim.end() >= directive and len(before) - claim.end() <= 80:
        head, between = before[: claim.start()], before[claim.start() :]
        is_supposed = _ONLY_IF.search(head) or (claim["now"] and _WHENEVER.search(head))
        if not is_supposed and not _DENIED.search(between):
            return "claim"
        return "directive"
    return "directive" if directive >= 0 else None


@dataclass(frozen=True, slots=True)
class Claim:
    """A quotation that claims to be somebody's words."""

    span: Span
    markers: tuple[tuple[int, int, int], ...]
    """Number, start and end of the markers in its sentence: those behind it, or all where none is."""


def _is_cited(sentence: str, span: Span, behind: Sequence[tuple[int, int, int]], sound: Mapping[int, Passage]) -> bool:
    """Whether the marker behind a quotation makes it one: of a note anywhere in the sentence, of the library close by."""
    if not behind or behind[0][0] not in sound:
        return False
    kind = sound[behind[0][0]].kind
    is_close = len(sentence[span.end : behind[0][1]].split()) <= _CLOSE_WORDS
    return kind == "note" or (kind in CITED_WORDS and is_close)


def claims_in(sentence: str, lead: str, sound: Mapping[int, Passage]) -> list[Claim]:
    """The quotations of a sentence that claim to be the user's notes, somebody's words or a source."""
    spans = sorted(
        [*quotations_in(sentence), *(s for s in emphases_in(sentence) if len(s.inner.split()) > 2)],
        key=lambda span: span.start,
    )
    quoted = {span.start for span in quotations_in(sentence)}
    markers = [(int(match[1]), match.start(), match.end()) for match in MARKER.finditer(sentence)]
    claims: list[Claim] = []
    end = 0
    for span in spans:
        if span.start < end:
            continue
        next_marker = bisect_left(markers, span.end, key=lambda marker: marker[1])
        behind = tuple(markers[next_marker : next_marker + _MARKERS_BEHIND])
        before = sentence[end : span.start]
        cue = cue_before(f"{lead} {before}".lstrip()[-REACH * 2 :] if not end else before)
        if span.start not in quoted:
            # Emphasis quotes only where nothing stands between it and the words that say so.
            is_direct = cue == "claim" and any(m.end() >= len(before.rstrip(" :,")) for m in _CLAIM.finditer(before))
            if is_direct:
                claims.append(Claim(span, behind or tuple(markers[-_MARKERS_BEHIND:])))
                end = span.end
            continue
        follows = claims and claims[-1].span.end == end and _JOINED.fullmatch(before) and cue is None
        after = sentence[span.end : span.end + REACH]
        is_by_marker = (
            cue is None and not span.inner.rstrip().endswith("?") and _is_cited(sentence, span, behind, sound)
        )
        if cue == "claim" or follows or _CLAIM_AFTER.match(after):
            claims.append(Claim(span, behind or tuple(markers[-_MARKERS_BEHIND:])))
        elif is_by_marker:
            claims.append(Claim(span, behind))
        end = span.end
    return claims
