"""One message for every topic, as a person would put it: does what is suggested speak of that topic?

Which of several fitting records comes first is measured by the evals, not here.
"""

from __future__ import annotations

import pytest
from _pytest.mark import ParameterSet

from coach.adapters.knowledge_files import load_knowledge
from coach.adapters.packaged_data import data_folder
from coach.bootstrap import Coach
from coach.domain.conversation import Finished, Reply, Turn
from coach.domain.people import Owner
from coach.ports import KnowledgeBase

MESSAGES = {
    "what-i-bring": "They asked me to mentor a trainee nurse. Thirty years on the wards, never been anywhere else. Is there really anything in that for somebody her age?",
    "choosing-a-role": "The scheme has a form where I tick whether I want to guide somebody or be guided. Honestly it could go either way for me.",
    "finding-people": "There's a woman at another firm whose work I love. She has no idea who I am. How do I ask for half an hour of her time?",
    "chemistry-chat": "We're having coffee on Thursday to see whether we get on before either of us signs up for the year. What should I be looking for?",
    "first-session": "I meet Tom tomorrow. We've only ever emailed. How do I get the two of us going?",
    "agreements": "Nobody ever said what's okay between us. He texts at eleven at night and I answer, and I'm starting to mind.",
    "confidentiality": "Her line manager caught me by the lift and asked what we talk about. I mumbled something. What can I pass on and what can't I?",
    "cadence": "We said once a month but it's been ten weeks, and when we do manage it we've got half an hour. Is that even worth it?",
    "listening": "While Sam is talking I'm already working out what I'll say back. I only notice afterwards that I missed half of it.",
    "asking": "Whatever I put to him, I get yes, no or fine. How do I get more than a shrug?",
    "giving-feedback": "Her talk to the board was dull and she thinks it went brilliantly. I'm seeing her on Monday. How do I say it without crushing her?",
    "receiving-feedback": "In my review my boss called me abrasive. I argued with every line of it. I'd like to take it better next time.",
    "own-story": "I was sacked once. Would it help my mentee to hear about it, or would that make the hour about me?",
    "silence-emotion": "Halfway through he stopped and his eyes filled up. I changed the subject and I've felt bad since.",
    "advice": "Every time we meet she says: just tell me what to do. And I do, and then she doesn't do it.",
    "goal-clarity": "I want to become a better leader, whatever that is. I couldn't tell you what would look different.",
    "goal-plans": "I know exactly what I should do each morning, and then the morning comes and I open my inbox. How do I trick myself into starting?",
    "goal-progress": "Four months since I set myself the target and I haven't looked at it once. How do I stay with it?",
    "values": "Good salary, nice title, and on Sunday evening I ask myself what it's all for. What do I actually care about?",
    "motivation": "My mentee used to be keen. Now he does the minimum and says he can't be bothered. How do I find out where the spark went?",
    "career-change": "Twelve years as an accountant and all I think about is teaching. Am I mad to throw it all in?",
    "promotion": "I've been acting up as team lead for a year and they gave the post to someone else again. What does it take to get to the next grade?",
    "job-search": "Forty applications, two interviews, nothing. Another interview on Wednesday and my nerve has gone.",
    "negotiation": "They've made me an offer and it's five thousand below what I expected. I always say yes straight away. What do I say this time?",
    "networking": "There's a big conference next month and I'll end up by the coffee urn on my own, as always. How do I talk to strangers there?",
    "sponsorship": "I do good work and nobody above my manager knows my name. How do I get somebody senior to mention me when it counts?",
    "skills": "I've given dozens of presentations and I'm no better than in the first year. How should I be practising?",
    "decisions": "Two offers on the table, one safe, one thrilling, and an answer due on Friday. I've changed my mind six times.",
    "confidence": "Everyone in the room has a doctorate. Any minute now they'll find out that I got in by mistake.",
    "workload": "Three bosses, five deadlines, and I've just agreed to organise the summer party as well. Why can't I turn anything down?",
    "burnout": "She used to love the job. Now she's cynical, sleeps badly and cries on the way in. I'm her mentor and I wonder if this is beyond me.",
    "setbacks": "The product we'd spent two years on was scrapped yesterday. It was my call that sank it. How do I pick myself up?",
    "first-time-manager": "On Monday I start leading the team I've been part of for four years. We go to the pub together. Now I'm to do their appraisals.",
    "conflict": "Two of us aren't speaking since the row about the budget. We share an office. Somebody has to say something.",
    "managing-up": "My boss checks every email before I send it. I'd like to get some room without a fight.",
    "influence": "I make a point, silence; ten minutes later a man says the same and they all nod. How do I get them to hear me?",
    "research-academic": "I'm in the third year of my PhD, my supervisor hasn't read a chapter since spring, and the postdoc market is dreadful.",
    "startup": "The woman I'm mentoring runs a tiny company with four months of cash left, and she and her co-founder have stopped agreeing on anything.",
    "creative": "She's an illustrator and showed me her sketchbook. I don't know how to talk about somebody's drawings without killing them.",
    "technical": "I'm pairing with a junior developer every week. He copies whatever I type. How do I help him grow as an engineer?",
    "cross-cultural": "He grew up in Seoul and I in Leeds. He never contradicts me, and I can't tell when yes means no.",
    "cross-identity": "I'm a white man in my fifties and she's the only Black woman on the floor. How do I not get this wrong?",
    "accessibility": "My mentee is deaf and we meet on video. The captions are terrible. How do I make it work for her?",
    "neurodiversity": "He told me he's autistic and that my open-ended questions leave him stranded. How should I put things?",
    "remote": "We're in different time zones and only ever talk on Zoom with the camera off. It feels like leaving voicemail.",
    "group-peer": "I've got five mentees round one table and Marcus does all the talking. How do I bring the others in?",
    "reverse": "I'm twenty-six and I've been asked to mentor our finance director about social media. How frank can I be with somebody that far above me?",
    "young-people": "I'm volunteering at a school, and the lad I've been paired with is fifteen. What's different from mentoring an adult?",
    "returning": "I'm back next week after ten months at home with the baby, and the team has a new system and a new boss.",
    "ethics": "My mentee has applied for a job, and I've just been put on the panel that will choose. Ought I to say something?",
    "dependency": "She rings me before every single email she sends. I like being useful, but this can't be good for her.",
    "safety": "He'd like to do our next one at his flat in the evening. Nothing's happened, but I'd rather not. What do I say?",
    "stuck-fading": "We've run out of things to say. We both turn up, we chat about the weather, and nobody dares to mention it.",
    "reviewing": "Six months in, six to go. I'd like us to look at what's been useful and what to do differently.",
    "ending-well": "The programme closes in June and Thursday is our final hour together. How do I send her off nicely?",
    "ending-early": "It's only been two months, but I dread it and I'd like to bow out. How do I tell him?",
    "mentor-learning": "I've been mentoring for a year and have no clue whether I'm any good at it. How would I get better?",
}
"""By topic; a message does not hold the words of the topic's label where a person would not use them."""

