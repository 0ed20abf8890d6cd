"""The look: Gradio's own variables, system fonts, and where the style sheet and the script are.

Everything else about how the page looks is `static/coach.css`; what happens in the browser is `static/coach.js`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradio.themes import Base

STATIC = Path(__file__).parent / "static"
STATIC_ROUTE = "/static-coach"

HEAD = (
    f'<link rel="stylesheet" href="{STATIC_ROUTE}/coach.css">'
    f'<link rel="icon" type="image/svg+xml" href="{STATIC_ROUTE}/coach.svg">'
    f'<script src="{STATIC_ROUTE}/coach.js" defer></script>'
)
"""Linked, not inlined, so that the page's security policy need not allow inline code."""

FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Noto Sans", "Arial", "sans-serif")
MONOSPACED = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")


def theme() -> Base:
    """Gradio's plainest theme in our colours; fonts are those of the reader's system."""
    import gradio as gr

    plain = gr.themes.Base(font=list(FONTS), font_mono=list(MONOSPACED), radius_size="lg", spacing_size="md")
    return plain.set(
        body_background_fill="#faf8f4",
        body_background_fill_dark="#1a1917",
        background_fill_primary="#fffdfa",
        background_fill_primary_dark="#22211e",
        background_fill_secondary="#f4f0e8",
        background_fill_secondary_dark="#292723",
        border_color_primary="#e4ddd0",
        border_color_primary_dark="#3b3832",
        body_text_color="#2b2824",
        body_text_color_dark="#ebe6dc",
        body_text_color_subdued="#6e675c",
        body_text_color_subdued_dark="#a9a194",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_shadow="none",
        block_padding="0px",
        layout_gap="0px",
        input_background_fill="#fffdfa",
        input_background_fill_dark="#22211e",
        input_border_color="#d9d0c0",
        input_border_color_dark="#45413a",
        input_placeholder_color="#746c60",
        input_placeholder_color_dark="#9b9385",
        button_primary_background_fill="#2f6b5e",
        button_primary_background_fill_dark="#8cc5b3",
        button_primary_background_fill_hover="#27594e",
        button_primary_background_fill_hover_dark="#a3d3c4",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#14231f",
        button_secondary_background_fill="transparent",
        button_secondary_background_fill_dark="transparent",
        link_text_color="#2f6b5e",
        link_text_color_dark="#8cc5b3",
        color_accent="#2f6b5e",
    )
