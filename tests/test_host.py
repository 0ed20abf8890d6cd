"""The host: who is answered, what every answer carries, whose files can be saved, what a start says."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.testclient import TestClient

from coach.bootstrap import Coach
from coach.config import Settings
from coach.domain.errors import CoachError, ConfigurationError, DataFolderBusy
from coach.domain.people import Owner
from coach.ports import Progress
from coach.ui.gate import hosts_answered, policy
from coach.ui.host import build_app, serve
from coach.ui.opening import Opening

BASE = "http://127.0.0.1:7860"


def by_header(request: Request) -> Owner:
    return Owner(request.headers.get("x-owner", "nobody"))


@pytest.fixture(scope="module")
def client(coach: Coach) -> Iterator[TestClient]:
    app = build_app(coach.settings, lambda _: nullcontext(coach), identify=by_header)
    with TestClient(app, base_url=BASE) as opened:
        while opened.get("/plans/general.md").status_code == 503:
            time.sleep(0.01)
        yield opened


# What every answer carries


@pytest.mark.parametrize(
    "path", ["/", "/notes", "/static-coach/coach.js", "/config", "/gradio_api/info", "/nothing-here"]
)
def test_every_answer_forbids_what_the_page_does_not_need(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    rules = headers["content-security-policy"]
    assert "default-src 'self'" in rules
    assert "img-src 'self' data: blob:" in rules
    assert "connect-src 'self'" in rules
    assert "frame-ancestors 'none'" in rules
    scripts = re.search(r"script-src ([^;]*)", rules)
    assert scripts is not None
    assert "unsafe" not in scripts[1]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_each_inline_script_of_the_page_is_allowed_by_its_own_digest(client: TestClient) -> None:
    page = client.get("/")
    inline = re.findall(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", page.content, re.DOTALL)
    assert inline
    assert page.headers["content-security-policy"].count("'sha256-") == len(inline)


@given(st.binary())
def test_a_script_that_is_not_in_the_page_is_not_allowed(script: bytes) -> None:
    ours = policy(b"<script>ours()</script>")
    if b"<" not in script and script != b"ours()":
        assert policy(b"<script>" + script + b"</script>") != ours


def test_pages_and_static_files_answer(client: TestClient) -> None:
    for path in ("/", "/notes", "/static-coach/coach.css", "/static-coach/coach.svg"):
        assert client.get(path).status_code == 200


def test_nothing_on_the_page_is_loaded_from_elsewhere(client: TestClient) -> None:
    for path in ("/", "/notes", "/theme.css", "/static-coach/coach.css"):
        loads = re.findall(
            r"""(?:src|href)=["'](https?:)?//([^"'/]+)|url\(\s*["']?(https?:)?//([^)"'/]+)""", client.get(path).text
        )
        assert not [found for found in loads if "127.0.0.1" not in "".join(found)], path


# Who is answered


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "localhost.evil.example:7860", "[", "user@evil.example"]
)
def test_another_host_name_is_refused(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:7860", "127.0.0.1:1", "[::1]:7860"])
def test_loopback_is_answered_under_each_of_its_names(client: TestClient, host: str) -> None:
    assert client.get("/static-coach/coach.svg", headers={"host": host}).status_code == 200


def test_the_configured_host_is_answered_and_every_address_means_this_machine() -> None:
    assert "coach.home" in hosts_answered("coach.home")
    assert socket.gethostname().lower() in hosts_answered("0.0.0.0")
    assert "0.0.0.0" not in hosts_answered("0.0.0.0")


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "https://localhost"])
def test_a_change_asked_for_by_another_page_is_refused(client: TestClient, origin: str) -> None:
    answer = client.post("/gradio_api/queue/join", json={}, headers={"origin": origin})
    assert answer.status_code == 403


def test_a_change_asked_for_by_another_site_without_an_origin_is_refused(client: TestClient) -> None:
    headers = {"sec-fetch-site": "cross-site"}
    assert client.post("/gradio_api/queue/join", json={}, headers=headers).status_code == 403


def test_the_page_itself_may_ask(client: TestClient) -> None:
    answer = client.post("/gradio_api/queue/join", json={}, headers={"origin": BASE})
    assert answer.status_code not in (403, 421)


