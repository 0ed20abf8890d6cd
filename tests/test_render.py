"""What the page shows is safe whatever stands in notes, names and file names, and says where each thing comes from."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coach.domain.citations import Citation, Evidence
from coach.domain.conversation import Conversation, Message, Reply
from coach.domain.notes import Note
from coach.domain.people import Owner, Relationship
from coach.domain.suggestions import Situation, SuggestedQuestion, SuggestedResource, Suggestions
from coach.ui import render, render_notes, render_settings
from coach.ui.markup import around, escaped, prose, with_mark
from tests.fakes.scripted_session import a_use

ME = Owner("me")
TODAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
NASTY = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "![](http://evil.example/leak.png)",
    "[here](javascript:alert(1))",
    "[here](http://evil.example)",
    "' onmouseover='alert(1)",
    "</div></article><iframe src=http://evil.example>",
    "line\n\n# not a heading\n\n    not code\n<b>x</b>",
    "&lt;script&gt;",
    "$$x$$ `y` {{ z }}",
)
OUR_TAGS = frozenset(
    "div p span strong em h1 h2 h4 ol ul li a button article section blockquote mark form label input textarea select option"
    " details summary nav header datalist progress".split()
)


class _Page(HTMLParser):
    """Collects what a browser would see."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.marked: list[str] = []
        self._in_mark = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "mark":
            self._in_mark = True
            self.marked.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_mark = self._in_mark and tag != "mark"

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if self._in_mark:
            self.marked[-1] += data


def is_safe(html: str) -> bool:
    page = _Page(html)
    for tag, attributes in page.tags:
        if tag not in OUR_TAGS or any(name.startswith("on") or name == "style" for name in attributes):
            return False
        address = attributes.get("href") or attributes.get("src") or "./"
        if not address.startswith(("./", "#")):
            return False
    return "\n" not in html


def situation(name: str = "Priya") -> Situation:
    return Situation("mentor", "ongoing", ("asking",), "plan-session", "ask", "calm", "mine", name=name)


def evidence(text: str = "She went quiet.", *, title: str = "Session", why: str = "", start: int = 0) -> Evidence:
    return Evidence("note", "n1", title, text, start, start + len(text), "12 October", why)


def reply(markdown: str, *, questions: tuple[SuggestedQuestion, ...] = (), **changes: object) -> Reply:
    values: dict[str, object] = {
        "markdown": markdown,
        "grounding": "grounded",
        "composer": "built-in",
        "situation": situation(),
        "suggestions": Suggestions(questions=questions, follow_ups=("Plan the hour",)),
        "citations": (Citation(1, evidence()),),
        "safety": None,
        "prompt_digest": "",
        "timings_ms": {},
        **changes,
    }
    return Reply(**values)  # type: ignore[arg-type]


def message(text: str, made: Reply | None = None) -> Message:
    return Message("m1", "c1", "coach" if made else "user", text, NOW, made)


def note(text: str = "Text.", *, title: str = "Session", relationship_id: str | None = None) -> Note:
    return Note("n1", ME, title, text, date(2026, 10, 12), relationship_id, "markdown", NOW, "indexed")


def thread(*messages: Message) -> str:
    return render.thread(messages, kept=render.Kept({}, ()), cuts={}, relationship_name=None)


@pytest.mark.parametrize("nasty", NASTY)
def test_nothing_that_a_user_writes_becomes_structure(nasty: str) -> None:
    question = SuggestedQuestion("q1", nasty, "open", nasty)
    person = Relationship("r1", ME, nasty)
    passage = render.Passage(Citation(1, evidence(nasty, title=nasty, why=nasty)), nasty + " and more")
    conversation = Conversation("c1", ME, nasty, None, NOW, NOW)
    made = note(nasty, title=nasty, relationship_id="r1")
    pieces = [
        thread(message(nasty), message(nasty, reply(nasty, questions=(question,), citations=(passage.citation,)))),
        render.streaming(nasty, nasty, status=nasty),
        render.failure(nasty, nasty),
        render.sources([passage], opened=1),
        render.plan([nasty], name=nasty, relationship_id="r1"),
        render.rail([conversation], current_id="c1", today=TODAY),
        render.notice(nasty),
        render.welcome(door="prepare", is_first_visit=True, home=nasty, has_examples=False, opening=nasty),
        render_notes.listing([made], {"r1": person.name}, today=TODAY, home=nasty),
        render_notes.note(made, {"r1": person.name}, today=TODAY, marked=(0, 3)),
        render_notes.editor(made, {"r1": person.name}),
        render_notes.paste_form([nasty]),
        render_notes.results(
            [
                render_notes.added(nasty, made, {"r1": nasty}, is_new=True, today=TODAY),
                render_notes.failed(nasty, nasty),
            ],
            working=nasty,
        ),
    ]
    pieces += _about_a_model(nasty)
    for piece in pieces:
        assert is_safe(piece), piece


