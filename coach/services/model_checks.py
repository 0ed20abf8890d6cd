"""Holds what a chat model wrote against its evidence: what does not stand there goes, what is only written wrongly is put right.

What is asked of the model, and what is done where its text is of no use, is `coach.services.model_writer`. Not covered:
statements without quotation marks that no passage supports, and titles in plain text that nothing marks as such.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from coach.domain.citations import Citation, Evidence, EvidenceKind, markers_in
from coach.domain.knowledge import Resource
from coach.domain.language import is_english
from coach.domain.question_rules import faults_in
from coach.domain.wording import shortened
from coach.ports import KnowledgeBase

MAX_QUESTIONS = 3
"""In a reply that is no plan."""
LEAK_WORDS = 12
"""More of the instructions in a row than this, and the model is reciting them."""
MAX_FAULTS = 6
"""In the one corrective request: a weak model does no better with more."""

_PASSES = 8
_LEAST_LEFT = 1 / 3
"""Of the words: where more had to go, what is left no longer hangs together."""
_REACH = 120
"""Characters beside a title or a quotation that say what it is."""

ChangeKind = Literal["quotation", "source", "marker", "resource", "link", "question", "flattery", "markup"]
_CHANGES: Mapping[ChangeKind, tuple[str, str]] = {
    "quotation": (
        "A quotation that stands in none of your notes or its sources was taken out.",
        "{} quotations that stand in none of your notes or its sources were taken out.",
    ),
    "source": (
        "A number that pointed to the wrong source was put right.",
        "{} numbers that pointed to the wrong source were put right.",
    ),
    "marker": (
        "A number that points to no source was taken out.",
        "{} numbers that point to no source were taken out.",
    ),
    "resource": (
        "Something to read or watch that is not in the library was taken out.",
        "{} things to read or watch that are not in the library were taken out.",
    ),
    "link": ("A link or address from no source was taken out.", "{} links or addresses from no source were taken out."),
    "question": (
        "A question that led, or asked more than one thing, was taken out.",
        "{} questions that led, or asked more than one thing, were taken out.",
    ),
    "flattery": ("An empty compliment was taken out.", "{} empty compliments were taken out."),
    "markup": ("A picture or a piece of code was taken out.", "{} pictures or pieces of code were taken out."),
}


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The resources that may be named, by title without case and punctuation, and by address."""

    titles: Mapping[str, tuple[Resource, ...]]
    """By the whole title, and by the part before its colon."""
    links: Mapping[str, Resource]
    people: frozenset[str]
    """Authors, by their whole name and by the last word of it."""

    @classmethod
    def of(cls, knowledge: KnowledgeBase) -> Catalogue:
        """The catalogue of one library."""
        titles: dict[str, tuple[Resource, ...]] = {}
        links: dict[str, Resource] = {}
        people: set[str] = set()
        for resource in knowledge.resources.values():
            for key in dict.fromkeys((_key(resource.title), _key(resource.title.partition(":")[0]))):
                titles[key] = (*titles.get(key, ()), resource)
            for address in (resource.address, resource.doi, resource.isbn, resource.link):
                if address:
                    links[_address_key(address)] = resource
            for author in resource.authors:
                people.update((_key(author), _key(author).rpartition(" ")[2]))
        return cls(titles, links, frozenset(people))

    def titled(self, title: str) -> tuple[Resource, ...]:
        """The resources of a title, which may lack its subtitle or an article at its beginning."""
        key = _key(title)
        return self.titles.get(key) or self.titles.get(f"the {key}") or self.titles.get(f"a {key}") or ()


@dataclass(frozen=True, slots=True)
class Checked:
    """A model's text after the check.

    Attributes:
        markdown: What may be shown; empty where the text is of no use.
        changes: What was removed or repaired, a sentence each for the user.
        faults: What is to be put right, an instruction each for the one corrective request.
        reservations: What breaks a rule and was left, because nothing would remain without it; for the user.
    """

    markdown: str
    changes: tuple[str, ...]
    faults: tuple[str, ...]
    is_usable: bool
    reservations: tuple[str, ...] = ()


def check(
    text: str,
    evidence: Sequence[Evidence],
    *,
    text_of: Callable[[Evidence], str | None],
    catalogue: Catalogue,
    tag: str,
    instructions: str = "",
    said: Sequence[str] = (),
    is_plan: bool = False,
) -> Checked:
    """Hold a text against its evidence; the result passes its own check.

    Args:
        evidence: Numbered from 1 in this order. What `text_of` does not give, or gives without the quote, is none.
        tag: The random mark of this request, which no reply holds.
        instructions: What the model was told, without the passages.
        said: The messages of the conversation, and names that are known from elsewhere: they may be repeated.
        is_plan: Whether more than three questions are in order.
    """
    if _is_leak(text, tag, instructions):
        return Checked("", (), (), is_usable=False)
    if not _is_all_english(text):
        return Checked("", (), ("Answer in English.",), is_usable=False)
    desk = _Desk(_Material.of(evidence, text_of, catalogue, said), is_plan)
    written = _word_count(_plain(text)[0])
    for _ in range(_PASSES):
        before, text = text, desk.pass_over(text)
        if text == before:
            break
    left = _word_count(text)
    is_sound = text == before and set(markers_in(text)) <= set(desk.material.sound)
    is_safe = _is_all_english(text) and not _is_leak(text, tag, instructions)
    if not left or left < written * _LEAST_LEFT or not (is_sound and is_safe):
        return Checked("", (), desk.all_faults, is_usable=False)
    return Checked(text, desk.all_changes, desk.all_faults, is_usable=True, reservations=tuple(desk.reservations))


def renumbered(markdown: str, evidence: Sequence[Evidence]) -> tuple[str, tuple[Citation, ...]]:
    """The text with its markers numbered from 1 as they come, and what they cite; markers without evidence are dropped."""
    known = [number for number in markers_in(markdown) if 1 <= number <= len(evidence)]
    numbers = {old: new for new, old in enumerate(known, start=1)}

    def replaced(match: re.Match[str]) -> str:
        new = numbers.get(int(match["number"]))
        return f"{match['space']}[{new}]" if new else ""

    text = re.sub(r"(?P<space>[ \t]*)\[(?P<number>\d{1,3})\]", replaced, markdown)
    return text, tuple(Citation(new, evidence[old - 1]) for old, new in numbers.items())


# What may be quoted, named and pointed to.

_QUOTE_STYLE = str.maketrans(dict.fromkeys('“”„«»‘’‚‹›`"', "'"))


def _flat(text: str) -> str:
    """A text for comparing word for word: white space and the style of quotation marks aside."""
    return " ".join(text.translate(_QUOTE_STYLE).split())


