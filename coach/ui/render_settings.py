"""What the page says about a chat model, as HTML: where words go, what a reply took, and the Settings page.

How text is escaped is `coach.ui.markup`; where the facts come from is `coach.ui.preferences`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from coach.domain.citations import Evidence
from coach.domain.consent import NotesPolicy
from coach.domain.conversation import Message, ModelUse
from coach.ui.markup import attributes, button, escaped
from coach.ui.render import wrapped

Answer = Literal["yes", "no", ""]
"""Whether the user lets replies be written by a model elsewhere; empty where they have not been asked."""

OLLAMA = "export COACH_MODEL=openai:llama3.2\nexport COACH_MODEL_URL=http://127.0.0.1:11434/v1"
OPENAI = "export COACH_MODEL=openai:gpt-5-mini\nexport COACH_API_KEY=your-key"

_POLICIES: Mapping[NotesPolicy, tuple[str, str]] = {
    "never": ("Never", "No passage of your notes goes out. Replies rest on your message and the library."),
    "ask": (
        "Ask each time",
        "Replies are written without your notes. Where some bear on your message, you can look at the passages and have it "
        "answered again with them.",
    ),
    "always": ("Always", "Passages that bear on your message go along with it."),
}
_SAID_OF_NOTES: Mapping[NotesPolicy, str] = {"never": "never", "ask": "asked each time", "always": "always"}
_PANEL_ON_NOTES: Mapping[NotesPolicy, str] = {
    "never": "Your notes are never sent, unless you say so in Settings.",
    "ask": "Passages of your notes are sent only where you have looked at them and say so.",
    "always": "Passages of your notes that bear on it go along, as you chose in Settings.",
}


@dataclass(frozen=True, slots=True)
class Model:
    """The chat model that is set, and what its user has decided about it."""

    name: str
    place: str
    is_local: bool
    policy: NotesPolicy
    answer: Answer = ""

    @property
    def is_used(self) -> bool:
        """Whether turns may go to it."""
        return self.is_local or self.answer == "yes"


@dataclass(frozen=True, slots=True)
class Embedder:
    """What texts are compared by, and where it runs."""

    name: str
    place: str
    is_local: bool


@dataclass(frozen=True, slots=True)
class Used:
    """What the model's replies in one conversation took."""

    title: str
    replies: int
    sent_tokens: int
    reply_tokens: int
    is_estimated: bool
    cost: float | None


# On every page


def is_all_here(model: Model | None, embedder: Embedder) -> bool:
    """Whether nothing that the user writes or keeps leaves the machine."""
    return embedder.is_local and (model is None or model.is_local or not model.is_used)


def where(model: Model | None, embedder: Embedder) -> str:
    """One line on where words go."""
    settings = "<a href='./settings'>Change in Settings</a>"
    if model is not None and model.is_used and not model.is_local:
        said = (
            f"Your messages go to {escaped(model.place)} ({escaped(model.name)}). "
            f"Your notes: {_SAID_OF_NOTES[model.policy]}. {settings}"
        )
    elif model is not None and model.is_local:
        said = f"Replies are written by {escaped(model.name)} on this machine."
    else:
        said = "Everything stays on this machine." if embedder.is_local else "Replies are written on this machine."
        if model is not None:
            said += f" {escaped(model.name)} at {escaped(model.place)} is set, and not used. {settings}"
    if not embedder.is_local:
        said += f" To be searched, your notes and messages go to {escaped(embedder.place)} ({escaped(embedder.name)})."
    return wrapped(f"<p>{said}</p>", class_="where")


def consent(model: Model | None) -> str:
    """What is asked before a model elsewhere gets its first message; empty where there is nothing to ask."""
    if model is None or model.is_local or model.answer:
        return ""
    place = escaped(model.place)
    return wrapped(
        f"<section aria-label='Before a model is used'><h2>May {place} write your replies?</h2>"
        f"<p>The model {escaped(model.name)} is set. To write a reply, {place} would be sent your message, the conversation "
        "so far and passages of the library, with stand-ins for the names that the coach knows. "
        f"{_PANEL_ON_NOTES[model.policy]} Until you choose, nothing is sent.</p>"
        f"<div class='acts'>{button('Use it', 'use-model', class_='go', data_text='yes')}"
        f"{button('Keep it built in', 'use-model', data_text='no')}</div></section>",
        class_="consent",
    )


# Under a reply


def beneath(
    messages: Sequence[Message], *, model: Model | None, withheld: Sequence[Evidence] = ()
) -> Mapping[str, str]:
    """By id of a message, what stands under it: how it came about, what it took, what can be done about it.

    Args:
        withheld: Passages that were kept back from the last reply, and may be let go.
    """
    shown: dict[str, str] = {}
    tokens, cost = 0, 0.0
    for index, message in enumerate(messages):
        reply = message.reply
        if reply is None:
            continue
        use, is_last = reply.model_use, index == len(messages) - 1
        parts = [f"<p class='how'>{escaped(reply.notice)}</p>"] if reply.notice else []
        if use is not None:
            tokens, cost = tokens + use.sent_tokens + use.reply_tokens, cost + (use.cost or 0.0)
            parts += [_meter(use, tokens, cost), _record(message.id, use, is_last=is_last)]
        if is_last and model is not None and model.is_used:
            if use is None and reply.notice:
                parts.append(f"<p>{button('Try again', 'again', class_='linkish', data_id=message.id)}</p>")
            if use is not None and use.withheld and model.policy == "ask":
                parts.append(_withheld(message.id, use, withheld, model))
        if parts:
            shown[message.id] = f"<div class='beneath'>{''.join(parts)}</div>"
    return shown


