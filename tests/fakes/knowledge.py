"""A small, valid knowledge folder: about two records of every kind, and one question for each purpose.

`write_small_library` writes the files, `small_knowledge` also loads them, and `replace_in` breaks one for a test.
"""

from __future__ import annotations

from pathlib import Path

from coach.adapters.knowledge_files import FileKnowledge, load_knowledge

TAXONOMY = """\
roles:
  - {id: mentor, label: Mentor, definition: Offers experience., phrases: [my mentee, I am mentoring someone]}
  - {id: mentee, label: Mentee, definition: Whose development it is., phrases: [my mentor, I want to grow]}
stages:
  - {id: first-session, label: First session, definition: The first meeting., phrases: [I meet her tomorrow for the first time]}
  - {id: goal-setting, label: Setting goals, definition: From a wish to work., phrases: [I want to be better at leading]}
  - {id: ongoing, label: Under way, definition: In the middle., phrases: [I see him again on Friday]}
topics:
  - {id: first-session, group: beginnings, label: The first session, definition: Starting well., phrases: [our very first meeting]}
  - {id: agreements, group: beginnings, label: Agreements, definition: What we expect., phrases: [how do I set limits]}
  - {id: goal-clarity, group: goals, label: Making a goal clear, definition: From wish to scene., phrases: [my goal is vague, what do I want]}
purposes:
  - {id: open, label: Open, definition: Begins.}
  - {id: explore, label: Explore, definition: Widens.}
  - {id: deepen, label: Deepen, definition: Goes beneath.}
  - {id: challenge, label: Challenge, definition: Tests.}
  - {id: commit, label: Commit, definition: Turns to deeds.}
  - {id: close, label: Close, definition: Rounds off.}
intents:
  - {id: plan-session, label: Prepare a session, definition: Wants a shape., phrases: [help me prepare]}
  - {id: clarify-goal, label: Clarify a goal, definition: Wants it sharper., phrases: [is this a good goal]}
feelings:
  - {id: nervous, label: nervous, definition: Apprehensive., phrases: [I'm nervous]}
  - {id: calm, label: no strong feeling voiced, definition: Nothing said., phrases: [could you help me plan]}
"""

SOURCES = """\
- id: zachary-2012
  authors: [Lois J. Zachary]
  year: 2012
  title: "The Mentor's Guide"
  container: "2nd ed., Jossey-Bass"
  isbn: "9780470907726"
  confirmed_in: "A library catalogue"

- id: seijts-latham-2005
  authors: [Gerard H. Seijts, Gary P. Latham]
  year: 2005
  title: "Learning versus performance goals: When should each be used?"
  doi: "10.5465/ame.2005.15841964"
  confirmed_in: "A reference list"
"""

CARD = """\
---
id: {id}
title: {title}
audience: [mentor]
stages: [{stage}]
topics: [{topic}]
gist: "{gist}"
do: "{do}"
sources: [{source}]
---
## What it is
{body}
## When
In the first minutes of a conversation, while both of you are still finding out how it is going to feel to talk.
## How
1. Say it in a sentence.
2. Wait, and let the other person take the next turn.
## For example
> **Mentee:** I don't really know where to begin.
> **Mentor:** Then we could begin with what made you write to me.
## What goes wrong
The silence feels long, so it is filled, and the thing that was about to be said is lost for the day.
"""

_BODY = (
    "A first meeting is shaped in its first minutes, and most of that shape is made by whoever speaks first. Saying plainly "
    "what the hour is for takes the weight of guessing off the other person. It also shows that the subject is theirs to "
    "choose, which is harder to take back later than any agenda. People who were asked at the start what they would like "
    "to get out of it tend to say so again when it has changed."
)