def _key(text: str) -> str:
    """A title or a name for comparing: without case, accents and punctuation."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return " ".join(re.sub(r"['’]", "", plain).translate(_TO_SPACE).split())


class _ToSpace(dict[int, str]):
    def __missing__(self, code: int) -> str:
        self[code] = chr(code) if chr(code).isalnum() else " "
        return self[code]


_TO_SPACE = _ToSpace()


def _stands_in(quote: str, text: str) -> bool:
    """Whether a quotation stands in a text, both flat; an ellipsis splits it into parts that follow each other."""
    if not any(character.isalnum() for character in quote):
        return False
    if _position(quote, text, 0) >= 0:
        return True
    parts = [part for part in re.split(r"\[?(?:…|\.\.\.)\]?", quote) if part.strip()]
    position = 0
    for part in parts:
        position = _position(part.strip(), text, position)
        if position < 0:
            return False
        position += len(part.strip())
    return len(parts) > 0 and len(parts) < len(quote)


def _position(part: str, text: str, start: int) -> int:
    """Where a part stands at the borders of words; -1 where it does not."""
    while (start := text.find(part, start)) >= 0:
        end = start + len(part)
        is_cut = (part[0].isalnum() and text[start - 1 : start].isalnum()) or (
            part[-1].isalnum() and text[end : end + 1].isalnum()
        )
        if not is_cut:
            return start
        start += 1
    return -1


@dataclass(frozen=True, slots=True)
class _Passage:
    kind: EvidenceKind
    text: str
    title: str


@dataclass(frozen=True, slots=True)
class _Material:
    """All that a reply may rest on."""

    sound: Mapping[int, _Passage]
    said: str
    catalogue: Catalogue
    everything: str
    words: str
    addresses: frozenset[str]

    @classmethod
    def of(
        cls,
        evidence: Sequence[Evidence],
        text_of: Callable[[Evidence], str | None],
        catalogue: Catalogue,
        said: Sequence[str],
    ) -> _Material:
        sound: dict[int, _Passage] = {}
        texts = list(said)
        for number, item in enumerate(evidence, start=1):
            text = text_of(item)
            if text is None or not item.quote or text[item.start : item.end] != item.quote:
                continue
            sound[number] = _Passage(item.kind, _flat(text), _flat(item.title))
            texts += [text, item.title, item.byline]
        everything = "\n".join(texts)
        addresses = frozenset(_address_key(match[0]) for match in _ADDRESS.finditer(everything))
        return cls(sound, _flat("\n".join(said)), catalogue, _flat(everything), f" {_key(everything)} ", addresses)

    def where(self, quote: str) -> list[int]:
        """The numbers of the passages in which a quotation stands, or whose title it is."""
        flat = _flat(quote)
        return [n for n, passage in self.sound.items() if flat == passage.title or _stands_in(flat, passage.text)]

    def is_title(self, text: str) -> bool:
        """Whether this is the title of a resource or of a passage."""
        flat = _flat(text).rstrip(",.;: ")
        return bool(self.catalogue.titled(flat)) or any(flat == passage.title for passage in self.sound.values())

    def knows_title(self, title: str) -> bool:
        """Whether something of this title may be named. A title of one or two words may be any words: case counts there."""
        if self.is_title(title):
            return True
        key = _key(title)
        if len(key.split()) < 3:
            return _position(_flat(title), self.everything, 0) >= 0 if key else True
        return f" {key} " in self.words or any(known.startswith(f"{key} ") for known in self.catalogue.titles)

    def knows_end_of(self, title: str) -> bool:
        """The same where words of the sentence may stand before the title."""
        words = title.split()
        return self.knows_title(title) or any(
            self.is_title(" ".join(words[start:]))
            or (len(words) - start > 2 and self.knows_title(" ".join(words[start:])))
            for start in range(1, len(words))
        )

    def knows_person(self, name: str) -> bool:
        """Whether somebody of this name is spoken of, or wrote a resource."""
        words = _key(re.sub(r"['’]s$", "", name)).split()
        if words and words[-1] in self.catalogue.people:
            return True
        # What begins a sentence may be read as part of the name.
        return any(f" {' '.join(words[start:])} " in self.words for start in range(max(1, len(words) - 1)))

    def is_person(self, name: str) -> bool:
        """Whether this is as a whole the name of somebody known."""
        key = _key(re.sub(r"['’]s$", "", name))
        return key in self.catalogue.people or f" {key} " in self.words

    def knows_address(self, address: str) -> bool:
        """Whether a link, DOI, ISBN or e-mail address stands in the catalogue or a passage, to the letter."""
        key = _address_key(address)
        return key in self.catalogue.links or key in self.addresses


# Addresses.

_TLD = (
    "com|org|net|edu|gov|mil|int|info|biz|io|ai|app|dev|uk|eu|ca|au|nz|ie|de|fr|ch|nl|ly|gl|tv|ru|cn|in|co|tk|xyz|top|site"
    "|online|link|club|shop|page|blog|test|example|invalid"
)
_ADDRESS = re.compile(
    r"(?:\b[a-z][a-z0-9+.-]{1,20}://|\b(?:mailto|javascript|data|tel|sms|urn):|\bwww\.)[^\s<>\"“”]+"
    r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|\b10\.\d{4,9}/[^\s<>\"“”]+"
    r"|\bISBN(?:-1[03])?:?\s*[\dXx][\dXx -]{8,16}|\b97[89][ -]?(?:\d[ -]?){9}[\dXx]\b"
    rf"|(?<![\w@.])(?:[a-z0-9-]+\.)+(?:{_TLD})\b(?:[/?#:][^\s<>\"“”]*)?"
    r"|(?<![\w@.])[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,12}/[^\s<>\"“”]+",
    re.IGNORECASE,
)


def _address_key(address: str) -> str:
    """An address for comparing: without scheme, `www.`, and the punctuation of the sentence around it."""
    bare = address.strip().casefold().rstrip(".,;:!?)]}*_'’”>")
    bare = re.sub(r"^(?:urn:)?isbn(?:-1[03])?:?\s*", "", bare)
    if re.fullmatch(r"[\dx -]+", bare):
        return re.sub(r"[ -]", "", bare)
    bare = re.sub(r"^(?:https?://|mailto:)", "", bare).removeprefix("www.")
    return re.sub(r"^(?:dx\.)?doi\.org/", "", bare).rstrip("/")


# From Markdown to blocks of sentences and back.

_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_LINE_END = re.compile("\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_SAME = str.maketrans(
    {"【": "[", "】": "]", "［": "[", "］": "]", "〔": "[", "〕": "]"}
    | dict.fromkeys("❝❞‟〝〞＂", '"')
    | dict.fromkeys("❛❜＇", "'")
)
_HIDDEN = re.compile(
    r"<(?P<name>think|thinking|reasoning|script|style|iframe|object|svg)\b[^<>]*>(?:.*?</(?P=name)\s*>|.*)|<!--(?:.*?-->|.*)",
    re.IGNORECASE | re.DOTALL,
)
_TAG = re.compile(r"<(?P<address>(?:https?://|mailto:)?[^\s<>@]+[@.][^\s<>]+)>|</?[a-zA-Z][^<>]*>|<![a-zA-Z][^<>]*>")
_PICTURE = re.compile(r"!\[[^\[\]]*\](?:\([^()]*\)|\[[^\[\]]*\])")
_FENCE = re.compile(r"^[ \t]*(?:```|~~~).*$|^[ \t]*(?:[-*_][ \t]*){3,}$", re.MULTILINE)
_REFERENCE = re.compile(r"^[ \t]*\[(?!\^?\d+\])[^\[\]\n]+\]:[ \t]*\S+.*$", re.MULTILINE)
_REFERENCE_LINK = re.compile(r"\[(?P<words>[^\[\]\n]{1,200})\]\[(?!\^?\d+\])[^\[\]\n]*\]")
_SOURCES = re.compile(
    r"^[ \t#*]*(?:sources?|references?|citations?|footnotes|passages?)(?: used)?[ \t*]*:?[ \t*]*\n+"
    r"(?:[ \t]*(?:[-*•][ \t]+)?\[\^?\d{1,3}\].*(?:\n+|\Z))+\Z",
    re.IGNORECASE | re.MULTILINE,
)


def _plain(text: str) -> tuple[str, int]:
    """The text without what does not show, HTML, code fences, rules and a list of sources; and how many pictures and
    pieces of code went."""
    text = _UNSEEN.sub("", _LINE_END.sub("\n", text)).replace("\t", " ").translate(_SAME)
    gone = 0
    for _ in range(5):
        before = text
        text, hidden = _HIDDEN.subn("", text)
        text = html.unescape(_TAG.sub(lambda match: match["address"] or "", text))
        text, pictures = _PICTURE.subn("", text)
        gone += hidden + pictures
        if text == before:
            break
    text = _REFERENCE_LINK.sub(lambda match: match["words"], _REFERENCE.sub("", _FENCE.sub("", text)))
    text = _SOURCES.sub("", text)
    return _UNSEEN.sub("", text), gone


_ITEM = re.compile(r"(?P<prefix>[ \t]*(?:[-*+•]|\d{1,3}[.)]|\(\d{1,2}\))[ \t]+)(?P<words>.*)")
_HEADING = re.compile(r"(?P<prefix>#{1,6}[ \t]+)(?P<words>.*)")
_NUMBERED = re.compile(r"(?P<before>[ \t]*\(?)(?P<number>\d{1,3})(?P<after>[.)]+[ \t]+)")


@dataclass(slots=True)
class _Block:
    """A paragraph, a heading, an item of a list or a block quotation: its sentences, each with the white space after it."""

    kind: Literal["prose", "item", "heading", "quotation"]
    prefix: str
    sentences: list[str]
    has_gap: bool
    """Whether an empty line stands before it."""

    @property
    def text(self) -> str:
        return "".join(self.sentences).strip()

    @property
    def is_lead_in(self) -> bool:
        """Whether it only announces what follows."""
        bare = self.text.strip("*_ ")
        return (
            self.kind == "heading" or bare.endswith(":") or bool(re.fullmatch(r"(?:\*\*|__).+(?:\*\*|__)", self.text))
        )


def _blocks(text: str) -> list[_Block]:
    blocks: list[_Block] = []
    lines: list[tuple[str, str, list[str], bool]] = []
    has_gap = False
    for line in text.split("\n"):
        kind, prefix, words = _line(line)
        is_blank = not line.strip()
        last = lines[-1] if lines else None
        if is_blank:
            has_gap = True
        elif last and not has_gap and kind in ("prose", "quotation") and last[0] == kind:
            last[2].append(words)
        elif last and not has_gap and kind == "prose" and last[0] == "item":
            last[2][-1] += f" {words.strip()}"
        else:
            lines.append((kind, prefix, [words], has_gap and bool(lines)))
        has_gap = is_blank
    for kind, prefix, parts, gap in lines:
        block_text = "\n".join(part.strip() for part in parts).strip()
        blocks.append(_Block(kind, prefix, list(_sentences(block_text)), gap))  # type: ignore[arg-type]
    return blocks


def _line(line: str) -> tuple[str, str, str]:
    if line.lstrip().startswith(">"):
        return "quotation", "> ", re.sub(r"^(?:[ \t]*>)+[ \t]?", "", line)
    for kind, pattern in (("heading", _HEADING), ("item", _ITEM)):
        if match := pattern.match(line):
            return kind, match["prefix"], match["words"]
    return "prose", "", line


def _markdown(blocks: Iterable[_Block]) -> str:
    parts: list[str] = []
    for block in blocks:
        lines = _tidied(block.text).split("\n")
        if block.kind == "quotation":
            lines = [f"> {line}".rstrip() for line in lines]
        else:
            lines[0] = block.prefix + lines[0]
        if parts:
            parts.append("\n\n" if block.has_gap else "\n")
        parts.append("\n".join(lines))
    return "".join(parts)


def _tidied(text: str) -> str:
    """No empty brackets, no doubled spaces, none before a full stop, no number twice in a row."""
    text = re.sub(r" ?\(\s*(?:see|cf\.?|sources?:?)?\s*\)| ?\*{2}\s*\*{2}(?!\*)|[“‘«„]\s*[”’»]", "", text)
    text = re.sub(r"(\[\d{1,3}\])(?:\s*\1)+", r"\1", text)
    return re.sub(r"[ \t]+(?=[.,;:?\n]|$)", "", re.sub(r"[ \t]{2,}", " ", text)).strip()


_END = re.compile(r"[.!?…]++[\"”’»')\]*_]*+(?=\s|$)|\n+")
_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|cf|approx|al|Dr|Mr|Mrs|Ms|Prof|St|No)|(?<!\w)[A-HJ-Z])\.$")
_MARKERS_AFTER = re.compile(r"(?:[ \t]*\[\d{1,3}\])+(?:[ \t]*[.,;])?")


def _sentences(text: str) -> Iterator[str]:
    """The sentences with the markers and white space behind them; none ends inside quotation marks, emphasis or a link."""
    whole = sorted((span.start, span.end) for span in (*_quotations(text), *_emphases(text), *_links(text)))
    start = place = 0
    for match in _END.finditer(text):
        if match.start() < start:
            continue
        while place < len(whole) and whole[place][1] <= match.start():
            place += 1
        if any(begin < match.start() and match.end() < end for begin, end in whole[place : place + 4]):
            continue
        end = match.end()
        if match[0].startswith("\n"):
            if re.search(r"[a-z,;–-]$", text[start : match.start()]) and text[end : end + 1].islower():
                continue
        else:
            if match[0].startswith(".") and _ABBREVIATION.search(
                text[max(start, match.start() - 8) : match.start() + 1]
            ):
                continue
            markers = _MARKERS_AFTER.match(text, end)
            end = markers.end() if markers else end
            if re.match(r"[ \t]*(?:[a-z,;:]|[—–])", text[end:]):
                continue
        end += len(text[end:]) - len(text[end:].lstrip())
        if text[start:end].strip():
            yield text[start:end]
            start = end
    if text[start:].strip():
        yield text[start:]


@dataclass(frozen=True, slots=True)
class _Span:
    """A stretch of a text in marks, which stand outside `inner`."""

    start: int
    end: int
    inner: str
    opening: str
    closing: str


_QUOTATION = re.compile(
    r"“(?P<a>(?:[^“”]++|“[^“”]*”)*+)(?P<a2>”)|“(?P<b>[^“”\"]*)(?P<b2>\")|“(?P<c>[^“]*)|„(?P<d>[^„“”]*)(?P<d2>[“”])|«(?P<e>[^«»]*)(?P<e2>»)"
    r"|\"(?P<f>[^\"]*)(?P<f2>\"|\Z)"
    r"|(?<!\w)‘(?P<g>(?:[^‘’]|’(?=\w)){1,400}+)(?P<g2>’)(?!\w)|(?<![\w'])'(?=\S)(?P<h>(?:[^'\n]|'(?=\w)){1,400}+)(?P<h2>')(?!\w)"
)
_EMPHASIS = re.compile(
    r"(?<![*\w])(?P<mark>\*{1,3})(?=[^\s*])(?P<inner>[^*\n]+?)(?<=[^\s*])(?P=mark)(?![*\w])"
    r"|(?<![_\w])(?P<line>_{1,2})(?=[^\s_])(?P<under>[^_\n]+?)(?<=[^\s_])(?P=line)(?![_\w])"
    r"|`(?P<code>[^`\n]+)`"
)
_LINK = re.compile(
    r"\[(?P<words>[^\[\]\n]{1,200})\]\(\s*<?(?P<target>[^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)?)>?[^()\n]*\)"
)


def _quotations(text: str) -> list[_Span]:
    """Quotations in any marks; one that is not closed goes to the end."""
    spans = []
    for match in _QUOTATION.finditer(text):
        name = next(name for name in "abcdefgh" if match[name] is not None)
        inner = match[name]
        closing = match[f"{name}2"] if name != "c" else ""
        spans.append(_Span(match.start(), match.end(), inner, match[0][0], closing))
    return spans


def _emphases(text: str) -> list[_Span]:
    spans = []
    for match in _EMPHASIS.finditer(text):
        inner = match["inner"] or match["under"] or match["code"]
        mark = match["mark"] or match["line"] or "`"
        spans.append(_Span(match.start(), match.end(), inner, mark, mark))
    return spans


def _links(text: str) -> list[_Span]:
    return [_Span(m.start(), m.end(), m["words"], "[", m["target"]) for m in _LINK.finditer(text)]


# Markers.

_LIST = r"\d{1,3}(?:\s*(?:,|;|&|/|and|-|–)\s*\^?#?\d{1,3})*"
_NOUN = r"(?:(?:passage|source|note|card|evidence|ref(?:erence)?|citation|document)s?\s*)"
_MARKER_LIKE = re.compile(
    rf"(?P<space>[ ]?)(?:\[\[?\s*\^?\s*{_NOUN}?#?(?P<numbers>{_LIST})(?:†[^\[\]\n]*)?\s*\]?\](?:\([^()\s]*\))?|\({_NOUN}#?(?P<named>{_LIST})\))",
    re.IGNORECASE,
)
_IN_BRACKETS = re.compile(
    rf"(?<=\S)(?P<space>[ ]?)\((?P<numbers>{_LIST})\)(?=[ ]*(?:[.,;:?!…\n(]|$))|(?<=[.?!”\"])(?P<space2>[ ]?)\((?P<numbers2>{_LIST})\)(?=[ ]+[A-Z“])",
    re.MULTILINE,
)
_ENUMERATION = re.compile(r"\(\d{1,2}\)\s+[a-z]|^\s*\(\d{1,2}\)", re.MULTILINE)


def _numbers(listed: str) -> list[int]:
    """The numbers of a list such as `1, 3` or `2–4`."""
    found: list[int] = []
    for part in re.split(r",|;|&|/|and", listed):
        ends = [int(number) for number in re.findall(r"\d+", part)]
        is_range = len(ends) == 2 and ends[0] < ends[1] <= ends[0] + 10
        found += range(ends[0], ends[1] + 1) if is_range else ends
    return list(dict.fromkeys(found))


def _with_markers(text: str, sound: Mapping[int, _Passage]) -> tuple[str, int]:
    """The text with every marker written as [n], and how many were dropped because they point to nothing."""
    dropped = 0

    def written(match: re.Match[str]) -> str:
        nonlocal dropped
        numbers = _numbers(match["numbers"] or match["named"])
        known = [number for number in numbers if number in sound]
        dropped += len(numbers) - len(known)
        before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
        space = " " if match["space"] or (before.strip() and before not in "([“\"‘'*_>—–" and match.start()) else ""
        if not known:
            return "" if not after or after in " .,;:?!)\n" else match["space"]
        return f"{space}{' '.join(f'[{number}]' for number in known)}{' ' if after.isalnum() else ''}"

    def from_brackets(match: re.Match[str]) -> str:
        numbers = _numbers(match["numbers"] or match["numbers2"])
        if not all(number in sound for number in numbers):
            return match[0]
        return f" {' '.join(f'[{number}]' for number in numbers)}"

    if not _ENUMERATION.search(text):
        text = _IN_BRACKETS.sub(from_brackets, text)
    return _MARKER_LIKE.sub(written, text), dropped


_MARKER = re.compile(r"\[(\d{1,3})\]")


def _behind_quotations(text: str) -> str:
    """Markers inside quotation marks are moved behind them."""
    for span in reversed(_quotations(text)):
        markers = _MARKER.findall(span.inner)
        if not markers or not span.closing:
            continue
        inner = re.sub(r"\s*\[\d{1,3}\]", "", span.inner)
        moved = " ".join(f"[{number}]" for number in dict.fromkeys(markers))
        text = f"{text[: span.start]}{span.opening}{inner}{span.closing} {moved}{text[span.end :]}"
    return text


# What a quotation claims.

_NAME = r"[A-Z][\w-]+(?:\s+(?:[A-Z]\.\s*)?[A-Z][\w-]+){0,3}"
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
    rf"|\b{_NAME}\s+(?i:{_ADVERBS}(?:{_PAST}|{_PRESENT}))\b"
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
_ADVISED_AGAINST = re.compile(
    r"(?:\b(?:not|never|avoid|resist|instead of|rather than|tempt\w*|beware)\b|n['’]t\b)[^.?!“”\"]{0,40}$", re.IGNORECASE
)
_CLAIM_AFTER = re.compile(
    rf"\s*[,.]?\s*(?:(?i:you|she|he|they|we)(?:['’](?:ve|d))?\s+(?i:{_ADVERBS}(?:{_PAST}|{_PRESENT}))\b"
    rf"|{_NAME}\s+(?i:{_ADVERBS}(?:{_PAST}|{_PRESENT}))\b"
    rf"|(?i:said|says|wrote|noted|asked|writes|notes|argues)\s+(?:(?i:you|she|he|they|your|the|her|his)\b|{_NAME})"
    rf"|(?i:your\s+(?:\w+\s+)?notes?)\s+(?i:say|says|read|reads|record)\b"
    rf"|[—–]\s*{_NAME}\s*(?:[.,(\[]|$)|-\s+{_NAME}\s*(?:[.,(\[]|$))"
)
_JOINED = re.compile(r"\s*(?:,|and|or|but|then|,\s*(?:and|then|but))\s*(?:\w+\s+){0,2}", re.IGNORECASE)

_CITED_WORDS: frozenset[EvidenceKind] = frozenset({"note", "card", "resource"})
"""Kinds of evidence whose marker makes a claim of the quotation before it: a question or a lens may be put in other words."""
_CLOSE_WORDS = 2
"""Between a quotation and the marker of a card that make them one; what stands further off may be anybody's words."""


