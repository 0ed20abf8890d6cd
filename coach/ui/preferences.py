"""What the Settings page does, and what all pages ask: which model is set, where words go, what its user has decided.

How the pieces look is `coach.ui.render_settings`; asking a model is `coach.services.model_writer`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast, get_args

from coach.config import Settings
from coach.domain.citations import Evidence
from coach.domain.consent import NotesPolicy, default_policy, is_private, passage_without_private
from coach.domain.conversation import Reply
from coach.domain.errors import CoachError
from coach.domain.people import Owner
from coach.services.model_setup import BUNDLED, THIS_MACHINE, place_of
from coach.ui import render_settings
from coach.ui.opening import Opening
from coach.ui.render import notice
from coach.ui.render_settings import Answer, Embedder, Model
from coach.ui.view import Action

if TYPE_CHECKING:
    from coach.bootstrap import Coach

log = logging.getLogger(__name__)

BUNDLED_EMBEDDER = "all-MiniLM-L6-v2"
CONVERSATIONS = 8
"""Of which the use is shown."""
POLL_S = 0.5
_TESTS = 4
"""Connections tested at the same time."""


@dataclass(frozen=True, slots=True)
class Screen:
    """The pieces of the Settings page that change; None leaves a piece as it is."""

    where: str | None = None
    notice: str | None = None
    model: str | None = None
    connection: str | None = None
    notes: str | None = None
    used: str | None = None
    search: str | None = None


# What is set, and what was decided


def model_of(coach: Coach, *, owner: Owner) -> Model | None:
    """The chat model that is set, with this owner's decisions."""
    setup = coach.model
    if setup is None:
        return None
    if setup.is_local:
        return Model(setup.name, setup.place, True, "always")
    policy = coach.store.preference(f"notes-policy {setup.place}", owner=owner)
    answer = coach.store.preference(f"model-accepted {setup.place}", owner=owner)
    return Model(
        setup.name,
        setup.place,
        False,
        cast(NotesPolicy, policy) if policy in get_args(NotesPolicy) else default_policy(False),
        cast(Answer, answer) if answer in get_args(Answer) else "",
    )


def embedder_of(settings: Settings) -> Embedder:
    """What texts are compared by."""
    place = place_of(settings.embeddings, settings.model_url)
    name = BUNDLED_EMBEDDER if settings.embeddings == BUNDLED else settings.embeddings
    return Embedder(name, place, place == THIS_MACHINE)


def decide(coach: Coach, answer: str, *, owner: Owner) -> None:
    """Keep whether replies may be written by the model elsewhere; anything but yes and no changes nothing."""
    if coach.model is not None and answer in ("yes", "no"):
        coach.store.set_preference(f"model-accepted {coach.model.place}", answer, owner=owner)


def where(coach: Coach, *, owner: Owner) -> str:
    """The line on where this owner's words go."""
    return render_settings.where(model_of(coach, owner=owner), embedder_of(coach.settings))


def is_all_here(coach: Coach, *, owner: Owner) -> bool:
    """Whether nothing that this owner writes or keeps leaves the machine."""
    return render_settings.is_all_here(model_of(coach, owner=owner), embedder_of(coach.settings))


def offered(coach: Coach, reply: Reply | None, *, owner: Owner) -> Sequence[Evidence]:
    """Of the passages that were kept back from a reply, those that may be let go: neither private nor changed since."""
    use = reply.model_use if reply else None
    return [evidence for evidence in (use.withheld_passages if use else ()) if _may_go(coach, evidence, owner)]


def _may_go(coach: Coach, evidence: Evidence, owner: Owner) -> bool:
    text = coach.passages.text_of(evidence, owner=owner)
    return (
        text is not None
        and not is_private(text)
        and text[evidence.start : evidence.end] == evidence.quote
        and passage_without_private(text, evidence.start, evidence.end) == evidence.quote
    )


