"""Which notes may go to a model, and what is taken out of those that may."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coach.domain.consent import (
    NotesPolicy,
    default_policy,
    is_private,
    may_be_sent,
    passage_without_private,
    without_private,
)
from coach.domain.notes import Note
from coach.domain.people import LOCAL_OWNER

OPEN = "# Third session\n\nShe was tired. We spoke of the roadmap."


def note(text: str) -> Note:
    return Note("n1", LOCAL_OWNER, "Third session", text, None, None, "markdown", datetime(2026, 11, 23))


# the policy


def test_notes_go_to_a_model_on_this_machine_and_to_no_other_unless_chosen() -> None:
    assert default_policy(is_local=True) == "always"
    assert default_policy(is_local=False) == "never"


@pytest.mark.parametrize(
    ("policy", "allowed_once", "may"),
    [
        ("never", False, False),
        ("never", True, False),
        ("ask", False, False),
        ("ask", True, True),
        ("always", False, True),
        ("always", True, True),
    ],
)
def test_the_policy_decides_on_a_note_without_a_mark(policy: NotesPolicy, allowed_once: bool, may: bool) -> None:
    assert may_be_sent(note(OPEN), policy, allowed_once=allowed_once) is may


# private notes


@pytest.mark.parametrize(
    "text",
    [
        f"{OPEN}\n\nprivate: yes",
        f"Private: Yes\n{OPEN}",
        f"**Private:** yes\n{OPEN}",
        f"---\ntitle: Third\nprivate: true\n---\n{OPEN}",
        f"---\ntags: [mentoring, private]\n---\n{OPEN}",
        f"---\ntags:\n  - mentoring\n  - private\n---\n{OPEN}",
        f"[private]\n{OPEN}",
        f"{OPEN}\n[PRIVATE]\n",
        f"{OPEN}\n\n#mentoring #private",
        f"#Private\n{OPEN}",
        f"{OPEN}\n[private] one [/private]\n[private]\nand on",
    ],
)
def test_a_private_note_is_never_sent(text: str) -> None:
    assert not may_be_sent(note(text), "always", allowed_once=True)


@pytest.mark.parametrize(
    "text",
    [
        OPEN,
        f"{OPEN}\n\nprivate: no",
        f"{OPEN}\n\nShe went to a private school. In private: yes, she cried.",
        f"# Private thoughts\n{OPEN}",
        f"{OPEN}\n#private-equity #privately",
        f"See the page at example/#private\n{OPEN}",
        f"---\ntitle: A private matter\n---\n{OPEN}",
        f"{OPEN}\n[private]\nShe is ill.\n[/private]\nWe meet again.",
        f"{OPEN}\n- private\n",
    ],
)
def test_a_note_that_only_speaks_of_private_things_is_not_private(text: str) -> None:
    assert not is_private(text)
    assert may_be_sent(note(text), "always", allowed_once=False)


# private passages


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (OPEN, OPEN),
        ("Before [private]she is ill[/private] after.", "Before … after."),
        ("One\n[Private]\nshe is ill\n[ / private ]\ntwo", "One\n…\ntwo"),
        ("a [private]b[/private] c [private]d[/private] e", "a … c … e"),
        ("a [private]b [private]c[/private] d[/private] e", "a … e"),
        ("a [private]b", "a …"),
        ("b[/private] c", "… c"),
        ("a [private]b[/private] c[/private] d", "… d"),
        ("[private]all[/private]", "…"),
        ("[private]a[/private][private]b[/private]", "……"),
    ],
)
def test_a_private_passage_leaves_a_gap(text: str, shown: str) -> None:
    assert without_private(text) == shown


def test_a_chunk_from_the_middle_of_a_private_passage_shows_nothing_of_it() -> None:
    text = "Open. [private]She is ill. She told nobody.[/private] Open again."
    start, end = text.index("She told"), text.index("nobody")

    assert passage_without_private(text, start, end) == "…"
    assert passage_without_private(text, text.index("told"), len(text)) == "… Open again."
    assert passage_without_private(text, 0, text.index("ill")) == "Open. …"
    assert passage_without_private(text, 0, 5) == "Open."


@given(
    st.lists(st.sampled_from(["[private]", "[/private]", "secret", " ", "\n", "open"]), max_size=20),
    st.integers(0, 60),
    st.integers(0, 60),
)
def test_nothing_between_marks_is_shown_by_any_cut_of_the_text(parts: list[str], one: int, two: int) -> None:
    """Told by walking the text: what stands inside of marks is upper case, and none of that is shown."""
    depth, walked = 0, []
    for part in parts:
        depth += {"[private]": 1, "[/private]": -1}.get(part, 0)
        depth = max(0, depth)
        walked.append(part.upper() if depth and "private" not in part else part)
    text = "".join(walked)
    start, end = sorted((min(one, len(text)), min(two, len(text))))

    shown = passage_without_private(text, start, end)

    assert not any(letter in shown for letter in "SECRTON")
    if "private" not in text:
        assert shown == text[start:end]