def _cue(before: str) -> Literal["claim", "directive", None]:
    """What the words before a quotation make of it: somebody's words, or words to be said; the nearer one decides."""
    directive = max((match.end() for match in _DIRECTIVE.finditer(before)), default=-1)
    claim = next((match for match in reversed(list(_CLAIM.finditer(before)))), None)
    if claim is not None and claim.end() >= directive and len(before) - claim.end() <= 80:
        head, between = before[: claim.start()], before[claim.start() :]
        is_supposed = _ONLY_IF.search(head) or (claim["now"] and _WHENEVER.search(head))
        if not is_supposed and not _DENIED.search(between):
            return "claim"
        return "directive"
    return "directive" if directive >= 0 else None


@dataclass(frozen=True, slots=True)
class _Claim:
    """A quotation that claims to be somebody's words."""

    span: _Span
    markers: tuple[tuple[int, int, int], ...]
    """Number, start and end of the markers in its sentence: those behind it, or all where none is."""


def _is_cited(
    sentence: str, span: _Span, behind: Sequence[tuple[int, int, int]], sound: Mapping[int, _Passage]
) -> bool:
    """Whether the marker behind a quotation makes it one: of a note anywhere in the sentence, of the library close by."""
    if not behind or behind[0][0] not in sound:
        return False
    kind = sound[behind[0][0]].kind
    is_close = len(sentence[span.end : behind[0][1]].split()) <= _CLOSE_WORDS
    return kind == "note" or (kind in _CITED_WORDS and is_close)


