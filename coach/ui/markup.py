"""Text into HTML that cannot misbehave: everything is escaped, and only a small part of Markdown means anything.

What a screen is made of is `coach.ui.render`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Collection, Iterator

_BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")
_EMPHASIS = re.compile(r"(?<![*\w])\*(?=[^\s*])([^*]+?)(?<=[^\s*])\*(?![*\w])")
_LINK = re.compile(r"\[(?P<words>[^\[\]]{1,200})\]\((?P<address>https?://[^\s()]{1,2000})\)")
_MARKER = re.compile(r"(?P<space> ?)\[(?P<number>\d{1,3})\]")
_ITEM = re.compile(r"(?P<indent> {0,3})(?:(?P<number>\d{1,3})\.|[-*])\s+(?P<words>.*)")
_HEADING = re.compile(r"#{1,6}\s+(?P<words>.*)")

Cite = Callable[[int], str | None]
"""HTML for a marker's number, or None where it cites nothing and stays as it was written."""


def escaped(text: str) -> str:
    """Text as HTML that stays on one line, so that whatever shows it finds no Markdown in it."""
    return (
        html.escape(text.replace("\r\n", "\n").replace("\r", "\n"), quote=True)
        .replace("\n", "&#10;")
        .replace("\t", "&#9;")
    )


def attributes(**values: str | int | bool | None) -> str:
    """HTML attributes; `_` stands for `-`, a trailing one is dropped, None and False leave an attribute out."""
    parts = []
    for name, value in values.items():
        if value is None or value is False:
            continue
        written = name.rstrip("_").replace("_", "-")
        parts.append(f" {written}" if value is True else f' {written}="{escaped(str(value))}"')
    return "".join(parts)


def button(label: str, do: str, *, class_: str = "", **values: str | int | bool | None) -> str:
    """A button that asks the page for the action `do`; `values` are further attributes."""
    return f'<button type="button"{attributes(class_=class_ or None, data_do=do, **values)}>{label}</button>'


def with_mark(text: str, start: int, end: int) -> str:
    """The text with one stretch highlighted; what stands inside the mark is exactly that stretch."""
    return f"{escaped(text[:start])}<mark>{escaped(text[start:end])}</mark>{escaped(text[end:])}"


def around(text: str, start: int, end: int, *, reach: int) -> tuple[int, int]:
    """Where to cut so that a stretch stands within about `reach` characters on either side, at word borders."""
    first, last = max(0, start - reach), min(len(text), end + reach)
    if first > 0:
        border = re.search(r"\s", text[first:start])
        first = first + border.end() if border else start
    if last < len(text):
        borders = [match.start() for match in re.finditer(r"\s", text[end:last])]
        last = end + borders[-1] if borders else end
    return first, last


def prose(markdown: str, *, cite: Cite = lambda _: None, links: Collection[str] = ()) -> str:
    """A reply as HTML: paragraphs, lists, quotations, bold, emphasis, markers; a link only to an address in `links`."""
    return "".join(_block(lines, cite, links) for lines in _paragraphs(markdown))


def _paragraphs(markdown: str) -> Iterator[list[str]]:
    lines: list[str] = []
    for line in markdown.splitlines():
        kind_changes = (
            bool(lines) and _kind(line) != _kind(lines[-1]) and not (_ITEM.match(lines[0]) and line[:1] == " ")
        )
        if not line.strip() or kind_changes:
            if lines:
                yield lines
            lines = []
        if line.strip():
            lines.append(line)
    if lines:
        yield lines


def _kind(line: str) -> str:
    if line.startswith(">"):
        return "quotation"
    if _HEADING.match(line):
        return "heading"
    match = _ITEM.match(line)
    if match:
        return "numbered" if match["number"] else "bulleted"
    return "prose"


def _block(lines: list[str], cite: Cite, links: Collection[str]) -> str:
    kind = _kind(lines[0])
    if kind == "quotation":
        inside = "\n".join(line[1:].removeprefix(" ") for line in lines)
        return f"<blockquote>{prose(inside, cite=cite, links=links)}</blockquote>"
    if kind == "heading":
        return "".join(f"<h4>{_inline(line.lstrip('# '), cite, links)}</h4>" for line in lines)
    if kind == "prose":
        return f'<p dir="auto">{_inline(" ".join(line.strip() for line in lines), cite, links)}</p>'
    items: list[str] = []
    for line in lines:
        match = _ITEM.match(line)
        if match:
            items.append(match["words"])
        else:
            items[-1] += f" {line.strip()}"
    inside = "".join(f'<li dir="auto">{_inline(item, cite, links)}</li>' for item in items)
    first = _ITEM.match(lines[0])
    if first is not None and first["number"]:
        return f'<ol start="{int(first["number"])}">{inside}</ol>'
    return f"<ul>{inside}</ul>"


def _inline(text: str, cite: Cite, links: Collection[str]) -> str:
    """Links are found before escaping, everything else after it, so that no mark can reach into an attribute."""
    parts: list[str] = []
    position = 0
    for match in _LINK.finditer(text):
        if match["address"] in links:
            parts += [_spans(text[position : match.start()], cite), _link(match["words"], match["address"])]
            position = match.end()
    parts.append(_spans(text[position:], cite))
    return "".join(parts)


def _spans(text: str, cite: Cite) -> str:
    marked = _EMPHASIS.sub(r"<em>\1</em>", _BOLD.sub(r"<strong>\1</strong>", escaped(text)))
    return _MARKER.sub(lambda match: _marker(match, cite), marked)


def _marker(match: re.Match[str], cite: Cite) -> str:
    """A marker stays on the line of the word before it."""
    link = cite(int(match["number"]))
    return f"{'&nbsp;' if match['space'] else ''}{link}" if link else match[0]


def _link(words: str, address: str) -> str:
    return f"<a{attributes(href=address, target='_blank', rel='noopener noreferrer')}>{escaped(words)}</a>"
