"""Where words go, what is asked before they go there, what a reply by a model took, and the page that sets it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from coach.bootstrap import Coach
from coach.domain.citations import Evidence
from coach.domain.conversation import Event, Failed, Finished, Restarted, Retrieved, TextDelta, Turn
from coach.domain.errors import ModelUnavailable
from coach.domain.notes import Note
from coach.domain.people import Owner
from coach.services.model_setup import ModelSetup
from coach.ui import preferences
from coach.ui.chat import Chat
from coach.ui.chat import Screen as ChatScreen
from coach.ui.host import build_app
from coach.ui.opening import Opening
from coach.ui.preferences import Preferences, Screen
from coach.ui.view import Action, View
from tests.fakes.scripted_session import LOCAL, REMOTE, Script, ScriptedSession, a_reply, a_use

HELLO = "I meet Priya tomorrow."
STRANGER = Owner("a stranger")


def says(*events: Event) -> Script:
    return lambda turn, stop: iter(events)


def finished(text: str, **changes: object) -> Finished:
    return Finished(a_reply(text, **changes))


BY_MODEL = finished("Ask her.", model_use=a_use())
WRITES = says(BY_MODEL)
FALLEN_BACK = finished("Built in.", notice="The model did not begin to answer within 8 seconds.")


class World:
    """The pages on a coach with this model, whose replies follow a script."""

    def __init__(self, coach: Coach, setup: ModelSetup | None, script: Script = WRITES, **settings: object):
        self.session = ScriptedSession(coach.store, script)
        changed = coach.settings.model_copy(update=settings)
        self.coach = replace(coach, model=setup, session=self.session, settings=changed)  # type: ignore[arg-type]
        self.opening = Opening(lambda _: nullcontext(self.coach))
        self.opening.begin()
        self.opening.coach(timeout_s=5)
        self.chat = Chat(self.opening, home=Path("home"), pace_s=0)
        self.preferences = Preferences(self.opening, changed)

    def say(self, text: str, owner: Owner, view: View | None = None) -> ChatScreen:
        """The last screen of a turn."""
        *_, last = self.chat.send(text, view or View(), owner=owner, tab="t")
        return last

    def do(self, name: str, owner: Owner, view: View | None = None, *, id: str = "", text: str = "") -> ChatScreen:
        """The last screen of a button on the coach's page."""
        action = Action(do=name, id=id, text=text)
        *_, last = self.chat.perform(action, view or View(), owner=owner, tab="t")
        return last

    def choose(self, name: str, owner: Owner, text: str = "") -> Screen:
        """The last screen of a button on the Settings page."""
        *_, last = self.preferences.perform(Action(do=name, text=text), owner=owner)
        return last


Worlds = Callable[..., World]


@pytest.fixture
def world(coach: Coach) -> Iterator[Worlds]:
    made: list[World] = []

    def make(*arguments: object, **settings: object) -> World:
        made.append(World(coach, *arguments, **settings))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for each in made:
        each.opening.close()


def view_of(screen: ChatScreen) -> View:
    assert screen.view is not None
    return screen.view


def words(html: str | None) -> str:
    return " ".join(re.sub("<[^>]+>", " ", html or "").split())


# Where words go


def test_without_a_model_every_page_says_that_everything_stays_here(world: Worlds, owner: Owner) -> None:
    made = world(None)
    for line in (
        made.chat.show(View(), owner=owner).where,
        made.preferences.show(owner=owner).where,
        made.preferences.where(owner=owner),
        made.preferences.at_start(),
    ):
        assert words(line) == "Everything stays on this machine."


def test_a_model_on_this_machine_is_named_and_nothing_is_asked(world: Worlds, owner: Owner) -> None:
    made = world(LOCAL)
    shown = made.chat.show(View(), owner=owner)
    assert words(shown.where) == "Replies are written by openai:small on this machine."
    assert shown.consent == ""
    made.say(HELLO, owner)
    assert not made.session.turns[0].is_built_in_only