def _claims(sentence: str, lead: str, sound: Mapping[int, _Passage]) -> list[_Claim]:
    """The quotations of a sentence that claim to be the user's notes, somebody's words or a source."""
    spans = sorted(
        [*_quotations(sentence), *(s for s in _emphases(sentence) if len(s.inner.split()) > 2)],
        key=lambda span: span.start,
    )
    quoted = {span.start for span in _quotations(sentence)}
    markers = [(int(match[1]), match.start(), match.end()) for match in _MARKER.finditer(sentence)]
    claims: list[_Claim] = []
    end = 0
    for span in spans:
        if span.start < end:
            continue
        behind = tuple(marker for marker in markers if marker[1] >= span.end)
        before = sentence[end : span.start]
        cue = _cue(f"{lead} {before}".lstrip()[-_REACH * 2 :] if not end else before)
        if span.start not in quoted:
            # Emphasis quotes only where nothing stands between it and the words that say so.
            is_direct = cue == "claim" and any(m.end() >= len(before.rstrip(" :,")) for m in _CLAIM.finditer(before))
            if is_direct:
                claims.append(_Claim(span, behind or tuple(markers)))
                end = span.end
            continue
        follows = claims and claims[-1].span.end == end and _JOINED.fullmatch(before) and cue is None
        after = sentence[span.end : span.end + _REACH]
        is_by_marker = (
            cue is None and not span.inner.rstrip().endswith("?") and _is_cited(sentence, span, behind, sound)
        )
        if cue == "claim" or follows or _CLAIM_AFTER.match(after):
            claims.append(_Claim(span, behind or tuple(markers)))
        elif is_by_marker:
            claims.append(_Claim(span, behind))
        end = span.end
    return claims


