"""The coach's page as HTML: pure functions from records and replies to text that is safe to show.

How text is escaped is `coach.ui.markup`; the notes page is `coach.ui.render_notes`; where the data comes from is
`coach.ui.chat`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from coach.domain.citations import Citation, EvidenceKind
from coach.domain.conversation import Conversation, Message, Reply
from coach.domain.knowledge import Taxonomy, Term
from coach.domain.people import Relationship
from coach.domain.suggestions import Dial, Situation, SuggestedQuestion
from coach.domain.wording import capitalised, joined, shortened, spoken_date
from coach.ports import Verdict
from coach.ui.markup import around, attributes, button, escaped, prose, with_mark

STREAMED_CHARACTERS = 1_500
"""Of a message that are shown again and again while its reply is written."""
REACH = 700
"""Characters shown on either side of a cited passage."""
SOMEBODY_NEW = "+"
NOBODY = ""

Door = Literal["prepare", "goal", "reflect"]


@dataclass(frozen=True, slots=True)
class DoorText:
    """One of the three ways in."""

    title: str
    line: str
    placeholder: str
    example: str
    intent: str


DOORS: Mapping[str, DoorText] = {
    "prepare": DoorText(
        "Prepare a session",
        "A shape for the hour and questions worth asking.",
        "Who, when, and what is it about?",
        "I meet Priya tomorrow, junior designer, thinks about product management. I'm nervous.",
        "plan-session",
    ),
    "goal": DoorText(
        "Clarify a goal",
        "From a wish to something you could notice.",
        "What would you like to be different?",
        "I want to be better at leading people but I don't know where to start.",
        "clarify-goal",
    ),
    "reflect": DoorText(
        "Reflect on a session",
        "What happened, what was promised, what comes next.",
        "What stayed with you? Or paste notes.",
        "We just finished. I talked too much and she went quiet when I asked about presenting.",
        "reflect",
    ),
}
DEFAULT_PLACEHOLDER = "What’s on your mind?"

_KIND: Mapping[EvidenceKind, str] = {
    "card": "Practice",
    "question": "Question",
    "framing": "Way of looking",
    "plan": "Session plan",
    "resource": "Resource",
    "note": "Your note",
}


@dataclass(frozen=True, slots=True)
class Passage:
    """A citation with the text that stands behind it now; None where it is gone."""

    citation: Citation
    text: str | None
    fits: tuple[str, ...] = ()
    """Labels of the stages and topics that its record shares with the situation."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What the user has done with questions in a relationship."""

    verdicts: Mapping[str, Verdict]
    plan: Collection[str]


def wrapped(content: str, *, class_: str = "piece") -> str:
    """A piece of the page as one block on one line, which is how Gradio's Markdown leaves HTML alone."""
    return f"<div{attributes(class_=class_)}>{content}</div>"


def page_bar(active: Literal["coach", "notes", "settings"]) -> str:
    """Name, the pages, and on a narrow screen the buttons that open what stands at the sides."""
    links = "".join(
        f"<a{attributes(href=address, aria_current='page' if active == name else None)}>{label}</a>"
        for name, address, label in (
            ("coach", "./", "Coach"),
            ("notes", "./notes", "Notes"),
            ("settings", "./settings", "Settings"),
        )
    )
    toggles = (
        '<button type="button" class="toggle" data-drawer="rail" aria-expanded="false">Chats</button>'
        '<button type="button" class="toggle" data-drawer="panel" aria-expanded="false" aria-label="Sources and plan">Sources</button>'
        if active == "coach"
        else ""
    )
    return wrapped(
        f'<span class="brand"><span class="dot" aria-hidden="true"></span>Session coach</span>'
        f'<nav aria-label="Pages">{links}</nav><span class="toggles">{toggles}</span>',
        class_="bar",
    )


# The side column


def rail(conversations: Sequence[Conversation], *, current_id: str | None, today: date) -> str:
    """The list of conversations, each to open, rename, export or delete."""
    items = "".join(_rail_item(item, is_current=item.id == current_id, today=today) for item in conversations)
    listed = f"<ul>{items}</ul>" if items else '<p class="quiet">Conversations you start are kept here.</p>'
    return wrapped(
        f'<nav aria-label="Conversations">{button("New conversation", "new", class_="new")}{listed}</nav>',
        class_="rail",
    )


