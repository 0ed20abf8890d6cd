"""Reading a situation from wordings and hand-made impressions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from coach.domain.people import Owner, Relationship, Role
from coach.domain.suggestions import Correction, Situation
from coach.services.impressions import Impression
from coach.services.situation import Context, read_situation

STAGES = "considering finding chemistry first-session goal-setting ongoing reflection stuck review ending".split()
INTENTS = "plan-session clarify-goal reflect questions resource recall difficulty draft about-coach thanks".split()
FEELINGS = "nervous unsure self-doubt stuck frustrated flat overwhelmed tired pleased excited calm".split()
PRIYA = Relationship("r1", Owner("ada"), "Priya", "mentor")
KOFI = Relationship("r2", Owner("ada"), "Kofi Mensah", "mentee")


def impression(topics: dict[str, float] | None = None, **strong: str) -> Impression:
    """Nothing stands out but what is given: a field and the label that labelled messages speak for, weakly."""
    terms = {
        "role": ["mentor", "mentee"],
        "stage": STAGES,
        "intent": INTENTS,
        "feeling": FEELINGS,
        "whose": ["mine", "theirs"],
        "topic": [],
    }
    strong = {"intent": "difficulty", **strong}
    readings = {
        field: {label: (0.2 if strong.get(field) == label else 0.05) for label in labels}
        for field, labels in terms.items()
    }
    return Impression(readings, topics or {"asking": 0.1}, {})  # type: ignore[arg-type]


def read(text: str, context: Context | None = None, **strong: str) -> Situation:
    return read_situation(text, impression(**strong), context or Context())


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
def test_a_plain_wording_beats_a_weak_score_for_the_stage(text: str, stage: str) -> None:
    wrong = "review" if stage != "review" else "finding"
    assert read(text, stage=wrong).stage == stage


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
def test_a_plain_wording_beats_a_weak_score_for_the_intent(text: str, intent: str) -> None:
    assert read(text, intent="difficulty").intent == intent


def test_a_strong_score_beats_a_wording() -> None:
    strong = impression()
    readings = {**strong.readings, "stage": {**strong.readings["stage"], "ending": 0.9}}
    assert read_situation("I see her again", replace(strong, readings=readings), Context()).stage == "ending"


def test_without_wording_and_with_weak_scores_the_stage_is_ongoing() -> None:
    assert read("he never finishes what he starts", stage="review").stage == "ongoing"


def test_an_intent_that_leaves_the_matter_needs_a_sure_score() -> None:
    assert read("she is quiet", intent="thanks").intent != "thanks"


def test_a_meeting_soon_is_a_first_session_without_notes_and_an_ongoing_one_with_them() -> None:
    text = "I meet Priya tomorrow"
    without = Context(known=(PRIYA,))
    assert read(text, without).stage == "first-session"
    assert read(text, replace(without, people_with_notes=frozenset({"r1"}))).stage == "ongoing"
    assert read(text, replace(without, people_with_notes=frozenset({"r2"}))).stage == "first-session"


def test_a_meeting_soon_is_to_be_planned() -> None:
    assert read("I meet Priya tomorrow").intent == "plan-session"


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


def test_a_voiced_feeling_brings_its_topic_forward() -> None:
    topics = {"skills": 0.30, "workload": 0.20}
    assert read_situation("I am overwhelmed", impression(topics), Context()).topics[0] == "workload"


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
def test_a_voiced_feeling_has_its_owner(text: str, feeling: str, whose: str) -> None:
    situation = read(text)
    assert (situation.feeling, situation.whose) == (feeling, whose)


def test_a_feeling_that_is_not_voiced_is_not_claimed_on_a_weak_score() -> None:
    assert read("we meet at nine", feeling="nervous").feeling == "calm"


def test_a_feeling_that_is_not_voiced_is_read_on_a_strong_score_with_its_owner() -> None:
    weak = impression(whose="theirs")
    readings = {**weak.readings, "feeling": {**weak.readings["feeling"], "flat": 0.8}}
    situation = read_situation("there was nothing in the room", replace(weak, readings=readings), Context())
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
def test_the_chair_is_read_from_the_wording(text: str, role: Role) -> None:
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


def test_an_answer_to_the_coachs_question_goes_on_with_the_goal() -> None:
    previous = read("I want to become better at leading")
    assert previous.intent == "clarify-goal"
    assert (
        read("mostly in our Monday meetings", Context(previous=previous), intent="difficulty").intent == "clarify-goal"
    )


def test_stage_and_chair_of_the_turn_before_stay() -> None:
    previous = read("Our last session with my mentee is on Friday")
    after = read("the thing with the office is hard for them", Context(previous=previous), role="mentee")
    assert (after.stage, after.role) == ("ending", "mentor")


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