def _about_a_model(nasty: str) -> list[str]:
    asked = render_settings.Model(nasty, nasty, False, "ask")
    used = render_settings.Model(nasty, nasty, False, "ask", "yes")
    embedder = render_settings.Embedder(nasty, nasty, False)
    use = a_use(model=nasty, place=nasty, sent=nasty, changes=(nasty,), withheld=1)
    replies = [message(nasty, reply(nasty, notice=nasty, model_use=use)) for _ in range(2)]
    replies[1] = replace(replies[1], id="m2")
    withheld = [evidence(nasty, title=nasty)]
    return [
        render_settings.where(used, embedder),
        render_settings.where(asked, embedder),
        render_settings.consent(asked),
        render_settings.model_section(used),
        render_settings.model_section(None),
        render_settings.connection(used, said=nasty),
        render_settings.connection(used, waiting_s=1.0),
        render_settings.notes_section(used),
        render_settings.notes_section(replace(used, is_local=True)),
        render_settings.used_section([render_settings.Used(nasty, 1, 2, 3, False, 0.1)], used),
        render_settings.search_section(embedder),
        render_settings.sent(use),
        *render_settings.beneath(replies, model=used, withheld=withheld).values(),
    ]


@pytest.mark.parametrize(
    ("cost", "written"),
    [(0.0, "0"), (0.00000042, "0.00000042"), (0.0031, "0.0031"), (0.999, "1"), (1.5, "1.50"), (1234.5, "1,234.50")],
)
def test_a_cost_is_written_out_however_small(cost: float, written: str) -> None:
    made = message("Ask.", reply("Ask.", model_use=a_use(cost=cost)))
    beneath = render_settings.beneath([made], model=None)["m1"]
    assert f"cost {written};" in beneath


def test_a_reason_stands_over_the_text_that_replaces_what_was_written() -> None:
    said = "".join(_Page(render.streaming("Hello", "Built in.", status="The model fell silent.")).text)
    assert said.index("The model fell silent.") < said.index("Built in.")
    assert "Reading what you wrote" not in said
    assert "Reading what you wrote" in render.streaming("Hello", "")
    assert "waiting" not in render.streaming("Hello", "Ask her.")


def test_what_was_sent_for_earlier_replies_comes_only_when_it_is_asked_for() -> None:
    sent = "word " * 5_000
    replies = [
        Message(f"m{number}", "c1", "coach", "Ask.", NOW, reply("Ask.", model_use=a_use(sent=sent)))
        for number in range(60)
    ]
    beneath = render_settings.beneath(replies, model=None)
    assert len("".join(beneath.values())) < len(sent) + 60_000
    assert sent.strip() in beneath["m59"]
    assert 'data-do="sent" data-id="m0"' in beneath["m0"]


@given(st.text())
def test_any_text_stays_text_on_one_line(text: str) -> None:
    html = escaped(text)
    assert "\n" not in html
    assert "\r" not in html
    assert "".join(_Page(f"<p>{html}</p>").text) == text.replace("\r\n", "\n").replace("\r", "\n")


@given(st.text())
def test_any_reply_is_safe(text: str) -> None:
    assert is_safe(prose(text))