def test_a_model_elsewhere_gets_nothing_before_its_user_agrees(world: Worlds, owner: Owner) -> None:
    made = world(REMOTE)
    shown = made.chat.show(View(), owner=owner)
    assert words(shown.where).startswith("Everything stays on this machine. openai:big at api.example.com is set")
    asked = words(shown.consent)
    for told in ("May api.example.com write", "your message", "stand-ins", "notes are never sent", "nothing is sent"):
        assert told in asked
    made.say(HELLO, owner)
    assert made.session.turns[0].is_built_in_only

    agreed = made.do("use-model", owner, text="yes")
    assert agreed.consent == ""
    assert words(agreed.where).startswith("Your messages go to api.example.com (openai:big). Your notes: never.")
    assert "href='./settings'" in (agreed.where or "")
    assert "Nothing is sent anywhere" not in words(made.chat.show(View(), owner=owner).body)
    made.say(HELLO, owner)
    assert not made.session.turns[1].is_built_in_only
    made.say(HELLO, STRANGER)
    assert made.session.turns[2].is_built_in_only


def test_a_model_that_was_turned_down_is_not_asked_and_not_offered_again(world: Worlds, owner: Owner) -> None:
    made = world(REMOTE)
    made.do("use-model", owner, text="no")
    shown = made.chat.show(View(), owner=owner)
    assert shown.consent == ""
    assert words(shown.where).startswith("Everything stays on this machine.")
    made.say(HELLO, owner)
    assert made.session.turns[0].is_built_in_only
    made.choose("use-model", owner, "yes")
    assert words(made.preferences.where(owner=owner)).startswith("Your messages go to api.example.com")


def test_what_was_agreed_for_one_place_does_not_hold_for_another(world: Worlds, owner: Owner) -> None:
    world(REMOTE).do("use-model", owner, text="yes")
    moved = world(replace(REMOTE, place="elsewhere.example"))
    assert "May elsewhere.example write" in words(moved.chat.show(View(), owner=owner).consent)


def test_an_answer_that_is_none_changes_nothing(world: Worlds, owner: Owner) -> None:
    made = world(REMOTE)
    made.do("use-model", owner, text="maybe")
    assert made.chat.show(View(), owner=owner).consent
    made.choose("notes-policy", owner, "sometimes")
    assert preferences.model_of(made.coach, owner=owner) == preferences.Model(
        "openai:big", "api.example.com", False, "never", ""
    )


def test_an_embedder_elsewhere_is_not_passed_over(world: Worlds, owner: Owner) -> None:
    made = world(None, embeddings="openai:text-embedding-3-small")
    shown = made.chat.show(View(), owner=owner)
    assert "Everything stays" not in words(shown.where)
    assert "your notes and messages go to openai (openai:text-embedding-3-small)" in words(shown.where)
    assert "Nothing is sent anywhere" not in words(shown.body)
    assert "are sent there" in words(made.preferences.show(owner=owner).search)


def test_the_line_stands_on_the_page_before_the_library_is_open(world: Worlds) -> None:
    local = world(LOCAL, model="openai:small", model_url="http://127.0.0.1:8080/v1").preferences
    assert words(local.at_start()) == "Replies are written by openai:small on this machine."
    remote = world(REMOTE, model="openai:big", model_url="https://api.example.com/v1").preferences
    assert words(remote.at_start()).startswith("Everything stays on this machine. openai:big at api.example.com is set")


# One turn


def test_what_was_streamed_is_cleared_where_another_text_follows_and_the_reason_stands(
    world: Worlds, owner: Owner
) -> None:
    reason = "The connection to the model's server broke off."
    made = world(
        LOCAL, says(Retrieved((), 0), TextDelta("Half a"), Restarted(reason), TextDelta("Built in."), FALLEN_BACK)
    )
    lives = [words(screen.live) for screen in made.chat.send(HELLO, View(), owner=owner, tab="t") if screen.live]
    waiting, half, cleared, after = lives[-4:]
    assert "Waiting for openai:small…" in waiting
    assert "Half a" in half
    assert "broke off" in cleared
    assert "Half a" not in cleared + after
    assert "Built in." in after


def test_stop_reaches_the_model_and_what_it_wrote_stays(world: Worlds, owner: Owner) -> None:
    def endless(turn: Turn, stop: threading.Event) -> Iterator[Event]:
        said = ""
        while not stop.is_set():
            said += "Ask. "
            yield TextDelta("Ask. ")
        yield finished(said, model_use=a_use())

    made = world(LOCAL, endless)
    turn = made.chat.send(HELLO, View(), owner=owner, tab="t")
    for screen in turn:
        if "Ask. Ask." in words(screen.live):
            made.chat.stop(owner=owner, tab="t")
    assert screen.is_busy is False
    assert screen.live == ""
    assert "Ask. Ask." in words(screen.body)
    assert "Stopped here." in words(screen.body)
    assert "show-all" not in (screen.body or "")