def _meter(use: ModelUse, tokens: int, cost: float) -> str:
    about = "about " if use.is_estimated else ""
    this = f"This reply: {about}{_tokens(use.sent_tokens + use.reply_tokens)} ({use.sent_tokens:,} sent, {use.reply_tokens:,} written)"
    whole = f"this conversation: {_tokens(tokens)}"
    if use.cost is not None:
        this, whole = f"{this}, cost {_cost(use.cost)}", f"{whole}, cost {_cost(cost)}"
    return f"<p class='meter'>{this}; {whole}</p>"


def _tokens(number: int) -> str:
    return f"{number:,} {'token' if number == 1 else 'tokens'}"


def _cost(cost: float) -> str:
    """Two digits that mean something, however small."""
    if cost >= 1:
        return f"{cost:,.2f}"
    written = f"{cost:.2g}"
    return f"{cost:.8f}".rstrip("0") if "e" in written else written


def _record(message_id: str, use: ModelUse, *, is_last: bool) -> str:
    """What was sent and what was changed. Of earlier replies the text, which may be long, comes only when it is wanted."""
    sent = (
        f"<details class='sent'><summary>What was sent</summary>{_sent(use)}</details>"
        if is_last
        else f"<p>{button('What was sent', 'sent', class_='linkish', data_id=message_id)}</p>"
    )
    if not use.changes:
        return sent
    items = "".join(f"<li>{escaped(change)}</li>" for change in use.changes)
    return f"{sent}<details class='changed'><summary>What was changed</summary><ul>{items}</ul></details>"


def _sent(use: ModelUse) -> str:
    return (
        f"<p class='quiet'>To {escaped(use.model)}, {_at(use.place)}:</p>"
        f"<div class='text' dir='auto' tabindex='0'>{escaped(use.sent)}</div>"
    )


def _at(place: str) -> str:
    return "on this machine" if place == "this machine" else f"at {escaped(place)}"


def sent(use: ModelUse) -> str:
    """What was sent for an earlier reply, at the side."""
    return wrapped(f"<section aria-label='What was sent'><h2>What was sent</h2>{_sent(use)}</section>", class_="record")


def _withheld(message_id: str, use: ModelUse, passages: Sequence[Evidence], model: Model) -> str:
    is_one = use.withheld == 1
    said = (
        f"<p>{use.withheld} {'passage' if is_one else 'passages'} of your notes {'bears' if is_one else 'bear'} on this and "
        f"{'was' if is_one else 'were'} not sent.</p>"
    )
    if not passages:
        return f"<div class='withheld'>{said}</div>"
    quotes = "".join(
        f"<li><span class='title' dir='auto'>{escaped(evidence.title)}, {escaped(evidence.byline)}</span>"
        f"<blockquote dir='auto'>{escaped(evidence.quote)}</blockquote></li>"
        for evidence in passages
    )
    rest = (
        "" if len(passages) >= use.withheld else " The others are marked as private, or have changed since, and stay."
    )
    return (
        f"<div class='withheld'>{said}<details><summary>Show {'it' if is_one else 'them'}</summary><ul>{quotes}</ul>"
        f"<p class='quiet'>They would go to {escaped(model.place)}, with stand-ins for the names.{rest}</p>"
        f"<p>{button('Answer again with these', 'again-with-notes', class_='go', data_id=message_id)}</p></details></div>"
    )


# The Settings page


def model_section(model: Model | None) -> str:
    """Which model writes, and for one elsewhere the switch; without one, how to set it."""
    if model is None:
        return wrapped(f"<section aria-label='Replies'><h2>Replies</h2>{_how_to_set()}</section>")
    said = f"<p><strong>{escaped(model.name)}</strong> {_at(model.place)}. "
    if model.is_local:
        said += "Nothing that you write to it leaves this machine.</p>"
        switch = ""
    else:
        said += (
            "It gets your message, the conversation so far and passages of the library, with stand-ins for the names that "
            "the coach knows.</p>"
        )
        switch = _choices(
            "Who writes the replies",
            "use-model",
            "yes" if model.is_used else "no",
            (
                ("yes", "Use it", f"Replies are written by the model at {model.place}."),
                ("no", "Keep it built in", "Replies are written here, and nothing is sent."),
            ),
        )
    fallback = (
        "<p class='quiet'>Where it fails, is slow or makes something up, the built-in composer answers and says so.</p>"
    )
    return wrapped(f"<section aria-label='Replies'><h2>Replies</h2>{said}{switch}{fallback}</section>")


