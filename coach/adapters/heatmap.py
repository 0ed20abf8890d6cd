"""A heat map of counts as one SVG file, legible on light and on dark pages.

What is counted is `coach.services.knowledge_stats`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import escape

Table = Mapping[str, Mapping[str, int]]

_CELL_WIDTH, _CELL_HEIGHT = 84, 22
_LEFT, _HEADER, _GAP = 190, 52, 30
# The figure brings its own colours for both schemes, since an image in a page does not inherit the page's.
_STYLE = """
svg { background: #ffffff; } text { font: 12px system-ui, sans-serif; fill: #1f2328; }
.title { font-weight: 600; font-size: 14px; } .cell { fill: #0b6e69; } .none { fill: none; stroke: #b35900; }
.count { text-anchor: middle; } .column { text-anchor: middle; } .row { text-anchor: end; } .deep { fill: #ffffff; }
@media (prefers-color-scheme: dark) {
  svg { background: #0d1117; } text { fill: #e6edf3; } .cell { fill: #3fb8af; } .none { stroke: #f0a35e; }
  .deep, .middle { fill: #0d1117; }
}
"""


def heatmap(tables: Mapping[str, Table]) -> str:
    """The SVG text: one map under the other, each with its title; a zero is an outlined cell.

    Shades are set by the largest count of each column, on a square-root scale so that small counts stay apart.
    """
    parts: list[str] = []
    top, width = 10, 0
    for title, table in tables.items():
        parts.append(_map(title, table, top))
        top += _HEADER + len(table) * _CELL_HEIGHT + _GAP
        width = max(width, _LEFT + _CELL_WIDTH * max((len(row) for row in table.values()), default=0) + 16)
    label = escape(", ".join(tables), {'"': "&quot;"})
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}" width="{width}" height="{top}" '
        f'role="img" aria-label="{label}"><style>{_STYLE}</style>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def write_heatmap(path: Path, tables: Mapping[str, Table]) -> None:
    """Write the SVG file."""
    path.write_text(heatmap(tables), encoding="utf-8")


def _map(title: str, table: Table, top: int) -> str:
    lines = [f'<text class="title" x="10" y="{top + 16}">{escape(title)}</text>']
    columns = tuple(next(iter(table.values()), {}))
    largest = {column: max(row[column] for row in table.values()) for column in columns}
    for place, column in enumerate(columns):
        x = _LEFT + place * _CELL_WIDTH + _CELL_WIDTH // 2
        lines.append(f'<text class="column" x="{x}" y="{top + _HEADER - 8}">{escape(column)}</text>')
    for index, (name, row) in enumerate(table.items()):
        y = top + _HEADER + index * _CELL_HEIGHT
        lines.append(f'<text class="row" x="{_LEFT - 8}" y="{y + 15}">{escape(name)}</text>')
        for place, column in enumerate(columns):
            lines.append(_cell(row[column], largest[column], _LEFT + place * _CELL_WIDTH, y))
    return "\n".join(lines)


def _cell(count: int, largest: int, x: int, y: int) -> str:
    shade = (count / largest) ** 0.5 if largest else 0.0
    kind = "none" if count == 0 else "cell"
    opacity = "" if count == 0 else f' fill-opacity="{0.12 + 0.88 * shade:.2f}"'
    # White on teal needs a deeper shade than black on bright teal does: each scheme changes its ink where it must.
    ink = "count deep" if shade > 0.75 else "count middle" if shade > 0.62 else "count"
    size = f'width="{_CELL_WIDTH - 2}" height="{_CELL_HEIGHT - 2}"'
    return (
        f'<rect class="{kind}" x="{x + 1}" y="{y + 1}" {size} rx="3"{opacity}/>'
        f'<text class="{ink}" x="{x + _CELL_WIDTH // 2}" y="{y + 15}">{count}</text>'
    )