def _rail_item(conversation: Conversation, *, is_current: bool, today: date) -> str:
    title = escaped(conversation.title)
    opener = button(
        f'<span class="title" dir="auto">{title}</span>'
        f'<span class="when">{spoken_date(conversation.updated_at.date(), today=today)}</span>',
        "open",
        class_="open",
        data_id=conversation.id,
        aria_current="true" if is_current else None,
    )
    rename = (
        f"<form{attributes(data_do='rename', data_id=conversation.id)}><label>Name"
        f"<input{attributes(name='text', value=conversation.title, maxlength=120, autocomplete='off', dir='auto')}></label>"
        '<button type="submit">Rename</button></form>'
    )
    export = f"<a{attributes(href=f'./conversations/{conversation.id}.md', download=True)}>Save as Markdown</a>"
    delete = (
        "<details><summary>Delete…</summary><p>It is erased from this computer and cannot be brought back.</p>"
        f"{button('Delete this conversation', 'delete', class_='danger', data_id=conversation.id)}</details>"
    )
    menu = (
        f"<details{attributes(class_='menu')}><summary{attributes(aria_label=f'More for {conversation.title}')}>"
        f'<span aria-hidden="true">⋯</span></summary><div class="sheet">{rename}{export}{delete}</div></details>'
    )
    return f"<li{attributes(class_='current' if is_current else None)}>{opener}{menu}</li>"


# Above the chat


def situation_bar(
    taxonomy: Taxonomy,
    *,
    people: Sequence[Relationship],
    relationship_id: str | None,
    situation: Situation | None,
    dial: Dial,
) -> str:
    """Who it is with, how the message was read, and the ask/tell dial; each can be set by hand."""
    chips = _person_chip(people, relationship_id)
    if situation is not None:
        if relationship_id is None and situation.name:
            chips += button(
                f"Remember {escaped(situation.name)}", "add-person", class_="chip add", data_text=situation.name
            )
        topic = situation.topics[0] if situation.topics else ""
        chips += (
            _chip("role", "You are the", taxonomy.roles, situation.role, "role" in situation.corrected)
            + _chip("stage", "Stage", taxonomy.stages, situation.stage, "stage" in situation.corrected)
            + _chip("topic", "Topic", taxonomy.topics, topic, "topics" in situation.corrected)
            + _chip("intent", "What you want", taxonomy.intents, situation.intent, "intent" in situation.corrected)
        )
    return wrapped(
        f'<div class="chips" role="group" aria-label="How this is read">{chips}</div>{_dial(dial)}', class_="situation"
    )


def _person_chip(people: Sequence[Relationship], relationship_id: str | None) -> str:
    options = [(NOBODY, "no one named"), *((p.id, p.name) for p in people), (SOMEBODY_NEW, "somebody new…")]
    picker = _select(
        "person", "With", options, relationship_id or NOBODY, is_set=relationship_id is not None, is_named=True
    )
    adder = (
        '<form class="chip adder" data-do="add-person" hidden><label>Their name'
        '<input name="text" maxlength="80" autocomplete="off" dir="auto"></label><button type="submit">Add</button></form>'
    )
    return picker + adder


def _chip(do: str, label: str, terms: Sequence[Term], value: str, is_corrected: bool) -> str:
    options = [(term.id, term.label) for term in terms]
    if value not in {key for key, _ in options}:
        options.insert(0, (value, "not clear yet"))
    return _select(do, label, options, value, is_set=is_corrected)


def _select(
    do: str, label: str, options: Sequence[tuple[str, str]], value: str, *, is_set: bool, is_named: bool = False
) -> str:
    inside = "".join(
        f"<option{attributes(value=key, selected=key == value)}>{escaped(words)}</option>" for key, words in options
    )
    how = "set by you" if is_set else "read from what you wrote; change it here"
    return (
        f"<label{attributes(class_='chip set' if is_set else 'chip')}>"
        f"<span{attributes(class_=None if is_named else 'unseen')}>{label}</span>"
        f"<select{attributes(data_do=do, title=None if is_named else f'{label}: {how}')}>{inside}</select></label>"
    )


def _dial(dial: Dial) -> str:
    choices = "".join(
        button(label, "dial", data_text=value, aria_pressed="true" if dial == value else "false")
        for value, label in (("ask", "Ask me"), ("tell", "Tell me"))
    )
    return f'<div class="dial" role="group" aria-label="Ask or tell">{choices}</div>'


# The middle