def _how_to_set() -> str:
    return (
        "<p>No chat model is set: every reply is written here by the built-in composer. To have one write instead:</p>"
        f"<ol><li>A model of your own keeps everything on this machine. For Ollama, set {_setting(OLLAMA)}</li>"
        f"<li>A provider’s model gets what you write. For OpenAI, set {_setting(OPENAI)}</li>"
        "<li>Start the coach again from the same window; this page then tests the connection.</li></ol>"
    )


def _setting(lines: str) -> str:
    copy = (
        f"<button type='button'{attributes(data_copy=lines, aria_label=f'Copy: {lines.splitlines()[0]}')}>Copy</button>"
    )
    return f"<span class='setting'><span class='text'>{escaped(lines)}</span>{copy}</span>"


def _choices(label: str, do: str, chosen: str, choices: Sequence[tuple[str, str, str]]) -> str:
    options = "".join(
        button(
            f"<strong>{title}</strong><span>{escaped(line)}</span>",
            do,
            data_id=value,
            data_text=value,
            aria_pressed="true" if value == chosen else "false",
        )
        for value, title, line in choices
    )
    return f"<div class='choices' role='group'{attributes(aria_label=label)}>{options}</div>"


def connection(model: Model | None, *, said: str = "", is_well: bool = True, waiting_s: float | None = None) -> str:
    """The connection test: its button, how long it has been waiting, or what came of it."""
    if model is None:
        return ""
    if waiting_s is not None:
        inside = (
            f"<p class='waiting' role='status'>Asking {escaped(model.name)}, {_at(model.place)}… {waiting_s:.0f} s</p>"
        )
    else:
        outcome = (
            f"<p{attributes(class_='well' if is_well else 'trouble', role='status')}>{escaped(said)}</p>"
            if said
            else ""
        )
        inside = (
            f"{outcome}<p>{button('Test the connection', 'test-connection', class_='outlined', data_id='test')} "
            "<span class='quiet'>It sends “Hello!”, and nothing of yours.</span></p>"
        )
    return wrapped(f"<section aria-label='Connection'>{inside}</section>")


def notes_section(model: Model | None) -> str:
    """Whether passages of notes go to the model, and how to keep some of them from it for good."""
    if model is None:
        said = "<p>They stay on this machine.</p>"
    elif model.is_local:
        said = f"<p>Always: {escaped(model.name)} runs here, so what it reads of your notes stays here.</p>"
    else:
        said = _choices(
            "Whether your notes are sent",
            "notes-policy",
            model.policy,
            [(policy, title, line) for policy, (title, line) in _POLICIES.items()],
        )
    return wrapped(
        f"<section aria-label='Your notes'><h2>Your notes</h2>{said}"
        "<p>Some never go to any model, whatever is chosen here: a note that has the line "
        "<span class='code'>private: yes</span> or the tag <span class='code'>#private</span>, and every passage between "
        "<span class='code'>[private]</span> and <span class='code'>[/private]</span>. Write the marks into the note, under "
        "<a href='./notes'>Notes</a>.</p></section>"
    )


def used_section(conversations: Sequence[Used], model: Model | None) -> str:
    """What the last conversations took."""
    if not conversations:
        if model is None:
            return ""
        inside = "<p class='quiet'>No reply has been written by a model yet.</p>"
    else:
        inside = f"<ul class='used'>{''.join(_used(one) for one in conversations)}</ul>"
    return wrapped(f"<section aria-label='Use'><h2>What the last conversations took</h2>{inside}</section>")


def _used(used: Used) -> str:
    about = "about " if used.is_estimated else ""
    replies = f"{used.replies} {'reply' if used.replies == 1 else 'replies'}"
    cost = f", cost {_cost(used.cost)}" if used.cost is not None else ""
    return (
        f"<li><span class='title' dir='auto'>{escaped(used.title)}</span><span class='meta'>{replies}: {about}"
        f"{used.sent_tokens:,} tokens sent, {used.reply_tokens:,} written{cost}</span></li>"
    )


def search_section(embedder: Embedder) -> str:
    """What texts are compared by, and where."""
    said = f"<p>Notes and library are searched by meaning with <strong>{escaped(embedder.name)}</strong>, {_at(embedder.place)}. "
    said += "Nothing is sent for it.</p>" if embedder.is_local else "Your notes and messages are sent there for it.</p>"
    return wrapped(f"<section aria-label='Search'><h2>Search</h2>{said}</section>")


def lines_of(conversations: Sequence[tuple[str, Sequence[Message]]]) -> Iterator[Used]:
    """What each conversation, given with its title, took; those without a reply by a model are left out."""
    for title, messages in conversations:
        uses = [message.reply.model_use for message in messages if message.reply and message.reply.model_use]
        if uses:
            costs = [use.cost for use in uses if use.cost is not None]
            yield Used(
                title,
                len(uses),
                sum(use.sent_tokens for use in uses),
                sum(use.reply_tokens for use in uses),
                any(use.is_estimated for use in uses),
                sum(costs) if costs else None,
            )
