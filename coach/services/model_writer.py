"""Has a chat model write a reply and holds it against its evidence; whatever goes wrong, the built-in draft still stands.

Falling back to it is `coach.services.session_coach`. What is sent is `coach.services.model_request`; how an answer is read, `model_stream`; how it is checked, `model_checks`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from coach.domain.citations import Evidence
from coach.domain.consent import NotesPolicy, default_policy
from coach.domain.conversation import Event, Message, ModelUse, Restarted, TextDelta, Turn
from coach.domain.errors import ModelUnavailable
from coach.domain.people import Owner
from coach.ports import KnowledgeBase, NoteStore
from coach.services.compose import Brief, BuiltInComposer, Prompts
from coach.services.model_checks import Checked, check
from coach.services.model_markers import renumbered
from coach.services.model_material import Catalogue
from coach.services.model_request import Request, Requests, Terms
from coach.services.model_setup import ModelSetup
from coach.services.model_stream import Limits, TextStream, stream_text
from coach.services.passages import Passages
from coach.services.token_budget import WindowTooSmall
from coach.services.writing import NotWritten, Written

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

log = logging.getLogger(__name__)

CHECKING = "Checking what it wrote against its sources…"
_BUILT_IN_INTENTS = ("thanks", "about-coach")


class ModelWriter:
    """One model for any number of owners; between turns it keeps only when a rate limit ends.

    Args:
        model: Opens the model at the first turn, which takes a second or two.
        count: Tokens of a text.
    """

    def __init__(
        self,
        setup: ModelSetup,
        model: Callable[[], BaseChatModel],
        *,
        translate: Callable[[BaseException], ModelUnavailable],
        count: Callable[[], Callable[[str], int]],
        limits: Limits,
        knowledge: KnowledgeBase,
        store: NoteStore,
        prompts: Prompts,
        composer: BuiltInComposer,
    ) -> None:
        self.setup = setup
        self._model = model
        self._translate = translate
        self._count = count
        self._limits = limits
        self._store = store
        self._passages = Passages(knowledge, store)
        self._prompts = prompts
        self._composer = composer
        self._requests = Requests(knowledge, self._passages, prompts)
        self._catalogue = Catalogue.of(knowledge)
        self._not_before = 0.0

    def writes(self, brief: Brief, turn: Turn) -> bool:
        """Whether a turn is one for the model: care, thanks and honest gaps keep the words that were written for them."""
        has_gap = brief.lookup is not None and not brief.lookup.found
        is_fixed = brief.safety is not None or brief.is_after_crisis or not brief.is_english or has_gap
        return not (is_fixed or turn.is_built_in_only or brief.situation.intent in _BUILT_IN_INTENTS)

    def write(
        self, brief: Brief, history: Sequence[Message], turn: Turn, *, owner: Owner, stop: threading.Event
    ) -> Generator[Event, None, Written | NotWritten]:
        """The reply to a brief, streamed as it comes; a second text replaces the first where that had to be corrected."""
        wait_s = self._not_before - time.monotonic()
        if wait_s > 0:
            return NotWritten(
                f"{self.setup.place} asked for a pause; it is asked again in {wait_s:.0f} seconds. "
                "The built-in composer wrote this."
            )
        try:
            request = self._requests.build(brief, history, self._terms(turn, brief, owner))
            return (yield from self._written(brief, request, owner, stop))
        except WindowTooSmall as error:
            return NotWritten(f"{error} The built-in composer wrote this.")
        except ModelUnavailable as error:
            log.warning("the model did not answer: %s", error.kind)
            if error.retry_after_s:
                self._not_before = time.monotonic() + error.retry_after_s
            return NotWritten(f"{error} The built-in composer wrote this.")

    def policy(self, *, owner: Owner) -> NotesPolicy:
        """Whether this owner lets notes go to where the model is."""
        if self.setup.is_local:
            return "always"
        kept = self._store.preference(f"notes-policy {self.setup.place}", owner=owner)
        return kept if kept in ("never", "ask", "always") else default_policy(self.setup.is_local)  # type: ignore[return-value]

    def _terms(self, turn: Turn, brief: Brief, owner: Owner) -> Terms:
        people = [relationship.name for relationship in self._store.relationships(owner=owner)]
        names = dict.fromkeys(name for name in (*people, brief.situation.name, turn.counterpart) if name)
        return Terms(
            policy=self.policy(owner=owner),
            allowed_once=turn.may_send_notes,
            hides_names=not self.setup.is_local,
            names=tuple(names),
            window=self.setup.window,
            count=self._count(),
        )

    def _written(
        self, brief: Brief, request: Request, owner: Owner, stop: threading.Event
    ) -> Generator[Event, None, Written | NotWritten]:
        messages = request.messages()
        attempt = _Attempt(request)
        yield from attempt.read(self._stream(messages, stop))
        if stop.is_set() and not attempt.text.strip():
            return NotWritten("")
        checked = self._checked(attempt.text, request, owner)
        if checked.faults and not stop.is_set():
            second = _Attempt(request)
            yield Restarted(CHECKING)
            try:
                yield from second.read(self._stream(self._corrected(messages, attempt, checked, request), stop))
                again = self._checked(second.text, request, owner)
            except ModelUnavailable as error:
                log.warning("the model did not correct itself: %s", error.kind)
                again = checked
            better = again.is_usable and (not checked.is_usable or len(again.faults) <= len(checked.faults))
            checked = again if better else checked
            attempt = attempt.with_second(second)
        if not checked.is_usable:
            return NotWritten(
                f"What {self.setup.name} wrote could not be held against its sources, so the built-in composer wrote this."
            )
        return self._finished(brief, request, attempt, checked)

    def _stream(self, messages: Sequence[BaseMessage], stop: threading.Event) -> TextStream:
        return stream_text(self._model(), messages, translate=self._translate, limits=self._limits, stop=stop)

    def _corrected(
        self, messages: Sequence[BaseMessage], attempt: _Attempt, checked: Checked, request: Request
    ) -> list[BaseMessage]:
        from langchain_core.messages import AIMessage, HumanMessage

        faults = [request.stand_ins.hide(fault) for fault in checked.faults]
        return [
            *messages,
            AIMessage(request.stand_ins.hide(attempt.text)),
            HumanMessage(self._prompts.render("model/correction", faults=faults)),
        ]

    def _checked(self, text: str, request: Request, owner: Owner) -> Checked:
        def text_of(evidence: Evidence) -> str | None:
            return self._passages.text_of(evidence, owner=owner)

        return check(
            text,
            request.evidence,
            text_of=text_of,
            catalogue=self._catalogue,
            tag=request.tag,
            instructions=request.system,
            said=request.said,
            is_plan=request.is_plan,
        )

    def _finished(self, brief: Brief, request: Request, attempt: _Attempt, checked: Checked) -> Written:
        markdown, citations = renumbered(checked.markdown, request.evidence)
        count = self._count()
        reported = attempt.stream.usage if attempt.stream else None
        sent = reported.input_tokens if reported else request.tokens
        came = reported.output_tokens if reported else count(attempt.text)
        price = self.setup.price
        use = ModelUse(
            model=self.setup.name,
            place=self.setup.place,
            sent=request.sent,
            sent_tokens=sent,
            reply_tokens=came,
            is_estimated=reported is None,
            first_token_ms=attempt.first_token_ms,
            changes=(*checked.changes, *checked.reservations),
            withheld=len(request.withheld),
            withheld_passages=request.withheld,
            sent_notes=tuple(dict.fromkeys(e.id for e in request.evidence if e.kind == "note")),
            cost=(sent * price.sent + came * price.written) / 1e6 if price else None,
        )
        return Written(
            markdown=markdown,
            citations=citations,
            suggestions=self._composer.suggestions(brief, [citation.evidence for citation in citations]),
            use=use,
            notice=_notice(checked, attempt),
            is_whole=not checked.reservations,
        )


class _Attempt:
    """One answer as it is read."""

    def __init__(self, request: Request) -> None:
        self.text = ""
        self.stream: TextStream | None = None
        self.first_token_ms = 0.0
        self._restorer = request.stand_ins.restoring()

    def read(self, stream: TextStream) -> Generator[Event, None, None]:
        """Its text, with the names put back. Raises ModelUnavailable."""
        self.stream = stream
        started = time.perf_counter()
        with closing(stream):
            for piece in stream:
                if not self.first_token_ms:
                    self.first_token_ms = round(1e3 * (time.perf_counter() - started), 1)
                yield from self._take(self._restorer.feed(piece))
            yield from self._take(self._restorer.finish())

    def with_second(self, second: _Attempt) -> _Attempt:
        """The second one, with the first one's time to the first word: that is what the user waited for."""
        second.first_token_ms = self.first_token_ms
        return second

    def _take(self, text: str) -> Generator[Event, None, None]:
        if text:
            self.text += text
            yield TextDelta(text)


def _notice(checked: Checked, attempt: _Attempt) -> str:
    if attempt.stream is not None and attempt.stream.finish_reason in ("length", "max_tokens"):
        return "The model reached its limit of length and broke off."
    if checked.changes:
        return "Part of what the model wrote did not hold and was changed."
    return ""