NOT_YET = frozenset({"goal-progress", "silence-emotion"})
"""Topics whose message does not get a suggestion of the topic yet; whoever mends one takes it out."""
FALSE_ALARMS = frozenset({"silence-emotion"})
"""Topics whose message is met with care or a refusal that nobody needs."""

WANTED = 0.9


@pytest.fixture(scope="module")
def replies(coach: Coach) -> dict[str, Reply]:
    """By topic of the message."""
    return {topic: _reply(coach, text) for topic, text in MESSAGES.items()}


@pytest.fixture(scope="module")
def suggested(coach: Coach, replies: dict[str, Reply]) -> dict[str, set[str]]:
    """By topic of the message, the topics of every record that its reply cites."""
    return {topic: _topics_cited(coach.knowledge, reply) for topic, reply in replies.items()}


def test_there_is_a_message_for_every_topic() -> None:
    topics = load_knowledge([data_folder("knowledge")]).taxonomy.topics
    assert set(MESSAGES) == {topic.id for topic in topics}


def test_nearly_all_topics_get_a_suggestion_of_theirs(suggested: dict[str, set[str]]) -> None:
    missed = sorted(topic for topic, found in suggested.items() if topic not in found)
    print("no suggestion of the topic:", ", ".join(missed) or "none missed")  # noqa: T201
    assert len(missed) <= (1 - WANTED) * len(suggested), missed


def _each(failing: frozenset[str], reason: str) -> list[ParameterSet | str]:
    mark = pytest.mark.xfail(reason=reason, strict=False)
    return [pytest.param(topic, marks=mark) if topic in failing else topic for topic in MESSAGES]


@pytest.mark.parametrize("topic", _each(NOT_YET, "nothing of the topic is suggested yet"))
def test_a_message_gets_a_suggestion_of_its_topic(suggested: dict[str, set[str]], topic: str) -> None:
    assert topic in suggested[topic]


@pytest.mark.parametrize("topic", _each(FALSE_ALARMS, "an everyday message is taken for an alarm"))
def test_a_message_of_everyday_mentoring_is_coached(replies: dict[str, Reply], topic: str) -> None:
    assert replies[topic].safety is None


def _reply(coach: Coach, text: str) -> Reply:
    *_, last = coach.session.reply(Turn(text), owner=Owner("topics"))
    assert isinstance(last, Finished), last
    return last.reply


def _topics_cited(knowledge: KnowledgeBase, reply: Reply) -> set[str]:
    cited = [citation.evidence for citation in reply.citations]
    return {topic for evidence in cited for topic in _topics_of(knowledge, evidence.kind, evidence.id)}


def _topics_of(knowledge: KnowledgeBase, kind: str, record_id: str) -> tuple[str, ...]:
    match kind:
        case "question":
            return knowledge.questions[record_id].topics
        case "card":
            return knowledge.cards[record_id].topics
        case "framing":
            return knowledge.framings[record_id].topics
        case "resource":
            return knowledge.resources[record_id].topics
    return ()