# What a title is presented as.

_KIND = (
    r"(?:books?|articles?|papers?|podcasts?|TEDx?(?:\s+talks?)?|talks?|videos?|essays?|blog(?:\s+posts?)?|posts?|courses?|films?"
    r"|movies?|documentar(?:y|ies)|guides?|reports?|stud(?:y|ies)|episodes?|newsletters?|chapters?|worksheets?|workbooks?|websites?"
    r"|webinars?|lectures?|novels?|memoirs?|toolkits?|handbooks?|magazines?|journals?|apps?)"
)
_STRONG_KIND = r"(?:book|podcast|TEDx? talk|TED talk|documentary|newsletter|memoir|bestseller|article|webinar|blog)"
_SMALL = r"(?:of|the|and|to|a|an|in|for|on|with|your|from|at|is|or|as|you|that|&)"
_TITLE = rf"[A-Z0-9][\w'’-]*(?:[:,]?\s+(?:{_SMALL}\s+){{0,3}}[A-Z0-9][\w'’-]*){{0,15}}"
_LONG_TITLE = rf"[A-Z0-9][\w'’-]*(?:[:,]?\s+(?:{_SMALL}\s+){{0,3}}[A-Z0-9][\w'’-]*){{1,15}}"
_BY = re.compile(
    rf"[\s,(–—:-]*\b(?:by|from)\s+(?:the\s+)?(?:(?:author|psychologist|professor|Dr|Prof)\.?\s+)?(?P<name>{_NAME})"
)
_KIND_BEFORE = re.compile(
    rf"(?P<whose>\b(?:your|her|his|their|my|our)\s+(?:\w+\s+)?)?\b{_KIND}"
    rf"(?:,?\s+(?:called|titled|named|entitled|is|by\s+{_NAME}))?[\s,:(–—-]*$"
)
_TAKEN_UP = re.compile(
    r"\b(?:read|reading|watch|watching|listen(?:ing)? to|recommend|check(?:ing)? out|look(?:ing)? up|pick(?:ing)? up"
    r"|subscribe to|dip into)\s+(?:\w+\s+){0,2}$"
    rf"|\b{_NAME}['’]s?\s+(?:\w+\s+)?$"
)
_KIND_AFTER = re.compile(
    rf"\s*\((?:[^()]{{0,60}}\D)?(?:19|20)\d\d\)|\s*\(\s*(?:\w+\s+)?{_KIND}\b|\s+{_KIND}\b"
    rf"|\s*(?:,|:|[–—-]|\bis|\()\s*(?:(?:an?|the|another)\s+)(?:[\w-]+\s+){{0,3}}{_KIND}\b"
)
_NAMED = re.compile(rf"\b{_KIND}\s+(?:called\s+|titled\s+|named\s+|entitled\s+|,\s*)?(?P<title>{_LONG_TITLE})")
_NAMED_BEFORE = re.compile(rf"(?:^|(?<=\s))(?:The\s+|A\s+)?(?P<title>{_LONG_TITLE})(?:['’]s?)?\s+{_STRONG_KIND}\b")
_TITLE_BY = re.compile(rf"(?P<title>{_TITLE})\s*,?\s+by\s+(?P<name>{_NAME})")
_WORK_BY = re.compile(
    rf"\b(?:{_KIND}|research|work|studies|writing|model|theory)\s+(?:[\w-]+\s+){{0,3}}?by\s+(?:Dr\.?\s+|Prof(?:essor)?\.?\s+)?(?P<name>{_NAME})"
    rf"|\b(?P<doctor>(?:Dr|Prof|Professor)\.?\s+)?(?P<owner>{_NAME})['’]s?\s+(?:\w+\s+)?(?:{_KIND}|bestseller|research|theory|work on)\b"
)
_AUTHOR_YEAR = re.compile(
    r"\b(?P<name>[A-Z][\w’'-]+)(?:(?:,\s*[A-Z][\w’'-]+)*,?\s+(?:and|&)\s+[A-Z][\w’'-]+|\s+et al\.?|\s+and (?:colleagues|others))?"
    r",?\s+\(?(?:19|20)\d\d[a-z]?\)"
)
_CALENDAR = frozenset(
    "january february march april may june july august september october november december monday tuesday wednesday thursday"
    " friday saturday sunday spring summer autumn winter christmas easter".split()
)
_LEANS_ON_IT = re.compile(
    r"(?:It|Its|This|That|Both|In it|There|The|He|She|They|His|Her|Their)\b(?:\s+(?:book|article|paper|talk|podcast|video|author|"
    r"guide|piece|one|first|chapter|course)\b|['’]s|\s+(?:is|was|are|has|covers|explains|offers|shows|gives|separates|takes|will|can"
    r"|argues|looks|walks|helps|describes|talks|writes|says|makes)\b)"
)