class Preferences:
    """Serves the Settings page to every owner."""

    def __init__(self, opening: Opening, settings: Settings) -> None:
        self._opening = opening
        self._settings = settings
        self._pool = ThreadPoolExecutor(_TESTS, thread_name_prefix="connection-test")
        self._testing: set[Owner] = set()
        self._lock = threading.Lock()
        self._actions: dict[str, Callable[[Coach, Action, Owner], Screen]] = {
            "use-model": self._decide,
            "notes-policy": self._set_policy,
        }

    @property
    def is_ready(self) -> bool:
        """Whether the library has been opened, or will not be."""
        return self._opening.is_settled

    def at_start(self) -> str:
        """The line on where words go before the coach is open: nothing has been accepted, so nothing is sent."""
        name = self._settings.model
        place = place_of(name, self._settings.model_url)
        model = Model(name, place, place == THIS_MACHINE, "never") if name else None
        return render_settings.where(model, embedder_of(self._settings))

    def where(self, *, owner: Owner) -> str:
        """The line on where words go."""
        try:
            coach = self._opening.coach()
            return self.at_start() if coach is None else where(coach, owner=owner)
        except CoachError:
            return self.at_start()

    def show(self, *, owner: Owner) -> Screen:
        """The whole page."""
        try:
            coach = self._opening.coach()
        except CoachError as error:
            return Screen(notice=notice(str(error)))
        if coach is None:
            return Screen(notice=notice(self._opening.status))
        model, embedder = model_of(coach, owner=owner), embedder_of(self._settings)
        conversations = coach.store.conversations(owner=owner)[:CONVERSATIONS]
        told = [(one.title, coach.store.messages(one.id, owner=owner)) for one in conversations]
        return Screen(
            where=render_settings.where(model, embedder),
            notice="",
            model=render_settings.model_section(model),
            connection=render_settings.connection(model),
            notes=render_settings.notes_section(model),
            used=render_settings.used_section(list(render_settings.lines_of(told)), model),
            search=render_settings.search_section(embedder),
        )

    def perform(self, action: Action | None, *, owner: Owner) -> Iterator[Screen]:
        """What a button does; a test of the connection says how long it has been waiting."""
        try:
            coach = self._opening.coach(timeout_s=1.0)
            if action is None or coach is None:
                yield Screen()
            elif action.do == "test-connection":
                yield from self._test(coach, owner)
            elif action.do in self._actions:
                yield self._actions[action.do](coach, action, owner)
            else:
                yield Screen()
        except CoachError as error:
            yield Screen(notice=notice(str(error)))
        except Exception:
            log.exception("a settings action failed")
            yield Screen(notice=notice("Something went wrong that should not have. The log says more."))

    def _decide(self, coach: Coach, action: Action, owner: Owner) -> Screen:
        decide(coach, action.text, owner=owner)
        return self._kept(owner)

    def _set_policy(self, coach: Coach, action: Action, owner: Owner) -> Screen:
        setup = coach.model
        if setup is None or setup.is_local or action.text not in get_args(NotesPolicy):
            return Screen()
        coach.store.set_preference(f"notes-policy {setup.place}", action.text, owner=owner)
        return self._kept(owner)

    def _kept(self, owner: Owner) -> Screen:
        return replace(self.show(owner=owner), notice=notice("Kept."), connection=None)

    def _test(self, coach: Coach, owner: Owner) -> Iterator[Screen]:
        setup, model = coach.model, model_of(coach, owner=owner)
        with self._lock:
            is_refused = setup is None or owner in self._testing
            self._testing.add(owner)
        if setup is None or model is None or is_refused:
            yield Screen()
            return
        try:
            testing: Future[str] = self._pool.submit(setup.connection_test)
            began = time.monotonic()
            while not testing.done():
                yield Screen(
                    connection=render_settings.connection(model, waiting_s=time.monotonic() - began), notice=""
                )
                wait([testing], timeout=POLL_S)
            yield Screen(connection=_outcome(model, testing))
        finally:
            with self._lock:
                self._testing.discard(owner)


def _outcome(model: Model, testing: Future[str]) -> str:
    try:
        return render_settings.connection(model, said=testing.result())
    except CoachError as error:
        return render_settings.connection(model, said=str(error), is_well=False)
    except Exception:
        log.exception("the connection test failed")
        said = "The connection could not be tested, for a reason that only the log tells."
        return render_settings.connection(model, said=said, is_well=False)
