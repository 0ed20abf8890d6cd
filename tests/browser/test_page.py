"""The page in a browser: streaming and stopping, buttons and undo, two owners, narrow screens, keyboard, safety."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PHONE, Watch, overflow, ready, send, visiting

pytestmark = pytest.mark.browser

MENTOR = "I meet Priya tomorrow, junior designer, thinks about product management. I'm nervous."


def test_a_first_sight_shows_what_this_is_three_doors_and_the_box_without_scrolling(
    browser: Browser, address: str, watch: Watch
) -> None:
    for viewport in ({"width": 1280, "height": 800}, PHONE):
        with visiting(browser, watch, "first-sight", viewport=viewport) as page:
            page.goto(address)
            ready(page) if viewport is not PHONE else page.locator(".situation").wait_for()
            for place in (
                page.get_by_role("heading", level=1),
                page.get_by_role("button", name="Prepare a session"),
                page.get_by_role("button", name="Clarify a goal"),
                page.get_by_role("button", name="Reflect on a session"),
                page.locator(".data"),
                page.get_by_label("Your message"),
            ):
                expect(place).to_be_in_viewport(ratio=1)
            assert overflow(page) <= 0


def test_stop_leaves_what_has_been_written(page: Page) -> None:
    page.get_by_label("Your message").fill(MENTOR)
    page.get_by_role("button", name="Send").click()
    page.locator("#live article.coach p:not(.waiting)").first.wait_for()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#thread")).to_contain_text("Stopped here.")
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    page.get_by_role("button", name="Show the whole reply").click()
    expect(page.locator(".follow-ups")).to_be_visible()


def test_an_empty_message_hints_and_a_double_click_sends_once(page: Page) -> None:
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#notice")).to_contain_text("Write a sentence or two first")
    page.get_by_label("Your message").fill(MENTOR)
    page.get_by_role("button", name="Send").dblclick(no_wait_after=True)
    expect(page.locator(".follow-ups")).to_be_visible()
    page.wait_for_timeout(300)
    expect(page.locator("article.you")).to_have_count(1)
    expect(page.locator("#rail-list li")).to_have_count(1)


def test_a_question_is_copied_saved_and_taken_out_again(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    send(page, MENTOR)
    card = page.locator(".card").first
    text = card.locator(".said").inner_text().strip("“”")
    card.get_by_role("button", name="Copy").click()
    expect(card.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == text
    card.get_by_role("button", name="Save to plan").click()
    expect(page.locator("#plan li")).to_contain_text(text)
    with page.expect_download() as download:
        page.locator("#plan").get_by_role("link", name="Save as Markdown").click()
    assert Path(download.value.path()).read_text(encoding="utf-8") == f"# Plan\n\n- {text}\n"
    page.locator("#notice").get_by_role("button", name="Undo").click()
    expect(page.locator("#plan li")).to_have_count(0)


def test_a_correction_by_picker_is_answered_again(page: Page) -> None:
    send(page, MENTOR)
    page.locator("select[data-do=role]").select_option("mentee")
    expect(page.locator("#notice")).to_contain_text("Noted")
    page.get_by_role("button", name="Answer again").click()
    expect(page.locator("#thread article.you")).to_have_count(2)
    expect(page.locator("select[data-do=role]")).to_have_value("mentee")


def test_somebody_new_is_added_by_the_picker(page: Page) -> None:
    page.locator("select[data-do=person]").select_option("+")
    page.get_by_label("Their name").fill("Tom")
    page.keyboard.press("Enter")
    expect(page.locator("select[data-do=person] option:checked")).to_have_text("Tom")
    expect(page.locator("#plan h2")).to_have_text("Your plan with Tom")


def test_a_conversation_is_renamed_saved_reopened_after_a_reload_and_deleted(page: Page) -> None:
    send(page, MENTOR)
    expect(page).to_have_url(re.compile(r"\?c="))
    page.reload()
    expect(page.locator("#thread article.coach")).to_contain_text("A shape for the hour")
    page.locator("#rail summary").first.click()
    page.get_by_label("Name", exact=True).fill("Before <b>Priya</b>")
    page.get_by_role("button", name="Rename").click()
    expect(page.locator("#rail .title")).to_have_text("Before <b>Priya</b>")
    page.locator("#rail summary").first.click()
    with page.expect_download() as download:
        page.locator("#rail").get_by_role("link", name="Save as Markdown").click()
    assert "A shape for the hour" in Path(download.value.path()).read_text(encoding="utf-8")
    page.locator("#rail").get_by_text("Delete…").click()
    page.get_by_role("button", name="Delete this conversation").click()
    expect(page.locator("#rail-list li")).to_have_count(0)
    expect(page.get_by_role("button", name="Prepare a session")).to_be_visible()
    assert "?c=" not in page.url


def test_two_owners_do_not_see_each_other(browser: Browser, address: str, watch: Watch) -> None:
    with visiting(browser, watch, "ada-in-browser") as ada, visiting(browser, watch, "ben-in-browser") as ben:
        for page in (ada, ben):
            page.goto(address)
            ready(page)
        ada.get_by_role("button", name="Try it with example notes").click()
        expect(ada.get_by_role("button", name="Remove the example notes")).to_be_visible()
        send(ada, MENTOR)
        expect(ada).to_have_url(re.compile(r"\?c="))
        conversation_id = ada.url.partition("?c=")[2]
        ben.goto(f"{address}/?c={conversation_id}")
        ready(ben)
        expect(ben.get_by_role("button", name="Prepare a session")).to_be_visible()
        assert "Priya" not in ben.locator("body").inner_text()
        assert ben.request.get(f"{address}/conversations/{conversation_id}.md").status == 404
        assert ada.request.get(f"{address}/conversations/{conversation_id}.md").status == 200
        ben.goto(f"{address}/notes")
        expect(ben.locator(".listing")).to_contain_text("No notes yet")


def test_two_tabs_of_one_owner_keep_their_conversations_apart(page: Page, address: str) -> None:
    other = page.context.new_page()
    other.goto(address)
    ready(other)
    send(page, MENTOR)
    send(other, "I want to be better at leading people but I don't know where to start.")
    send(page, "Just one question")
    assert "leading" not in page.locator("#thread").inner_text()
    assert "Priya" not in other.locator("#thread").inner_text()


def test_a_note_is_deleted_with_undo(page: Page, address: str) -> None:
    page.goto(f"{address}/notes")
    page.get_by_role("button", name="try it with example notes").click()
    expect(page.locator(".listing li")).to_have_count(3)
    page.locator(".listing .open").first.click()
    title = page.locator(".reading h2").inner_text()
    page.get_by_role("button", name="Delete").click()
    expect(page.locator(".listing li")).to_have_count(2)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".listing li")).to_have_count(3)
    expect(page.locator(".reading h2")).to_have_text(title)
    page.get_by_role("button", name="Remove the example notes").click()
    expect(page.locator(".listing")).to_contain_text("No notes yet")


def test_notes_are_pasted_searched_and_edited(page: Page, address: str) -> None:
    page.goto(f"{address}/notes")
    page.get_by_text("Or paste them").click()
    page.get_by_label("Your notes", exact=True).fill("# Coffee with Tom\n\nHe keeps bees.\n\nWe spoke about the grant.")
    page.get_by_label("Date").first.fill("2026-11-02")
    page.get_by_role("button", name="Save notes").click()
    expect(page.locator(".results")).to_contain_text("Your notes were added as “Coffee with Tom”: 2 November")
    page.get_by_label("Search your notes").fill("grant")
    page.keyboard.press("Enter")
    expect(page.locator(".found mark")).to_have_text("We spoke about the grant.")
    page.locator(".found .open").first.click()
    expect(page.locator(".reading mark")).to_have_text("We spoke about the grant.")
    page.get_by_role("button", name="Edit").click()
    page.locator(".editing textarea").fill("He keeps goats now.")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".reading .text")).to_have_text("He keeps goats now.")


def test_what_a_note_holds_cannot_run_or_reach_out(page: Page, address: str, watch: Watch, tmp_path: Path) -> None:
    nasty = "<img src=x onerror=document.title='owned'> ![](http://evil.example/a.png) [x](javascript:alert(1))"
    file = tmp_path / "<b>Priya<b> note.md"
    file.write_text(f"# Session with Priya, 12 October\n\nPriya will send {nasty} by Friday.\n", encoding="utf-8")
    page.goto(f"{address}/notes")
    page.locator("#drop input[type=file]").set_input_files(file)
    expect(page.locator(".results")).to_contain_text("was added")
    page.locator(".listing .open").first.click()
    expect(page.locator(".reading .text")).to_contain_text(nasty)
    page.goto(address)
    ready(page)
    send(page, f"I see Priya again tomorrow. {nasty}")
    page.locator("#thread .cite").first.click()
    expect(page.locator("#sources details[open] mark")).to_be_visible()
    assert page.locator("#app img").count() == 0
    assert page.title() == "Session coach"
    assert not [url for url in watch.requests if "evil" in url]


def test_a_phone_has_no_sideways_scroll_and_opens_its_drawers(browser: Browser, address: str, watch: Watch) -> None:
    with visiting(browser, watch, "phone", viewport=PHONE, has_touch=True, is_mobile=True) as page:
        page.goto(address)
        page.locator(".situation").wait_for()
        send(page, MENTOR)
        assert overflow(page) <= 0
        page.locator("#thread .cite").first.click()
        expect(page.locator("#sources details[open] mark")).to_be_in_viewport()
        page.keyboard.press("Escape")
        expect(page.locator("#panel")).not_to_be_in_viewport()
        page.get_by_role("button", name="Chats").click()
        expect(page.get_by_role("button", name="New conversation")).to_be_in_viewport()
        page.goto(f"{address}/notes")
        expect(page.get_by_text("Or paste them")).to_be_visible()
        page.get_by_text("Or paste them").click()
        assert overflow(page) <= 0
    assert watch.complaints == []


def test_the_way_from_door_to_source_needs_no_mouse(page: Page) -> None:
    page.get_by_role("button", name="Prepare a session").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Your message")).to_be_focused()
    page.keyboard.type(MENTOR)
    page.keyboard.press("Enter")
    expect(page.locator(".follow-ups")).to_be_visible()
    page.locator(".card").first.get_by_role("button", name="Used", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.locator(".card").first.get_by_role("button", name="Undo")).to_be_focused()
    cite = page.locator("#thread .cite").first
    cite.focus()
    page.keyboard.press("Space")
    expect(page.locator("#sources details[open] summary")).to_be_focused()


def test_every_control_has_a_name(page: Page, address: str) -> None:
    send(page, MENTOR)
    nameless = """() => [...document.querySelectorAll('#app button, #app a, #app select, #app input, #app textarea, #app summary')]
        .filter(e => e.checkVisibility() && !e.closest('[aria-hidden=true]'))
        .filter(e => !(e.innerText || e.getAttribute('aria-label') || e.labels?.[0]?.innerText || '').trim())
        .map(e => e.outerHTML.slice(0, 200))"""
    assert page.evaluate(nameless) == []
    page.goto(f"{address}/notes")
    page.locator(".listing").wait_for()
    assert [html for html in page.evaluate(nameless) if 'type="file"' not in html] == []