def _unknown_address(sentence: str, material: _Material) -> str | None:
    """An address in a sentence that no source holds; characters that only look like others are read as those."""
    for match in _ADDRESS.finditer(unicodedata.normalize("NFKC", sentence)):
        if not material.knows_address(match[0]):
            return match[0]
    return None


def _unknown_resource(sentence: str, claimed: Iterable[_Span], material: _Material) -> str | None:
    """A book, talk or author presented in a sentence that is neither in the catalogue nor in the evidence."""
    checked = {(span.start, span.end) for span in claimed}
    spans = [*_quotations(sentence), *_emphases(sentence), *_links(sentence)]
    for span in spans:
        if (span.start, span.end) in checked or not span.inner.strip(" *_“”\"'‘’"):
            continue
        title = span.inner.strip(" *_“”\"'‘’,.;:")
        if _is_presented(sentence, span, title) and not material.knows_title(title):
            return title
        if by := _BY.match(sentence[span.end : span.end + _REACH]):
            written_by = material.catalogue.titled(title)
            if written_by and not any(_wrote(by["name"], resource) for resource in written_by):
                return f"{title} by {by['name']}"
    return _unknown_in_plain_words(sentence, material)


def _is_presented(sentence: str, span: _Span, title: str) -> bool:
    """Whether what stands in marks is presented as something to read, watch or listen to."""
    before, after = sentence[max(0, span.start - _REACH) : span.start], sentence[span.end : span.end + _REACH]
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


def _unknown_in_plain_words(sentence: str, material: _Material) -> str | None:
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
    return bool(_CALENDAR & set(_key(name).split()[:1]))


def _wrote(name: str, resource: Resource) -> bool:
    """Whether a name is that of one of the authors; a last name is enough."""
    last = _key(re.sub(r"['’]s$", "", name)).rpartition(" ")[2]
    return any(last in _key(author).split() for author in resource.authors)


# Compliments.

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
_OPENER = re.compile(r"(?:absolutely|certainly|sure|sure thing|of course|definitely|gladly)\s*[!,.–—-]", re.IGNORECASE)


def _without_flattery(sentence: str, *, is_first: bool) -> str:
    """The sentence without an empty compliment; what is said after a comma or a dash stays."""
    match = _FLATTERY.match(sentence) or (_OPENER.match(sentence) if is_first else None)
    if match is None:
        return sentence
    rest = sentence[match.end() :].lstrip(" ,;:–—-!.")
    rest = re.sub(r"^(?:and|but|so)\s+", "", rest)
    is_continued = bool(re.match(r"\s*[,;:–—-]", sentence[match.end() - 1 :])) or match.re is _OPENER
    if is_continued and len(rest.split()) > 3:
        return rest[:1].upper() + rest[1:]
    return ""


# The pass over a text.