def welcome(
    *,
    door: str | None,
    is_first_visit: bool,
    home: str,
    has_examples: bool,
    opening: str = "",
    is_all_here: bool = True,
) -> str:
    """What stands where no conversation is open: what this is, three doors, where the data is."""
    doors = "".join(
        button(
            f"<strong>{text.title}</strong><span>{text.line}</span>",
            "door",
            class_="door",
            data_id=key,
            data_focus=True,
            aria_pressed="true" if key == door else "false",
        )
        for key, text in DOORS.items()
    )
    chosen = DOORS.get(door or "")
    hint = (
        f'<p class="example">For example: <button type="button"{attributes(data_fill=chosen.example)}>'
        f"“{escaped(chosen.example)}”</button></p>"
        if chosen
        else ""
    )
    heading = "Think a mentoring conversation through." if is_first_visit else "What is the next conversation?"
    lead = (
        "<p class='lead'>Questions to ask, ways to frame a goal and things to read, from cited practice and from your own "
        "notes. Choose a door, or just write.</p>"
        if is_first_visit
        else ""
    )
    return wrapped(
        f"<h1>{heading}</h1>{lead}<div class='doors'>{doors}</div>{hint}{_opening_line(opening)}"
        f"{_data_line(home, has_examples, is_offered=is_first_visit, is_all_here=is_all_here)}",
        class_="welcome",
    )


def _opening_line(opening: str) -> str:
    return f'<p class="opening" role="status">{escaped(opening)}</p>' if opening else ""


def _data_line(home: str, has_examples: bool, *, is_offered: bool, is_all_here: bool) -> str:
    verb, rest = ("stay", " Nothing is sent anywhere.") if is_all_here else ("are kept", "")
    where = f"Your notes {verb} on this computer, in <span class='path'>{escaped(home)}</span>.{rest}"
    if has_examples:
        offer = f" {button('Remove the example notes', 'examples-remove', class_='linkish')}"
    elif is_offered:
        offer = f" {button('Try it with example notes', 'examples-add', class_='linkish')}"
    else:
        offer = ""
    return f'<p class="data">{where}{offer}</p>'


def thread(
    messages: Sequence[Message],
    *,
    kept: Kept,
    cuts: Mapping[str, int],
    relationship_name: str | None,
    beneath: Mapping[str, str] | None = None,
) -> str:
    """A conversation; under the last reply its questions as cards and what one might say next.

    Args:
        cuts: Characters shown of replies that were stopped, by message id.
        beneath: HTML that stands under replies, by message id.
    """
    parts = []
    for index, message in enumerate(messages):
        if message.speaker == "user":
            parts.append(user_message(message.text))
        else:
            parts.append(
                _coach_message(
                    message,
                    is_last=index == len(messages) - 1,
                    kept=kept,
                    cut=cuts.get(message.id),
                    relationship_name=relationship_name,
                    beneath=(beneath or {}).get(message.id, ""),
                )
            )
    return wrapped("".join(parts), class_="thread")


def user_message(text: str) -> str:
    """What the user wrote, as they wrote it."""
    return f'<article class="you" aria-label="You" dir="auto" tabindex="-1"><p>{escaped(text)}</p></article>'


def streaming(user_text: str, so_far: str, *, status: str = "") -> str:
    """The turn that is being answered; a status stands over the text that has come since, if any."""
    said, text = shortened(user_text, limit=STREAMED_CHARACTERS), prose(so_far)
    if not text or status:
        status = f'<p class="waiting" role="status">{escaped(status or "Reading what you wrote…")}</p>'
    return wrapped(
        f"{user_message(said)}<article class='coach live' aria-label='Coach'>{status}{text}</article>", class_="thread"
    )


def failure(user_text: str, message: str) -> str:
    """A turn that could not be answered, with a way to try again."""
    retry = f"<button type='button'{attributes(data_say=user_text)}>Try again</button>" if user_text.strip() else ""
    return wrapped(
        f"{user_message(user_text)}<article class='coach trouble' aria-label='Coach' role='alert'>"
        f"<p>{escaped(message)}</p>{retry}</article>",
        class_="thread",
    )