def test_a_model_stopped_before_its_first_word_leaves_the_message_to_be_sent_again(world: Worlds, owner: Owner) -> None:
    last = world(LOCAL, says(Failed("Stopped before a word was written."))).say(HELLO, owner)
    assert last.is_busy is False
    assert f'data-say="{HELLO}"' in (last.live or "")


def test_a_reader_who_leaves_stops_the_model_and_what_it_wrote_is_kept(world: Worlds, owner: Owner) -> None:
    def until_stopped(turn: Turn, stop: threading.Event) -> Iterator[Event]:
        yield TextDelta("Ask her.")
        assert stop.wait(5)
        yield BY_MODEL

    made = world(LOCAL, until_stopped)
    turn = made.chat.send(HELLO, View(), owner=owner, tab="t")
    for screen in turn:
        if "Ask her." in words(screen.live):
            break
    turn.close()  # type: ignore[attr-defined]
    [conversation] = made.coach.store.conversations(owner=owner)
    kept = made.coach.store.messages(conversation.id, owner=owner)
    assert [message.text for message in kept] == [HELLO, "Ask her."]


def test_one_tab_answers_one_message_at_a_time(world: Worlds, owner: Owner) -> None:
    made = world(LOCAL, says(TextDelta("Ask"), BY_MODEL))
    first = made.chat.send(HELLO, View(), owner=owner, tab="t")
    next(first)
    assert list(made.chat.send(HELLO, View(), owner=owner, tab="t")) == [ChatScreen()]
    assert [screen.is_busy for screen in first][-1] is False


# Under a reply


def test_a_fallback_says_why_and_offers_to_try_again(world: Worlds, owner: Owner) -> None:
    made = world(LOCAL, says(FALLEN_BACK))
    last = made.say(HELLO, owner)
    assert "The model did not begin to answer within 8 seconds." in words(last.body)
    again = re.search(r'data-do="again" data-id="([^"]+)"', last.body or "")
    assert again is not None
    last = made.do("again", owner, view_of(last), id=again[1])
    assert [turn.text for turn in made.session.turns] == [HELLO, HELLO]
    assert made.session.turns[1].conversation_id == made.session.turns[0].conversation_id
    assert (last.body or "").count('data-do="again"') == 1
    assert last.draft is None


def test_trying_again_leaves_what_is_being_written_in_the_box(world: Worlds, owner: Owner) -> None:
    made = world(LOCAL, says(FALLEN_BACK))
    view = view_of(made.say(HELLO, owner))
    message = made.coach.store.messages(view.conversation_id or "", owner=owner)[-1]
    screens = list(made.chat.perform(Action(do="again", id=message.id), view, owner=owner, tab="t"))
    assert len(screens) > 1
    assert {screen.draft for screen in screens} == {None}


def test_only_its_owner_can_have_a_message_answered_again(world: Worlds, owner: Owner) -> None:
    made = world(LOCAL, says(FALLEN_BACK))
    view = view_of(made.say(HELLO, owner))
    message = made.coach.store.messages(view.conversation_id or "", owner=owner)[-1]
    assert made.do("again", STRANGER, view, id=message.id).notice
    assert "no longer here" in (made.do("again", owner, view, id="unknown").notice or "")
    assert made.do("sent", owner, view, id=message.id) == ChatScreen()
    assert len(made.session.turns) == 1


def test_a_built_in_reply_without_a_model_offers_no_second_try(world: Worlds, owner: Owner) -> None:
    assert 'data-do="again"' not in (world(None, says(FALLEN_BACK)).say(HELLO, owner).body or "")


