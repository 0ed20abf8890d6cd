"""Takes pictures of the page: `python -m tests.browser.screenshots FOLDER`, every state, two sizes, light and dark.

With `--readme FILE` it takes the one of the README only.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.conftest import (
    CHROMIUM_ARGUMENTS,
    DESKTOP,
    PHONE,
    Watch,
    free_port,
    ready,
    running,
    send,
    visiting,
    wait_for,
)

MENTOR = "I meet Priya tomorrow, junior designer, thinks about product management. I'm nervous."
FLAT = "I see Priya again tomorrow. She seemed flat last time."


def main() -> None:
    """Serve, visit, take pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("screenshots"))
    parser.add_argument("--readme", type=Path, help="take only the README's picture, into this file")
    arguments = parser.parse_args()
    executable = shutil.which("chromium")
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        home, port = Path(place) / "home", free_port()
        address = f"http://127.0.0.1:{port}"
        with running("-m", "tests.browser.serve", str(home), str(port), home=home) as (process, log):
            wait_for(address, process, log)
            browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGUMENTS)
            if arguments.readme:
                _readme(browser, address, arguments.readme)
            else:
                arguments.folder.mkdir(parents=True, exist_ok=True)
                for name, viewport in (("desktop", DESKTOP), ("phone", PHONE)):
                    for scheme in ("light", "dark"):
                        _all_states(browser, address, arguments.folder, name, viewport, scheme)
            browser.close()


def _readme(browser: Browser, address: str, file: Path) -> None:
    with visiting(browser, Watch(), "readme") as page:
        page.goto(address)
        page.set_default_timeout(300_000)
        ready(page)
        _with_examples(page)
        send(page, FLAT)
        page.locator("#thread .cite").first.click()
        page.locator("#sources details[open] mark").wait_for()
        page.wait_for_timeout(400)
        file.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=file)


def _all_states(browser: Browser, address: str, folder: Path, size: str, viewport: Any, scheme: Any) -> None:
    with visiting(browser, Watch(), f"{size}-{scheme}", viewport=viewport, color_scheme=scheme) as page:
        page.goto(address)
        page.set_default_timeout(300_000)
        page.locator(".situation").wait_for()

        def take(name: str) -> None:
            page.wait_for_timeout(500)
            page.screenshot(path=folder / f"{size}-{scheme}-{name}.png")

        take("1-first-sight")
        page.get_by_role("button", name="Prepare a session").click()
        take("2-door")
        send(page, MENTOR)
        take("3-plan")
        page.get_by_role("button", name="Save to plan").first.click()
        page.get_by_role("button", name="Not for me").nth(1).click()
        page.locator(".card.rejected").wait_for()
        page.locator(".follow-ups").scroll_into_view_if_needed()
        take("4-cards")
        page.locator("#thread .cite").first.click()
        take("5-source")
        if size == "phone":
            page.keyboard.press("Escape")
            page.get_by_role("button", name="Chats").click()
        page.locator("#rail summary").first.click()
        take("6-conversations")
        page.get_by_role("button", name="New conversation").click()
        page.goto(f"{address}/notes")
        page.locator(".listing").wait_for()
        take("7-no-notes")
        page.get_by_role("button", name="try it with example notes").click()
        page.locator(".listing li").first.wait_for()
        take("8-notes")
        page.locator(".listing .open").first.click()
        take("9-note")
        page.get_by_role("button", name="Edit").click()
        take("10-edit")
        page.goto(address)
        page.locator(".situation").wait_for()
        send(page, FLAT)
        page.locator("#thread .cite").first.click()
        take("11-note-source")


def _with_examples(page: Page) -> None:
    page.get_by_role("button", name="Try it with example notes").click()
    page.get_by_role("button", name="Remove the example notes").wait_for()


if __name__ == "__main__":
    main()
