"""A chat model on the page, in a browser: where words go, the question before, trying again, Stop, the Settings page.

No model is asked: a scripted session stands for the coach with one. `python -m tests.browser.test_settings HOME PORT WHICH`
serves the page with it.
"""

from __future__ import annotations

import re
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect

from coach.bootstrap import Coach, open_coach
from coach.config import Settings
from coach.domain.conversation import Event, Finished, Restarted, TextDelta, Turn
from coach.domain.errors import ModelUnavailable
from coach.ports import Progress
from coach.ui.host import build_app
from tests.browser.conftest import DESKTOP, PHONE, Watch, free_port, overflow, ready, running, send, visiting, wait_for
from tests.browser.serve import _by_cookie
from tests.fakes.scripted_session import LOCAL, REMOTE, ScriptedSession, a_reply, a_use

pytestmark = pytest.mark.browser

TOO_SLOW = "The model did not begin to answer within 8 seconds."
_visitors = count()


# The server


def _refused() -> str:
    time.sleep(1.2)
    raise ModelUnavailable("The model's provider does not accept the key. Check COACH_API_KEY.")


MODELS = {"remote": replace(REMOTE, connection_test=_refused), "local": LOCAL}


class _Script:
    """What the model does is in the message: it fails once, goes on for ever, or writes."""

    def __init__(self) -> None:
        self._failed: set[str | None] = set()

    def __call__(self, turn: Turn, stop: threading.Event) -> Iterator[Event]:
        if turn.is_built_in_only:
            yield Finished(a_reply("Written here."))
        elif "fail" in turn.text and turn.conversation_id not in self._failed:
            self._failed.add(turn.conversation_id)
            yield from _failing()
        elif "long" in turn.text:
            yield from _endless(stop)
        else:
            use = a_use(sent="word " * 400 + "<b>Morgan</b>", changes=("A link was taken out.",))
            yield TextDelta("Written by the model.")
            yield Finished(a_reply("Written by the model.", model_use=use))


def _failing() -> Iterator[Event]:
    yield TextDelta("Half a thought")
    time.sleep(1)
    yield Restarted(TOO_SLOW)
    time.sleep(1)
    yield TextDelta("Built in.")
    yield Finished(a_reply("Built in.", notice=TOO_SLOW))


def _endless(stop: threading.Event) -> Iterator[Event]:
    said = ""
    while not stop.wait(0.05):
        said += "Ask her. "
        yield TextDelta("Ask her. ")
    yield Finished(a_reply(said.strip(), model_use=a_use()))


def main(home: str, port: str, which: str) -> None:
    """Serve until killed."""
    settings = Settings(home=Path(home), port=int(port))

    @contextmanager
    def start(progress: Progress | None) -> Iterator[Coach]:
        with open_coach(settings, progress) as coach:
            session: Any = ScriptedSession(coach.store, _Script())
            yield replace(coach, model=MODELS[which], session=session)

    app = build_app(settings, start, identify=_by_cookie)
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning", access_log=False)


