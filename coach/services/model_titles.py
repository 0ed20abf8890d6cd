"""What a chat model presents as something to read, watch or visit that is in no catalogue.

What the catalogue holds is `coach.services.model_material`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from coach.domain.knowledge import Resource
from coach.services.model_claims import NAME
from coach.services.model_markers import AROUND
from coach.services.model_markup import REACH, Span, emphases_in, links_in, quotations_in
from coach.services.model_material import ADDRESS, Material, key_of

_KIND = (
    r"(?:books?|articles?|papers?|podcasts?|TEDx?(?:\s+talks?)?|talks?|videos?|essays?|blog(?:\s+posts?)?|posts?|courses?|films?"
    r"|movies?|documentar(?:y|ies)|guides?|reports?|stud(?:y|ies)|episodes?|newsletters?|chapters?|worksheets?|workbooks?|websites?"
    r"|webinars?|lectures?|novels?|memoirs?|toolkits?|handbooks?|magazines?|journals?|apps?)"
)
_ANY_KIND = rf"(?i:{_KIND})"
_STRONG_KIND = r"(?:book|podcast|TEDx? talk|TED talk|documentary|newsletter|memoir|bestseller|article|webinar|blog)"
_SMALL = r"(?:of|the|and|to|a|an|in|for|on|with|your|from|at|is|or|as|you|that|&)"
_TITLE_WORD = r"[A-Z0-9][\w'’-]*+"
_TITLE = rf"(?<![\w'’-]){_TITLE_WORD}(?:[:,]?\s+(?:{_SMALL}\s+){{0,3}}{_TITLE_WORD}){{0,15}}"
_LONG_TITLE = rf"(?<![\w'’-]){_TITLE_WORD}(?:[:,]?\s+(?:{_SMALL}\s+){{0,3}}{_TITLE_WORD}){{1,15}}"
_BY = re.compile(
    rf"[\s,(–—:-]*\b(?:by|from)\s+(?:the\s+)?(?:(?:author|psychologist|professor|Dr|Prof)\.?\s+)?(?P<name>{NAME})"
)
_KIND_BEFORE = re.compile(
    rf"(?P<whose>\b(?:your|her|his|their|my|our)\s+(?:\w+\s+)?)?\b{_ANY_KIND}"
    rf"(?:,?\s+(?:called|titled|named|entitled|is|by\s+{NAME}))?[\s,:(–—-]*$"
)
_TAKEN_UP = re.compile(
    r"\b(?i:read|reading|watch|watching|listen(?:ing)? to|recommend|check(?:ing)? out|look(?:ing)? up|pick(?:ing)? up"
    r"|subscribe to|dip into)\s+(?:\w+\s+){0,2}$"
    rf"|\b{NAME}['’]s?\s+(?:\w+\s+)?$"
)
_KIND_AFTER = re.compile(
    rf"\s*\((?:[^()]{{0,60}}\D)?(?:19|20)\d\d\)|\s*\(\s*(?:\w+\s+)?{_ANY_KIND}\b|\s+{_ANY_KIND}\b"
    rf"|\s*(?:,|:|[–—-]|\bis|\()\s*(?:(?:an?|the|another)\s+)(?:[\w-]+\s+){{0,3}}{_ANY_KIND}\b"
)
_NAMED = re.compile(rf"\b{_KIND}\s+(?:called\s+|titled\s+|named\s+|entitled\s+|,\s*)?(?P<title>{_LONG_TITLE})")
_NAMED_BEFORE = re.compile(rf"(?:^|(?<=\s))(?:The\s+|A\s+)?(?P<title>{_LONG_TITLE})(?:['’]s?)?\s+{_STRONG_KIND}\b")
_TITLE_BY = re.compile(rf"(?P<title>{_TITLE})\s*,?\s+by\s+(?P<name>{NAME})")
_WORK_BY = re.compile(
    rf"\b(?:{_ANY_KIND}|research|work|studies|writing|model|theory)\s+(?:[\w-]+\s+){{0,3}}?by\s+(?:Dr\.?\s+|Prof(?:essor)?\.?\s+)?(?P<name>{NAME})"
    rf"|\b(?P<doctor>(?:Dr|Prof|Professor)\.?\s+)?(?P<owner>{NAME})['’]s?\s+(?:\w+\s+)?(?:{_ANY_KIND}|bestseller|research|theory|work on)\b"
)
_AUTHOR_YEAR = re.compile(
    r"\b(?P<name>[A-Z][\w’'-]+)(?:(?:,\s*[A-Z][\w’'-]+)*,?\s+(?:and|&)\s+[A-Z][\w’'-]+|\s+et al\.?|\s+and (?:colleagues|others))?"
    r",?\s+\(?(?:19|20)\d\d[a-z]?\)"
)
_CALENDAR = frozenset(
    "january february march april may june july august september october november december monday tuesday wednesday thursday"
    " friday saturday sunday spring summer autumn winter christmas easter".split()
)
LEANS_ON_IT = re.compile(
    r"(?:It|Its|This|That|Both|In it|There|The|He|She|They|His|Her|Their)\b(?:\s+(?:book|article|paper|talk|podcast|video|author|"
    r"guide|piece|one|first|chapter|course)\b|['’]s|\s+(?:is|was|are|has|covers|explains|offers|shows|gives|separates|takes|will|can"
    r"|argues|looks|walks|helps|describes|talks|writes|says|makes)\b)"
)


def unknown_address(sentence: str, material: Material) -> str | None:
    """An address in a sentence that no source holds; characters that only look like others are read as those."""
    for match in ADDRESS.finditer(unicodedata.normalize("NFKC", sentence)):
        if not material.knows_address(match[0]):
            return match[0]
    return None


def unknown_resource(sentence: str, claimed: Iterable[Span], material: Material) -> str | None:
    """A book, talk or author presented in a sentence that is neither in the catalogue nor in the evidence."""
    checked = {(span.start, span.end) for span in claimed}
    spans = [*quotations_in(sentence), *emphases_in(sentence), *links_in(sentence)]
    for span in spans:
        if (span.start, span.end) in checked or not span.inner.strip(AROUND):
            continue
        title = span.inner.strip(AROUND + ",.;:")
        if _is_presented(sentence, span, title) and not material.knows_title(title):
            return title
        if by := _BY.match(sentence[span.end : span.end + REACH]):
            written_by = material.catalogue.titled(title)
            if written_by and not any(_wrote(by["name"], resource) for resource in written_by):
                return f"{title} by {by['name']}"
    return _unknown_in_plain_words(sentence, material)


def _is_presented(sentence: str, span: Span, title: str) -> bool:
    """Whether what stands in marks is presented as something to read, watch or listen to."""
    before, after = sentence[max(0, span.start - REACH) : span.start], sentence[span.end : span.end + REACH]
    noun = _KIND_BEFORE.search(before)
    if noun and not noun["whose"]:
        return True
    if not (title[:1].isupper() or title[:1].isdigit()):
        return False
    if (by := _BY.match(after)) and not _is_date(by["name"]):
        return True
    return bool(_KIND_AFTER.match(after)) or bool(
        _TAKEN_UP.search(before) and (span.opening in "*_[" or len(title.split()) > 1)
    )


def _unknown_in_plain_words(sentence: str, material: Material) -> str | None:
    """A title or an author without marks around it, known by a word such as “book” or “by” beside it."""
    for pattern in (_NAMED, _NAMED_BEFORE):
        for match in pattern.finditer(sentence):
            if not material.knows_end_of(match["title"]) and not material.is_person(match["title"]):
                return match["title"]
    for match in _TITLE_BY.finditer(sentence):
        if _is_date(match["name"]):
            continue
        resources = material.catalogue.titled(match["title"])
        if resources and not any(_wrote(match["name"], resource) for resource in resources):
            return match[0]
        # One capital is no more than the beginning of a sentence: there the name has to be a stranger's.
        is_titled = len(match["title"].split()) > 1 or (
            len(match["name"].split()) > 1 and not material.knows_person(match["name"])
        )
        if is_titled and not material.knows_end_of(match["title"]):
            return match[0]
    for match in _WORK_BY.finditer(sentence):
        name = match["name"] or match["owner"]
        is_whole = match["name"] or match["doctor"] or len(name.split()) > 1
        if is_whole and not _is_date(name) and not material.knows_person(name):
            return name
    for match in _AUTHOR_YEAR.finditer(sentence):
        if not _is_date(match["name"]) and not material.knows_person(match["name"]):
            return match[0]
    return None


def _is_date(name: str) -> bool:
    return bool(_CALENDAR & set(key_of(name).split()[:1]))


def _wrote(name: str, resource: Resource) -> bool:
    """Whether a name is that of one of the authors; a last name is enough."""
    last = key_of(re.sub(r"['’]s$", "", name)).rpartition(" ")[2]
    return any(last in key_of(author).split() for author in resource.authors)
