"""Files to save: a conversation or a plan as Markdown, for its owner only.

What stands in them is `coach.services.export`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from coach.domain.errors import CoachError, NotFound
from coach.domain.people import Owner
from coach.services.export import conversation_as_markdown
from coach.ui.opening import Opening
from coach.ui.render import plan_as_markdown

if TYPE_CHECKING:
    from coach.bootstrap import Coach

Identify = Callable[[Request], Owner]


def download_routes(opening: Opening, identify: Identify) -> list[Route]:
    """The routes; whatever is not this owner's answers 404, exactly as what does not exist."""

    def answer(request: Request, write: Callable[[Coach, str, Owner], tuple[str, str]]) -> Response:
        try:
            coach = opening.coach()
            if coach is None:
                return PlainTextResponse("The library is still being read. Try again in a moment.", status_code=503)
            title, text = write(coach, request.path_params["key"], identify(request))
        except NotFound:
            return PlainTextResponse("Not found.", status_code=404)
        except CoachError as error:
            return PlainTextResponse(str(error), status_code=503)
        return Response(text, media_type="text/markdown; charset=utf-8", headers=_as_file(title))

    def conversation(request: Request) -> Response:
        return answer(request, _conversation)

    def plan(request: Request) -> Response:
        return answer(request, _plan)

    return [Route("/conversations/{key}.md", conversation), Route("/plans/{key}.md", plan)]


def _conversation(coach: Coach, key: str, owner: Owner) -> tuple[str, str]:
    conversation = coach.store.conversation(key, owner=owner)
    return conversation.title, conversation_as_markdown(conversation, coach.store.messages(key, owner=owner))


def _plan(coach: Coach, key: str, owner: Owner) -> tuple[str, str]:
    person = None if key == "general" else coach.store.relationship(key, owner=owner)
    title = f"Plan with {person.name}" if person else "Plan"
    lines = coach.store.saved_plan(owner=owner, relationship_id=person.id if person else None)
    return title, f"# {title}\n\n{plan_as_markdown(lines)}\n"


def _as_file(title: str) -> dict[str, str]:
    name = re.sub(r"[^\w-]+", "-", title).strip("-")[:60] or "export"
    return {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}.md",
        "Cache-Control": "no-store",
    }
