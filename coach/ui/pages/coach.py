"""The coach's page: where its pieces stand and which event goes where.

What an event does is `coach.ui.chat`; how a piece looks is `coach.ui.render`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components.navbar import Navbar

from coach.ui import render
from coach.ui.chat import Screen
from coach.ui.pages.pieces import PRIVATE, action_box, owner_of, piece
from coach.ui.view import View, action_in

if TYPE_CHECKING:
    from coach.ui.chat import Chat
    from coach.ui.downloads import Identify


def build(page: gr.Blocks, chat: Chat, identify: Identify, *, where_at_start: str) -> None:
    """Lay the page out inside `page`, which is open."""
    Navbar(visible=False)
    view = gr.State(View())
    with gr.Column(elem_id="app"):
        piece("bar", render.page_bar("coach"))
        where = piece("where", where_at_start)
        with gr.Row(elem_id="desk"):
            with gr.Column(elem_id="rail"):
                rail = piece("rail-list")
            with gr.Column(elem_id="talk"):
                situation = piece("situation")
                with gr.Column(elem_id="scroll"):
                    body, live = piece("thread"), piece("live")
                notice, consent = piece("notice"), piece("consent")
                with gr.Row(elem_id="composer"):
                    box = gr.Textbox(
                        elem_id="box",
                        label="Your message",
                        show_label=False,
                        container=False,
                        lines=1,
                        max_lines=8,
                        placeholder=render.DEFAULT_PLACEHOLDER,
                    )
                    send = gr.Button("Send", elem_id="send", variant="primary")
                    stop = gr.Button("Stop", elem_id="stop", visible=False)
            with gr.Column(elem_id="panel"):
                sources, plan = piece("sources"), piece("plan")
    action = action_box()
    tick = gr.Timer(0.7, active=False)
    outputs = [view, where, rail, situation, body, live, sources, plan, notice, consent, box, send, stop]

    def show(seen: View, request: gr.Request) -> list[object]:
        asked = request.query_params.get("c")
        seen = View(conversation_id=asked) if asked and seen == View() else seen
        return [*_updates(chat.show(seen, owner=owner_of(request, identify))), gr.Timer(active=not chat.is_ready)]

    def wait(seen: View, request: gr.Request) -> list[object]:
        screen = chat.wait(seen, owner=owner_of(request, identify), tab=request.session_hash or "")
        return [*_updates(screen), gr.Timer(active=not chat.is_ready)]

    def act(message: str, seen: View, request: gr.Request) -> Iterator[list[object]]:
        owner, tab = owner_of(request, identify), request.session_hash or ""
        for screen in chat.perform(action_in(message), seen, owner=owner, tab=tab):
            yield _updates(screen)

    def answer(text: str, seen: View, request: gr.Request) -> Iterator[list[object]]:
        tab = request.session_hash or ""
        for screen in chat.send(text, seen, owner=owner_of(request, identify), tab=tab):
            yield _updates(screen)

    def halt(request: gr.Request) -> None:
        chat.stop(owner=owner_of(request, identify), tab=request.session_hash or "")

    page.load(show, [view], [*outputs, tick], **PRIVATE)
    tick.tick(wait, [view], [*outputs, tick], **PRIVATE)
    action.change(act, [action, view], outputs, trigger_mode="multiple", **PRIVATE)
    gr.on([box.submit, send.click], answer, [box, view], outputs, trigger_mode="once", **PRIVATE)
    stop.click(halt, None, None, queue=False, **PRIVATE)


def _updates(screen: Screen) -> list[object]:
    """What Gradio is to change, in the order of the outputs."""
    pieces = [screen.where, screen.rail, screen.situation, screen.body, screen.live, screen.sources, screen.plan]
    pieces += [screen.notice, screen.consent]
    box: dict[str, Any] = {}
    if screen.draft is not None:
        box["value"] = screen.draft
    if screen.placeholder is not None:
        box["placeholder"] = screen.placeholder
    busy = screen.is_busy
    return [
        gr.skip() if screen.view is None else screen.view,
        *(gr.skip() if text is None else text for text in pieces),
        gr.update(**box) if box else gr.skip(),
        gr.skip() if busy is None else gr.update(visible=not busy),
        gr.skip() if busy is None else gr.update(visible=busy),
    ]
