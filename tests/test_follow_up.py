"""Follow-ups: what speaks of the last reply is told from what stands by itself, and every button does what it says."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from coach.adapters.knowledge_files import FileKnowledge
from coach.bootstrap import Coach
from coach.domain.conversation import Reply
from coach.domain.knowledge import Framing, Question, Resource
from coach.domain.safety import SafetyDecision
from coach.domain.suggestions import (
    Situation,
    SuggestedFraming,
    SuggestedQuestion,
    SuggestedResource,
    Suggestions,
)
from coach.services import compose
from coach.services.follow_up import Move, move_in, wants_other_resource, wants_shorter
from coach.services.situation import Context, read_situation
from tests.conftest import Talk
from tests.fakes.knowledge import small_knowledge

SITUATION = Situation("mentor", "ongoing", (), "plan-session", "ask", "calm", "mine")

MOVES = {
    "Another one": "another",
    "Ask me questions again": "ask",
    "Draft a follow-up message": "draft",
    "Give me a lens to try": "framing",
    "Give me a question instead": "one",
    "Go deeper on the first": "deeper",
    "Help me make an if-then plan": "if-then",
    "I asked the first one last time": "another",
    "I'd rather you told me": "tell",
    "Just one question": "one",
    "Plan the hour": "plan",
    "Something less formal": "another",
    "Something shorter": "another",
    "Something to read on this": "read",
    "Try another lens": "framing",
    "Try the first lens": "framing",
    "What should we agree first?": "agree",
}
"""Buttons that speak of the last reply, and the move that each of them makes."""
FRESH_STARTS = {
    "Clarify a goal": "clarify-goal",
    "Prepare a session": "plan-session",
    "Reflect on a session": "reflect",
}
"""Buttons that stand by themselves, and the intent that each of them has."""


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> FileKnowledge:
    return small_knowledge(tmp_path_factory.mktemp("follow-up"))


@pytest.fixture(scope="module")
def plan(knowledge: FileKnowledge) -> Reply:
    """A reply with all questions and framings of the small library."""
    return reply(questions=[*knowledge.questions.values()], framings=[*knowledge.framings.values()])


def reply(
    *,
    questions: list[Question] | None = None,
    framings: list[Framing] | None = None,
    resources: list[Resource] | None = None,
    safety: SafetyDecision | None = None,
) -> Reply:
    suggestions = Suggestions(
        tuple(SuggestedQuestion(q.id, q.text, q.purpose, q.why) for q in questions or []),
        tuple(SuggestedFraming(f.id, f.name, f.pattern, f.why) for f in framings or []),
        tuple(SuggestedResource(r.id, r.title, r.authors, r.year, r.link, r.why, r.minutes) for r in resources or []),
    )
    return Reply("…", "grounded", "built-in", SITUATION, suggestions, (), safety, "", {})


def buttons() -> Iterator[str]:
    """Every text that stands in a tuple of the composer's source as something the user may say next."""
    for node in ast.walk(ast.parse(Path(compose.__file__).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Tuple):
            texts = [part.value for part in node.elts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
            yield from (text for text in texts if text[:1].isupper() and " " in text)


def move(text: str, *replies: Reply, knowledge: FileKnowledge) -> Move:
    found = move_in(text, replies, knowledge)
    assert found is not None, text
    return found


def test_every_button_is_known_here() -> None:
    assert set(buttons()) == {*MOVES, *FRESH_STARTS}


@pytest.mark.parametrize(("text", "kind"), MOVES.items())
def test_a_button_makes_its_move(knowledge: FileKnowledge, plan: Reply, text: str, kind: str) -> None:
    assert move(text, plan, knowledge=knowledge).kind == kind
    assert move(text.replace("'", "’"), plan, knowledge=knowledge).kind == kind


@pytest.mark.parametrize(("text", "intent"), FRESH_STARTS.items())
def test_a_button_that_starts_afresh_is_read_by_its_wording(
    knowledge: FileKnowledge, plan: Reply, text: str, intent: str, coach: Coach
) -> None:
    assert move_in(text, [plan], knowledge) is None
    impression = coach.impressions.of(coach.retrieval.query(text))
    assert read_situation(text, impression, Context()).intent == intent


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("go deeper on the first", 0),
        ("Go deeper on the second", 1),
        ("say more about the third", 2),
        ("expand on question 4", 3),
        pytest.param("tell me more about number 5", 4),
        ("go deeper on the last", -1),
        ("why that question?", 0),
    ],
)
def test_the_question_that_is_meant_is_found_by_its_place(
    knowledge: FileKnowledge, plan: Reply, text: str, place: int
) -> None:
    found = move(text, plan, knowledge=knowledge)
    assert found.kind == "deeper"
    assert found.question == list(knowledge.questions.values())[place]


def test_a_question_that_was_asked_before_is_replaced_and_remembered(knowledge: FileKnowledge, plan: Reply) -> None:
    for text in ("I already asked that", "I asked her that", "already used the second", "used that one before"):
        found = move(text, plan, knowledge=knowledge)
        assert (found.kind, found.was_asked) == ("another", True)


def test_ive_asked_is_i_have_asked(knowledge: FileKnowledge, plan: Reply) -> None:
    assert move("I've asked her that", plan, knowledge=knowledge).was_asked


def test_the_place_in_i_asked_the_second_counts(knowledge: FileKnowledge, plan: Reply) -> None:
    found = move("I asked the second one last time", plan, knowledge=knowledge)
    assert found.question == list(knowledge.questions.values())[1]


