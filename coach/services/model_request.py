"""Makes the request for a chat model from the brief that the built-in composer would have written from.

What may leave the machine is decided here too: which notes, under which names. Sending it, and what comes back, is
`coach.services.model_writer`.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coach.domain.citations import Evidence
from coach.domain.consent import NotesPolicy, may_be_sent, passage_without_private, without_private
from coach.domain.conversation import Message
from coach.domain.knowledge import Resource, fill
from coach.domain.stand_ins import StandIns
from coach.ports import KnowledgeBase
from coach.services.compose import Brief, Prompts
from coach.services.passages import Passages
from coach.services.recollection import Recalled
from coach.services.token_budget import MESSAGE_TOKENS, REQUIRED, Item, Said, condensed, pack

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

REPLY_SHARE = 4
"""One part in so many of the window is left for the reply, up to `MAX_REPLY_TOKENS`."""
MAX_REPLY_TOKENS = 1024
HISTORY_SHARE = 0.35
"""Of what remains beside the instructions and the message, for the conversation so far."""
CARDS, QUESTIONS, RESOURCES, FRAMINGS, MOMENTS = 3, 6, 3, 3, 5
"""Offered to the model at most."""
WORDS, PLAN_WORDS = 150, 260
_NOTE_VALUE, _QUESTION_VALUE, _RESOURCE_VALUE, _CARD_VALUE, _FRAMING_VALUE = 5.0, 3.0, 3.0, 2.5, 2.0
_FADING = 0.85
"""Of the value from one passage of a kind to the next: they come best first."""
_MARK = re.compile(r"\s?\[\d{1,3}\]")


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a model is asked for one turn."""

    policy: NotesPolicy
    allowed_once: bool
    hides_names: bool
    names: tuple[str, ...]
    window: int
    count: Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent, and what is needed to understand the answer."""

    system: str
    recent: tuple[Said, ...]
    turn: str
    evidence: tuple[Evidence, ...]
    """In the order of the numbers under which the model knows them, from 1."""
    tag: str
    stand_ins: StandIns
    tokens: int
    said: tuple[str, ...]
    """The messages of the conversation and the names known from elsewhere, which an answer may repeat."""
    is_plan: bool
    withheld: tuple[Evidence, ...]
    """Passages of the user's notes that bear on the turn and stay here."""

    @property
    def sent(self) -> str:
        """All of it as one text, for the page."""
        said = [f"{'you' if message.speaker == 'user' else 'coach'}: {message.text}" for message in self.recent]
        return "\n\n".join([self.system, *said, self.turn])

    def messages(self) -> list[BaseMessage]:
        """As langchain takes them."""
        from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

        past: list[BaseMessage] = [
            HumanMessage(message.text) if message.speaker == "user" else AIMessage(message.text)
            for message in self.recent
        ]
        return [SystemMessage(self.system), *past, HumanMessage(self.turn)]


@dataclass(frozen=True, slots=True)
class _Passage:
    evidence: Evidence
    text: str
    value: float
    is_private: bool = False


