"""Reading a situation: from hand-made impressions, and on the real library what plain words are read as."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from coach.bootstrap import Coach
from coach.domain.people import Owner, Relationship, Role
from coach.domain.suggestions import Correction, Situation
from coach.services.impressions import Field, Impression, Labels
from coach.services.situation import Context, read_situation

STAGES = "considering finding chemistry first-session goal-setting ongoing reflection stuck review ending".split()
INTENTS = "plan-session clarify-goal reflect questions resource recall difficulty draft about-coach thanks".split()
FEELINGS = "nervous unsure self-doubt stuck frustrated flat overwhelmed tired pleased excited calm".split()
PRIYA = Relationship("r1", Owner("ada"), "Priya", "mentor")
KOFI = Relationship("r2", Owner("ada"), "Kofi Mensah", "mentee")


FAINT, CLEAR = 0.05, 0.6
"""Scores of a label that nothing speaks for, and of one that labelled messages do."""


def impression(topics: dict[str, float] | None = None, *, score: float = CLEAR, **clear: str) -> Impression:
    """Nothing stands out but what is given: a field and the label that labelled messages speak for, this strongly."""
    terms: Mapping[Field, Sequence[str]] = {
        "role": ["mentor", "mentee"],
        "stage": STAGES,
        "intent": INTENTS,
        "feeling": FEELINGS,
        "whose": ["mine", "theirs"],
    }
    clear = {"intent": "difficulty", "stage": "ongoing", **clear}
    readings: dict[Field, Labels] = {
        field: {label: (score if clear.get(field) == label else FAINT) for label in labels}
        for field, labels in terms.items()
    }
    return Impression({**readings, "topic": topics or {"asking": 0.1}}, {})


def read(text: str, context: Context | None = None, *, score: float = CLEAR, **clear: str) -> Situation:
    return read_situation(text, impression(None, score=score, **clear), context or Context())


def read_for_real(coach: Coach, text: str, context: Context | None = None) -> Situation:
    """As the readers of the real library read it."""
    return read_situation(text, coach.impressions.of(coach.retrieval.query(text)), context or Context())


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ("We've just finished our session", "reflection"),
        ("Our last session is on Friday", "ending"),
        ("We're at the half-way point", "review"),
        ("He keeps cancelling", "stuck"),
        ("We're having a coffee to see whether we click", "chemistry"),
        ("I'm looking for a mentor", "finding"),
        ("Do I know enough to mentor anybody?", "considering"),
        ("It is our first meeting", "first-session"),
        ("I see her again", "ongoing"),
    ],
)
def test_the_stage_is_read_from_a_plain_wording(text: str, stage: str, coach: Coach) -> None:
    assert read_for_real(coach, text).stage == stage


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("How do I prepare for it?", "plan-session"),
        ("I want to become better at leading", "clarify-goal"),
        ("I talked too much", "reflect"),
        ("Can you recommend a good book on listening?", "resource"),
        ("Remind me what she called it", "recall"),
        ("Write me a message to her", "draft"),
        ("What can you do?", "about-coach"),
        ("Thanks, that helps", "thanks"),
    ],
)
def test_the_intent_is_read_from_a_plain_wording(text: str, intent: str, coach: Coach) -> None:
    assert read_for_real(coach, text).intent == intent


@pytest.mark.parametrize(("field", "label"), [("stage", "ending"), ("intent", "reflect"), ("role", "mentee")])
def test_what_labelled_messages_speak_for_is_the_reading(field: str, label: str) -> None:
    situation = read_situation("hm, well", impression(None, score=CLEAR, **{field: label}), Context())
    assert getattr(situation, field) == label


def test_a_message_that_says_nothing_of_a_stage_is_read_as_ongoing(coach: Coach) -> None:
    assert read_for_real(coach, "he never finishes what he starts").stage == "ongoing"


@pytest.mark.parametrize("intent", ["thanks", "about-coach", "recall", "resource", "draft"])
def test_an_intent_that_leaves_the_matter_needs_a_sure_score(intent: str) -> None:
    faint = impression(score=0.15, intent=intent)
    assert read_situation("she is quiet", faint, Context()).intent != intent
    assert read("she is quiet", intent=intent).intent == intent


@pytest.mark.parametrize(
    "text", ["she is quiet", "he never finishes what he starts", "I don't know how to tell her", "we meet at nine"]
)
def test_a_matter_is_not_taken_for_a_request_that_leaves_it(text: str, coach: Coach) -> None:
    assert read_for_real(coach, text).intent not in ("thanks", "about-coach", "recall", "resource", "draft")


def test_a_meeting_with_somebody_there_are_notes_on_is_no_first_session() -> None:
    text = "I meet Priya tomorrow"
    without = Context(known=(PRIYA,))
    assert read(text, without, stage="first-session").stage == "first-session"
    with_notes = replace(without, people_with_notes=frozenset({"r1"}))
    assert read(text, with_notes, stage="first-session").stage == "ongoing"
    assert read(text, with_notes, stage="ending").stage == "ending"
    with_others = replace(without, people_with_notes=frozenset({"r2"}))
    assert read(text, with_others, stage="first-session").stage == "first-session"


def test_a_meeting_soon_is_a_first_session_without_notes_and_an_ongoing_one_with_them(coach: Coach) -> None:
    text = "I meet Priya tomorrow"
    without = Context(known=(PRIYA,))
    assert read_for_real(coach, text, replace(without, people_with_notes=frozenset({"r1"}))).stage == "ongoing"
    assert read_for_real(coach, text, replace(without, people_with_notes=frozenset({"r2"}))).stage == "first-session"
    assert read_for_real(coach, text, without).stage == "first-session"


def test_a_meeting_soon_is_to_be_planned(coach: Coach) -> None:
    assert read_for_real(coach, "I meet Priya tomorrow").intent == "plan-session"


@pytest.mark.parametrize(
    ("correction", "field", "value"),
    [
        (Correction(role="mentee"), "role", "mentee"),
        (Correction(stage="ending"), "stage", "ending"),
        (Correction(intent="draft"), "intent", "draft"),
    ],
)
def test_a_correction_wins_and_is_marked(correction: Correction, field: str, value: str) -> None:
    read_anew = read("I meet my mentee Priya again tomorrow", Context(correction=correction))
    assert getattr(read_anew, field) == value
    assert read_anew.corrected == {field}


def test_a_corrected_topic_comes_first_and_the_others_stay_behind_it() -> None:
    topics = {"asking": 0.5, "listening": 0.4, "advice": 0.3, "skills": 0.1}
    context = Context(correction=Correction(topic="listening"))
    situation = read_situation("hm, well", impression(topics), context)
    assert situation.topics == ("listening", "asking", "advice")
    assert situation.corrected == {"topics"}


def test_topics_come_nearest_first_with_ties_by_name() -> None:
    situation = read_situation("hm, well", impression({"b": 0.3, "c": 0.5, "a": 0.3, "d": 0.1}), Context())
    assert situation.topics == ("c", "a", "b")


def test_a_voiced_feeling_brings_its_topic_forward(coach: Coach) -> None:
    assert read_for_real(coach, "I am overwhelmed").topics[0] == "workload"


@pytest.mark.parametrize(
    ("text", "feeling", "whose"),
    [
        ("I'm nervous", "nervous", "mine"),
        ("She is nervous", "nervous", "theirs"),
        ("Priya seemed flat last time", "flat", "theirs"),
        ("My mentee is nervous and I don't mind", "nervous", "theirs"),
        ("She is doing well. I'm nervous", "nervous", "mine"),
        ("I'm not sure what to do, and so nervous", "nervous", "mine"),
    ],
)
def test_a_voiced_feeling_has_its_owner(text: str, feeling: str, whose: str, coach: Coach) -> None:
    for situation in (read(text, feeling=feeling), read_for_real(coach, text)):
        assert (situation.feeling, situation.whose) == (feeling, whose)


def test_a_feeling_that_is_not_voiced_is_not_claimed_on_a_weak_score(coach: Coach) -> None:
    assert read("we meet at nine", score=FAINT + 0.09, feeling="nervous").feeling == "calm"
    assert read_for_real(coach, "we meet at nine").feeling == "calm"


def test_a_feeling_that_is_not_voiced_is_read_on_a_strong_score_with_its_owner() -> None:
    situation = read("there was nothing in the room", feeling="flat", whose="theirs")
    assert (situation.feeling, situation.whose) == ("flat", "theirs")


@pytest.mark.parametrize(
    ("text", "before", "dial"),
    [
        ("what now", None, "ask"),
        ("just tell me", None, "tell"),
        ("what now", "tell", "tell"),
        ("ask me questions again", "tell", "ask"),
        ("I'd rather you told me", "ask", "tell"),
    ],
)
def test_the_dial_stays_where_it_was_put(text: str, before: str | None, dial: str) -> None:
    previous = replace(read("we meet at nine"), dial=before) if before else None  # type: ignore[arg-type]
    assert read(text, Context(previous=previous)).dial == dial


def test_the_dial_of_the_page_wins_over_the_turn_before_and_a_wording_over_both() -> None:
    previous = replace(read("we meet at nine"), dial="tell")
    assert read("what now", Context(previous=previous, dial="ask")).dial == "ask"
    assert read("no, just tell me", Context(previous=previous, dial="ask")).dial == "tell"


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("my mentee is late", "mentor"),
        ("my mentor is late", "mentee"),
        ("she wants me to decide for her", "mentor"),
        ("I was passed over again", "mentee"),
        ("I want to be better at leading people", "mentee"),
    ],
)
def test_the_chair_is_read_from_the_wording(text: str, role: Role, coach: Coach) -> None:
    assert read_for_real(coach, text).role == role


@pytest.mark.parametrize(("text", "role"), [("my mentee is late", "mentor"), ("my mentor is late", "mentee")])
def test_whom_the_writer_calls_theirs_settles_the_chair(text: str, role: Role) -> None:
    other = "mentee" if role == "mentor" else "mentor"
    assert read(text, role=other).role == role


def test_the_chair_of_a_known_relationship_is_kept_where_no_wording_says_otherwise() -> None:
    assert read("I see Kofi on Friday", Context(known=(PRIYA, KOFI)), role="mentor").role == "mentee"
    assert read("Kofi is my new mentee", Context(known=(PRIYA, KOFI))).role == "mentor"


def test_the_person_named_is_found_among_those_known() -> None:
    known = Context(known=(PRIYA, KOFI), relationship=PRIYA)
    assert read("I see kofi on Friday", known).relationship == KOFI
    assert read("I see Kofi Mensah on Friday", known).name == "Kofi Mensah"
    assert read("I see him on Friday", known).relationship == PRIYA
    assert read("I see Bo on Friday", Context()).name == "Bo"
    assert read("I see her on Friday", Context()).name is None
    assert read("I see her on Friday", Context(counterpart="Ines")).name == "Ines"


@pytest.mark.parametrize(("name", "text"), [("Will", "I will see her tomorrow"), ("May Lin", "I may have been unfair")])
def test_a_common_word_is_not_taken_for_a_persons_name(name: str, text: str) -> None:
    person = Relationship("r3", Owner("ada"), name)
    assert read(text, Context(known=(person,))).relationship is None


def test_somebody_else_who_is_named_is_not_taken_for_the_person_before() -> None:
    situation = read("And now for tomorrow: I meet Bo for the first time", Context(known=(PRIYA,), relationship=PRIYA))
    assert situation.name == "Bo"
    assert situation.relationship is None


def test_an_answer_to_the_coachs_question_goes_on_with_the_goal(coach: Coach) -> None:
    previous = read_for_real(coach, "I want to become better at leading")
    assert previous.intent == "clarify-goal"
    context = Context(previous=previous)
    assert read("mostly in our Monday meetings", context, intent="difficulty").intent == "clarify-goal"
    assert read_for_real(coach, "mostly in our Monday meetings", context).intent == "clarify-goal"


def test_stage_and_chair_of_the_turn_before_stay(coach: Coach) -> None:
    previous = read_for_real(coach, "Our last session with my mentee is on Friday")
    assert (previous.stage, previous.role) == ("ending", "mentor")
    context = Context(previous=previous)
    after = read("the thing with the office is hard for them", context, score=0.3, role="mentee")
    assert (after.stage, after.role) == ("ending", "mentor")
    after = read_for_real(coach, "I don't know what to say to her", context)
    assert (after.stage, after.role) == ("ending", "mentor")


def test_a_stage_that_is_surely_another_does_not_stay() -> None:
    previous = read("Our last session with my mentee is on Friday", stage="ending")
    assert read("we have our half-way review tomorrow", Context(previous=previous), stage="review").stage == "review"


def test_one_question_only_is_noticed() -> None:
    assert read("just one question for her").is_brief
    assert not read("questions for her").is_brief


def test_a_curly_apostrophe_is_read_like_a_straight_one() -> None:
    assert read("I’d rather you told me") == read("I'd rather you told me")


@pytest.mark.parametrize(
    ("text", "is_about_partner"), [("I can't decide between two offers", False), ("she can't decide", True)]
)
def test_whether_somebody_else_is_spoken_of_is_noticed(text: str, is_about_partner: bool) -> None:
    assert read(text).is_about_partner is is_about_partner
