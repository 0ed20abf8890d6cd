"""What the coach's page does: a message, a button, a picker in; the pieces of the page that change out.

How pieces look is `coach.ui.render`; where they stand is `coach.ui.pages.coach`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, cast

from coach.domain.citations import Evidence
from coach.domain.conversation import Conversation, Failed, Finished, Message, Reply, Turn
from coach.domain.errors import CoachError, NotFound
from coach.domain.knowledge import Card, Framing, Question, Resource
from coach.domain.people import Owner, Role
from coach.domain.suggestions import Correction, Situation, SuggestedQuestion
from coach.domain.wording import shortened
from coach.ui import preferences, render, render_settings
from coach.ui.markup import button
from coach.ui.opening import Opening
from coach.ui.shelf import add_examples, has_examples, remove_examples
from coach.ui.turn import PACE_S, Asked, cut, followed, said_before
from coach.ui.view import Action, View

if TYPE_CHECKING:
    from coach.bootstrap import Coach

log = logging.getLogger(__name__)

UNFORESEEN = "Something went wrong that should not have. Nothing you wrote is lost; the log says more."
WAIT_FOR_LIBRARY_S = 600.0
TITLE_LENGTH = 60
READ_CHARACTERS = 20_000
"""Of a message that the coach reads; the page says so where there are more."""


@dataclass(frozen=True, slots=True)
class Screen:
    """The pieces of the page that change; None leaves a piece as it is."""

    view: View | None = None
    where: str | None = None
    rail: str | None = None
    situation: str | None = None
    body: str | None = None
    live: str | None = None
    sources: str | None = None
    plan: str | None = None
    notice: str | None = None
    consent: str | None = None
    draft: str | None = None
    placeholder: str | None = None
    is_busy: bool | None = None


@dataclass(frozen=True, slots=True)
class _Open:
    """A conversation as the store has it now."""

    conversation: Conversation | None
    messages: Sequence[Message]
    relationship_id: str | None

    @property
    def last(self) -> Message | None:
        return next((message for message in reversed(self.messages) if message.reply is not None), None)

    @property
    def reply(self) -> Reply | None:
        return self.last.reply if self.last else None


class Chat:
    """Serves every tab of every owner; between calls it holds only which replies are to be stopped."""

    def __init__(
        self, opening: Opening, *, home: Path, today: Callable[[], date] = date.today, pace_s: float = PACE_S
    ) -> None:
        self._opening = opening
        self._pace_s = pace_s
        self._home = home
        self._today = today
        self._stops: dict[tuple[Owner, str], threading.Event] = {}
        self._actions: dict[str, Callable[[Coach, Action, View, Owner], Screen]] = {
            "new": lambda coach, _, view, owner: self._whole(coach, View(dial=view.dial), owner),
            "open": lambda coach, action, view, owner: self._whole(
                coach, View(conversation_id=action.id, dial=view.dial), owner
            ),
            "rename": self._rename,
            "delete": self._delete,
            "cite": self._cite,
            "sent": self._sent,
            "used": self._judge,
            "reject": self._judge,
            "undo": self._forget,
            "save": self._save,
            "unsave": self._save,
            "plan-add": self._change_plan,
            "plan-remove": self._change_plan,
            "door": self._door,
            "role": self._correct,
            "stage": self._correct,
            "topic": self._correct,
            "intent": self._correct,
            "person": self._person,
            "add-person": self._add_person,
            "dial": self._dial,
            "examples-add": self._examples,
            "examples-remove": self._examples,
            "show-all": self._show_all,
            "use-model": self._decide,
        }

    # What the page calls

    @property
    def is_ready(self) -> bool:
        """Whether the library has been opened, or will not be."""
        return self._opening.is_settled

    def show(self, view: View, *, owner: Owner) -> Screen:
        """The whole page for a tab; a conversation that is not there any more gives way to a new one."""
        try:
            coach = self._opening.coach()
        except CoachError as error:
            return self._unopened(view, str(error))
        if coach is None:
            return self._unopened(view, self._opening.status)
        try:
            return self._whole(coach, view, owner)
        except NotFound:
            return self._whole(coach, View(dial=view.dial), owner)

    def wait(self, view: View, *, owner: Owner, tab: str) -> Screen:
        """The page while the library is being read; a tab in which a message is being answered is left alone."""
        return Screen() if (owner, tab) in self._stops else self.show(view, owner=owner)

    def act(self, action: Action | None, view: View, *, owner: Owner) -> Screen:
        """What a button or picker changes; something unknown changes nothing."""
        handler = self._actions.get(action.do) if action else None
        if action is None or handler is None:
            return Screen()
        if action.do == "door" and not self.is_ready:
            return self._unopened(replace(view, door=action.id), self._opening.status)
        try:
            coach = self._opening.coach(timeout_s=1.0)
            if coach is None:
                return Screen(notice=render.notice("The library is still being read. One moment."))
            return handler(coach, action, view, owner)
        except NotFound:
            return replace(
                self.show(View(dial=view.dial), owner=owner), notice=render.notice("That is no longer here.")
            )
        except CoachError as error:
            return Screen(notice=render.notice(str(error)))
        except Exception:
            log.exception("the action %s failed", action.do)
            return Screen(notice=render.notice(UNFORESEEN))

    def send(self, text: str, view: View, *, owner: Owner, tab: str) -> Iterator[Screen]:
        """Answer a message, piece by piece; `tab` is what `stop` is given to end it."""
        if not text.strip():
            yield Screen(notice=render.notice("Write a sentence or two first, or choose a door."), is_busy=False)
            return
        yield from self._asked(Asked(text, view, owner), tab)

    def perform(self, action: Action | None, view: View, *, owner: Owner, tab: str) -> Iterator[Screen]:
        """What a button does: an earlier message answered again, piece by piece, or one change."""
        if action is None or action.do not in ("again", "again-with-notes"):
            yield self.act(action, view, owner=owner)
            return
        try:
            coach = self._opening.coach(timeout_s=1.0)
            text = said_before(action.id, self._open(coach, view, owner).messages if coach else ())
        except CoachError as error:
            yield Screen(notice=render.notice(str(error)))
            return
        may_send_notes = action.do == "again-with-notes"
        yield from self._asked(Asked(text, view, owner, is_typed=False, may_send_notes=may_send_notes), tab)

    def stop(self, *, owner: Owner, tab: str) -> None:
        """End the reply that is being written in this tab; what has been written stays."""
        event = self._stops.get((owner, tab))
        if event is not None:
            event.set()

    # One turn

    def _asked(self, asked: Asked, tab: str) -> Iterator[Screen]:
        """One turn of a tab; while it is under way there is no other."""
        key = (asked.owner, tab)
        if key in self._stops:
            yield Screen()
            return
        self._stops[key] = asked.stop
        try:
            yield from self._turn(asked)
        finally:
            # Also where the browser has left: nobody reads what a model is still writing.
            asked.stop.set()
            self._stops.pop(key, None)

    def _turn(self, asked: Asked) -> Iterator[Screen]:
        text, view = asked.text, asked.view
        draft = text if asked.is_typed else None
        yield Screen(
            live=render.streaming(text, ""),
            draft="" if asked.is_typed else None,
            notice="",
            is_busy=True,
            body="" if asked.is_new else None,
        )
        try:
            coach = yield from self._opened(asked)
            if coach is None:
                yield replace(self.show(view, owner=asked.owner), draft=draft, is_busy=False)
                return
            yield from self._answer(coach, asked)
        except NotFound:
            yield replace(
                self.show(View(dial=view.dial), owner=asked.owner),
                draft=draft,
                is_busy=False,
                notice=render.notice("That conversation is no longer here. Send again to start a new one."),
            )
        except CoachError as error:
            yield Screen(live=render.failure(text, str(error)), is_busy=False)
        except Exception:
            log.exception("a turn failed")
            yield Screen(live=render.failure(text, UNFORESEEN), is_busy=False)

    def _opened(self, asked: Asked) -> Generator[Screen, None, Coach | None]:
        """The coach, once the library has been read; None where the user would not wait."""
        deadline = time.monotonic() + WAIT_FOR_LIBRARY_S
        while time.monotonic() < deadline and not asked.stop.is_set():
            coach = self._opening.coach(timeout_s=0.3)
            if coach is not None:
                return coach
            yield Screen(live=render.streaming(asked.text, "", status=self._opening.status))
        return None

    def _answer(self, coach: Coach, asked: Asked) -> Iterator[Screen]:
        view, owner = asked.view, asked.owner
        conversation = self._conversation(coach, asked.text, view, owner)
        view = replace(view, conversation_id=conversation.id, relationship_id=None, door=None)
        model = preferences.model_of(coach, owner=owner)
        turn = Turn(
            asked.text,
            conversation.id,
            conversation.relationship_id,
            view.correction,
            view.dial,
            may_send_notes=asked.may_send_notes,
            is_built_in_only=model is not None and not model.is_used,
        )
        waiting = f"Waiting for {model.name}…" if model is not None and model.is_used else ""
        events = coach.session.reply(turn, owner=owner, stop=asked.stop)

        def show(so_far: str, status: str) -> Screen:
            return Screen(live=render.streaming(asked.text, so_far, status=status))

        so_far, last = yield from followed(events, asked, show, waiting=waiting, pace_s=self._pace_s)
        if isinstance(last, Finished):
            yield self._finished(coach, asked, so_far, last.reply, view)
        else:
            message = last.message if isinstance(last, Failed) else UNFORESEEN
            yield self._failed(coach, asked, message, view)

    def _conversation(self, coach: Coach, text: str, view: View, owner: Owner) -> Conversation:
        if view.conversation_id is not None:
            return coach.store.conversation(view.conversation_id, owner=owner)
        title = shortened(" ".join(text.split()), limit=TITLE_LENGTH)
        return coach.store.start_conversation(owner=owner, title=title, relationship_id=view.relationship_id)

    def _failed(self, coach: Coach, asked: Asked, message: str, view: View) -> Screen:
        if asked.is_new and view.conversation_id:
            coach.store.delete_conversation(view.conversation_id, owner=asked.owner)
            view = replace(view, conversation_id=None)
        return Screen(view=view, live=render.failure(asked.text, message), is_busy=False)

    def _finished(self, coach: Coach, asked: Asked, so_far: str, reply: Reply, view: View) -> Screen:
        owner = asked.owner
        opened = self._open(coach, view, owner)
        last = opened.last
        if last is not None and last.reply is not None:
            found = last.reply.situation.relationship
            if found is not None and opened.relationship_id is None and view.conversation_id:
                coach.store.set_conversation_relationship(view.conversation_id, found.id, owner=owner)
            view = replace(view, dial=last.reply.situation.dial)
        view = replace(view, correction=replace(view.correction, intent=None))
        stopped_at = cut(so_far, reply) if asked.stop.is_set() else None
        if stopped_at is not None and last is not None:
            view = replace(view, cuts={**view.cuts, last.id: stopped_at})
        notice = ""
        if len(asked.text) > READ_CHARACTERS:
            notice = f"I read the first {READ_CHARACTERS:,} characters. A text this long is better kept under Notes."
        return replace(self._whole(coach, view, owner), draft=None, notice=render.notice(notice), is_busy=False)

    # The page from the store

    def _open(self, coach: Coach, view: View, owner: Owner) -> _Open:
        if view.conversation_id is None:
            return _Open(None, (), view.relationship_id)
        conversation = coach.store.conversation(view.conversation_id, owner=owner)
        return _Open(conversation, coach.store.messages(conversation.id, owner=owner), conversation.relationship_id)

    def _whole(self, coach: Coach, view: View, owner: Owner) -> Screen:
        opened = self._open(coach, view, owner)
        conversations = coach.store.conversations(owner=owner)
        model, embedder = preferences.model_of(coach, owner=owner), preferences.embedder_of(coach.settings)
        return Screen(
            view=view,
            where=render_settings.where(model, embedder),
            consent=render_settings.consent(model),
            rail=render.rail(conversations, current_id=view.conversation_id, today=self._today()),
            situation=self._situation(coach, opened, view, owner),
            body=self._body(coach, opened, view, owner, is_first_visit=not conversations),
            live="",
            sources=self._sources(coach, opened.last, owner),
            plan=self._plan(coach, opened, owner),
            notice="",
            placeholder=_placeholder(view, opened),
            is_busy=False,
        )

    def _unopened(self, view: View, status: str) -> Screen:
        return Screen(
            view=view,
            rail=render.rail((), current_id=None, today=self._today()),
            body=render.welcome(
                door=view.door, is_first_visit=True, home=str(self._home), has_examples=False, opening=status
            ),
            live="",
            sources=render.sources(()),
            plan=render.plan((), name=None, relationship_id=None),
            placeholder=_placeholder(view, None),
        )

    def _body(self, coach: Coach, opened: _Open, view: View, owner: Owner, *, is_first_visit: bool) -> str:
        if not opened.messages:
            return render.welcome(
                door=view.door,
                is_first_visit=is_first_visit,
                home=str(self._home),
                has_examples=has_examples(coach, owner=owner),
                is_all_here=preferences.is_all_here(coach, owner=owner),
            )
        relationship_id = opened.relationship_id
        return render.thread(
            opened.messages,
            kept=render.Kept(
                coach.store.recorded_questions(owner=owner, relationship_id=relationship_id),
                coach.store.saved_plan(owner=owner, relationship_id=relationship_id),
            ),
            cuts=view.cuts,
            relationship_name=self._name(coach, opened, owner),
            beneath=render_settings.beneath(
                opened.messages,
                model=preferences.model_of(coach, owner=owner),
                withheld=preferences.offered(coach, opened.reply, owner=owner),
            ),
        )

    def _situation(self, coach: Coach, opened: _Open, view: View, owner: Owner) -> str:
        from coach.services.situation import corrected

        situation = opened.reply.situation if opened.reply else None
        return render.situation_bar(
            coach.knowledge.taxonomy,
            people=coach.store.relationships(owner=owner),
            relationship_id=opened.relationship_id,
            situation=corrected(situation, view.correction) if situation else None,
            dial=view.dial or (situation.dial if situation else "ask"),
        )

    def _sources(self, coach: Coach, message: Message | None, owner: Owner, *, opened: int | None = None) -> str:
        reply = message.reply if message else None
        if reply is None:
            return render.sources(())
        passages = [
            render.Passage(
                citation,
                coach.passages.text_of(citation.evidence, owner=owner),
                _fits(coach, citation.evidence, reply.situation),
            )
            for citation in reply.citations
        ]
        return render.sources(passages, opened=opened)

    def _plan(self, coach: Coach, opened: _Open, owner: Owner) -> str:
        return render.plan(
            coach.store.saved_plan(owner=owner, relationship_id=opened.relationship_id),
            name=self._name(coach, opened, owner),
            relationship_id=opened.relationship_id,
        )

    def _name(self, coach: Coach, opened: _Open, owner: Owner) -> str | None:
        if opened.relationship_id is None:
            return None
        return coach.store.relationship(opened.relationship_id, owner=owner).name

    # Conversations

    def _rename(self, coach: Coach, action: Action, view: View, owner: Owner) -> Screen:
        title = " ".join(action.text.split())[:120]
        if not title:
            return Screen(notice=render.notice("A conversation needs a name."))
        coach.store.rename_conversation(action.id, title, owner=owner)
        return Screen(rail=self._whole(coach, view, owner).rail, notice=render.notice("Renamed."))

    def _delete(self, coach: Coach, action: Action, view: View, owner: Owner) -> Screen:
        coach.store.delete_conversation(action.id, owner=owner)
        if action.id == view.conversation_id:
            view = View(dial=view.dial)
            return replace(self._whole(coach, view, owner), notice=render.notice("Deleted."))
        return Screen(rail=self._whole(coach, view, owner).rail, notice=render.notice("Deleted."))

    def _cite(self, coach: Coach, action: Action, view: View, owner: Owner) -> Screen:
        message_id, _, marker = action.id.partition(":")
        opened = self._open(coach, view, owner)
        message = next((message for message in opened.messages if message.id == message_id), None)
        if message is None or not marker.isdigit():
            return Screen()
        return Screen(sources=self._sources(coach, message, owner, opened=int(marker)))

    def _sent(self, coach: Coach, action: Action, view: View, owner: Owner) -> Screen:
        messages = self._open(coach, view, owner).messages
        replies = [message.reply for message in messages if message.id == action.id and message.reply]
        use = replies[0].model_use if replies else None
        return Screen(sources=render_settings.sent(use)) if use else Screen()

    def _show_all(self, coach: Coach, action: Action, view: View, owner: Owner) -> Screen:
        return self._whole(
            coach, replace(view, cuts={key: cut for key, cut in view.cuts.items() if key != action.id}), owner
        )

    # Questions and the plan

    def _question(self, coach: Coach, action: Action, view: View, owner: Owner) -> tuple[_Open, SuggestedQuestion]:
        opened = self._open(coach, view, owner)
        suggested = opened.reply.suggestions.questions if opened.reply else ()
        for question in suggested:
            if question.id == action.id:
                return opened, question
        raise NotFound(f"The last reply has no question {action.id!r}.")

    def _judge(self, coach: Coach, action: Action, view: View, owner: Owner) -> Screen:
        opened, question = self._question(coach, action, view, owner)
        coach.store.record_question(
            question.id,
            "used" if action.do == "used" else "rejected",
            owner=owner,
            relationship_id=opened.relationship_id,
        )
        return Screen(body=self._body(coach, opened, view, owner, is_first_visit=False), notice="")

    def _forget(self, coach: Coach, action: Action, view: View, owner: Owner) -> Screen:
        opened, question = self._question(coach, action, view, owner)
        coach.store.forget_question(question.id, owner=owner, relationship_id=opened.relationship_id)
        return Screen(body=self._body(coach, opened, view, owner, is_first_visit=False), notice="")

    def _save(self, coach: Coach, action: Action, view: View, owner: Owner) -> Screen:
        _, question = self._question(coach, action, view, owner)
        do = "plan-add" if action.do == "save" else "plan-remove"
        return self._change_plan(coach, Action(do=do, text=question.text), view, owner)

    def _change_plan(self, coach: Coach, action: Action, view: View, owner: Owner) -> Screen:
        opened = self._open(coach, view, owner)
        if action.do == "plan-add":
            coach.store.save_to_plan(action.text, owner=owner, relationship_id=opened.relationship_id)
            said, undo = "Saved to your plan.", "plan-remove"
        else:
            coach.store.remove_from_plan(action.text, owner=owner, relationship_id=opened.relationship_id)
            said, undo = "Taken out of your plan.", "plan-add"
        return Screen(
            body=self._body(coach, opened, view, owner, is_first_visit=False) if opened.messages else None,
            plan=self._plan(coach, opened, owner),
            notice=render.notice(said, button("Undo", undo, class_="linkish", data_text=action.text)),
        )

    # Choices

    def _door(self, coach: Coach, action: Action, view: View, owner: Owner) -> Screen:
        door = action.id if action.id in render.DOORS else None
        intent = render.DOORS[door].intent if door else None
        return self._whole(coach, replace(view, door=door, correction=replace(view.correction, intent=intent)), owner)

    def _correct(self, coach: Coach, action: Action, view: View, owner: Owner) -> Screen:
        view = replace(view, correction=_with(view.correction, action, coach))
        opened = self._open(coach, view, owner)
        said = next((message.text for message in reversed(opened.messages) if message.speaker == "user"), "")
        return Screen(
            view=view,
            situation=self._situation(coach, opened, view, owner),
            notice=render.notice("Noted; it counts from your next message.", render.answer_again(said) if said else ""),
        )

    def _person(self, coach: Coach, action: Action, view: View, owner: Owner) -> Screen:
        relationship_id = action.text or None
        if relationship_id:
            coach.store.relationship(relationship_id, owner=owner)
        if view.conversation_id is None:
            return self._whole(coach, replace(view, relationship_id=relationship_id), owner)
        coach.store.set_conversation_relationship(view.conversation_id, relationship_id, owner=owner)
        return self._whole(coach, view, owner)

    def _add_person(self, coach: Coach, action: Action, view: View, owner: Owner) -> Screen:
        name = " ".join(action.text.split())[:80]
        if not name:
            return Screen(notice=render.notice("Write their name first."))
        reply = self._open(coach, view, owner).reply
        role: Role | None = reply.situation.role if reply else None
        relationship = coach.store.add_relationship(name, owner=owner, role=role)
        shown = self._person(coach, Action(do="person", text=relationship.id), view, owner)
        return replace(shown, notice=render.notice(f"What you use and save here now belongs to {relationship.name}."))

    def _decide(self, coach: Coach, action: Action, view: View, owner: Owner) -> Screen:
        preferences.decide(coach, action.text, owner=owner)
        shown = self._whole(coach, view, owner)
        return Screen(where=shown.where, consent=shown.consent, body=shown.body, notice="")

    def _dial(self, coach: Coach, action: Action, view: View, owner: Owner) -> Screen:
        view = replace(view, dial="tell" if action.text == "tell" else "ask")
        return Screen(view=view, situation=self._situation(coach, self._open(coach, view, owner), view, owner))

    def _examples(self, coach: Coach, action: Action, view: View, owner: Owner) -> Screen:
        if action.do == "examples-remove":
            count = remove_examples(coach, owner=owner)
            shown = self._whole(coach, replace(view, relationship_id=None), owner)
            return replace(shown, notice=render.notice(f"{count} example notes removed."))
        relationship = add_examples(coach, owner=owner)
        view = replace(view, door="prepare", relationship_id=relationship.id if relationship else None)
        shown = self._whole(coach, view, owner)
        return replace(
            shown,
            draft="I see Priya again tomorrow. She seemed flat last time.",
            notice=render.notice(
                "Notes on three sessions with Priya, who is made up, are in. Send the message to try them."
            ),
        )


def _fits(coach: Coach, evidence: Evidence, situation: Situation) -> tuple[str, ...]:
    """Labels of the stage and topics that a library record shares with the situation."""
    known = coach.knowledge
    shelves: Mapping[str, Mapping[str, Card | Question | Framing | Resource]] = {
        "card": known.cards,
        "question": known.questions,
        "framing": known.framings,
        "resource": known.resources,
    }
    record = shelves.get(evidence.kind, {}).get(evidence.id)
    if record is None:
        return ()
    shared = [
        *([situation.stage] if situation.stage in record.stages else []),
        *(topic for topic in situation.topics if topic in record.topics),
    ]
    return tuple(dict.fromkeys(known.taxonomy.label(term) for term in shared))


def _placeholder(view: View, opened: _Open | None) -> str:
    if opened is not None and opened.messages:
        return "Write on…"
    door = render.DOORS.get(view.door or "")
    return door.placeholder if door else render.DEFAULT_PLACEHOLDER


def _with(correction: Correction, action: Action, coach: Coach) -> Correction:
    """The correction with one field set; a value that the taxonomy does not know changes nothing."""
    taxonomy = coach.knowledge.taxonomy
    known = {
        "role": taxonomy.roles,
        "stage": taxonomy.stages,
        "topic": taxonomy.topics,
        "intent": taxonomy.intents,
    }[action.do]
    if action.text not in {term.id for term in known}:
        return correction
    if action.do == "role":
        return replace(correction, role=cast(Role, action.text))
    if action.do == "stage":
        return replace(correction, stage=action.text)
    if action.do == "topic":
        return replace(correction, topic=action.text)
    return replace(correction, intent=action.text)
