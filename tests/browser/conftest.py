"""Headless Chromium and real servers. Each test has a page of its own, an owner of its own, and a log of every request."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

CHROMIUM_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
TIMEOUT_MS = 20_000

_owners = count()


@contextmanager
def running(*command: str, home: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A server process and the file that its output goes to; ended as with Ctrl-C."""
    log = home.parent / f"{home.name}.log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COACH_")}
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, *command],
            env={**environment, "COACH_HOME": str(home), "PYTHONUNBUFFERED": "1"},
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield process, log
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)


def wait_for(address: str, process: subprocess.Popen[str], log: Path) -> None:
    """Until something listens there."""
    parts = urlsplit(address)
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        try:
            socket.create_connection((parts.hostname, parts.port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"nothing answered at {address}: {log.read_text()}")


def address_printed(process: subprocess.Popen[str], log: Path) -> str:
    """The address in the first line that `coach serve` prints."""
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        match = re.search(r"http://\S+", log.read_text())
        if match:
            return match[0]
        time.sleep(0.1)
    raise AssertionError(f"no address was printed: {log.read_text()}")


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@dataclass
class Watch:
    """What a page did besides what it showed."""

    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def over(self, context: BrowserContext) -> None:
        context.on("request", lambda request: self.requests.append(request.url))
        context.on("console", self._heard)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def hosts(self) -> set[str]:
        """Host names of all requests; data and blob addresses leave nothing."""
        return {urlsplit(url).hostname or "" for url in self.requests if not url.startswith(("data:", "blob:"))}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    path = shutil.which("chromium")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("chromium is not installed: apt-get install chromium")
        pytest.skip("chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def address(library_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running page on the real library."""
    home = tmp_path_factory.mktemp("served") / "home"
    shutil.copytree(library_home, home)
    port = free_port()
    with running("-m", "tests.browser.serve", str(home), str(port), home=home) as (process, log):
        wait_for(f"http://127.0.0.1:{port}", process, log)
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def watch() -> Watch:
    """The log of one test."""
    return Watch()


@contextmanager
def visiting(browser: Browser, watch: Watch, owner: str, **options: Any) -> Iterator[Page]:
    """A page of an owner in a browser profile of its own."""
    context = browser.new_context(**{"viewport": DESKTOP, **options})
    context.add_cookies([{"name": "owner", "value": owner, "domain": "127.0.0.1", "path": "/"}])
    watch.over(context)
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    yield page
    context.close()


@pytest.fixture
def page(browser: Browser, address: str, watch: Watch) -> Iterator[Page]:
    """The coach's page of a new owner; at the end nothing has left the machine and nothing has complained."""
    with visiting(browser, watch, f"browser-{next(_owners)}") as opened:
        opened.goto(address)
        ready(opened)
        yield opened
    assert watch.hosts() == {"127.0.0.1"}
    assert watch.complaints == []


def ready(page: Page) -> None:
    """Waits until the library has been read and the page shows it."""
    page.get_by_role("button", name="New conversation").wait_for()
    page.locator(".situation").wait_for()


def send(page: Page, text: str) -> None:
    """Write a message and wait for the whole reply."""
    before = page.locator("article.you").count()
    page.get_by_label("Your message").fill(text)
    page.get_by_role("button", name="Send").click()
    page.wait_for_function(
        "count => document.querySelectorAll('#thread article.you').length > count"
        " && !document.querySelector('#live article')",
        arg=before,
    )


def overflow(page: Page) -> int:
    """Pixels by which the page is wider than the window."""
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))