def test_a_reply_by_a_model_shows_what_was_sent_what_was_changed_and_what_it_took(world: Worlds, owner: Owner) -> None:
    use = a_use(changes=("A quotation that stands in no note was taken out.",), sent="<b>Ask</b>\nMorgan", cost=0.00021)
    made = world(LOCAL, says(finished("Ask her.", model_use=use)))
    view = view_of(made.say(HELLO, owner))
    last = made.say("And then?", owner, view)
    body = last.body or ""
    assert "&lt;b&gt;Ask&lt;/b&gt;&#10;Morgan" in body
    assert "A quotation that stands in no note was taken out." in body
    assert (
        "This reply: 1,234 tokens (1,200 sent, 34 written), cost 0.00021; this conversation: 2,468 tokens, cost 0.00042"
        in words(body)
    )
    assert "written by openai:big at api.example.com" in words(body)
    first = re.search(r'data-do="sent" data-id="([^"]+)"', body)
    assert first is not None
    at_the_side = made.do("sent", owner, view_of(last), id=first[1]).sources
    assert "&lt;b&gt;Ask&lt;/b&gt;&#10;Morgan" in (at_the_side or "")
    assert made.do("sent", STRANGER, view_of(last), id=first[1]).sources != at_the_side


def test_a_count_of_our_own_is_called_one(world: Worlds, owner: Owner) -> None:
    last = world(LOCAL, says(finished("Ask.", model_use=a_use(is_estimated=True)))).say(HELLO, owner)
    assert "about 1,234 tokens" in words(last.body)


@pytest.fixture
def add_note(coach: Coach, owner: Owner) -> Callable[[str], Note]:
    def add(text: str) -> Note:
        return coach.ingest.add(coach.documents.read_text(text), owner=owner, date=date(2026, 10, 12)).note

    return add


def evidence_of(note: Note, quote: str) -> Evidence:
    start = note.text.index(quote)
    return Evidence("note", note.id, note.title, quote, start, start + len(quote), "12 October")


def test_notes_that_were_kept_back_are_shown_and_can_be_let_go_once(
    world: Worlds, owner: Owner, add_note: Callable[[str], Note]
) -> None:
    note = add_note("# With Priya\n\nShe went quiet.\n\nShe keeps bees.")
    use = a_use(
        withheld=2, withheld_passages=(evidence_of(note, "She went quiet."), evidence_of(note, "She keeps bees."))
    )
    made = world(REMOTE, says(finished("Ask her.", model_use=use)))
    made.do("use-model", owner, text="yes")
    made.choose("notes-policy", owner, "ask")
    last = made.say(HELLO, owner)
    assert "2 passages of your notes bear on this and were not sent." in words(last.body)
    assert "She went quiet." in words(last.body)
    assert not made.session.turns[0].may_send_notes
    again = re.search(r'data-do="again-with-notes" data-id="([^"]+)"', last.body or "")
    assert again is not None
    made.do("again-with-notes", owner, view_of(last), id=again[1])
    assert made.session.turns[1].may_send_notes
    made.say("And then?", owner, view_of(last))
    assert not made.session.turns[2].may_send_notes


@pytest.mark.parametrize(
    "text",
    ["private: yes\n\nShe went quiet.", "[private]\nShe went quiet.\n[/private] We left.", "#private She went quiet."],
)
def test_a_private_passage_is_counted_and_neither_shown_nor_offered(
    world: Worlds, owner: Owner, add_note: Callable[[str], Note], text: str
) -> None:
    note = add_note(f"# With Priya\n\n{text}")
    use = a_use(withheld=1, withheld_passages=(evidence_of(note, "She went quiet."),))
    made = world(REMOTE, says(finished("Ask her.", model_use=use)))
    made.do("use-model", owner, text="yes")
    made.choose("notes-policy", owner, "ask")
    last = made.say(HELLO, owner)
    assert "1 passage of your notes bears on this and was not sent." in words(last.body)
    assert "She went quiet." not in words(last.body)
    assert "again-with-notes" not in (last.body or "")


@pytest.mark.parametrize("policy", ["never", "always"])
def test_where_notes_are_not_asked_for_none_are_offered(
    world: Worlds, owner: Owner, add_note: Callable[[str], Note], policy: str
) -> None:
    use = a_use(withheld=1, withheld_passages=(evidence_of(add_note("She went quiet."), "She went quiet."),))
    made = world(REMOTE, says(finished("Ask her.", model_use=use)))
    made.do("use-model", owner, text="yes")
    made.choose("notes-policy", owner, policy)
    assert "not sent" not in words(made.say(HELLO, owner).body)


# The Settings page


