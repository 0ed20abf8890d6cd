"""The two ways in which our own HTML stands in a Gradio page: a piece shown, and the box that its buttons speak through.

Gradio's HTML component and its `js=` handlers compile text into code, which the page's security policy forbids; its
Markdown component shows HTML without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

if TYPE_CHECKING:
    from coach.domain.people import Owner
    from coach.ui.downloads import Identify

PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
"""No event of the page is an endpoint for programs, and none covers it with a spinner."""


def piece(elem_id: str, value: str = "") -> gr.Markdown:
    """A place for HTML made by `coach.ui.render`, which escapes whatever comes from outside.

    Gradio's own sanitizer is off because it drops the attributes that name what a button does.
    """
    return gr.Markdown(
        value, elem_id=elem_id, sanitize_html=False, latex_delimiters=[], container=False, show_label=False
    )


def action_box() -> gr.Textbox:
    """Unseen; `static/coach.js` writes into it what a button of ours asks for."""
    return gr.Textbox(elem_id="action", label="Action", show_label=False, container=False)


def owner_of(request: gr.Request, identify: Identify) -> Owner:
    """Whose data an event is about, from its own request."""
    if request.request is None:
        raise PermissionError("An event without a request belongs to nobody.")
    return identify(request.request)