@pytest.mark.parametrize(
    "path",
    ["/gradio_api/file=/etc/passwd", "/gradio_api/file=x", "/gradio_api/proxy=http://evil.example", "/monitoring"],
)
def test_what_the_page_does_not_use_of_gradio_is_shut(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/redoc"])
def test_there_is_no_description_of_endpoints(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_no_event_of_the_page_is_an_endpoint_for_programs(client: TestClient) -> None:
    assert client.get("/gradio_api/info").json()["named_endpoints"] == {}


# Files to save


def test_a_conversation_is_saved_by_its_owner_only(client: TestClient, coach: Coach) -> None:
    ada = Owner("host-ada")
    conversation = coach.store.start_conversation(owner=ada, title="On “Priya” / and\nmore")
    coach.store.add_message(conversation.id, "user", "I meet her tomorrow.", owner=ada)
    path = f"/conversations/{conversation.id}.md"
    mine = client.get(path, headers={"x-owner": "host-ada"})
    assert mine.status_code == 200
    assert "I meet her tomorrow." in mine.text
    assert mine.headers["content-type"].startswith("text/markdown")
    assert mine.headers["content-disposition"].startswith("attachment;")
    assert mine.headers["cache-control"] == "no-store"
    theirs, unknown = (client.get(p, headers={"x-owner": "host-ben"}) for p in (path, "/conversations/none.md"))
    assert (theirs.status_code, theirs.text) == (unknown.status_code, unknown.text) == (404, "Not found.")


def test_a_plan_is_saved_by_its_owner_only(client: TestClient, coach: Coach) -> None:
    ada = Owner("host-ada")
    person = coach.store.add_relationship("Priya", owner=ada)
    coach.store.save_to_plan("What pulls at you?", owner=ada, relationship_id=person.id)
    coach.store.save_to_plan("What else?", owner=ada, relationship_id=None)
    path = f"/plans/{person.id}.md"
    assert "- What pulls at you?" in client.get(path, headers={"x-owner": "host-ada"}).text
    assert "What else?" in client.get("/plans/general.md", headers={"x-owner": "host-ada"}).text
    assert client.get(path, headers={"x-owner": "host-ben"}).status_code == 404
    assert "What else?" not in client.get("/plans/general.md", headers={"x-owner": "host-ben"}).text


# Starting


def test_the_page_answers_while_the_library_is_still_being_read(coach: Coach) -> None:
    may_open = threading.Event()

    @contextmanager
    def slowly(progress: Progress | None) -> Iterator[Coach]:
        assert progress is not None
        progress("Reading the library", 120, 900)
        may_open.wait(10)
        yield coach

    opening = Opening(slowly)
    opening.begin()
    while "120" not in opening.status:
        time.sleep(0.005)
    assert opening.status == "Reading the library… 120 of 900"
    assert opening.coach() is None
    assert not opening.is_settled
    may_open.set()
    assert opening.coach(timeout_s=5) is coach
    assert opening.status == ""
    opening.close()

    app = build_app(coach.settings, slowly)
    may_open.clear()
    with TestClient(app, base_url=BASE) as client:
        assert client.get("/").status_code == 200
        assert client.get("/plans/general.md").status_code == 503
        may_open.set()


def test_closing_ends_an_opening_that_is_under_way(coach: Coach) -> None:
    has_begun = threading.Event()

    @contextmanager
    def endless(progress: Progress | None) -> Iterator[Coach]:
        assert progress is not None
        has_begun.set()
        for done in range(1_000):
            progress("Reading the library", done, 1_000)
            time.sleep(0.01)
        yield coach

    told: list[CoachError] = []
    opening = Opening(endless, on_failure=told.append)
    opening.begin()
    has_begun.wait(5)
    started = time.monotonic()
    opening.close()
    assert time.monotonic() - started < 5
    assert not told


def test_a_coach_that_cannot_be_opened_says_why() -> None:
    def never(_: Progress | None) -> AbstractContextManager[Coach]:
        raise DataFolderBusy("Another coach is using it.")

    told: list[CoachError] = []
    opening = Opening(never, on_failure=told.append)
    opening.begin()
    with pytest.raises(DataFolderBusy, match="Another coach"):
        opening.coach(timeout_s=5)
    assert opening.status == "Another coach is using it."
    assert len(told) == 1


def test_an_unforeseen_failure_to_open_is_told_without_its_text() -> None:
    def broken(_: Progress | None) -> AbstractContextManager[Coach]:
        raise ZeroDivisionError("secret")

    opening = Opening(broken)
    opening.begin()
    with pytest.raises(CoachError, match="ZeroDivisionError") as raised:
        opening.coach(timeout_s=5)
    assert "secret" not in str(raised.value)


def test_a_port_that_is_taken_is_a_clear_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"Port {port} on 127\.0\.0\.1 cannot be used .*--port"):
            serve(Settings(home=tmp_path, port=port))


def test_building_the_pages_imports_no_heavy_part_of_the_coach() -> None:
    program = (
        "import sys; from pathlib import Path; from coach.config import Settings; from coach.ui.host import build_app;"
        "build_app(Settings(home=Path('unused')));"
        "print([name for name in ('chromadb', 'onnxruntime', 'sqlalchemy', 'langchain_core') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