class _Desk:
    """Goes over one text until nothing is left to put right, and keeps what was found."""

    def __init__(self, material: _Material, is_plan: bool) -> None:
        self.material = material
        self.reservations: list[str] = []
        self._is_plan = is_plan
        self._changes: Counter[ChangeKind] = Counter()
        self._faults: dict[str, None] = {}

    @property
    def all_changes(self) -> tuple[str, ...]:
        """A sentence for each kind of change."""
        return tuple(
            (one if (n := self._changes[kind]) == 1 else many.format(n))
            for kind, (one, many) in _CHANGES.items()
            if self._changes[kind]
        )

    @property
    def all_faults(self) -> tuple[str, ...]:
        """An instruction for each fault."""
        return tuple(self._faults)[:MAX_FAULTS]

    def pass_over(self, text: str) -> str:
        """The text once gone over."""
        text, gone = _plain(text)
        text, dropped = _with_markers(text, self.material.sound)
        self._count("markup", gone)
        self._count("marker", dropped)
        blocks = _blocks(text)
        lead, is_first = "", True
        for place, block in enumerate(blocks):
            if block.kind in ("prose", "heading"):
                lead = block.text if block.text.endswith(":") else ""
            follows = blocks[place + 1].text if place + 1 < len(blocks) else ""
            had_text = bool(block.text)
            self._judge(block, lead if block.kind in ("item", "quotation") else "", follows, is_first=is_first)
            is_first = is_first and not (had_text and block.text)
        self._ask(blocks)
        return _markdown(_without_gaps(blocks))

    def _judge(self, block: _Block, lead: str, follows: str, *, is_first: bool) -> None:
        """Keep the sentences of a block that hold, repaired where that is enough."""
        if block.kind == "quotation" and not self._holds_as_block(block, lead, follows):
            block.sentences = []
            return
        kept: list[str] = []
        leans = False
        for place, piece in enumerate(block.sentences):
            sentence = piece.rstrip()
            space = piece[len(sentence) :]
            if leans and _LEANS_ON_IT.match(sentence) and not _MARKER.search(sentence):
                continue
            if block.kind != "quotation":
                bare = _without_flattery(sentence, is_first=is_first and not kept)
                self._count("flattery", int(bare != sentence and not _OPENER.match(sentence)))
                if not bare:
                    continue
                sentence = bare
            held, leans = self._held(sentence, lead if not place else "")
            if held is None and block.kind == "item" and not kept:
                break  # what a list's item goes on to say is about what it began with
            if held is not None:
                kept.append(held + space)
        block.sentences = kept

    def _held(self, sentence: str, lead: str) -> tuple[str | None, bool]:
        """The sentence as it may stand, or None; and whether what went was a resource, on which the next may lean."""
        sentence = _behind_quotations(sentence)
        linked = self._with_links(sentence)
        if linked is None:
            return None, True
        quoted = self._with_quotations(linked, lead)
        if quoted is None:
            return None, False
        claimed = [claim.span for claim in _claims(quoted, lead, self.material.sound)]
        if address := _unknown_address(quoted, self.material):
            self._drop("link", f"“{address}” is in none of the passages; give no link or address that is not there.")
            return None, True
        if title := _unknown_resource(quoted, claimed, self.material):
            self._drop(
                "resource",
                f"“{shortened(title, limit=100)}” is in none of the passages; name no book, talk, paper or author from elsewhere.",
            )
            return None, True
        return self._calm(quoted), False

    def _with_links(self, sentence: str) -> str | None:
        """Links of the catalogue stay, others become their words; None where one leads to an unknown place."""
        catalogue = self.material.catalogue
        for span in reversed(_links(sentence)):
            words, target = span.inner.strip(), span.closing
            resource = catalogue.links.get(_address_key(target))
            titled = catalogue.titled(words.strip("*_“”\"'"))
            if resource is not None and (not titled or resource in titled) and not _ADDRESS.fullmatch(words):
                continue
            if resource is None and not titled and not self.material.knows_address(target):
                self._drop("link", f"“{words}” leads to an address that is in none of the passages; leave it out.")
                return None
            self._count("link", 1)
            sentence = f"{sentence[: span.start]}{words}{sentence[span.end :]}"
        return sentence

    def _with_quotations(self, sentence: str, lead: str) -> str | None:
        """The sentence with its quotations as they stand in their sources; None where one stands nowhere."""
        sound = self.material.sound
        claims = _claims(sentence, lead, sound)
        supported = {
            number
            for claim in claims
            for number, _, _ in claim.markers
            if number in self.material.where(claim.span.inner)
        }
        for claim in reversed(claims):
            span = claim.span
            if self.material.is_title(span.inner):
                continue
            found = self._verbatim(span.inner, [number for number, _, _ in claim.markers])
            if found is None:
                cited = claim.markers[0][0] if claim.markers else None
                where = f"not in passage [{cited}]" if cited else "in none of the passages"
                self._drop(
                    "quotation",
                    f"“{shortened(span.inner.strip(), limit=120)}” is {where}; quote it word for word or leave it out.",
                )
                return None
            inner, tail, number = found
            after = sentence[span.end :]
            if tail and (after.lstrip()[:1] in tuple(".,;:?!") or (tail == "." and after.lstrip()[:1].islower())):
                tail = ""
            if number is not None:
                after = self._with_source(after, claim, number, supported)
            sentence = f"{sentence[: span.start]}{span.opening}{inner}{span.closing}{tail}{after}"
        return sentence

    def _verbatim(self, inner: str, cited: Sequence[int]) -> tuple[str, str, int | None] | None:
        """A quotation as it stands in a source: the words, a mark that belongs behind them, and the passage to cite
        instead (0 for none) where the one cited does not hold it."""
        for body, tail in _variants(inner):
            where = self.material.where(body)
            if where:
                return body, tail, None if not cited or set(where) & set(cited) else where[0]
            if _stands_in(_flat(body), self.material.said):
                return body, tail, 0 if cited else None
        return None

    def _with_source(self, after: str, claim: _Claim, number: int, supported: set[int]) -> str:
        """What follows a quotation, with the number of the passage that holds it; 0 for words of the conversation."""
        marker = next((m for m in claim.markers if m[1] >= claim.span.end), None)
        if marker is None:
            return after
        start, end = marker[1] - claim.span.end, marker[2] - claim.span.end
        if number == 0:
            # A number that stands further on may be there for what is said about the words.
            is_its_own = not after[:start].strip(" .,;:") and marker[0] not in supported
            if is_its_own:
                self._count("source", 1)
            return after[:start].rstrip() + after[end:] if is_its_own else after
        self._count("source", 1)
        if marker[0] in supported:
            return f" [{number}]{after}"
        return f"{after[:start]}[{number}]{after[end:]}"

    def _holds_as_block(self, block: _Block, lead: str, follows: str) -> bool:
        """Whether a block quotation is a draft, or stands in its source."""
        bare = _MARKER.sub("", block.text).strip()
        behind = re.search(r"(?:\[\d{1,3}\][ .]*)+$", block.text) or re.match(r"(?:\[\d{1,3}\][ .]*)+", follows)
        cited = [int(number) for number in _MARKER.findall(behind[0])] if behind else []
        cue = _cue(lead)
        is_cited = any(self.material.sound[n].kind in _CITED_WORDS for n in cited if n in self.material.sound)
        if cue == "directive" or (cue is None and not is_cited) or (cue is None and bare.endswith("?")):
            return True
        lines = [line.strip(' “”"„«»*_') for line in bare.split("\n") if line.strip()]
        whole = [" ".join(lines)]
        for parts in (whole, lines):
            if all(self.material.where(part) or _stands_in(_flat(part), self.material.said) for part in parts):
                where = self.material.where(parts[0])
                if not cited or set(where) & set(cited) or not where:
                    return True
                if block.text.endswith(behind[0] if behind else ""):
                    block.sentences = [f"{bare} [{where[0]}]"]
                    self._count("source", 1)
                return True
        where_to = f"not in passage [{cited[0]}]" if cited else "in none of the passages"
        self._drop(
            "quotation", f"“{shortened(bare, limit=120)}” is {where_to}; quote it word for word or leave it out."
        )
        return False

    def _calm(self, sentence: str) -> str:
        """Exclamation marks become full stops, but for those in words and titles that are somebody else's."""
        if "!" not in sentence:
            return sentence
        kept = [
            (span.start, span.end)
            for span in (*_quotations(sentence), *_emphases(sentence))
            if self.material.is_title(span.inner)
            or self.material.where(span.inner)
            or _stands_in(_flat(span.inner), self.material.said)
        ]
        kept += [match.span() for match in _ADDRESS.finditer(sentence)] + [(s.start, s.end) for s in _links(sentence)]

        def calmed(match: re.Match[str]) -> str:
            if any(start <= match.start() < end for start, end in kept):
                return match[0]
            return "?" if "?" in match[0] else "."

        return re.sub(r"[.?!]*![.?!]*(?!\w)", calmed, sentence)

    def _ask(self, blocks: list[_Block]) -> None:
        """Take out questions that break the rules while another one stays."""
        self.reservations = []
        asked: list[tuple[_Block, int, list[str]]] = []
        total = 0
        lead = ""
        for block in blocks:
            if block.kind in ("prose", "heading"):
                lead = block.text if block.text.endswith(":") else ""
            if block.kind == "quotation":
                continue  # a draft's questions are the user's to edit
            for place, sentence in enumerate(block.sentences):
                questions = self._questions(sentence.strip(), lead if block.kind == "item" and not place else "")
                total += len(questions)
                faults = [
                    f"“{shortened(q, limit=120)}” {fault}; ask one open question of one idea."
                    for q in questions
                    for fault in faults_in(q)[:1]
                ]
                if questions:
                    asked.append((block, place, faults))
        for _, _, faults in asked:
            self._faults.update(dict.fromkeys(faults))
        if total > MAX_QUESTIONS and not self._is_plan:
            self._faults[f"It asks {total} questions; ask at most {MAX_QUESTIONS}, better one."] = None
            self.reservations.append(f"It asks {total} questions, which is more than one conversation needs at once.")
        faulty = [(block, place) for block, place, faults in asked if faults]
        if faulty and len(faulty) == len(asked):
            faulty.pop()
            self.reservations.append(
                "Its question leads or asks more than one thing; it was left because there is no other."
            )
        for block, place in reversed(faulty):
            if block.kind == "item" and not "".join(block.sentences[:place]).strip():
                block.sentences = []
            else:
                block.sentences[place] = ""
            self._count("question", 1)

    def _questions(self, sentence: str, lead: str) -> list[str]:
        """The questions that a sentence asks or gives to be asked; not those that it quotes, nor titles."""
        quoted = {claim.span.start for claim in _claims(sentence, lead, self.material.sound)}
        found: list[str] = []
        rest = sentence
        marked = sorted([*_quotations(sentence), *_emphases(sentence)], key=lambda span: (-span.start, span.end))
        for span in marked:
            is_foreign = span.start in quoted or self.material.is_title(span.inner)
            if is_foreign or span.opening in "“\"„«‘'":
                if "?" in span.inner and not is_foreign and not _ADVISED_AGAINST.search(sentence[: span.start]):
                    pieces = [piece.strip() for piece in re.findall(r"[^.!?…]*\?", span.inner)]
                    found.insert(0, " ".join(piece for piece in pieces if len(piece) > 1))
                rest = (
                    f"{rest[: span.start]}{span.opening}{span.inner.replace('?', '')}{span.closing}{rest[span.end :]}"
                )
        if "?" in rest:
            bare = re.sub(r"\s*\[\d{1,3}\]|[*_`#]+", "", rest)
            bare = bare[: bare.rindex("?") + 1]
            inside = [range(span.start, span.end) for span in _quotations(bare)]
            announced = [m.end() for m in re.finditer(r":\s+", bare) if not any(m.start() in part for part in inside)]
            found.append(bare[max(announced, default=0) :].strip())
        return [question for question in found if any(character.isalpha() for character in question)]

    def _drop(self, kind: ChangeKind, fault: str) -> None:
        self._count(kind, 1)
        self._faults[fault] = None

    def _count(self, kind: ChangeKind, number: int) -> None:
        if number:
            self._changes[kind] += number


