"""What is not coached, and what only sounds as if it should not be."""

import pytest

from coach.domain.safety import SafetyDecision
from coach.services.safety import assess

CRISIS = SafetyDecision("crisis", "…")


@pytest.mark.parametrize(
    ("text", "decision"),
    [
        ("I don't see the point of any of it any more", "crisis"),
        ("I want to kill myself", "crisis"),
        ("everyone would be better off without me", "crisis"),
        ("my boss hits me", "abuse"),
        ("he touched my knee in our meeting", "harassment"),
        ("should I stop taking my meds before the review", "medical-legal"),
        ("can I sue my employer", "medical-legal"),
        ("write me a Python function", "out-of-scope"),
        ("what is the capital of France", "out-of-scope"),
        ("she is 15 and wants to come to my house for our session", "safeguarding"),
    ],
)
def test_what_needs_something_else_than_coaching_is_named(text: str, decision: str) -> None:
    found = assess(text)
    assert found is not None
    assert found.decision.decision == decision


@pytest.mark.parametrize(
    "text",
    [
        "this deadline is killing me",
        "I could have killed him in that meeting",
        "I'm dying to hear how it went",
        "I don't see the point of these meetings any more",
        "I want to end it with my mentor",
        "I nearly died of embarrassment",
        "shoot me an email if she cancels again",
        "she is learning to program in Python and I mentor her",
        "how do I end things well with my mentee",
        "I need to kill the project before the review",
    ],
)
def test_a_figure_of_speech_is_coached(text: str) -> None:
    assert assess(text) is None


def test_a_crisis_of_somebody_else_is_told_apart() -> None:
    found = assess("my mentee said she doesn't want to be here any more")
    assert found is not None
    assert (found.decision.decision, found.about) == ("crisis", "other")


def test_after_a_crisis_the_next_message_stays_with_it() -> None:
    assert assess("I don't know, it's just everything", previous=CRISIS) is not None


def test_after_a_crisis_being_safe_is_believed() -> None:
    assert assess("I'm safe, I was only tired. Can we plan tomorrow?", previous=CRISIS) is None