def _coach_message(
    message: Message, *, is_last: bool, kept: Kept, cut: int | None, relationship_name: str | None, beneath: str
) -> str:
    reply = message.reply
    text = message.text if cut is None else message.text[:cut]
    citations = {citation.marker: citation for citation in reply.citations} if reply else {}

    def cite(number: int) -> str | None:
        citation = citations.get(number)
        return citation_link(message.id, citation) if citation else None

    links = {resource.link for resource in reply.suggestions.resources} if reply else set()
    body = prose(text, cite=cite, links=links)
    if cut is not None and cut < len(message.text):
        body += f'<p class="stopped">Stopped here. {button("Show the whole reply", "show-all", class_="linkish", data_id=message.id)}</p>'
        return f'<article class="coach" aria-label="Coach">{body}</article>'
    if cut is not None:
        body += '<p class="stopped">Stopped here.</p>'
    after = ""
    if reply is not None:
        body += _grounding_line(reply) + beneath
        if is_last:
            after = _cards(reply.suggestions.questions, kept, relationship_name) + _follow_ups(
                reply.suggestions.follow_ups
            )
    return f'<article class="coach" aria-label="Coach">{body}</article>{after}'


def citation_link(message_id: str, citation: Citation) -> str:
    """A marker as a link that opens its passage."""
    return (
        f"<a{attributes(class_='cite', href='#panel', role='button', data_do='cite', data_id=f'{message_id}:{citation.marker}')}"
        f"{attributes(aria_label=f'Source {citation.marker}: {citation.evidence.title}', title=shortened(citation.evidence.title, limit=80))}>"
        f"{citation.marker}</a>"
    )


def _grounding_line(reply: Reply) -> str:
    count = len(reply.citations)
    said = {
        "grounded": f"{count} {'source' if count == 1 else 'sources'}, each checked word for word",
        "ungrounded": "This reply rests on no source",
        "unverified": "Part of this reply could not be checked against its sources",
    }[reply.grounding]
    place = reply.model_use.place if reply.model_use else ""
    at = f" {'on' if place == 'this machine' else 'at'} {place}" if place else ""
    by = "written on this computer" if reply.composer == "built-in" else f"written by {reply.composer}{at}"
    return f'<p class="grounding {reply.grounding}">{said} · {escaped(by)}</p>'


def _cards(questions: Sequence[SuggestedQuestion], kept: Kept, relationship_name: str | None) -> str:
    if not questions:
        return ""
    cards = "".join(_card(question, kept, relationship_name) for question in questions)
    return f'<section class="cards" aria-label="Questions in this reply"><h2>Questions to keep or set aside</h2>{cards}</section>'


def _card(question: SuggestedQuestion, kept: Kept, relationship_name: str | None) -> str:
    verdict = kept.verdicts.get(question.id)
    text = f'<p class="said" dir="auto">“{escaped(question.text)}”</p>'
    if verdict is not None:
        where = f" with {relationship_name}" if relationship_name else ""
        said = f"Used. It won’t come back{where}." if verdict == "used" else f"Set aside. It won’t come back{where}."
        return (
            f'<div class="card {verdict}">{text}<p class="state" role="status">{escaped(said)} '
            f"{button('Undo', 'undo', class_='linkish', data_id=question.id, aria_label=f'Undo for: {question.text}')}</p></div>"
        )
    save = (
        button(
            "In your plan ✓", "unsave", data_id=question.id, title="Take it out of your plan again", aria_pressed="true"
        )
        if question.text in kept.plan
        else button("Save to plan", "save", data_id=question.id)
    )
    acts = (
        button("Used", "used", data_id=question.id, title="I asked this; don’t suggest it again")
        + button("Not for me", "reject", data_id=question.id, title="Don’t suggest this again")
        + f"<button type='button'{attributes(data_copy=question.text)}>Copy</button>"
        + save
    )
    return (
        f'<div class="card">{text}<p class="why">{escaped(question.why)}</p>'
        f'<div class="acts" role="group"{attributes(aria_label=f"For: {question.text}")}>{acts}</div></div>'
    )


def _follow_ups(follow_ups: Sequence[str]) -> str:
    if not follow_ups:
        return ""
    chips = "".join(f"<button type='button'{attributes(data_say=text)}>{escaped(text)}</button>" for text in follow_ups)
    return f'<div class="follow-ups" role="group" aria-label="You could say">{chips}</div>'


# At the right


def sources(passages: Sequence[Passage], *, opened: int | None = None) -> str:
    """The passages that a reply cites, each with its words highlighted where they stand; `opened` is a marker."""
    if not passages:
        inside = '<p class="quiet">Each numbered mark in a reply opens here, at the exact words it rests on.</p>'
    else:
        inside = "".join(_source(passage, is_open=passage.citation.marker == opened) for passage in passages)
    return wrapped(f'<section aria-label="Sources"><h2>Sources</h2>{inside}</section>', class_="sources")