QUESTIONS = """\
- id: worth-your-time
  text: "What would make these conversations worth your time?"
  purpose: open
  audience: [mentor, mentee]
  to: other
  stages: [first-session]
  topics: [first-session, agreements]
  why: "It lets the other person set the ground before you do."
  follow_up: "What would tell you, after three meetings, that it is working?"
  sources: [zachary-2012]

- id: keeps-pulling
  text: "What is it about {topic|this} that keeps pulling at you?"
  purpose: explore
  audience: [mentor]
  to: other
  stages: [first-session, ongoing]
  topics: [goal-clarity]
  why: "The pull says more than the plan."
  follow_up: "When did you last feel it?"
  sources: [zachary-2012]

- id: would-miss
  text: "What do you do now that you would miss?"
  purpose: deepen
  audience: [mentor]
  to: other
  stages: [first-session, goal-setting]
  topics: [goal-clarity]
  why: "What would be lost is seldom on the list."
  follow_up: "Where else could you find it?"
  sources: [seijts-latham-2005]

- id: least-tested
  text: "Which part of the plan have you tested least?"
  purpose: challenge
  audience: [mentor, mentee]
  to: either
  stages: [goal-setting]
  topics: [goal-clarity]
  why: "An untested part is where plans break."
  follow_up: "How could you test it in a week?"
  sources: [seijts-latham-2005]

- id: small-this-week
  text: "What could you practise this week, small enough to get wrong safely?"
  purpose: commit
  audience: [mentor, mentee]
  to: either
  stages: [goal-setting, ongoing]
  topics: [goal-clarity]
  why: "A small step is one that gets taken."
  follow_up: "On which day?"
  sources: [seijts-latham-2005]

- id: do-or-notice
  text: "What will you do, or notice, before we meet again?"
  purpose: close
  audience: [mentor, mentee]
  to: other
  stages: [first-session, ongoing]
  topics: [agreements]
  why: "Noticing counts where doing is too much."
  follow_up: "How will you remember it?"
  sources: [zachary-2012]
"""

FRAMINGS = """\
- id: learning-goal
  name: "A thing to learn"
  lens: "a skill to learn"
  audience: [mentor, mentee]
  stages: [goal-setting]
  topics: [goal-clarity]
  when: "The outcome depends on something the person cannot do yet."
  prompt: "Which part of it could you practise this week?"
  pattern: "“{goal|this goal}”, as a skill to learn: the first part I will practise is …"
  example: "“I want to present better”, as a skill to learn: the first part I will practise is the opening minute."
  why: "While a task is still new, a goal to learn beats a goal to reach a result."
  sources: [seijts-latham-2005]

- id: situation-to-change
  name: "A situation to change"
  lens: "a situation to change"
  audience: [mentee]
  stages: [goal-setting, ongoing]
  topics: [goal-clarity, agreements]
  when: "What looks like a failing may be how things are set up."
  prompt: "What would have to be different in the room for this to stop being hard?"
  pattern: "“{goal|this goal}”, as a situation to change: what would be different is …"
  example: "“I want to speak up”, as a situation to change: what would be different is that papers come a day earlier."
  why: "Surroundings can be altered too."
  sources: [zachary-2012]
"""

RESOURCES = """\
- id: mentors-guide
  kind: book
  title: "The Mentor's Guide"
  authors: [Lois J. Zachary]
  year: 2012
  isbn: "9780470907726"
  audience: [mentor]
  stages: [first-session]
  topics: [first-session, agreements]
  why: "It walks through the first meetings with forms that can be used as they are."
  one_thing: "Agree on what stays between you before anything else."
  minutes: 300
  level: starter
  free: false
  confirmed_in: "A library catalogue"

- id: goals-that-teach
  kind: paper
  title: "Learning versus performance goals"
  authors: [Gerard H. Seijts, Gary P. Latham]
  year: 2005
  doi: "10.5465/ame.2005.15841964"
  audience: [mentor, mentee]
  stages: [goal-setting]
  topics: [goal-clarity]
  why: "It says when a target helps and when it gets in the way."
  one_thing: "Set a goal to learn while the task is new."
  minutes: 30
  level: some-experience
  free: false
  confirmed_in: "A reference list"
"""