@given(st.text(min_size=1).filter(lambda text: "\r" not in text), st.data())
def test_what_is_highlighted_is_exactly_the_passage(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    page = _Page(with_mark(text, start, end))
    assert page.marked == [text[start:end]]
    assert "".join(page.text) == text


@given(st.text(), st.data())
def test_an_excerpt_holds_the_whole_passage_in_its_surroundings(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    first, last = around(text, start, end, reach=10)
    assert 0 <= start - first <= 10
    assert 0 <= last - end <= 10


def test_a_marker_opens_its_passage_and_one_without_evidence_stays_text() -> None:
    html = thread(message("Ask her. [1] Or not. [7]", reply("Ask her. [1] Or not. [7]")))
    links = [attributes for tag, attributes in _Page(html).tags if tag == "a" and attributes.get("class") == "cite"]
    assert [link["data-id"] for link in links] == ["m1:1"]
    assert links[0]["aria-label"] == "Source 1: Session"
    assert "Or not. [7]" in html


def test_a_reply_keeps_its_lists_numbers_and_emphasis() -> None:
    html = prose(
        "**A shape**\n\n1. Open: “What?”\n2. Close\n\n- one\n- two\n\n> Dear Tom,\n>\n> Yours\n\n*Title*, 2019"
    )
    assert '<p dir="auto"><strong>A shape</strong></p>' in html
    assert '<ol start="1"><li dir="auto">Open: “What?”</li><li dir="auto">Close</li></ol>' in html
    assert '<ul><li dir="auto">one</li>' in html
    assert html.count("<blockquote>") == 1
    assert '<p dir="auto">Yours</p></blockquote>' in html
    assert "<em>Title</em>, 2019" in html


def test_only_an_address_of_the_catalogue_becomes_a_link() -> None:
    resource = SuggestedResource("r", "T", ("A",), 2020, "https://doi.org/10.1/x", "why", 5)
    text = "[Where to find it](https://doi.org/10.1/x) [Elsewhere](https://evil.example/x)"
    html = thread(message(text, reply(text, suggestions=Suggestions(resources=(resource,)))))
    links = [attributes for tag, attributes in _Page(html).tags if tag == "a"]
    assert [link["href"] for link in links] == ["https://doi.org/10.1/x"]
    assert links[0]["rel"] == "noopener noreferrer"


def test_a_source_shows_title_byline_reason_and_the_passage_in_its_text() -> None:
    text = "We met. She went quiet. Then we left."
    passage = render.Passage(Citation(1, evidence(start=8, why="you asked about Priya")), text, ("Listening",))
    html = render.sources([passage], opened=1)
    page = _Page(html)
    said = "".join(page.text)
    assert page.marked == ["She went quiet."]
    assert "We met. She went quiet. Then we left." in said
    assert "Session" in said
    assert "12 October" in said
    assert "It fits “Listening”. You asked about Priya" in said
    assert any(tag == "details" and "open" in attributes for tag, attributes in page.tags)


@pytest.mark.parametrize(("text", "said"), [(None, "deleted since"), ("Other words stand here now.", "changed since")])
def test_a_passage_that_is_gone_says_so_and_highlights_nothing(text: str | None, said: str) -> None:
    page = _Page(render.sources([render.Passage(Citation(1, evidence()), text)], opened=1))
    assert said in "".join(page.text)
    assert "She went quiet." in "".join(page.text)
    assert not page.marked


def test_only_the_last_reply_has_cards_and_follow_ups() -> None:
    question = SuggestedQuestion("q1", "What pulls at you?", "open", "It opens.")
    made = reply("Ask.", questions=(question,))
    html = thread(message("Ask.", made), message("Thanks."), message("Ask.", made))
    assert html.count('data-do="used"') == 1
    assert html.count('data-say="Plan the hour"') == 1


def test_a_judged_question_offers_undo_instead_of_its_buttons() -> None:
    question = SuggestedQuestion("q1", "What pulls at you?", "open", "It opens.")
    made = message("Ask.", reply("Ask.", questions=(question,)))
    for verdict in ("used", "rejected"):
        html = render.thread(
            [made],
            kept=render.Kept({"q1": verdict}, ()),
            cuts={},
            relationship_name="Priya",  # type: ignore[dict-item]
        )
        assert 'data-do="undo"' in html
        assert 'data-do="used"' not in html
        assert "It won’t come back with Priya." in html


def test_a_stopped_reply_shows_what_was_written_and_offers_the_rest() -> None:
    made = message("First part. Second part.", reply("First part. Second part."))
    html = render.thread([made], kept=render.Kept({}, ()), cuts={"m1": 11}, relationship_name=None)
    assert "First part." in html
    assert "Second part." not in html
    assert 'data-do="show-all"' in html


@pytest.mark.parametrize(
    ("grounding", "said"),
    [
        ("grounded", "1 source, each checked"),
        ("ungrounded", "rests on no source"),
        ("unverified", "could not be checked"),
    ],
)
def test_every_reply_says_what_it_rests_on(grounding: str, said: str) -> None:
    assert said in thread(message("Ask.", reply("Ask.", grounding=grounding)))


def test_a_long_message_is_not_sent_again_and_again_while_its_reply_is_written() -> None:
    assert len(render.streaming("word " * 40_000, "So far.")) < 10_000


def test_an_import_is_told_in_a_sentence() -> None:
    made = note("one two three", title="Session with Priya", relationship_id="r1")
    said = "".join(_Page(render_notes.added("priya.md", made, {"r1": "Priya"}, is_new=True, today=TODAY)).text)
    assert said == "priya.md was added as “Session with Priya”: 12 October, with Priya, 3 words."
    again = "".join(_Page(render_notes.added("priya.md", made, {}, is_new=False, today=TODAY)).text)
    assert again == "priya.md is here already, as “Session with Priya”."


def test_every_button_and_field_has_a_name_for_a_screen_reader() -> None:
    html = render.rail([Conversation("c1", ME, "Title", None, NOW, NOW)], current_id=None, today=TODAY)
    assert re.search(r'<summary aria-label="More for Title">', html)
    html += render_notes.paste_form(()) + render_notes.search_form() + render_notes.editor(note(), {})
    labels = html.count("<label")
    fields = len(re.findall(r"<(?:input|textarea|select)\b", html))
    assert labels >= fields