def test_a_place_that_the_reply_does_not_have_is_unclear(knowledge: FileKnowledge) -> None:
    short = reply(questions=list(knowledge.questions.values())[:2])
    assert move("go deeper on the fifth", short, knowledge=knowledge).kind == "unclear"


def test_plainer_is_told_from_another(knowledge: FileKnowledge, plan: Reply) -> None:
    assert move("something less formal", plan, knowledge=knowledge).is_plainer
    assert not move("another one", plan, knowledge=knowledge).is_plainer


def test_a_lens_is_chosen_among_those_that_were_offered_earlier(knowledge: FileKnowledge, plan: Reply) -> None:
    first, second = knowledge.framings.values()
    tried = reply(framings=[first])
    assert move("try the second lens", plan, tried, knowledge=knowledge).framing == second
    assert move("try another lens", plan, tried, knowledge=knowledge).framing is None
    assert move("try the first lens", tried, knowledge=knowledge).framing is None


def test_after_a_resource_another_one_is_another_resource(knowledge: FileKnowledge) -> None:
    last = reply(resources=list(knowledge.resources.values())[:1])
    for text in ("Another one", "Something shorter", "something else"):
        assert move_in(text, [last], knowledge) is None
        assert wants_other_resource(text, last)
    assert wants_shorter("Something shorter")
    assert not wants_other_resource("She is late again", last)
    assert not wants_other_resource("Another one", None)


@pytest.mark.parametrize(
    "text",
    [
        "My mentee told me that the first session went badly and she wants another mentor",
        "How do I plan for a hard conversation?",
        "She asked me a question that I couldn't answer",
        "What did Priya say about the grant?",
        "I want to be better at leading people",
        "He reads too much into it",
        "Thanks",
    ],
)
def test_a_message_of_its_own_makes_no_move(knowledge: FileKnowledge, plan: Reply, text: str) -> None:
    assert move_in(text, [plan], knowledge) is None


def test_something_different_within_a_message_is_no_request(knowledge: FileKnowledge, plan: Reply) -> None:
    assert move_in("My mentee says she wants to do something different with her life", [plan], knowledge) is None


def test_without_a_reply_there_is_nothing_to_follow_up(knowledge: FileKnowledge) -> None:
    assert move_in("another one", [], knowledge) is None


def test_after_a_safety_reply_no_move_is_made(knowledge: FileKnowledge) -> None:
    last = reply(questions=list(knowledge.questions.values()), safety=SafetyDecision("crisis", "…"))
    assert move_in("another one", [last], knowledge) is None


def test_a_long_message_stands_by_itself(knowledge: FileKnowledge, plan: Reply) -> None:
    assert move_in("another one, " + "because she said so and " * 8, [plan], knowledge) is None


STARTS = {
    "plan": "I meet Priya tomorrow, junior designer, thinks about product management. I'm nervous.",
    "goal": "I want to be better at leading people but I don't know where to start.",
    "reflection": "I've just had my session with Kofi. It went badly and I talked too much.",
    "questions": "What questions could I ask my mentee about her workload?",
    "difficulty": "My mentee keeps cancelling at the last minute.",
    "resource": "Can you recommend a short article on giving feedback?",
    "draft": "Help me write a follow-up message to my mentor Ana.",
    "coach": "What can you do?",
    "telling": "My mentee keeps cancelling. Just tell me what to do.",
}
"""Messages whose replies have different buttons."""


@pytest.mark.parametrize("start", STARTS)
def test_every_button_that_is_shown_does_what_it_says(talk: Talk, start: str) -> None:
    offered = talk.say(STARTS[start]).suggestions.follow_ups
    assert offered
    assert [fault for button in offered if (fault := _fault(talk, start, button))] == []


def test_every_button_below_an_answer_from_the_notes_does_what_it_says(talk: Talk) -> None:
    talk.add_note("P will talk to Dan by the 20th. She went quiet.", name="Priya", day=date(2026, 10, 12))
    question = "What did Priya say about Dan?"
    offered = talk.say(question).suggestions.follow_ups
    assert offered
    assert [fault for button in offered if (fault := _fault(talk, question, button))] == []


def _fault(talk: Talk, start: str, button: str) -> str:
    """What is wrong with the answer to a button in a conversation of its own; empty where nothing is."""
    fresh = Talk(talk.coach, talk.owner)
    before, after = fresh.say(STARTS.get(start, start)), fresh.say(button)
    had = {question.id for question in before.suggestions.questions}
    has = {question.id for question in after.suggestions.questions}
    kind = MOVES.get(button, FRESH_STARTS.get(button))
    match kind:
        case "another" if before.suggestions.resources:
            is_done = bool(after.suggestions.resources) and after.suggestions.resources != before.suggestions.resources
        case "another" if before.situation.intent == "draft":
            is_done = "draft" in after.markdown
        case "another" | "one":
            is_done = len(has) == 1 and (kind == "one" or not has & had)
        case "deeper":
            is_done = after.suggestions.questions[:1] == before.suggestions.questions[:1] or bool(has & had)
        case "plan":
            is_done = "**A shape for" in after.markdown
        case "agree":
            is_done = after.markdown.startswith("Agree ")
        case "framing":
            is_done = len(after.suggestions.framings) == 1
        case "if-then":
            is_done = after.markdown != before.markdown and bool(has or after.citations)
        case "tell":
            is_done = after.situation.dial == "tell" and not has
        case "ask":
            is_done = after.situation.dial == "ask" and bool(has)
        case "read":
            is_done = len(after.suggestions.resources) == 1
        case "draft":
            is_done = "draft" in after.markdown
        case _:
            is_done = after.situation.intent == kind
    return "" if is_done else f"{button!r} gives: {after.markdown[:90]!r}"