def _variants(inner: str) -> Iterator[tuple[str, str]]:
    """A quotation as it may stand in its source: with its last mark outside, with another case of its first letter."""
    bare = inner.strip()
    bodies = [(inner, "")]
    if bare[-1:] in tuple(".,;:!"):
        bodies.append((bare[:-1].rstrip(), "," if bare[-1] in ",;:" else "."))
    for body, tail in bodies:
        yield body, tail
    for body, tail in bodies:
        yield body[:1].swapcase() + body[1:], tail


def _without_gaps(blocks: Sequence[_Block]) -> list[_Block]:
    """The blocks that still say something: nothing is announced that went, and lists are numbered through."""
    kept: list[_Block] = []
    gone: _Block | None = None
    shift = 0
    for block in [*blocks, None]:
        if block is not None and not _says_something(block.text):
            gone = block
            shift += bool(_NUMBERED.fullmatch(block.prefix))
            continue
        if gone is not None and kept and (block is None or block.kind != gone.kind or block.is_lead_in):
            _drop_lead_in(kept)
        if block is None:
            break
        if gone is not None:
            block.has_gap = block.has_gap or (gone.has_gap and not (kept and kept[-1].kind == block.kind == "item"))
        gone = None
        if number := _NUMBERED.fullmatch(block.prefix):
            shift = 0 if int(number["number"]) == 1 else shift
            block.prefix = f"{number['before']}{int(number['number']) - shift}{number['after']}"
        kept.append(block)
    return kept


def _drop_lead_in(kept: list[_Block]) -> None:
    last = kept[-1]
    if last.is_lead_in:
        if last.kind == "heading" or not last.text.endswith(":"):
            kept.pop()
            return
        last.sentences = last.sentences[:-1]
        if not _says_something(last.text):
            kept.pop()


def _says_something(text: str) -> bool:
    return any(character.isalnum() for character in _MARKER.sub("", text))


# Whether a text is of use at all.


def _is_leak(text: str, tag: str, instructions: str) -> bool:
    """Whether a text holds the mark of its request, or recites what the model was told."""
    if tag and tag.casefold() in text.casefold():
        return True
    size = LEAK_WORDS + 1
    told = _key(instructions).split()
    if len(told) < size:
        return False
    runs = {tuple(told[start : start + size]) for start in range(len(told) - size + 1)}
    words = _key(text).split()
    return any(tuple(words[start : start + size]) in runs for start in range(len(words) - size + 1))


def _is_all_english(text: str) -> bool:
    """Whether a text and each of its longer paragraphs are in English; what is quoted need not be."""
    bare = _QUOTATION.sub(" ", text)
    return is_english(bare) and all(is_english(part) for part in re.split(r"\n\s*\n", bare) if len(part) > 60)


def _word_count(text: str) -> int:
    return len(_key(_MARKER.sub("", text)).split())
