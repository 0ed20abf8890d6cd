"""From the Markdown of a chat model to blocks of sentences, and back: what is no text goes, what is quoted is found.

What of it may stand is `coach.services.model_checks`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

REACH = 120
"""Characters beside a title or a quotation that say what it is."""


_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_LINE_END = re.compile("\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_SAME = str.maketrans(
    {"【": "[", "】": "]", "［": "[", "］": "]", "〔": "[", "〕": "]"}
    | dict.fromkeys("❝❞‟〝〞＂", '"')
    | dict.fromkeys("❛❜＇", "'")
)
_THOUGHTS = re.compile(
    r"<(?P<name>think|thinking|reasoning)\b[^<>]*>(?:.*?</(?P=name)\s*>|.*)", re.IGNORECASE | re.DOTALL
)
_HIDDEN = re.compile(
    r"<(?P<name>script|style|iframe|object|svg)\b[^<>]*>(?:.*?</(?P=name)\s*>|.*)|<!--(?:.*?-->|.*)",
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


def plain_text(text: str) -> tuple[str, int]:
    """The text without what does not show, HTML, code fences, rules and a list of sources; and how many pictures and
    pieces of code went."""
    text = _UNSEEN.sub("", _LINE_END.sub("\n", text)).replace("\t", " ").translate(_SAME)
    gone = 0
    for _ in range(5):
        before = text
        text, hidden = _HIDDEN.subn("", _THOUGHTS.sub("", text))
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
NUMBERED = re.compile(r"(?P<before>[ \t]*\(?)(?P<number>\d{1,3})(?P<after>[.)]+[ \t]+)")


_BlockKind = Literal["prose", "item", "heading", "quotation"]


@dataclass(slots=True)
class Block:
    """A paragraph, a heading, an item of a list or a block quotation: its sentences, each with the white space after it."""

    kind: _BlockKind
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


def blocks_of(text: str) -> list[Block]:
    blocks: list[Block] = []
    lines: list[tuple[_BlockKind, str, list[str], bool]] = []
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
        blocks.append(Block(kind, prefix, list(_sentences(block_text)), gap))
    return blocks


def _line(line: str) -> tuple[_BlockKind, str, str]:
    """The kind of a line, the mark that makes it so, and its words."""
    if line.lstrip().startswith(">"):
        return "quotation", "> ", re.sub(r"^(?:[ \t]*>)+[ \t]?", "", line)
    if match := _HEADING.match(line):
        return "heading", match["prefix"], match["words"]
    if match := _ITEM.match(line):
        return "item", match["prefix"], match["words"]
    return "prose", "", line


def markdown_of(blocks: Iterable[Block]) -> str:
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
    whole = sorted((span.start, span.end) for span in (*quotations_in(text), *emphases_in(text), *links_in(text)))
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
class Span:
    """A stretch of a text in marks, which stand outside `inner`."""

    start: int
    end: int
    inner: str
    opening: str
    closing: str


QUOTATION = re.compile(
    r"“(?P<a>(?:[^“”]++|“[^“”]*”)*+)(?P<a2>”)|“(?P<b>[^“”\"]*)(?P<b2>\")|“(?P<c>[^“]*)|„(?P<d>[^„“”]*)(?P<d2>[“”])|«(?P<e>[^«»]*)(?P<e2>»)"
    r"|\"(?P<f>[^\"]*)(?P<f2>\"|\Z)"
    r"|(?<!\w)‘(?P<g>(?:[^‘’]|’(?=\w)){1,240}+)(?P<g2>’)(?!\w)|(?<![\w'])'(?=\S)(?P<h>(?:[^'\n]|'(?=\w)){1,240}+)(?P<h2>')(?!\w)"
)
_EMPHASIS = re.compile(
    r"(?<![*\w])(?P<mark>\*{1,3})(?=[^\s*])(?P<inner>[^*\n]+?)(?<=[^\s*])(?P=mark)(?![*\w])"
    r"|(?<![_\w])(?P<line>_{1,2})(?=[^\s_])(?P<under>[^_\n]+?)(?<=[^\s_])(?P=line)(?![_\w])"
    r"|`(?P<code>[^`\n]+)`"
)
_LINK = re.compile(
    r"\[(?P<words>[^\[\]\n]{1,200})\]\(\s*<?(?P<target>[^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)?)>?[^()\n]*\)"
)


def quotations_in(text: str) -> list[Span]:
    """Quotations in any marks; one that is not closed goes to the end."""
    spans = []
    for match in QUOTATION.finditer(text):
        name = next(name for name in "abcdefgh" if match[name] is not None)
        inner = match[name]
        closing = match[f"{name}2"] if name != "c" else ""
        spans.append(Span(match.start(), match.end(), inner, match[0][0], closing))
    return spans


def emphases_in(text: str) -> list[Span]:
    spans = []
    for match in _EMPHASIS.finditer(text):
        inner = match["inner"] or match["under"] or match["code"]
        mark = match["mark"] or match["line"] or "`"
        spans.append(Span(match.start(), match.end(), inner, mark, mark))
    return spans


def links_in(text: str) -> list[Span]:
    return [Span(m.start(), m.end(), m["words"], "[", m["target"]) for m in _LINK.finditer(text)]