def _source(passage: Passage, *, is_open: bool) -> str:
    evidence = passage.citation.evidence
    byline = f'<span class="byline" dir="auto">{escaped(evidence.byline)}</span>' if evidence.byline else ""
    head = (
        f'<span class="n">{passage.citation.marker}</span><span class="about"><span class="kind">{_KIND[evidence.kind]}</span>'
        f'<span class="title" dir="auto">{escaped(evidence.title)}</span>{byline}</span>'
    )
    said = _reason(passage)
    why = f'<p class="why"><span>Why it is here</span> {escaped(said)}</p>' if said else ""
    whole = (
        f"<p><a{attributes(href=f'./notes?note={evidence.id}')}>Open the whole note</a></p>"
        if evidence.kind == "note" and passage.text is not None
        else ""
    )
    return (
        f"<details{attributes(class_=f'source {evidence.kind}', data_marker=passage.citation.marker, open=is_open)}>"
        f"<summary>{head}</summary>{_quoted(passage)}{why}{whole}</details>"
    )


def _reason(passage: Passage) -> str:
    """What it shares with the situation, then its own reason unless the passage above says that already."""
    why = passage.citation.evidence.why
    own = "" if why and passage.text and why in passage.text else capitalised(why)
    fits = f"It fits {joined([f'“{label}”' for label in passage.fits])}." if passage.fits else ""
    return " ".join(part for part in (fits, own) if part)


def _quoted(passage: Passage) -> str:
    evidence, text = passage.citation.evidence, passage.text
    if text is None:
        return f"<p class='gone'>This has been deleted since. It said:</p><blockquote dir='auto'>{escaped(evidence.quote)}</blockquote>"
    if text[evidence.start : evidence.end] != evidence.quote:
        return f"<p class='gone'>This has been changed since. It said:</p><blockquote dir='auto'>{escaped(evidence.quote)}</blockquote>"
    return f"<blockquote dir='auto'>{excerpt(text, evidence.start, evidence.end)}</blockquote>"


def excerpt(text: str, start: int, end: int, *, reach: int = REACH) -> str:
    """A stretch of a text highlighted in its surroundings; an empty stretch shows what follows it, unmarked."""
    if start == end:
        return f"{escaped(text[start : start + 2 * reach].rstrip())}{' …' if start + 2 * reach < len(text) else ''}"
    first, last = around(text, start, end, reach=reach)
    before = "… " if first > 0 else ""
    after = " …" if last < len(text) else ""
    return f"{before}{with_mark(text[first:last], start - first, end - first)}{after}"


def plan(lines: Sequence[str], *, name: str | None, relationship_id: str | None) -> str:
    """The saved plan of a relationship."""
    heading = f"Your plan with {escaped(name)}" if name else "Your plan"
    if not lines:
        inside = '<p class="quiet">Questions you save are kept here, ready to take into the session.</p>'
    else:
        items = "".join(
            f'<li><span dir="auto">{escaped(line)}</span><span class="acts">'
            f"<button type='button'{attributes(data_copy=line, aria_label=f'Copy: {line}')}>Copy</button>"
            f"{button('Remove', 'plan-remove', data_text=line, aria_label=f'Remove: {line}')}</span></li>"
            for line in lines
        )
        address = f"./plans/{relationship_id or 'general'}.md"
        inside = (
            f"<ol>{items}</ol><div class='acts all'><button type='button'{attributes(data_copy=plan_as_markdown(lines))}>"
            f"Copy all</button><a{attributes(href=address, download=True)}>Save as Markdown</a></div>"
        )
    return wrapped(f'<section aria-label="Your plan"><h2>{heading}</h2>{inside}</section>', class_="plan")


def plan_as_markdown(lines: Sequence[str]) -> str:
    """A saved plan as a list."""
    return "\n".join(f"- {' '.join(line.split())}" for line in lines)


def notice(text: str, action: str = "") -> str:
    """A short word on what has just been done, with an undo where there is one; empty text shows nothing."""
    return wrapped(f'<p role="status">{escaped(text)} {action}</p>', class_="notice") if text else ""


def answer_again(text: str) -> str:
    """Offers to answer the last message anew after a correction."""
    return f"<button type='button'{attributes(class_='linkish', data_say=text)}>Answer again</button>"