@contextmanager
def _served(library_home: Path, home: Path, which: str) -> Iterator[str]:
    shutil.copytree(library_home, home)
    port = free_port()
    command = ("-m", "tests.browser.test_settings", str(home), str(port), which)
    with running(*command, home=home) as (process, log):
        wait_for(f"http://127.0.0.1:{port}", process, log)
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def remote(library_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page whose model is elsewhere."""
    with _served(library_home, tmp_path_factory.mktemp("remote") / "home", "remote") as address:
        yield address


@pytest.fixture(scope="module")
def local(library_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page whose model is on this machine."""
    with _served(library_home, tmp_path_factory.mktemp("local") / "home", "local") as address:
        yield address


@contextmanager
def _visit(browser: Browser, watch: Watch, address: str, **options: Any) -> Iterator[Page]:
    """A page of a new owner; at the end nothing has left the machine and nothing has complained."""
    with visiting(browser, watch, f"model-{next(_visitors)}", **options) as page:
        page.goto(address)
        ready(page) if options.get("viewport") is not PHONE else page.locator(".situation").wait_for()
        yield page
    assert watch.hosts() == {"127.0.0.1"}
    assert watch.complaints == []


def _where(page: Page) -> Any:
    return page.locator("#where")


# Where words go


def test_every_page_says_where_words_go(browser: Browser, watch: Watch, address: str, local: str, remote: str) -> None:
    for start, said in (
        (address, "Everything stays on this machine."),
        (local, "Replies are written by openai:small on this machine."),
        (remote, "Everything stays on this machine. openai:big at api.example.com is set, and not used."),
    ):
        with _visit(browser, watch, start) as page:
            for path, shown in (("/", ".situation"), ("/notes", ".listing"), ("/settings", "#model section")):
                page.goto(f"{start}{path}")
                page.locator(shown).wait_for()
                expect(_where(page)).to_contain_text(said)
                expect(_where(page)).to_be_in_viewport(ratio=1)
                # Leaving while an event is under way would be complained of.
                page.wait_for_timeout(300)


def test_a_model_elsewhere_is_asked_about_before_it_gets_a_word(browser: Browser, watch: Watch, remote: str) -> None:
    for viewport in (DESKTOP, PHONE):
        with _visit(browser, watch, remote, viewport=viewport) as page:
            panel = page.locator("#consent")
            expect(panel).to_contain_text("May api.example.com write your replies?")
            for name in ("Use it", "Keep it built in"):
                expect(panel.get_by_role("button", name=name)).to_be_in_viewport(ratio=1)
            expect(page.get_by_label("Your message")).to_be_in_viewport(ratio=1)
            assert overflow(page) <= 0
            send(page, "Hello there.")
            expect(page.locator("#thread article.coach").last).to_contain_text("Written here.")
            panel.get_by_role("button", name="Use it").click()
            expect(panel.get_by_role("button")).to_have_count(0)
            expect(_where(page)).to_contain_text(
                "Your messages go to api.example.com (openai:big). Your notes: never. Change in Settings"
            )
            assert overflow(page) <= 0
            send(page, "Hello again.")
            expect(page.locator("#thread article.coach").last).to_contain_text("Written by the model.")
            page.reload()
            page.locator(".situation").wait_for()
            expect(panel.get_by_role("button")).to_have_count(0)


def test_keeping_it_built_in_is_remembered_until_it_is_changed_in_settings(
    browser: Browser, watch: Watch, remote: str
) -> None:
    with _visit(browser, watch, remote) as page:
        page.get_by_role("button", name="Keep it built in").click()
        expect(page.locator("#consent").get_by_role("button")).to_have_count(0)
        _where(page).get_by_role("link", name="Change in Settings").click()
        used = page.get_by_role("button", name=re.compile("^Use it"))
        expect(used).to_have_attribute("aria-pressed", "false")
        used.click()
        expect(page.get_by_role("button", name=re.compile("^Use it"))).to_have_attribute("aria-pressed", "true")
        expect(_where(page)).to_contain_text("Your messages go to api.example.com")
        page.get_by_role("link", name="Coach", exact=True).click()
        ready(page)
        send(page, "Hello.")
        expect(page.locator("#thread article.coach")).to_contain_text("Written by the model.")


# Settings


def test_the_settings_page_fits_and_its_choices_are_kept(browser: Browser, watch: Watch, remote: str) -> None:
    for viewport in (DESKTOP, PHONE):
        with _visit(browser, watch, remote, viewport=viewport) as page:
            page.goto(f"{remote}/settings")
            ask = page.get_by_role("button", name=re.compile("^Ask each time"))
            expect(ask).to_have_attribute("aria-pressed", "false")
            assert overflow(page) <= 0
            inside = "e => e.scrollWidth - e.clientWidth"
            assert page.locator("#settings").evaluate(inside) <= 0
            ask.focus()
            page.keyboard.press("Enter")
            expect(ask).to_have_attribute("aria-pressed", "true")
            expect(ask).to_be_focused()
            page.reload()
            expect(ask).to_have_attribute("aria-pressed", "true")
            expect(page.get_by_text("private: yes")).to_be_visible()
            expect(page.get_by_text("all-MiniLM-L6-v2")).to_be_visible()


def test_the_connection_is_tested_with_progress_and_a_sentence(browser: Browser, watch: Watch, remote: str) -> None:
    with _visit(browser, watch, remote) as page:
        page.goto(f"{remote}/settings")
        page.get_by_role("button", name="Test the connection").click()
        expect(page.locator("#connection .waiting")).to_contain_text("Asking openai:big")
        expect(page.locator("#connection .trouble")).to_contain_text("does not accept the key")
        expect(page.locator(".waiting")).to_have_count(0)
        expect(page.get_by_role("button", name="Test the connection")).to_be_visible()


def test_without_a_model_the_page_says_how_to_set_one_to_copy(browser: Browser, watch: Watch, address: str) -> None:
    for viewport in (DESKTOP, PHONE):
        with _visit(browser, watch, address, viewport=viewport) as page:
            page.context.grant_permissions(["clipboard-read", "clipboard-write"])
            page.goto(f"{address}/settings")
            setting = page.locator(".setting").first
            setting.get_by_role("button").click()
            expect(setting.get_by_text("Copied")).to_be_visible()
            assert page.evaluate("navigator.clipboard.readText()").splitlines() == [
                "export COACH_MODEL=openai:llama3.2",
                "export COACH_MODEL_URL=http://127.0.0.1:11434/v1",
            ]
            assert overflow(page) <= 0
            assert page.locator("#settings").evaluate("e => e.scrollWidth - e.clientWidth") <= 0


# A reply


def test_a_model_that_fails_is_told_of_and_asked_again(browser: Browser, watch: Watch, local: str) -> None:
    with _visit(browser, watch, local) as page:
        page.get_by_label("Your message").fill("Please fail.")
        page.get_by_role("button", name="Send").click()
        live = page.locator("#live article.coach")
        expect(live).to_contain_text("Half a thought")
        expect(live).to_contain_text(TOO_SLOW)
        expect(live).not_to_contain_text("Half a thought")
        reply = page.locator("#thread article.coach")
        expect(reply).to_contain_text("Built in.")
        expect(reply.locator(".how")).to_have_text(TOO_SLOW)
        expect(page.locator(".waiting")).to_have_count(0)
        page.get_by_label("Your message").fill("a draft")
        reply.get_by_role("button", name="Try again").dblclick()
        expect(page.locator("#thread article.coach")).to_have_count(2)
        expect(page.locator("#thread article.coach").last).to_contain_text("Written by the model.")
        expect(page.locator("#thread article.you")).to_have_text(["Please fail.", "Please fail."])
        expect(page.get_by_role("button", name="Try again")).to_have_count(0)
        expect(page.get_by_label("Your message")).to_have_value("a draft")


def test_stop_ends_the_model_and_leaves_what_it_wrote(browser: Browser, watch: Watch, local: str) -> None:
    with _visit(browser, watch, local) as page:
        page.get_by_label("Your message").fill("A long one.")
        page.get_by_role("button", name="Send").click()
        expect(page.locator("#live article.coach")).to_contain_text("Ask her. Ask her.")
        page.get_by_role("button", name="Stop").click()
        reply = page.locator("#thread article.coach")
        expect(reply).to_contain_text("Ask her. Ask her.")
        expect(reply).to_contain_text("Stopped here.")
        expect(page.get_by_role("button", name="Send")).to_be_visible()
        expect(page.get_by_role("button", name="Stop")).to_have_count(0)
        expect(page.locator(".waiting")).to_have_count(0)
        send(page, "Hello.")
        expect(reply.last).to_contain_text("Written by the model.")


def test_what_was_sent_and_changed_can_be_looked_at(browser: Browser, watch: Watch, local: str) -> None:
    for viewport in (DESKTOP, PHONE):
        with _visit(browser, watch, local, viewport=viewport) as page:
            send(page, "Hello.")
            page.get_by_text("What was sent").click()
            expect(page.locator(".sent .text")).to_contain_text("<b>Morgan</b>")
            page.get_by_text("What was changed").click()
            expect(page.locator(".changed")).to_contain_text("A link was taken out.")
            assert overflow(page) <= 0
            send(page, "And then?")
            page.get_by_role("button", name="What was sent").click()
            expect(page.locator("#sources .record .text")).to_be_in_viewport()
            expect(page.locator("#sources .record .text")).to_contain_text("<b>Morgan</b>")


def test_every_control_of_these_pages_has_a_name(browser: Browser, watch: Watch, remote: str) -> None:
    nameless = """() => [...document.querySelectorAll('#app button, #app a, #app summary')]
        .filter(e => e.checkVisibility() && !e.closest('[aria-hidden=true]'))
        .filter(e => !(e.innerText || e.getAttribute('aria-label') || '').trim()).map(e => e.outerHTML.slice(0, 200))"""
    with _visit(browser, watch, remote) as page:
        assert page.evaluate(nameless) == []
        page.goto(f"{remote}/settings")
        page.get_by_role("button", name="Test the connection").wait_for()
        page.wait_for_timeout(300)
        assert page.evaluate(nameless) == []


if __name__ == "__main__":
    main(*sys.argv[1:])