def test_the_policy_is_kept_for_its_owner_and_shown(world: Worlds, owner: Owner) -> None:
    made = world(REMOTE)
    assert 'data-id="never" data-text="never" aria-pressed="true"' in (made.preferences.show(owner=owner).notes or "")
    kept = made.choose("notes-policy", owner, "ask")
    assert 'data-id="ask" data-text="ask" aria-pressed="true"' in (kept.notes or "")
    assert (kept.notes or "").count('aria-pressed="true"') == 1
    assert 'data-text="never" aria-pressed="true"' in (made.preferences.show(owner=STRANGER).notes or "")
    made.choose("use-model", owner, "yes")
    assert "Your notes: asked each time." in words(made.preferences.where(owner=owner))


def test_for_a_model_on_this_machine_there_is_nothing_to_choose(world: Worlds, owner: Owner) -> None:
    made = world(LOCAL)
    shown = made.preferences.show(owner=owner)
    assert "Always: openai:small runs here" in words(shown.notes)
    assert "aria-pressed" not in (shown.notes or "") + (shown.model or "")
    assert made.choose("notes-policy", owner, "never") == Screen()
    assert "private: yes" in words(shown.notes)


def test_without_a_model_the_page_says_how_to_set_one(world: Worlds, owner: Owner) -> None:
    shown = world(None).preferences.show(owner=owner)
    copied = re.findall(r'data-copy="([^"]+)"', shown.model or "")
    assert [lines.split("&#10;")[0] for lines in copied] == [
        "export COACH_MODEL=openai:llama3.2",
        "export COACH_MODEL=openai:gpt-5-mini",
    ]
    assert "COACH_MODEL_URL=http://127.0.0.1:11434/v1" in copied[0]
    assert shown.connection == ""
    assert "on this machine" in words(shown.search)


def test_the_connection_is_tested_while_the_page_says_how_long_it_waits(world: Worlds, owner: Owner) -> None:
    answer = threading.Event()

    def slowly() -> str:
        assert answer.wait(10)
        return "openai:big at api.example.com began to answer within 0.3 s."

    made = world(replace(REMOTE, connection_test=slowly))
    testing = made.preferences.perform(Action(do="test-connection"), owner=owner)
    assert "Asking openai:big, at api.example.com… 0 s" in words(next(testing).connection)
    assert list(made.preferences.perform(Action(do="test-connection"), owner=owner)) == [Screen()]
    answer.set()
    *_, last = testing
    assert "began to answer within 0.3 s." in words(last.connection)
    assert "test-connection" in (last.connection or "")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ModelUnavailable("The model's provider does not accept the key."), "does not accept the key"),
        (ZeroDivisionError("secret"), "could not be tested"),
    ],
)
def test_a_connection_that_fails_says_what_is_wrong_in_a_sentence(
    world: Worlds, owner: Owner, error: Exception, said: str
) -> None:
    def failing() -> str:
        raise error

    made = world(replace(REMOTE, connection_test=failing))
    for _ in range(2):
        last = made.choose("test-connection", owner)
        assert said in words(last.connection)
        assert "secret" not in words(last.connection)
        assert "waiting" not in (last.connection or "")


def test_the_last_conversations_show_what_they_took(world: Worlds, owner: Owner) -> None:
    made = world(LOCAL, says(finished("Ask her.", model_use=a_use(cost=0.5))))
    assert "No reply has been written by a model yet" in words(made.preferences.show(owner=owner).used)
    made.say("And then?", owner, view_of(made.say("About <b>Priya</b>", owner)))
    used = made.preferences.show(owner=owner).used
    assert "2 replies: 2,400 tokens sent, 68 written, cost 1.00" in words(used)
    assert "About &lt;b&gt;Priya&lt;/b&gt;" in (used or "")
    assert "About" not in words(made.preferences.show(owner=STRANGER).used)


def test_the_page_is_served_under_the_same_rules_as_the_others(coach: Coach) -> None:
    def by_header(request: Request) -> Owner:
        return Owner(request.headers.get("x-owner", "nobody"))

    app = build_app(coach.settings, lambda _: nullcontext(coach), identify=by_header)
    with TestClient(app, base_url="http://127.0.0.1:7860") as client:
        answer = client.get("/settings")
    assert answer.status_code == 200
    assert "Everything stays on this machine." in answer.text
    assert "default-src 'self'" in answer.headers["content-security-policy"]