class Requests:
    """Makes requests from one library with one set of prompts."""

    def __init__(self, knowledge: KnowledgeBase, passages: Passages, prompts: Prompts) -> None:
        self._knowledge = knowledge
        self._passages = passages
        self._prompts = prompts

    def build(self, brief: Brief, history: Sequence[Message], terms: Terms) -> Request:
        """The request for one turn, within the model's window.

        Raises:
            WindowTooSmall: The instructions and the message alone are longer than that.
        """
        tag = secrets.token_hex(4)
        moments = [moment for moment in _moments(brief) if moment is not None]
        allowed = [m for m in moments if may_be_sent(m.note, terms.policy, allowed_once=terms.allowed_once)]
        offered = [*self._notes(allowed, brief), *self._library(brief)]
        said = [self._said(message, terms) for message in history]
        own_words = without_private(brief.text) if terms.hides_names else brief.text
        texts = [own_words, *(message.text for message in said), *(passage.text for passage in offered)]
        stand_ins = StandIns.of(terms.names, texts=texts) if terms.hides_names else StandIns()
        system = self._system(brief, tag, has_notes=bool(allowed))
        message = stand_ins.hide(own_words)
        frame = self._prompts.render("model/turn", tag=tag, passages=[], earlier="", message=message)
        reply_tokens = min(MAX_REPLY_TOKENS, terms.window // REPLY_SHARE)
        required = Item(
            f"{system}{frame}", REQUIRED, terms.count(system) + terms.count(frame) + 2 * MESSAGE_TOKENS, "frame"
        )
        room = terms.window - reply_tokens
        past = condensed(
            [replace(item, text=stand_ins.hide(item.text)) for item in said],
            budget=max(0, int(HISTORY_SHARE * (room - required.tokens))),
            count=terms.count,
        )
        shown = [(passage, stand_ins.hide(passage.text) if passage.is_private else passage.text) for passage in offered]
        items = [Item(text, passage.value, terms.count(text) + 6, passage.evidence.kind) for passage, text in shown]
        packed = pack([required, *items], budget=room - past.tokens)
        kept = [pair for pair, item in zip(shown, items, strict=True) if item in packed]
        turn = self._prompts.render(
            "model/turn", tag=tag, passages=[text for _, text in kept], earlier=past.earlier, message=message
        )
        return Request(
            system=system,
            recent=past.recent,
            turn=turn,
            evidence=tuple(passage.evidence for passage, _ in kept),
            tag=tag,
            stand_ins=stand_ins,
            tokens=past.tokens + sum(item.tokens for item in packed),
            said=(own_words, *(item.text for item in said), *terms.names),
            is_plan=brief.situation.intent == "plan-session",
            withheld=tuple(self._of_note(moment, brief) for moment in moments if moment not in allowed),
        )

    def _said(self, message: Message, terms: Terms) -> Said:
        """An earlier message; a reply that quoted notes is kept back where notes may not be sent."""
        cited = [citation.evidence for citation in message.reply.citations] if message.reply else []
        if terms.policy != "always" and any(evidence.kind == "note" for evidence in cited):
            return Said(message.speaker, self._prompts.render("model/withheld"))
        text = without_private(message.text) if terms.hides_names else message.text
        return Said(message.speaker, _MARK.sub("", text), tuple(evidence.title for evidence in cited))

    def _system(self, brief: Brief, tag: str, *, has_notes: bool) -> str:
        situation, taxonomy = brief.situation, self._knowledge.taxonomy
        return self._prompts.render(
            "model/system",
            tag=tag,
            role=situation.role,
            stage=taxonomy.label(situation.stage),
            topics=", ".join(taxonomy.label(topic) for topic in situation.topics),
            wants=taxonomy.label(situation.intent),
            dial=situation.dial,
            is_brief=situation.is_brief,
            words=PLAN_WORDS if situation.intent == "plan-session" else WORDS,
            is_about_notes=has_notes,
        )

    def _notes(self, moments: Sequence[Recalled], brief: Brief) -> Iterator[_Passage]:
        for place, moment in enumerate(moments[:MOMENTS]):
            evidence = self._of_note(moment, brief)
            text = passage_without_private(moment.note.text, moment.start, moment.end)
            if text != evidence.quote:
                continue  # a passage with a gap could not be quoted, and what is around a gap tells on it
            why = evidence.why
            yield _Passage(
                evidence, self._shown("their notes", evidence, text, why), _NOTE_VALUE * _FADING**place, True
            )

    def _of_note(self, moment: Recalled, brief: Brief) -> Evidence:
        return self._passages.of_note(moment.note, moment.start, moment.end, why=moment.why, today=brief.today)

    def _library(self, brief: Brief) -> Iterator[_Passage]:
        slots = {"name": brief.situation.name, "topic": brief.situation.subject, "goal": brief.goal}
        choice = brief.choice
        questions = [*brief.goal_questions, *(step.question for step in choice.steps)]
        for place, question in enumerate(list(dict.fromkeys(questions))[:QUESTIONS]):
            evidence = self._passages.of_question(question)
            text = self._shown(
                "question", evidence, fill(question.text, slots), f"{question.purpose}; {question.why}", is_named=False
            )
            yield _Passage(evidence, text, _QUESTION_VALUE * _FADING**place)
        for place, resource in enumerate(choice.resources[:RESOURCES]):
            evidence = self._passages.of_resource(resource)
            text = self._shown("resource", evidence, f"{resource.why} {resource.one_thing}", _ways_to(resource))
            yield _Passage(evidence, text, _RESOURCE_VALUE * _FADING**place)
        for place, card in enumerate(choice.cards[:CARDS]):
            evidence = self._passages.of_card(card)
            yield _Passage(
                evidence, self._shown("practice", evidence, card.gist, card.do), _CARD_VALUE * _FADING**place
            )
        for place, framing in enumerate(choice.framings[:FRAMINGS]):
            evidence = self._passages.of_framing(framing)
            text = self._shown("lens on a goal", evidence, f"{framing.prompt} {framing.why}", "")
            yield _Passage(evidence, text, _FRAMING_VALUE * _FADING**place)

    def _shown(self, kind: str, evidence: Evidence, text: str, more: str, *, is_named: bool = True) -> str:
        return self._prompts.render(
            "model/passage",
            kind=kind,
            title=evidence.title if is_named else "",
            byline=evidence.byline if evidence.kind in ("note", "resource") else "",
            text=text,
            more=more,
        )


def _moments(brief: Brief) -> list[Recalled]:
    found = brief.lookup.found if brief.lookup else ()
    return list(dict.fromkeys([*found, *brief.recalled]))


def _ways_to(resource: Resource) -> str:
    return f"{resource.minutes} minutes; {resource.link}"
