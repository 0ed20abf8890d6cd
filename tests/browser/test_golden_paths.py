"""The three golden paths, in a browser, from the first sight of the page; nothing leaves the machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Watch, address_printed, ready, running, send, visiting, wait_for

pytestmark = pytest.mark.browser

NOTE = """# Session with Priya, 12 October

She seemed flat. When I asked about presenting to executives, she went quiet.

- Priya will talk to Dan about product work by the 20th of October.
"""
PASTED = """We just finished. Here are my notes from today.
Priya went quiet when I asked about her lead. She looked at the window for a while and then spoke about the weather.
I talked too much in the second half, about my own move, and watched her take notes.
- Priya will send me the case study by Friday."""


def mentor_the_night_before(page: Page) -> None:
    page.get_by_role("button", name="Prepare a session").click()
    page.get_by_role("button", name=re.compile("I meet Priya tomorrow")).click()
    expect(page.get_by_label("Your message")).to_have_value(re.compile("I meet Priya tomorrow"))
    page.get_by_role("button", name="Send").click()
    reply = page.locator("#thread article.coach")
    expect(reply).to_contain_text("A shape for the hour")
    assert len(re.findall("“[^”]+[?.]”", reply.inner_text())) >= 3

    page.locator("#thread .cite").first.click()
    source = page.locator("#sources details[open]")
    expect(source).to_have_count(1)
    mark = source.locator("mark")
    expect(mark).to_be_visible()
    assert mark.inner_text().strip() in source.locator("blockquote").inner_text()
    expect(source.locator(".byline")).not_to_be_empty()

    first = page.locator(".card").first
    asked = first.locator(".said").inner_text()
    first.get_by_role("button", name="Used", exact=True).click()
    expect(page.locator(".card").first.get_by_role("button", name="Undo")).to_be_visible()
    page.get_by_role("button", name="New conversation").click()
    expect(page.get_by_role("button", name="Prepare a session")).to_be_visible()
    send(page, "I meet Priya tomorrow, junior designer, thinks about product management. I'm nervous.")
    assert asked not in page.locator("#thread").inner_text()


def test_a_mentor_the_night_before(page: Page) -> None:
    mentor_the_night_before(page)


def test_the_command_serves_the_page_and_nothing_leaves_the_machine(browser: Browser, home: Path, watch: Watch) -> None:
    with running("-m", "coach", "serve", "--port", "0", home=home) as (process, log):
        address = address_printed(process, log)
        wait_for(address, process, log)
        with visiting(browser, watch, "unused") as page:
            page.goto(address)
            ready(page)
            expect(page.locator(".data")).to_contain_text(f"Your notes stay on this computer, in {home}.")
            mentor_the_night_before(page)
    assert watch.hosts() == {"127.0.0.1"}
    assert watch.complaints == []
    assert process.returncode == 0, log.read_text()
    said = log.read_text()
    assert said.count("\n") == 1, said
    assert "Priya" not in said


def test_a_mentee_clarifies_a_goal(page: Page) -> None:
    page.get_by_role("button", name="Clarify a goal").click()
    page.get_by_role("button", name=re.compile("I want to be better at leading")).click()
    page.get_by_role("button", name="Send").click()
    reply = page.locator("#thread article.coach")
    expect(reply).to_contain_text("I want to be better at leading people")
    expect(page.locator("select[data-do=role]")).to_have_value("mentee")
    expect(page.locator("select[data-do=intent]")).to_have_value("clarify-goal")
    page.locator(".follow-ups button").first.click()
    expect(page.locator("#thread article.coach")).to_have_count(2)


def test_notes_are_dropped_and_the_next_session_begins_from_them(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "priya-october.md"
    file.write_text(NOTE, encoding="utf-8")
    page.get_by_role("link", name="Notes").click()
    page.locator("#drop input[type=file]").set_input_files(file)
    expect(page.locator(".results")).to_contain_text("priya-october.md was added as “Session with Priya")
    expect(page.locator(".listing")).to_contain_text("with Priya")
    page.get_by_role("link", name="Coach").click()
    ready(page)
    send(page, "I see Priya again tomorrow. She seemed flat last time.")
    reply = page.locator("#thread article.coach")
    expect(reply).to_contain_text("Priya will talk to Dan about product work by the 20th of October")
    expect(reply).to_contain_text("12 October")
    page.locator("#thread .cite").first.click()
    expect(page.locator("#sources details.note[open] mark")).to_have_text(
        "Priya will talk to Dan about product work by the 20th of October."
    )
    page.get_by_role("link", name="Open the whole note").click()
    expect(page.locator(".reading .text")).to_contain_text("presenting to executives")


def test_a_session_is_reflected_on_from_pasted_notes(page: Page) -> None:
    page.get_by_role("button", name="Reflect on a session").click()
    expect(page.locator(".example")).to_be_visible()
    send(page, PASTED)
    reply = page.locator("#thread article.coach")
    expect(reply).to_contain_text("Priya went quiet when I asked about her lead")
    expect(reply).to_contain_text("case study by Friday")