PLANS = """\
- id: first-session-mentor
  title: "A first session, as the mentor"
  audience: [mentor]
  stages: [first-session]
  topics: [first-session, agreements]
  opening: "You won't need answers tomorrow, only a few good questions."
  arc:
    - {purpose: open, question: worth-your-time}
    - {purpose: explore, question: keeps-pulling, note: "If {name|they} should list job titles, ask for a day that was enjoyed."}
    - {purpose: close, question: do-or-notice}
  agree: "how often you meet and what stays between you"
  listen_for: "The quiet about the old role is worth a question."
  avoid: "Leave your own story for the second session."
  follow_up: "Send two lines the next day."
  ask_back: "What would you rather {name|your mentee} didn't ask you?"
  minutes: 60
  sources: [zachary-2012]
  card: say-what-it-is-for

- id: clearer-goal-mentee
  title: "A clearer goal, with your mentor"
  audience: [mentee]
  stages: [goal-setting]
  topics: [goal-clarity]
  opening: "Bring one scene. The rest of the goal will come out of it."
  arc:
    - {purpose: open, question: worth-your-time}
    - {purpose: challenge, question: least-tested}
    - {purpose: commit, question: small-this-week}
  agree: "which one part you will try"
  listen_for: "Notice where you begin to speak in general."
  avoid: "Leave the five-year plan at home."
  follow_up: "Write down what you said you would try."
  ask_back: "When did you last wish you had done it differently?"
  minutes: 45
  sources: [seijts-latham-2005]
  card: goal-needs-a-scene
"""

ACKNOWLEDGEMENTS = """\
- id: nervous-before-first-mentor
  feeling: nervous
  whose: mine
  audience: [mentor]
  stages: [first-session]
  text: "Nerves before a first session usually mean you want to be of use."

- id: calm-anything
  feeling: calm
  whose: mine
  audience: [mentor, mentee]
  stages: []
  text: "There is time to think about this before you meet {name|them}."
"""

SCENARIOS = """\
- id: priya-first
  title: "Priya, a first meeting"
  chair: mentor
  level: starter
  stages: [first-session]
  topics: [first-session]
  person: "Priya designs buttons and wonders about product work."
  facts: ["She has been in her job for two years.", "She has not told her manager."]
  opening_line: "Thanks for making the time. I'm not sure what to ask."
  layers:
    - reveals: "She is afraid that leaving design means she was no good at it."
      opened_by: [reflection, open-question]
      shut_by: [advice]
      lines: ["I suppose I wonder what people would say."]
  reactions:
    advice: ["I'll think about it."]
    reflection: ["Yes, that's it."]
  ending: "She thanks you and looks at her watch."
"""

JOURNEYS = """\
- id: goal-in-ten-minutes
  title: "A goal in ten minutes"
  audience: [mentee]
  stages: [goal-setting]
  topics: [goal-clarity]
  steps:
    - {id: wish, question: "What do you wish were different?", why: "Your own words come first.", field: wish, is_optional: false}
    - {id: scene, question: "When did you last notice it?", why: "A scene can be worked on.", field: scene, draws_on: [notes]}
  artefact: goal
"""


def write_small_library(folder: Path) -> Path:
    """Write a whole knowledge folder, sound in every way but coverage; returns the folder."""
    files = {
        "taxonomy.yaml": TAXONOMY,
        "sources/all.yaml": SOURCES,
        "cards/say-what-it-is-for.md": CARD.format(
            id="say-what-it-is-for",
            title="Say what the hour is for",
            stage="first-session",
            topic="first-session",
            gist="A first meeting goes better when somebody says what it is for.",
            do="Say in one sentence what the hour is for, then ask.",
            source="zachary-2012",
            body=_BODY,
        ),
        "cards/goal-needs-a-scene.md": CARD.format(
            id="goal-needs-a-scene",
            title="A goal needs a scene",
            stage="goal-setting",
            topic="goal-clarity",
            gist="A wish turns into a goal once there is a scene in which it would show.",
            do="Ask for the last time it would have mattered.",
            source="seijts-latham-2005",
            body=_BODY,
        ),
        "questions/all.yaml": QUESTIONS,
        "framings/all.yaml": FRAMINGS,
        "resources/all.yaml": RESOURCES,
        "plans/all.yaml": PLANS,
        "acknowledgements/all.yaml": ACKNOWLEDGEMENTS,
        "scenarios/all.yaml": SCENARIOS,
        "journeys/all.yaml": JOURNEYS,
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def small_knowledge(tmp_path: Path) -> FileKnowledge:
    """The small library, loaded from a folder under `tmp_path`."""
    return load_knowledge([write_small_library(tmp_path / "small-library")])


def replace_in(path: Path, old: str, new: str) -> None:
    """Change a file that must hold `old`."""
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{old!r} is not in {path.name}"
    path.write_text(text.replace(old, new), encoding="utf-8")
